from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from tests.unit.services.house import PASSWORD, House, user_id
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import (
    AlreadyExists,
    AuthenticationFailed,
    InvalidValue,
    PasswordRejected,
    PermissionDenied,
    SerializationConflict,
)
from vibecore.domain.logins import Authenticated
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode
from vibecore.services.auth import AuthService
from vibecore.services.hashing import BcryptHasher
from vibecore.services.work import ATTEMPTS, Work
from vibecore.testing.effects import PlainHasher

ADDRESS = "ada@example.org"
WRONG: tuple[Any, ...] = (None, 7, True, b"bytes", ["list"], {"a": 1})


@pytest.fixture
def house() -> House:
    return House()


def register(house: House, email: str = ADDRESS, **more: Any) -> Any:
    return house.vibe.auth.register(Actor.anonymous(), **{"email": email, "password": PASSWORD, "name": "Ada", **more})


def login(house: House, email: str = "owner@example.org", password: str = PASSWORD, **more: Any) -> Authenticated:
    return house.vibe.auth.login(email=email, password=password, **more).authenticated


def test_who_registers_can_log_in_act_and_log_out(house: House) -> None:
    """The whole way of one account, with real hashes."""
    house = House(BcryptHasher(4))
    profile = house.vibe.auth.register(Actor.anonymous(), email="Ada@Example.org", password="Pässwort 123", name="Ada")
    entered = house.vibe.auth.login(
        email="ada@EXAMPLE.ORG", password="Pa\u0308sswort 123", ip_address="2001:db8::7"
    ).authenticated
    assert entered.user == replace(profile, last_login_at=house.clock(), updated_at=entered.user.updated_at)
    actor = house.vibe.auth.authenticate(entered.token, ip_address="2001:db8::7")
    assert actor == entered.actor
    assert (actor.kind, actor.user_id, actor.role) == (ActorKind.SESSION, profile.id, UserRole.DEVELOPER)
    project = house.vibe.projects.create(actor, name="engine")
    assert project.owner_id == profile.id
    house.vibe.auth.logout(actor)
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate(entered.token)
    assert house.actions() == ["auth.registered", "auth.login", "project.created", "auth.logout"]
    assert {event.user_id for event in house.trail()} == {profile.id}
    assert house.page_of(action="auth.login")[0].ip_address == "2001:db8::7"


def test_a_stored_password_is_a_bcrypt_hash(house: House) -> None:
    """Plain where any bcrypt library can read it, prehashed where bcrypt alone would cut."""
    house = House(BcryptHasher(4))
    words = "no list of common passwords has this line of words, however long it is, "
    for name, password, prefix in (("short", words[:72], "$2b$04$"), ("long", words[:72] + "x", "$vc1$0$2b$04$")):
        register(house, f"{name}@example.org", password=password)
        login(house, f"{name}@example.org", password)
        with pytest.raises(AuthenticationFailed):
            login(house, f"{name}@example.org", "x" * 74)
        with house.memory.begin(Mode.READ) as tx:
            user = tx.users.find_by_email_key(f"{name}@example.org")
        assert user is not None
        assert user.password_hash.startswith(prefix)


# -- registering


@pytest.mark.parametrize("taken", ["owner@example.org", "OWNER@example.org", "Owner@EXAMPLE.ORG"])
def test_an_address_registers_once(house: House, taken: str) -> None:
    """Case makes no second account; what failed left nothing."""
    before = house.contents()
    with pytest.raises(AlreadyExists) as caught:
        register(house, taken)
    assert caught.value.kind == "user"
    assert (house.contents(), house.actions()) == (before, [])


def test_nobody_chooses_a_role_by_registering(house: House) -> None:
    """The parameter does not exist, and the role is always `developer`, for an administrator's call too."""
    with pytest.raises(TypeError, match="role"):
        register(house, role=UserRole.ADMIN)
    made = house.vibe.auth.register(house.admin, email=ADDRESS, password=PASSWORD, name="Ada")
    assert made.role is UserRole.DEVELOPER
    (event,) = house.trail()
    assert (event.user_id, event.resource_id) == (user_id(house.admin), made.id)
    assert event.details["changes"]["role"] == [None, "developer"]


def test_who_has_an_account_registers_no_other(house: House) -> None:
    """Denied before the password costs anything; an API key cannot either, whatever it may do besides."""
    for actor in (house.developer, house.key_of(house.admin, "account.register")):
        with pytest.raises(PermissionDenied):
            house.vibe.auth.register(actor, email=ADDRESS, password=PASSWORD, name="Ada")
    assert house.effects.runtime.offloaded == 0  # type: ignore[attr-defined]
    assert house.actions() == ["permission.denied"] * 2


def test_a_password_that_breaks_the_policy_makes_no_account(house: House) -> None:
    """All reasons at once, by the policy that the service was given."""
    with pytest.raises(PasswordRejected) as caught:
        register(house, password="ada")
    assert caught.value.reasons == (
        "is shorter than 8 characters",
        "is the own e-mail address or name",
        "is one of the most common passwords",
    )
    strict = AuthService(Work(house.memory, replace(house.effects, policy=AuthPolicy.strict())))
    with pytest.raises(PasswordRejected):
        strict.register(Actor.anonymous(), email=ADDRESS, password=PASSWORD, name="Ada")
    assert house.actions() == []


@pytest.mark.parametrize("field", ["email", "password", "name"])
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_registering_with_other_types(house: House, field: str, wrong: Any) -> None:
    """The error names the field; nothing is written."""
    before = house.contents()
    with pytest.raises(InvalidValue) as caught:
        register(house, **{field: wrong})
    assert caught.value.field == field
    assert (house.contents(), house.actions()) == (before, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "ada"),
        ("email", "ada@"),
        ("email", "@example.org"),
        ("email", "a@b@example.org"),
        ("email", "a da@example.org"),
        ("email", "ada@example.org\n"),
        ("email", "a\0da@example.org"),
        ("email", "a\ud800@example.org"),
        ("email", "a" * 250 + "@example.org"),
        ("name", ""),
        ("name", "x" * 256),
        ("name", "a\0"),
        ("name", "\udfff"),
    ],
)
def test_registering_with_bad_text(house: House, field: str, value: str) -> None:
    """What a database cannot hold, or what is no address, is refused in front of it."""
    with pytest.raises(InvalidValue) as caught:
        register(house, **{field: value})
    assert caught.value.field == field


# -- logging in


def test_a_login_gives_out_its_token_once_and_no_other_secret(house: House) -> None:
    """Not in a repr, not in a pickle; profile and session hold none at all; the store knows a digest."""
    entered = login(house, device_info={"agent": "Firefox", "os": "Linux"}, ip_address="192.0.2.9")
    assert entered.token not in repr(entered)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(entered)
    with house.memory.begin(Mode.READ) as tx:
        session = tx.sessions.get(user_id(house.owner), entered.session.id)
    assert session.token == sha256(entered.token.encode()).hexdigest()
    assert session.device_info == {"agent": "Firefox", "os": "Linux"}
    assert session.ip_address == "192.0.2.9"
    assert entered.session.expires_at - house.clock() == timedelta(days=30)
    for told in (entered.user, entered.session, entered.actor):
        plain = json.dumps(asdict(told), default=str) + repr(told) + repr(pickle.loads(pickle.dumps(told)))
        for secret in (entered.token, session.token, house.stored(house.owner).password_hash, PASSWORD):
            assert secret not in plain
    assert house.stored(house.owner).last_login_at == house.clock()


def test_a_failed_login_tells_nothing(house: House) -> None:
    """An unknown address, a wrong password and a disabled account: one error, the same work, the same writes."""
    house.change(house.viewer, disabled_at=house.clock())
    hasher = house.effects.hasher
    assert isinstance(hasher, PlainHasher)
    seen = []
    for email, password in (
        ("nobody@example.org", PASSWORD),
        ("owner@example.org", "wrong password"),
        ("viewer@example.org", PASSWORD),
        ("viewer@example.org", "wrong password"),
    ):
        hasher.checks, before, _ = 0, house.contents(), house.trips
        with pytest.raises(AuthenticationFailed) as caught:
            login(house, email, password)
        seen.append((str(caught.value), caught.value.facts, hasher.checks, house.trips, house.actions()[-1]))
        assert house.contents() == before
    assert seen == [("authentication failed", {}, 1, 3, "auth.login.failed")] * 4
    assert [(event.user_id, event.details["reason"]) for event in house.trail()] == [
        (None, "credentials"),
        (user_id(house.owner), "credentials"),
        (user_id(house.viewer), "disabled"),
        (user_id(house.viewer), "credentials"),
    ]
    assert "nobody@" not in repr(house.trail())
    assert "wrong password" not in repr(house.trail())


class Meddling(PlainHasher):
    """Somebody else acts while the password is being checked."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[int], None] = lambda checks: None
        self.units_open: Callable[[], int] = lambda: 0

    def verify(self, password: str, stored: str, /) -> bool:
        assert self.units_open() == 0, "a password is checked inside a transaction"
        matched = super().verify(password, stored)
        self.meanwhile(self.checks)
        return matched

    def hash(self, password: str, /) -> str:
        assert self.units_open() == 0, "a password is hashed inside a transaction"
        return super().hash(password)


@pytest.fixture
def meddled() -> tuple[House, Meddling]:
    hasher = Meddling()
    house = House(hasher)
    hasher.units_open = lambda: house.store.open
    return house, hasher


def test_a_password_that_was_replaced_during_its_check_opens_no_session(meddled: tuple[House, Meddling]) -> None:
    """The session is bound to the hash that was checked."""
    house, hasher = meddled
    hasher.meanwhile = lambda checks: house.change(house.owner, password_hash="plain$another")
    with pytest.raises(AuthenticationFailed):
        login(house)
    assert hasher.checks == 2
    assert house.sessions(house.owner) == 0
    assert house.actions() == ["auth.login.failed"]


def test_another_change_during_the_check_does_no_harm(meddled: tuple[House, Meddling]) -> None:
    """It is kept, and the password is not checked again."""
    house, hasher = meddled
    hasher.meanwhile = lambda checks: house.change(house.owner, name="Countess")
    assert login(house).user.name == "Countess"
    assert hasher.checks == 1
    assert house.actions() == ["auth.login"]


def test_an_account_disabled_during_the_check_opens_no_session(meddled: tuple[House, Meddling]) -> None:
    """It fails as if it had been disabled before."""
    house, hasher = meddled
    hasher.meanwhile = lambda checks: house.change(house.owner, disabled_at=house.clock())
    with pytest.raises(AuthenticationFailed):
        login(house)
    assert house.sessions(house.owner) == 0


def test_an_account_deleted_during_the_check_opens_no_session(meddled: tuple[House, Meddling]) -> None:
    """It fails as if it had never been there."""
    house, hasher = meddled

    def delete(checks: int) -> None:
        with house.memory.begin() as tx:
            tx.users.delete(user_id(house.owner))
            tx.commit()

    hasher.meanwhile = delete
    with pytest.raises(AuthenticationFailed):
        login(house)
    assert hasher.checks == 2


def test_an_account_that_never_stops_changing_ends_in_a_conflict(meddled: tuple[House, Meddling]) -> None:
    """After a bounded number of tries, not for ever."""
    house, hasher = meddled
    begin, changes = house.store.begin, count(1)

    def begin_later(mode: Mode = Mode.WRITE) -> Any:
        if mode is Mode.WRITE:
            house.change(house.owner, name=f"Name {next(changes)}")
        return begin(mode)

    house.store.begin = begin_later  # type: ignore[method-assign]
    with pytest.raises(SerializationConflict):
        login(house)
    assert next(changes) == ATTEMPTS + 1
    assert hasher.checks == 1
    assert house.sessions(house.owner) == 0


def test_passwords_are_worked_on_outside_of_transactions(meddled: tuple[House, Meddling]) -> None:
    """Hashing takes a tenth of a second: nobody waits for it with a connection in hand."""
    house, _ = meddled
    register(house)
    login(house, ADDRESS)
    assert house.effects.runtime.offloaded == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("field", ["email", "password", "ip_address", "device_info"])
@pytest.mark.parametrize("wrong", [7, True, b"bytes", ["list"], 1.5])
def test_logging_in_with_other_types(house: House, field: str, wrong: Any) -> None:
    """The error names the field, and no failed login is recorded."""
    with pytest.raises(InvalidValue) as caught:
        login(house, **{field: wrong})
    assert caught.value.field == field
    assert house.actions() == []


@pytest.mark.parametrize(
    ("named", "more"),
    [
        ("email", {"email": "ada"}),
        ("password", {"password": "a\0b"}),
        ("password", {"password": "\ud800"}),
        ("password", {"password": "x" * 2000}),
        ("ip_address", {"ip_address": "x" * 51}),
        ("device_info", {"device_info": {"agent": "x" * 5000}}),
    ],
)
def test_what_no_login_looks_like(house: House, named: str, more: dict[str, Any]) -> None:
    """Told at once: it depends on nothing that is stored. JSON that is too deep is named by its place."""
    with pytest.raises(InvalidValue) as caught:
        login(house, **more)
    assert caught.value.field == named


# -- sessions


def test_a_session_ends_at_its_time(house: House) -> None:
    """Thirty days after the login, to the microsecond, however often it was used."""
    token = login(house).token
    for _ in range(5):
        house.clock.move(days=5)
        assert house.vibe.auth.authenticate(token).user_id == house.owner.user_id
    house.clock.move(days=5, microseconds=-1)
    assert house.vibe.auth.authenticate(token).user_id == house.owner.user_id
    house.clock.move(microseconds=1)
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate(token)


def test_an_actor_has_the_rights_of_now(house: House) -> None:
    """Those of the account as it is at this request, should the sessions have been left in place."""
    token = login(house).token
    house.change(house.owner, role=UserRole.VIEWER)
    assert house.vibe.auth.authenticate(token).role is UserRole.VIEWER


def test_a_disabled_user_has_no_session(house: House) -> None:
    """Even where the sessions were left in place."""
    token = login(house).token
    house.change(house.owner, disabled_at=house.clock())
    assert house.sessions(house.owner) == 1
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate(token)


def test_a_token_is_bound_to_its_user(house: House) -> None:
    """The id inside cannot be swapped for another."""
    mine, theirs = login(house).token, login(house, "admin@example.org").token
    for forged in (theirs[:26] + mine[26:], mine[:-1] + ("A" if mine[-1] != "A" else "B")):
        with pytest.raises(AuthenticationFailed):
            house.vibe.auth.authenticate(forged)


@pytest.mark.parametrize("token", ["", "vcs_", "x" * 68, "a\0b", "\ud800", "vcs_" + "A" * 63, "x" * 1_000_000])
def test_a_malformed_token_never_reaches_the_store(house: House, token: str) -> None:
    """And is no other failure than an unknown one."""
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate(token)
    assert house.trips == 0


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_token_is_text(house: House, wrong: Any) -> None:
    """A missing header is a fault of the caller."""
    with pytest.raises(InvalidValue) as caught:
        house.vibe.auth.authenticate(wrong)
    assert caught.value.field == "token"


def test_logging_out_ends_one_session_once(house: House) -> None:
    """The others stay; a second time has no effect and leaves no event."""
    first, second = login(house), login(house)
    house.vibe.auth.logout(first.actor)
    house.vibe.auth.logout(first.actor)
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate(first.token)
    assert house.vibe.auth.authenticate(second.token) == second.actor
    assert house.actions() == ["auth.login", "auth.login", "auth.logout"]


def test_only_a_session_logs_out(house: House) -> None:
    """Neither nobody nor an API key; an actor made without a session is told so."""
    for actor in (Actor.anonymous(), house.key_of(house.admin, "session.end")):
        with pytest.raises(PermissionDenied):
            house.vibe.auth.logout(actor)
    with pytest.raises(InvalidValue, match="has no session"):
        house.vibe.auth.logout(replace(house.owner, session_id=None))


def test_a_failed_login_is_remembered_when_the_transaction_around_it_is_not(house: House) -> None:
    """Failures commit in a unit of their own."""
    with house.store.begin() as tx:
        inside = Services(Work(house.store, house.effects, tx))  # type: ignore[arg-type]
        inside.projects.create(house.owner, name="undone")
        with pytest.raises(AuthenticationFailed):
            assert inside.auth.login(email="owner@example.org", password="wrong password").actor
    assert house.actions() == ["auth.login.failed"]


def test_round_trips(house: House) -> None:
    """A read takes one, a write at most three; a login is a read and a write in three together. A new account's third
    is the limit of mails to its address, after the commit."""
    """A read takes one, a write at most three; a login counts a try, writes, and clears the tries."""
    register(house)
    assert house.trips == 3
    entered = login(house)
    assert house.trips == 4
    house.vibe.auth.authenticate(entered.token)
    assert house.trips == 1
    house.vibe.auth.logout(entered.actor)
    assert house.trips == 3
