"""Members: which users take part in which project, and in which role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from vibecore.domain.fields import Id, Moment
from vibecore.domain.rules import Member
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index
from vibecore.domain.users import UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectMember:
    """A user's role in a project. The owner is not a member; ownership is above every role."""

    id: Id
    project_id: Id
    user_id: Id
    role: Annotated[UserRole, Member(UserRole, "user_role")] = UserRole.DEVELOPER
    joined_at: Moment
    created_at: Moment
    updated_at: Moment


MEMBERS: Final = Table(
    ProjectMember,
    "project_members",
    "member",
    scope="project_id",
    uniques=(Unique("uq_project_members_user", ("project_id", "user_id")),),
    references=(
        Reference("fk_project_members_project", "project_id", "projects"),
        Reference("fk_project_members_user", "user_id", "users"),
    ),
    indexes=(Index("idx_project_members_user", ("user_id",)), updated_index("project_members")),
)
