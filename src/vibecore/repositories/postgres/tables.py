"""What every table offers, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from vibecore.domain.access import Upserted
from vibecore.domain.errors import AlreadyExists, NotFound, Stale, TransactionError
from vibecore.domain.filters import Filter
from vibecore.domain.paging import Cursors, Listing, OrderBy, Page
from vibecore.domain.schema import Table, Unique
from vibecore.repositories import arguments
from vibecore.repositories.postgres._codec import array_literal, sql_type
from vibecore.repositories.postgres._filters import Params, condition
from vibecore.repositories.postgres._listing import tail
from vibecore.repositories.postgres._listing import where as where_clause
from vibecore.repositories.postgres._statements import Statements
from vibecore.repositories.postgres._transaction import Transaction
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.upserts import upsert

R = TypeVar("R")
STREAM_BATCH: Final = 1000
_COPY_FROM: Final = 2
"""Rows from which COPY beats INSERT statements."""


class PostgresTable(Generic[R]):
    """Reads and writes of one table; for `Roots` the keys are (id,), for `Children` (scope, id)."""

    def __init__(self, tx: Transaction, sql: Statements, cursors: Cursors, now: datetime) -> None:
        self._tx = tx
        self._sql = sql
        self._table: Table[R] = sql.table
        self._cursors = cursors
        self._now = now

    # -- reads

    def find(self, *key: UUID) -> R | None:
        self._tx.enter()
        return self._tx.run(self._sql.get, arguments.locator(self._table, key), self._one)

    def get(self, *key: UUID) -> R:
        self._tx.enter()
        located = arguments.locator(self._table, key)

        def decode(result: Result) -> R:
            if not result.rows:
                raise NotFound(self._table.kind, located[-1])
            return self._record(result.rows[0])

        return self._tx.run(self._sql.get, located, decode)

    def find_many(self, *scope_and_ids: Any) -> dict[UUID, R]:
        self._tx.enter()
        *scope, ids = scope_and_ids
        owner, wanted = self._scoped(scope), arguments.ids(ids)

        def decode(result: Result) -> dict[UUID, R]:
            records: list[Any] = [self._record(row) for row in result.rows]
            found = {record.id: record for record in records}
            return {id: found[id] for id in wanted if id in found}

        return self._tx.run(self._sql.find_many, [*owner, wanted], decode)

    def page(
        self,
        *scope: UUID,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]:
        self._tx.enter()
        listing = self._listing(scope, where, order_by, limit, cursor)
        return self._page(listing, Params())

    def stream(self, *scope: UUID, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[R]:
        self._tx.enter()
        self._tx.refuse_in_batch("stream")
        if self._tx.reading:
            raise TransactionError("a stream needs a unit of work whose statements share a snapshot")
        listing = self._listing(scope, where, order_by, 0, None)
        return self._stream(listing)

    def _stream(self, listing: Listing) -> Iterator[R]:
        self._tx.enter()
        params = Params()
        sql = self._sql.select + tail(listing, self._sql.prefix, params)
        for rows in self._tx.cursor(sql, params, STREAM_BATCH):
            yield from map(self._record, rows)

    def count(self, *scope: UUID, where: Filter | None = None) -> int:
        self._tx.enter()
        params = Params()
        listing = self._listing(scope, where, None, 0, None)
        sql = f"SELECT count(*) FROM {self._sql.name}{where_clause(listing, self._sql.prefix, params)}"
        return self._tx.run(sql, params, first_number)

    def _scoped(self, scope: Sequence[UUID]) -> list[UUID]:
        """The checked scope as leading parameters: none for a table of roots."""
        return [arguments.scope(self._table, given) for given in scope]

    def _listing(
        self, scope: tuple[UUID, ...], where: Filter | None, order_by: OrderBy | None, limit: int, cursor: str | None
    ) -> Listing:
        owner = self._scoped(scope)
        return self._cursors.listing(self._table, owner[0] if owner else None, where, order_by, limit, cursor)

    def _page(self, listing: Listing, params: Params, *extra: str) -> Page[R]:
        sql = f"{self._sql.select}{tail(listing, self._sql.prefix, params, *extra)} LIMIT %s"
        params.append(listing.limit + 1 if listing.limit else 0)
        return self._tx.run(
            sql, params, lambda result: self._cursors.page(listing, [self._record(row) for row in result.rows])
        )

    # -- writes

    def insert(self, record: R) -> R:
        self._tx.enter(write=True)
        stored = self._table.checked(record)
        return self._tx.run(self._sql.insert, self._sql.encode(self._table.values(stored)), lambda _: stored)

    def insert_many(self, records: Iterable[R]) -> int:
        self._tx.enter(write=True)
        self._tx.refuse_in_batch("insert_many")
        stored = arguments.records(self._table, records)
        if len(stored) >= _COPY_FROM:
            rows = (self._sql.encode_copy(self._table.values(record)) for record in stored)
            self._tx.copy(self._sql.copy, self._sql.copy_types, rows)
        elif stored:
            self._tx.run(self._sql.insert, self._sql.encode(self._table.values(stored[0])), lambda _: None)
        return len(stored)

    def update(self, record: R) -> R:
        self._tx.enter(write=True)
        checked_record: Any = self._table.checked(record)
        updated_at = arguments.next_version(self._now, checked_record.updated_at)
        key = [getattr(checked_record, field) for field in self._table.locator]
        changed = self._sql.encode_changed([getattr(checked_record, column.name) for column in self._sql.changed])

        def decode(result: Result) -> R:
            created_at, exists = result.rows[0]
            if created_at is None:
                raise Stale(self._table.kind, key[-1]) if exists else NotFound(self._table.kind, key[-1])
            return self._stored(checked_record, updated_at, created_at)

        return self._tx.run(self._sql.update, [*changed, updated_at, *key, checked_record.updated_at, *key], decode)

    def _stored(self, record: Any, updated_at: datetime, created_at: datetime) -> R:
        values = dict(zip(self._table.names, self._table.values(record), strict=True))
        values.update(updated_at=updated_at, created_at=created_at.astimezone(record.created_at.tzinfo))
        return self._table.build(tuple(values.values()))

    def update_many(self, records: Sequence[R]) -> Sequence[R]:
        self._tx.enter(write=True)
        self._tx.refuse_in_batch("update_many")
        stored: list[Any] = arguments.changes(self._table, records)
        if not stored:
            return []
        scope = [] if self._table.scope is None else [getattr(stored[0], self._table.scope)]
        ids = [record.id for record in stored]
        versions = self._tx.run(
            self._sql.versions, [*scope, ids], lambda result: {row[0]: (row[1], row[2]) for row in result.rows}
        )
        for record in stored:
            if record.id not in versions:
                raise NotFound(self._table.kind, record.id)
            if versions[record.id][0] != record.updated_at:
                raise Stale(self._table.kind, record.id)
        self._refuse_taken(stored, scope)
        times = [arguments.next_version(self._now, record.updated_at) for record in stored]
        self._tx.run(self._sql.update_many, [*self._arrays(stored, times), *scope], lambda _: None)
        return [self._stored(record, time, versions[record.id][1]) for record, time in zip(stored, times, strict=True)]

    def _arrays(self, records: list[Any], times: list[datetime]) -> list[list[Any]]:
        rows = [
            self._sql.encode_changed([getattr(record, column.name) for column in self._sql.changed])
            for record in records
        ]
        columns: list[list[Any]] = [list(values) for values in zip(*rows, strict=True)]
        for i, column in enumerate(self._sql.changed):
            if sql_type(column.rule, "") == "text[]":
                columns[i] = [None if value is None else array_literal(value) for value in columns[i]]
        return [[record.id for record in records], times, *columns]

    def _refuse_taken(self, records: list[Any], scope: list[UUID]) -> None:
        """AlreadyExists for the first record that takes a unique value which another row holds now.

        PostgreSQL checks each row as it is written, so that the outcome of swapping two values would depend on the
        physical order of rows; refusing every such update makes it the same each time, and the same as in memory.
        """
        holders = [self._holders(rule, records) for rule in self._table.uniques]
        for record in records:
            for rule, held in zip(self._table.uniques, holders, strict=True):
                key = unique_key(rule, record)
                if key is not None and held.get(key, record.id) != record.id:
                    raise self._tx.fail(AlreadyExists(self._table.kind, rule.name, rule.fields))

    def _holders(self, rule: Unique, records: list[Any]) -> dict[tuple[Any, ...], UUID]:
        keys = [key for record in records if (key := unique_key(rule, record)) is not None]
        found = self._existing(rule, keys, partial=True)
        return {key: row.id for key, row in found.items()}

    def _existing(
        self, rule: Unique, keys: Sequence[tuple[Any, ...]], *, partial: bool = False
    ) -> dict[tuple[Any, ...], Any]:
        """The rows that hold one of `keys` under `rule`, by key."""
        if not keys:
            return {}
        params = Params()
        columns = [self._table.by_name[name] for name in rule.fields]
        arrays = ", ".join(
            params.bind([key[i] for key in keys], sql_type(column.rule, self._sql.prefix) + "[]")
            for i, column in enumerate(columns)
        )
        fields = ", ".join(rule.fields)
        sql = f"{self._sql.select} WHERE ({fields}) IN (SELECT * FROM unnest({arrays}))"
        if partial and rule.only_field is not None:
            kind = sql_type(self._table.by_name[rule.only_field].rule, self._sql.prefix)
            allowed = params.bind([member.value for member in rule.only_values], f"{kind}[]")
            sql += f" AND {rule.only_field} = ANY ({allowed})"
        return self._tx.run(
            sql,
            params,
            lambda result: {
                tuple(getattr(row, name) for name in rule.fields): row for row in map(self._record, result.rows)
            },
        )

    def upsert(self, records: Sequence[R], *, on: str | None = None) -> Sequence[Upserted]:
        self._tx.enter(write=True)
        self._tx.refuse_in_batch("upsert")
        return upsert(self._table, records, on, self._existing, self.insert_many, self.update_many)

    def delete(self, *key: UUID) -> None:
        self._tx.enter(write=True)
        located = arguments.locator(self._table, key)

        def decode(result: Result) -> None:
            if not result.count:
                raise NotFound(self._table.kind, located[-1])

        return self._tx.run(self._sql.delete, located, decode)

    def delete_where(self, scope: UUID, where: Filter) -> int:
        self._tx.enter(write=True)
        params = Params([arguments.scope(self._table, scope)])
        chosen = arguments.condition(self._table, where)
        sql = f"DELETE FROM {self._sql.name} WHERE {self._table.scope} = %s AND "
        return self._tx.run(sql + condition(self._table, chosen, self._sql.prefix, params), params, affected)

    # -- rows

    @property
    def _record(self) -> Callable[[Sequence[Any]], R]:
        return self._sql.decode

    def _one(self, result: Result) -> R | None:
        return self._sql.decode(result.rows[0]) if result.rows else None


def unique_key(rule: Unique, record: Any) -> tuple[Any, ...] | None:
    """What `record` occupies under `rule`; None where the rule does not concern it."""
    if rule.only_field is not None and getattr(record, rule.only_field) not in rule.only_values:
        return None
    key = tuple([getattr(record, name) for name in rule.fields])
    return None if None in key else key


def first_number(result: Result) -> int:
    """The single number of a one-row result."""
    return int(result.rows[0][0])


def affected(result: Result) -> int:
    """How many rows a statement changed."""
    return result.count
