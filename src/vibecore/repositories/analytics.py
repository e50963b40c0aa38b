"""The three views and the three materialized views.

Common clauses
- A view shows the state of this unit of work, its own writes included. A materialized view shows the state of the last
  `refresh`, whose moment every row tells as `as_of`; before the first refresh it has no rows.
- Rows come in the total order that the method states, at most `limit` of them (0 to 1000, else InvalidValue; 0 means
  none). An id that is unknown has no rows: that is no error.
- The definitions are those of `vibecore.domain.analytics`, equal in both backends to the last digit.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol
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


class Analytics(Protocol):
    def recent_activity(
        self, *, project_id: UUID | None = None, user_id: UUID | None = None, limit: int = 50
    ) -> tuple[Activity, ...]:
        """Audit events, newest first by (created_at, id); only those of a project or a user where one is given."""
        ...

    def project_file_stats(self, *, project_id: UUID | None = None, limit: int = 50) -> tuple[FileStats, ...]:
        """File statistics of one project or of all: most lines first, then most bytes, then by project id."""
        ...

    def deployment_success_rate(self, *, project_id: UUID | None = None, limit: int = 50) -> tuple[DeploymentRate, ...]:
        """Deployment measures by project and environment: most deployments first, then project id, environment."""
        ...

    def daily_project_stats(
        self,
        *,
        project_id: UUID | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: int = 50,
    ) -> tuple[DailyStats, ...]:
        """Materialized: days from `since` to `until`, both included, newest first, then by project id."""
        ...

    def user_activity(self, *, user_id: UUID | None = None, limit: int = 50) -> tuple[UserActivity, ...]:
        """Materialized: users by rank, then id."""
        ...

    def system_health(self) -> SystemHealth | None:
        """Materialized: the system's one row, None before the first refresh."""
        ...

    def refresh(self) -> RefreshReport:
        """Bring all three materialized views to the state of this unit of work, as of `tx.now`.

        A write like any other: others see it after the commit, a rollback undoes it, readers are never blocked. Of two
        units of work that refresh at the same time one raises SerializationConflict.
        """
        ...
