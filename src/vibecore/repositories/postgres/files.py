"""Files on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from vibecore.domain.errors import AlreadyExists
from vibecore.domain.files import File, FileType
from vibecore.domain.paths import name_of
from vibecore.domain.totals import FileStamp, FileTotals
from vibecore.repositories import arguments
from vibecore.repositories.postgres._codec import in_utc
from vibecore.repositories.postgres._moves import LIMITS, NEXT_TICK, check_limits, inside, moved
from vibecore.repositories.postgres._wire import Result, Row
from vibecore.repositories.postgres.tables import PostgresTable

_STAMP: Final = "SELECT id, path, type, digest, size_bytes, line_count, updated_at FROM {name} WHERE project_id = %s"

_TOTALS: Final = """\
SELECT count(*), coalesce(sum(line_count), 0) FROM {name} WHERE project_id = %s AND type = 'file'"""

_MOVE: Final = """\
WITH subtree AS (
 SELECT id, {new} AS target FROM {name} WHERE project_id = %s AND {inside}),
checked AS (
 SELECT max(length(target)) AS longest, max(octet_length(target)) AS largest,
  EXISTS (SELECT 1 FROM subtree JOIN {name} taken ON taken.project_id = %s AND taken.path = subtree.target
   WHERE taken.id <> subtree.id) AS taken
 FROM subtree),
moved AS (
 UPDATE {name} SET path = {new}, updated_at = {tick},
  name = CASE WHEN path = %s THEN %s ELSE name END,
  parent_id = CASE WHEN path = %s THEN %s::uuid ELSE parent_id END
 WHERE project_id = %s AND {inside}
  AND (SELECT NOT taken AND longest <= %s AND largest <= %s FROM checked)
 RETURNING id)
SELECT longest, largest, taken, (SELECT count(*) FROM moved) FROM checked"""


class PostgresFiles(PostgresTable[File]):
    def find_path(self, project_id: UUID, path: str) -> File | None:
        self._tx.enter()
        located = (arguments.uuid("project_id", project_id), arguments.text(self._table, "path", path))
        return self._tx.run(f"{self._sql.select} WHERE project_id = %s AND path = %s", located, self._one)

    def stamps(self, project_id: UUID, paths: Sequence[str] | None = None) -> dict[str, FileStamp]:
        self._tx.enter()
        params: list[Any] = [arguments.uuid("project_id", project_id)]
        sql = _STAMP.format(name=self._sql.name)
        if paths is not None:
            sql += " AND path = ANY (%s::text[])"
            params.append(arguments.texts(self._table, "path", paths))
        sql += " ORDER BY path"
        return self._tx.run(sql, params, lambda result: {stamp.path: stamp for stamp in map(_stamp, result.rows)})

    def subtree(self, project_id: UUID, folder: str) -> Sequence[FileStamp]:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        chosen, params = inside("path", arguments.text(self._table, "path", folder))
        sql = f"{_STAMP.format(name=self._sql.name)} AND {chosen} ORDER BY path"
        return self._tx.run(sql, [project, *params], lambda result: [_stamp(row) for row in result.rows])

    def totals(self, project_id: UUID) -> FileTotals:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        return self._tx.run(_TOTALS.format(name=self._sql.name), (project,), _totals)

    def move_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None) -> int:
        self._tx.enter(write=True)
        project = arguments.uuid("project_id", project_id)
        old = arguments.text(self._table, "path", source)
        new = arguments.target(self._table, target)
        parent = arguments.optional_uuid("parent_id", parent_id)
        name = name_of(new)
        path_of, new_path = moved("path", old, new)
        chosen, within = inside("path", old)
        # Entries below a path where nothing stands stay where they are.
        chosen += f" AND EXISTS (SELECT 1 FROM {self._sql.name} top WHERE top.project_id = %s AND top.path = %s)"
        within += [project, old]
        sql = _MOVE.format(name=self._sql.name, new=path_of, inside=chosen, tick=NEXT_TICK)
        params = [*new_path, project, *within, project, *new_path, self._now, old, name, old, parent, project, *within]

        def decode(result: Result) -> int:
            check_limits("path", result)
            if result.rows[0][2]:
                rule = next(rule for rule in self._table.uniques if "path" in rule.fields)
                raise self._tx.fail(AlreadyExists(self._table.kind, rule.name, rule.fields))
            return int(result.rows[0][3])

        return self._tx.run(sql, [*params, *LIMITS], decode)


def _stamp(row: Row) -> FileStamp:
    id, path, kind, digest, size, lines, updated_at = row
    return FileStamp(
        id=id,
        path=path,
        type=FileType(kind),
        digest=digest,
        size_bytes=size,
        line_count=lines,
        updated_at=in_utc(updated_at),
    )


def _totals(result: Result) -> FileTotals:
    return FileTotals(file_count=int(result.rows[0][0]), total_lines=int(result.rows[0][1]))
