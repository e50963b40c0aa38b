"""Channels for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vibecore.services.channels.local import MemoryChannel
from vibecore.services.channels.protocol import DeliveryFailed, Message, Recipient

Trouble = Callable[[Message], Exception | None]


class TroubledChannel(MemoryChannel):
    """A channel that fails with what `trouble` says of a message, and keeps the others.

    With `webhooks` it reaches users who have a webhook, as the real one does.
    """

    def __init__(self, trouble: Trouble, name: str = "troubled", *, webhooks: bool = False) -> None:
        super().__init__(name)
        self.trouble = trouble
        self._webhooks = webhooks

    def reaches(self, recipient: Recipient, /) -> bool:
        return not self._webhooks or recipient.webhook is not None

    def deliver(self, message: Message, /) -> None:
        error = self.trouble(message)
        if error is not None:
            raise error
        super().deliver(message)


MOODS: Final = (None, None, None, "passing", "later", "gone", "raises")


def moody(message: Message, /) -> Exception | None:
    """Whether a message fails, and how, by its id and moment: the same on every backend, and another the next time."""
    match MOODS[(message.id.int ^ (int(message.sent_at.timestamp()) >> 4)) % len(MOODS)]:
        case "passing":
            return DeliveryFailed("not now")
        case "later":
            return DeliveryFailed("too many", retry_after=3600.0)
        case "gone":
            return DeliveryFailed("nobody is there", temporary=False)
        case "raises":
            return RuntimeError("a channel of an application broke")
        case _:
            return None
