"""Searches in files on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from vibecore.domain.content_grams import grams_asked
from vibecore.domain.files import File
from vibecore.domain.paging import Listing, Page
from vibecore.domain.searches import MOST_BYTES, Search
from vibecore.repositories import arguments
from vibecore.repositories.postgres._filters import Params
from vibecore.repositories.postgres._listing import tail
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable

T = TypeVar("T")

# Small rows that name what they find are cut to the page before a content is read.
_CUT: Final = """\
WITH found AS ({found}),
sized AS (
 SELECT id AS found_id, sum(size_bytes::bigint) OVER (ORDER BY {order}, id) - size_bytes AS ahead FROM found)
SELECT {columns}, (SELECT count(*) FROM found) FROM {name}
WHERE project_id = %s AND id IN (SELECT found_id FROM sized WHERE ahead < %s) ORDER BY {order}, id"""

_UNSEEN: Final = """\
SELECT DISTINCT ON (digest) id, digest, size_bytes FROM {name} WHERE project_id = %s AND content IS NOT NULL
 AND digest IS NOT NULL
 AND digest NOT IN (SELECT digest FROM {prefix}content_grams WHERE project_id = %s)
ORDER BY digest, id LIMIT %s"""

# A statistic of arrays that lie outside of their rows takes reading them all for cheap, which is what it is not.
_INDEX_ONLY: Final = "SELECT set_config('enable_seqscan', %s, true)"


class PostgresSearches(PostgresTable[File]):
    """The searching calls of `vibecore.repositories.files.Files`."""

    def search(self, project_id: UUID, search: Search, *, limit: int = 50, cursor: str | None = None) -> Page[File]:
        self._tx.enter()
        listing = arguments.search(self._cursors, self._table, project_id, search, limit, cursor)
        params = Params()
        chosen = self._chosen(listing, search, params)
        found = f"SELECT id, path, size_bytes FROM {self._sql.name}{tail(listing, self._sql.prefix, params, *chosen)}"
        params.append(listing.limit + 1 if listing.limit else 0)
        sql = _CUT.format(found=f"{found} LIMIT %s", order="path", columns=self._sql.columns, name=self._sql.name)

        def decode(result: Result) -> Page[File]:
            rows = [self._record(row[:-1]) for row in result.rows]
            return self._cursors.page(listing, rows, found=result.rows[0][-1] if rows else 0)

        return self._by_index(sql, [*params, listing.scope, MOST_BYTES], decode)

    def unindexed(self, project_id: UUID, *, limit: int) -> Sequence[File]:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        most = arguments.count(limit)
        found = _UNSEEN.format(name=self._sql.name, prefix=self._sql.prefix)
        sql = _CUT.format(found=found, order="digest", columns=self._sql.columns, name=self._sql.name)
        params = [project, project, most, project, MOST_BYTES]
        return self._tx.run(sql, params, lambda result: [self._record(row[:-1]) for row in result.rows])

    def _by_index(self, sql: str, params: Sequence[Any], decode: Callable[[Result], T]) -> T:
        """The statement, and in a batch, which one transaction is, the same without scans of whole tables."""
        if not self._tx.batching:
            return self._tx.run(sql, params, decode)
        self._tx.run(_INDEX_ONLY, ("off",), _nothing)
        found = self._tx.run(sql, params, decode)
        self._tx.run(_INDEX_ONLY, ("on",), _nothing)
        return found

    def _chosen(self, listing: Listing, search: Search, params: Params) -> list[str]:
        chosen = []
        if search.folder is not None:
            low, high = params.bind(search.folder + "/", "text"), params.bind(search.folder + "0", "text")
            chosen.append(f"path >= {low} AND path < {high}")
        arms = []
        if search.names:
            arms.append(_may_occur("path" if search.in_paths else "name", search, params))
        if search.contents:
            assert listing.scope is not None
            arms.append(self._in_content(listing.scope, search, params))
        return [*chosen, f"({' OR '.join(arms)})"]

    def _in_content(self, project_id: UUID, search: Search, params: Params) -> str:
        parts = ["content IS NOT NULL"]
        asked = grams_asked(project_id, search.folded)
        if asked:
            known = f"SELECT digest FROM {self._sql.prefix}content_grams WHERE project_id = "
            fits = f"{known}{params.bind(project_id, 'uuid')} AND grams @> {params.bind(list(asked), 'text[]')}"
            seen = f"{known}{params.bind(project_id, 'uuid')} AND grams IS NOT NULL"
            parts.append(f"(digest IS NULL OR digest IN ({fits}) OR digest NOT IN ({seen}))")
        return f"({' AND '.join([*parts, _may_occur('content', search, params)])})"


def _may_occur(column: str, search: Search, params: Params) -> str:
    """`Search.may_occur`."""
    if not search.ignore_case:
        return f"strpos({column}, {params.bind(search.text, 'text')}) > 0"
    folded = params.bind(search.folded, "text")
    return f"(strpos(lower({column}), {folded}) > 0 OR octet_length({column}) <> length({column}))"


def _nothing(result: Result) -> None:
    """A setting has no answer."""
