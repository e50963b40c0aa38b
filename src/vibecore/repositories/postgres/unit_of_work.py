"""All tables of one PostgreSQL transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from vibecore.domain.deployment_logs import DeploymentLog
from vibecore.domain.deployments import ArchivedDeployment
from vibecore.domain.errors import TransactionError
from vibecore.domain.notifications import NotificationPreference
from vibecore.domain.paging import Cursors
from vibecore.domain.pipelines import Execution, Pipeline
from vibecore.domain.scores import QualityScore
from vibecore.domain.tests import TestResult
from vibecore.repositories.postgres._statements import statements
from vibecore.repositories.postgres._transaction import Transaction
from vibecore.repositories.postgres.analytics import PostgresAnalytics
from vibecore.repositories.postgres.audit import PostgresAudit
from vibecore.repositories.postgres.content_grams import PostgresContentGrams
from vibecore.repositories.postgres.deployment_logs import PostgresDeploymentLogLines
from vibecore.repositories.postgres.deployments import PostgresDeployments
from vibecore.repositories.postgres.files import PostgresFiles
from vibecore.repositories.postgres.members import PostgresMembers
from vibecore.repositories.postgres.notifications import PostgresDeliveries, PostgresNotifications, PostgresWebhooks
from vibecore.repositories.postgres.path_rows import PostgresPathRows
from vibecore.repositories.postgres.projects import PostgresProjects
from vibecore.repositories.postgres.quality import PostgresQuality
from vibecore.repositories.postgres.reviews import PostgresReviews
from vibecore.repositories.postgres.tables import PostgresTable
from vibecore.repositories.postgres.throttles import PostgresThrottles
from vibecore.repositories.postgres.users import (
    PostgresApiKeys,
    PostgresRecoveryCodes,
    PostgresSessions,
    PostgresSupersededTokens,
    PostgresUsers,
)
from vibecore.repositories.unit_of_work import Pending, UnitOfWork

if TYPE_CHECKING:
    # To a type checker it is the property that the Protocol asks for; not all of them see that in a cached one.
    from builtins import property as made_once
else:
    from functools import cached_property as made_once

P = ParamSpec("P")
T = TypeVar("T")
Repository = TypeVar("Repository", bound=PostgresTable[Any])


class PostgresBatch:
    """Queues calls; they travel when the block is left."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        if isinstance(getattr(call, "__self__", None), PostgresUnitOfWork):
            raise TransactionError("only calls of tables can be part of a batch")
        return self._tx.add(call, *args, **kwargs)


class PostgresUnitOfWork:
    """Tables are made when first asked for; most units of work use two or three."""

    def __init__(self, tx: Transaction, prefix: str, cursors: Cursors, now: datetime) -> None:
        self._tx = tx
        self._prefix = prefix
        self._cursors = cursors
        self._now = now

    @property
    def now(self) -> datetime:
        return self._now

    def _table(self, kind: type[Repository], name: str) -> Repository:
        return kind(self._tx, statements(self._prefix)[name], self._cursors, self._now)

    @made_once
    def users(self) -> PostgresUsers:
        return self._table(PostgresUsers, "users")

    @made_once
    def sessions(self) -> PostgresSessions:
        return self._table(PostgresSessions, "sessions")

    @made_once
    def superseded_tokens(self) -> PostgresSupersededTokens:
        return self._table(PostgresSupersededTokens, "superseded_tokens")

    @made_once
    def recovery_codes(self) -> PostgresRecoveryCodes:
        return self._table(PostgresRecoveryCodes, "recovery_codes")

    @made_once
    def throttles(self) -> PostgresThrottles:
        return self._table(PostgresThrottles, "throttles")

    @made_once
    def api_keys(self) -> PostgresApiKeys:
        return self._table(PostgresApiKeys, "api_keys")

    @made_once
    def notifications(self) -> PostgresNotifications:
        return self._table(PostgresNotifications, "notifications")

    @made_once
    def notification_preferences(self) -> PostgresTable[NotificationPreference]:
        return self._table(PostgresTable[NotificationPreference], "notification_preferences")

    @made_once
    def webhooks(self) -> PostgresWebhooks:
        return self._table(PostgresWebhooks, "notification_webhooks")

    @made_once
    def deliveries(self) -> PostgresDeliveries:
        return self._table(PostgresDeliveries, "notification_deliveries")

    @made_once
    def projects(self) -> PostgresProjects:
        return self._table(PostgresProjects, "projects")

    @made_once
    def members(self) -> PostgresMembers:
        return self._table(PostgresMembers, "project_members")

    @made_once
    def files(self) -> PostgresFiles:
        return self._table(PostgresFiles, "files")

    @made_once
    def content_grams(self) -> PostgresContentGrams:
        return self._table(PostgresContentGrams, "content_grams")

    @made_once
    def deployments(self) -> PostgresDeployments:
        return self._table(PostgresDeployments, "deployments")

    @made_once
    def archived_deployments(self) -> PostgresTable[ArchivedDeployment]:
        return self._table(PostgresTable[ArchivedDeployment], "archived_deployments")

    @made_once
    def deployment_logs(self) -> PostgresTable[DeploymentLog]:
        return self._table(PostgresTable[DeploymentLog], "deployment_logs")

    @made_once
    def deployment_log_lines(self) -> PostgresDeploymentLogLines:
        return self._table(PostgresDeploymentLogLines, "deployment_log_lines")

    @made_once
    def reviews(self) -> PostgresReviews:
        return self._table(PostgresReviews, "code_reviews")

    @made_once
    def tests(self) -> PostgresPathRows[TestResult]:
        return self._table(PostgresPathRows[TestResult], "test_results")

    @made_once
    def pipelines(self) -> PostgresTable[Pipeline]:
        return self._table(PostgresTable[Pipeline], "cicd_pipelines")

    @made_once
    def executions(self) -> PostgresTable[Execution]:
        return self._table(PostgresTable[Execution], "cicd_executions")

    @made_once
    def scores(self) -> PostgresTable[QualityScore]:
        return self._table(PostgresTable[QualityScore], "quality_scores")

    @made_once
    def quality(self) -> PostgresQuality:
        return PostgresQuality(self._tx, self._prefix)

    @made_once
    def audit(self) -> PostgresAudit:
        return self._table(PostgresAudit, "audit_logs")

    @made_once
    def analytics(self) -> PostgresAnalytics:
        return PostgresAnalytics(self._tx, self._prefix, self._now)

    def revision(self) -> str | None:
        """The revision recorded by the migrations, None where there is no record."""
        home = f"'{self._prefix.strip('.')}.alembic_version'" if self._prefix else "'alembic_version'"
        if not self._tx.run(f"SELECT to_regclass({home}) IS NOT NULL", (), lambda result: result.rows[0][0]):
            return None
        sql = f"SELECT version_num FROM {self._prefix}alembic_version"
        return self._tx.run(sql, (), lambda result: result.rows[0][0] if result.rows else None)

    # -- ends

    @contextmanager
    def batch(self) -> Iterator[PostgresBatch]:
        self._tx.start_batch()
        try:
            try:
                yield PostgresBatch(self._tx)
            except Exception:
                # A call that was queued before the failing one comes first: its failure is the one to report.
                self._tx.flush()
                raise
            self._tx.flush()
            self._tx.enter()
        except BaseException:
            self._tx.fail_batch()
            raise

    def savepoint(self) -> AbstractContextManager[None]:
        return self._tx.savepoint()

    def commit(self) -> None:
        self._tx.commit()

    def rollback(self) -> None:
        self._tx.rollback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self._tx.rollback()


_: Callable[[PostgresUnitOfWork], UnitOfWork] = lambda unit: unit  # noqa: E731  # the checker holds the unit to its contract
