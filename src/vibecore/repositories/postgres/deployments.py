"""Deployments on PostgreSQL."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, Deployment
from vibecore.repositories import arguments
from vibecore.repositories.postgres.tables import PostgresTable, affected

_ARCHIVE: Final = """\
WITH ranked AS (
 SELECT id, project_id, status, retry_of, rollback_of, coalesce(completed_at, updated_at) AS ended,
  live_at IS NOT NULL AND row_number() OVER (
   PARTITION BY project_id, environment, live_at IS NOT NULL ORDER BY live_at DESC, id DESC) <= 2 AS rollback_target
 FROM {p}deployments),
kept AS (
 SELECT * FROM ranked
 WHERE rollback_target OR status NOT IN ('failed', 'stopped', 'rolled_back')),
doomed AS (
 SELECT id FROM ranked
 WHERE status IN ('failed', 'stopped', 'rolled_back') AND ended < %s AND NOT rollback_target
  AND id NOT IN (SELECT retry_of FROM kept WHERE retry_of IS NOT NULL)
  AND id NOT IN (SELECT rollback_of FROM kept WHERE rollback_of IS NOT NULL)),
taken AS (DELETE FROM {p}deployments WHERE id IN (SELECT id FROM doomed) RETURNING *)
INSERT INTO {p}archived_deployments ({targets}) SELECT {sources} FROM taken"""


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
        before = arguments.cutoff(self._now, arguments.days(days))
        targets = ", ".join(ARCHIVED_DEPLOYMENTS.names)
        sources = ", ".join("%s::timestamptz" if name == "archived_at" else name for name in ARCHIVED_DEPLOYMENTS.names)
        sql = _ARCHIVE.format(p=self._sql.prefix, targets=targets, sources=sources)
        return self._tx.run(sql, (before, self._now), affected)


