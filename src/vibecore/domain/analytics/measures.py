"""Rates and means: exact integers until one rounding, half away from zero, to a fixed number of places."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from vibecore.domain.quality.formula import hu

_MICROSECOND: Final = timedelta(microseconds=1)


def ratio(part: int, whole: int, places: int) -> Decimal | None:
    """`part / whole` with `places` places, for parts from 0; None where `whole` is 0."""
    return Decimal(hu(part * 10**places, whole)).scaleb(-places) if whole else None


def percent(part: int, whole: int) -> Decimal | None:
    """The share in percent with two places; None of nothing."""
    return ratio(100 * part, whole, 2)


class Duration:
    """The mean of the intervals between pairs of moments; pairs that lack one or run backwards do not count."""

    __slots__ = ("_microseconds", "count")

    def __init__(self) -> None:
        self.count = 0
        self._microseconds = 0

    def add(self, start: datetime | None, end: datetime | None) -> None:
        if start is not None and end is not None and start <= end:
            self.count += 1
            self._microseconds += (end - start) // _MICROSECOND

    @property
    def mean_seconds(self) -> Decimal | None:
        """With three places; None where no pair counted."""
        return ratio(self._microseconds, self.count * 1_000_000, 3)


def utc_day(moment: datetime) -> date:
    """The UTC day of an aware moment."""
    return moment.astimezone(UTC).date()
