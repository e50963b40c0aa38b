"""Deployments on PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.deployments import Deployment
from vibecore.repositories import arguments
from vibecore.repositories.postgres.tables import PostgresTable, first_number


class PostgresDeployments(PostgresTable[Deployment]):
    def running(self, project_id: UUID, environment: str) -> Deployment | None:
        self._tx.enter()
        located = (
            arguments.uuid("project_id", project_id),
            arguments.text(self._table, "environment", environment),
        )
        sql = f"{self._sql.select} WHERE project_id = %s AND environment = %s AND status = 'running'"
        return self._tx.run(sql, located, self._one)

    def archive(self, days: int) -> int:
        self._tx.enter(write=True)
        age = arguments.days(days)
        sql = f"SELECT {self._sql.prefix}archive_old_records(%s::integer, %s::timestamptz)"
        return self._tx.run(sql, (age, self._now), first_number)
