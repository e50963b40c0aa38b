"""Permissions: three tables, one for each thing a right can concern, and the pure functions that read them.

- a project: `decide` with its access; effective right = min(ceiling of the system role, grant on the project)
- the platform: `decide` without an access
- one account: `decide_account`

Each is narrowed by the actor's scopes. What is not named here is denied.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.projects import Visibility
from vibecore.domain.users import UserRole


class Action(StrEnum):
    """What an actor can ask for; also the scopes of API keys."""

    PROJECT_READ = "project.read"
    PROJECT_CREATE = "project.create"
    PROJECT_UPDATE = "project.update"
    PROJECT_STATUS = "project.status"
    PROJECT_ARCHIVE = "project.archive"
    PROJECT_TRANSFER = "project.transfer"
    PROJECT_LEAVE = "project.leave"
    MEMBERS_READ = "members.read"
    MEMBERS_MANAGE = "members.write"
    FILES_READ = "files.read"
    FILES_WRITE = "files.write"
    DEPLOYMENTS_READ = "deployments.read"
    DEPLOY = "deployments.write"
    REVIEWS_READ = "reviews.read"
    REVIEW = "reviews.write"
    TESTS_READ = "tests.read"
    TESTS_WRITE = "tests.write"
    PIPELINES_READ = "pipelines.read"
    PIPELINES_WRITE = "pipelines.write"
    QUALITY_READ = "quality.read"
    ASSESS = "quality.assess"
    PROJECT_AUDIT = "project.audit"
    PROJECTS_READ_ALL = "projects.read_all"
    AUDIT_READ = "audit.read"
    ANALYTICS_READ = "analytics.read"
    ACCOUNT_REGISTER = "account.register"
    PROFILE_READ = "profile.read"
    PROFILE_UPDATE = "profile.update"
    SESSIONS_READ = "sessions.read"
    SESSION_END = "session.end"
    CREDENTIALS_CHANGE = "credentials.write"
    KEYS_READ = "keys.read"
    KEYS_MANAGE = "keys.write"
    NOTIFICATIONS_READ = "notifications.read"
    NOTIFICATIONS_WRITE = "notifications.write"
    ACCOUNT_DELETE = "account.delete"
    USERS_READ = "users.read"
    USERS_MANAGE = "users.manage"
    NOTIFY = "notifications.send"
    MAINTAIN = "maintenance.run"


class Grant(IntEnum):
    """Standing in one project, weakest first."""

    NONE = 0
    READ = 1
    VIEWER = 2
    DEVELOPER = 3
    ADMIN = 4
    OWNER = 5


class Decision(StrEnum):
    ALLOWED = "allowed"
    OVERRIDDEN = "overridden"
    """Allowed only because the actor is a system administrator or the system itself: audited."""
    DENIED = "denied"
    HIDDEN = "hidden"
    """For this actor the object does not exist."""


NEEDED: Final[dict[Action, Grant]] = {
    Action.PROJECT_READ: Grant.READ,
    Action.FILES_READ: Grant.READ,
    Action.DEPLOYMENTS_READ: Grant.READ,
    Action.REVIEWS_READ: Grant.READ,
    Action.TESTS_READ: Grant.READ,
    Action.PIPELINES_READ: Grant.READ,
    Action.QUALITY_READ: Grant.READ,
    Action.MEMBERS_READ: Grant.VIEWER,
    Action.PROJECT_LEAVE: Grant.VIEWER,
    Action.FILES_WRITE: Grant.DEVELOPER,
    Action.DEPLOY: Grant.DEVELOPER,
    Action.REVIEW: Grant.DEVELOPER,
    Action.TESTS_WRITE: Grant.DEVELOPER,
    Action.PIPELINES_WRITE: Grant.DEVELOPER,
    Action.ASSESS: Grant.DEVELOPER,
    Action.PROJECT_STATUS: Grant.DEVELOPER,
    Action.PROJECT_UPDATE: Grant.ADMIN,
    Action.MEMBERS_MANAGE: Grant.ADMIN,
    Action.PROJECT_AUDIT: Grant.ADMIN,
    Action.PROJECT_ARCHIVE: Grant.OWNER,
    Action.PROJECT_TRANSFER: Grant.OWNER,
}
"""The weakest grant that allows an action on a project."""

PLATFORM: Final[dict[Action, frozenset[UserRole | None]]] = {
    Action.PROJECT_CREATE: frozenset({UserRole.ADMIN, UserRole.DEVELOPER}),
    Action.PROJECTS_READ_ALL: frozenset(),
    Action.AUDIT_READ: frozenset({UserRole.ADMIN}),
    Action.ANALYTICS_READ: frozenset({UserRole.ADMIN}),
    Action.ACCOUNT_REGISTER: frozenset({UserRole.ADMIN, None}),
    Action.USERS_READ: frozenset({UserRole.ADMIN}),
    Action.USERS_MANAGE: frozenset({UserRole.ADMIN}),
    Action.NOTIFY: frozenset({UserRole.ADMIN}),
    Action.MAINTAIN: frozenset({UserRole.ADMIN}),
}
"""The system roles that allow an action which concerns no single project; None is who has not signed in.

An empty set: only by the override of an administrator or of the system.
"""

ACCOUNT: Final = frozenset(
    {
        Action.PROFILE_READ,
        Action.PROFILE_UPDATE,
        Action.SESSIONS_READ,
        Action.SESSION_END,
        Action.CREDENTIALS_CHANGE,
        Action.KEYS_READ,
        Action.KEYS_MANAGE,
        Action.NOTIFICATIONS_READ,
        Action.NOTIFICATIONS_WRITE,
        Action.ACCOUNT_DELETE,
    }
)
"""What users may do with their own account, and an administrator with any."""

CREDENTIAL: Final = frozenset(
    {
        Action.ACCOUNT_REGISTER,
        Action.ACCOUNT_DELETE,
        Action.CREDENTIALS_CHANGE,
        Action.KEYS_MANAGE,
        Action.KEYS_READ,
        Action.SESSION_END,
        Action.SESSIONS_READ,
        Action.USERS_MANAGE,
    }
)
"""What decides who can sign in: no API key may do it, whatever its scopes."""

CEILINGS: Final[dict[UserRole, Grant]] = {
    UserRole.ADMIN: Grant.OWNER,
    UserRole.DEVELOPER: Grant.OWNER,
    UserRole.VIEWER: Grant.VIEWER,
}

MEMBER_GRANTS: Final[dict[UserRole, Grant]] = {
    UserRole.ADMIN: Grant.ADMIN,
    UserRole.DEVELOPER: Grant.DEVELOPER,
    UserRole.VIEWER: Grant.VIEWER,
}


def decide(actor: Actor, action: Action, access: ProjectAccess | None = None) -> Decision:
    """Whether `actor` may do `action`; on a project where `access` is given, on the platform where it is None."""
    if action in PLATFORM:
        return _platform(actor, action)
    needed = NEEDED.get(action)
    if needed is None or access is None:
        return Decision.DENIED
    standing = grant(actor, access)
    ceiling = CEILINGS.get(actor.role, Grant.NONE) if actor.role is not None else Grant.READ
    scoped = in_scope(actor, action)
    if scoped and min(standing, ceiling) >= needed:
        return Decision.ALLOWED
    if scoped and _overrides(actor):
        return Decision.OVERRIDDEN
    if standing is Grant.NONE and not _overrides(actor):
        return Decision.HIDDEN
    return Decision.DENIED


def decide_account(actor: Actor, action: Action, user_id: UUID | None) -> Decision:
    """Whether `actor` may do `action` with the account `user_id`; the same whether or not there is such an account."""
    if action not in ACCOUNT or not in_scope(actor, action):
        return Decision.DENIED
    if actor.user_id is not None and actor.user_id == user_id:
        return Decision.ALLOWED
    return Decision.OVERRIDDEN if _overrides(actor) else Decision.DENIED


def in_scope(actor: Actor, action: Action) -> bool:
    """Whether the actor's scopes let `action` through to its role and grant."""
    if actor.kind is ActorKind.API_KEY and (actor.scopes is None or action in CREDENTIAL):
        return False
    return actor.scopes is None or action in actor.scopes


def grant(actor: Actor, access: ProjectAccess) -> Grant:
    """How the actor stands to the project, before the ceiling of the system role."""
    project = access.project
    if actor.user_id is not None:
        if project.owner_id == actor.user_id:
            return Grant.OWNER
        if access.member_role is not None:
            return MEMBER_GRANTS.get(access.member_role, Grant.NONE)
    if project.visibility is Visibility.PUBLIC:
        return Grant.READ
    if project.visibility is Visibility.TEAM and actor.user_id is not None and access.teammate:
        return Grant.READ
    return Grant.NONE


def _platform(actor: Actor, action: Action) -> Decision:
    if not in_scope(actor, action):
        return Decision.DENIED
    if actor.kind is not ActorKind.SYSTEM and actor.role in PLATFORM[action]:
        return Decision.ALLOWED
    return Decision.OVERRIDDEN if _overrides(actor) else Decision.DENIED


def _overrides(actor: Actor) -> bool:
    return actor.kind is ActorKind.SYSTEM or actor.role is UserRole.ADMIN
