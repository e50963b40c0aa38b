"""How each table is kept: where its rows, uniqueness and references are found. Made once from the declared tables."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final

from vibecore.domain.rules import Uuid
from vibecore.domain.schema import Reference, Table, Unique
from vibecore.domain.tables import TABLES

Key = Hashable
"""What a row is found by: the integer of its id, whose hash and equality cost a fraction of a UUID's."""
KeyOf = Callable[[Any], Any]

MATERIALIZED: Final = len(TABLES)
"""The position behind the tables: the state of the materialized views, one value under the key 0."""


@dataclass(frozen=True, slots=True)
class UniqueIndex:
    """One unique constraint; `key` gives None for a record that it does not hold for."""

    unique: Unique
    key: KeyOf


@dataclass(frozen=True, slots=True)
class BucketIndex:
    """Rows by one id they name. The scope's buckets hold the records, the others the keys of the rows."""

    field: str
    key: KeyOf
    holds_records: bool


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """One reference: the position of the table it names, and the key it names there (None: nothing)."""

    reference: Reference
    target: int
    key: KeyOf


@dataclass(frozen=True, slots=True)
class Referrer:
    """Who refers to a table: the position of the referring table and the place of the bucket index there."""

    position: int
    bucket: int


@dataclass(frozen=True, slots=True)
class Layout:
    """One table at its `position` in the state."""

    table: Table[Any]
    position: int
    key: KeyOf
    scope: KeyOf | None
    uniques: tuple[UniqueIndex, ...]
    buckets: tuple[BucketIndex, ...]
    references: tuple[ReferenceCheck, ...]
    referrers: tuple[Referrer, ...]

    def unique(self, name: str) -> int:
        """The place of a unique constraint."""
        return next(i for i, index in enumerate(self.uniques) if index.unique.name == name)

    def bucket(self, field: str) -> int:
        """The place of the buckets by `field`."""
        return _bucket_fields(self.table).index(field)


@cache
def layouts() -> tuple[Layout, ...]:
    """The layout of every table, at its position."""
    return tuple(_layout(table, position) for position, table in enumerate(TABLES))


@cache
def layout_of(name: str) -> Layout:
    """The layout of the table called `name`."""
    return next(layout for layout in layouts() if layout.table.name == name)


def _layout(table: Table[Any], position: int) -> Layout:
    positions = {other.name: place for place, other in enumerate(TABLES)}
    fields = _bucket_fields(table)
    return Layout(
        table=table,
        position=position,
        key=attrgetter(*(_path(table, field) for field in table.key)),
        scope=None if table.scope is None else attrgetter(_path(table, table.scope)),
        uniques=tuple(UniqueIndex(unique, _unique_key(table, unique)) for unique in table.uniques),
        buckets=tuple(BucketIndex(field, _optional(table, field), field == table.scope) for field in fields),
        references=tuple(
            ReferenceCheck(reference, positions[reference.target], _optional(table, reference.field))
            for reference in table.references
        ),
        referrers=tuple(
            Referrer(positions[other.name], _bucket_fields(other).index(reference.field))
            for other in TABLES
            for reference in other.references
            if reference.target == table.name
        ),
    )


def _bucket_fields(table: Table[Any]) -> list[str]:
    scope = [] if table.scope is None else [table.scope]
    return list(dict.fromkeys([*scope, *(reference.field for reference in table.references)]))


def _path(table: Table[Any], field: str) -> str:
    return f"{field}.int" if isinstance(table.by_name[field].rule, Uuid) else field


def _optional(table: Table[Any], field: str) -> KeyOf:
    """The key of a field that may be None."""
    key = attrgetter(_path(table, field))
    if not table.by_name[field].nullable:
        return key
    value = attrgetter(field)
    return lambda record: None if value(record) is None else key(record)


def _unique_key(table: Table[Any], unique: Unique) -> KeyOf:
    key = attrgetter(*(_path(table, field) for field in unique.fields))
    nullable = tuple(field for field in unique.fields if table.by_name[field].nullable)
    if unique.only_field is None and not nullable:
        return key
    only = None if unique.only_field is None else attrgetter(unique.only_field)
    values = frozenset(unique.only_values)

    def partial(record: Any) -> Any:
        if only is not None and only(record) not in values:
            return None
        if any(getattr(record, field) is None for field in nullable):
            return None
        return key(record)

    return partial
