"""All tables, referenced ones before those that refer to them."""

from __future__ import annotations

from typing import Any, Final

from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, DEPLOYMENTS
from vibecore.domain.files import FILES
from vibecore.domain.members import MEMBERS
from vibecore.domain.notifications import NOTIFICATIONS
from vibecore.domain.pipelines import EXECUTIONS, PIPELINES
from vibecore.domain.projects import PROJECTS
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.schema import Table
from vibecore.domain.scores import QUALITY_SCORES
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.tests import TEST_RESULTS
from vibecore.domain.users import USERS

TABLES: Final[tuple[Table[Any], ...]] = (
    USERS,
    SESSIONS,
    API_KEYS,
    NOTIFICATIONS,
    PROJECTS,
    MEMBERS,
    FILES,
    DEPLOYMENTS,
    ARCHIVED_DEPLOYMENTS,
    CODE_REVIEWS,
    TEST_RESULTS,
    PIPELINES,
    EXECUTIONS,
    QUALITY_SCORES,
    AUDIT_LOGS,
)
