"""The calls that every table offers: see `vibecore.repositories.tables`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from vibecore.domain import filters
from vibecore.domain.access import Upserted
from vibecore.domain.errors import NotFound, TransactionError
from vibecore.domain.filters import Filter
from vibecore.domain.paging import Cursors, Listing, OrderBy, Page
from vibecore.domain.schema import Table, Unique
from vibecore.repositories import arguments, upserts
from vibecore.repositories.memory import listings, writes
from vibecore.repositories.memory.layout import Key, layout_of
from vibecore.repositories.memory.repository import Repository
from vibecore.repositories.memory.state import Root
from vibecore.repositories.memory.transaction import Transaction
from vibecore.repositories.unit_of_work import Mode

R = TypeVar("R")
STREAMED: Final = 1000
"""Rows of a stream between two looks at the state of its unit of work."""


class Rows(Repository, Generic[R]):
    """One table of one unit of work."""

    __slots__ = ("_cursors", "_layout", "_points", "_position", "_table")

    def __init__(self, transaction: Transaction, table: Table[R], cursors: Cursors) -> None:
        super().__init__(transaction)
        self._cursors = cursors
        self._layout = layout_of(table.name)
        self._table = table
        self._position = self._layout.position
        self._points = transaction.reads.points[self._position]

    def insert(self, record: R, /) -> R:
        with self.transaction.writing():
            stored = self._table.checked(record)
            writes.insert(self.transaction, self._layout, stored)
            return stored

    def insert_many(self, records: Iterable[R], /) -> int:
        # The records may come from a generator that calls this unit of work: no statement is open while it runs.
        self.transaction.check(write=True)
        given = list(records) if isinstance(records, Iterable) else records
        with self.transaction.writing():
            stored = arguments.records(self._table, given)
            writes.insert_many(self.transaction, self._layout, stored)
            return len(stored)

    def update(self, record: R, /) -> R:
        with self.transaction.writing():
            stored = arguments.changes(self._table, [record])
            updated: R = writes.update_many(self.transaction, self._layout, stored)[0]
            return updated

    def update_many(self, records: Sequence[R], /) -> list[R]:
        with self.transaction.writing():
            stored = arguments.changes(self._table, records)
            return writes.update_many(self.transaction, self._layout, stored)

    def upsert(self, records: Sequence[R], /, *, on: str | None = None) -> list[Upserted]:
        tx, layout = self.transaction, self._layout
        with tx.writing():
            return upserts.upsert(
                self._table,
                records,
                on,
                self._existing,
                lambda new: writes.insert_many(tx, layout, new),
                lambda changed: writes.update_many(tx, layout, changed),
            )

    def _existing(self, unique: Unique, keys: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], R]:
        found = ((key, self._holding(unique, key)) for key in keys)
        return {key: row for key, row in found if row is not None}

    def _holding(self, unique: Unique, key: tuple[Any, ...]) -> Any:
        if unique.name == self._table.primary.name:
            return self._locate(self.transaction.root, key)
        plain = tuple(value.int if type(value) is UUID else value for value in key)
        value = plain[0] if len(plain) == 1 else plain
        return self.transaction.held(self._layout, self._layout.unique(unique.name), value)

    def _locate(self, root: Root, key: tuple[UUID, ...]) -> Any:
        """The record at a locator, or None."""
        number = key[-1].int
        self._points.add(number)
        record = root[self._position].rows.get(number)
        scope = self._layout.scope
        if record is not None and scope is not None and scope(record) != key[0].int:
            return None
        return record

    def _found(self, root: Root, key: tuple[UUID, ...]) -> R:
        record: R | None = self._locate(root, key)
        if record is None:
            raise NotFound(self._table.kind, key[-1])
        return record

    def _records(self, root: Root, scope: UUID | None) -> Sequence[Any]:
        """All records of the table or of the scope, in no order."""
        if scope is None:
            self.transaction.reads.scans[self._position].add(0)
            return root[self._position].records
        # The scope's buckets are the first.
        return self.transaction.bucket(self._layout, 0, scope.int)

    def _page(self, root: Root, listing: Listing) -> Page[R]:
        return self._cursors.page(listing, listings.head(listing, self._records(root, listing.scope)))

    def _count(self, root: Root, scope: UUID | None, where: Filter | None) -> int:
        checked = filters.checked(self._table, where)
        return len(listings.matching(self._table, checked, self._records(root, scope)))

    def _stream(self, scope: UUID | None, where: Filter | None, order_by: OrderBy | None) -> Iterator[R]:
        if self.transaction.mode in (Mode.READ, Mode.SINGLE):
            raise TransactionError("a stream needs a unit of work whose statements share a snapshot")
        return self._streamed(self._cursors.listing(self._table, scope, where, order_by, 0, None))

    def _streamed(self, listing: Listing) -> Iterator[R]:
        with self.transaction.reading() as root:
            rows = listings.ordered(listing, self._records(root, listing.scope))
            stream = self.transaction.begin_stream()
        try:
            for start in range(0, len(rows), STREAMED):
                if start:
                    self.transaction.check_stream(stream)
                yield from rows[start : start + STREAMED]
            if rows and len(rows) % STREAMED == 0:
                self.transaction.check_stream(stream)
        finally:
            self.transaction.end_stream(stream)

    def _find_many(self, scope: UUID | None, ids: Iterable[UUID]) -> dict[UUID, R]:
        self.transaction.check()
        given = list(ids) if isinstance(ids, Iterable) else ids
        with self.transaction.reading() as root:
            prefix = () if self._table.scope is None else (arguments.scope(self._table, scope),)
            found = ((id, self._locate(root, (*prefix, id))) for id in arguments.ids(given))
            return {id: record for id, record in found if record is not None}


class MemoryRoots(Rows[R]):
    """See `vibecore.repositories.tables.Roots`."""

    __slots__ = ()

    def get(self, id: UUID, /) -> R:
        tx = self.transaction
        root = tx.enter()
        try:
            number: Key = (id if type(id) is UUID else arguments.uuid("id", id)).int
            self._points.add(number)
            record: R | None = root[self._position].rows.get(number)
            if record is None:
                raise NotFound(self._table.kind, id)
            return record
        finally:
            tx.leave()

    def find(self, id: UUID, /) -> R | None:
        with self.transaction.reading() as root:
            found: R | None = self._locate(root, arguments.locator(self._table, (id,)))
            return found

    def find_many(self, ids: Iterable[UUID], /) -> dict[UUID, R]:
        return self._find_many(None, ids)

    def delete(self, id: UUID, /) -> None:
        with self.transaction.writing() as root:
            record = self._found(root, arguments.locator(self._table, (id,)))
            writes.delete(self.transaction, self._layout, [record])

    def page(
        self,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]:
        with self.transaction.reading() as root:
            return self._page(root, self._cursors.listing(self._table, None, where, order_by, limit, cursor))

    def stream(self, *, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[R]:
        self.transaction.check()
        return self._stream(None, where, order_by)

    def count(self, *, where: Filter | None = None) -> int:
        with self.transaction.reading() as root:
            return self._count(root, None, where)


class MemoryChildren(Rows[R]):
    """See `vibecore.repositories.tables.Children`."""

    __slots__ = ()

    def get(self, scope: UUID, id: UUID, /) -> R:
        tx = self.transaction
        root = tx.enter()
        try:
            return self._found(root, (arguments.scope(self._table, scope), arguments.uuid("id", id)))
        finally:
            tx.leave()

    def find(self, scope: UUID, id: UUID, /) -> R | None:
        with self.transaction.reading() as root:
            found: R | None = self._locate(root, arguments.locator(self._table, (scope, id)))
            return found

    def find_many(self, scope: UUID, ids: Iterable[UUID], /) -> dict[UUID, R]:
        return self._find_many(scope, ids)

    def delete(self, scope: UUID, id: UUID, /) -> None:
        with self.transaction.writing() as root:
            record = self._found(root, arguments.locator(self._table, (scope, id)))
            writes.delete(self.transaction, self._layout, [record])

    def delete_where(self, scope: UUID, where: Filter, /) -> int:
        with self.transaction.writing() as root:
            owner = arguments.scope(self._table, scope)
            checked = arguments.condition(self._table, where)
            rows = listings.matching(self._table, checked, self._records(root, owner))
            writes.delete(self.transaction, self._layout, rows)
            return len(rows)

    def page(
        self,
        scope: UUID,
        /,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]:
        with self.transaction.reading() as root:
            owner = arguments.scope(self._table, scope)
            return self._page(root, self._cursors.listing(self._table, owner, where, order_by, limit, cursor))

    def stream(self, scope: UUID, /, *, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[R]:
        self.transaction.check()
        return self._stream(arguments.scope(self._table, scope), where, order_by)

    def count(self, scope: UUID, /, *, where: Filter | None = None) -> int:
        with self.transaction.reading() as root:
            return self._count(root, arguments.scope(self._table, scope), where)
