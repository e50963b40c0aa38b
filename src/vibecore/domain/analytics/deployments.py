"""The definition of `v_deployment_success_rate`."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from vibecore.domain.analytics.measures import Duration, percent, ratio, utc_day
from vibecore.domain.analytics.records import DeploymentRate
from vibecore.domain.deployments import ArchivedDeployment, Deployment, DeploymentStatus
from vibecore.domain.projects import Project

AnyDeployment = Deployment | ArchivedDeployment
_ENDED_BADLY = frozenset({DeploymentStatus.FAILED, DeploymentStatus.ROLLED_BACK})


def succeeded(deployment: AnyDeployment) -> bool:
    """It was live and runs, or was stopped in order."""
    return deployment.live_at is not None and deployment.status in (
        DeploymentStatus.RUNNING,
        DeploymentStatus.STOPPED,
    )


def deployment_success_rate(
    projects: Iterable[Project], deployments: Iterable[Deployment], archived: Iterable[ArchivedDeployment]
) -> list[DeploymentRate]:
    """One row for every project and environment with deployments: most first, then by project id, environment."""
    every: list[AnyDeployment] = [*deployments, *archived]
    names = {project.id: project.name for project in projects}
    groups: dict[tuple[UUID, str], list[AnyDeployment]] = defaultdict(list)
    requested: dict[tuple[UUID, UUID], datetime] = {}
    for deployment in every:
        groups[deployment.project_id, deployment.environment].append(deployment)
        if deployment.rollback_of is not None:
            key = (deployment.project_id, deployment.rollback_of)
            requested[key] = min(requested.get(key, deployment.created_at), deployment.created_at)
    rows = [
        _row(project_id, names[project_id], environment, group, requested)
        for (project_id, environment), group in groups.items()
        if project_id in names
    ]
    rows.sort(key=lambda row: (-row.total, row.project_id, row.environment))
    return rows


def _row(
    project_id: UUID,
    project_name: str,
    environment: str,
    group: list[AnyDeployment],
    requested: dict[tuple[UUID, UUID], datetime],
) -> DeploymentRate:
    successes = sum(map(succeeded, group))
    failed = sum(d.status is DeploymentStatus.FAILED for d in group)
    rolled_back = sum(d.status is DeploymentStatus.ROLLED_BACK for d in group)
    cancelled = sum(d.status is DeploymentStatus.STOPPED and d.live_at is None for d in group)
    finished = successes + failed + rolled_back
    live = sorted(d.live_at for d in group if d.live_at is not None)
    days = (utc_day(live[-1]) - utc_day(live[0])).days + 1 if live else 0
    duration, lead = Duration(), Duration()
    for d in group:
        duration.add(d.started_at, d.completed_at if d.live_at is None else d.live_at)
        lead.add(d.created_at, d.live_at)
    restore = _restore(group, live, requested)
    last = max(group, key=lambda d: (d.created_at, d.id, isinstance(d, Deployment)))
    return DeploymentRate(
        project_id=project_id,
        project_name=project_name,
        environment=environment,
        total=len(group),
        succeeded=successes,
        failed=failed,
        rolled_back=rolled_back,
        cancelled=cancelled,
        unfinished=len(group) - finished - cancelled,
        success_rate=percent(successes, finished),
        mean_duration_seconds=duration.mean_seconds,
        went_live=len(live),
        live_per_day=ratio(len(live), days, 2),
        mean_lead_seconds=lead.mean_seconds,
        change_failure_rate=percent(sum(d.live_at is not None and d.status in _ENDED_BADLY for d in group), len(live)),
        restored=restore.count,
        mean_restore_seconds=restore.mean_seconds,
        first_live_at=live[0] if live else None,
        last_live_at=live[-1] if live else None,
        last_deployed_at=last.created_at,
        last_status=last.status,
        last_version=last.version,
    )


def _restore(
    group: list[AnyDeployment], live: list[datetime], requested: dict[tuple[UUID, UUID], datetime]
) -> Duration:
    found = Duration()
    for d in group:
        if d.live_at is None or d.status not in _ENDED_BADLY:
            continue
        ends = [end for end in (d.completed_at, requested.get((d.project_id, d.id))) if end is not None]
        if not ends or min(ends) <= d.live_at:
            continue
        at = bisect_left(live, min(ends))
        if at < len(live):
            found.add(min(ends), live[at])
    return found
