"""Code reviews on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.reviews import CodeReview
from vibecore.repositories import arguments
from vibecore.repositories.postgres._moves import LIMITS, NEXT_TICK, check_limits, inside, moved
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable, affected

_LATEST: Final = """\
SELECT DISTINCT ON (file_path, reviewer) {columns} FROM {name} WHERE project_id = %s
ORDER BY file_path, reviewer, created_at DESC, id DESC"""

_MOVE: Final = """\
WITH checked AS (
 SELECT max(length({new})) AS longest, max(octet_length({new})) AS largest
 FROM {name} WHERE project_id = %s AND {inside}),
moved AS (
 UPDATE {name} SET file_path = {new}, updated_at = {tick} WHERE project_id = %s AND {inside}
  AND (SELECT longest <= %s AND largest <= %s FROM checked)
 RETURNING id)
SELECT longest, largest, (SELECT count(*) FROM moved) FROM checked"""


class PostgresReviews(PostgresTable[CodeReview]):
    def latest(self, project_id: UUID) -> Sequence[CodeReview]:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        sql = _LATEST.format(columns=self._sql.columns, name=self._sql.name)
        return self._tx.run(sql, (project,), lambda result: [self._record(row) for row in result.rows])

    def delete_paths(self, project_id: UUID, paths: Sequence[str]) -> int:
        self._tx.enter(write=True)
        project = arguments.uuid("project_id", project_id)
        chosen = arguments.texts(self._table, "file_path", paths)
        sql = f"DELETE FROM {self._sql.name} WHERE project_id = %s AND file_path = ANY (%s::text[])"
        return self._tx.run(sql, (project, chosen), affected)

    def move_paths(self, project_id: UUID, source: str, target: str) -> int:
        self._tx.enter(write=True)
        project = arguments.uuid("project_id", project_id)
        old = arguments.text(self._table, "file_path", source)
        new = arguments.stored(self._table, "file_path", target)
        path_of, new_path = moved("file_path", old, new)
        chosen, within = inside("file_path", old)
        sql = _MOVE.format(name=self._sql.name, new=path_of, inside=chosen, tick=NEXT_TICK)
        params = [*new_path, *new_path, project, *within, *new_path, self._now, project, *within]

        def decode(result: Result) -> int:
            check_limits("file_path", result)
            return int(result.rows[0][2])

        return self._tx.run(sql, [*params, *LIMITS], decode)
