from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.house import PASSWORD, SESSION, House, user_id
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor
from vibecore.domain.errors import (
    AlreadyExists,
    AuthenticationFailed,
    InvalidCursor,
    InvalidTransition,
    InvalidValue,
    NotFound,
    PasswordRejected,
    PermissionDenied,
    SerializationConflict,
)
from vibecore.domain.filters import field
from vibecore.domain.paging import desc
from vibecore.domain.users import UserRole
from vibecore.services.work import Work

NOBODY = UUID(int=404)
SYSTEM = Actor.system("set-up")
HIDDEN = {"hidden": True}


@pytest.fixture
def house() -> House:
    return House()


def test_users_see_themselves_and_administrators_everybody(house: House) -> None:
    """Somebody else's account is denied whether or not it exists, so that nothing can be learnt."""
    assert house.vibe.users.get(house.owner, user_id(house.owner)).name == "Owner"
    assert house.vibe.users.get(house.admin, user_id(house.owner)).email == "owner@example.org"
    assert house.vibe.users.find(house.admin, NOBODY) is None
    with pytest.raises(NotFound) as caught:
        house.vibe.users.get(house.admin, NOBODY)
    assert (caught.value.kind, caught.value.key) == ("user", NOBODY)
    for someone in (user_id(house.viewer), NOBODY):
        for call in (house.vibe.users.get, house.vibe.users.find):
            with pytest.raises(PermissionDenied):
                call(house.owner, someone)


def test_a_profile_has_no_secret(house: House) -> None:
    """Neither a hash nor a second factor, under any name."""
    profile = house.vibe.users.get(house.owner, user_id(house.owner))
    names = set(type(profile).__slots__)
    assert not names & {"password_hash", "two_factor_secret", "email_key"}
    assert house.stored(house.owner).password_hash not in repr(profile)


def test_a_listing_of_users(house: House) -> None:
    """For administrators, filtered, ordered and paged."""
    found = house.vibe.users.page(house.admin, where=field("role").eq(UserRole.DEVELOPER), order_by=desc("email"))
    assert [user.name for user in found.items] == ["Viewer", "Stranger", "Owner", "Manager", "Developer"]
    first = house.vibe.users.page(house.admin, order_by="name", limit=4)
    rest = house.vibe.users.page(house.admin, order_by="name", limit=4, cursor=first.next_cursor)
    assert [user.name for user in (*first.items, *rest.items)] == sorted(
        user.name for user in (*first.items, *rest.items)
    )
    assert (len(rest.items), rest.next_cursor) == (2, None)
    with pytest.raises(InvalidCursor):
        house.vibe.users.page(house.admin, order_by="email", cursor=first.next_cursor)
    with pytest.raises(PermissionDenied):
        house.vibe.users.page(house.developer)


@pytest.mark.parametrize("secret", ["password_hash", "two_factor_secret", "email_key"])
def test_secrets_can_be_neither_filtered_nor_ordered_by(house: House, secret: str) -> None:
    """A filter would tell a hash one character at a time, an order would put it into the cursor."""
    listings: list[dict[str, Any]] = [
        {"where": field(secret).starts_with("$2b$")},
        {"where": ~(field("name").eq("x") | field(secret).missing())},
        {"order_by": secret},
        {"order_by": ("name", desc(secret))},
    ]
    for listing in listings:
        with pytest.raises(InvalidValue, match=secret):
            house.vibe.users.page(house.admin, **listing)


def test_a_profile_is_changed_field_by_field(house: House) -> None:
    """What is not given stays, None is a value, and nothing changed means no event and no new version."""
    me = user_id(house.owner)
    first = house.vibe.users.update(house.owner, me, name="Ada", avatar_url="https://example.org/ada.png")
    house.clock.move(seconds=1)
    assert house.vibe.users.update(house.owner, me, name="Ada") == first
    assert house.vibe.users.update(house.owner, me) == first
    cleared = house.vibe.users.update(house.owner, me, avatar_url=None)
    assert (cleared.name, cleared.avatar_url) == ("Ada", None)
    assert cleared.updated_at > first.updated_at
    assert [event.details for event in house.trail()] == [
        {"changes": {"name": [HIDDEN, HIDDEN], "avatar_url": [None, HIDDEN]}},
        {"changes": {"avatar_url": [HIDDEN, None]}},
    ]
    assert house.stored(house.owner).password_hash == "plain$" + PASSWORD


def test_an_administrator_changes_another_profile_by_override(house: House) -> None:
    """Which the event says; a stranger is denied, which leaves an event too."""
    house.vibe.users.update(house.admin, user_id(house.owner), name="Ada")
    with pytest.raises(PermissionDenied):
        house.vibe.users.update(house.viewer, user_id(house.owner), name="Eve")
    changed, denied = house.trail()
    assert (changed.action, changed.details) == (
        "user.updated",
        {"changes": {"name": [HIDDEN, HIDDEN]}, "override": True},
    )
    assert (denied.action, denied.user_id) == ("permission.denied", house.viewer.user_id)
    assert denied.details == {"action": "profile.update"}
    assert house.stored(house.owner).name == "Ada"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\0"}, "name"),
        ({"avatar_url": "x" * 501}, "avatar_url"),
        ({"avatar_url": b"x"}, "avatar_url"),
    ],
)
def test_a_bad_profile_is_refused(house: House, fields: dict[str, Any], named: str) -> None:
    """The error names the field; nothing is written."""
    before = house.contents()
    with pytest.raises(InvalidValue) as caught:
        house.vibe.users.update(house.owner, user_id(house.owner), **fields)
    assert caught.value.field == named
    assert (house.contents(), house.actions()) == (before, [])


def test_roles_are_given_by_administrators(house: House) -> None:
    """With an event that tells both; the same role again has none."""
    someone = user_id(house.viewer)
    assert house.vibe.users.set_role(house.admin, someone, role=UserRole.ADMIN).role is UserRole.ADMIN
    house.vibe.users.set_role(house.admin, someone, role=UserRole.ADMIN)
    (event,) = house.trail()
    assert (event.action, event.user_id, event.resource_id) == ("user.role.changed", house.admin.user_id, someone)
    assert event.details == {"changes": {"role": ["developer", "admin"]}, "rows": {"sessions": {"deleted": None}}}
    for actor in (house.owner, Actor.anonymous(), house.key_of(house.admin, "users.manage")):
        with pytest.raises(PermissionDenied):
            house.vibe.users.set_role(actor, user_id(house.owner), role=UserRole.ADMIN)


def test_the_last_administrator_stays(house: House) -> None:
    """Neither demoted nor disabled, by anybody; one who is disabled does not count as another."""
    last = user_id(house.admin)
    second = user_id(house.viewer)
    house.vibe.users.set_role(SYSTEM, second, role=UserRole.ADMIN)
    house.vibe.users.disable(SYSTEM, second)
    for actor in (house.admin, SYSTEM):
        with pytest.raises(InvalidTransition, match="last administrator"):
            house.vibe.users.set_role(actor, last, role=UserRole.DEVELOPER)
        with pytest.raises(InvalidTransition, match="last administrator"):
            house.vibe.users.disable(actor, last)
    house.vibe.users.enable(SYSTEM, second)
    assert house.vibe.users.set_role(house.admin, last, role=UserRole.VIEWER).role is UserRole.VIEWER
    with pytest.raises(InvalidTransition):
        house.vibe.users.set_role(SYSTEM, second, role=UserRole.VIEWER)


def test_a_disabled_administrator_can_be_demoted(house: House) -> None:
    """That takes nobody away who could administer."""
    other = house.user("second", UserRole.ADMIN)
    house.vibe.users.disable(house.admin, user_id(other))
    assert house.vibe.users.set_role(house.admin, user_id(other), role=UserRole.VIEWER).role is UserRole.VIEWER


def test_two_administrators_cannot_demote_each_other_at_the_same_time(house: House) -> None:
    """Each of two transactions sees another administrator; the second of them cannot commit."""
    other = house.user("second", UserRole.ADMIN)
    with house.store.begin() as mine, house.store.begin() as theirs:
        for tx, actor, victim in ((mine, house.admin, other), (theirs, other, house.admin)):
            users = Services(Work(house.store, house.effects, tx)).users  # type: ignore[arg-type]
            users.set_role(actor, user_id(victim), role=UserRole.VIEWER)
        mine.commit()
        with pytest.raises(SerializationConflict):
            theirs.commit()
    assert house.stored(house.admin).role is UserRole.ADMIN
    assert house.actions() == ["user.role.changed"]


def test_disabling_ends_every_session(house: House) -> None:
    """And no login is possible until the account is enabled again; repeating either has no effect."""
    tokens = [
        house.vibe.auth.login(email="viewer@example.org", password=PASSWORD).authenticated.token for _ in range(2)
    ]
    someone = user_id(house.viewer)
    assert house.vibe.users.disable(house.admin, someone).disabled_at == house.clock()
    house.clock.move(days=1)
    assert house.vibe.users.disable(house.admin, someone).disabled_at != house.clock()
    assert house.sessions(house.viewer) == 0
    with pytest.raises(AuthenticationFailed):
        assert house.vibe.auth.login(email="viewer@example.org", password=PASSWORD).actor
    assert house.vibe.users.enable(house.admin, someone).disabled_at is None
    house.vibe.users.enable(house.admin, someone)
    for token in tokens:
        with pytest.raises(AuthenticationFailed):
            house.vibe.auth.authenticate(token)
    assert house.vibe.auth.login(email="viewer@example.org", password=PASSWORD).actor
    assert house.actions() == [
        "auth.login",
        "auth.login",
        "user.disabled",
        "auth.login.failed",
        "user.enabled",
        "auth.login",
    ]


def test_the_first_administrator_is_made_by_the_system(house: House) -> None:
    """Audited with its reason; the account can sign in and administer."""
    made = house.vibe.users.create_admin(SYSTEM, email="root@example.org", password=PASSWORD, name="Root")
    assert made.role is UserRole.ADMIN
    (event,) = house.trail()
    assert (event.action, event.user_id, event.resource_id) == ("user.created", None, made.id)
    assert event.details["changes"]["role"] == [None, "admin"]
    assert (event.details["system_reason"], event.details["override"]) == ("set-up", True)
    entered = house.vibe.auth.login(email="root@example.org", password=PASSWORD).authenticated
    assert house.vibe.users.page(entered.actor, limit=1).items
    with pytest.raises(AlreadyExists):
        house.vibe.users.create_admin(SYSTEM, email="ROOT@example.org", password=PASSWORD, name="Root")
    with pytest.raises(PasswordRejected):
        house.vibe.users.create_admin(SYSTEM, email="toor@example.org", password="short", name="Root")
    for actor in (house.owner, Actor.anonymous(), house.key_of(house.admin, "users.manage")):
        with pytest.raises(PermissionDenied):
            house.vibe.users.create_admin(actor, email="eve@example.org", password=PASSWORD, name="Eve")


@pytest.mark.parametrize("wrong", [None, 7, "x", b"x", str(SESSION)])
def test_ids_and_roles_of_other_types(house: House, wrong: Any) -> None:
    """Text that looks like an id or a role is not one."""
    users = house.vibe.users
    for call in (users.get, users.find, users.update, users.disable, users.enable):
        with pytest.raises(InvalidValue) as caught:
            call(house.admin, wrong)
        assert caught.value.field == "user_id"
    with pytest.raises(InvalidValue) as caught:
        users.set_role(house.admin, user_id(house.owner), role="admin" if wrong == "x" else wrong)  # type: ignore[arg-type]
    assert caught.value.field == "role"
    assert house.actions() == []


def test_unknown_users(house: House) -> None:
    """NotFound, after the permission."""
    users = house.vibe.users
    calls: list[Callable[[], object]] = [
        lambda: users.update(house.admin, NOBODY, name="x"),
        lambda: users.set_role(house.admin, NOBODY, role=UserRole.VIEWER),
        lambda: users.disable(house.admin, NOBODY),
        lambda: users.enable(house.admin, NOBODY),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_round_trips(house: House) -> None:
    """A read takes one, a write at most three, whatever the audit adds."""
    users, me = house.vibe.users, user_id(house.owner)
    calls: list[tuple[Callable[[], object], int]] = [
        (lambda: users.get(house.owner, me), 1),
        (lambda: users.page(house.admin), 1),
        (lambda: users.update(house.owner, me, name="Ada"), 3),
        (lambda: users.set_role(house.admin, me, role=UserRole.ADMIN), 3),
        (lambda: users.disable(house.admin, me), 3),
        (lambda: users.enable(house.admin, me), 3),
        (lambda: users.create_admin(house.admin, email="a@example.org", password=PASSWORD, name="A"), 3),
    ]
    for call, most in calls:
        call()
        assert house.trips == most
