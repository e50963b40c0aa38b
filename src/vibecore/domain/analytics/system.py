"""The definition of `mv_system_health`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from vibecore.domain.analytics.measures import ratio
from vibecore.domain.analytics.records import SystemHealth
from vibecore.domain.api_keys import ApiKey
from vibecore.domain.audit import AuditEvent
from vibecore.domain.deployments import IN_FLIGHT, Deployment, DeploymentStatus
from vibecore.domain.files import File, FileType
from vibecore.domain.notifications import Notification
from vibecore.domain.pipelines import Execution, ExecutionStatus
from vibecore.domain.projects import Project, ProjectStatus
from vibecore.domain.sessions import Session
from vibecore.domain.users import User


def system_health(
    as_of: datetime,
    *,
    users: Collection[User],
    sessions: Iterable[Session],
    api_keys: Iterable[ApiKey],
    projects: Collection[Project],
    files: Iterable[File],
    deployments: Collection[Deployment],
    deployments_archived: int,
    reviews: int,
    executions: Iterable[Execution],
    notifications: Iterable[Notification],
    events: Collection[AuditEvent],
) -> SystemHealth:
    """The whole system in one row; `deployments_archived` and `reviews` are counts."""
    by_status = Counter(project.status for project in projects)
    runs = Counter(execution.status for execution in executions)
    deployed = Counter(deployment.status for deployment in deployments)
    contents = [file for file in files if file.type is FileType.FILE]
    scores = [project.quality_score for project in projects if project.quality_score is not None]
    return SystemHealth(
        users=len(users),
        users_disabled=sum(user.disabled_at is not None for user in users),
        sessions_active=sum(session.expires_at > as_of for session in sessions),
        api_keys_active=sum(key.expires_at is None or key.expires_at > as_of for key in api_keys),
        projects=len(projects),
        projects_planning=by_status[ProjectStatus.PLANNING],
        projects_in_progress=by_status[ProjectStatus.IN_PROGRESS],
        projects_review=by_status[ProjectStatus.REVIEW],
        projects_deployed=by_status[ProjectStatus.DEPLOYED],
        projects_archived=by_status[ProjectStatus.ARCHIVED],
        files=len(contents),
        lines=sum(file.line_count for file in contents),
        size_bytes=sum(file.size_bytes for file in contents),
        deployments=len(deployments),
        deployments_in_flight=sum(deployed[status] for status in IN_FLIGHT),
        deployments_running=deployed[DeploymentStatus.RUNNING],
        deployments_failed=deployed[DeploymentStatus.FAILED],
        deployments_archived=deployments_archived,
        reviews=reviews,
        executions_running=runs[ExecutionStatus.RUNNING],
        executions_waiting=runs[ExecutionStatus.QUEUED] + runs[ExecutionStatus.BLOCKED],
        notifications_unread=sum(notification.read_at is None for notification in notifications),
        mean_quality_score=ratio(sum(int(score.scaleb(2)) for score in scores), 100 * len(scores), 2),
        events=len(events),
        last_event_at=max((event.created_at for event in events), default=None),
        as_of=as_of,
    )
