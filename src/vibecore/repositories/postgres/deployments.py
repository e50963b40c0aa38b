"""Deployments on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.deployments import Deployment
from vibecore.repositories import arguments
from vibecore.repositories.postgres.tables import PostgresTable, first_number

# From name to name through the index: as many steps as there are names, not as there are deployments.
_ENVIRONMENTS: Final = """\
WITH RECURSIVE found AS (
 (SELECT environment FROM {name} WHERE project_id = %s ORDER BY environment LIMIT 1)
 UNION ALL
 SELECT (SELECT d.environment FROM {name} d WHERE d.project_id = %s AND d.environment > found.environment
  ORDER BY d.environment LIMIT 1)
 FROM found WHERE found.environment IS NOT NULL)
SELECT environment FROM found WHERE environment IS NOT NULL ORDER BY environment"""


class PostgresDeployments(PostgresTable[Deployment]):
    def running(self, project_id: UUID, environment: str) -> Deployment | None:
        self._tx.enter()
        located = (
            arguments.uuid("project_id", project_id),
            arguments.text(self._table, "environment", environment),
        )
        sql = f"{self._sql.select} WHERE project_id = %s AND environment = %s AND status = 'running'"
        return self._tx.run(sql, located, self._one)

    def active(self, project_id: UUID) -> Sequence[Deployment]:
        self._tx.enter()
        project = arguments.scope(self._table, project_id)
        sql = (
            f"{self._sql.select} WHERE project_id = %s AND status IN ('pending', 'building', 'running') "
            "ORDER BY environment, id"
        )
        return self._tx.run(sql, (project,), lambda result: [self._record(row) for row in result.rows])

    def environments(self, project_id: UUID) -> Sequence[str]:
        self._tx.enter()
        project = arguments.scope(self._table, project_id)
        sql = _ENVIRONMENTS.format(name=self._sql.name)
        return self._tx.run(sql, (project, project), lambda result: [row[0] for row in result.rows])

    def archive(self, days: int) -> int:
        self._tx.enter(write=True)
        age = arguments.days(days)
        sql = f"SELECT {self._sql.prefix}archive_old_records(%s::integer, %s::timestamptz)"
        return self._tx.run(sql, (age, self._now), first_number)
