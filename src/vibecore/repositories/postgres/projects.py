"""Projects on PostgreSQL."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.projects import Project
from vibecore.domain.users import UserRole
from vibecore.repositories import arguments
from vibecore.repositories.postgres._filters import Params
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable

_ACCESS: Final = """\
SELECT {columns},
 (SELECT m.role FROM {p}project_members m WHERE m.project_id = %s AND m.user_id = %s),
 CASE WHEN visibility = 'team' THEN EXISTS (
  SELECT 1 FROM {p}project_members m JOIN {p}projects q ON q.id = m.project_id
  WHERE m.user_id = %s AND q.owner_id = {p}projects.owner_id) ELSE FALSE END
FROM {p}projects WHERE id = %s"""

_READABLE: Final = """\
(visibility = 'public' OR owner_id = %s
 OR EXISTS (SELECT 1 FROM {p}project_members m WHERE m.project_id = {p}projects.id AND m.user_id = %s)
 OR visibility = 'team' AND EXISTS (
  SELECT 1 FROM {p}project_members m JOIN {p}projects q ON q.id = m.project_id
  WHERE m.user_id = %s AND q.owner_id = {p}projects.owner_id))"""


class PostgresProjects(PostgresTable[Project]):
    def access(self, project_id: UUID, user_id: UUID | None) -> ProjectAccess | None:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        user = arguments.optional_uuid("user_id", user_id)
        sql = _ACCESS.format(columns=self._sql.columns, p=self._sql.prefix)

        def decode(result: Result) -> ProjectAccess | None:
            if not result.rows:
                return None
            *row, role, teammate = result.rows[0]
            member = None if role is None else UserRole(role)
            return ProjectAccess(project=self._record(row), member_role=member, teammate=teammate)

        return self._tx.run(sql, (project, user, user, project), decode)

    def page_readable(
        self,
        user_id: UUID | None,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Project]:
        self._tx.enter()
        user = arguments.optional_uuid("user_id", user_id)
        listing = self._cursors.listing(self._table, None, where, order_by, limit, cursor, f"readable:{user}")
        params = Params([user, user, user])
        return self._page(listing, params, _READABLE.format(p=self._sql.prefix))
