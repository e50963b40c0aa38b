"""The audit trail on PostgreSQL."""

from __future__ import annotations

from vibecore.domain.audit import AuditEvent
from vibecore.repositories.postgres.tables import PostgresTable


class PostgresAudit(PostgresTable[AuditEvent]):
    def append(self, event: AuditEvent) -> AuditEvent:
        return self.insert(event)
