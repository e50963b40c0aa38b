"""The definition of `mv_daily_project_stats`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from vibecore.domain.analytics.deployments import AnyDeployment, succeeded
from vibecore.domain.analytics.measures import ratio, utc_day
from vibecore.domain.analytics.records import DailyStats
from vibecore.domain.audit import AuditEvent
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.files import File, FileType
from vibecore.domain.projects import Project
from vibecore.domain.reviews import CodeReview
from vibecore.domain.scores import QualityScore
from vibecore.domain.tests import TestResult


@dataclass(slots=True)
class _Day:
    deployments: int = 0
    succeeded: int = 0
    failed: int = 0
    rolled_back: int = 0
    reviews: int = 0
    issues: int = 0
    review_points: int = 0
    files_changed: int = 0
    tests_passed: int = 0
    tests_failed: int = 0
    assessed: tuple[datetime, UUID] | None = None
    quality_score: Decimal | None = None
    events: int = 0
    users: set[UUID] = field(default_factory=set)


_Days = dict[tuple[UUID, date], _Day]


def daily_project_stats(
    as_of: datetime,
    *,
    projects: Iterable[Project],
    deployments: Iterable[AnyDeployment],
    reviews: Iterable[CodeReview],
    files: Iterable[File],
    tests: Iterable[TestResult],
    scores: Iterable[QualityScore],
    events: Iterable[AuditEvent],
) -> list[DailyStats]:
    """One row for every existing project and UTC day with an entry: newest day first, then by project id.

    `deployments` are all of them, archived ones included.
    """
    days: _Days = defaultdict(_Day)
    for deployment in deployments:
        _add_deployment(days[deployment.project_id, utc_day(deployment.created_at)], deployment)
    for review in reviews:
        day = days[review.project_id, utc_day(review.created_at)]
        day.reviews += 1
        day.issues += len(review.issues)
        day.review_points += review.score
    for file in files:
        if file.type is FileType.FILE:
            days[file.project_id, utc_day(file.updated_at)].files_changed += 1
    for test in tests:
        day = days[test.project_id, utc_day(test.created_at)]
        day.tests_passed += test.passed
        day.tests_failed += test.failed
    for score in scores:
        _add_score(days[score.project_id, utc_day(score.created_at)], score)
    for event in events:
        if event.project_id is not None:
            day = days[event.project_id, utc_day(event.created_at)]
            day.events += 1
            if event.user_id is not None:
                day.users.add(event.user_id)
    existing = {project.id for project in projects}
    rows = [_row(project_id, on, day, as_of) for (project_id, on), day in days.items() if project_id in existing]
    rows.sort(key=lambda row: (-row.day.toordinal(), row.project_id))
    return rows


def _add_deployment(day: _Day, deployment: AnyDeployment) -> None:
    day.deployments += 1
    day.succeeded += succeeded(deployment)
    day.failed += deployment.status is DeploymentStatus.FAILED
    day.rolled_back += deployment.status is DeploymentStatus.ROLLED_BACK


def _add_score(day: _Day, score: QualityScore) -> None:
    place = (score.created_at, score.id)
    if day.assessed is None or day.assessed < place:
        day.assessed = place
        day.quality_score = score.score


def _row(project_id: UUID, on: date, day: _Day, as_of: datetime) -> DailyStats:
    return DailyStats(
        project_id=project_id,
        day=on,
        deployments=day.deployments,
        deployments_succeeded=day.succeeded,
        deployments_failed=day.failed,
        deployments_rolled_back=day.rolled_back,
        reviews=day.reviews,
        issues=day.issues,
        mean_review_score=ratio(day.review_points, day.reviews, 2),
        files_changed=day.files_changed,
        tests_passed=day.tests_passed,
        tests_failed=day.tests_failed,
        quality_score=day.quality_score,
        events=day.events,
        active_users=len(day.users),
        as_of=as_of,
    )
