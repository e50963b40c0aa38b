"""Writing: constraints in the contract's order, versions, cascades. All inside a writing statement, values checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vibecore.domain.errors import AlreadyExists, MissingReference, NotFound, Stale
from vibecore.domain.schema import Unique
from vibecore.repositories import arguments
from vibecore.repositories.memory.layout import Key, Layout, ReferenceCheck, layouts
from vibecore.repositories.memory.transaction import Transaction


def insert(tx: Transaction, layout: Layout, record: Any) -> None:
    """Add one row."""
    key = layout.key(record)
    if tx.row(layout, key) is not None:
        raise _exists(layout, layout.table.primary)
    for place, index in enumerate(layout.uniques):
        value = index.key(record)
        if value is not None and tx.holder(layout, place, value) is not None:
            raise _exists(layout, index.unique)
    for check in layout.references:
        _require(tx, layout, check, record, (key,))
    tx.put(layout, None, record)


def insert_many(tx: Transaction, layout: Layout, records: Sequence[Any]) -> None:
    """Add all rows or none: uniqueness of all in order, then references of all in order."""
    keys: set[Key] = set()
    values: list[set[Key]] = [set() for _ in layout.uniques]
    for record in records:
        key = layout.key(record)
        if key in keys or tx.row(layout, key) is not None:
            raise _exists(layout, layout.table.primary)
        keys.add(key)
        for place, index in enumerate(layout.uniques):
            value = index.key(record)
            if value is None:
                continue
            if value in values[place] or tx.holder(layout, place, value) is not None:
                raise _exists(layout, index.unique)
            values[place].add(value)
    for record in records:
        for check in layout.references:
            _require(tx, layout, check, record, keys)
    tx.apply(layout, [(None, record) for record in records])


def update_many(tx: Transaction, layout: Layout, records: Sequence[Any]) -> list[Any]:
    """Replace the rows of `records`, each of another key, where they are still of the version that `records` say."""
    olds = [_current(tx, layout, record) for record in records]
    news = [_successor(tx, layout, old, record) for old, record in zip(olds, records, strict=True)]
    replace(tx, layout, list(zip(olds, news, strict=True)))
    return news


def replace(tx: Transaction, layout: Layout, changes: Sequence[tuple[Any, Any]]) -> None:
    """Store new records in the place of old ones, in order.

    A row may not take a unique value that another row holds at the start, even if that one gives it up: whether a
    server admits an exchange depends on the order in which it happens to visit the rows.
    """
    taken = [
        (index, place, value)
        for old, new in changes
        for place, index in enumerate(layout.uniques)
        if (value := index.key(new)) is not None and value != index.key(old)
    ]
    for index, place, value in taken:
        if tx.holder(layout, place, value) is not None:
            raise _exists(layout, index.unique)
    seen: set[tuple[int, Key]] = set()
    for index, place, value in taken:
        if (place, value) in seen:
            raise _exists(layout, index.unique)
        seen.add((place, value))
    for old, new in changes:
        for check in layout.references:
            if check.key(new) != check.key(old):
                _require(tx, layout, check, new, ())
    if len(changes) == 1:
        tx.put(layout, *changes[0])
    else:
        tx.apply(layout, changes)


def delete(tx: Transaction, layout: Layout, records: Iterable[Any]) -> None:
    """Remove rows of one table and, transitively, all that refers to them."""
    doomed: dict[int, dict[Key, Any]] = {}
    fresh = [(layout, layout.key(record), record) for record in records]
    while fresh:
        at, key, record = fresh.pop()
        rows = doomed.setdefault(at.position, {})
        if key not in rows:
            rows[key] = record
            fresh += _referring(tx, at, key)
    # Those that refer go first, so that no state in between has a reference to nothing.
    for position in sorted(doomed, reverse=True):
        tx.apply(layouts()[position], [(record, None) for record in doomed[position].values()])


def _referring(tx: Transaction, layout: Layout, key: Key) -> list[tuple[Layout, Key, Any]]:
    found = []
    for referrer in layout.referrers:
        other = layouts()[referrer.position]
        entries = tx.bucket(other, referrer.bucket, key)
        if other.buckets[referrer.bucket].holds_records:
            found += [(other, other.key(record), record) for record in entries]
        else:
            found += [(other, entry, tx.row(other, entry)) for entry in entries]
    return found


def _current(tx: Transaction, layout: Layout, record: Any) -> Any:
    old = tx.row(layout, layout.key(record))
    if old is None or (layout.scope is not None and layout.scope(old) != layout.scope(record)):
        raise NotFound(layout.table.kind, record.id)
    if old.updated_at != record.updated_at:
        raise Stale(layout.table.kind, record.id)
    return old


def _successor(tx: Transaction, layout: Layout, old: Any, record: Any) -> Any:
    """`record` as the next version of `old`; the id and the scope are the same already."""
    return versioned(tx, layout, old, record, created_at=old.created_at)


def versioned(tx: Transaction, layout: Layout, old: Any, record: Any, /, **changes: Any) -> Any:
    """`record` with `changes` as the next version of `old`."""
    changes["updated_at"] = arguments.next_version(tx.now, old.updated_at)
    table = layout.table
    values = dict(zip(table.names, table.values(record), strict=True))
    return table.build(tuple({**values, **changes}.values()))


def _require(tx: Transaction, layout: Layout, check: ReferenceCheck, record: Any, batch: Iterable[Key]) -> None:
    """That the row which `record` names exists, or comes in the same batch."""
    key = check.key(record)
    if key is None or (check.target == layout.position and key in batch):
        return
    if not tx.exists(check.target, key):
        raise MissingReference(layout.table.kind, check.reference.name, check.reference.field)


def _exists(layout: Layout, unique: Unique) -> AlreadyExists:
    return AlreadyExists(layout.table.kind, unique.name, unique.fields)
