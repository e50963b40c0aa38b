"""Members of projects."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from vibecore.domain.members import ProjectMember
from vibecore.repositories.tables import Children


class Members(Children[ProjectMember], Protocol):
    def find_user(self, project_id: UUID, user_id: UUID, /) -> ProjectMember | None:
        """The membership of `user_id` in the project, or None."""
        ...
