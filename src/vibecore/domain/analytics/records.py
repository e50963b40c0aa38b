"""The rows: one record for each view, its fields in the order of the view's columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.users import UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A row of `v_recent_activity`: an audit event without its details and address, which may be confidential.

    The names are None where the event names nobody, or somebody or a project that no longer exists.
    """

    id: UUID
    created_at: datetime
    user_id: UUID | None
    user_name: str | None
    action: str
    resource_type: str | None
    resource_id: UUID | None
    project_id: UUID | None
    project_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageStats:
    """A project's files in one language; None is the language of files whose language is not known."""

    language: str | None
    files: int
    lines: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStats:
    """A row of `v_project_file_stats`: one for every project, also for one without files.

    `languages` counts the known ones; `by_language` adds up to `files`, `lines` and `size_bytes`: most lines first,
    then most files, then by name, the unknown last. `largest_path` is the file of most bytes, the first by path of
    several. `changed_at` is the newest `updated_at` of a file or folder.
    """

    project_id: UUID
    project_name: str
    files: int
    folders: int
    lines: int
    size_bytes: int
    languages: int
    largest_path: str | None
    largest_bytes: int | None
    changed_at: datetime | None
    by_language: tuple[LanguageStats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRate:
    """A row of `v_deployment_success_rate`: a project's deployments to one environment, archived ones included.

    `total` = `succeeded` + `failed` + `rolled_back` + `cancelled` + `unfinished`. Succeeded: was live and runs or was
    stopped; cancelled: stopped without having been live. Rates are percentages with two places, means are seconds
    with three.

    `mean_duration_seconds`: from `started_at` until it was live, else until it ended. DORA's four measures:
    `live_per_day` (deployments that went live, per UTC day from the first such day to the last), `mean_lead_seconds`
    (from the deployment's creation until it was live), `change_failure_rate` (of those that went live, the share that
    then failed or was rolled back), `mean_restore_seconds` (over the `restored` of these: from its end, or the creation
    of its rollback if that came first, until the next went live). An interval that runs backwards does not count.
    """

    project_id: UUID
    project_name: str
    environment: str
    total: int
    succeeded: int
    failed: int
    rolled_back: int
    cancelled: int
    unfinished: int
    success_rate: Decimal | None
    mean_duration_seconds: Decimal | None
    went_live: int
    live_per_day: Decimal | None
    mean_lead_seconds: Decimal | None
    change_failure_rate: Decimal | None
    restored: int
    mean_restore_seconds: Decimal | None
    first_live_at: datetime | None
    last_live_at: datetime | None
    last_deployed_at: datetime
    last_status: DeploymentStatus
    last_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyStats:
    """A row of `mv_daily_project_stats`: a project's UTC day on which something happened, as of the last refresh.

    Deployments, reviews, assessments and audit events count on the day they were created, files on the day of their
    last change. `issues` are all findings of the day's reviews; `quality_score` is the day's last assessment.
    """

    project_id: UUID
    day: date
    deployments: int
    deployments_succeeded: int
    deployments_failed: int
    deployments_rolled_back: int
    reviews: int
    issues: int
    mean_review_score: Decimal | None
    files_changed: int
    tests_passed: int
    tests_failed: int
    quality_score: Decimal | None
    events: int
    active_users: int
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserActivity:
    """A row of `mv_user_activity`: what a user has done, as of the last refresh; one for every user.

    `rank` starts at 1 and orders by most events, then most active days, then the latest activity (none comes last);
    users equal in all three share a rank and the next one is skipped.
    """

    user_id: UUID
    user_name: str
    role: UserRole
    projects_owned: int
    projects_joined: int
    events: int
    active_days: int
    projects_touched: int
    first_active_at: datetime | None
    last_active_at: datetime | None
    rank: int
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemHealth:
    """The row of `mv_system_health`: the whole system as of the last refresh.

    Sessions and API keys are active until they expire; `deployments` are those not archived; `mean_quality_score` is
    the mean over the projects that have a score.
    """

    users: int
    users_disabled: int
    sessions_active: int
    api_keys_active: int
    projects: int
    projects_planning: int
    projects_in_progress: int
    projects_review: int
    projects_deployed: int
    projects_archived: int
    files: int
    lines: int
    size_bytes: int
    deployments: int
    deployments_in_flight: int
    deployments_running: int
    deployments_failed: int
    deployments_archived: int
    reviews: int
    executions_running: int
    executions_waiting: int
    notifications_unread: int
    mean_quality_score: Decimal | None
    events: int
    last_event_at: datetime | None
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshReport:
    """What a refresh left behind: its moment and the rows of the two materialized views that grow."""

    as_of: datetime
    daily_rows: int
    user_rows: int
