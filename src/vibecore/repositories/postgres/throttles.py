"""Throttles on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from vibecore.domain.rules import INT_MAX, LATEST
from vibecore.domain.throttles import Limit, Taken, Throttle, refused
from vibecore.repositories import arguments
from vibecore.repositories.postgres._codec import in_utc
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable, affected

# What is refused is read as of the statement's start: a row that somebody inserts meanwhile has no values yet.
_TAKE: Final = """\
WITH taken AS (
    INSERT INTO {name} AS t (id, available_at, tries, created_at, updated_at) VALUES (%s, %s, 1, %s, %s)
    ON CONFLICT (id) DO UPDATE SET
        available_at = greatest(t.available_at, %s) + %s::bigint * interval '1 microsecond',
        tries = least(t.tries, {most} - 1) + 1,
        updated_at = greatest(least(t.updated_at + interval '1 microsecond', '{last}'), %s)
    WHERE t.available_at <= %s AND t.tries < %s::bigint
    RETURNING id
)
SELECT NULL, NULL FROM taken
UNION ALL
SELECT available_at, tries FROM {name} WHERE id = %s AND NOT EXISTS (SELECT 1 FROM taken)"""
_REFUND: Final = """\
UPDATE {name} SET
    available_at = greatest(available_at - %s::bigint * interval '1 microsecond', least(available_at, %s)),
    tries = greatest(tries - 1, 0),
    updated_at = greatest(least(updated_at + interval '1 microsecond', '{last}'), %s)
WHERE id = %s"""
_MICROSECOND: Final = timedelta(microseconds=1)


class PostgresThrottles(PostgresTable[Throttle]):
    def take(self, id: UUID, limit: Limit) -> Taken:
        self._tx.enter(decide=True)
        key, asked, now = arguments.uuid("id", id), arguments.limit(limit, self._now), self._now
        values = (key, now + asked.interval, now, now)
        moved = (now, asked.interval // _MICROSECOND, now)
        allowed = (now + asked.room, INT_MAX + 1 if asked.most is None else asked.most)
        sql = _TAKE.format(name=self._sql.name, most=INT_MAX, last=LATEST.isoformat())
        return self._tx.run(sql, (*values, *moved, *allowed, key), lambda result: _taken(result, key, asked, now))

    def refund(self, id: UUID, limit: Limit) -> None:
        self._tx.enter(decide=True)
        key, asked, now = arguments.uuid("id", id), arguments.limit(limit, self._now), self._now
        params = (asked.interval // _MICROSECOND, now, now, key)
        return self._tx.run(_REFUND.format(name=self._sql.name, last=LATEST.isoformat()), params, lambda _: None)

    def forget(self, id: UUID) -> bool:
        self._tx.enter(decide=True)
        key = arguments.uuid("id", id)
        return self._tx.run(self._sql.delete, (key,), lambda result: result.count > 0)

    def purge(self, moment: datetime, most: int | None = None) -> int:
        self._tx.enter(decide=True)
        end, enough = arguments.moment(moment), arguments.optional_most(most)
        sql = f"DELETE FROM {self._sql.name} WHERE available_at < %s AND tries < %s::bigint"
        return self._tx.run(sql, (end, INT_MAX + 1 if enough is None else enough), affected)


def _taken(result: Result, key: UUID, limit: Limit, now: datetime) -> Taken:
    if not result.rows:
        # Somebody inserted the row and used it up while this statement waited.
        return Taken(False, now + limit.interval)
    available_at, tries = result.rows[0]
    if available_at is None:
        return Taken(True)
    state = Throttle(id=key, available_at=in_utc(available_at), tries=tries, created_at=now, updated_at=now)
    return refused(state, limit, now)
