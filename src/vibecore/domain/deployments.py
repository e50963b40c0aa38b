"""Deployments: what runs where, how it got there, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.fields import Id, LongText, Moment, Url
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Integer, Json, Member, Text, TextArray
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index


class DeploymentStatus(StrEnum):
    PENDING = "pending"
    BUILDING = "building"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"
    ROLLED_BACK = "rolled_back"


IN_FLIGHT: Final = (DeploymentStatus.PENDING, DeploymentStatus.BUILDING)
ENDED: Final = (DeploymentStatus.FAILED, DeploymentStatus.STOPPED, DeploymentStatus.ROLLED_BACK)
HEALTHY: Final = (DeploymentStatus.RUNNING, DeploymentStatus.STOPPED)
"""What a deployment that went live is as long as nothing speaks against it."""

TRANSITIONS: Final[dict[DeploymentStatus, frozenset[DeploymentStatus]]] = {
    DeploymentStatus.PENDING: frozenset({DeploymentStatus.BUILDING, DeploymentStatus.FAILED, DeploymentStatus.STOPPED}),
    DeploymentStatus.BUILDING: frozenset({DeploymentStatus.RUNNING, DeploymentStatus.FAILED, DeploymentStatus.STOPPED}),
    DeploymentStatus.RUNNING: frozenset(
        {DeploymentStatus.STOPPED, DeploymentStatus.FAILED, DeploymentStatus.ROLLED_BACK}
    ),
    DeploymentStatus.FAILED: frozenset({DeploymentStatus.ROLLED_BACK}),
    DeploymentStatus.STOPPED: frozenset(),
    DeploymentStatus.ROLLED_BACK: frozenset(),
}
"""Steps of the deployment machine; failed -> rolled_back only if it had been live and a rollback succeeded."""

Status = Annotated[DeploymentStatus, Member(DeploymentStatus, "deployment_status")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One attempt to run a version in an environment.

    `live_at` is when it went live, `completed_at` when it ended; `retry_of` and `rollback_of` name the deployment it
    repeats or undoes (kept when that row is archived, hence no foreign key); `reason` is why it changed last.
    """

    id: Id
    project_id: Id
    environment: Annotated[str, Text(50, shortest=1)]
    status: Status = DeploymentStatus.PENDING
    version: Annotated[str, Text(100)] | None = None
    container_id: Annotated[str, Text(255)] | None = None
    container_port: Annotated[int, Integer(1, 65535)] | None = None
    deployment_url: Url | None = None
    config: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    logs: Annotated[tuple[str, ...], TextArray()] | None = field(default=None, repr=False)
    metrics: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    started_at: Moment | None = None
    live_at: Moment | None = None
    completed_at: Moment | None = None
    retry_of: Id | None = None
    rollback_of: Id | None = None
    reason: LongText | None = None
    created_at: Moment
    updated_at: Moment


DEPLOYMENTS: Final = Table(
    Deployment,
    "deployments",
    "deployment",
    scope="project_id",
    uniques=(
        Unique("uq_deployments_in_flight", ("project_id", "environment"), "status", IN_FLIGHT),
        Unique("uq_deployments_running", ("project_id", "environment"), "status", (DeploymentStatus.RUNNING,)),
    ),
    references=(Reference("fk_deployments_project", "project_id", "projects"),),
    indexes=(
        Index("idx_deployments_project", ("project_id", "created_at", "id")),
        Index("idx_deployments_status", ("project_id", "status")),
        Index("idx_deployments_environment", ("project_id", "environment")),
        updated_index("deployments"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedDeployment:
    """A deployment moved out of the way by `archive_old_records`, unchanged; `archived_at` is when."""

    id: Id
    project_id: Id
    environment: Annotated[str, Text(50, shortest=1)]
    status: Status = DeploymentStatus.PENDING
    version: Annotated[str, Text(100)] | None = None
    container_id: Annotated[str, Text(255)] | None = None
    container_port: Annotated[int, Integer(1, 65535)] | None = None
    deployment_url: Url | None = None
    config: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    logs: Annotated[tuple[str, ...], TextArray()] | None = field(default=None, repr=False)
    metrics: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    started_at: Moment | None = None
    live_at: Moment | None = None
    completed_at: Moment | None = None
    retry_of: Id | None = None
    rollback_of: Id | None = None
    reason: LongText | None = None
    archived_at: Moment
    created_at: Moment
    updated_at: Moment


ARCHIVED_DEPLOYMENTS: Final = Table(
    ArchivedDeployment,
    "archived_deployments",
    "archived_deployment",
    scope="project_id",
    references=(Reference("fk_archived_deployments_project", "project_id", "projects"),),
    indexes=(
        Index("idx_archived_deployments_project", ("project_id", "created_at", "id")),
        updated_index("archived_deployments"),
    ),
)
