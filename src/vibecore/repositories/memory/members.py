"""Members in memory."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.members import MEMBERS, ProjectMember
from vibecore.repositories import arguments
from vibecore.repositories.memory.tables import MemoryChildren


class MemoryMembers(MemoryChildren[ProjectMember]):
    """See `vibecore.repositories.members.Members`."""

    __slots__ = ()

    def find_user(self, project_id: UUID, user_id: UUID, /) -> ProjectMember | None:
        with self.transaction.reading():
            value = arguments.scope(MEMBERS, project_id).int, arguments.uuid("user_id", user_id).int
            place = self._layout.unique("uq_project_members_user")
            found: ProjectMember | None = self.transaction.held(self._layout, place, value)
            return found
