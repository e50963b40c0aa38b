"""The state of a database: immutable, so that a snapshot, a rollback and a fork are assignments.

Every change returns a new state that shares what it did not change. Identity is meaningful: a row, a bucket or a
table that nobody wrote is the same object before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from rpds import HashTrieMap

from vibecore.repositories.memory.layout import Key, Layout, layouts

T = TypeVar("T")
Change = tuple[Any, Any]
"""A row's record before and after; None where it did not exist or does not any more. Both have the same key."""


class Bucket(Generic[T]):
    """Rows that name the same id, by key."""

    __slots__ = ("_values", "entries")

    def __init__(self, entries: HashTrieMap[Key, T]) -> None:
        self.entries = entries
        self._values: tuple[T, ...] | None = None

    @property
    def values(self) -> tuple[T, ...]:
        """All entries in no order; kept, because walking a trie costs a hundred times as much as walking a tuple."""
        values = self._values
        if values is None:
            values = self._values = tuple(self.entries.values())
        return values


class TableState:
    """One table: rows by key, and for each index of the layout a map to the rows' keys or to buckets of rows."""

    __slots__ = ("_records", "buckets", "rows", "uniques")

    def __init__(
        self,
        rows: HashTrieMap[Key, Any],
        uniques: tuple[HashTrieMap[Key, Key], ...],
        buckets: tuple[HashTrieMap[Key, Bucket[Any]], ...],
    ) -> None:
        self.rows = rows
        self.uniques = uniques
        self.buckets = buckets
        self._records: tuple[Any, ...] | None = None

    @property
    def records(self) -> tuple[Any, ...]:
        """All records in no order."""
        records = self._records
        if records is None:
            records = self._records = tuple(self.rows.values())
        return records


Root = tuple[TableState, ...]
"""The tables at their positions, then the materialized views."""

NOTHING: Final[HashTrieMap[Any, Any]] = HashTrieMap()


def empty() -> Root:
    """A database without rows."""
    tables = [
        TableState(NOTHING, (NOTHING,) * len(layout.uniques), (NOTHING,) * len(layout.buckets)) for layout in layouts()
    ]
    return (*tables, TableState(NOTHING, (), ()))


def replaced(root: Root, position: int, state: TableState) -> Root:
    """`root` with another state of one table."""
    return (*root[:position], state, *root[position + 1 :])


def place(state: TableState, layout: Layout, old: Any, new: Any) -> TableState:
    """`state` with `new` instead of `old` (None: beside all others). Nothing is checked."""
    key = layout.key(new)
    uniques, buckets = state.uniques, state.buckets
    for i, index in enumerate(layout.uniques):
        was = None if old is None else index.key(old)
        now = index.key(new)
        if was != now:
            uniques = _set(uniques, i, _moved(uniques[i], was, now, key))
    for i, bucket_index in enumerate(layout.buckets):
        was = None if old is None else bucket_index.key(old)
        now = bucket_index.key(new)
        if was == now and not bucket_index.holds_records:
            continue
        entries = buckets[i]
        if was is not None and was != now:
            entries = _taken(entries, was, [key])
        if now is not None:
            entries = _given(entries, now, [(key, new if bucket_index.holds_records else key)])
        buckets = _set(buckets, i, entries)
    return TableState(state.rows.insert(key, new), uniques, buckets)


def change(state: TableState, layout: Layout, changes: Sequence[Change]) -> TableState:
    """`state` after all `changes`, one for a row. Nothing is checked."""
    rows = state.rows
    for old, new in changes:
        if new is None:
            rows = rows.remove(layout.key(old))
    rows = rows.update([(layout.key(new), new) for _, new in changes if new is not None])
    uniques = tuple(_changed_unique(entries, layout, i, changes) for i, entries in enumerate(state.uniques))
    buckets = tuple(_changed_buckets(entries, layout, i, changes) for i, entries in enumerate(state.buckets))
    return TableState(rows, uniques, buckets)


def _changed_unique(
    entries: HashTrieMap[Key, Key], layout: Layout, place: int, changes: Sequence[Change]
) -> HashTrieMap[Key, Key]:
    key_of = layout.uniques[place].key
    given: list[tuple[Key, Key]] = []
    for old, new in changes:
        was = None if old is None else key_of(old)
        now = None if new is None else key_of(new)
        if was == now:
            continue
        if was is not None:
            entries = entries.remove(was)
        if now is not None:
            given.append((now, layout.key(new)))
    return entries.update(given) if given else entries


def _changed_buckets(
    entries: HashTrieMap[Key, Bucket[Any]], layout: Layout, place: int, changes: Sequence[Change]
) -> HashTrieMap[Key, Bucket[Any]]:
    index = layout.buckets[place]
    taken: dict[Key, list[Key]] = {}
    given: dict[Key, list[tuple[Key, Any]]] = {}
    for old, new in changes:
        was = None if old is None else index.key(old)
        now = None if new is None else index.key(new)
        if was == now and not index.holds_records:
            continue
        key = layout.key(old if new is None else new)
        if was is not None and was != now:
            taken.setdefault(was, []).append(key)
        if now is not None:
            given.setdefault(now, []).append((key, new if index.holds_records else key))
    for bucket, keys in taken.items():
        entries = _taken(entries, bucket, keys)
    for bucket, pairs in given.items():
        entries = _given(entries, bucket, pairs)
    return entries


def _given(
    entries: HashTrieMap[Key, Bucket[Any]], bucket: Key, pairs: list[tuple[Key, Any]]
) -> HashTrieMap[Key, Bucket[Any]]:
    have = entries.get(bucket)
    kept = NOTHING if have is None else have.entries
    more = kept.insert(*pairs[0]) if len(pairs) == 1 else kept.update(pairs)
    return entries.insert(bucket, Bucket(more))


def _taken(entries: HashTrieMap[Key, Bucket[Any]], bucket: Key, keys: Iterable[Key]) -> HashTrieMap[Key, Bucket[Any]]:
    """Without `keys`; an empty bucket goes too, so that what refers to nothing takes no room."""
    left = entries[bucket].entries
    for key in keys:
        left = left.remove(key)
    return entries.insert(bucket, Bucket(left)) if len(left) else entries.remove(bucket)


def _moved(entries: HashTrieMap[Key, Key], was: Key | None, now: Key | None, key: Key) -> HashTrieMap[Key, Key]:
    if was is not None:
        entries = entries.remove(was)
    return entries if now is None else entries.insert(now, key)


def _set(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])
