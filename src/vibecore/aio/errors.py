"""What only the async face can be used wrongly for."""

from __future__ import annotations

from vibecore.domain.errors import VibecoreError


class WrongEventLoop(VibecoreError, RuntimeError):
    """An installation was opened on one event loop and called on another; every loop opens its own."""

    def __init__(self) -> None:
        super().__init__("this installation was opened on another event loop: call connect_async on each loop")
