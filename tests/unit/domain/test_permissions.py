"""Every actor against every project and every action, held against a table written out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import InvalidValue
from vibecore.domain.permissions import (
    ACCOUNT,
    NEEDED,
    PLATFORM,
    Action,
    Decision,
    decide,
    decide_account,
    grant,
    in_scope,
)
from vibecore.domain.projects import Project, Visibility
from vibecore.domain.users import UserRole

NOW = datetime(2025, 1, 1, tzinfo=UTC)
ME, OTHER, PROJECT = UUID(int=1), UUID(int=2), UUID(int=3)

READER = {
    "project.read",
    "files.read",
    "deployments.read",
    "reviews.read",
    "tests.read",
    "pipelines.read",
    "quality.read",
}
VIEWER = READER | {"members.read", "project.leave"}
DEVELOPER = VIEWER | {
    "project.status",
    "files.write",
    "deployments.write",
    "reviews.write",
    "tests.write",
    "pipelines.write",
    "quality.assess",
}
ADMIN = DEVELOPER | {"project.update", "members.write", "project.audit"}
OWNER = ADMIN | {"project.archive", "project.transfer"}

STANDINGS = {
    "owner": OWNER,
    "admin": ADMIN,
    "developer": DEVELOPER,
    "viewer": VIEWER,
    "teammate": set[str](),
    "stranger": set[str](),
}
PLATFORM_RIGHTS = {
    "anonymous": {"account.register"},
    "viewer": set[str](),
    "developer": {"project.create"},
    "admin": {
        "project.create",
        "audit.read",
        "analytics.read",
        "account.register",
        "users.read",
        "users.manage",
        "notifications.send",
        "maintenance.run",
    },
}
OF_CREDENTIALS = {
    "account.delete",
    "credentials.write",
    "keys.read",
    "keys.write",
    "session.end",
    "sessions.read",
}
OWN_ACCOUNT = {"profile.read", "profile.update", "notifications.read", "notifications.write"} | OF_CREDENTIALS
NEVER_BY_KEY = {"account.register", "users.manage"} | OF_CREDENTIALS


def access(standing: str, visibility: Visibility) -> ProjectAccess:
    project = Project(
        id=PROJECT,
        name="engine",
        owner_id=ME if standing == "owner" else OTHER,
        visibility=visibility,
        created_at=NOW,
        updated_at=NOW,
    )
    role = UserRole(standing) if standing in set(UserRole) else None
    return ProjectAccess(project=project, member_role=role, teammate=standing == "teammate")


def session(role: UserRole) -> Actor:
    return Actor(kind=ActorKind.SESSION, user_id=ME, role=role, session_id=UUID(int=9))


def key(role: UserRole, *scopes: str) -> Actor:
    return Actor(kind=ActorKind.API_KEY, user_id=ME, role=role, scopes=frozenset(scopes))


def users(action: Action) -> Iterator[tuple[Actor, bool]]:
    """Every signed-in actor, and whether it may use its rights for `action`."""
    everything = frozenset(Action)
    for role in UserRole:
        yield session(role), True
        yield dataclasses.replace(session(role), scopes=frozenset({action.value})), True
        yield key(role, action.value), action not in NEVER_BY_KEY
        yield key(role, *everything), action not in NEVER_BY_KEY
        yield key(role, *(everything - {action})), False
        yield key(role), False
        yield key(role, "no.such.scope", "*", "admin"), False


@pytest.mark.parametrize("action", [Action(name) for name in sorted(OWNER)], ids=str)
def test_users_on_projects(action: Action) -> None:
    """Role, grant, visibility and scopes together give exactly the right of the table."""
    for (standing, rights), visibility in product(STANDINGS.items(), Visibility):
        where = access(standing, visibility)
        sees = rights | (READER if visibility is Visibility.PUBLIC else set())
        if visibility is Visibility.TEAM and standing == "teammate":
            sees = READER
        for actor, scoped in users(action):
            able = sees & VIEWER if actor.role is UserRole.VIEWER else sees
            if scoped and action in able:
                expected = Decision.ALLOWED
            elif actor.role is UserRole.ADMIN:
                expected = Decision.OVERRIDDEN if scoped else Decision.DENIED
            else:
                expected = Decision.DENIED if sees else Decision.HIDDEN
            assert decide(actor, action, where) is expected, (standing, visibility, actor)


@pytest.mark.parametrize("action", [Action(name) for name in sorted(OWNER)], ids=str)
def test_nobody_and_the_system_on_projects(action: Action) -> None:
    """An anonymous actor reads public projects and knows of no other; the system may do everything."""
    for visibility in Visibility:
        public = visibility is Visibility.PUBLIC
        for standing in ("teammate", "stranger"):
            where = access(standing, visibility)
            able = public and action in READER
            expected = Decision.ALLOWED if able else Decision.DENIED if public else Decision.HIDDEN
            assert decide(Actor.anonymous(), action, where) is expected
            expected = Decision.ALLOWED if able else Decision.OVERRIDDEN
            assert decide(Actor.system("test"), action, where) is expected


@pytest.mark.parametrize("action", sorted(PLATFORM), ids=str)
def test_the_platform(action: Action) -> None:
    """Rights that concern no single project follow the system role; the system's are overrides."""
    everything = frozenset(PLATFORM)
    assert PLATFORM_RIGHTS["admin"] | {"projects.read_all"} == everything
    for actor, scoped in users(action):
        assert actor.role is not None
        if not scoped:
            expected = Decision.DENIED
        elif action in PLATFORM_RIGHTS[actor.role.value]:
            expected = Decision.ALLOWED
        else:
            expected = Decision.OVERRIDDEN if actor.role is UserRole.ADMIN else Decision.DENIED
        assert decide(actor, action) is expected, actor
        assert decide(actor, action, access("owner", Visibility.PUBLIC)) is expected, "a project changes nothing"
    allowed = action in PLATFORM_RIGHTS["anonymous"]
    assert decide(Actor.anonymous(), action) is (Decision.ALLOWED if allowed else Decision.DENIED)
    assert decide(Actor.system("test"), action) is Decision.OVERRIDDEN


@pytest.mark.parametrize("action", sorted(OWN_ACCOUNT), ids=str)
def test_accounts(action: str) -> None:
    """Users act on their own account, administrators and the system on any, nobody on none."""
    asked = Action(action)
    for actor, scoped in users(asked):
        own = Decision.ALLOWED if scoped else Decision.DENIED
        admin = scoped and actor.role is UserRole.ADMIN
        assert decide_account(actor, asked, ME) is own
        assert decide_account(actor, asked, OTHER) is (Decision.OVERRIDDEN if admin else Decision.DENIED)
        assert decide_account(actor, asked, None) is (Decision.OVERRIDDEN if admin else Decision.DENIED)
    for user_id in (ME, None):
        assert decide_account(Actor.anonymous(), asked, user_id) is Decision.DENIED
        assert decide_account(Actor.system("test"), asked, user_id) is Decision.OVERRIDDEN


def test_every_action_has_one_table() -> None:
    """No action is forgotten, and none is decided in two places."""
    assert sorted([*NEEDED, *PLATFORM, *ACCOUNT]) == sorted(Action)
    assert set(NEEDED) == OWNER
    assert set(ACCOUNT) == OWN_ACCOUNT


def test_a_table_answers_for_its_own_actions_only() -> None:
    """Asking about an action in the wrong way denies, for whoever asks."""
    public = access("owner", Visibility.PUBLIC)
    for actor in (session(UserRole.ADMIN), Actor.system("test")):
        for action in NEEDED:
            assert decide(actor, action) is Decision.DENIED
            assert decide_account(actor, action, ME) is Decision.DENIED
        for action in ACCOUNT:
            assert decide(actor, action, public) is Decision.DENIED
        for action in PLATFORM:
            assert decide_account(actor, action, ME) is Decision.DENIED


def test_unknown_values_deny() -> None:
    """A role, visibility or action that the tables do not know gives nothing, even on a public project."""
    owner = session(UserRole.DEVELOPER)
    odd: Any = "superuser"
    member = dataclasses.replace(access("stranger", Visibility.PUBLIC), member_role=odd)
    assert decide(owner, Action.PROJECT_READ, member) is Decision.HIDDEN
    hidden = access("teammate", odd)
    assert decide(owner, Action.PROJECT_READ, hidden) is Decision.HIDDEN
    assert decide(Actor.system("test"), odd, access("owner", Visibility.PUBLIC)) is Decision.DENIED
    assert decide_account(owner, odd, ME) is Decision.DENIED


def test_a_key_without_scopes_is_nothing_even_if_it_was_forged_past_the_checks() -> None:
    """`None` means every right for a session; for a key it means none."""
    forged = key(UserRole.ADMIN)
    object.__setattr__(forged, "scopes", None)
    assert not any(in_scope(forged, action) for action in Action)


def test_ownership_beats_a_membership_of_the_same_user() -> None:
    """Should both be stored, the stronger one counts, once."""
    both = dataclasses.replace(access("owner", Visibility.PRIVATE), member_role=UserRole.VIEWER)
    assert grant(session(UserRole.DEVELOPER), both).name == "OWNER"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "session", "user_id": ME, "role": UserRole.ADMIN}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": ActorKind.SESSION, "role": UserRole.ADMIN}, "user_id"),
        ({"kind": ActorKind.SESSION, "user_id": str(ME), "role": UserRole.ADMIN}, "user_id"),
        ({"kind": ActorKind.SESSION, "user_id": ME}, "role"),
        ({"kind": ActorKind.SESSION, "user_id": ME, "role": "admin"}, "role"),
        ({"kind": ActorKind.SESSION, "user_id": ME, "role": UserRole.VIEWER, "session_id": 1}, "session_id"),
        ({"kind": ActorKind.SESSION, "user_id": ME, "role": UserRole.VIEWER, "api_key_id": ME}, "api_key_id"),
        ({"kind": ActorKind.SYSTEM, "reason": "x", "api_key_id": ME}, "api_key_id"),
        (
            {"kind": ActorKind.API_KEY, "user_id": ME, "role": None, "scopes": frozenset(), "api_key_id": "x"},
            "role",
        ),
        (
            {"kind": ActorKind.API_KEY, "user_id": ME, "role": UserRole.VIEWER, "scopes": frozenset(), "api_key_id": 1},
            "api_key_id",
        ),
        ({"kind": ActorKind.ANONYMOUS, "user_id": ME}, "kind"),
        ({"kind": ActorKind.ANONYMOUS, "role": UserRole.ADMIN}, "kind"),
        ({"kind": ActorKind.SYSTEM, "reason": "x", "role": UserRole.VIEWER}, "kind"),
        ({"kind": ActorKind.SYSTEM}, "reason"),
        ({"kind": ActorKind.SYSTEM, "reason": ""}, "reason"),
        ({"kind": ActorKind.API_KEY, "user_id": ME, "role": UserRole.VIEWER}, "scopes"),
        ({"kind": ActorKind.API_KEY, "user_id": ME, "role": UserRole.VIEWER, "scopes": "project.read"}, "scopes"),
        ({"kind": ActorKind.ANONYMOUS, "ip_address": "x" * 51}, "ip_address"),
        ({"kind": ActorKind.ANONYMOUS, "ip_address": b"::1"}, "ip_address"),
    ],
)
def test_an_actor_that_makes_no_sense_is_refused(fields: dict[str, Any], named: str) -> None:
    """Text that looks like a role is none, and nobody has rights without being somebody."""
    with pytest.raises(InvalidValue) as caught:
        Actor(**fields)
    assert caught.value.field == named
