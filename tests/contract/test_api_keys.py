"""API keys on every backend: what they are good for, and what must not work with them."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import threading
import traceback
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.api_keys import ApiKey, CreatedKey, KeyInfo, api_key_digest, make_api_key
from vibecore.domain.audit import AuditEvent
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidCursor,
    InvalidValue,
    LimitReached,
    NotFound,
    PermissionDenied,
    ReauthenticationRequired,
    SerializationConflict,
)
from vibecore.domain.filters import field
from vibecore.domain.json import JsonArray
from vibecore.domain.permissions import CREDENTIAL, Action
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.effects import FixedClock, fixed_effects

PASSWORD: Final = "engine no. 9"
SYSTEM: Final = Actor.system("test")
EVERYTHING: Final = [action for action in Action if action not in CREDENTIAL]
READING: Final = ["project.read", "files.read"]


class Town:
    """An installation with an administrator and two users who have just signed in."""

    def __init__(self, store: Store, clock: FixedClock, policy: AuthPolicy | None = None) -> None:
        self.store = store
        self.clock = clock
        self.policy = AuthPolicy() if policy is None else policy
        self.vibe = Vibe(store, dataclasses.replace(fixed_effects(clock=clock), policy=self.policy))
        self.keys = self.vibe.api_keys
        self.vibe.users.create_admin(SYSTEM, email="root@example.org", password=PASSWORD, name="Root")
        self.ada = self.arrive("ada")
        self.bob = self.arrive("bob")
        self.root = self.sign_in("root")

    def arrive(self, name: str) -> Actor:
        email = f"{name}@example.org"
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
        return self.sign_in(name)

    def sign_in(self, name: str) -> Actor:
        return self.vibe.auth.login(email=f"{name}@example.org", password=PASSWORD).actor

    def key(self, permissions: Any = READING, **more: Any) -> CreatedKey:
        """A new key of Ada's."""
        return self.keys.create(self.ada, **{"name": "ci", "permissions": permissions, **more})

    def refused(self, key: str) -> None:
        """The key is refused, and nothing is written about it."""
        before = self.rows()
        with pytest.raises(AuthenticationFailed) as caught:
            self.keys.authenticate(key)
        assert type(caught.value) is AuthenticationFailed
        assert caught.value.facts == {}
        assert self.rows() == before

    def rows(self) -> list[ApiKey]:
        """All keys of Ada and Bob."""
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return [key for actor in (self.ada, self.bob) for key in tx.api_keys.stream(user(actor))]

    def stored(self, key: CreatedKey) -> ApiKey:
        with self.store.begin(Mode.READ) as tx:
            return tx.api_keys.get(key.info.user_id, key.info.id)

    def change(self, key: CreatedKey, **fields: Any) -> None:
        """What another client of the database does to the row."""
        with self.store.begin() as tx:
            tx.api_keys.update(dataclasses.replace(tx.api_keys.get(key.info.user_id, key.info.id), **fields))
            tx.commit()

    def trail(self, prefix: str = "") -> list[AuditEvent]:
        """Audit events whose names begin so, oldest first."""
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return [event for event in tx.audit.stream() if event.action.startswith(prefix)]


@pytest.fixture
def town(store: Store, clock: FixedClock) -> Town:
    return Town(store, clock)


def user(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


# -- how many there may be


def test_as_many_keys_as_the_policy_says(store: Store, clock: FixedClock) -> None:
    """Those that have ended do not count, to the microsecond; nor do others' and revoked ones. Who makes them makes no
    difference."""
    town = Town(store, clock, AuthPolicy(api_keys=3))
    ends = clock() + timedelta(hours=1)
    first, _, last = town.key(), town.key(expires_at=ends + timedelta(hours=1)), town.key(expires_at=ends)
    before = town.rows()
    for maker in (town.ada, town.root, SYSTEM):
        with pytest.raises(LimitReached) as caught:
            town.keys.create(maker, name="one more", permissions=[], user_id=town.ada.user_id)
        assert caught.value.facts == {"kind": "api_key", "limit": 3}
    assert town.rows() == before
    town.keys.create(town.bob, name="another's", permissions=[])
    town.keys.revoke(town.ada, first.info.id)
    town.key()
    clock.move(hours=1, microseconds=-1)
    with pytest.raises(LimitReached):
        town.keys.create(SYSTEM, name="x", permissions=[], user_id=town.ada.user_id)
    clock.move(microseconds=1)
    town.keys.create(SYSTEM, name="x", permissions=[], user_id=town.ada.user_id)
    assert last.info.id in {key.id for key in town.keys.page(SYSTEM, user_id=town.ada.user_id).items}


def test_where_nobody_may_have_keys_nobody_makes_one(store: Store, clock: FixedClock) -> None:
    town = Town(store, clock, AuthPolicy(api_keys=0))
    with pytest.raises(LimitReached):
        town.key()


def test_attack_sixteen_make_the_last_key_at_once(store: Store, clock: FixedClock) -> None:
    """One of them gets it."""
    town = Town(store, clock, AuthPolicy(api_keys=3))
    town.key()
    town.key()
    start = threading.Barrier(16)

    def make(_: int) -> CreatedKey | LimitReached:
        start.wait()
        try:
            return town.key()
        except LimitReached as refused:
            return refused

    with ThreadPoolExecutor(16) as pool:
        made = [each for each in pool.map(make, range(16)) if isinstance(each, CreatedKey)]
    assert len(made) == 1
    assert len(town.rows()) == 3
    assert town.keys.authenticate(made[0].key).user_id == town.ada.user_id


def test_keys_that_ended_long_ago_are_purged(town: Town) -> None:
    """Thirty days after their end and not before; those without an end stay."""
    ended, lasting = town.key(expires_at=town.clock() + timedelta(hours=1)), town.key()
    town.clock.move(days=30, hours=1, microseconds=-1)
    assert town.vibe.maintenance.purge_sign_in(SYSTEM).api_keys == 0
    town.refused(ended.key)
    town.clock.move(microseconds=1)
    assert town.vibe.maintenance.purge_sign_in(SYSTEM).api_keys == 1
    assert [key.id for key in town.rows()] == [lasting.info.id]
    assert town.trail("maintenance.")[-1].details["api_keys"] == 1


# -- what a key is good for


def test_a_key_is_shown_once_and_acts_for_its_owner(town: Town) -> None:
    """Within its permissions, with its owner's role, from the address that it comes from."""
    ends = town.clock() + timedelta(days=90)
    made = town.key(["files.write", Action.PROJECT_READ], expires_at=ends)
    assert made.key.startswith(made.info.key_prefix)
    assert (made.info.name, made.info.user_id, made.info.expires_at) == ("ci", town.ada.user_id, ends)
    assert made.info.permissions == ["project.read", "files.write"]
    assert made.info.last_used_at is None
    actor = town.keys.authenticate(made.key, ip_address="2001:db8::7")
    assert actor == Actor(
        kind=ActorKind.API_KEY,
        user_id=town.ada.user_id,
        role=UserRole.DEVELOPER,
        scopes=frozenset({"project.read", "files.write"}),
        api_key_id=made.info.id,
        ip_address="2001:db8::7",
    )
    project = town.vibe.projects.create(town.ada, name="engine")
    assert town.vibe.projects.get(actor, project.id) == project
    town.vibe.files.write(actor, project.id, "a.py", "x = 1\n")
    with pytest.raises(PermissionDenied):
        town.vibe.files.read(actor, project.id, "a.py")
    with pytest.raises(PermissionDenied):
        town.vibe.projects.create(actor, name="another")


def test_only_the_digest_is_stored(town: Town) -> None:
    made = town.key()
    row = town.stored(made)
    assert row.key_hash == sha256(made.key.encode()).hexdigest()
    assert row.key_prefix == made.key[:20]
    assert made.key[21:] not in repr(dataclasses.asdict(row))


def test_every_key_is_another(town: Town) -> None:
    """Also of the same owner with the same name."""
    made = [town.key() for _ in range(20)]
    assert len({each.key for each in made}) == len({each.info.key_prefix for each in made}) == 20


def test_keys_are_listed_newest_first(town: Town) -> None:
    """Page by page, those that have ended too, other people's never."""
    town.keys.create(town.bob, name="bob's", permissions=[])
    names = []
    for number in range(5):
        town.clock.move(seconds=1)
        names.append(town.key(name=f"key {number}", expires_at=town.clock() + timedelta(seconds=2)).info.name)
    town.clock.move(days=1)
    found: list[KeyInfo] = []
    cursor: str | None = None
    while True:
        page = town.keys.page(town.ada, limit=2, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [each.name for each in found] == names[::-1]
    assert town.keys.page(town.ada, limit=0).items == ()
    first = town.keys.page(town.ada, limit=2).next_cursor
    with pytest.raises(InvalidCursor):
        town.keys.page(town.bob, limit=2, cursor=first)


def test_a_revoked_key_is_worth_nothing(town: Town) -> None:
    """At once, and a second time there is nothing to revoke."""
    made = town.key()
    other = town.key()
    assert town.keys.authenticate(made.key)
    town.keys.revoke(town.ada, made.info.id)
    town.refused(made.key)
    assert town.keys.authenticate(other.key)
    with pytest.raises(NotFound) as caught:
        town.keys.revoke(town.ada, made.info.id)
    assert caught.value.facts == {"kind": "api_key", "key": made.info.id}


def test_what_happened_is_in_the_trail(town: Town) -> None:
    """By prefix, name and permissions; the owner where an administrator acted."""
    made = town.key()
    town.keys.revoke(town.ada, made.info.id)
    foreign = town.keys.create(town.root, name="robot", permissions=[], user_id=town.bob.user_id)
    created, revoked, imposed = town.trail("auth.key.")
    facts = {"key_prefix": made.info.key_prefix, "name": "ci", "permissions": READING, "key_hash": {"hidden": True}}
    for event, name, place in ((created, "auth.key.created", 1), (revoked, "auth.key.revoked", 0)):
        assert (event.action, event.user_id, event.resource_type) == (name, town.ada.user_id, "api_key")
        told = event.details["changes"]
        assert (event.resource_id, {field: told[field][place] for field in told}) == (made.info.id, facts)
        assert {told[field][1 - place] for field in told} == {None}
    assert (imposed.user_id, imposed.details["user_id"], imposed.details["override"]) == (
        town.root.user_id,
        str(town.bob.user_id),
        True,
    )
    assert imposed.details["changes"]["key_prefix"] == [None, foreign.info.key_prefix]


def test_the_trail_names_the_key_that_acted(town: Town) -> None:
    """Of a change, of a denial and of an override, and of no other key or session of the same user."""
    project = town.vibe.projects.create(town.ada, name="engine")
    keys = [town.key(["files.write"]), town.key(["files.write"])]
    for made in keys:
        town.vibe.files.write(town.keys.authenticate(made.key), project.id, f"{made.info.key_prefix}.py", "x = 1\n")
        with pytest.raises(PermissionDenied):
            town.vibe.projects.archive(town.keys.authenticate(made.key), project.id)
    chief = town.keys.create(town.root, name="chief", permissions=["project.read"])
    town.vibe.projects.get(town.keys.authenticate(chief.key), project.id)
    acted = [made.info.id for made in (*keys, chief)]
    named: dict[UUID, list[str]] = {each: [] for each in acted}
    for event in town.trail():
        if "api_key_id" in event.details:
            named[UUID(str(event.details["api_key_id"]))].append(event.action)
    assert {key: set(actions) for key, actions in named.items()} == {
        acted[0]: {"file.created", "permission.denied"},
        acted[1]: {"file.created", "permission.denied"},
        acted[2]: {"permission.overridden"},
    }
    wanted = field("details").includes({"api_key_id": str(acted[0])})
    assert len(town.vibe.audit.page(town.root, where=wanted).items) == 2


def test_an_administrator_manages_the_keys_of_others(town: Town) -> None:
    """And the system does; nobody else. A key made so has the rights of its owner, not of who made it."""
    made = town.keys.create(town.root, name="x", permissions=EVERYTHING, user_id=town.bob.user_id)
    assert town.keys.authenticate(made.key).role is UserRole.DEVELOPER
    assert town.keys.page(SYSTEM, user_id=town.bob.user_id).items[0].id == made.info.id
    for call in (
        lambda: town.keys.create(town.ada, name="x", permissions=[], user_id=town.bob.user_id),
        lambda: town.keys.page(town.ada, user_id=town.bob.user_id),
        lambda: town.keys.revoke(town.ada, made.info.id, user_id=town.bob.user_id),
        lambda: town.keys.page(Actor.anonymous()),
        lambda: town.keys.create(Actor.anonymous(), name="x", permissions=[]),
    ):
        with pytest.raises(PermissionDenied):
            call()
    assert [key.id for key in town.rows()] == [made.info.id]
    town.keys.revoke(SYSTEM, made.info.id, user_id=town.bob.user_id)
    assert town.rows() == []


def test_an_account_has_to_be_named_by_who_has_none(town: Town) -> None:
    """The system has no keys of its own; and there are none of nobody."""
    for call in (
        lambda: town.keys.create(SYSTEM, name="x", permissions=[]),
        lambda: town.keys.page(SYSTEM),
        lambda: town.keys.revoke(SYSTEM, UUID(int=404)),
    ):
        with pytest.raises(InvalidValue) as wrong:
            call()
        assert wrong.value.field == "user_id"
    for unknown in (
        lambda: town.keys.create(SYSTEM, name="x", permissions=[], user_id=UUID(int=404)),
        lambda: town.keys.page(SYSTEM, user_id=UUID(int=404)),
    ):
        with pytest.raises(NotFound) as caught:
            unknown()
        assert caught.value.facts == {"kind": "user", "key": UUID(int=404)}


def test_a_new_key_needs_a_recent_proof_of_identity(town: Town) -> None:
    """A session that was left open makes none; ending one needs no proof."""
    made = town.key()
    town.clock.move(seconds=town.policy.reauthentication.total_seconds(), microseconds=-1)
    town.key()
    town.clock.move(microseconds=1)
    for actor, owner in ((town.ada, None), (town.root, town.bob.user_id)):
        with pytest.raises(ReauthenticationRequired) as caught:
            town.keys.create(actor, name="x", permissions=[], user_id=owner)
        assert caught.value.action == "keys.write"
    assert len(town.rows()) == 2
    town.keys.revoke(town.ada, made.info.id)


def test_a_session_that_has_ended_makes_no_key(town: Town) -> None:
    """Whoever still holds its actor, after a logout or when the account was disabled."""
    town.vibe.auth.logout(town.ada)
    town.vibe.users.disable(town.root, user(town.bob))
    for actor in (town.ada, town.bob):
        with pytest.raises(AuthenticationFailed):
            town.keys.create(actor, name="x", permissions=[])
    assert town.rows() == []


# -- the last use


def test_the_last_use_is_noted_at_most_once_in_the_interval(town: Town) -> None:
    """To the microsecond, and nothing else of the row changes."""
    made = town.key()
    first = town.clock.move(seconds=5)
    town.keys.authenticate(made.key)
    noted = town.stored(made)
    assert noted.last_used_at == first
    town.clock.move(seconds=town.policy.seen_interval.total_seconds(), microseconds=-1)
    town.keys.authenticate(made.key)
    assert town.stored(made) == noted
    again = town.clock.move(microseconds=1)
    town.keys.authenticate(made.key)
    assert town.stored(made) == dataclasses.replace(noted, last_used_at=again, updated_at=again)
    town.clock.move(days=-1)
    town.keys.authenticate(made.key)
    assert town.stored(made).last_used_at == again


def test_a_failed_use_is_not_noted(town: Town) -> None:
    made = town.key(expires_at=town.clock() + timedelta(seconds=1))
    town.clock.move(seconds=1)
    town.refused(made.key)
    assert town.stored(made).last_used_at is None


def meanwhile(town: Town, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do `act` once, between the look at a key and the note of its use."""
    write = town.vibe._work.write
    done: list[bool] = []

    def first(actor: Actor, run: Callable[[UnitOfWork], Any]) -> Any:
        if not done:
            done.append(True)
            act()
        return write(actor, run)

    monkeypatch.setattr(town.vibe.api_keys._work, "write", first)


def test_a_lost_race_for_the_note_is_no_failure(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else noted the use: that is enough."""
    made = town.key()
    meanwhile(town, monkeypatch, lambda: town.change(made, last_used_at=town.clock()))
    assert town.keys.authenticate(made.key).user_id == town.ada.user_id
    assert town.stored(made).last_used_at == town.clock()


def test_a_key_that_goes_meanwhile_is_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was there when it was looked up, and is revoked before its use is noted."""
    made = town.key()

    def revoke() -> None:
        with town.store.begin() as tx:
            tx.api_keys.delete(user(town.ada), made.info.id)
            tx.commit()

    meanwhile(town, monkeypatch, revoke)
    with pytest.raises(AuthenticationFailed):
        town.keys.authenticate(made.key)


def test_a_lost_race_does_not_skip_the_end(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changed is judged anew: the key was ended, or given another secret or fewer rights, while it was used."""
    now = town.clock()
    ended, replaced, narrowed = town.key(), town.key(), town.key()
    meanwhile(town, monkeypatch, lambda: town.change(ended, expires_at=now, last_used_at=now))
    with pytest.raises(AuthenticationFailed):
        town.keys.authenticate(ended.key)
    monkeypatch.undo()
    meanwhile(town, monkeypatch, lambda: town.change(replaced, key_hash="0" * 64))
    with pytest.raises(AuthenticationFailed):
        town.keys.authenticate(replaced.key)
    monkeypatch.undo()
    meanwhile(town, monkeypatch, lambda: town.change(narrowed, permissions=JsonArray()))
    assert town.keys.authenticate(narrowed.key).scopes == frozenset()


def test_a_note_that_never_succeeds_ends_in_an_error(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no way in."""
    made = town.key()
    write = town.vibe._work.write

    def always(actor: Actor, run: Callable[[UnitOfWork], Any]) -> Any:
        town.change(made, name="renamed")
        return write(actor, run)

    monkeypatch.setattr(town.vibe.api_keys._work, "write", always)
    with pytest.raises(SerializationConflict):
        town.keys.authenticate(made.key)


def test_many_at_once_use_one_key(town: Town) -> None:
    """All of them are let in, and the use is noted."""
    made = town.key()
    start = threading.Barrier(8)

    def use() -> Actor:
        start.wait(30)
        return town.keys.authenticate(made.key)

    with ThreadPoolExecutor(8) as pool:
        actors = [each.result() for each in [pool.submit(use) for _ in range(8)]]
    assert set(actors) == {town.keys.authenticate(made.key)}
    assert town.stored(made).last_used_at == town.clock()


# -- attacks


def test_attack_a_changed_character_never_reaches_the_store(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the 92 characters, changed to any other that keys are made of: the checksum tells."""
    made = town.key()

    def asked(*args: object) -> Any:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(town.store, "begin", asked)
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
    for place, char in enumerate(made.key):
        for other in set(alphabet) - {char}:
            with pytest.raises(AuthenticationFailed):
                town.keys.authenticate(made.key[:place] + other + made.key[place + 1 :])
    with pytest.raises(AssertionError, match="asked"):
        town.keys.authenticate(made.key)


def resealed(body: str) -> str:
    """`body` with the checksum that an attacker can compute as well."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[digit] + digits
    return body + digits


def test_attack_the_prefix_of_one_key_with_the_secret_of_another(town: Town) -> None:
    """Also with the right checksum, of the same owner."""
    one, two = town.key(), town.key()
    assert resealed(one.key[:-6]) == one.key
    town.refused(resealed(one.key[:20] + two.key[20:-6]))
    town.refused(resealed(one.key[:43] + two.key[43:-6]))


def test_attack_a_key_with_another_owner(town: Town) -> None:
    """Neither becomes Bob's by naming him, nor nobody's; nor does a foreign prefix help."""
    mine, his = town.key(), town.keys.create(town.bob, name="x", permissions=[])
    town.refused(resealed(mine.key[:21] + his.key[21:43] + mine.key[43:-6]))
    town.refused(resealed(his.key[:43] + mine.key[43:-6]))
    for owner in (user(town.bob), user(town.root), UUID(int=0), UUID(int=404)):
        town.refused(resealed(mine.key[:21] + make_api_key(owner, bytes(10), bytes(32))[21:43] + mine.key[43:-6]))


def test_attack_a_guess_with_a_known_prefix(town: Town) -> None:
    """The public part and the owner's id are known to many."""
    made = town.key()
    for secret in (bytes(32), b"\xff" * 32):
        guess = make_api_key(user(town.ada), bytes(10), secret)
        town.refused(resealed(made.key[:43] + guess[43:-6]))


def test_attack_with_what_a_database_dump_holds(town: Town) -> None:
    """Prefix, digest, ids: none of it is a key, nor is what can be put together from it."""
    made = town.key()
    row = town.stored(made)
    raw = bytes.fromhex(row.key_hash)
    for text in (row.key_hash, row.key_prefix, str(row.id), f"{row.key_prefix}_{row.key_hash}", f"vck_{row.key_hash}"):
        town.refused(text)
    forged = make_api_key(row.user_id, bytes(10), raw)
    town.refused(forged)
    town.refused(resealed(row.key_prefix + forged[20:-6]))


def test_attack_another_spelling_of_a_key(town: Town) -> None:
    """One key, one text: nothing around it, no other case, no other form of Unicode."""
    key = town.key().key
    for text in (f" {key}", f"{key}\n", f"{key}\0", key.lower(), key.upper(), f"Bearer {key}", key.replace("_", "-")):
        town.refused(text)


def test_attack_a_session_token_as_a_key_and_a_key_as_a_token(town: Town) -> None:
    token = town.vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated.token
    town.refused(token)
    town.refused(f"vck_{token[4:]}")
    for text in (town.key().key, f"vcs_{town.key().key[4:]}"):
        with pytest.raises(AuthenticationFailed):
            town.vibe.auth.authenticate(text)


@pytest.mark.parametrize("value", [None, 7, b"vck_", ["vck_"], Action.PROJECT_READ])
def test_attack_what_is_no_text(town: Town, value: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        town.keys.authenticate(value)
    assert caught.value.field == "key"


@pytest.mark.parametrize("action", sorted(CREDENTIAL))
def test_attack_a_key_for_credentials_cannot_be_made(town: Town, action: Action) -> None:
    """Not even by the system."""
    for spelt in (action, action.value):
        for actor in (town.ada, SYSTEM):
            with pytest.raises(InvalidValue) as caught:
                town.keys.create(actor, name="x", permissions=[Action.PROJECT_READ, spelt], user_id=town.ada.user_id)
            assert caught.value.field == "permissions"
    assert town.rows() == []


def bearer(town: Town, name: str, permissions: JsonArray) -> Actor:
    """The actor of a key into whose row somebody wrote these permissions."""
    made = town.keys.create(town.sign_in(name), name="x", permissions=[])
    with town.store.begin() as tx:
        row = tx.api_keys.get(made.info.user_id, made.info.id)
        tx.api_keys.update(dataclasses.replace(row, permissions=permissions))
        tx.commit()
    return town.keys.authenticate(made.key)


@pytest.mark.parametrize("name", ["ada", "root"])
def test_attack_a_key_with_every_action_does_nothing_to_credentials(town: Town, name: str) -> None:
    """A row that another client wrote may name them, and its owner be an administrator: the key still may not."""
    actor = bearer(town, name, JsonArray(action.value for action in Action))
    assert actor.scopes == frozenset(action.value for action in Action)
    mine, vibe = user(actor), town.vibe
    key_id = town.key().info.id
    for call in (
        lambda: vibe.api_keys.create(actor, name="y", permissions=[]),
        lambda: vibe.api_keys.create(actor, name="y", permissions=[], user_id=mine),
        lambda: vibe.api_keys.page(actor),
        lambda: vibe.api_keys.revoke(actor, key_id, user_id=town.ada.user_id),
        lambda: vibe.auth.logout(actor),
        lambda: vibe.auth.register(actor, email="n@example.org", password=PASSWORD, name="N"),
        lambda: vibe.users.create_admin(actor, email="n@example.org", password=PASSWORD, name="N"),
        lambda: vibe.users.set_role(actor, mine, role=UserRole.ADMIN),
        lambda: vibe.users.disable(actor, user(town.bob)),
        lambda: vibe.users.enable(actor, user(town.bob)),
    ):
        with pytest.raises(PermissionDenied):
            call()
    assert {event.action for event in town.trail("permission.")} == {"permission.denied"}
    assert town.keys.page(town.ada).items


@pytest.mark.parametrize(
    "permissions",
    [[], ["*"], ["project.*"], ["admin"], ["PROJECT.READ"], [True, None, 1, {"project.read": True}, ["project.read"]]],
)
def test_attack_what_is_no_scope_gives_nothing(town: Town, permissions: list[Any]) -> None:
    """Not even to an administrator's key, and not what anybody may do."""
    project = town.vibe.projects.create(town.ada, name="engine")
    for name in ("ada", "root"):
        actor = bearer(town, name, JsonArray(permissions))
        assert actor.scopes == frozenset()
        for call in (
            lambda actor=actor: town.vibe.projects.get(actor, project.id),
            lambda actor=actor: town.vibe.projects.create(actor, name="x"),
            lambda actor=actor: town.vibe.users.get(actor, user(actor)),
        ):
            with pytest.raises((PermissionDenied, NotFound)):
                call()


def test_attack_a_key_outlives_its_owners_rights(town: Town) -> None:
    """The role is the owner's of this moment: an administrator's key, then a developer's, then a viewer's."""
    town.vibe.users.create_admin(SYSTEM, email="chief@example.org", password=PASSWORD, name="Chief")
    chief = town.sign_in("chief")
    project = town.vibe.projects.create(town.ada, name="engine")
    made = town.keys.create(chief, name="x", permissions=EVERYTHING)
    actor = town.keys.authenticate(made.key)
    assert town.vibe.projects.get(actor, project.id).id == project.id
    assert town.vibe.users.page(actor).items
    for role in (UserRole.DEVELOPER, UserRole.VIEWER):
        town.vibe.users.set_role(town.root, user(chief), role=role)
        actor = town.keys.authenticate(made.key)
        assert actor.role is role
        with pytest.raises(NotFound):
            town.vibe.projects.get(actor, project.id)
        with pytest.raises(PermissionDenied):
            town.vibe.users.page(actor)
    with pytest.raises(PermissionDenied):
        town.vibe.projects.create(actor, name="x")


def test_attack_a_key_of_somebody_who_left_a_project(town: Town) -> None:
    """The grant is the owner's of this moment, too."""
    project = town.vibe.projects.create(town.ada, name="engine")
    town.vibe.projects.add_member(town.ada, project.id, user(town.bob))
    made = town.keys.create(town.bob, name="x", permissions=EVERYTHING)
    actor = town.keys.authenticate(made.key)
    town.vibe.files.write(actor, project.id, "a.py", "x = 1\n")
    town.vibe.projects.remove_member(town.ada, project.id, user(town.bob))
    with pytest.raises(NotFound):
        town.vibe.files.read(actor, project.id, "a.py")


def test_attack_the_key_of_a_disabled_owner(town: Town) -> None:
    """It sleeps with the account."""
    made = town.key()
    town.vibe.users.disable(town.root, user(town.ada))
    town.refused(made.key)
    town.vibe.users.enable(town.root, user(town.ada))
    assert town.keys.authenticate(made.key).user_id == town.ada.user_id


def test_attack_the_key_of_a_deleted_owner(town: Town) -> None:
    """It goes with the account."""
    made = town.key()
    town.vibe.users.delete(town.root, user(town.ada))
    town.refused(made.key)


def test_attack_a_key_after_its_end(town: Town) -> None:
    """A microsecond before it works, at the moment itself it does not, nor ever after, however lately it was used."""
    ends = town.clock() + timedelta(hours=1)
    made = town.key(expires_at=ends)
    town.clock.move(hours=1, microseconds=-1)
    assert town.keys.authenticate(made.key).user_id == town.ada.user_id
    town.clock.move(microseconds=1)
    assert town.clock() == ends
    town.refused(made.key)
    town.clock.move(days=400)
    town.refused(made.key)


def test_attack_a_key_that_has_ended_before_it_is_made(town: Town) -> None:
    """Not later than now is refused; a microsecond later it is not."""
    for early in (timedelta(0), timedelta(microseconds=1), timedelta(days=400)):
        with pytest.raises(InvalidValue) as caught:
            town.key(expires_at=town.clock() - early)
        assert caught.value.field == "expires_at"
    assert town.rows() == []
    made = town.key(expires_at=town.clock() + timedelta(microseconds=1))
    assert town.keys.authenticate(made.key).user_id == town.ada.user_id


def test_attack_revoking_somebody_elses_key(town: Town) -> None:
    """By its id, which is no secret: for others it does not exist."""
    made = town.key()
    with pytest.raises(NotFound):
        town.keys.revoke(town.bob, made.info.id)
    with pytest.raises(NotFound):
        town.keys.revoke(town.root, made.info.id, user_id=town.bob.user_id)
    assert town.keys.authenticate(made.key).user_id == town.ada.user_id


def test_attack_refusals_tell_nothing_apart(town: Town) -> None:
    """Malformed, unknown, wrong, ended, revoked, disabled: one error without facts, and no row."""
    ended = town.key(expires_at=town.clock() + timedelta(seconds=1))
    revoked = town.key()
    town.keys.revoke(town.ada, revoked.info.id)
    asleep = town.keys.create(town.bob, name="x", permissions=[])
    town.vibe.users.disable(town.root, user(town.bob))
    town.clock.move(seconds=1)
    wrong = resealed(ended.key[:43] + revoked.key[43:-6])
    unknown = make_api_key(UUID(int=404), bytes(10), bytes(32))
    before = len(town.trail())
    texts = set()
    for key in ("nonsense", unknown, wrong, ended.key, revoked.key, asleep.key):
        with pytest.raises(AuthenticationFailed) as caught:
            town.keys.authenticate(key)
        texts.add((type(caught.value), str(caught.value), str(caught.value.facts)))
    assert len(texts) == 1
    assert len(town.trail()) == before


def test_attack_a_key_that_was_rolled_back(town: Town) -> None:
    """What was shown inside a transaction that came to nothing is no key."""

    class Undone(Exception):
        pass

    with pytest.raises(Undone), town.vibe.transaction() as tx:  # noqa: PT012  # the transaction is what is undone
        made = tx.api_keys.create(town.ada, name="x", permissions=[])
        assert tx.api_keys.authenticate(made.key).user_id == town.ada.user_id
        raise Undone
    town.refused(made.key)


def test_attack_secrets_in_what_is_shown_and_kept(
    town: Town, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """No character after the 20th, and no digest, in repr, str, pickle, JSON, errors, tracebacks, logs or the trail."""
    caplog.set_level(logging.DEBUG)
    ended = town.key(expires_at=town.clock() + timedelta(hours=1))
    made = town.key()
    actor = town.keys.authenticate(made.key)
    shown = [repr(made), str(made), f"{made.info}", repr(actor), repr(town.keys.page(town.ada)), repr(town.rows())]
    shown += [str(pickle.dumps(made.info)), str(pickle.dumps(actor)), str(pickle.dumps(town.keys.page(town.ada)))]
    shown.append(json.dumps(dataclasses.asdict(made.info), default=str))
    for leave in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as refused:
            leave(made)
        shown.append(str(refused.value))
    town.clock.move(hours=1)
    for wrong in (ended.key, f"{made.key}x", made.key[:-1], resealed(made.key[:43] + ended.key[43:-6])):
        with pytest.raises(AuthenticationFailed) as failed:
            town.keys.authenticate(wrong)
        shown += [repr(failed.value), str(failed.value.facts), str(pickle.dumps(failed.value))]
        shown.append("".join(traceback.format_exception(failed.value)))
    wrongly: tuple[Any, ...] = ([made.key], made.key, [[made.key]])
    for permissions in wrongly:
        with pytest.raises(InvalidValue) as invalid:
            town.keys.create(SYSTEM, name="x", permissions=permissions, user_id=town.ada.user_id)
        shown += [repr(invalid.value), str(invalid.value.facts)]
    with pytest.raises(PermissionDenied):
        town.keys.page(actor)
    town.keys.revoke(town.ada, made.info.id)
    shown += [repr(event) for event in town.trail()]
    shown += [str(event.details) for event in town.trail()]
    shown += [caplog.text, *capfd.readouterr()]
    for key in (made.key, ended.key):
        for canary in (key[43:86], key[20:], api_key_digest(key)):
            assert not [text for text in shown if canary in text]
    assert any(made.info.key_prefix in text for text in shown)
