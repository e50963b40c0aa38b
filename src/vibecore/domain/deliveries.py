"""Deliveries: the outbox between notifications and the channels that tell them elsewhere.

The deliveries of one user, channel and schedule form a lane. A lane is told in order: only its first waiting delivery
can be claimed, and whoever holds the lease on that one has the lane to himself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.fields import Count, Id, Moment
from vibecore.domain.notifications import ChannelName, Schedule
from vibecore.domain.rules import Choice, Text
from vibecore.domain.schema import Index, Reference, Table, updated_index

TRIES: Final = 10
"""Failed tries after which a delivery is a dead letter; with the pauses below the last is made two to three days
after the first, as the retry schedule that Standard Webhooks 1.0.0 suggests."""
FIRST_PAUSE: Final = timedelta(seconds=30)
"""Between the first failed try and the second."""
PAUSE_FACTOR: Final = 4
"""How much longer each pause is than the one before."""
LONGEST_PAUSE: Final = timedelta(hours=12)
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
"""A receiver that asks for a longer pause gets this one."""
LEASE: Final = timedelta(minutes=5)
"""How long a worker has what it claimed: after a crash, others wait so long."""
LOT: Final = 10
"""Deliveries that a worker claims at once; together with what a channel may take for each (30 s) within the lease."""
MOST_ITEMS: Final = 100
"""Notifications in one digest; what is more comes in the next one, at once."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    DEAD = "dead"
    """Given up: it waits for an operator, and holds back nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """That `channel` has yet to tell the user of the notification. What was told has no row any more.

    `place` orders the deliveries of a user. `lease` names the claim of the worker that has it until `leased_until`.
    `error` says why the last try failed, without address or content.
    """

    id: Id
    user_id: Id
    notification_id: Id
    channel: ChannelName
    schedule: Annotated[Schedule, Choice(Schedule, 20)]
    state: Annotated[DeliveryState, Choice(DeliveryState, 20)] = DeliveryState.PENDING
    place: Count
    due_at: Moment
    attempts: Count = 0
    lease: Id | None = None
    leased_until: Moment | None = None
    error: Annotated[str, Text(200)] | None = None
    created_at: Moment
    updated_at: Moment


DELIVERIES: Final = Table(
    Delivery,
    "notification_deliveries",
    "notification_delivery",
    scope="user_id",
    references=(
        Reference("fk_notification_deliveries_user", "user_id", "users"),
        Reference("fk_notification_deliveries_notification", "notification_id", "notifications"),
    ),
    indexes=(
        Index("idx_notification_deliveries_lane", ("user_id", "channel", "schedule", "place", "id")),
        Index("idx_notification_deliveries_notification", ("notification_id",)),
        Index("idx_notification_deliveries_due", ("due_at", "user_id", "id"), where="state::text = 'pending'::text"),
        updated_index("notification_deliveries"),
    ),
)


def lane(delivery: Delivery) -> tuple[object, str, Schedule]:
    """What is told in order."""
    return delivery.user_id, delivery.channel, delivery.schedule


def pause(failed: int, jitter: float) -> timedelta:
    """How long to wait after `failed` tries, at least 1. `jitter`, from 0 to 1, takes away up to half of it, so that
    what failed together does not come back together."""
    factor: int = PAUSE_FACTOR ** min(failed - 1, 20)
    longest = min(FIRST_PAUSE * factor, LONGEST_PAUSE)
    return longest * (1 - jitter / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What one run did.

    `dispatched` notifications were handed to the channels, which `delivered` messages with `items` notifications;
    `failed` tries will be made again, `dead` deliveries not. `dropped` deliveries have become pointless: the
    notification was read before its digest, the user is disabled or the channel reaches him no more.
    """

    dispatched: int = 0
    delivered: int = 0
    items: int = 0
    failed: int = 0
    dead: int = 0
    dropped: int = 0
