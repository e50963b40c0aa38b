"""Analytics: the six views, each for whom they concern. `vibe.maintenance.refresh_analytics` renews three of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.analytics import Activity, DailyStats, DeploymentRate, FileStats, SystemHealth, UserActivity
from vibecore.domain.permissions import Action, Decision, decide_account
from vibecore.repositories.analytics import Analytics
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import allowed

T = TypeVar("T")


class AnalyticsService(Scoped):
    """`vibe.analytics`.

    With a `project_id` the rows of that project, for who may read it; without one those of the whole system, for
    administrators. At most `limit` rows (0 to 1000). All methods raise NotFound (kind "project"), PermissionDenied and
    InvalidValue. The order of the rows is that of `vibecore.repositories.analytics`.
    """

    def recent_activity(
        self, actor: Actor, *, project_id: UUID | None = None, user_id: UUID | None = None, limit: int = 50
    ) -> tuple[Activity, ...]:
        """Audit events without their details, newest first; of a project for its members, since they name people."""
        return self._rows(
            actor,
            Action.MEMBERS_READ,
            project_id,
            lambda views: views.recent_activity,
            user_id=user_id,
            limit=limit,
        )

    def project_file_stats(
        self, actor: Actor, *, project_id: UUID | None = None, limit: int = 50
    ) -> tuple[FileStats, ...]:
        """Number, lines and bytes of files, by project and within it by language; the largest projects first."""
        return self._rows(
            actor,
            Action.FILES_READ,
            project_id,
            lambda views: views.project_file_stats,
            limit=limit,
        )

    def deployment_success_rate(
        self, actor: Actor, *, project_id: UUID | None = None, limit: int = 50
    ) -> tuple[DeploymentRate, ...]:
        """Success rate and DORA's four measures by project and environment, archived deployments included."""
        return self._rows(
            actor,
            Action.DEPLOYMENTS_READ,
            project_id,
            lambda views: views.deployment_success_rate,
            limit=limit,
        )

    def daily_project_stats(
        self,
        actor: Actor,
        *,
        project_id: UUID | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: int = 50,
    ) -> tuple[DailyStats, ...]:
        """UTC days from `since` to `until`, both included, newest first, as of the last refresh."""
        return self._rows(
            actor,
            Action.PROJECT_READ,
            project_id,
            lambda views: views.daily_project_stats,
            since=since,
            until=until,
            limit=limit,
        )

    def user_activity(self, actor: Actor, *, user_id: UUID | None = None, limit: int = 50) -> tuple[UserActivity, ...]:
        """Users by rank, as of the last refresh; everybody may read their own row."""
        key = None if user_id is None else check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> tuple[UserActivity, ...]:
            if decide_account(actor, Action.PROFILE_READ, key) is not Decision.ALLOWED:
                allowed(actor, Action.ANALYTICS_READ)
            return tx.analytics.user_activity(user_id=key, limit=limit)

        return self._work.read(actor, run)

    def system_health(self, actor: Actor) -> SystemHealth | None:
        """Counts over the whole system as of the last refresh, None before the first; for administrators."""

        def run(tx: UnitOfWork) -> SystemHealth | None:
            allowed(actor, Action.ANALYTICS_READ)
            return tx.analytics.system_health()

        return self._work.read(actor, run)

    def _rows(
        self,
        actor: Actor,
        action: Action,
        project_id: UUID | None,
        view: Callable[[Analytics], Callable[..., T]],
        **arguments: Any,
    ) -> T:
        """The rows of `view`: of a project for who may do `action` there, of the system for administrators."""
        arguments["project_id"] = project_id
        if project_id is not None:
            return self._ask(actor, action, project_id, lambda tx, batch: batch.add(view(tx.analytics), **arguments))

        def run(tx: UnitOfWork) -> T:
            allowed(actor, Action.ANALYTICS_READ)
            return view(tx.analytics)(**arguments)

        return self._work.read(actor, run)
