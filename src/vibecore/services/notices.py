"""Notices: what is to be told, as the notifications that tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from vibecore.domain.json import JsonObject
from vibecore.domain.notifications import LONGEST_TITLE, Notification


def shortened(title: str) -> str:
    """`title` as a notification can have it: names that make it too long lose their ends."""
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def notices(
    ids: Callable[[], UUID],
    now: datetime,
    user_ids: Iterable[UUID],
    type: str,
    title: str,
    data: JsonObject,
    message: str | None,
    dedup_key: str | None,
) -> list[Notification]:
    """One notification for each user, once for who is named twice."""
    return [
        Notification(
            id=ids(),
            user_id=user_id,
            type=type,
            title=shortened(title),
            message=message,
            data=data,
            dedup_key=dedup_key,
            occurred_at=now,
            created_at=now,
            updated_at=now,
        )
        for user_id in dict.fromkeys(user_ids)
    ]
