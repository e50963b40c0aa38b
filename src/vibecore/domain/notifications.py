"""Notifications: what a user is told, and whether it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from vibecore.domain.fields import Id, LongText, Moment, Name
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Json, Text
from vibecore.domain.schema import Index, Reference, Table, updated_index


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message to `user_id`; unread while `read_at` is None."""

    id: Id
    user_id: Id
    type: Annotated[str, Text(100, shortest=1)]
    title: Name
    message: LongText | None = None
    data: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    read_at: Moment | None = None
    created_at: Moment
    updated_at: Moment


NOTIFICATIONS: Final = Table(
    Notification,
    "notifications",
    "notification",
    scope="user_id",
    references=(Reference("fk_notifications_user", "user_id", "users"),),
    indexes=(
        Index("idx_notifications_user", ("user_id", "created_at", "id")),
        updated_index("notifications"),
    ),
)
