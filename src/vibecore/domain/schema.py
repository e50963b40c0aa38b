"""How a record becomes a table: the one declaration that validator, memory backend and PostgreSQL backend share.

A record is a frozen dataclass whose annotations carry value rules; a `Table` adds what spans fields and records:
key, scope, uniqueness, references, indexes. Order matters and is part of the contract: when several constraints
fail at once, the primary key is reported first, then the uniques as declared, then the references as declared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Rule

R = TypeVar("R")
NO_DEFAULT: Final = dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class Column:
    """One field: its rule, whether it may be None, and its default (`NO_DEFAULT` where it has none)."""

    name: str
    rule: Rule
    nullable: bool
    default: Any

    def check(self, value: Any) -> Any:
        """The stored form of `value`, or InvalidValue that names this column."""
        if value is None:
            if self.nullable:
                return None
            raise InvalidValue(self.name, "is missing")
        return self.rule.check(self.name, value)


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows share `fields`, among the rows where `only_field` is one of `only_values` if given.

    A None in `fields` is equal to nothing.
    """

    name: str
    fields: tuple[str, ...]
    only_field: str | None = None
    only_values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """`field` holds the id of a row of `target`; deleting that row deletes this one. None refers to nothing."""

    name: str
    field: str
    target: str


@dataclass(frozen=True, slots=True)
class Index:
    """A plain b-tree index, or GIN over one field of JSON or texts; `where` is the SQL condition of a partial one, as
    PostgreSQL spells it."""

    name: str
    fields: tuple[str, ...]
    gin: bool = False
    where: str | None = None


@dataclass(frozen=True)
class Table(Generic[R]):
    """A record type and its table.

    `scope` is the field that every statement filters on: the owning project or user, and the shard on Citus.
    `kind` is the noun in error messages. `partitioned` tables are range-partitioned by month of `created_at`.
    """

    record: type[R]
    name: str
    kind: str
    scope: str | None = None
    key: tuple[str, ...] = ("id",)
    uniques: tuple[Unique, ...] = ()
    references: tuple[Reference, ...] = ()
    indexes: tuple[Index, ...] = ()
    partitioned: bool = False
    server_defaults: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The fields in declaration order."""
        hints = get_type_hints(self.record, include_extras=True)
        return tuple(_column(field, hints[field.name]) for field in dataclasses.fields(self.record))  # type: ignore[arg-type]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def values(self) -> Callable[[R], tuple[Any, ...]]:
        """The field values of a record, in column order."""
        return attrgetter(*self.names)

    @cached_property
    def build(self) -> Callable[[Sequence[Any]], R]:
        """A record from values in column order, without running a frozen dataclass's slow `__init__`."""
        return row_builder(self.record, self.names)

    @cached_property
    def primary(self) -> Unique:
        return Unique(f"pk_{self.name}", self.key)

    @cached_property
    def locator(self) -> tuple[str, ...]:
        """The fields that address one row: the scope first, then the id."""
        return ("id",) if self.scope is None else (self.scope, "id")

    def column(self, name: str) -> Column:
        """The column called `name`; InvalidValue if there is none."""
        if type(name) is not str:
            # Its repr could be anything: an address, a secret, an error.
            raise InvalidValue("field", f"must be a name in text, not {type(name).__name__}")
        found = self.by_name.get(name)
        if found is None:
            raise InvalidValue("field", f"{self.kind} has no field {name[:80]!a}")
        return found

    def checked(self, record: R) -> R:
        """`record` with every value in its stored form; InvalidValue that names the first field that breaks a rule."""
        if type(record) is not self.record:
            raise InvalidValue(self.kind, f"must be a {self.record.__name__}, not {type(record).__name__}")
        values = self.values(record)
        stored = [column.check(value) for column, value in zip(self.columns, values, strict=True)]
        return self.build(tuple(stored))


def _column(field: dataclasses.Field[Any], hint: Any) -> Column:
    rule, nullable = _rule(hint)
    if rule is None:
        raise TypeError(f"field {field.name} has no value rule")
    return Column(field.name, rule, nullable, field.default)


def _rule(hint: Any) -> tuple[Rule | None, bool]:
    origin = get_origin(hint)
    if origin is Annotated:
        rules = [extra for extra in hint.__metadata__ if isinstance(extra, Rule)]
        inner = _rule(hint.__origin__)
        return (rules[0] if rules else inner[0]), inner[1]
    if origin is Union or origin is UnionType:
        inner_rules = [_rule(arm)[0] for arm in get_args(hint) if arm is not NoneType]
        return inner_rules[0], NoneType in get_args(hint)
    return None, False


def row_builder(
    record: type[R],
    names: Sequence[str],
    converters: Mapping[str, Callable[[Any], Any]] | None = None,
    nullable: Container[str] = (),
) -> Callable[[Sequence[Any]], R]:
    """A function from values in field order to a `record`, writing the slots directly.

    `converters` are applied to the fields they name, in `nullable` fields only to values other than None. A frozen
    dataclass's `__init__` calls `object.__setattr__` per field, three times the cost of the slot's own setter; the
    values come from the store or from `checked`, so nothing is skipped that would have been tested.
    """
    converters = converters or {}
    scope: dict[str, Any] = {"new": object.__new__, "record": record}
    lines = ["def build(row):", " r=new(record)", f" {''.join(f'v{i},' for i in range(len(names)))}=row"]
    for i, name in enumerate(names):
        scope[f"s{i}"] = record.__dict__[name].__set__
        value = f"v{i}"
        if name in converters:
            scope[f"c{i}"] = converters[name]
            value = f"c{i}(v{i})" + (f" if v{i} is not None else None" if name in nullable else "")
        lines.append(f" s{i}(r,{value})")
    exec("\n".join([*lines, " return r"]), scope)
    built: Callable[[Sequence[Any]], R] = scope["build"]
    return built


def updated_index(table: str) -> Index:
    """Every table has an index on `updated_at`, for incremental readers."""
    return Index(f"idx_{table}_updated", ("updated_at",))
