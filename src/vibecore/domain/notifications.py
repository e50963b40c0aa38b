"""Notifications: what a user is told, whether it was read, and which channels tell it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.fields import Flag, Id, LongText, Moment, Name
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import LATEST, Choice, Integer, Json, Text
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index

LONGEST_TITLE: Final = 255
"""Code points."""


class Schedule(StrEnum):
    """When a channel tells a user of a notification. The inbox has it at once, whatever the channels do."""

    IMMEDIATELY = "immediately"
    HOURLY = "hourly"
    """Together with others, at the next full hour."""
    DAILY = "daily"
    """Together with others, when the next day begins in UTC."""
    NEVER = "never"

    @property
    def is_digest(self) -> bool:
        """Whether several notifications are told in one message."""
        return self in (Schedule.HOURLY, Schedule.DAILY)

    def due(self, occurred_at: datetime, now: datetime) -> datetime:
        """When what happened at `occurred_at` (UTC) is told, as seen at `now`."""
        match self:
            case Schedule.HOURLY:
                begun, step = occurred_at.replace(minute=0, second=0, microsecond=0), timedelta(hours=1)
            case Schedule.DAILY:
                begun, step = occurred_at.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1)
            case _:
                return now
        return min(begun + step, LATEST)


ChannelName = Annotated[str, Text(50, shortest=1)]
TypeName = Annotated[str, Text(100, shortest=1)]
DedupKey = Annotated[str, Text(200, shortest=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message to `user_id`; unread while `read_at` is None.

    `dedup_key` names what it is about: of one user, type and key there is one row, which the next occurrence renews.
    `occurrences` counts since it was last read, `occurred_at` is the last one. `pending` until it has been handed to
    the channels.
    """

    id: Id
    user_id: Id
    type: TypeName
    title: Name
    message: LongText | None = None
    data: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    read_at: Moment | None = None
    dedup_key: DedupKey | None = None
    occurrences: Annotated[int, Integer(low=1)] = 1
    pending: Flag = True
    occurred_at: Moment
    created_at: Moment
    updated_at: Moment


NOTIFICATIONS: Final = Table(
    Notification,
    "notifications",
    "notification",
    scope="user_id",
    uniques=(Unique("uq_notifications_dedup", ("user_id", "type", "dedup_key")),),
    references=(Reference("fk_notifications_user", "user_id", "users"),),
    indexes=(
        Index("idx_notifications_user", ("user_id", "occurred_at", "id")),
        Index("idx_notifications_unread", ("user_id", "occurred_at", "id"), where="read_at IS NULL"),
        Index("idx_notifications_pending", ("user_id", "occurred_at"), where="pending"),
        Index("idx_notifications_read", ("read_at",), where="read_at IS NOT NULL"),
        updated_index("notifications"),
    ),
    server_defaults={"occurred_at": "now()"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationPreference:
    """When `channel` tells the user of notifications of `type`. Where there is none, the type's own schedule holds."""

    id: Id
    user_id: Id
    type: TypeName
    channel: ChannelName
    schedule: Annotated[Schedule, Choice(Schedule, 20)]
    created_at: Moment
    updated_at: Moment


NOTIFICATION_PREFERENCES: Final = Table(
    NotificationPreference,
    "notification_preferences",
    "notification_preference",
    scope="user_id",
    uniques=(Unique("uq_notification_preferences_choice", ("user_id", "type", "channel")),),
    references=(Reference("fk_notification_preferences_user", "user_id", "users"),),
    indexes=(updated_index("notification_preferences"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePreference:
    """What holds for one type and channel; `chosen` where the user said so, else it is the type's own schedule."""

    type: str
    channel: str
    schedule: Schedule
    chosen: bool
