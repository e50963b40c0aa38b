"""Files on PostgreSQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from vibecore.domain.errors import AlreadyExists
from vibecore.domain.files import File, FileType
from vibecore.domain.paging import Page
from vibecore.domain.paths import case_key, name_of
from vibecore.domain.schema import row_builder
from vibecore.domain.totals import FileEntry, FileStamp, FileTotals
from vibecore.repositories import arguments
from vibecore.repositories.postgres._codec import in_utc
from vibecore.repositories.postgres._filters import Params
from vibecore.repositories.postgres._listing import tail
from vibecore.repositories.postgres._moves import LIMITS, NEXT_TICK, check_limits, inside, moved
from vibecore.repositories.postgres._wire import Result, Row
from vibecore.repositories.postgres.searches import PostgresSearches

_STAMP: Final = "SELECT id, path, type, digest, size_bytes, line_count, updated_at FROM {name} WHERE project_id = %s"

_ENTRY: Final = tuple(field.name for field in dataclasses.fields(FileEntry))
_ENTRY_CONVERTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "type": FileType,
    "created_at": in_utc,
    "updated_at": in_utc,
}

_TOTALS: Final = """\
SELECT count(*) FILTER (WHERE type = 'file'), count(*) FILTER (WHERE type = 'folder'),
 coalesce(sum(line_count) FILTER (WHERE type = 'file'), 0)
FROM {name} WHERE project_id = %s"""

# A path with other characters than ASCII may fold to anything: whether it is a twin is decided in Python.
_CASE: Final = """\
SELECT path FROM {name} WHERE project_id = %s AND (lower(path) = ANY (%s::text[]) OR octet_length(path) <> length(path))
ORDER BY path"""

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

# domain.ids.derived_id, by immutable functions only, as a sharded table needs.
_DERIVED: Final = """\
overlay(overlay(substr(encode(sha256(%s::bytea || uuid_send({column})), 'hex'), 1, 32)
 PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid"""
_KEPT: Final = "type, content, language, size_bytes, line_count, digest, metadata"
"""What a copy has in common with its row."""

# Rows in the order of their paths, so that of several that cannot be the first one is reported.
_COPY: Final = """\
WITH checked AS (
 SELECT max(length({new})) AS longest, max(octet_length({new})) AS largest
 FROM {name} WHERE project_id = %s AND {inside}),
copied AS (
 INSERT INTO {name} (id, project_id, parent_id, name, path, {kept}, created_at, updated_at)
 SELECT {id}, project_id, CASE WHEN path = %s THEN %s::uuid ELSE {parent_id} END,
  CASE WHEN path = %s THEN %s ELSE name END, {new}, {kept}, %s::timestamptz, %s::timestamptz
 FROM {name} WHERE project_id = %s AND {inside} AND (SELECT longest <= %s AND largest <= %s FROM checked)
 ORDER BY path
 RETURNING id)
SELECT longest, largest, (SELECT count(*) FROM copied) FROM checked"""


class PostgresFiles(PostgresSearches):
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

    def children(
        self, project_id: UUID, folder: str | None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FileEntry]:
        self._tx.enter()
        listing = arguments.children(self._cursors, self._table, project_id, folder, limit, cursor)
        params = Params()
        held = "parent_id IS NULL"
        if folder is not None:
            project, path = (
                params.bind(listing.scope, "uuid"),
                params.bind(arguments.text(self._table, "path", folder), "text"),
            )
            held = f"parent_id = (SELECT id FROM {self._sql.name} WHERE project_id = {project} AND path = {path})"
        sql = (
            f"SELECT {', '.join(_ENTRY)} FROM {self._sql.name}{tail(listing, self._sql.prefix, params, held)} LIMIT %s"
        )
        params.append(listing.limit + 1 if listing.limit else 0)
        return self._tx.run(
            sql, params, lambda result: self._cursors.page(listing, [_entry(row) for row in result.rows])
        )

    def totals(self, project_id: UUID, path: str | None = None) -> FileTotals:
        self._tx.enter()
        params: list[Any] = [arguments.uuid("project_id", project_id)]
        sql = _TOTALS.format(name=self._sql.name)
        if path is not None:
            chosen, within = inside("path", arguments.text(self._table, "path", path))
            sql += f" AND {chosen}"
            params += within
        return self._tx.run(sql, params, _totals)

    def case_twins(self, project_id: UUID, paths: Sequence[str]) -> Sequence[str]:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        given = arguments.texts(self._table, "path", paths)
        keys = {case_key(path) for path in given}

        def decode(result: Result) -> list[str]:
            found: list[str] = [row[0] for row in result.rows]
            return [path for path in found if case_key(path) in keys and path not in given]

        return self._tx.run(_CASE.format(name=self._sql.name), (project, sorted(keys)), decode)

    def move_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None) -> int:
        self._tx.enter(write=True)
        project = arguments.uuid("project_id", project_id)
        old = arguments.text(self._table, "path", source)
        new = arguments.target(self._table, target)
        parent = arguments.optional_uuid("parent_id", parent_id)
        name = name_of(new)
        path_of, new_path = moved("path", old, new)
        chosen, within = self._whole("path", project, old)
        sql = _MOVE.format(name=self._sql.name, new=path_of, inside=chosen, tick=NEXT_TICK)
        params = [*new_path, project, *within, project, *new_path, self._now, old, name, old, parent, project, *within]

        def decode(result: Result) -> int:
            check_limits("path", result)
            if result.rows[0][2]:
                rule = next(rule for rule in self._table.uniques if "path" in rule.fields)
                raise self._tx.fail(AlreadyExists(self._table.kind, rule.name, rule.fields))
            return int(result.rows[0][3])

        return self._tx.run(sql, [*params, *LIMITS], decode)

    def copy_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None, salt: UUID) -> int:
        self._tx.enter(write=True)
        project = arguments.uuid("project_id", project_id)
        old = arguments.text(self._table, "path", source)
        new = arguments.target(self._table, target)
        parent = arguments.optional_uuid("parent_id", parent_id)
        seed = arguments.uuid("salt", salt).bytes
        path_of, new_path = moved("path", old, new)
        chosen, within = self._whole("path", project, old)
        sql = _COPY.format(
            name=self._sql.name,
            kept=_KEPT,
            new=path_of,
            inside=chosen,
            id=_DERIVED.format(column="id"),
            parent_id=_DERIVED.format(column="parent_id"),
        )
        copies = [seed, old, parent, seed, old, name_of(new), *new_path, self._now, self._now]
        params = [*new_path, *new_path, project, *within, *copies, project, *within]

        def decode(result: Result) -> int:
            check_limits("path", result)
            return int(result.rows[0][2])

        return self._tx.run(sql, [*params, *LIMITS], decode)

    def _whole(self, column: str, project: UUID, path: str) -> tuple[str, list[Any]]:
        """The entry at `path` and all below it; nothing where none stands there, whatever stands below."""
        chosen, within = inside(column, path)
        top = f"EXISTS (SELECT 1 FROM {self._sql.name} top WHERE top.project_id = %s AND top.path = %s)"
        return f"{chosen} AND {top}", [*within, project, path]


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


_entry: Final[Callable[[Row], FileEntry]] = row_builder(FileEntry, _ENTRY, _ENTRY_CONVERTERS)


def _totals(result: Result) -> FileTotals:
    files, folders, lines = result.rows[0]
    return FileTotals(file_count=files, folder_count=folders, total_lines=int(lines))
