"""Arguments of notifications and deliveries: checked once, in front of both backends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from vibecore.domain.deliveries import DELIVERIES
from vibecore.domain.errors import InvalidValue
from vibecore.domain.notifications import NOTIFICATIONS, Notification
from vibecore.domain.rules import Integer
from vibecore.repositories import arguments

_AT_ONCE: Final = Integer(low=1, high=1000)
_MOST: Final = Integer(low=1)


def notices(values: Sequence[Notification]) -> list[Notification]:
    """In their stored form, no two for the same user, type and `dedup_key`."""
    stored = arguments.records(NOTIFICATIONS, values)
    keys = [(each.user_id, each.type, each.dedup_key) for each in stored if each.dedup_key is not None]
    if len(set(keys)) < len(keys):
        raise InvalidValue("dedup_key", "is given twice for one user and type")
    return stored


def at_once(limit: object) -> int:
    """How many to take, from 1 to 1000."""
    return _AT_ONCE.check("limit", limit)


@dataclass(frozen=True, slots=True)
class Claim:
    """What `claim` was asked."""

    lease: UUID
    until: datetime
    channels: list[str]
    limit: int


def claim(lease: UUID, until: datetime, channels: Iterable[str], limit: int) -> Claim:
    return Claim(
        arguments.uuid("lease", lease),
        arguments.moment(until),
        arguments.texts(DELIVERIES, "channel", channels),
        at_once(limit),
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that a lease is said to hold, and what goes with it."""

    user_id: UUID
    id: UUID
    lease: UUID
    others: list[UUID]


def held(user_id: UUID, id: UUID, lease: UUID, others: Iterable[UUID]) -> Held:
    found = Held(
        arguments.scope(DELIVERIES, user_id),
        arguments.uuid("id", id),
        arguments.uuid("lease", lease),
        arguments.ids(others),
    )
    if found.id in found.others:
        raise InvalidValue("id", "is given twice")
    return found


@dataclass(frozen=True, slots=True)
class Failure:
    """How a try failed."""

    due_at: datetime
    error: str
    most: int


def failure(due_at: datetime, error: str, most: int) -> Failure:
    return Failure(
        arguments.moment(due_at),
        arguments.stored(DELIVERIES, "error", error),
        _MOST.check("most", most),
    )
