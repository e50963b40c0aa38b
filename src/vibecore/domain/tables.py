"""All tables, referenced ones before those that refer to them."""

from __future__ import annotations

from typing import Any, Final

from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.content_grams import CONTENT_GRAMS
from vibecore.domain.deliveries import DELIVERIES
from vibecore.domain.deployment_logs import DEPLOYMENT_LOG_LINES, DEPLOYMENT_LOGS
from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, DEPLOYMENTS
from vibecore.domain.files import FILES
from vibecore.domain.members import MEMBERS
from vibecore.domain.notifications import NOTIFICATION_PREFERENCES, NOTIFICATIONS
from vibecore.domain.pipelines import EXECUTIONS, PIPELINES
from vibecore.domain.projects import PROJECTS
from vibecore.domain.recovery_codes import RECOVERY_CODES
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.schema import Table
from vibecore.domain.scores import QUALITY_SCORES
from vibecore.domain.sessions import SESSIONS, SUPERSEDED_TOKENS
from vibecore.domain.tests import TEST_RESULTS
from vibecore.domain.throttles import THROTTLES
from vibecore.domain.users import USERS
from vibecore.domain.webhooks import NOTIFICATION_WEBHOOKS

TABLES: Final[tuple[Table[Any], ...]] = (
    USERS,
    SESSIONS,
    SUPERSEDED_TOKENS,
    API_KEYS,
    RECOVERY_CODES,
    THROTTLES,
    NOTIFICATIONS,
    NOTIFICATION_PREFERENCES,
    NOTIFICATION_WEBHOOKS,
    DELIVERIES,
    PROJECTS,
    MEMBERS,
    FILES,
    CONTENT_GRAMS,
    DEPLOYMENTS,
    ARCHIVED_DEPLOYMENTS,
    DEPLOYMENT_LOGS,
    DEPLOYMENT_LOG_LINES,
    CODE_REVIEWS,
    TEST_RESULTS,
    PIPELINES,
    EXECUTIONS,
    QUALITY_SCORES,
    AUDIT_LOGS,
)
