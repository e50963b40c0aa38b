"""Attacks on the way in, on both backends: enumeration, tokens in each other's place, second factors, a store that
fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from tests.contract.doors import ADA, PASSWORD, STEP, SYSTEM, WRONG, Door, at_once
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed, InvalidValue, StoreUnavailable
from vibecore.domain.logins import Authenticated, Denied, EmailUnverified, EnrolmentRequired, Login, Throttled
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.throttles import Limit
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.services.hashing import BcryptHasher
from vibecore.services.keyring import Keyring
from vibecore.services.mail.messages import MailPurpose
from vibecore.testing.effects import FixedClock, PlainHasher

NOBODY = "nobody@example.org"


@pytest.fixture
def door(store: Store, clock: FixedClock) -> Door:
    return Door(store, clock)


class Watched:
    """A store that keeps what was asked of it: units, repositories, calls, and batches; not what came back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.joined = store.joined
        self.asked: list[str] = []

    def begin(self, mode: Mode = Mode.WRITE) -> Any:
        self.asked.append(f"begin {mode.name}")
        return WatchedUnit(self, self._store.begin(mode))

    def close(self) -> None:
        self._store.close()


class WatchedUnit:
    def __init__(self, store: Watched, tx: Any) -> None:
        self._store, self._tx = store, tx

    def __getattr__(self, name: str) -> Any:
        if name != "now":
            self._store.asked.append(name)
        return getattr(self._tx, name)

    def __enter__(self) -> WatchedUnit:
        self._tx.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._tx.__exit__(*args)


def hex_of(char: str) -> str:
    return f"{ord(char):x}"


def asked(door: Door, call: Callable[[Vibe], object]) -> tuple[list[str], int, int]:
    """What a call asks of the store, how many passwords it checks and how many rows it leaves in the trail."""
    watched = Watched(door.store)
    hasher = PlainHasher()
    rows = len(door.trail())
    call(Vibe(watched, replace(door.effects, hasher=hasher)))
    return watched.asked, hasher.checks, len(door.trail()) - rows


# -- who has an account


def test_attack_failed_logins_do_the_same_work_for_everybody(door: Door) -> None:
    """Known, unknown, disabled: the same statements in the same units, one check of a password, one row."""
    other = door.vibe.auth.register(Actor.anonymous(), email="off@example.org", password=PASSWORD, name="Off")
    door.vibe.users.disable(SYSTEM, other.id)
    found = [
        asked(door, lambda vibe, email=email: vibe.auth.login(email=email, password=WRONG, ip_address="192.0.2.1"))  # type: ignore[misc]
        for email in (ADA, NOBODY, "off@example.org")
    ]
    assert found[0] == found[1] == found[2]
    assert found[0][1:] == (1, 1)


def test_attack_a_right_password_of_a_disabled_account_looks_wrong(door: Door) -> None:
    """The same answer, units and number of rows as for a wrong one; only the trail knows."""
    door.vibe.users.disable(SYSTEM, door.ada.id)
    right = asked(door, lambda vibe: vibe.auth.login(email=ADA, password=PASSWORD))
    assert right == asked(door, lambda vibe: vibe.auth.login(email=ADA, password=WRONG))
    assert door.login() == door.login(WRONG) == Denied()


@pytest.mark.parametrize("ask", ["request_reset", "request_verification"])
def test_attack_asking_for_a_link_does_the_same_work_for_everybody(door: Door, ask: str) -> None:
    """With an account, without one, with one that has no use for it: the same statements and rows."""
    door.change(email_verified=True)

    def call(email: str) -> Callable[[Vibe], object]:
        return lambda vibe: getattr(vibe.passwords if ask == "request_reset" else vibe.emails, ask)(email=email)

    assert asked(door, call(ADA)) == asked(door, call(NOBODY))


def test_attack_tries_of_somebody_and_of_nobody_look_alike_in_the_database(door: Door) -> None:
    """One throttle each, by an id that tells neither address nor account; the address that was typed is nowhere."""
    with door.store.begin(Mode.SNAPSHOT) as tx:
        before = set(tx.throttles.stream())
    for email in (ADA, NOBODY):
        door.login(WRONG, email=email)
    with door.store.begin(Mode.SNAPSHOT) as tx:
        rows = [row for row in tx.throttles.stream() if row not in before]
    assert [row.tries for row in rows] == [1, 1]
    failures = [details for action, details in door.trail() if action == "auth.login.failed"]
    assert failures == [{"reason": "credentials"}] * 2
    assert not [row for row in rows if NOBODY in repr(row) or ADA in repr(row)]
    assert NOBODY not in repr(door.trail())


def test_attack_a_password_typed_as_the_address_is_kept_nowhere(door: Door) -> None:
    """People do that: it is no address and so no try, and as a part of one it is in no row."""
    with pytest.raises(InvalidValue) as caught:
        door.login(PASSWORD, email="my canary secret")
    assert "canary" not in f"{caught.value}{caught.value!r}{caught.value.facts}"
    door.login(PASSWORD, email="canary@secret.example")
    with door.store.begin(Mode.SNAPSHOT) as tx:
        assert "canary" not in repr([list(tx.throttles.stream()), list(tx.audit.stream())])


def test_attack_somebody_and_nobody_take_as_long(store: Store, clock: FixedClock) -> None:
    """With real hashes: the medians of a wrong password for either, measured in turn, are within a fifth."""
    policy = AuthPolicy(account_limit=Limit(timedelta(microseconds=1), 1000))
    door = Door(store, clock, hasher=BcryptHasher(8), policy=policy)
    times: dict[str, list[float]] = {ADA: [], NOBODY: []}
    for _ in range(31):
        for email, taken in times.items():
            # Of the process: what others do on the machine does not count.
            start = time.process_time()
            door.login(WRONG, email=email)
            taken.append(time.process_time() - start)
    known, unknown = (sorted(taken)[len(taken) // 2] for taken in times.values())
    assert 0.8 < unknown / known < 1.25


# -- tokens


def tokens(door: Door) -> dict[str, str]:
    """One of each kind that signs for something, all of them good."""
    vibe, mails = door.vibe, door.effects.mailer
    entered = door.login()
    assert isinstance(entered, Authenticated)
    assert entered.device_token is not None
    vibe.emails.request_change(entered.actor, new_email="ada@example.net")
    vibe.passwords.request_reset(email=ADA)
    vibe.emails.request_verification(email=ADA)
    links = {mail.purpose: mail.values["token"] for mail in mails.mails if "token" in mail.values}
    key = vibe.api_keys.create(entered.actor, name="k", permissions=["project.read"]).key
    door.guard()
    return {
        "session": entered.token,
        "device": entered.device_token,
        "key": key,
        "challenge": door.challenge(),
        "verify": links[MailPurpose.VERIFY_EMAIL],
        "change": links[MailPurpose.CHANGE_EMAIL],
        "reset": links[MailPurpose.RESET_PASSWORD],
    }


def uses(door: Door) -> dict[str, Callable[[str], object]]:
    """What each kind is good for. A device is no proof: that it fails is not told, and so it is not here."""
    vibe = door.vibe
    return {
        "session": lambda token: vibe.auth.authenticate(token),
        "key": lambda token: vibe.api_keys.authenticate(token),
        "challenge": lambda token: door.answer(door.code(), token).actor,
        "verify": lambda token: vibe.emails.verify(token=token),
        "change": lambda token: vibe.emails.change(token=token),
        "reset": lambda token: vibe.passwords.reset(token=token, password="difference no. 2"),
    }


@pytest.mark.parametrize("use", ["session", "key", "challenge", "verify", "change", "reset"])
def test_attack_no_token_serves_for_another(door: Door, use: str) -> None:
    """Not even under the other's prefix."""
    made = tokens(door)
    prefix = made[use].partition("_")[0] + "_"
    for kind, token in made.items():
        if kind == use:
            continue
        for shown in (token, prefix + token.partition("_")[2]):
            with pytest.raises(AuthenticationFailed):
                uses(door)[use](shown)


@pytest.mark.parametrize("use", ["challenge", "verify", "change", "reset", "key", "session"])
def test_attack_no_character_of_a_token_can_be_changed(door: Door, use: str) -> None:
    """Each by each: the spelling is one, and all of it is signed or looked up."""
    token = tokens(door)[use]
    call = uses(door)[use]
    door.clock.move(seconds=STEP)
    for place in (*range(0, len(token), 7), len(token) - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(AuthenticationFailed):
            call(changed)


@pytest.mark.parametrize("use", ["challenge", "verify", "change", "reset"])
def test_attack_a_token_of_another_installation(door: Door, use: str) -> None:
    """Signed with its key for the same account in the same state: worthless here."""
    theirs = Vibe(door.store, replace(door.effects, keys=Keyring.random()))
    ours, door.vibe = door.vibe, theirs
    token = tokens(door)[use]
    door.vibe = ours
    door.clock.move(seconds=STEP)
    with pytest.raises(AuthenticationFailed):
        uses(door)[use](token)


@pytest.mark.parametrize("use", ["session", "key", "challenge", "verify", "change", "reset"])
def test_attack_the_tokens_of_a_deleted_account(door: Door, use: str) -> None:
    """None works for nobody, also where somebody registers the same address again."""
    made = tokens(door)
    door.clock.move(seconds=STEP)
    door.vibe.users.delete(SYSTEM, door.ada.id)
    with pytest.raises(AuthenticationFailed):
        uses(door)[use](made[use])
    door.vibe.auth.register(Actor.anonymous(), email=ADA, password=PASSWORD, name="Ada")
    with pytest.raises(AuthenticationFailed):
        uses(door)[use](made[use])


@pytest.mark.parametrize("use", ["session", "key", "challenge", "verify", "change", "reset"])
def test_attack_a_megabyte_for_a_token(door: Door, use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its form, without the store."""
    call, code = uses(door)[use], "123456"
    monkeypatch.setattr(door, "code", lambda: code)
    monkeypatch.setattr(type(door.store), "begin", lambda *args: pytest.fail("the store was asked"))
    used = time.process_time()
    for shown in ("A" * 1_000_000, "vcs_" + "A" * 1_000_000, "", "\0", "vcc_", "é" * 100_000):
        with pytest.raises((AuthenticationFailed, InvalidValue)):
            call(shown)
    assert time.process_time() - used < 1


# -- second factors


def test_attack_the_code_of_another_account(door: Door) -> None:
    """A challenge is for one account: who knows one password and owns one authenticator is not two people."""
    door.guard()
    eve = Door.__new__(Door)
    eve.__dict__ |= door.__dict__
    eve.ada = door.vibe.auth.register(Actor.anonymous(), email="eve@example.org", password=WRONG, name="Eve")
    actor = door.vibe.auth.login(email="eve@example.org", password=WRONG).actor
    eve.secret = door.vibe.second_factors.enrol(actor).secret
    codes = door.vibe.second_factors.confirm(actor, code=eve.code()).recovery_codes
    door.clock.move(seconds=STEP)
    for code in (eve.code(), codes[0]):
        assert isinstance(door.answer(code), Denied)
    assert isinstance(door.answer(door.code()), Authenticated)


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u0966", "\U0001d7ce", "\u2080"], ids=hex_of)
def test_attack_codes_in_digits_of_other_scripts(door: Door, zero: str) -> None:
    """What Python or Unicode fold to the right code is none: full-width, Arabic, Devanagari and others."""
    door.guard()
    code = door.code()
    folded = "".join(chr(ord(zero) + int(digit)) for digit in code)
    for shown in (folded, code[:3] + folded[3:], folded[:1] + code[1:], f"{code}\u200b"):
        assert isinstance(door.answer(shown), Denied)
    assert isinstance(door.answer(code), Authenticated)


def test_attack_guessing_recovery_codes_is_counted_with_the_others(door: Door) -> None:
    """Five for one challenge, ten for the account, whichever kind they are."""
    door.guard()
    first, second, third = (door.challenge() for _ in range(3))
    guesses = ["0" * 24, "000000", "1" * 24, "000001", "2" * 24]
    assert [type(door.answer(code, first)) for code in (*guesses, door.codes[0])] == [Denied] * 5 + [Throttled]
    assert [type(door.answer(code, second)) for code in guesses] == [Denied] * 5
    assert isinstance(door.answer(door.codes[0], third), Throttled)


def test_attack_an_authenticator_from_an_abandoned_enrolment(door: Door) -> None:
    """Only the last secret that was shown is switched on: one that somebody looked at before is worthless."""
    actor = door.login().actor
    door.secret = door.vibe.second_factors.enrol(actor).secret
    before = door.code()
    door.secret = door.vibe.second_factors.enrol(actor).secret
    with pytest.raises(AuthenticationFailed):
        door.vibe.second_factors.confirm(actor, code=before)
    assert isinstance(door.login(), Authenticated)


def test_attack_a_second_factor_does_not_replace_a_confirmed_address(store: Store, clock: FixedClock) -> None:
    """Where the policy asks for one, no challenge is given before it."""
    door = Door(store, clock)
    door.guard()
    door.vibe = Vibe(store, replace(door.effects, policy=AuthPolicy(require_verified_email=True)))
    assert isinstance(door.login(), EmailUnverified)


def test_attack_a_demanded_enrolment_cannot_be_left_out(store: Store, clock: FixedClock) -> None:
    """The challenge for it opens nothing else, is no session, and a recovery code of nobody's does not help."""
    door = Door(store, clock, policy=AuthPolicy(second_factor_roles=frozenset({UserRole.DEVELOPER})))
    demand = door.login()
    assert isinstance(demand, EnrolmentRequired)
    for code in ("123456", "0" * 24):
        assert isinstance(door.answer(code, demand.challenge), Denied)
        assert isinstance(door.vibe.auth.complete_enrolment(challenge=demand.challenge, code=code), Denied)
    with pytest.raises(AuthenticationFailed):
        door.vibe.auth.authenticate(demand.challenge)
    assert door.sessions() == 0


def test_attack_one_challenge_with_all_right_codes_at_once(door: Door) -> None:
    """The codes of three steps and ten recovery codes, at the same moment: one login, and one code used up."""
    door.guard()
    door.clock.move(seconds=2 * STEP)
    challenge = door.challenge()
    codes = [door.code(-1), door.code(), door.code(1), *door.codes[:2]]
    answers = at_once(len(codes), lambda index: door.answer(codes[index], challenge))
    assert [isinstance(each, Authenticated) for each in answers].count(True) == 1


@pytest.mark.parametrize("turn", range(3))
def test_attack_a_challenge_races_a_change_of_password(door: Door, turn: int) -> None:
    """Either the login came first and its session is ended, or it is denied: no session with the old password."""
    actor = door.guard()
    challenge, code, start = door.challenge(), door.code(), Barrier(2)
    opened: list[Login] = []

    def login() -> None:
        start.wait()
        opened.append(door.answer(code, challenge))

    thread = Thread(target=login)
    thread.start()
    start.wait()
    door.vibe.passwords.change(actor, current=PASSWORD, new=WRONG)
    thread.join()
    assert door.sessions() == 1
    if isinstance(opened[0], Authenticated):
        with pytest.raises(AuthenticationFailed):
            door.vibe.auth.authenticate(opened[0].token)
    else:
        assert isinstance(opened[0], Denied)


# -- devices and stores


@pytest.mark.parametrize("how", ["expired", "forged", "of another address", "no token"])
def test_attack_a_device_that_is_not_known_has_no_tries_of_its_own(door: Door, how: str) -> None:
    """Five wrong passwords from strangers hold it back like everybody."""
    entered = door.login()
    assert isinstance(entered, Authenticated)
    device = entered.device_token
    assert device is not None
    if how == "expired":
        door.clock.move(days=365)
    elif how == "forged":
        device = device[:-4] + ("AAAA" if device[-4:] != "AAAA" else "BBBB")
    elif how == "of another address":
        door.change(email="ada@example.net", email_key="ada@example.net")
    else:
        device = "vcd_"
    email = "ada@example.net" if how == "of another address" else ADA
    for _ in range(5):
        door.login(WRONG, email=email)
    assert isinstance(door.login(email=email, device=device), Throttled)


@pytest.mark.parametrize("broken", [Mode.SINGLE, Mode.WRITE])
def test_attack_a_store_that_fails_lets_nobody_in(door: Door, broken: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail closed: where tries cannot be counted no password is checked, and where nothing can be written no session
    is given out."""
    begin = type(door.store).begin
    checks = door.checks

    def failing(self: Store, mode: Mode = Mode.WRITE) -> UnitOfWork:
        if mode is broken:
            raise StoreUnavailable("the database cannot be reached")
        found: UnitOfWork = begin(self, mode)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(type(door.store), "begin", failing)
        with pytest.raises(StoreUnavailable):
            door.login()
    assert door.sessions() == 0
    assert door.checks - checks == (0 if broken is Mode.SINGLE else 1)
