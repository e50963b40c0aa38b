"""Access: what a permission decision about a project needs to know, and what an upsert did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vibecore.domain.projects import Project
from vibecore.domain.users import UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectAccess:
    """A project and how one user stands to it.

    `member_role` is None for who is not a member; `teammate` says, where the visibility is `team`, whether the user is
    a member of any project of the same owner.
    """

    project: Project
    member_role: UserRole | None
    teammate: bool


class Upserted(StrEnum):
    """What an upsert did with one row of its input."""

    INSERTED = "inserted"
    UPDATED = "updated"
    SUPERSEDED = "superseded"
    """A later row of the same batch has the same key and was taken instead."""
