"""Code reviews on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.reviews import CodeReview
from vibecore.repositories import arguments
from vibecore.repositories.postgres.path_rows import PostgresPathRows
from vibecore.repositories.postgres.tables import affected

_LATEST: Final = """\
SELECT DISTINCT ON (file_path, reviewer) {columns} FROM {name} WHERE project_id = %s
ORDER BY file_path, reviewer, created_at DESC, id DESC"""


class PostgresReviews(PostgresPathRows[CodeReview]):
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
