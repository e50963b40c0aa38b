"""The views of the database, and the function that refreshes the materialized ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from vibecore.domain import json
from vibecore.domain.analytics import (
    Activity,
    DailyStats,
    DeploymentRate,
    FileStats,
    LanguageStats,
    RefreshReport,
    SystemHealth,
    UserActivity,
)
from vibecore.domain.analytics.arguments import checked_day, checked_limit
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.schema import row_builder
from vibecore.domain.users import UserRole
from vibecore.repositories.arguments import optional_uuid
from vibecore.repositories.postgres._codec import in_utc
from vibecore.repositories.postgres._transaction import Transaction
from vibecore.repositories.postgres._wire import Result, Row

V = TypeVar("V")


class PostgresAnalytics:
    def __init__(self, tx: Transaction, prefix: str, now: datetime) -> None:
        self._tx = tx
        self._prefix = prefix
        self._now = now

    def recent_activity(
        self, *, project_id: UUID | None = None, user_id: UUID | None = None, limit: int = 50
    ) -> tuple[Activity, ...]:
        self._tx.enter()
        given = {
            "project_id = %s": optional_uuid("project_id", project_id),
            "user_id = %s": optional_uuid("user_id", user_id),
        }
        return self._select(RECENT_ACTIVITY, given, limit)

    def project_file_stats(self, *, project_id: UUID | None = None, limit: int = 50) -> tuple[FileStats, ...]:
        self._tx.enter()
        return self._select(FILE_STATS, {"project_id = %s": optional_uuid("project_id", project_id)}, limit)

    def deployment_success_rate(self, *, project_id: UUID | None = None, limit: int = 50) -> tuple[DeploymentRate, ...]:
        self._tx.enter()
        return self._select(DEPLOYMENT_RATES, {"project_id = %s": optional_uuid("project_id", project_id)}, limit)

    def daily_project_stats(
        self,
        *,
        project_id: UUID | None = None,
        since: date | None = None,
        until: date | None = None,
        limit: int = 50,
    ) -> tuple[DailyStats, ...]:
        self._tx.enter()
        given = {
            "project_id = %s": optional_uuid("project_id", project_id),
            "day >= %s": checked_day("since", since),
            "day <= %s": checked_day("until", until),
        }
        return self._select(DAILY_STATS, given, limit)

    def user_activity(self, *, user_id: UUID | None = None, limit: int = 50) -> tuple[UserActivity, ...]:
        self._tx.enter()
        return self._select(USER_ACTIVITY, {"user_id = %s": optional_uuid("user_id", user_id)}, limit)

    def system_health(self) -> SystemHealth | None:
        self._tx.enter()
        view = SYSTEM_HEALTH
        return self._tx.run(view.select(self._prefix, ()), (1,), view.one)

    def refresh(self) -> RefreshReport:
        self._tx.enter(write=True)
        sql = f"SELECT as_of, daily_rows, user_rows FROM {self._prefix}refresh_analytics(%s)"
        return self._tx.run(sql, (self._now,), _report)

    def _select(self, view: View[V], given: dict[str, Any], limit: int) -> tuple[V, ...]:
        """The rows of `view` that meet every condition whose value is not None."""
        conditions = {condition: value for condition, value in given.items() if value is not None}
        params = (*conditions.values(), checked_limit(limit))
        return self._tx.run(view.select(self._prefix, tuple(conditions)), params, view.many)


class View(Generic[V]):
    """A view, the record of its rows, and their order."""

    def __init__(self, name: str, record: type[V], order: str) -> None:
        self.name = name
        self.names = tuple(field.name for field in fields(record))  # type: ignore[arg-type]  # a dataclass, each
        self.order = order
        self._build = row_builder(record, self.names)
        self._steps = [(i, step) for i, name in enumerate(self.names) if (step := _decoder(name)) is not None]

    @cache  # noqa: B019 - the views are module constants
    def select(self, prefix: str, conditions: tuple[str, ...]) -> str:
        """The statement for this combination of conditions; its last parameter is the limit."""
        columns = ", ".join(f"{name}::text" if name in _JSON else name for name in self.names)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {columns} FROM {prefix}{self.name}{where} ORDER BY {self.order} LIMIT %s"

    def many(self, result: Result) -> tuple[V, ...]:
        return tuple(map(self._row, result.rows))

    def one(self, result: Result) -> V | None:
        return self._row(result.rows[0]) if result.rows else None

    def _row(self, row: Row) -> V:
        values = list(row)
        for i, step in self._steps:
            if values[i] is not None:
                values[i] = step(values[i])
        return self._build(tuple(values))


def _decoder(name: str) -> Callable[[Any], Any] | None:
    if name == "as_of" or name.endswith("_at"):
        return in_utc
    return _JSON.get(name) or _ENUMS.get(name)


def _languages(text: str) -> tuple[LanguageStats, ...]:
    entries: Any = json.loads(text)
    return tuple(LanguageStats(**entry) for entry in entries)


def _report(result: Result) -> RefreshReport:
    as_of, daily_rows, user_rows = result.rows[0]
    return RefreshReport(as_of=in_utc(as_of), daily_rows=daily_rows, user_rows=user_rows)


_JSON: Final[dict[str, Callable[[Any], Any]]] = {"by_language": _languages}
_ENUMS: Final[dict[str, Callable[[Any], Any]]] = {"role": UserRole, "last_status": DeploymentStatus}

RECENT_ACTIVITY: Final = View("v_recent_activity", Activity, "created_at DESC, id DESC")
FILE_STATS: Final = View("v_project_file_stats", FileStats, "lines DESC, size_bytes DESC, project_id")
DEPLOYMENT_RATES: Final = View(
    "v_deployment_success_rate", DeploymentRate, 'total DESC, project_id, environment COLLATE "C"'
)
DAILY_STATS: Final = View("mv_daily_project_stats", DailyStats, "day DESC, project_id")
USER_ACTIVITY: Final = View("mv_user_activity", UserActivity, "rank, user_id")
SYSTEM_HEALTH: Final = View("mv_system_health", SystemHealth, "as_of")
