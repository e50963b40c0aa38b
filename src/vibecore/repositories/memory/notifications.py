"""Notifications and the outbox in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from vibecore.domain.deliveries import Delivery, DeliveryState, lane
from vibecore.domain.notifications import NOTIFICATIONS, Notification
from vibecore.domain.rules import INT_MAX, LATEST
from vibecore.domain.webhooks import NotificationWebhook
from vibecore.repositories import arguments, outbox
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.tables import MemoryChildren
from vibecore.repositories.memory.transaction import Transaction
from vibecore.repositories.outbox import Held

R = TypeVar("R", Notification, Delivery)


class MemoryNotifications(MemoryChildren[Notification]):
    """See `vibecore.repositories.notifications.Notifications`."""

    __slots__ = ()

    def tell(self, notices: Sequence[Notification], /) -> None:
        tx = self.transaction
        with tx.writing():
            new: list[Notification] = []
            renewed: list[tuple[Notification, Notification]] = []
            place = self._layout.unique("uq_notifications_dedup")
            for notice in outbox.notices(notices):
                key = (notice.user_id.int, notice.type, notice.dedup_key)
                old = None if notice.dedup_key is None else tx.held(self._layout, place, key)
                if old is None:
                    new.append(notice)
                else:
                    renewed.append((old, _renewed(tx, old, notice)))
            if new:
                writes.insert_many(tx, self._layout, new)
            tx.apply(self._layout, renewed)

    def mark(self, user_id: UUID, ids: Iterable[UUID], /, *, read: bool) -> int:
        with self.transaction.writing() as root:
            owner = arguments.scope(NOTIFICATIONS, user_id)
            wanted = arguments.ids(ids)
            read_at = self.transaction.now if read else None
            rows: list[Notification | None] = [self._locate(root, (owner, id)) for id in wanted]
            return self._mark([row for row in rows if row is not None and (row.read_at is None) is read], read_at)

    def mark_until(self, user_id: UUID, moment: datetime, /) -> int:
        with self.transaction.writing() as root:
            rows: Sequence[Notification] = self._records(root, arguments.scope(NOTIFICATIONS, user_id))
            end = arguments.moment(moment)
            unread = [row for row in rows if row.read_at is None and row.occurred_at <= end]
            return self._mark(unread, self.transaction.now)

    def _mark(self, rows: list[Notification], read_at: datetime | None) -> int:
        tx = self.transaction
        tx.apply(self._layout, [(row, _version(tx, replace(row, read_at=read_at))) for row in rows])
        return len(rows)

    def awaiting(self, limit: int, /) -> list[UUID]:
        with self.transaction.reading() as root:
            most = outbox.at_once(limit)
            rows: Sequence[Notification] = self._records(root, None)
            oldest: dict[UUID, datetime] = {}
            for row in rows:
                if row.pending:
                    oldest[row.user_id] = min(oldest.get(row.user_id, row.occurred_at), row.occurred_at)
            return sorted(oldest, key=lambda user: (oldest[user], user.int))[:most]

    def purge(self, moment: datetime, /) -> int:
        with self.transaction.writing() as root:
            end = arguments.moment(moment)
            rows: Sequence[Notification] = self._records(root, None)
            gone = [row for row in rows if row.read_at is not None and row.read_at < end]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)


class MemoryWebhooks(MemoryChildren[NotificationWebhook]):
    """See `vibecore.repositories.notifications.Webhooks`."""

    __slots__ = ()

    def following(self, id: UUID | None, limit: int, /) -> list[NotificationWebhook]:
        with self.transaction.reading() as root:
            after, most = arguments.optional_uuid("id", id), outbox.at_once(limit)
            rows: Sequence[NotificationWebhook] = self._records(root, None)
            found = [row for row in rows if after is None or row.id > after]
            return sorted(found, key=lambda row: row.id.int)[:most]


class MemoryDeliveries(MemoryChildren[Delivery]):
    """See `vibecore.repositories.notifications.Deliveries`."""

    __slots__ = ()

    def claim(self, lease: UUID, until: datetime, channels: Iterable[str], limit: int, /) -> list[Delivery]:
        tx = self.transaction
        with tx.deciding() as root:
            asked = outbox.claim(lease, until, channels, limit)
            firsts: dict[Any, Delivery] = {}
            rows: Sequence[Delivery] = self._records(root, None)
            for row in rows:
                if row.state is DeliveryState.PENDING:
                    other = firsts.get(lane(row), row)
                    firsts[lane(row)] = min(row, other, key=lambda each: (each.place, each.id.int))
            free = [row for row in firsts.values() if row.channel in asked.channels and _is_free(row, tx.now)]
            chosen = sorted(free, key=_order)[: asked.limit]
            claimed = [_version(tx, replace(row, lease=asked.lease, leased_until=asked.until)) for row in chosen]
            tx.apply(self._layout, list(zip(chosen, claimed, strict=True)))
            return claimed

    def complete(self, user_id: UUID, id: UUID, lease: UUID, others: Iterable[UUID], /) -> bool:
        with self.transaction.deciding():
            asked = outbox.held(user_id, id, lease, others)
            rows = self._held(asked)
            writes.delete(self.transaction, self._layout, rows)
            return bool(rows)

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
        tx = self.transaction
        with tx.deciding():
            asked, how = outbox.held(user_id, id, lease, others), outbox.failure(due_at, error, most)
            changes = []
            for row in self._held(asked):
                attempts = min(row.attempts, INT_MAX - 1) + 1
                failed = replace(
                    row,
                    attempts=attempts,
                    state=DeliveryState.DEAD if attempts >= how.most else row.state,
                    due_at=how.due_at,
                    lease=None,
                    leased_until=None,
                    error=how.error,
                )
                changes.append((row, _version(tx, failed)))
            tx.apply(self._layout, changes)
            return bool(changes)

    def revive(self, user_id: UUID, /) -> int:
        tx = self.transaction
        with tx.writing() as root:
            rows: Sequence[Delivery] = self._records(root, arguments.scope(self._table, user_id))
            dead = [row for row in rows if row.state is DeliveryState.DEAD]
            changes = [
                (row, _version(tx, replace(row, state=DeliveryState.PENDING, due_at=tx.now, attempts=0, error=None)))
                for row in dead
            ]
            tx.apply(self._layout, changes)
            return len(changes)

    def _held(self, asked: Held) -> list[Delivery]:
        """The delivery and what goes with it, or nothing where the lease holds it not."""
        root = self.transaction.root
        first: Delivery | None = self._locate(root, (asked.user_id, asked.id))
        if first is None or first.lease != asked.lease:
            return []
        others: list[Delivery | None] = [self._locate(root, (asked.user_id, id)) for id in asked.others]
        return [first, *(row for row in others if row is not None)]


def _is_free(row: Delivery, now: datetime) -> bool:
    return row.due_at <= now and (row.leased_until is None or row.leased_until <= now)


def _order(row: Delivery) -> tuple[datetime, int, int]:
    return row.due_at, row.user_id.int, row.id.int


def _renewed(tx: Transaction, old: Notification, notice: Notification) -> Notification:
    occurrences = min(old.occurrences, INT_MAX - 1) + 1 if old.read_at is None else 1
    return _version(
        tx,
        replace(
            old,
            title=notice.title,
            message=notice.message,
            data=notice.data,
            read_at=None,
            occurrences=occurrences,
            pending=True,
            occurred_at=notice.occurred_at,
        ),
    )


def _version(tx: Transaction, row: R) -> R:
    """`row` as its next version, which is the last storable moment where there is none after it."""
    return replace(row, updated_at=max(tx.now, min(row.updated_at + arguments.TICK, LATEST)))
