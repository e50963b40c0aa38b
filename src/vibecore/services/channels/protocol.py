"""What a channel is: something that tells one message to one user, and says whether it did."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, NoReturn, Protocol
from uuid import UUID

from vibecore.domain.deliveries import Delivery
from vibecore.domain.errors import InvalidValue
from vibecore.domain.notification_types import check_channel
from vibecore.domain.notifications import Notification, Schedule
from vibecore.domain.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """Where a webhook goes and what signs it. Neither is in repr, and it is neither pickled nor copied."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("the target of a webhook holds a secret and is not pickled or copied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom a message is for. `webhook` is None where the user has none, or its secret cannot be read."""

    user: User = field(repr=False)
    webhook: WebhookTarget | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One or, as a digest, several notifications for one user, the oldest first.

    `id` is the same for each try to tell the same, and another where anything was added: a receiver that knows it has
    the message. `sent_at` is the moment of this try.
    """

    id: UUID
    recipient: Recipient
    schedule: Schedule
    items: tuple[Notification, ...]
    sent_at: datetime
    public_url: str


class DeliveryFailed(Exception):
    """A channel could not tell a message. `temporary`: it may later, not before `retry_after` seconds where the
    receiver said so. `reason` is a short text of ours, without address, content or what the receiver said."""

    def __init__(self, reason: str, *, temporary: bool = True, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.temporary = temporary
        self.retry_after = retry_after


class Channel(Protocol):
    """Where messages leave. It is called outside of any unit of work, from any number of threads, for at most one
    message of a user and schedule at a time."""

    @property
    def name(self) -> str:
        """What preferences call it: a-z, 0-9, _ and -, at most 50; each channel of an installation has another."""
        ...

    def reaches(self, recipient: Recipient, /) -> bool:
        """Whether there is a way to this user at all. Asks nobody: no network, no store."""
        ...

    def deliver(self, message: Message, /) -> None:
        """Tell the message; return once it is told. DeliveryFailed says whether trying again may help; any other error
        counts as one that may pass. It must return within 30 seconds: a claim is for five minutes."""
        ...


def check_channels(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """The channels of an installation; InvalidValue (`channels`) for what is none, and for two of one name."""
    if not isinstance(channels, Iterable):
        raise InvalidValue("channels", f"must be a list of channels, not {type(channels).__name__}")
    found = tuple(channels)
    for channel in found:
        if not all(callable(getattr(channel, name, None)) for name in ("reaches", "deliver")):
            raise InvalidValue("channels", f"must have the methods reaches and deliver: {type(channel).__name__}")
        check_channel(getattr(channel, "name", None))
    if len({channel.name for channel in found}) < len(found):
        raise InvalidValue("channels", "has two of one name")
    return found


def message_id(first: Delivery, items: Iterable[Notification]) -> UUID:
    """The id of a message that tells these notifications as they are now."""
    parts = [first.channel, *(f"{item.id}/{item.occurred_at.isoformat()}/{item.occurrences}" for item in items)]
    return UUID(bytes=sha256("\n".join(parts).encode()).digest()[:16])


SHORT: Final = re.compile(r"[ -~]{1,200}", re.ASCII)
"""What a reason of a failure may look like."""


def short_reason(reason: str) -> str:
    """`reason` as it may be stored and logged: one short line of ASCII."""
    return reason if SHORT.fullmatch(reason) else "the channel gave no usable reason"
