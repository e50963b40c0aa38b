"""Delivering: from pending notifications to deliveries, and from deliveries to channels.

A transactional outbox. What happened and the notification of it were written together; here, later, each user's
pending notifications become deliveries in one transaction, and each delivery is claimed, told and removed, with the
channel called between two transactions and inside of none. A worker that dies has told nothing, or told something that
is told again once its lease is over: at least once, and exactly once as long as nobody dies and no answer is lost.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from vibecore.domain.deliveries import (
    LEASE,
    LONGEST_RETRY_AFTER,
    LOT,
    MOST_ITEMS,
    TRIES,
    Delivery,
    DeliveryReport,
    DeliveryState,
    pause,
)
from vibecore.domain.errors import NotConfigured, SerializationConflict, UnreadableSecret
from vibecore.domain.filters import field
from vibecore.domain.notifications import Notification, Schedule
from vibecore.domain.paging import asc, desc
from vibecore.domain.rules import LATEST
from vibecore.domain.users import User
from vibecore.domain.webhooks import NotificationWebhook
from vibecore.repositories.unit_of_work import Mode, UnitOfWork
from vibecore.services.channels.protocol import (
    Channel,
    DeliveryFailed,
    Message,
    Recipient,
    WebhookTarget,
    message_id,
    short_reason,
)
from vibecore.services.preferences import MOST, choices
from vibecore.services.work import Work

LOG: Final = logging.getLogger("vibecore.notifications")
DISPATCHED_AT_ONCE: Final = 100
"""Notifications of one user that become deliveries in one transaction."""
MARGIN: Final = timedelta(seconds=60)
"""What must be left of a lease when a delivery begins: twice what a channel may take."""
_PENDING: Final = field("state").eq(DeliveryState.PENDING)
_UNTOLD: Final = field("pending").eq(True)
_UNLEASED: Final = field("lease").missing()


@dataclasses.dataclass(frozen=True, slots=True)
class _Parcel:
    """A claimed delivery with what is told together with it, and everything a channel needs."""

    head: Delivery
    others: tuple[Delivery, ...]
    recipient: Recipient
    items: tuple[Notification, ...]


class Delivering:
    """One run of one worker: at most `most` notifications are dispatched, and at most as many deliveries tried."""

    def __init__(self, work: Work, most: int) -> None:
        self._work = work
        self._effects = work.effects
        self._channels: dict[str, Channel] = {channel.name: channel for channel in work.effects.channels}
        self._most = most
        self._lease = work.effects.ids()
        self._done: Counter[str] = Counter()

    def run(self) -> DeliveryReport:
        self._dispatch_all()
        tried = 0
        while tried < self._most:
            claimed = self._claim(min(LOT, self._most - tried))
            if not claimed:
                break
            for delivery in claimed:
                self._deliver(delivery)
            tried += len(claimed)
        return DeliveryReport(**self._done)

    # -- from notifications to deliveries

    def _dispatch_all(self) -> None:
        while self._done["dispatched"] < self._most:
            left = self._most - self._done["dispatched"]
            with self._work.store.begin(Mode.READ) as tx:
                users = tx.notifications.awaiting(min(left, DISPATCHED_AT_ONCE))
            before = self._done["dispatched"]
            for user_id in users:
                self._done["dispatched"] += self._dispatch(user_id, self._most - self._done["dispatched"])
            if self._done["dispatched"] == before:
                # None, or others are at work on all of them.
                return

    def _dispatch(self, user_id: UUID, most: int) -> int:
        """Make deliveries of the user's oldest pending notifications, at most `most`; how many notifications."""
        if most < 1:
            return 0
        try:
            return self._work.aside(lambda tx: self._dispatch_in(tx, user_id, min(most, DISPATCHED_AT_ONCE)))
        except SerializationConflict:
            # Other workers were faster each time: the user is theirs, or comes in the next run.
            return 0

    def _dispatch_in(self, tx: UnitOfWork, user_id: UUID, most: int) -> int:
        with tx.batch() as batch:
            user = batch.add(tx.users.find, user_id)
            told = batch.add(tx.notification_preferences.page, user_id, limit=MOST)
            hooks = batch.add(tx.webhooks.page, user_id, limit=1)
            last = batch.add(tx.deliveries.page, user_id, order_by=desc("place"), limit=1)
            found = batch.add(tx.notifications.page, user_id, where=_UNTOLD, order_by=asc("occurred_at"), limit=most)
        pending = found.value.items
        if not pending or user.value is None:
            return 0
        recipient = self._recipient(user.value, hooks.value.items)
        chosen = choices(told.value.items)
        waiting = self._waiting(tx, user_id, pending)
        place = last.value.items[0].place + 1 if last.value.items else 1
        deliveries: list[Delivery] = []
        for item in pending:
            for name in sorted(self._channels):
                schedule = chosen.get((item.type, name), self._schedule_of(item.type))
                if schedule is Schedule.NEVER or (item.id, name, schedule) in waiting or user.value.disabled_at:
                    continue
                if not self._channels[name].reaches(recipient):
                    continue
                deliveries.append(self._delivery(tx, item, name, schedule, place + len(deliveries)))
        if deliveries:
            tx.deliveries.insert_many(deliveries)
        tx.notifications.update_many([dataclasses.replace(item, pending=False) for item in pending])
        return len(pending)

    def _waiting(
        self, tx: UnitOfWork, user_id: UUID, pending: Sequence[Notification]
    ) -> set[tuple[UUID, str, Schedule]]:
        """What will be told anyway: a delivery reads what it tells when it is claimed, so that one which nobody has
        claimed tells the newest occurrence too."""
        where = field("notification_id").among([item.id for item in pending]) & _PENDING & _UNLEASED
        return {
            (each.notification_id, each.channel, each.schedule)
            for each in tx.deliveries.page(user_id, where=where, limit=MOST).items
        }

    def _schedule_of(self, type: str) -> Schedule:
        """Immediately for a type that is not in this process's catalogue: better told than lost."""
        kind = self._effects.notification_types.find(type)
        return Schedule.IMMEDIATELY if kind is None else kind.schedule

    def _delivery(self, tx: UnitOfWork, item: Notification, channel: str, schedule: Schedule, place: int) -> Delivery:
        return Delivery(
            id=self._effects.ids(),
            user_id=item.user_id,
            notification_id=item.id,
            channel=channel,
            schedule=schedule,
            place=place,
            due_at=schedule.due(item.occurred_at, tx.now),
            created_at=tx.now,
            updated_at=tx.now,
        )

    # -- from deliveries to channels

    def _claim(self, limit: int) -> Sequence[Delivery]:
        names = list(self._channels)
        until = min(self._effects.clock().astimezone(UTC) + LEASE, LATEST)
        return self._work.decide(lambda tx: tx.deliveries.claim(self._lease, until, names, limit))

    def _deliver(self, head: Delivery) -> None:
        now = self._effects.clock()
        if head.leased_until is None or head.leased_until - now < MARGIN:
            # What came before it took too long. The lease ends by itself, and then somebody has the time.
            return
        parcel = self._open(head, now)
        if parcel is None:
            return
        channel = self._channels[head.channel]
        if not parcel.items or parcel.recipient.user.disabled_at or not channel.reaches(parcel.recipient):
            self._complete(parcel, "dropped")
            return
        message = Message(
            id=message_id(head, parcel.items),
            recipient=parcel.recipient,
            schedule=head.schedule,
            items=parcel.items,
            sent_at=now,
            public_url=self._effects.public_url,
        )
        try:
            self._effects.runtime.offload(channel.deliver, message)
        except DeliveryFailed as error:
            self._fail(parcel, error)
        except Exception as error:  # noqa: BLE001  # the next delivery is made, whatever a channel raises
            self._fail(parcel, DeliveryFailed(f"the channel raised {type(error).__name__}"))
        else:
            self._complete(parcel, "delivered")

    def _open(self, head: Delivery, now: datetime) -> _Parcel | None:
        """What is to be told; None where the user went, and the delivery with him."""
        with self._work.store.begin(Mode.READ) as tx:
            with tx.batch() as batch:
                user = batch.add(tx.users.find, head.user_id)
                hooks = batch.add(tx.webhooks.page, head.user_id, limit=1)
                lane = batch.add(
                    tx.deliveries.page,
                    head.user_id,
                    where=_PENDING
                    & field("channel").eq(head.channel)
                    & field("schedule").eq(head.schedule)
                    & field("due_at").le(now),
                    order_by=asc("place"),
                    limit=MOST_ITEMS if head.schedule.is_digest else 1,
                )
            if user.value is None:
                return None
            others = tuple(each for each in lane.value.items if head.schedule.is_digest and each.id != head.id)
            ids = [head.notification_id, *(each.notification_id for each in others)]
            found = tx.notifications.find_many(head.user_id, ids)
        items = tuple(item for item in found.values() if item.read_at is None or not head.schedule.is_digest)
        return _Parcel(head, others, self._recipient(user.value, hooks.value.items), items)

    def _complete(self, parcel: _Parcel, outcome: str) -> None:
        head, others = parcel.head, [each.id for each in parcel.others]
        if self._work.decide(lambda tx: tx.deliveries.complete(head.user_id, head.id, self._lease, others)):
            self._done[outcome] += 1
            if outcome == "delivered":
                self._done["items"] += len(parcel.items)

    def _fail(self, parcel: _Parcel, error: DeliveryFailed) -> None:
        head, others = parcel.head, [each.id for each in parcel.others]
        now = self._effects.clock().astimezone(UTC)
        jitter = int.from_bytes(self._effects.tokens(2)) / 0xFFFF
        wait = pause(head.attempts + 1, jitter)
        if error.retry_after is not None:
            wait = max(wait, min(timedelta(seconds=error.retry_after), LONGEST_RETRY_AFTER))
        reason, most = short_reason(error.reason), TRIES if error.temporary else 1
        due_at = min(now + wait, LATEST)
        if self._work.decide(
            lambda tx: tx.deliveries.fail(
                head.user_id, head.id, self._lease, others, due_at=due_at, error=reason, most=most
            )
        ):
            outcome = "dead" if head.attempts + 1 >= most else "failed"
            self._done[outcome] += 1
            LOG.log(
                logging.ERROR if outcome == "dead" else logging.WARNING,
                "a delivery through %s failed, try %d: %s",
                head.channel,
                head.attempts + 1,
                reason,
            )

    def _recipient(self, user: User, hooks: Sequence[NotificationWebhook]) -> Recipient:
        if not hooks:
            return Recipient(user=user)
        try:
            secret = self._effects.box.open(user.id, hooks[0].secret)
        except (UnreadableSecret, NotConfigured):
            # Without the secret nothing can be signed, and nothing unsigned is sent.
            LOG.error("the secret of a webhook cannot be read with the keys of this process")
            return Recipient(user=user)
        return Recipient(user=user, webhook=WebhookTarget(url=hooks[0].url, secret=secret))
