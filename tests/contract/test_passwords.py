"""`vibe.passwords` on every backend: what holds, and what attackers try."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from tests.contract.signing_in import ADA, IP, PASSWORD, SECOND, Platform
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidValue,
    LoginThrottled,
    PasswordRejected,
    PermissionDenied,
)
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.services.hashing import BcryptHasher
from vibecore.services.keyring import Keyring
from vibecore.services.mail.messages import MailPurpose
from vibecore.testing.effects import FixedClock, PlainHasher

CHANGED = MailPurpose.PASSWORD_CHANGED
RESET = MailPurpose.RESET_PASSWORD


class Spied:
    """A store that notes which units are begun."""

    joined = False

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begun: list[Mode] = []

    def begin(self, mode: Mode = Mode.WRITE) -> UnitOfWork:
        self.begun.append(mode)
        return self._store.begin(mode)

    def close(self) -> None:
        """The store stays open for the test."""


class Undone(Exception):
    """Rolls a transaction back."""


@pytest.fixture
def platform(store: Store, clock: FixedClock) -> Platform:
    return Platform(store, clock)


def failed(call: Callable[[], object]) -> AuthenticationFailed:
    """The one error of every bad token."""
    with pytest.raises(AuthenticationFailed) as caught:
        call()
    assert (type(caught.value), str(caught.value)) == (AuthenticationFailed, "authentication failed")
    return caught.value


# -- change


def test_a_change_replaces_password_and_token_and_ends_the_other_sessions(platform: Platform) -> None:
    """The session that asked goes on, newly proven; a notice tells."""
    platform.alter(email_verified=True)
    here, there = platform.login(), platform.login()
    platform.clock.move(seconds=60)
    renewed = platform.vibe.passwords.change(here.actor, current=PASSWORD, new=SECOND)
    assert platform.sessions() == {here.session.id} == {renewed.session.id}
    assert renewed.token not in (here.token, there.token)
    assert renewed.session.authenticated_at == platform.clock()
    assert platform.vibe.auth.authenticate(renewed.token).session_id == here.session.id
    failed(lambda: platform.vibe.auth.authenticate(there.token))
    with pytest.raises(AuthenticationFailed):
        platform.login()
    assert platform.login(password=SECOND).user.id == platform.id
    assert [mail.recipient for mail in platform.mails(CHANGED)] == [ADA]
    assert platform.actions().count("auth.password.changed") == 1


def test_a_wrong_current_password_changes_nothing(platform: Platform) -> None:
    """It is audited, with its reason and without the password."""
    actor, before = platform.login().actor, platform.user()
    failed(lambda: platform.vibe.passwords.change(actor, current="a wrong password", new=SECOND))
    assert platform.user() == before
    event = platform.trail()[-1]
    assert (event.action, event.user_id) == ("auth.password.change.failed", platform.id)
    assert event.details == {"reason": "credentials"}
    assert not platform.mails(CHANGED)


def test_attack_guesses_of_the_current_password_are_limited_before_they_are_checked(
    store: Store, clock: FixedClock
) -> None:
    """Who holds a stolen session has five; a stranger's guesses at the door do not count here; success forgets."""
    hasher = PlainHasher()
    platform = Platform(store, clock, hasher)
    actor = platform.login().actor
    for _ in range(4):
        failed(lambda: platform.vibe.passwords.change(actor, current="a wrong password", new=SECOND))
    actor = platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND).actor
    for _ in range(5):
        failed(lambda: platform.vibe.passwords.change(actor, current="a wrong password", new=PASSWORD))
    checks = hasher.checks
    with pytest.raises(LoginThrottled) as caught:
        platform.vibe.passwords.change(actor, current=SECOND, new=PASSWORD)
    assert hasher.checks == checks
    assert caught.value.retry_at == clock() + timedelta(seconds=60)
    clock.move(seconds=60)
    platform.vibe.passwords.change(actor, current=SECOND, new=PASSWORD)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("short", "is shorter than 8 characters"),
        ("ADA@example.org", "is the own e-mail address or name"),
        ("password123", "is one of the most common passwords"),
        (PASSWORD, "is the password that it replaces"),
    ],
)
def test_a_new_password_keeps_the_policy(platform: Platform, new: str, reason: str) -> None:
    """And is another one; the error names the parameter, and no try is used up."""
    actor = platform.login().actor
    for _ in range(6):
        with pytest.raises(PasswordRejected) as caught:
            platform.vibe.passwords.change(actor, current=PASSWORD, new=new)
        assert caught.value.field == "new"
        assert reason in caught.value.reasons
    platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND)


def test_attack_only_the_session_of_an_enabled_user_changes_a_password(platform: Platform) -> None:
    """No key whatever its scopes, not the system, nobody; not an ended session, not an expired one."""
    entered = platform.login()
    scopes = frozenset({"credentials.write"})
    key = Actor(kind=ActorKind.API_KEY, user_id=platform.id, role=UserRole.ADMIN, scopes=scopes)
    for actor in (key, Actor.anonymous()):
        with pytest.raises(PermissionDenied):
            platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND)
    with pytest.raises(InvalidValue):
        platform.vibe.passwords.change(Actor.system("x"), current=PASSWORD, new=SECOND)
    platform.alter(disabled_at=platform.clock())
    failed(lambda: platform.vibe.passwords.change(entered.actor, current=PASSWORD, new=SECOND))
    platform.alter(disabled_at=None)
    other = platform.login()
    platform.vibe.auth.logout(other.actor)
    failed(lambda: platform.vibe.passwords.change(other.actor, current=PASSWORD, new=SECOND))
    platform.clock.move(days=31)
    failed(lambda: platform.vibe.passwords.change(entered.actor, current=PASSWORD, new=SECOND))


class Meddling(PlainHasher):
    """Somebody else acts while the password is being checked."""

    meanwhile: Callable[[], None] | None = None

    def verify(self, password: str, stored: str, /) -> bool:
        matched = super().verify(password, stored)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return matched


def test_attack_a_change_that_was_overtaken_by_another_fails(store: Store, clock: FixedClock) -> None:
    """The hash that was checked must still be the one that is replaced; another change of the account does no harm."""
    hasher = Meddling()
    platform = Platform(store, clock, hasher)
    actor = platform.login().actor
    hasher.meanwhile = lambda: platform.alter(password_hash="plain$third")
    failed(lambda: platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND))
    assert platform.user().password_hash == "plain$third"
    assert platform.trail()[-1].details == {"reason": "replaced"}
    hasher.meanwhile = lambda: platform.alter(name="Countess")
    platform.vibe.passwords.change(actor, current="third", new=SECOND)
    assert (platform.user().name, platform.user().password_hash) == ("Countess", f"plain${SECOND}")


def test_attack_no_session_survives_a_change_that_logins_race(store: Store, clock: FixedClock) -> None:
    """Four threads sign in with the old password while it is replaced: afterwards only the one session is there."""
    platform = Platform(store, clock, BcryptHasher(4))
    actor = platform.login().actor
    start = Barrier(5)

    def enter(number: int) -> None:
        start.wait()
        try:
            platform.login()
        except AuthenticationFailed:
            return

    def change() -> None:
        start.wait()
        platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND)

    with ThreadPoolExecutor(5) as pool:
        running = [pool.submit(enter, number) for number in range(4)] + [pool.submit(change)]
        for each in running:
            each.result()
    assert platform.sessions() == {actor.session_id}


# -- reset


def test_attack_a_reset_ends_all_sessions_and_signs_nobody_in(platform: Platform) -> None:
    """The second factor is as it was; what the throttles counted is forgotten."""
    platform.login()
    secret: dict[str, Any] = {"two_factor_enabled": True, "two_factor_secret": "sealed", "two_factor_generation": 3}
    token = platform.reset_token()
    platform.alter(**secret)
    before = platform.user()
    answer: object = platform.vibe.passwords.reset(token=token, password=SECOND, ip_address=IP)  # type: ignore[func-returns-value]
    assert answer is None
    assert platform.sessions() == set()
    after = platform.user()
    assert after == dataclasses.replace(before, password_hash=f"plain${SECOND}", updated_at=after.updated_at)
    event = platform.trail()[-1]
    assert (event.action, event.user_id, event.ip_address) == ("auth.password.reset", platform.id, IP)
    assert [mail.recipient for mail in platform.mails(CHANGED)] == [ADA]


def test_attack_a_reset_token_works_once(platform: Platform) -> None:
    """Also the other ones that were asked for."""
    first, second = platform.reset_token(), platform.reset_token()
    platform.vibe.passwords.reset(token=first, password=SECOND)
    for token in (first, second):
        failed(lambda token=token: platform.vibe.passwords.reset(token=token, password="a third password"))  # type: ignore[misc]
    assert platform.trail()[-1].details == {"reason": "invalid"}
    platform.login(password=SECOND)


def test_attack_of_sixteen_at_once_one_reset_wins(platform: Platform) -> None:
    """Its password is the one that is stored; there is one event and one notice."""
    token, start = platform.reset_token(), Barrier(16)

    def use(number: int) -> bool:
        start.wait()
        try:
            platform.vibe.passwords.reset(token=token, password=f"password of thread {number}")
        except AuthenticationFailed:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(use, range(16)))
    assert won.count(True) == 1
    assert platform.user().password_hash == f"plain$password of thread {won.index(True)}"
    assert platform.actions().count("auth.password.reset") == 1
    assert len(platform.mails(CHANGED)) == 1


def test_attack_a_reset_token_expires_to_the_microsecond(platform: Platform) -> None:
    """An hour, as the mail says."""
    token = platform.reset_token()
    platform.clock.move(hours=1)
    failed(lambda: platform.vibe.passwords.reset(token=token, password=SECOND))
    assert platform.trail()[-1].details == {"reason": "expired"}
    platform.clock.move(microseconds=-1)
    platform.vibe.passwords.reset(token=token, password=SECOND)


@pytest.mark.parametrize("made_void", ["password", "address", "disabled", "deleted"])
def test_attack_a_reset_token_is_void_when_the_account_changed(platform: Platform, made_void: str) -> None:
    """By a change of password, of address, by disabling it or by deleting it; a new name does nothing to it."""
    token = platform.reset_token()
    platform.alter(name="Countess")
    actor = platform.login().actor
    match made_void:
        case "password":
            platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND)
        case "address":
            platform.alter(email="ada@example.net", email_key="ada@example.net")
        case "disabled":
            platform.alter(disabled_at=platform.clock())
        case "deleted":
            with platform.store.begin() as tx:
                tx.users.delete(platform.id)
                tx.commit()
    failed(lambda: platform.vibe.passwords.reset(token=token, password="a third password"))
    assert platform.actions()[-1] == "auth.reset.failed"


def test_a_rejected_password_does_not_use_the_token_up(platform: Platform) -> None:
    """And nobody learns the rules without a good token."""
    token = platform.reset_token()
    for _ in range(3):
        with pytest.raises(PasswordRejected) as caught:
            platform.vibe.passwords.reset(token=token, password="ada")
        assert caught.value.field == "password"
    failed(lambda: platform.vibe.passwords.reset(token=token[:-4] + "AAAA", password="ada"))
    platform.vibe.passwords.reset(token=token, password=SECOND)


def test_attack_forged_reset_tokens_fail_alike(platform: Platform) -> None:
    """Truncated, each bit of it flipped, spelt otherwise, of another purpose: one error, and nothing is changed."""
    token = platform.reset_token()
    platform.vibe.emails.request_verification(email=ADA)
    before = platform.user()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forged = [token[:cut] for cut in range(0, len(token), 7)]
    forged += [
        token[:at] + alphabet[alphabet.index(token[at]) ^ 1 << at % 6] + token[at + 1 :] for at in range(4, len(token))
    ]
    forged += [token + "=", token + "A", f" {token}", token.upper(), token.replace("vcr_", "vcv_"), token + "\n"]
    forged += [platform.token(MailPurpose.VERIFY_EMAIL), "vcr_" + platform.token(MailPurpose.VERIFY_EMAIL)[4:]]
    forged += [platform.login().token, "", "\0", "\ud800", "x" * 100_000]
    for each in forged:
        assert each != token
        failed(lambda each=each: platform.vibe.passwords.reset(token=each, password=SECOND))  # type: ignore[misc]
    assert dataclasses.replace(platform.user(), last_login_at=None, updated_at=before.updated_at) == before


def test_a_malformed_token_is_no_event(platform: Platform) -> None:
    """The store is not asked; a well-formed one that fails is an event, limited for each client."""
    token = platform.reset_token()
    before = platform.actions()
    failed(lambda: platform.vibe.passwords.reset(token="vcr_x", password=SECOND, ip_address=IP))
    assert platform.actions() == before
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    for _ in range(10):
        failed(lambda: platform.vibe.passwords.reset(token=forged, password=SECOND, ip_address=IP))
    with pytest.raises(LoginThrottled):
        platform.vibe.passwords.reset(token=forged, password=SECOND, ip_address=IP)
    assert platform.actions() == [*before, *["auth.reset.failed"] * 10]
    platform.vibe.passwords.reset(token=token, password=SECOND, ip_address=IP)


def test_a_link_outlives_a_rotation_of_the_secret_key(store: Store, clock: FixedClock) -> None:
    """While the old key is named as a previous one; under a key that nobody names it is worthless."""
    old, new, unknown = (name.encode() * 32 for name in "abc")
    platform = Platform(store, clock, keys=Keyring(old))
    token = platform.reset_token()

    def under(keys: Keyring) -> None:
        vibe = Vibe(store, dataclasses.replace(platform.effects, keys=keys))
        vibe.passwords.reset(token=token, password=SECOND)

    for keys in (Keyring(unknown), Keyring(new), Keyring(new, previous=(unknown,))):
        failed(lambda keys=keys: under(keys))  # type: ignore[misc]
    under(Keyring(new, previous=(unknown, old)))


# -- asking for a link


def test_attack_asking_for_a_link_tells_nothing(platform: Platform) -> None:
    """Known, unknown, disabled and too often: one answer, the same rows, and a mail for the first alone."""
    vibe = platform.vibe
    for name in ("bob", "cy"):
        vibe.auth.register(Actor.anonymous(), email=f"{name}@example.org", password=PASSWORD, name=name)
    with platform.store.begin() as tx:
        cy = tx.users.find_by_email_key("cy@example.org")
        assert cy is not None
        tx.users.update(dataclasses.replace(cy, disabled_at=tx.now))
        tx.commit()
    for _ in range(2):
        vibe.passwords.request_reset(email="bob@example.org")
    platform.effects.mailer.clear()
    seen = []
    for email in (ADA, "nobody@example.org", "cy@example.org", "bob@example.org"):
        before = platform.trail()
        answer: object = vibe.passwords.request_reset(email=email, ip_address=IP)  # type: ignore[func-returns-value]
        new = platform.trail()[len(before) :]
        seen.append((answer, [(event.action, event.resource_id, sorted(event.details)) for event in new]))
        assert email not in repr(new)
    assert seen == [(None, [("auth.reset.requested", None, ["throttled"])])] * 4
    assert [mail.recipient for mail in platform.mails()] == [ADA]


def test_attack_asking_takes_the_same_statements_and_signs_alike(store: Store, clock: FixedClock) -> None:
    """Whatever the address: the calls that the store sees, and what is spent on a token and a text."""
    platform = Platform(store, clock)
    seen = []
    for email in (ADA, "nobody@example.org"):
        spied = Spied(store)
        Vibe(spied, platform.effects).passwords.request_reset(email=email, ip_address=IP)
        seen.append(spied.begun)
    assert seen[0] == seen[1] == [Mode.SINGLE, Mode.SINGLE, Mode.WRITE]


def test_three_mails_an_hour_for_one_address(platform: Platform) -> None:
    """However it is spelt and whichever link is asked for; the mail of the registration is one of them."""
    mails = len(platform.mails())
    assert mails == 1
    for email in (ADA, "ADA@example.org", ADA, "Ada@Example.org"):
        platform.vibe.passwords.request_reset(email=email)
        platform.vibe.emails.request_verification(email=email)
    assert len(platform.mails()) == 3
    assert {mail.recipient for mail in platform.mails()} == {ADA}
    platform.clock.move(seconds=20 * 60)
    platform.vibe.passwords.request_reset(email=ADA)
    assert len(platform.mails()) == 4


def test_attack_one_client_asks_ten_times_a_minute(platform: Platform) -> None:
    """For whatever addresses; an IPv6 client is its /64."""
    for number in range(10):
        platform.vibe.passwords.request_reset(email=f"n{number}@example.org", ip_address=f"2001:db8::{number}")
    before = platform.actions()
    with pytest.raises(LoginThrottled):
        platform.vibe.passwords.request_reset(email=ADA, ip_address="2001:db8::ffff")
    assert platform.actions() == before
    assert not platform.mails(RESET)
    platform.vibe.passwords.request_reset(email=ADA, ip_address="2001:db8:0:1::1")
    assert len(platform.mails(RESET)) == 1


def test_attack_a_link_goes_to_the_address_of_the_account_only(platform: Platform) -> None:
    """A spelling that only folds to it may be another mailbox."""
    platform.vibe.auth.register(Actor.anonymous(), email="mike@strasse.example", password=PASSWORD, name="Mike")
    platform.vibe.passwords.request_reset(email="mike@stra\u00dfe.example")
    assert platform.mails(RESET)[-1].recipient == "mike@strasse.example"


@pytest.mark.parametrize(
    "email",
    ["ada@example.org\nBcc: eve@example.org", "ada@example.org\r\n", "ada@example.org, eve@example.org", "a\0@b"],
)
def test_attack_no_header_gets_in_through_an_address(platform: Platform, email: str) -> None:
    """It is refused in front of everything."""
    for call in (platform.vibe.passwords.request_reset, platform.vibe.emails.request_verification):
        with pytest.raises(InvalidValue) as caught:
            call(email=email)
        assert caught.value.field == "email"
    assert len(platform.mails()) == 1


# -- transactions


def test_everything_works_inside_a_transaction(platform: Platform) -> None:
    """Nothing waits for itself; what is undone was not, and mails leave after the commit of the whole."""
    platform.alter(email_verified=True)
    vibe, actor = platform.vibe, platform.login().actor
    platform.effects.mailer.clear()

    def undone() -> None:
        with vibe.transaction() as tx:
            tx.passwords.change(actor, current=PASSWORD, new=SECOND)
            tx.passwords.request_reset(email=ADA, ip_address=IP)
            failed(lambda: tx.passwords.change(actor, current="a wrong password", new=PASSWORD))
            raise Undone

    with pytest.raises(Undone):
        undone()
    assert not platform.mails()
    assert platform.user().password_hash == f"plain${PASSWORD}"
    assert platform.actions()[-1] == "auth.password.change.failed"
    with vibe.transaction() as tx:
        tx.passwords.change(actor, current=PASSWORD, new=SECOND)
        tx.passwords.request_reset(email=ADA)
        assert not platform.mails()
    assert {mail.purpose for mail in platform.mails()} == {CHANGED, RESET}
    token = platform.token(RESET)
    platform.effects.mailer.clear()
    with vibe.transaction() as tx:
        tx.passwords.reset(token=token, password="a third password")
        with pytest.raises(AuthenticationFailed):
            tx.passwords.reset(token=token, password="a fourth password")
        assert not platform.mails()
    assert len(platform.mails(CHANGED)) == 1
    assert platform.sessions() == set()


# -- secrets and floods


def test_attack_no_secret_is_left_anywhere(store: Store, clock: FixedClock, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords, their hashes and tokens: not in an error, a repr, a pickle, the log, or the trail."""
    platform = Platform(store, clock, BcryptHasher(4))
    platform.alter(email_verified=True)
    caplog.set_level("DEBUG")
    actor, token = platform.login().actor, platform.reset_token()
    told: list[Any] = []
    for call in (
        lambda: platform.vibe.passwords.change(actor, current="canary wrong", new=SECOND),
        lambda: platform.vibe.passwords.change(actor, current=PASSWORD, new="canary" * 40),
        lambda: platform.vibe.passwords.reset(token=token[:-4] + "AAAA", password="canary new one"),
        lambda: platform.vibe.passwords.reset(token=token, password="canary" * 40),
    ):
        with pytest.raises((AuthenticationFailed, PasswordRejected)) as caught:
            call()
        assert caught.value.__cause__ is None
        told += [caught.value, caught.value.facts, pickle.dumps(caught.value)]
    renewed = platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND)
    with pytest.raises(TypeError):
        pickle.dumps(renewed)
    told += [renewed, platform.trail(), platform.mails(), caplog.text, platform.user()]
    shown = "".join(f"{each!r}{each}" for each in told)
    for secret in ("canary", PASSWORD, SECOND, token, renewed.token, platform.user().password_hash):
        assert secret not in shown
    assert [("token" in mail.values, token in mail.text) for mail in platform.mails()] == [
        (True, False),
        (True, True),
        (False, False),
    ]
    for mail in platform.mails():
        sent = f"{mail.subject}{mail.text}{dict(mail.values)}"
        assert not any(secret in sent for secret in (PASSWORD, SECOND, "canary", renewed.token, "$2b$"))


def test_attack_nobody_floods_an_address_that_is_not_theirs(platform: Platform) -> None:
    """Whoever registers somebody's address sends three links an hour there, and no notice whatever they do with the
    account."""
    actor, passwords = platform.login().actor, (PASSWORD, SECOND)
    for _ in range(4):
        platform.vibe.passwords.request_reset(email=ADA)
        platform.vibe.emails.request_verification(email=ADA)
    for number in range(6):
        current, new = passwords[number % 2], passwords[(number + 1) % 2]
        actor = platform.vibe.passwords.change(actor, current=current, new=new).actor
    assert len(platform.mails()) == 3
    assert {mail.purpose for mail in platform.mails()} <= {MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD}


def test_attack_a_notice_cannot_be_kept_from_a_confirmed_address(platform: Platform) -> None:
    """Not by asking for so many links before that the limit is reached."""
    platform.alter(email_verified=True)
    actor = platform.login().actor
    for _ in range(5):
        platform.vibe.passwords.request_reset(email=ADA)
    platform.vibe.passwords.change(actor, current=PASSWORD, new=SECOND)
    assert len(platform.mails(CHANGED)) == 1
