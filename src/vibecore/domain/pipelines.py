"""Pipelines: CI/CD configurations and the history of their executions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.fields import Flag, Id, LongText, Moment, Name
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Choice, Integer, Json, Text, TextArray
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index


class PipelineProvider(StrEnum):
    GITHUB = "github"
    FORGEJO = "forgejo"
    GITLAB = "gitlab"


class ConfigFormat(StrEnum):
    YAML = "yaml"
    JSON = "json"


class ExecutionStatus(StrEnum):
    QUEUED = "queued"
    BLOCKED = "blocked"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"


EXECUTION_TRANSITIONS: Final[dict[ExecutionStatus, frozenset[ExecutionStatus]]] = {
    ExecutionStatus.QUEUED: frozenset(
        {ExecutionStatus.RUNNING, ExecutionStatus.CANCELLED, ExecutionStatus.SKIPPED, ExecutionStatus.BLOCKED}
    ),
    ExecutionStatus.BLOCKED: frozenset({ExecutionStatus.QUEUED}),
    ExecutionStatus.RUNNING: frozenset(
        {
            ExecutionStatus.SUCCESS,
            ExecutionStatus.FAILED,
            ExecutionStatus.CANCELLED,
            ExecutionStatus.TIMED_OUT,
        }
    ),
    ExecutionStatus.SUCCESS: frozenset(),
    ExecutionStatus.FAILED: frozenset(),
    ExecutionStatus.CANCELLED: frozenset(),
    ExecutionStatus.SKIPPED: frozenset(),
    ExecutionStatus.TIMED_OUT: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline: `definition` is the typed model as JSON, `config` its rendering for `provider` in `format`."""

    id: Id
    project_id: Id
    name: Name
    provider: Annotated[PipelineProvider, Choice(PipelineProvider, 50)] = PipelineProvider.GITHUB
    format: Annotated[ConfigFormat, Choice(ConfigFormat, 10)] = ConfigFormat.YAML
    config: LongText = ""
    definition: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    enabled: Flag = True
    created_at: Moment
    updated_at: Moment


PIPELINES: Final = Table(
    Pipeline,
    "cicd_pipelines",
    "pipeline",
    scope="project_id",
    uniques=(Unique("uq_cicd_pipelines_name", ("project_id", "name")),),
    references=(Reference("fk_cicd_pipelines_project", "project_id", "projects"),),
    indexes=(updated_index("cicd_pipelines"),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a pipeline. At most one runs per `concurrency_key`; a retry is a new row with `attempt` + 1."""

    id: Id
    project_id: Id
    pipeline_id: Id
    status: Annotated[ExecutionStatus, Choice(ExecutionStatus, 50)] = ExecutionStatus.QUEUED
    attempt: Annotated[int, Integer(low=1)] = 1
    trigger: Annotated[str, Text(50)] | None = None
    branch: Annotated[str, Text(255)] | None = None
    commit_sha: Annotated[str, Text(64)] | None = None
    concurrency_key: Annotated[str, Text(255, shortest=1)] | None = None
    logs: Annotated[tuple[str, ...], TextArray()] | None = field(default=None, repr=False)
    reason: LongText | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    created_at: Moment
    updated_at: Moment


EXECUTIONS: Final = Table(
    Execution,
    "cicd_executions",
    "execution",
    scope="project_id",
    uniques=(
        Unique(
            "uq_cicd_executions_running",
            ("project_id", "concurrency_key"),
            "status",
            (ExecutionStatus.RUNNING,),
        ),
    ),
    references=(
        Reference("fk_cicd_executions_project", "project_id", "projects"),
        Reference("fk_cicd_executions_pipeline", "pipeline_id", "cicd_pipelines"),
    ),
    indexes=(
        Index("idx_cicd_executions_project", ("project_id", "created_at", "id")),
        Index("idx_cicd_executions_pipeline", ("pipeline_id",)),
        updated_index("cicd_executions"),
    ),
)
