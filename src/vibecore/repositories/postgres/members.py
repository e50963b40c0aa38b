"""Members on PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.members import ProjectMember
from vibecore.repositories import arguments
from vibecore.repositories.postgres.tables import PostgresTable


class PostgresMembers(PostgresTable[ProjectMember]):
    def find_user(self, project_id: UUID, user_id: UUID) -> ProjectMember | None:
        self._tx.enter()
        project, user = arguments.uuid("project_id", project_id), arguments.uuid("user_id", user_id)
        sql = f"{self._sql.select} WHERE project_id = %s AND user_id = %s"
        return self._tx.run(sql, (project, user), self._one)
