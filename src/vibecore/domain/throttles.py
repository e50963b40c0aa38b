"""Throttles: how many tries a key has left, as one moment (GCRA).

A key stands for whoever is held back: an account, a client, a device, a challenge. It is an HMAC of that identifier, so
that the table tells nobody's address. Each try moves `available_at` on by the limit's interval; as long as it is less
than the whole burst ahead of the present, there is a try left.

The rule is the generic cell rate algorithm, the virtual scheduling form (ITU-T I.371, annex A).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from vibecore.domain.errors import InvalidValue
from vibecore.domain.fields import Count, Id, Moment
from vibecore.domain.rules import INT_MAX, Integer
from vibecore.domain.schema import Index, Table, updated_index

LONGEST_INTERVAL: Final = timedelta(days=366)
MOST_TRIES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The state of one key. `tries` counts those let through since the key was last forgotten."""

    id: Id
    available_at: Moment
    tries: Count = 0
    created_at: Moment
    updated_at: Moment


THROTTLES: Final = Table(
    Throttle,
    "throttles",
    "throttle",
    indexes=(Index("idx_throttles_available", ("available_at",)), updated_index("throttles")),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` tries at once, and one more for each `interval` that passes; at most `most` tries until forgotten.

    InvalidValue for an interval that is not from 1 µs to 366 days, a burst that is not from 1 to 1,000, and a `most`
    below 1.
    """

    interval: timedelta
    burst: int
    most: int | None = None

    def __post_init__(self) -> None:
        if type(self.interval) is not timedelta or not timedelta(0) < self.interval <= LONGEST_INTERVAL:
            raise InvalidValue("interval", "must be a timedelta from 1 microsecond to 366 days")
        Integer(1, MOST_TRIES).check("burst", self.burst)
        if self.most is not None:
            Integer(1, INT_MAX).check("most", self.most)

    @property
    def room(self) -> timedelta:
        """How far `available_at` may be ahead of the present for one more try."""
        return self.interval * (self.burst - 1)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a try: let through, or not.

    `retry_at` is when one would be let through (None: at once). Where `exhausted`, none is until the key is forgotten.
    """

    allowed: bool
    retry_at: datetime | None = None
    exhausted: bool = False


def throttle_id(key: bytes, kind: str, identifier: bytes) -> UUID:
    """The id under which `identifier` is throttled as a `kind`: the first 128 bits of an HMAC-SHA256."""
    digest = hmac.digest(key, kind.encode() + b"\0" + identifier, "sha256")
    return UUID(bytes=digest[:16])


def is_allowed(state: Throttle | None, limit: Limit, now: datetime) -> bool:
    """Whether the next try is let through."""
    if state is None:
        return True
    return state.available_at <= now + limit.room and (limit.most is None or state.tries < limit.most)


def refused(state: Throttle, limit: Limit, now: datetime) -> Taken:
    """What a try is told that is not let through."""
    if limit.most is not None and state.tries >= limit.most:
        return Taken(False, None, True)
    return Taken(False, max(state.available_at - limit.room, now + timedelta(microseconds=1)))
