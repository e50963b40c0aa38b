"""Filters: one typed syntax tree, interpreted in Python here and in SQL by the PostgreSQL backend.

Build one from `field(name)` and combine with `&`, `|`, `~`:

    field("status").eq(ProjectStatus.REVIEW) & ~field("name").contains("test")

Logic is three-valued as in SQL: a comparison with a missing value is neither true nor false, and only rows for which
the whole filter is true are selected. Text compares by code point, case counts, and no character is a wildcard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final, assert_never

from vibecore.domain import json
from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Choice, Json, Text, TextArray, check_member, check_text
from vibecore.domain.schema import Column, Table

MAX_DEPTH: Final = 32
MAX_NODES: Final = 500
MAX_AMONG: Final = 100_000

Truth = bool | None
Predicate = Callable[[Any], Truth]


class Comparison(StrEnum):
    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class Place(StrEnum):
    """Where a text must occur."""

    ANYWHERE = "anywhere"
    START = "start"
    END = "end"


class _Combinable:
    __slots__ = ()

    def __and__(self, other: Filter) -> And:
        return And((self, other))  # type: ignore[arg-type]

    def __or__(self, other: Filter) -> Or:
        return Or((self, other))  # type: ignore[arg-type]

    def __invert__(self) -> Not:
        return Not(self)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Compare(_Combinable):
    """`field` against one literal."""

    field: str
    comparison: Comparison
    value: Any


@dataclass(frozen=True, slots=True)
class Among(_Combinable):
    """`field` is one of `values`. Of none it is false, and never unknown, of a missing value too."""

    field: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Missing(_Combinable):
    """`field` is None. Never unknown."""

    field: str


@dataclass(frozen=True, slots=True)
class Occurs(_Combinable):
    """`text` stands in `field`, literally."""

    field: str
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Includes(_Combinable):
    """JSON containment: PostgreSQL's `field @> part`."""

    field: str
    part: Any


@dataclass(frozen=True, slots=True)
class And(_Combinable):
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or(_Combinable):
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not(_Combinable):
    part: Filter


Filter = Compare | Among | Missing | Occurs | Includes | And | Or | Not


@dataclass(frozen=True, slots=True)
class Field:
    """A field by name; its methods make filters. Names and literals are checked when the filter is used."""

    name: str

    def eq(self, value: object) -> Compare:
        return Compare(self.name, Comparison.EQ, value)

    def ne(self, value: object) -> Compare:
        return Compare(self.name, Comparison.NE, value)

    def lt(self, value: object) -> Compare:
        return Compare(self.name, Comparison.LT, value)

    def le(self, value: object) -> Compare:
        return Compare(self.name, Comparison.LE, value)

    def gt(self, value: object) -> Compare:
        return Compare(self.name, Comparison.GT, value)

    def ge(self, value: object) -> Compare:
        return Compare(self.name, Comparison.GE, value)

    def among(self, values: Iterable[object]) -> Among:
        """InvalidValue if `values` is no list; it is read no further than the most that a filter can hold."""
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InvalidValue("where", f"among needs a list of values, not {type(values).__name__}")
        return Among(self.name, tuple(islice(values, MAX_AMONG + 1)))

    def missing(self) -> Missing:
        return Missing(self.name)

    def contains(self, text: str) -> Occurs:
        return Occurs(self.name, Place.ANYWHERE, text)

    def starts_with(self, text: str) -> Occurs:
        return Occurs(self.name, Place.START, text)

    def ends_with(self, text: str) -> Occurs:
        return Occurs(self.name, Place.END, text)

    def includes(self, part: object) -> Includes:
        return Includes(self.name, part)


def field(name: str) -> Field:
    """The start of every filter."""
    return Field(name)


def checked(table: Table[Any], where: Filter | None) -> Filter | None:
    """`where` with known fields and stored-form literals; InvalidValue names what is wrong."""
    if where is None:
        return None
    budget = [MAX_NODES]
    return _checked(table, where, 0, budget)


def _checked(table: Table[Any], node: Filter, depth: int, budget: list[int]) -> Filter:
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise InvalidValue("where", f"is deeper than {MAX_DEPTH} or has more than {MAX_NODES} parts")
    match node:
        case Compare():
            return _checked_compare(table.column(node.field), node)
        case Among():
            column = table.column(node.field)
            _require(column, not isinstance(column.rule, TextArray), "cannot be compared")
            _require(column, type(node.values) is tuple, "is compared with what is no tuple")
            if len(node.values) > MAX_AMONG:
                raise InvalidValue(node.field, f"is compared with more than {MAX_AMONG} values")
            return Among(node.field, tuple(_literal(column, value) for value in node.values))
        case Missing():
            table.column(node.field)
            return node
        case Occurs():
            column = table.column(node.field)
            _require(column, isinstance(column.rule, (Text, Choice)), "is not text")
            check_member(Place, column.name, node.place)
            return Occurs(node.field, node.place, _pattern(node))
        case Includes():
            column = table.column(node.field)
            _require(column, isinstance(column.rule, Json), "is not JSON")
            return Includes(node.field, json.freeze(node.field, node.part))
        case And():
            return And(tuple(_checked(table, part, depth + 1, budget) for part in _parts(node)))
        case Or():
            return Or(tuple(_checked(table, part, depth + 1, budget) for part in _parts(node)))
        case Not():
            return Not(_checked(table, node.part, depth + 1, budget))
    raise InvalidValue("where", f"{type(node).__name__} is not a filter")


def _parts(node: And | Or) -> tuple[Filter, ...]:
    """The parts of a node, which may have been built by hand."""
    if type(node.parts) is not tuple:
        raise InvalidValue("where", f"{type(node).__name__} needs a tuple of filters")
    return node.parts


def _pattern(node: Occurs) -> str:
    text = check_text(node.field, node.text)
    if len(text) > 10_000:
        raise InvalidValue(node.field, "is searched for more than 10000 characters")
    return text


def _checked_compare(column: Column, node: Compare) -> Compare:
    _require(column, not isinstance(column.rule, TextArray), "cannot be compared")
    check_member(Comparison, column.name, node.comparison)
    if node.comparison not in (Comparison.EQ, Comparison.NE):
        _require(column, column.rule.ordered, "has no order")
    return Compare(node.field, node.comparison, _literal(column, node.value))


def _literal(column: Column, value: object) -> Any:
    if value is None:
        raise InvalidValue(column.name, "cannot be compared with None: use missing()")
    return column.rule.literal(column.name, value)


def _require(column: Column, holds: bool, reason: str) -> None:
    if not holds:
        raise InvalidValue(column.name, reason)


def predicate(table: Table[Any], where: Filter) -> Predicate:
    """A function from a record to True, False or None (unknown), for a filter that `checked` returned."""
    match where:
        case Compare():
            return _compare(table.column(where.field), where)
        case Among():
            return _among(table.column(where.field), where)
        case Missing():
            name = where.field
            return lambda record: getattr(record, name) is None
        case Occurs():
            return _occurs(where)
        case Includes():
            return _known(where.field, lambda have: json.contains(have, where.part))
        case And():
            return _all([predicate(table, part) for part in where.parts])
        case Or():
            return _any([predicate(table, part) for part in where.parts])
        case Not():
            inner = predicate(table, where.part)
            return lambda record: None if (truth := inner(record)) is None else not truth
    assert_never(where)


def _known(name: str, test: Callable[[Any], bool]) -> Predicate:
    def run(record: Any) -> Truth:
        have = getattr(record, name)
        return None if have is None else test(have)

    return run


def _compare(column: Column, node: Compare) -> Predicate:
    rank = column.rule.rank
    want = rank(node.value)
    match node.comparison:
        case Comparison.EQ:
            return _known(node.field, lambda have: bool(rank(have) == want))
        case Comparison.NE:
            return _known(node.field, lambda have: bool(rank(have) != want))
        case Comparison.LT:
            return _known(node.field, lambda have: bool(rank(have) < want))
        case Comparison.LE:
            return _known(node.field, lambda have: bool(rank(have) <= want))
        case Comparison.GT:
            return _known(node.field, lambda have: bool(rank(have) > want))
        case Comparison.GE:
            return _known(node.field, lambda have: bool(rank(have) >= want))
    assert_never(node.comparison)


def _among(column: Column, node: Among) -> Predicate:
    if not node.values:
        return lambda record: False
    if isinstance(column.rule, Json):
        return _known(node.field, lambda have: any(json.equal(have, want) for want in node.values))
    wanted = frozenset(node.values)
    return _known(node.field, lambda have: have in wanted)


def _occurs(node: Occurs) -> Predicate:
    text = node.text
    match node.place:
        case Place.ANYWHERE:
            return _known(node.field, lambda have: text in str(have))
        case Place.START:
            return _known(node.field, lambda have: str(have).startswith(text))
        case Place.END:
            return _known(node.field, lambda have: str(have).endswith(text))
    assert_never(node.place)


def _all(parts: list[Predicate]) -> Predicate:
    def run(record: Any) -> Truth:
        result: Truth = True
        for part in parts:
            truth = part(record)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    return run


def _any(parts: list[Predicate]) -> Predicate:
    def run(record: Any) -> Truth:
        result: Truth = False
        for part in parts:
            truth = part(record)
            if truth:
                return True
            if truth is None:
                result = None
        return result

    return run
