"""Units of work in memory: one transaction and all tables in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.content_grams import CONTENT_GRAMS
from vibecore.domain.deliveries import DELIVERIES
from vibecore.domain.deployment_logs import DEPLOYMENT_LOG_LINES, DEPLOYMENT_LOGS, DeploymentLog
from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, DEPLOYMENTS, ArchivedDeployment
from vibecore.domain.files import FILES
from vibecore.domain.members import MEMBERS
from vibecore.domain.notifications import NOTIFICATION_PREFERENCES, NOTIFICATIONS, NotificationPreference
from vibecore.domain.paging import Cursors
from vibecore.domain.pipelines import EXECUTIONS, PIPELINES, Execution, Pipeline
from vibecore.domain.projects import PROJECTS
from vibecore.domain.recovery_codes import RECOVERY_CODES
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.scores import QUALITY_SCORES, QualityScore
from vibecore.domain.sessions import SESSIONS, SUPERSEDED_TOKENS
from vibecore.domain.tests import TEST_RESULTS, TestResult
from vibecore.domain.throttles import THROTTLES
from vibecore.domain.users import USERS
from vibecore.domain.webhooks import NOTIFICATION_WEBHOOKS
from vibecore.repositories.memory.analytics import MemoryAnalytics
from vibecore.repositories.memory.audit import MemoryAudit
from vibecore.repositories.memory.batches import MemoryBatch
from vibecore.repositories.memory.content_grams import MemoryContentGrams
from vibecore.repositories.memory.deployment_logs import MemoryDeploymentLogLines
from vibecore.repositories.memory.deployments import MemoryDeployments
from vibecore.repositories.memory.files import MemoryFiles
from vibecore.repositories.memory.members import MemoryMembers
from vibecore.repositories.memory.notifications import MemoryDeliveries, MemoryNotifications, MemoryWebhooks
from vibecore.repositories.memory.path_rows import MemoryPathRows
from vibecore.repositories.memory.projects import MemoryProjects
from vibecore.repositories.memory.quality import MemoryQuality
from vibecore.repositories.memory.reviews import MemoryReviews
from vibecore.repositories.memory.tables import MemoryChildren
from vibecore.repositories.memory.throttles import MemoryThrottles
from vibecore.repositories.memory.transaction import Transaction
from vibecore.repositories.memory.users import (
    MemoryApiKeys,
    MemoryRecoveryCodes,
    MemorySessions,
    MemorySupersededTokens,
    MemoryUsers,
)
from vibecore.repositories.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    # To a type checker it is the property that the Protocol asks for; not all of them see that in a cached one.
    from builtins import property as made_once
else:
    from functools import cached_property as made_once


class MemoryUnitOfWork:
    """See `vibecore.repositories.unit_of_work.UnitOfWork`."""

    def __init__(self, transaction: Transaction, cursors: Cursors) -> None:
        self._transaction = transaction
        self._cursors = cursors

    @property
    def now(self) -> datetime:
        return self._transaction.now

    @made_once
    def users(self) -> MemoryUsers:
        return MemoryUsers(self._transaction, USERS, self._cursors)

    @made_once
    def sessions(self) -> MemorySessions:
        return MemorySessions(self._transaction, SESSIONS, self._cursors)

    @made_once
    def superseded_tokens(self) -> MemorySupersededTokens:
        return MemorySupersededTokens(self._transaction, SUPERSEDED_TOKENS, self._cursors)

    @made_once
    def recovery_codes(self) -> MemoryRecoveryCodes:
        return MemoryRecoveryCodes(self._transaction, RECOVERY_CODES, self._cursors)

    @made_once
    def throttles(self) -> MemoryThrottles:
        return MemoryThrottles(self._transaction, THROTTLES, self._cursors)

    @made_once
    def api_keys(self) -> MemoryApiKeys:
        return MemoryApiKeys(self._transaction, API_KEYS, self._cursors)

    @made_once
    def notifications(self) -> MemoryNotifications:
        return MemoryNotifications(self._transaction, NOTIFICATIONS, self._cursors)

    @made_once
    def notification_preferences(self) -> MemoryChildren[NotificationPreference]:
        return MemoryChildren(self._transaction, NOTIFICATION_PREFERENCES, self._cursors)

    @made_once
    def webhooks(self) -> MemoryWebhooks:
        return MemoryWebhooks(self._transaction, NOTIFICATION_WEBHOOKS, self._cursors)

    @made_once
    def deliveries(self) -> MemoryDeliveries:
        return MemoryDeliveries(self._transaction, DELIVERIES, self._cursors)

    @made_once
    def projects(self) -> MemoryProjects:
        return MemoryProjects(self._transaction, PROJECTS, self._cursors)

    @made_once
    def members(self) -> MemoryMembers:
        return MemoryMembers(self._transaction, MEMBERS, self._cursors)

    @made_once
    def files(self) -> MemoryFiles:
        return MemoryFiles(self._transaction, FILES, self._cursors)

    @made_once
    def content_grams(self) -> MemoryContentGrams:
        return MemoryContentGrams(self._transaction, CONTENT_GRAMS, self._cursors)

    @made_once
    def deployments(self) -> MemoryDeployments:
        return MemoryDeployments(self._transaction, DEPLOYMENTS, self._cursors)

    @made_once
    def archived_deployments(self) -> MemoryChildren[ArchivedDeployment]:
        return MemoryChildren(self._transaction, ARCHIVED_DEPLOYMENTS, self._cursors)

    @made_once
    def deployment_logs(self) -> MemoryChildren[DeploymentLog]:
        return MemoryChildren(self._transaction, DEPLOYMENT_LOGS, self._cursors)

    @made_once
    def deployment_log_lines(self) -> MemoryDeploymentLogLines:
        return MemoryDeploymentLogLines(self._transaction, DEPLOYMENT_LOG_LINES, self._cursors)

    @made_once
    def reviews(self) -> MemoryReviews:
        return MemoryReviews(self._transaction, CODE_REVIEWS, self._cursors)

    @made_once
    def tests(self) -> MemoryPathRows[TestResult]:
        return MemoryPathRows(self._transaction, TEST_RESULTS, self._cursors)

    @made_once
    def pipelines(self) -> MemoryChildren[Pipeline]:
        return MemoryChildren(self._transaction, PIPELINES, self._cursors)

    @made_once
    def executions(self) -> MemoryChildren[Execution]:
        return MemoryChildren(self._transaction, EXECUTIONS, self._cursors)

    @made_once
    def scores(self) -> MemoryChildren[QualityScore]:
        return MemoryChildren(self._transaction, QUALITY_SCORES, self._cursors)

    @made_once
    def quality(self) -> MemoryQuality:
        return MemoryQuality(self._transaction)

    @made_once
    def audit(self) -> MemoryAudit:
        return MemoryAudit(self._transaction, self._cursors)

    @made_once
    def analytics(self) -> MemoryAnalytics:
        return MemoryAnalytics(self._transaction)

    def batch(self) -> AbstractContextManager[MemoryBatch]:
        return MemoryBatch(self._transaction)

    def savepoint(self) -> AbstractContextManager[None]:
        return self._transaction.savepoint()

    def commit(self) -> None:
        self._transaction.commit()

    def rollback(self) -> None:
        self._transaction.rollback()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.rollback()


if TYPE_CHECKING:
    # The whole face at once: each repository is held to its Protocol by the attribute it stands under.
    def _conforms(unit: MemoryUnitOfWork) -> UnitOfWork:
        return unit
