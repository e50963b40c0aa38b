"""The views in memory: their definitions, applied to the state of the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from vibecore.domain.analytics import (
    Activity,
    DailyStats,
    DeploymentRate,
    FileStats,
    RefreshReport,
    SystemHealth,
    UserActivity,
)
from vibecore.domain.analytics.activity import named, newest
from vibecore.domain.analytics.arguments import checked_day, checked_limit
from vibecore.domain.analytics.daily import daily_project_stats
from vibecore.domain.analytics.deployments import deployment_success_rate
from vibecore.domain.analytics.files import project_file_stats
from vibecore.domain.analytics.system import system_health
from vibecore.domain.analytics.users import user_activity
from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, DEPLOYMENTS
from vibecore.domain.files import FILES
from vibecore.domain.members import MEMBERS
from vibecore.domain.notifications import NOTIFICATIONS
from vibecore.domain.pipelines import EXECUTIONS
from vibecore.domain.projects import PROJECTS, Project
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.schema import Table
from vibecore.domain.scores import QUALITY_SCORES
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.tests import TEST_RESULTS
from vibecore.domain.users import USERS
from vibecore.repositories.arguments import optional_uuid
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.repository import Repository

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Materialized:
    """The rows of the materialized views as of one refresh, in the contract's order."""

    daily: tuple[DailyStats, ...] = ()
    users: tuple[UserActivity, ...] = ()
    system: SystemHealth | None = None


_NEVER_REFRESHED: Final = _Materialized()


class MemoryAnalytics(Repository):
    __slots__ = ()

    def recent_activity(
        self, *, project_id: UUID | None = None, user_id: UUID | None = None, limit: int = 50
    ) -> tuple[Activity, ...]:
        tx = self.transaction
        with tx.reading():
            project = optional_uuid("project_id", project_id)
            user = optional_uuid("user_id", user_id)
            most = checked_limit(limit)
            events = [
                event
                for event in tx.rows(AUDIT_LOGS)
                if (project is None or event.project_id == project) and (user is None or event.user_id == user)
            ]
            found = newest(events, most)
            users = self._existing(USERS, (event.user_id for event in found))
            projects = self._existing(PROJECTS, (event.project_id for event in found))
            return tuple(named(found, users, projects))

    def project_file_stats(self, *, project_id: UUID | None = None, limit: int = 50) -> tuple[FileStats, ...]:
        with self.transaction.reading():
            project = optional_uuid("project_id", project_id)
            most = checked_limit(limit)
            rows = project_file_stats(self._projects(project), self._of(FILES, project))
            return tuple(rows[:most])

    def deployment_success_rate(self, *, project_id: UUID | None = None, limit: int = 50) -> tuple[DeploymentRate, ...]:
        with self.transaction.reading():
            project = optional_uuid("project_id", project_id)
            most = checked_limit(limit)
            rows = deployment_success_rate(
                self._projects(project), self._of(DEPLOYMENTS, project), self._of(ARCHIVED_DEPLOYMENTS, project)
            )
            return tuple(rows[:most])

    def daily_project_stats(
        self,
        *,
        project_id: UUID | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: int = 50,
    ) -> tuple[DailyStats, ...]:
        with self.transaction.reading():
            project = optional_uuid("project_id", project_id)
            first, last = checked_day("since", since), checked_day("until", until)
            most = checked_limit(limit)
            rows = (
                row
                for row in self._materialized().daily
                if (project is None or row.project_id == project)
                and (first is None or row.day >= first)
                and (last is None or row.day <= last)
            )
            return tuple(islice(rows, most))

    def user_activity(self, *, user_id: UUID | None = None, limit: int = 50) -> tuple[UserActivity, ...]:
        with self.transaction.reading():
            user = optional_uuid("user_id", user_id)
            most = checked_limit(limit)
            rows = (row for row in self._materialized().users if user is None or row.user_id == user)
            return tuple(islice(rows, most))

    def system_health(self) -> SystemHealth | None:
        with self.transaction.reading():
            return self._materialized().system

    def refresh(self) -> RefreshReport:
        tx = self.transaction
        with tx.writing():
            views = self._refreshed()
            tx.materialize(views)
            return RefreshReport(as_of=tx.now, daily_rows=len(views.daily), user_rows=len(views.users))

    def _refreshed(self) -> _Materialized:
        tx = self.transaction
        rows, now = tx.rows, tx.now
        users, projects, events = rows(USERS), rows(PROJECTS), rows(AUDIT_LOGS)
        deployments, archived = rows(DEPLOYMENTS), rows(ARCHIVED_DEPLOYMENTS)
        reviews, files = rows(CODE_REVIEWS), rows(FILES)
        daily = daily_project_stats(
            now,
            projects=projects,
            deployments=(*deployments, *archived),
            reviews=reviews,
            files=files,
            tests=rows(TEST_RESULTS),
            scores=rows(QUALITY_SCORES),
            events=events,
        )
        activity = user_activity(now, users=users, projects=projects, members=rows(MEMBERS), events=events)
        system = system_health(
            now,
            users=users,
            sessions=rows(SESSIONS),
            api_keys=rows(API_KEYS),
            projects=projects,
            files=files,
            deployments=deployments,
            deployments_archived=len(archived),
            reviews=len(reviews),
            executions=rows(EXECUTIONS),
            notifications=rows(NOTIFICATIONS),
            events=events,
        )
        return _Materialized(tuple(daily), tuple(activity), system)

    def _materialized(self) -> _Materialized:
        found: _Materialized | None = self.transaction.materialized()
        return _NEVER_REFRESHED if found is None else found

    def _projects(self, project_id: UUID | None) -> Sequence[Project]:
        """One project, if it exists, or all."""
        return self.transaction.rows(PROJECTS) if project_id is None else self._existing(PROJECTS, [project_id])

    def _of(self, table: Table[R], project_id: UUID | None) -> Sequence[R]:
        """The rows of one project or of all."""
        if project_id is None:
            return self.transaction.rows(table)
        layout = layout_of(table.name)
        return self.transaction.bucket(layout, layout.bucket("project_id"), project_id.int)

    def _existing(self, table: Table[R], ids: Iterable[UUID | None]) -> list[R]:
        """The rows with these ids that exist."""
        layout = layout_of(table.name)
        found = (self.transaction.row(layout, id.int) for id in set(ids) if id is not None)
        return [row for row in found if row is not None]
