"""Notifications and the outbox behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from vibecore.domain.deliveries import Delivery
from vibecore.domain.notifications import Notification
from vibecore.domain.webhooks import NotificationWebhook
from vibecore.repositories.tables import Children


class Notifications(Children[Notification], Protocol):
    def tell(self, notices: Sequence[Notification], /) -> None:
        """Store each, in one statement, which can be part of a batch.

        Where the user has one of this type and `dedup_key` already, that one is renewed instead: `title`, `message`,
        `data` and `occurred_at` become the new ones, it is unread and pending, `occurrences` counts on, or begins again
        at 1 where it had been read; it keeps `id` and `created_at`. Two notices for one of those are InvalidValue
        (`dedup_key`). Raises AlreadyExists, MissingReference.
        """
        ...

    def mark(self, user_id: UUID, ids: Iterable[UUID], /, *, read: bool) -> int:
        """Mark those of the user's that are not so already as read at `now`, or as unread; how many changed."""
        ...

    def mark_until(self, user_id: UUID, moment: datetime, /) -> int:
        """Mark as read at `now` all unread ones of the user that occurred at or before `moment`; how many."""
        ...

    def awaiting(self, limit: int, /) -> Sequence[UUID]:
        """Users with pending notifications, those with the oldest `occurred_at` first, then by id; at most `limit`
        (1 to 1000)."""
        ...

    def purge(self, moment: datetime, /) -> int:
        """Remove, in one statement and of all users, those that were read before `moment`; how many."""
        ...


class Webhooks(Children[NotificationWebhook], Protocol):
    def following(self, id: UUID | None, limit: int, /) -> Sequence[NotificationWebhook]:
        """Those of all users with a greater id (None: any), by id; at most `limit` (1 to 1000)."""
        ...


class Deliveries(Children[Delivery], Protocol):
    """`claim`, `complete` and `fail` decide by themselves: `Mode.SINGLE` accepts them."""

    def claim(self, lease: UUID, until: datetime, channels: Iterable[str], limit: int, /) -> Sequence[Delivery]:
        """Give to `lease`, until `until`, what can be told now; in the order of `due_at`, user and id.

        Of each lane, that is user, channel and schedule, the pending delivery with the least (place, id) is the
        first. Claimed are first ones through these channels whose `due_at` has come and which no lease holds beyond
        `now`, the longest due first, at most `limit` (1 to 1000). Of callers at once, each gets others.
        """
        ...

    def complete(self, user_id: UUID, id: UUID, lease: UUID, others: Iterable[UUID], /) -> bool:
        """Remove the delivery if `lease` holds it, and with it `others` of the user; else remove nothing. Whether it
        held it. `id` among `others` is InvalidValue."""
        ...

    def fail(
        self,
        user_id: UUID,
        id: UUID,
        lease: UUID,
        others: Iterable[UUID],
        /,
        *,
        due_at: datetime,
        error: str,
        most: int,
    ) -> bool:
        """If `lease` holds the delivery: count a try of it and of `others` of the user, make them due at `due_at` with
        this error and end the lease. Those with `most` tries (from 1) are dead. Else change nothing. Whether it held
        it. `id` among `others` is InvalidValue."""
        ...

    def revive(self, user_id: UUID, /) -> int:
        """Make all dead deliveries of the user pending and due now, with no try counted; how many."""
        ...
