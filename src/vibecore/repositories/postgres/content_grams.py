"""The index of contents on PostgreSQL."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.content_grams import ContentGrams
from vibecore.repositories import arguments
from vibecore.repositories.postgres.tables import PostgresTable, affected

_PURGE: Final = """\
DELETE FROM {name} WHERE project_id = %s AND NOT EXISTS (
 SELECT 1 FROM {prefix}files WHERE files.project_id = %s AND files.digest = {table}.digest)"""


class PostgresContentGrams(PostgresTable[ContentGrams]):
    def purge(self, project_id: UUID) -> int:
        self._tx.enter(write=True)
        project = arguments.uuid("project_id", project_id)
        sql = _PURGE.format(name=self._sql.name, prefix=self._sql.prefix, table=self._table.name)
        return self._tx.run(sql, (project, project), affected)
