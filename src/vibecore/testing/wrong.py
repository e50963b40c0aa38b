"""Values that a column refuses: what callers without a type checker, and data from outside, really bring."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from vibecore.domain import json
from vibecore.domain.rules import (
    INT_MAX,
    INT_MIN,
    Boolean,
    Choice,
    Integer,
    Json,
    Member,
    Numeric,
    Rule,
    Text,
    TextArray,
    Timestamp,
    Uuid,
)
from vibecore.domain.schema import Column

NUL: Final = "a\0b"
SURROGATES: Final = ("\ud800", "a\udfff", "\ude00\ud83d")
"""Halves of characters, alone or in the wrong order."""


class Number(IntEnum):
    ONE = 1


class Label(StrEnum):
    ADMIN = "admin"


class NoZone(tzinfo):
    """A time zone that does not say what it is: the datetime is naive all the same."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None, /) -> str | None:
        return None

    def dst(self, moment: datetime | None, /) -> timedelta | None:
        return None


def wrong_values(column: Column) -> list[Any]:
    """Values for which `column.check` raises InvalidValue, from the likely to the malicious."""
    absent: list[Any] = [] if column.nullable else [None]
    return [*absent, *_wrong(column.rule), object(), SimpleNamespace(), column]


def wrong_literals(column: Column) -> list[Any]:
    """The wrong values that a filter refuses too: it only drops the bounds of what is stored."""
    bounds: list[Any] = []
    match column.rule:
        case Text(shortest=shortest, longest=longest):
            bounds = ["x" * (shortest - 1)] if shortest else []
            bounds += ["😀" * (longest or 0)]
        case Integer(low=low, high=high):
            bounds = [low - 1, high + 1]
        case Numeric():
            return [
                None,
                *(value for value in _wrong(column.rule) if not _is_finite(value)),
                Decimal("1E+31"),
                object(),
            ]
    kept = [value for value in wrong_values(column) if not any(value is b or value == b for b in bounds)]
    extra = [INT_MIN - 1, INT_MAX + 1] if isinstance(column.rule, Integer) else []
    return [*kept, *extra] if None in kept else [None, *kept, *extra]


def _is_finite(value: object) -> bool:
    return type(value) in (int, Decimal) and Decimal(value).is_finite()  # type: ignore[arg-type]  # tested before


def _wrong(rule: Rule) -> list[Any]:
    match rule:
        case Text():
            return _wrong_text(rule)
        case Integer(low=low, high=high):
            outside = [low - 1, high + 1, 2**31, -(2**31) - 1, 2**63, 10**30]
            return [True, False, 1.0, "1", Decimal(1), Number.ONE, b"1", float("nan"), [1], 1j, *outside]
        case Boolean():
            return [0, 1, "true", "", 1.0, "t", [True]]
        case Numeric(low=low, high=high):
            special = [Decimal(word) for word in ("NaN", "sNaN", "Infinity", "-Infinity")]
            beyond: list[Any] = [low - 1, high + 1, Decimal("-0.005"), Decimal("100.005"), Decimal("1E+400"), 10**400]
            return [True, 1.0, "1", float("nan"), float("inf"), b"1", *special, *beyond]
        case Timestamp():
            return _wrong_moments()
        case Uuid():
            text = "6f1b0f0e-1111-4222-8333-444455556666"
            return [text, text.encode(), UUID(text).int, UUID(text).bytes, "", 0, True]
        case Member(kind=kind) | Choice(kind=kind):
            return [
                next(iter(kind)).value,
                next(iter(kind)).name,
                0,
                True,
                "no such label",
                Label.ADMIN,
                kind,
                "",
                "\0",
            ]
        case Json(root=root):
            return _wrong_json(root)
        case TextArray(most=most, longest=longest):
            texts = [[NUL], [SURROGATES[0]], ["a", 1], [b"a"], [None], [["a"]], ("a", Label.ADMIN)]
            if longest is not None:
                texts.append(["x" * (longest + 1)])
            return ["text", b"text", 1, True, {"a": 1}, {"a"}, iter(["a"]), *texts, [""] * (most + 1)]
    raise TypeError(f"nothing is known to be wrong for {rule}")


def _wrong_text(rule: Text) -> list[Any]:
    values: list[Any] = [1, 1.0, True, b"text", ["text"], Decimal(1), Label.ADMIN, NUL, "\0", *SURROGATES]
    if rule.longest is not None:
        # Trailing spaces count: VARCHAR would cut them silently. Characters count, not bytes or UTF-16 units.
        values += ["x" * (rule.longest + 1), "x" * rule.longest + " ", "é" * (rule.longest + 1)]
        if rule.most_bytes is not None and rule.longest * 4 > rule.most_bytes:
            values.append("😀" * rule.longest)
    if rule.shortest:
        values.append("x" * (rule.shortest - 1))
    return values


def _wrong_moments() -> list[Any]:
    noon = datetime(2024, 5, 1, 12)  # noqa: DTZ001  # naive on purpose
    outside = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    return [noon, noon.replace(tzinfo=NoZone()), date(2024, 5, 1), noon.isoformat(), 1714564800, 0.0, True, *outside]


def _wrong_json(root: type) -> list[Any]:
    cycle: list[Any] = []
    cycle.append(cycle)
    inner: list[Any] = [
        float("nan"),
        float("inf"),
        float("-inf"),
        NUL,
        SURROGATES[0],
        b"bytes",
        Decimal(1),
        2**63,
        -(2**63) - 1,
        {1, 2},
        object(),
        Number.ONE,
        UUID(int=1),
        {1: "a"},
        {None: 1},
        {("a",): 1},
        {NUL: 1},
        {SURROGATES[0]: 1},
        OrderedDict({b"a": 1}),
        nested(json.MAX_DEPTH),
        cycle,
    ]
    roots: list[Any] = ["{}", "[]", 1, True, 0.0, b"{}", {1, 2}]
    if root is dict:
        return [*roots, [], ["a"], *({"at": value} for value in inner), {1: 2}]
    return [*roots, {}, {"a": 1}, *([value] for value in inner)]


def nested(levels: int) -> list[Any]:
    """Lists in lists, so many levels deep."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value
