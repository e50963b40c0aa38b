"""Notifications and the outbox on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from vibecore.domain.deliveries import Delivery
from vibecore.domain.notifications import Notification
from vibecore.domain.rules import INT_MAX, LATEST
from vibecore.domain.webhooks import NotificationWebhook
from vibecore.repositories import arguments, outbox
from vibecore.repositories.postgres._codec import sql_type
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable, affected

_VERSION: Final = (
    "greatest(%s::timestamptz, "
    "least((t.updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC', %s::timestamptz))"
)
"""The next version of `t`, of which the last storable moment is the last; by immutable functions only."""
_TELL: Final = """\
INSERT INTO {name} AS t ({columns}) SELECT * FROM unnest({arrays})
ON CONFLICT (user_id, type, dedup_key) DO UPDATE SET
    title = excluded.title, message = excluded.message, data = excluded.data, occurred_at = excluded.occurred_at,
    read_at = NULL, pending = true,
    occurrences = CASE WHEN t.read_at IS NULL THEN least(t.occurrences, {most} - 1) + 1 ELSE 1 END,
    updated_at = {version}"""
_AWAITING: Final = """\
SELECT user_id FROM {name} WHERE pending GROUP BY user_id ORDER BY min(occurred_at), user_id LIMIT %s"""
# Locked before they are written: of claims at once, each passes over what another has.
_CLAIM: Final = """\
WITH chosen AS MATERIALIZED (
    SELECT c.user_id AS chosen_user, c.id AS chosen_id FROM {name} c
    WHERE c.state = 'pending' AND c.due_at <= %s AND (c.leased_until IS NULL OR c.leased_until <= %s)
        AND c.channel = ANY (%s::text[])
        AND NOT EXISTS (
            SELECT FROM {name} e
            WHERE e.user_id = c.user_id AND e.channel = c.channel AND e.schedule = c.schedule
                AND e.state = 'pending' AND (e.place, e.id) < (c.place, c.id)
        )
    ORDER BY c.due_at, c.user_id, c.id LIMIT %s
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE {name} t SET lease = %s, leased_until = %s, updated_at = {version}
FROM chosen WHERE t.user_id = chosen_user AND t.id = chosen_id
RETURNING {columns}"""
_COMPLETE: Final = """\
WITH held AS (DELETE FROM {name} WHERE user_id = %s AND id = %s AND lease = %s RETURNING id),
others AS (
    DELETE FROM {name} WHERE user_id = %s AND id = ANY (%s::uuid[]) AND EXISTS (SELECT FROM held)
)
SELECT count(*) FROM held"""
_FAIL: Final = """\
WITH held AS (SELECT id FROM {name} WHERE user_id = %s AND id = %s AND lease = %s FOR UPDATE),
failed AS (
    UPDATE {name} t SET
        attempts = least(t.attempts, {most} - 1) + 1,
        state = CASE WHEN least(t.attempts, {most} - 1) + 1 >= %s THEN 'dead' ELSE t.state END,
        due_at = %s, lease = NULL, leased_until = NULL, error = %s, updated_at = {version}
    WHERE t.user_id = %s AND t.id = ANY (%s::uuid[]) AND EXISTS (SELECT FROM held)
)
SELECT count(*) FROM held"""


class PostgresNotifications(PostgresTable[Notification]):
    def tell(self, notices: Sequence[Notification]) -> None:
        self._tx.enter(write=True)
        stored = outbox.notices(notices)
        rows = [self._sql.encode(self._table.values(notice)) for notice in stored]
        arrays: list[list[object]] = [list(values) for values in zip(*rows, strict=True)] or [
            [] for _ in self._table.columns
        ]
        sql = _TELL.format(
            name=self._sql.name,
            columns=", ".join(self._table.names),
            arrays=", ".join(f"%s::{sql_type(column.rule, self._sql.prefix)}[]" for column in self._table.columns),
            most=INT_MAX,
            version=_VERSION,
        )
        return self._tx.run(sql, [*arrays, self._now, LATEST], lambda _: None)

    def mark(self, user_id: UUID, ids: Iterable[UUID], *, read: bool) -> int:
        self._tx.enter(write=True)
        owner, wanted = arguments.scope(self._table, user_id), arguments.ids(ids)
        state = "NULL" if read else "NOT NULL"
        sql = (
            f"UPDATE {self._sql.name} t SET read_at = %s, updated_at = {_VERSION} "
            f"WHERE t.user_id = %s AND t.id = ANY (%s::uuid[]) AND t.read_at IS {state}"
        )
        return self._tx.run(sql, (self._now if read else None, self._now, LATEST, owner, wanted), affected)

    def mark_until(self, user_id: UUID, moment: datetime) -> int:
        self._tx.enter(write=True)
        owner, end = arguments.scope(self._table, user_id), arguments.moment(moment)
        sql = (
            f"UPDATE {self._sql.name} t SET read_at = %s, updated_at = {_VERSION} "
            "WHERE t.user_id = %s AND t.read_at IS NULL AND t.occurred_at <= %s"
        )
        return self._tx.run(sql, (self._now, self._now, LATEST, owner, end), affected)

    def awaiting(self, limit: int) -> Sequence[UUID]:
        self._tx.enter()
        sql = _AWAITING.format(name=self._sql.name)
        return self._tx.run(sql, (outbox.at_once(limit),), lambda result: [row[0] for row in result.rows])

    def purge(self, moment: datetime) -> int:
        self._tx.enter(write=True)
        sql = f"DELETE FROM {self._sql.name} WHERE read_at < %s"
        return self._tx.run(sql, (arguments.moment(moment),), affected)


class PostgresWebhooks(PostgresTable[NotificationWebhook]):
    def following(self, id: UUID | None, limit: int) -> Sequence[NotificationWebhook]:
        self._tx.enter()
        after, most = arguments.optional_uuid("id", id), outbox.at_once(limit)
        sql = f"{self._sql.select} WHERE %s::uuid IS NULL OR id > %s ORDER BY id LIMIT %s"
        return self._tx.run(sql, (after, after, most), lambda result: list(map(self._record, result.rows)))


class PostgresDeliveries(PostgresTable[Delivery]):
    def claim(self, lease: UUID, until: datetime, channels: Iterable[str], limit: int) -> Sequence[Delivery]:
        self._tx.enter(decide=True)
        asked, now = outbox.claim(lease, until, channels, limit), self._now
        sql = _CLAIM.format(name=self._sql.name, version=_VERSION, columns=self._sql.columns)

        def decode(result: Result) -> list[Delivery]:
            rows = map(self._record, result.rows)
            return sorted(rows, key=lambda row: (row.due_at, row.user_id, row.id))

        params = (now, now, asked.channels, asked.limit, asked.lease, asked.until, now, LATEST)
        return self._tx.run(sql, params, decode)

    def complete(self, user_id: UUID, id: UUID, lease: UUID, others: Iterable[UUID]) -> bool:
        self._tx.enter(decide=True)
        asked = outbox.held(user_id, id, lease, others)
        params = (asked.user_id, asked.id, asked.lease, asked.user_id, asked.others)
        return self._tx.run(_COMPLETE.format(name=self._sql.name), params, _found)

    def fail(
        self,
        user_id: UUID,
        id: UUID,
        lease: UUID,
        others: Iterable[UUID],
        *,
        due_at: datetime,
        error: str,
        most: int,
    ) -> bool:
        self._tx.enter(decide=True)
        asked, how = outbox.held(user_id, id, lease, others), outbox.failure(due_at, error, most)
        sql = _FAIL.format(name=self._sql.name, most=INT_MAX, version=_VERSION)
        changed = (how.most, how.due_at, how.error, self._now, LATEST)
        rows = (asked.user_id, [asked.id, *asked.others])
        return self._tx.run(sql, (asked.user_id, asked.id, asked.lease, *changed, *rows), _found)

    def revive(self, user_id: UUID) -> int:
        self._tx.enter(write=True)
        owner = arguments.scope(self._table, user_id)
        sql = (
            f"UPDATE {self._sql.name} t SET state = 'pending', due_at = %s, attempts = 0, error = NULL, "
            f"updated_at = {_VERSION} WHERE t.user_id = %s AND t.state = 'dead'"
        )
        return self._tx.run(sql, (self._now, self._now, LATEST, owner), affected)


def _found(result: Result) -> bool:
    return int(result.rows[0][0]) > 0
