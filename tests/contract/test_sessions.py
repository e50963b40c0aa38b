"""Sessions, on every backend: how long they last, how their tokens change, and how they must not be taken over."""

from __future__ import annotations

import base64
import dataclasses
import logging
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidCursor,
    InvalidValue,
    LoginThrottled,
    NotFound,
    PermissionDenied,
    Stale,
    VibecoreError,
)
from vibecore.domain.json import JsonObject
from vibecore.domain.logins import Renewed
from vibecore.domain.recovery_codes import RecoveryCode, parse_recovery_code, recovery_code_digest
from vibecore.domain.sessions import Session
from vibecore.domain.tokens import make_session_token
from vibecore.domain.users import USERS, User, UserRole
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services import issuing
from vibecore.services.effects import ThreadRuntime
from vibecore.testing.builders import make
from vibecore.testing.effects import FixedClock, fixed_effects

PASSWORD = "engine no. 9"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY = "0123-4567-89AB-CDEF-GHJK-MNPQ"
TICK = timedelta(microseconds=1)


class House:
    """An installation whose users sign in without a password being asked for."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.effects = dataclasses.replace(fixed_effects(clock=clock), runtime=ThreadRuntime())
        self.store, self.clock = store, clock
        self.vibe = Vibe(store, self.effects)
        self.ada = self.user("ada")
        self.bob = self.user("bob")
        self.root = self.user("root", role=UserRole.ADMIN)

    def user(self, name: str, **fields: Any) -> User:
        address = f"{name}@example.org"
        with self.store.begin() as tx:
            hashed = self.effects.hasher.hash(PASSWORD)
            user = make(tx, USERS, email=address, email_key=address, password_hash=hashed, **fields)
            tx.commit()
        return user

    def change(self, user: User, **fields: Any) -> None:
        with self.store.begin() as tx:
            tx.users.update(dataclasses.replace(tx.users.get(user.id), **fields))
            tx.commit()

    def with_authenticator(self, name: str) -> User:
        user = self.user(name)
        sealed = self.effects.box.seal(user.id, SECRET.encode())
        self.change(user, two_factor_enabled=True, two_factor_secret=sealed)
        return user

    def code(self) -> str:
        from pyotp.totp import TOTP

        return TOTP(SECRET).at(self.clock())

    def sign_in(self, user: User, *, second_factor: bool = False) -> Renewed:
        """A session and its token."""
        with self.store.begin() as tx:
            with tx.batch() as batch:
                issued = issuing.open_session(
                    self.effects,
                    tx,
                    batch,
                    user,
                    second_factor=second_factor,
                    ip_address="192.0.2.1",
                    device_info=JsonObject({"agent": "Firefox"}),
                )
            tx.commit()
        return issued.renewed(user, "192.0.2.1")

    def stored(self, session: Renewed) -> Session | None:
        with self.store.begin(Mode.READ) as tx:
            return tx.sessions.find(session.session.user_id, session.session.id)

    def version(self, session: Renewed) -> object:
        found = self.stored(session)
        assert found is not None
        return found.updated_at

    def works(self, token: str) -> bool:
        try:
            self.vibe.auth.authenticate(token)
        except AuthenticationFailed:
            return False
        return True

    def trail(self) -> list[Any]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return list(tx.audit.stream())

    def actions(self) -> list[str]:
        return sorted(event.action for event in self.trail())


@pytest.fixture
def house(store: Store, clock: FixedClock) -> House:
    return House(store, clock)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call comes to, a value or its error, all of them begun at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except VibecoreError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


# -- how long a session lasts


@pytest.mark.parametrize("strong", [False, True])
def test_attack_a_session_ends_to_the_microsecond_for_want_of_use(house: House, strong: bool) -> None:
    """After 7 days, or 1 hour of a session with two factors; not one microsecond earlier."""
    mine = house.sign_in(house.ada, second_factor=strong)
    house.clock.move(**({"hours": 1} if strong else {"days": 7}), microseconds=-1)
    with house.store.begin(Mode.READ) as tx:
        assert tx.now + TICK == mine.session.idle_expires_at
    before = house.version(mine)
    assert house.works(mine.token)
    assert house.version(mine) != before
    house.clock.move(**({"hours": 1} if strong else {"days": 7}))
    assert not house.works(mine.token)


@pytest.mark.parametrize("strong", [False, True])
def test_attack_a_session_ends_to_the_microsecond_however_much_it_is_used(house: House, strong: bool) -> None:
    """After 30 days, or 24 hours of a session with two factors."""
    mine = house.sign_in(house.ada, second_factor=strong)
    step, number = ({"minutes": 30}, 48) if strong else ({"days": 3}, 10)
    for _ in range(number - 1):
        house.clock.move(seconds=timedelta(**step).total_seconds())
        assert house.works(mine.token)
    house.clock.move(seconds=timedelta(**step).total_seconds(), microseconds=-1)
    assert house.works(mine.token)
    house.clock.move(microseconds=1)
    assert house.clock() == mine.session.expires_at
    assert not house.works(mine.token)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.rotate(mine.token)


def test_the_session_of_an_administrator_is_a_short_one(house: House) -> None:
    """24 hours at most, and 1 hour without use."""
    mine = house.sign_in(house.root)
    assert mine.session.expires_at - house.clock() == timedelta(hours=24)
    house.clock.move(seconds=3599)
    assert house.works(mine.token)
    stored = house.stored(mine)
    assert stored is not None
    assert stored.idle_expires_at - house.clock() == timedelta(hours=1)
    house.clock.move(hours=1)
    assert not house.works(mine.token)


def test_use_is_written_once_a_minute_and_is_no_event(house: House) -> None:
    """Of a call every second for five minutes, five write."""
    mine = house.sign_in(house.ada)
    versions = {house.version(mine)}
    for _ in range(300):
        house.clock.move(seconds=1)
        assert house.works(mine.token)
        versions.add(house.version(mine))
    assert len(versions) == 1 + 5
    assert house.actions() == []


def test_sixteen_uses_at_once_all_succeed_and_are_written_once(house: House) -> None:
    """No request fails because another one notes the use of the session at that moment."""
    mine = house.sign_in(house.ada)
    house.clock.move(seconds=60)
    found = at_once([lambda: house.vibe.auth.authenticate(mine.token)] * 16)
    assert [each.session_id for each in found if isinstance(each, Actor)] == [mine.session.id] * 16
    stored = house.stored(mine)
    assert stored is not None
    assert stored.last_seen_at == house.clock()


def test_uses_in_transactions_at_once_do_not_collide(house: House) -> None:
    """Each notes the use after its own commit; nobody's transaction fails for it."""
    mine = house.sign_in(house.ada)
    house.clock.move(seconds=60)

    def use() -> UUID | None:
        with house.vibe.transaction() as tx:
            return tx.auth.authenticate(mine.token).session_id

    assert at_once([use] * 8) == [mine.session.id] * 8
    stored = house.stored(mine)
    assert stored is not None
    assert stored.last_seen_at == house.clock()


def test_attack_a_session_that_ends_while_its_use_is_noted_does_not_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation wins over a request that has read the session already."""
    mine = house.sign_in(house.ada)
    house.clock.move(seconds=60)
    seen = issuing.seen

    def revoked_before(*args: Any) -> Session:
        house.vibe.sessions.revoke_all(Actor.system("meanwhile"), user_id=house.ada.id)
        return seen(*args)

    monkeypatch.setattr(issuing, "seen", revoked_before)
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate(mine.token)


# -- rotation and reuse


def test_rotation_gives_another_token_for_the_same_session(house: House) -> None:
    """It ends when it would have ended, and is audited; both tokens work for less than ten seconds."""
    mine = house.sign_in(house.ada)
    house.clock.move(seconds=5)
    renewed = house.vibe.sessions.rotate(mine.token, ip_address="192.0.2.2")
    assert renewed.token != mine.token
    assert (renewed.session.id, renewed.session.expires_at) == (mine.session.id, mine.session.expires_at)
    assert renewed.session.idle_expires_at == house.clock() + timedelta(days=7)
    assert renewed.actor.ip_address == "192.0.2.2"
    house.clock.move(seconds=10, microseconds=-1)
    assert house.works(mine.token)
    assert house.works(renewed.token)
    assert house.actions() == ["auth.session.rotated"]


@pytest.mark.parametrize("by", ["authenticate", "rotate"])
def test_attack_a_token_that_is_shown_after_the_grace_ends_the_family(house: House, by: str) -> None:
    """Ten seconds after its rotation, to the microsecond: not even the newest token works then; other sessions do."""
    mine, other = house.sign_in(house.ada), house.sign_in(house.ada)
    second = house.vibe.sessions.rotate(mine.token)
    third = house.vibe.sessions.rotate(second.token)
    house.clock.move(seconds=10)
    with pytest.raises(AuthenticationFailed):
        (house.vibe.auth.authenticate if by == "authenticate" else house.vibe.sessions.rotate)(mine.token)
    assert [house.works(each.token) for each in (mine, second, third, other)] == [False, False, False, True]
    (event,) = [each for each in house.trail() if each.action == "auth.session.reused"]
    assert (event.user_id, event.resource_id) == (house.ada.id, mine.session.id)


def test_reuse_is_found_once(house: House) -> None:
    """Sixteen copies shown at once: all fail, one event."""
    mine = house.sign_in(house.ada)
    house.vibe.sessions.rotate(mine.token)
    house.clock.move(seconds=10)
    found = at_once([lambda: house.vibe.auth.authenticate(mine.token)] * 16)
    assert {type(each) for each in found} == {AuthenticationFailed}
    assert house.actions().count("auth.session.reused") == 1


def test_attack_reuse_inside_a_transaction_is_written_with_it(house: House) -> None:
    """Whoever catches the failure and commits has ended the session."""
    mine = house.sign_in(house.ada)
    renewed = house.vibe.sessions.rotate(mine.token)
    house.clock.move(seconds=10)
    with house.vibe.transaction() as tx, pytest.raises(AuthenticationFailed):
        tx.auth.authenticate(mine.token)
    assert not house.works(renewed.token)
    assert "auth.session.reused" in house.actions()


def test_attack_within_the_grace_a_superseded_token_rotates_nothing(house: House) -> None:
    """The session has another token already: Stale, and nothing changed."""
    mine = house.sign_in(house.ada)
    renewed = house.vibe.sessions.rotate(mine.token)
    before = house.version(mine)
    with pytest.raises(Stale) as caught:
        house.vibe.sessions.rotate(mine.token)
    assert (caught.value.kind, caught.value.key) == ("session", mine.session.id)
    assert house.version(mine) == before
    assert house.works(renewed.token)
    assert house.actions() == ["auth.session.rotated"]


def test_attack_of_sixteen_rotations_of_one_token_one_wins(house: House) -> None:
    """The others are told that they were too late, and the session lives on under the one new token."""
    mine = house.sign_in(house.ada)
    found = at_once([lambda: house.vibe.sessions.rotate(mine.token)] * 16)
    won = [each for each in found if isinstance(each, Renewed)]
    assert len(won) == 1
    assert sorted(type(each).__name__ for each in found if each is not won[0]) == ["Stale"] * 15
    assert house.works(won[0].token)
    assert house.actions() == ["auth.session.rotated"]


# -- tokens that are worth nothing


def test_attack_a_token_that_an_attacker_chose_never_works(house: House) -> None:
    """Neither before nor after the victim signs in, nor can it be rotated into one that does."""
    chosen = make_session_token(house.ada.id, b"a" * 32)
    assert not house.works(chosen)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.rotate(chosen)
    mine = house.vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated
    assert mine.token != chosen
    assert not house.works(chosen)


def test_attack_a_database_dump_signs_nobody_in(house: House) -> None:
    """What is stored of a token is no token, in whatever form it is shown."""
    mine = house.sign_in(house.ada)
    stored = house.stored(mine)
    assert stored is not None
    raw = bytes.fromhex(stored.token)
    for shown in (stored.token, "vcs_" + stored.token, make_session_token(house.ada.id, raw)):
        assert not house.works(shown)


def test_attack_user_ids_cannot_be_swapped_in_tokens(house: House) -> None:
    """The secret of one's own session does not open another user's."""
    mine, theirs = house.sign_in(house.ada), house.sign_in(house.bob)
    secret = base64.urlsafe_b64decode(mine.token[4:])[16:]
    assert not house.works(make_session_token(house.bob.id, secret))
    assert house.works(mine.token)
    assert house.works(theirs.token)


def test_attack_malformed_tokens_never_reach_the_store(house: House) -> None:
    """Not even one that is closed."""
    house.vibe.close()
    for token in ("", "vcs_", "vcs_" + "A" * 63, "vcs_" + "é" * 64, "vck_" + "A" * 64):
        for call in (house.vibe.auth.authenticate, house.vibe.sessions.rotate):
            with pytest.raises(AuthenticationFailed):
                call(token)


@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_attack_without_an_account_no_token_works(house: House, how: str) -> None:
    """Neither the present one nor the one before it, for anything."""
    mine = house.sign_in(house.ada)
    renewed = house.vibe.sessions.rotate(mine.token)
    if how == "disabled":
        house.change(house.ada, disabled_at=house.clock())
    else:
        with house.store.begin() as tx:
            tx.users.delete(house.ada.id)
            tx.commit()
    for token in (mine.token, renewed.token):
        assert not house.works(token)
        with pytest.raises(AuthenticationFailed):
            house.vibe.sessions.rotate(token)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.reauthenticate(renewed.actor, password=PASSWORD)


# -- seeing and ending sessions


def test_a_listing_has_what_still_works_the_newest_first(house: House) -> None:
    """Page by page while time passes; cursors of others and altered ones are refused."""
    made = []
    for _ in range(4):
        made.append(house.sign_in(house.ada))
        house.clock.move(days=2)
    others = [house.sign_in(house.bob) for _ in range(2)]
    mine = made[-1].actor
    first = house.vibe.sessions.page(mine, limit=1)
    assert [each.id for each in first.items] == [made[3].session.id]
    house.clock.move(seconds=1)
    rest = house.vibe.sessions.page(mine, cursor=first.next_cursor)
    assert [each.id for each in rest.items] == [made[2].session.id, made[1].session.id]
    assert first.next_cursor is not None
    moment, _, tail = first.next_cursor.partition(".")
    foreign = house.vibe.sessions.page(others[0].actor, limit=1).next_cursor
    for cursor in (foreign, f"{int(moment) + 1}.{tail}", tail, f"{'9' * 18}.{tail}", f"253402300799000000.{tail}"):
        with pytest.raises(InvalidCursor):
            house.vibe.sessions.page(mine, cursor=cursor)


def test_revoking_the_others_keeps_mine(house: House) -> None:
    """Nobody else's either; the number is of those that could be used, in the trail too."""
    house.sign_in(house.ada)
    house.clock.move(days=8)
    mine, second, third = (house.sign_in(house.ada) for _ in range(3))
    theirs = house.sign_in(house.bob)
    assert house.vibe.sessions.revoke_others(mine.actor) == 2
    assert house.vibe.sessions.revoke_others(mine.actor) == 0
    assert [house.works(each.token) for each in (mine, second, third, theirs)] == [True, False, False, True]
    (event,) = house.trail()
    assert event.action == "auth.sessions.revoked"
    rows = {"sessions": {"deleted": None}}
    assert event.details == {"sessions": 2, "kept": str(mine.session.id), "rows": rows}
    assert house.vibe.sessions.revoke_all(mine.actor) == 1
    assert not house.works(mine.token)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.revoke_others(mine.actor)


def test_attack_nobody_sees_or_ends_a_strangers_session(house: House) -> None:
    """Nor learns whether there is one: the id is not found, the account is denied, existing or not."""
    mine, theirs = house.sign_in(house.ada), house.sign_in(house.bob)
    for id in (theirs.session.id, UUID(int=404)):
        with pytest.raises(NotFound) as caught:
            house.vibe.sessions.revoke(mine.actor, id)
        assert caught.value.facts == {"kind": "session", "key": id}
    denied = set()
    for user in (house.bob.id, UUID(int=404)):
        for call in (
            lambda user=user: house.vibe.sessions.page(mine.actor, user_id=user),
            lambda user=user: house.vibe.sessions.revoke(mine.actor, theirs.session.id, user_id=user),
            lambda user=user: house.vibe.sessions.revoke_all(mine.actor, user_id=user),
        ):
            with pytest.raises(PermissionDenied) as refused:
                call()
            denied.add(str(refused.value))
    assert denied == {"not permitted: sessions.read", "not permitted: session.end"}
    assert house.works(theirs.token)


def test_an_administrator_sees_and_ends_anybodys_and_it_is_told(house: House) -> None:
    """With the override in the trail; an account that does not exist is not found."""
    root, theirs = house.sign_in(house.root), house.sign_in(house.bob)
    page = house.vibe.sessions.page(root.actor, user_id=house.bob.id)
    assert [each.id for each in page.items] == [theirs.session.id]
    house.vibe.sessions.revoke(root.actor, theirs.session.id, user_id=house.bob.id)
    assert not house.works(theirs.token)
    assert house.actions() == ["auth.session.revoked", "permission.overridden"]
    (event,) = [each for each in house.trail() if each.action == "auth.session.revoked"]
    assert (event.details["override"], event.details["user_id"]) == (True, str(house.bob.id))
    assert event.details["changes"]["expires_at"] == [theirs.session.expires_at.isoformat(), None]
    for call in (house.vibe.sessions.page, house.vibe.sessions.revoke_all):
        with pytest.raises(NotFound):
            call(root.actor, user_id=UUID(int=404))


def test_an_account_has_to_be_named_by_who_has_none(house: House) -> None:
    """The system signs in nowhere: the missing `user_id` is named. Nobody is told no such thing."""
    for call in (
        house.vibe.sessions.page,
        house.vibe.sessions.revoke_all,
        lambda actor: house.vibe.sessions.revoke(actor, UUID(int=404)),
    ):
        with pytest.raises(InvalidValue) as wrong:
            call(Actor.system("test"))
        assert wrong.value.field == "user_id"
        with pytest.raises(PermissionDenied):
            call(Actor.anonymous())


def test_attack_an_api_key_has_no_say_in_sessions(house: House) -> None:
    """Whatever its scopes and whoever owns it."""
    mine = house.sign_in(house.root)
    scopes = frozenset({"sessions.read", "session.end", "credentials.write"})
    key = Actor(kind=ActorKind.API_KEY, user_id=house.root.id, role=UserRole.ADMIN, scopes=scopes)
    for call in (
        lambda: house.vibe.sessions.page(key),
        lambda: house.vibe.sessions.revoke(key, mine.session.id),
        lambda: house.vibe.sessions.revoke_all(key),
        lambda: house.vibe.sessions.revoke_others(key),
        lambda: house.vibe.sessions.reauthenticate(key, password=PASSWORD),
    ):
        with pytest.raises(PermissionDenied):
            call()
    assert house.works(mine.token)


# -- proving who one is


def test_who_proves_it_goes_on_under_another_token(house: House) -> None:
    """The moment is noted, the tries count no more, and it ends when it would have ended."""
    mine = house.sign_in(house.ada)
    for _ in range(3):
        house.clock.move(seconds=1)
        with pytest.raises(AuthenticationFailed):
            house.vibe.sessions.reauthenticate(mine.actor, password="wrong password")
    renewed = house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD)
    assert renewed.token != mine.token
    assert renewed.session.authenticated_at == house.clock()
    assert renewed.session.expires_at == mine.session.expires_at
    assert not renewed.session.second_factor
    for _ in range(5):
        with pytest.raises(AuthenticationFailed) as caught:
            house.vibe.sessions.reauthenticate(mine.actor, password="wrong password")
        assert type(caught.value) is AuthenticationFailed
    with pytest.raises(LoginThrottled):
        house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD)
    assert house.actions() == ["auth.reauthenticated"] + ["auth.reauthentication.failed"] * 8


def test_attack_guesses_at_once_are_as_many_as_are_allowed(house: House) -> None:
    """Of sixteen passwords five are checked."""
    mine = house.sign_in(house.ada)
    found = at_once([lambda: house.vibe.sessions.reauthenticate(mine.actor, password="wrong password")] * 16)
    assert sorted(type(each).__name__ for each in found) == ["AuthenticationFailed"] * 5 + ["LoginThrottled"] * 11


def test_a_second_factor_is_asked_for_and_used_up(house: House) -> None:
    """The password alone is not enough, a code works once, and the session is a strong one from then on."""
    eve = house.with_authenticator("eve")
    mine = house.sign_in(eve)
    for code in (None, "000000", "\uff10" * 6):
        with pytest.raises(AuthenticationFailed):
            house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD, code=code)
    renewed = house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD, code=house.code())
    assert renewed.session.second_factor
    assert renewed.session.expires_at == house.clock() + timedelta(hours=24)
    assert renewed.session.idle_expires_at == house.clock() + timedelta(hours=1)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD, code=house.code())
    assert [each.details for each in house.trail() if each.action == "auth.reauthentication.failed"] == [
        {"reason": "code"}
    ] * 4


def test_attack_one_code_at_once_works_once(house: House) -> None:
    """Of four sessions that show it at the same moment one is renewed."""
    eve = house.with_authenticator("eve")
    actors, code = [house.sign_in(eve).actor for _ in range(4)], house.code()
    found = at_once(
        [
            lambda actor=actor: house.vibe.sessions.reauthenticate(actor, password=PASSWORD, code=code)  # type: ignore[misc]
            for actor in actors
        ]
    )
    assert sorted(type(each).__name__ for each in found) == ["AuthenticationFailed"] * 3 + ["Renewed"]


def test_a_recovery_code_proves_it_once(house: House) -> None:
    """It is gone afterwards, and a failure says no more than any other."""
    eve = house.with_authenticator("eve")
    canonical = parse_recovery_code(RECOVERY)
    assert canonical is not None
    with house.store.begin() as tx:
        tx.recovery_codes.insert(
            RecoveryCode(
                id=house.effects.ids(),
                user_id=eve.id,
                code_hash=recovery_code_digest(canonical),
                created_at=tx.now,
                updated_at=tx.now,
            )
        )
        tx.commit()
    mine = house.sign_in(eve)
    assert house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD, code=RECOVERY).session.second_factor
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD, code=RECOVERY)


def test_attack_a_password_that_is_replaced_while_it_is_checked_proves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session keeps its token and its age."""
    mine = house.sign_in(house.ada)
    hasher, verify = house.effects.hasher, house.effects.hasher.verify

    def meddled(password: str, stored: str) -> bool:
        matched = verify(password, stored)
        if matched:
            house.change(house.ada, password_hash=hasher.hash("another one"))
        return matched

    monkeypatch.setattr(hasher, "verify", meddled)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD)
    assert house.works(mine.token)
    assert house.actions() == ["auth.reauthentication.failed"]


def test_attack_a_failed_proof_is_remembered_when_the_transaction_around_it_is_not(house: House) -> None:
    """Its row and its try stay."""
    mine = house.sign_in(house.ada)
    for _ in range(5):
        with pytest.raises(AuthenticationFailed), house.vibe.transaction() as tx:
            tx.sessions.reauthenticate(mine.actor, password="wrong password")
    with pytest.raises(LoginThrottled):
        house.vibe.sessions.reauthenticate(mine.actor, password=PASSWORD)
    assert house.actions() == ["auth.reauthentication.failed"] * 5


# -- all of them


def test_everything_works_inside_one_transaction(house: House) -> None:
    """Nothing waits for what the transaction around it holds."""
    mine = house.sign_in(house.ada)
    house.sign_in(house.ada)
    house.clock.move(seconds=60)
    with house.vibe.transaction() as tx:
        actor = tx.auth.authenticate(mine.token)
        rotated = tx.sessions.rotate(mine.token)
        with pytest.raises(Stale):
            tx.sessions.rotate(mine.token)
        proved = tx.sessions.reauthenticate(actor, password=PASSWORD)
        assert tx.auth.authenticate(rotated.token).session_id == mine.session.id
        assert len(tx.sessions.page(actor).items) == 2
        with pytest.raises(NotFound):
            tx.sessions.revoke(actor, UUID(int=404))
        assert tx.sessions.revoke_others(actor) == 1
    assert house.works(proved.token)
    with house.vibe.transaction() as tx:
        tx.sessions.revoke(actor, mine.session.id)
        assert tx.sessions.revoke_all(actor) == 0
    assert not house.works(proved.token)


def test_attack_no_secret_gets_out(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a repr, a pickle, the trail, an error nor the log: tokens, their digests, the password."""
    caplog.set_level(logging.DEBUG)
    mine = house.sign_in(house.ada)
    renewed = house.vibe.sessions.rotate(mine.token)
    proved = house.vibe.sessions.reauthenticate(renewed.actor, password=PASSWORD)
    stored = house.stored(proved)
    assert stored is not None
    told = [repr(each) for each in (mine, renewed, proved, stored, proved.actor)]
    told += [repr(pickle.loads(pickle.dumps(each))) for each in (proved.session, proved.actor)]
    for each in (renewed, proved):
        with pytest.raises(TypeError):
            pickle.dumps(each)
    house.clock.move(seconds=10)
    for call in (house.vibe.auth.authenticate, house.vibe.sessions.rotate):
        with pytest.raises(AuthenticationFailed) as caught:
            call(mine.token)
        told += [repr(caught.value), repr(caught.value.facts)]
    told += [repr(house.trail()), caplog.text]
    for secret in (mine.token, renewed.token, proved.token, stored.token, PASSWORD):
        assert all(secret not in text for text in told)
