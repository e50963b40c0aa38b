"""Value rules: what one field accepts, and the one form in which both backends store and return it.

A rule stands in a record's annotation (`name: Annotated[str, Text(255)]`). `check(field, value)` returns the stored
form or raises `InvalidValue(field, reason)`; it runs in front of both backends, on writes and on filter values alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final
from uuid import UUID

from vibecore.domain import json
from vibecore.domain.errors import InvalidValue

INT_MIN: Final = -(2**31)
INT_MAX: Final = 2**31 - 1
MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""UTF-8 bytes of one unbounded text. PostgreSQL's limit is 1 GiB for a whole row's message; this refuses sooner."""
EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)
"""A day inside Python's range, so that every session time zone can show what was written."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Rule:
    """What a field accepts. Subclasses are immutable and compare by value."""

    __slots__ = ()
    ordered = True
    """Whether `<` and ORDER BY are defined."""

    def check(self, field: str, value: Any) -> Any:
        """The stored form of `value`; InvalidValue if it breaks the rule."""
        raise InvalidValue(field, "has no rule")

    def literal(self, field: str, value: Any) -> Any:
        """The form of a filter's literal: like `check`, without the bounds that only concern what is stored."""
        return self.check(field, value)

    def rank(self, value: Any) -> Any:
        """What the store orders by: comparable in Python exactly as PostgreSQL compares the column."""
        return value


def check_text(field: str, value: object) -> str:
    """Any text a database can hold: a str without NUL and without lone surrogates."""
    if type(value) is not str:
        value = plain_text(field, value)
    if not value.isascii() and _SURROGATE.search(value):
        raise InvalidValue(field, "holds a lone surrogate")
    if "\0" in value:
        raise InvalidValue(field, "holds a NUL character")
    return value


def plain_text(field: str, value: object) -> str:
    """`value` as a str and nothing more; a label of an enum is no text, since it would be compared as a label."""
    if not isinstance(value, str) or isinstance(value, Enum):
        raise InvalidValue(field, f"must be text, not {type(value).__name__}")
    return str.__str__(value)


@dataclass(frozen=True, slots=True)
class Text(Rule):
    """Text of at most `longest` code points (None: at most 64 MiB of UTF-8), at least `shortest`."""

    longest: int | None = None
    shortest: int = 0
    most_bytes: int | None = None

    def check(self, field: str, value: Any) -> str:
        text = check_text(field, value)
        length = len(text)
        if self.longest is not None and length > self.longest:
            raise InvalidValue(field, f"is longer than {self.longest} characters")
        if length < self.shortest:
            raise InvalidValue(field, "is empty" if self.shortest == 1 else f"is shorter than {self.shortest}")
        most = self.most_bytes or MAX_TEXT_BYTES
        if length * 4 > most and len(text.encode()) > most:
            raise InvalidValue(field, f"is larger than {most} bytes of UTF-8")
        return text

    def literal(self, field: str, value: Any) -> str:
        return Text(self.longest).check(field, value)


@dataclass(frozen=True, slots=True)
class Integer(Rule):
    """An int (a bool is not one) from `low` to `high`, inside 32 bits."""

    low: int = INT_MIN
    high: int = INT_MAX

    def check(self, field: str, value: Any) -> int:
        if type(value) is not int:
            raise InvalidValue(field, f"must be an integer, not {type(value).__name__}")
        if not self.low <= value <= self.high:
            raise InvalidValue(field, f"is outside {self.low} to {self.high}")
        return value

    def literal(self, field: str, value: Any) -> int:
        return Integer().check(field, value)


@dataclass(frozen=True, slots=True)
class Boolean(Rule):
    """True or False."""

    def check(self, field: str, value: Any) -> bool:
        if type(value) is not bool:
            raise InvalidValue(field, f"must be true or false, not {type(value).__name__}")
        return value


@dataclass(frozen=True, slots=True)
class Numeric(Rule):
    """A Decimal with `scale` places, rounded half away from zero, then checked against `low` and `high`."""

    precision: int = 5
    scale: int = 2
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(100)

    def check(self, field: str, value: Any) -> Decimal:
        if type(value) is int:
            value = Decimal(value)
        elif type(value) is not Decimal:
            raise InvalidValue(field, f"must be a Decimal, not {type(value).__name__}")
        if not value.is_finite():
            raise InvalidValue(field, "is not a finite number")
        if value.adjusted() > self.precision:
            raise InvalidValue(field, f"is outside {self.low} to {self.high}")
        try:
            rounded = value.quantize(Decimal(1).scaleb(-self.scale), ROUND_HALF_UP)
        except InvalidOperation:
            raise InvalidValue(field, f"is outside {self.low} to {self.high}") from None
        if not self.low <= rounded <= self.high:
            raise InvalidValue(field, f"is outside {self.low} to {self.high}")
        stored: Decimal = rounded if rounded else abs(rounded)
        return stored

    def literal(self, field: str, value: Any) -> Decimal:
        """Exact: rounding a bound would change what it selects."""
        if type(value) is int:
            value = Decimal(value)
        elif type(value) is not Decimal:
            raise InvalidValue(field, f"must be a Decimal, not {type(value).__name__}")
        if not value.is_finite():
            raise InvalidValue(field, "is not a finite number")
        if value and (abs(value.adjusted()) > 30 or len(value.as_tuple().digits) > 60):
            raise InvalidValue(field, "has more than 30 digits before or after the point")
        return value if value else Decimal(0)


@dataclass(frozen=True, slots=True)
class Timestamp(Rule):
    """An aware datetime, kept in UTC with microseconds; naive ones are refused."""

    def check(self, field: str, value: Any) -> datetime:
        if type(value) is not datetime:
            if not isinstance(value, datetime):
                raise InvalidValue(field, f"must be a datetime, not {type(value).__name__}")
            value = datetime.combine(value.date(), value.timetz()).replace(fold=value.fold)
        moment: datetime = value if value.tzinfo is UTC else _to_utc(field, value)
        if moment.fold:
            moment = moment.replace(fold=0)
        if not EARLIEST <= moment <= LATEST:
            raise InvalidValue(field, f"is outside {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
        return moment


def _to_utc(field: str, value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise InvalidValue(field, "is a naive datetime; give a time zone")
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidValue(field, f"is outside {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}") from None


@dataclass(frozen=True, slots=True)
class Uuid(Rule):
    """A UUID; text is not converted."""

    def check(self, field: str, value: Any) -> UUID:
        if type(value) is not UUID:
            if not isinstance(value, UUID):
                raise InvalidValue(field, f"must be a UUID, not {type(value).__name__}")
            return UUID(int=value.int)
        found: UUID = value
        return found


@dataclass(frozen=True, slots=True)
class Member(Rule):
    """A member of a Python enum that is a PostgreSQL enum; ordered by declaration, never by label."""

    kind: type[Enum]
    sql_name: str

    def check(self, field: str, value: Any) -> Enum:
        return check_member(self.kind, field, value)

    def rank(self, value: Any) -> int:
        return _ranks(self.kind)[value]


@dataclass(frozen=True, slots=True)
class Choice(Rule):
    """A member of a Python string enum in a VARCHAR column with a CHECK; ordered as text."""

    kind: type[Enum]
    longest: int

    def check(self, field: str, value: Any) -> Enum:
        return check_member(self.kind, field, value)

    def rank(self, value: Any) -> str:
        return str(value.value)


def check_member(kind: type[Enum], field: str, value: object) -> Enum:
    """A member of `kind`, or InvalidValue that lists the members; labels are not converted."""
    if type(value) is not kind:
        choices = ", ".join(str(member.value) for member in kind)
        raise InvalidValue(field, f"must be a {kind.__name__}: {choices}")
    return value


def _ranks(kind: type[Enum]) -> dict[Enum, int]:
    found = _RANKS.get(kind)
    if found is None:
        found = _RANKS[kind] = {member: rank for rank, member in enumerate(kind)}
    return found


_RANKS: Final[dict[type[Enum], dict[Enum, int]]] = {}


@dataclass(frozen=True, slots=True)
class Json(Rule):
    """Deep-frozen JSON whose root is an object, or an array where `root` is `list`."""

    root: type = dict
    ordered = False

    def check(self, field: str, value: Any) -> json.JsonObject | json.JsonArray:
        if self.root is dict:
            if not isinstance(value, Mapping):
                raise InvalidValue(field, f"must be a JSON object, not {type(value).__name__}")
        elif not isinstance(value, (list, tuple)):
            raise InvalidValue(field, f"must be a JSON array, not {type(value).__name__}")
        frozen = json.freeze(field, value)
        assert isinstance(frozen, (json.JsonObject, json.JsonArray))
        return frozen


@dataclass(frozen=True, slots=True)
class TextArray(Rule):
    """A tuple of texts (a list is accepted); at most `most` entries, each of at most `longest` code points."""

    most: int = 100_000
    longest: int | None = None
    ordered = False

    def check(self, field: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            raise InvalidValue(field, f"must be a list of texts, not {type(value).__name__}")
        if len(value) > self.most:
            raise InvalidValue(field, f"has more than {self.most} entries")
        if self.longest is not None:
            rule = Text(self.longest)
            return tuple(rule.check(f"{field}[{i}]", item) for i, item in enumerate(value))
        return tuple(check_text(f"{field}[{i}]", item) for i, item in enumerate(value))
