"""What the views' filters accept: one check in front of both backends."""

from __future__ import annotations

from datetime import date

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paging import MAX_LIMIT


def checked_limit(limit: object) -> int:
    """`limit`, if it is an integer from 0 to MAX_LIMIT; else InvalidValue."""
    if type(limit) is not int or not 0 <= limit <= MAX_LIMIT:
        raise InvalidValue("limit", f"must be an integer from 0 to {MAX_LIMIT}")
    return limit


def checked_day(field: str, value: object) -> date | None:
    """`value`, if it is a plain date or None; a datetime is refused, since its day depends on a time zone."""
    if value is not None and type(value) is not date:
        raise InvalidValue(field, f"must be a date, not {type(value).__name__}")
    return value
