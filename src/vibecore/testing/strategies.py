"""Hypothesis strategies for everything that the store takes, made from the declared tables.

Values are drawn as callers give them, not as they are stored: Decimals that round, moments in odd time zones, lists
for tuples. They lean towards what tells two stores apart: boundaries, look-alikes, order, missing values.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from vibecore.domain.filters import (
    Among,
    And,
    Compare,
    Comparison,
    Filter,
    Includes,
    Missing,
    Not,
    Occurs,
    Or,
    Place,
)
from vibecore.domain.json import MAX_INT, MIN_INT
from vibecore.domain.paging import Order
from vibecore.domain.rules import (
    EARLIEST,
    LATEST,
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
from vibecore.domain.schema import Column, Table
from vibecore.testing import wrong

R = TypeVar("R")

TEXTS: Final = (
    *("", " ", "  ", " a", "a ", "a  ", "a", "A", "aa", "b", "B", "Z", "a\nb", "\n", "\t", "\r\n", "\x01", "\x7f"),
    *("e\u0301", "\u00e9", "\u0301", "ß", "ss", "ẞ", "İ", "i\u0307", "ﬁ", "Å", "\u212b", "ﾊﾟ"),
    *("😀", "\U0010ffff", "\ud7ff", "\ue000", "\uffff", "\U00010000", "👩‍👩‍👧", "\u202e", "\ufeff", "\u2028", "\xa0"),
    *(
        "%",
        "_",
        "\\",
        "\\%",
        "a%",
        "a_c",
        "'",
        "''",
        '"',
        "{",
        "}",
        "{}",
        ",",
        "NULL",
        "null",
        "\\x00",
        "\\0",
        "$1",
        "%s",
    ),
    *("0", "00", "1", "1.0", "10", "9", "true", "a/b", "a0", "a-b", "../a", "x" * 127, "é" * 64),
)
"""Texts that a store gets wrong: spaces at the ends, case, normal forms, astral characters, patterns, quotes."""

JSON_NUMBERS: Final[tuple[int | float, ...]] = (
    *(0, 1, -1, 2**31, 2**53 + 1, MIN_INT, MAX_INT, 10**16),
    *(
        0.0,
        -0.0,
        1.0,
        0.1,
        -1.5,
        1e16,
        1e22,
        1e-7,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        123456789.123,
    ),
)
ZONES: Final = (
    UTC,
    timezone(timedelta(0)),
    timezone(timedelta(hours=5, minutes=45)),
    timezone(timedelta(hours=-11, minutes=-29, seconds=-59)),
    timezone(timedelta(hours=23, minutes=59)),
    timezone(-timedelta(hours=23, minutes=59)),
    timezone(timedelta(microseconds=1)),
)
MOMENTS: Final = (
    EARLIEST,
    LATEST,
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, 0, 2, tzinfo=UTC),
    datetime(1900, 1, 1, tzinfo=UTC),
)


class Words(str):
    """A text of another type: stored as the text it is."""

    __slots__ = ()


def texts(rule: Text) -> SearchStrategy[str]:
    """Valid texts, up to both bounds of the rule."""
    found = st.sampled_from(TEXTS) | st.text(max_size=8) | st.sampled_from(TEXTS).map(Words)
    if rule.longest is not None:
        longest = rule.longest
        bounds = [char * longest for char in ("x", "é", "😀")] + ["a" * (longest - 1) + " "]
        found |= st.sampled_from([text for text in bounds if _fits(rule, text)])
    else:
        found |= st.sampled_from(["x" * 10_000, "é\n" * 3_000])
    if rule.shortest:
        found |= st.sampled_from(["x" * rule.shortest, "😀" * rule.shortest])
    return found.filter(lambda text: _fits(rule, text))


def _fits(rule: Text, text: str) -> bool:
    return (
        rule.shortest <= len(text) <= (rule.longest or len(text))
        and len(text.encode(errors="replace")) <= (rule.most_bytes or 2**26)
        and "\0" not in text
        and not any("\ud800" <= char <= "\udfff" for char in text)
    )


def integers(rule: Integer) -> SearchStrategy[int]:
    """Both bounds, the middle and what lies near."""
    edges = [rule.low, rule.low + 1, rule.high - 1, rule.high, max(rule.low, 0), min(max(rule.low, 7), rule.high)]
    return st.sampled_from(edges) | st.integers(rule.low, rule.high)


def decimals(rule: Numeric) -> SearchStrategy[Decimal | int]:
    """Numbers with more places than are stored, ties, negative zero, exponents, ints."""
    low, high = int(rule.low), int(rule.high)
    special = [
        "0",
        "-0",
        "0.00",
        "-0.004",
        "0.005",
        "0.004999999",
        "99.995",
        "100.00",
        "100.004",
        "1E+1",
        "1E-30",
        "50",
    ]
    found = st.sampled_from([Decimal(text) for text in special])
    return (
        found
        | st.decimals(low, high, allow_nan=False, allow_infinity=False, places=4)
        | st.integers(low * 1000, high * 1000).map(lambda number: Decimal(number).scaleb(-3))
        | st.integers(low, high)
    )


@cache
def moments() -> SearchStrategy[datetime]:
    """Aware datetimes over the whole range, in many zones; equal moments in different zones are common."""
    near = st.sampled_from(MOMENTS)
    anywhere = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    )
    return st.builds(datetime.astimezone, near | near | anywhere, st.sampled_from(ZONES))


def uuids() -> SearchStrategy[UUID]:
    """Ids at both ends of the order, and any between."""
    return st.sampled_from([UUID(int=0), UUID(int=1), UUID(int=2**127), UUID(int=2**128 - 1)]) | st.uuids()


@cache
def json_values() -> SearchStrategy[Any]:
    """Every kind of JSON value, nested, with numbers and keys that stores like to change."""
    return st.recursive(_json_leaves(), lambda inner: _json_array(inner) | _json_object(inner), max_leaves=6)


def _json_leaves() -> SearchStrategy[Any]:
    return (
        st.none()
        | st.booleans()
        | st.sampled_from(JSON_NUMBERS)
        | st.integers(MIN_INT, MAX_INT)
        | st.floats(allow_nan=False, allow_infinity=False)
        | _json_texts()
    )


def _json_texts() -> SearchStrategy[str]:
    return st.sampled_from(TEXTS) | st.text(max_size=5).filter(lambda text: _fits(Text(), text))


def _json_object(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    keys = st.sampled_from(("a", "b", "aa", "", "é", "A", "10", "9")) | _json_texts()
    objects = st.dictionaries(keys, inner, max_size=4)
    return objects | objects.map(MappingProxyType)


def _json_array(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    arrays = st.lists(inner, max_size=4)
    return arrays | arrays.map(tuple)


def json_documents(root: type) -> SearchStrategy[Any]:
    """What a JSON column takes: objects or arrays, some as deep as is allowed."""
    if root is dict:
        return _json_object(json_values()) | st.just({"deep": wrong.nested(63)})
    return _json_array(json_values()) | st.just(wrong.nested(64))


def text_arrays(longest: int | None = None) -> SearchStrategy[Any]:
    """Lists and tuples of any texts, or of texts of at most so many characters."""
    lists = st.lists(_json_texts().map(lambda text: text[:longest]), max_size=4)
    return lists | lists.map(tuple)


@cache
def values(column: Column) -> SearchStrategy[Any]:
    """Valid values of `column`, None among them where it may be missing."""
    found = of_rule(column.rule)
    return st.none() | found if column.nullable else found


@cache
def of_rule(rule: Rule) -> SearchStrategy[Any]:
    """Valid values under a rule."""
    match rule:
        case Text():
            return texts(rule)
        case Integer():
            return integers(rule)
        case Boolean():
            return st.booleans()
        case Numeric():
            return decimals(rule)
        case Timestamp():
            return moments()
        case Uuid():
            return uuids()
        case Member(kind=kind) | Choice(kind=kind):
            return _members(kind)
        case Json(root=root):
            return json_documents(root)
        case TextArray(longest=longest):
            return text_arrays(longest)
    raise TypeError(f"no strategy for {rule}")


def _members(kind: type[Enum]) -> SearchStrategy[Enum]:
    return st.sampled_from(list(kind))


@cache
def invalid_values(column: Column) -> SearchStrategy[Any]:
    """Values that `column` refuses."""
    return st.sampled_from(wrong.wrong_values(column))


def records(table: Table[R], **fixed: Any) -> SearchStrategy[R]:
    """Valid records of `table`; `fixed` gives fields a value or a strategy of their own."""
    fields = {column.name: values(column) for column in table.columns if column.name not in fixed}
    for name, value in fixed.items():
        fields[name] = value if isinstance(value, SearchStrategy) else st.just(value)
    return st.builds(table.record, **fields)


def filters(table: Table[Any]) -> SearchStrategy[Filter]:
    """Filters over all fields and operators, nested, with literals that are often stored too."""
    return _filters(table.columns)


@cache
def _filters(columns: tuple[Column, ...]) -> SearchStrategy[Filter]:
    return st.recursive(st.sampled_from(columns).flatmap(_leaves), _combined, max_leaves=6)


def _combined(inner: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)


@cache
def _leaves(column: Column) -> SearchStrategy[Filter]:
    """Conditions on one field."""
    name, rule = st.just(column.name), column.rule
    found: SearchStrategy[Filter] = st.builds(Missing, name)
    if isinstance(rule, TextArray):
        return found
    literals = _literals(rule)
    signs = list(Comparison) if rule.ordered else [Comparison.EQ, Comparison.NE]
    found |= st.builds(Compare, name, st.sampled_from(signs), literals)
    found |= st.builds(Among, name, st.lists(literals, max_size=3).map(tuple))
    if isinstance(rule, (Text, Choice)):
        patterns = st.sampled_from(TEXTS) | st.text(max_size=3).filter(lambda text: _fits(Text(), text))
        found |= st.builds(Occurs, name, st.sampled_from(list(Place)), patterns)
    if isinstance(rule, Json):
        found |= st.builds(Includes, name, json_values())
    return found


@cache
def _literals(rule: Rule) -> SearchStrategy[Any]:
    """Stored values, and literals beyond the bounds of what is stored."""
    match rule:
        case Text(longest=longest):
            return texts(Text(longest))
        case Integer():
            return integers(rule) | integers(Integer())
        case Numeric():
            exact = st.sampled_from([Decimal("1E+30"), Decimal("-1"), Decimal("0.005"), Decimal("1E-30"), -1, 1000])
            return decimals(rule) | exact
    return of_rule(rule)


@st.composite
def orders(draw: DrawFn, table: Table[Any]) -> Any:
    """What `order_by` takes: one to four fields, by name or with a direction, alone or in a list."""
    fields = [column.name for column in table.columns if _has_order(column.rule)]
    chosen = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=4, unique=True))
    entries: list[str | Order] = [
        draw(st.builds(Order, st.just(name), st.booleans()) | st.just(name)) for name in chosen
    ]
    return entries[0] if len(entries) == 1 and draw(st.booleans()) else entries


def _has_order(rule: Rule) -> bool:
    return rule.ordered and not (isinstance(rule, Text) and rule.longest is None)
