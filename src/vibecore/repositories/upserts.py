"""Upserts: one algorithm for both backends, over what each can do alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from vibecore.domain.access import Upserted
from vibecore.domain.errors import InvalidValue
from vibecore.domain.schema import Table, Unique
from vibecore.repositories import arguments

R = TypeVar("R")
Key = tuple[Any, ...]
Existing = Callable[[Unique, list[Key]], dict[Key, R]]


def upsert(
    table: Table[R],
    records: Iterable[R],
    on: str | None,
    existing: Existing[R],
    insert_many: Callable[[list[R]], object],
    update_many: Callable[[list[R]], object],
) -> list[Upserted]:
    """What `Writes.upsert` says, inside a unit of work that sees one state throughout.

    `existing` finds the rows that hold keys of a unique (the primary one addresses rows by `table.locator`).
    `insert_many` gets the new records in order, `update_many` the others, once for each scope in order of appearance;
    both get records in their stored form.
    """
    checked = arguments.records(table, records)
    unique = matching(table, on)
    keys = [_key(record, unique) for record in checked]
    last = {key: place for place, key in enumerate(keys) if key is not None}
    found = existing(unique, list(last)) if last else {}
    outcomes: list[Upserted] = []
    new: list[R] = []
    changed: dict[object, list[R]] = {}
    for place, (record, key) in enumerate(zip(checked, keys, strict=True)):
        row = None if key is None else found.get(key)
        if key is not None and last[key] != place:
            outcomes.append(Upserted.SUPERSEDED)
        elif row is None:
            outcomes.append(Upserted.INSERTED)
            new.append(record)
        else:
            outcomes.append(Upserted.UPDATED)
            scope = None if table.scope is None else getattr(row, table.scope)
            changed.setdefault(scope, []).append(_over(table, row, record))
    if new:
        insert_many(new)
    for rows in changed.values():
        update_many(rows)
    return outcomes


def matching(table: Table[Any], on: str | None) -> Unique:
    """The constraint that `on` names (None: the key that addresses rows); InvalidValue if it cannot match."""
    if on is None or on == table.primary.name:
        return Unique(table.primary.name, table.locator)
    unique = next((unique for unique in table.uniques if unique.name == on), None)
    if unique is None:
        raise InvalidValue("on", f"names no unique constraint of {table.kind}")
    if unique.only_field is not None:
        raise InvalidValue("on", f"{unique.name} holds for some rows only")
    return unique


def _key(record: object, unique: Unique) -> Key | None:
    key = tuple(getattr(record, field) for field in unique.fields)
    return None if None in key else key


def _over(table: Table[R], row: R, record: R) -> R:
    """`record` in the place of `row`, as a change of the version that was found."""
    kept = {*table.locator, "created_at", "updated_at"}
    version = getattr(row, "updated_at")  # noqa: B009  # R is any record
    arguments.next_version(version, version)
    values: Sequence[Any] = [getattr(row if name in kept else record, name) for name in table.names]
    return table.build(tuple(values))
