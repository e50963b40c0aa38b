"""The audit trail on PostgreSQL."""

from __future__ import annotations

from datetime import date
from typing import Final

from vibecore.domain.audit import AuditEvent, prepared_until
from vibecore.repositories.postgres.tables import PostgresTable

PATIENCE: Final = "2s"
"""How long one missing partition waits for others. Whoever wants to write meanwhile waits behind it."""


class PostgresAudit(PostgresTable[AuditEvent]):
    def append(self, event: AuditEvent) -> AuditEvent:
        return self.insert(event)

    def prepare(self, *, months: int) -> date:
        self._tx.enter(write=True)
        until = prepared_until(self._now, months)
        # One statement, so that the limit holds for nothing else: columns are computed from left to right, and an error
        # takes the limit back with everything else.
        sql = (
            f"SELECT set_config('lock_timeout', '{PATIENCE}', true), "
            f"{self._sql.prefix}ensure_audit_partitions(%s::integer, %s::timestamptz), "
            "set_config('lock_timeout', usual, true) "
            "FROM (SELECT current_setting('lock_timeout') AS usual OFFSET 0) AS setting"
        )
        return self._tx.run(sql, (months, self._now), lambda result: until)
