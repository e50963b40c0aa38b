"""Projects: what everything else belongs to, and its life from planning to archive."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.fields import Count, Id, LongText, Moment, Name, Url
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Json, Member, Numeric, Text
from vibecore.domain.schema import Index, Reference, Table, updated_index


class ProjectStatus(StrEnum):
    PLANNING = "planning"
    IN_PROGRESS = "in_progress"
    REVIEW = "review"
    DEPLOYED = "deployed"
    ARCHIVED = "archived"


class Visibility(StrEnum):
    PRIVATE = "private"
    TEAM = "team"
    PUBLIC = "public"


TRANSITIONS: Final[dict[ProjectStatus, frozenset[ProjectStatus]]] = {
    ProjectStatus.PLANNING: frozenset({ProjectStatus.IN_PROGRESS, ProjectStatus.ARCHIVED}),
    ProjectStatus.IN_PROGRESS: frozenset({ProjectStatus.PLANNING, ProjectStatus.REVIEW, ProjectStatus.ARCHIVED}),
    ProjectStatus.REVIEW: frozenset({ProjectStatus.IN_PROGRESS, ProjectStatus.DEPLOYED, ProjectStatus.ARCHIVED}),
    ProjectStatus.DEPLOYED: frozenset({ProjectStatus.IN_PROGRESS, ProjectStatus.REVIEW, ProjectStatus.ARCHIVED}),
    ProjectStatus.ARCHIVED: frozenset(),
}
"""Steps of the status machine. An archived project goes back only to `archived_from`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project. `file_count` and `total_lines` count its files exactly; `archived_from` is set while archived."""

    id: Id
    name: Name
    description: LongText | None = None
    owner_id: Id
    visibility: Annotated[Visibility, Member(Visibility, "visibility")] = Visibility.PRIVATE
    status: Annotated[ProjectStatus, Member(ProjectStatus, "project_status")] = ProjectStatus.PLANNING
    tech_stack: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    architecture: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    repository_url: Url | None = None
    deployed_url: Url | None = None
    current_version: Annotated[str, Text(100)] | None = None
    quality_score: Annotated[Decimal, Numeric(5, 2)] | None = None
    file_count: Count = 0
    total_lines: Count = 0
    archived_from: Annotated[ProjectStatus, Member(ProjectStatus, "project_status")] | None = None
    created_at: Moment
    updated_at: Moment


PROJECTS: Final = Table(
    Project,
    "projects",
    "project",
    references=(Reference("fk_projects_owner", "owner_id", "users"),),
    indexes=(
        Index("idx_projects_owner", ("owner_id",)),
        Index("idx_projects_status", ("status",)),
        Index("idx_projects_visibility", ("visibility",)),
        Index("idx_projects_created", ("created_at", "id")),
        Index("idx_projects_tech_stack", ("tech_stack",), gin=True),
        Index("idx_projects_architecture", ("architecture",), gin=True),
        updated_index("projects"),
    ),
)
