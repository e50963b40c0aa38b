"""Projects and how users stand to them."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.projects import Project
from vibecore.repositories.tables import Roots


class Projects(Roots[Project], Protocol):
    def access(self, project_id: UUID, user_id: UUID | None, /) -> ProjectAccess | None:
        """The project with the standing of `user_id` (None: an anonymous actor), or None if there is no such project.

        A teammate is a member of any project with the same owner; it is looked up only where the project's visibility
        is `team`, and False elsewhere. The owner is neither member nor teammate by that.
        """
        ...

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
        """`page` over the projects that `user_id` may read: owned, member of, public, or `team` of a teammate."""
        ...
