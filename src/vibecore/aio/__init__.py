"""The async face: every service method, awaited on an event loop. `connect_async` opens it; extra `async`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vibecore.aio.connect import connect_async

if TYPE_CHECKING:
    from vibecore.aio.services import AsyncServices
    from vibecore.aio.vibe import AsyncVibe

__all__ = ["AsyncServices", "AsyncVibe", "connect_async"]


def __getattr__(name: str) -> object:
    # Fetched on first use: these need greenlet, and `vibecore.connect_async` has to be there to say so.
    if name == "AsyncVibe":
        from vibecore.aio.vibe import AsyncVibe

        return AsyncVibe
    if name == "AsyncServices":
        from vibecore.aio.services import AsyncServices

        return AsyncServices
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
