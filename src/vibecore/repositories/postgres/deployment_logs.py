"""Lines of logs on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from vibecore.domain.deployment_logs import DeploymentLogLine
from vibecore.repositories import arguments
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable, affected

_LINES: Final = " WHERE project_id = %s AND deployment_id = %s AND number "
_LOG: Final = "(SELECT {edge} FROM {prefix}deployment_logs WHERE project_id = %s AND id = %s)"


class PostgresDeploymentLogLines(PostgresTable[DeploymentLogLine]):
    def read(self, project_id: UUID, deployment_id: UUID, first: int, limit: int) -> Sequence[DeploymentLogLine]:
        self._tx.enter()
        located = self._located(project_id, deployment_id)
        start, most = arguments.number("first", first), arguments.most_lines(limit)
        edge = _LOG.format(prefix=self._sql.prefix, edge="greatest(first_line, %s::integer)::bigint")
        sql = f"{self._sql.select}{_LINES}>= {edge} AND number < {edge} + %s ORDER BY number"
        return self._tx.run(sql, [*located, start, *located, start, *located, most], self._all)

    def tail(self, project_id: UUID, deployment_id: UUID, limit: int) -> Sequence[DeploymentLogLine]:
        self._tx.enter()
        located = self._located(project_id, deployment_id)
        most = arguments.most_lines(limit)
        edge = _LOG.format(prefix=self._sql.prefix, edge="last_line::bigint")
        sql = f"{self._sql.select}{_LINES}> {edge} - %s AND number <= {edge} ORDER BY number"
        return self._tx.run(sql, [*located, *located, most, *located], self._all)

    def drop(self, project_id: UUID, deployment_id: UUID, first: int, last: int) -> int:
        self._tx.enter(write=True)
        located = self._located(project_id, deployment_id)
        edges = arguments.number("first", first), arguments.number("last", last)
        return self._tx.run(f"DELETE FROM {self._sql.name}{_LINES}BETWEEN %s AND %s", [*located, *edges], affected)

    def _located(self, project_id: UUID, deployment_id: UUID) -> list[Any]:
        return [arguments.scope(self._table, project_id), arguments.uuid("deployment_id", deployment_id)]

    def _all(self, result: Result) -> list[DeploymentLogLine]:
        return [self._record(row) for row in result.rows]
