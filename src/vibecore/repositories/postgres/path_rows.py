"""Rows that name a file by its path, on PostgreSQL: reviews and test results."""

from __future__ import annotations

from typing import Final, TypeVar
from uuid import UUID

from vibecore.repositories import arguments
from vibecore.repositories.postgres._moves import LIMITS, NEXT_TICK, check_limits, inside, moved
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable

R = TypeVar("R")

_MOVE: Final = """\
WITH checked AS (
 SELECT max(length({new})) AS longest, max(octet_length({new})) AS largest
 FROM {name} WHERE project_id = %s AND {inside}),
moved AS (
 UPDATE {name} SET file_path = {new}, updated_at = {tick} WHERE project_id = %s AND {inside}
  AND (SELECT longest <= %s AND largest <= %s FROM checked)
 RETURNING id)
SELECT longest, largest, (SELECT count(*) FROM moved) FROM checked"""


class PostgresPathRows(PostgresTable[R]):
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
