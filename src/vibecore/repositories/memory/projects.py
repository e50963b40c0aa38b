"""Projects in memory."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.projects import PROJECTS, Project, Visibility
from vibecore.domain.users import UserRole
from vibecore.repositories import arguments
from vibecore.repositories.memory import listings
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.state import Root
from vibecore.repositories.memory.tables import MemoryRoots


class MemoryProjects(MemoryRoots[Project]):
    """See `vibecore.repositories.projects.Projects`."""

    __slots__ = ()

    def access(self, project_id: UUID, user_id: UUID | None, /) -> ProjectAccess | None:
        with self.transaction.reading() as root:
            key = arguments.uuid("project_id", project_id)
            user = arguments.optional_uuid("user_id", user_id)
            project: Project | None = self._locate(root, (key,))
            if project is None:
                return None
            if user is None:
                return ProjectAccess(project=project, member_role=None, teammate=False)
            teammate = project.visibility is Visibility.TEAM and project.owner_id in self._team_owners(user)
            return ProjectAccess(project=project, member_role=self._member_role(key, user), teammate=teammate)

    def page_readable(
        self,
        user_id: UUID | None,
        /,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Project]:
        with self.transaction.reading() as root:
            user = arguments.optional_uuid("user_id", user_id)
            listing = self._cursors.listing(PROJECTS, None, where, order_by, limit, cursor, f"readable:{user}")
            return self._cursors.page(listing, listings.head(listing, self._readable(root, user)))

    def _readable(self, root: Root, user: UUID | None) -> list[Project]:
        projects: list[Project] = list(self._records(root, None))
        if user is None:
            return [project for project in projects if project.visibility is Visibility.PUBLIC]
        joined = {project.id for project in self._joined(user)}
        owners = self._team_owners(user)
        return [
            project
            for project in projects
            if project.visibility is Visibility.PUBLIC
            or project.owner_id == user
            or project.id in joined
            or (project.visibility is Visibility.TEAM and project.owner_id in owners)
        ]

    def _member_role(self, project_id: UUID, user_id: UUID) -> UserRole | None:
        members = layout_of("project_members")
        place = members.unique("uq_project_members_user")
        member = self.transaction.held(members, place, (project_id.int, user_id.int))
        return None if member is None else member.role

    def _joined(self, user_id: UUID) -> list[Project]:
        """The projects that a user is a member of."""
        tx, members = self.transaction, layout_of("project_members")
        keys = tx.bucket(members, members.bucket("user_id"), user_id.int)
        return [tx.row(self._layout, tx.row(members, key).project_id.int) for key in keys]

    def _team_owners(self, user_id: UUID) -> set[UUID]:
        """The owners whose teammate a user is."""
        return {project.owner_id for project in self._joined(user_id)}
