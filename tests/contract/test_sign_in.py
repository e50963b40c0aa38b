"""Signing in, on both backends: every promise of the way from a password to a session, and the attempts to break it."""

from __future__ import annotations

import contextlib
import copy
import logging
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.doors import ADA, PASSWORD, STEP, SYSTEM, WRONG, Door, at_once
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidTransition,
    InvalidValue,
    LoginIncomplete,
    LoginThrottled,
    PermissionDenied,
    ReauthenticationRequired,
)
from vibecore.domain.logins import (
    Authenticated,
    Challenge,
    Denied,
    EmailUnverified,
    EnrolmentRequired,
    Throttled,
)
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.second_factors import SecondFactor
from vibecore.domain.throttles import Limit
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.secretbox import SecretBox
from vibecore.testing.effects import FixedClock, PlainHasher


@pytest.fixture
def door(store: Store, clock: FixedClock) -> Door:
    return Door(store, clock)


# -- the states


def test_a_password_opens_a_session(door: Door) -> None:
    found = door.login(device_info={"agent": "Firefox"}, ip_address="192.0.2.7")
    assert isinstance(found, Authenticated)
    assert door.vibe.auth.authenticate(found.token).user_id == door.ada.id
    assert (found.session.second_factor, found.recovery_codes) == (False, ())


def test_every_other_state_has_no_actor(door: Door) -> None:
    """Who asks for success gets an error that says what is missing."""
    assert isinstance(door.login(WRONG), Denied)
    with pytest.raises(AuthenticationFailed):
        assert door.login(WRONG).actor
    door.guard()
    with pytest.raises(LoginIncomplete):
        assert door.login().actor


def test_an_unverified_address_waits(store: Store, clock: FixedClock) -> None:
    """Only where the policy wants it, and only for who knows the password."""
    door = Door(store, clock, policy=AuthPolicy(require_verified_email=True))
    assert isinstance(door.login(), EmailUnverified)
    assert isinstance(door.login(WRONG), Denied)
    assert door.sessions() == 0
    door.change(email_verified=True)
    assert isinstance(door.login(), Authenticated)


def test_a_role_that_needs_a_second_factor_enrols_at_the_door(store: Store, clock: FixedClock) -> None:
    policy = AuthPolicy(second_factor_roles=frozenset({UserRole.DEVELOPER}))
    door = Door(store, clock, policy=policy)
    found = door.login()
    assert isinstance(found, EnrolmentRequired)
    door.secret = door.vibe.auth.begin_enrolment(challenge=found.challenge).secret
    wrong = door.vibe.auth.complete_enrolment(challenge=found.challenge, code="000000")
    assert isinstance(wrong, Denied)
    assert door.sessions() == 0
    opened = door.vibe.auth.complete_enrolment(challenge=found.challenge, code=door.code())
    assert isinstance(opened, Authenticated)
    assert (opened.session.second_factor, len(set(opened.recovery_codes))) == (True, 10)
    assert isinstance(door.vibe.auth.complete_enrolment(challenge=found.challenge, code=door.code(1)), Denied)
    assert isinstance(door.login(), Challenge)


def test_a_second_factor_is_asked_for_and_makes_a_strong_session(door: Door) -> None:
    door.guard()
    found = door.answer(door.code())
    assert isinstance(found, Authenticated)
    assert found.session.second_factor
    assert found.session.expires_at - door.clock() == timedelta(hours=24)
    assert found.session.idle_expires_at - door.clock() == timedelta(hours=1)


def test_a_hash_that_is_out_of_date_is_replaced_at_login(door: Door) -> None:
    class Older(PlainHasher):
        PREFIX = "older$"  # type: ignore[misc]

        def verify(self, password: str, stored: str, /) -> bool:
            return super().verify(password, stored.replace("plain$", "older$"))

    newer = Vibe(door.store, replace(door.effects, hasher=Older()))
    assert newer.auth.login(email=ADA, password=PASSWORD).actor
    assert door.stored().password_hash == f"older${PASSWORD}"


# -- attacks on passwords


def test_attack_a_stranger_learns_nothing_from_the_answer(door: Door) -> None:
    """Unknown, wrong and disabled: the same answer, the same number of passwords computed, the same audit rows."""
    seen = []
    for email, password, disabled in ((ADA, WRONG, False), ("bob@example.org", PASSWORD, False), (ADA, PASSWORD, True)):
        door.change(disabled_at=door.clock() if disabled else None)
        checks, rows = door.checks, len(door.trail())
        answer = door.vibe.auth.login(email=email, password=password)
        seen.append((answer, door.checks - checks, len(door.trail()) - rows))
        assert door.trail()[-1][0] == "auth.login.failed"
        assert email not in repr(door.trail())
    assert len({repr(each) for each in seen}) == 1


def test_attack_guessing_is_stopped_after_five(door: Door) -> None:
    """Nothing is computed any more, the right password neither; one more try each minute."""
    for _ in range(5):
        assert isinstance(door.login(WRONG), Denied)
    checks = door.checks
    found = door.login()
    assert found == Throttled(retry_at=door.clock() + timedelta(seconds=60))
    assert door.checks == checks
    door.clock.move(seconds=59, microseconds=999_999)
    assert isinstance(door.login(), Throttled)
    door.clock.move(microseconds=1)
    assert isinstance(door.login(), Authenticated)


def test_attack_an_unknown_address_is_held_back_alike(door: Door) -> None:
    answers = [
        [type(door.vibe.auth.login(email=email, password=WRONG)) for _ in range(7)]
        for email in (ADA, "bob@example.org")
    ]
    assert answers == [[Denied] * 5 + [Throttled] * 2] * 2


def test_attack_another_spelling_of_the_address_has_no_tries_of_its_own(door: Door) -> None:
    for email in (ADA, "ADA@example.org", "Ada@EXAMPLE.org", "aDa@example.org", ADA):
        assert isinstance(door.login(WRONG, email=email), Denied)
    assert isinstance(door.login(email="adA@example.org"), Throttled)


def test_attack_guessing_from_16_threads(door: Door) -> None:
    """400 tries at once: exactly five are evaluated."""
    found = at_once(16, lambda _: [door.login(WRONG) for _ in range(25)])
    answers = [answer for each in found for answer in (each if isinstance(each, list) else [each])]
    assert len(answers) == 400
    assert [type(each) for each in answers].count(Denied) == door.checks == 5
    assert {type(each) for each in answers} == {Denied, Throttled}


def test_attack_a_hundred_failures_need_a_reset(door: Door) -> None:
    """However slowly they come; the user is told by mail, once."""
    door.change(email_verified=True)
    for _ in range(100):
        assert isinstance(door.login(WRONG), Denied)
        door.clock.move(seconds=60)
    door.clock.move(days=20)
    assert door.login() == Throttled(retry_at=None)
    with pytest.raises(LoginThrottled):
        assert door.login().actor
    locked = [mail for mail in door.effects.mailer.to(ADA) if mail.purpose.value == "account-locked"]
    assert len(locked) == 1
    assert [action for action, _ in door.trail()].count("auth.account.locked") == 1


def test_attack_locking_an_account_again_and_again_floods_no_mailbox(store: Store, clock: FixedClock) -> None:
    """Three notices an hour; links that somebody asks for keep none away, nor does a notice keep a link away."""
    door = Door(store, clock, policy=AuthPolicy(account_limit=Limit(timedelta(microseconds=1), 1, 1)))
    door.change(email_verified=True)
    for _ in range(5):
        door.vibe.passwords.request_reset(email=ADA)
    for _ in range(6):
        assert isinstance(door.login(WRONG), Denied)
        door.vibe.users.unlock(SYSTEM, door.ada.id)
    sent = Counter(mail.purpose.value for mail in door.effects.mailer.to(ADA))
    assert sent["account-locked"] == 3
    clock.move(seconds=20 * 60)
    assert isinstance(door.login(WRONG), Denied)
    door.vibe.passwords.request_reset(email=ADA)
    again = Counter(mail.purpose.value for mail in door.effects.mailer.to(ADA))
    assert (again["account-locked"], again["reset-password"]) == (4, sent["reset-password"] + 1)
    assert [action for action, _ in door.trail()].count("auth.account.locked") == 7


def test_attack_signing_in_from_new_devices_floods_no_mailbox(store: Store, clock: FixedClock) -> None:
    """Whoever knows the password sends three notices of a device; that it is changed then is told all the same."""
    door = Door(store, clock, policy=AuthPolicy(notice_of_new_device=True))
    door.change(email_verified=True)
    actors = [door.login().actor for _ in range(6)]
    door.vibe.passwords.change(actors[-1], current=PASSWORD, new="the second password 2")
    sent = Counter(mail.purpose.value for mail in door.effects.mailer.to(ADA))
    assert (sent["new-device"], sent["password-changed"]) == (3, 1)


def test_attack_registering_a_strangers_address_tells_them_nothing(store: Store, clock: FixedClock) -> None:
    """But for the link to confirm it: no notice of a lock, a device, a second factor or a password."""
    policy = AuthPolicy(notice_of_new_device=True, account_limit=Limit(timedelta(microseconds=1), 1, 1))
    door = Door(store, clock, policy=policy)
    door.login()
    actor = door.guard()
    door.vibe.second_factors.new_recovery_codes(actor, code=door.code())
    assert isinstance(door.login(WRONG), Denied)
    door.vibe.passwords.change(actor, current=PASSWORD, new="the second password 2")
    assert {mail.purpose.value for mail in door.effects.mailer.mails} == {"verify-email"}


def test_attack_one_client_tries_many_accounts(door: Door) -> None:
    """Ten a minute from one address, IPv6 by its /64, whatever zone or port is written; others are not held back."""
    for first, second, other in (
        ("192.0.2.1", "192.0.2.1:4711", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:1%eth0", "2001:db8:0:1::1"),
    ):
        for number in range(10):
            answer = door.login(WRONG, email=f"n{number}@{first[-1]}.example.org", ip_address=first)
            assert isinstance(answer, Denied)
        assert isinstance(door.login(ip_address=second), Throttled)
        assert isinstance(door.login(ip_address=other), Authenticated)
        door.clock.move(days=1)


def test_a_right_password_costs_a_client_nothing(door: Door) -> None:
    """An office behind one address signs in all morning."""
    assert all(isinstance(door.login(ip_address="192.0.2.1"), Authenticated) for _ in range(30))


def test_attack_a_stranger_cannot_lock_the_owner_out(door: Door) -> None:
    """A device that has signed in before has tries of its own."""
    first = door.login()
    assert isinstance(first, Authenticated)
    while not isinstance(door.login(WRONG), Throttled):
        pass
    assert isinstance(door.login(), Throttled)
    again = door.login(device=first.device_token)
    assert isinstance(again, Authenticated)
    assert isinstance(door.login(WRONG), Throttled), "the strangers' tries are not forgotten with it"


def test_attack_a_device_token_of_another_account_gives_no_tries(door: Door) -> None:
    """A stranger's own device does not count for Ada, nor does a forged, cut or old one."""
    door.vibe.auth.register(Actor.anonymous(), email="eve@example.org", password=PASSWORD, name="Eve")
    eve = door.vibe.auth.login(email="eve@example.org", password=PASSWORD)
    mine = door.login()
    assert isinstance(eve, Authenticated)
    assert isinstance(mine, Authenticated)
    assert mine.device_token is not None
    assert eve.device_token is not None
    for _ in range(5):
        assert isinstance(door.login(WRONG), Denied)
    for device in (eve.device_token, mine.device_token[:-1], mine.device_token + "A", "vcd_", ""):
        assert isinstance(door.login(device=device), Throttled)
    door.clock.move(days=365)
    assert isinstance(door.login(WRONG), Denied)
    for _ in range(4):
        door.login(WRONG)
    assert isinstance(door.login(device=mine.device_token), Throttled)


def test_attack_a_known_device_guesses_no_more_than_others(door: Door) -> None:
    known = door.login()
    assert isinstance(known, Authenticated)
    found = [type(door.login(WRONG, device=known.device_token)) for _ in range(7)]
    assert found == [Denied] * 5 + [Throttled] * 2


def test_attack_a_rolled_back_transaction_gives_no_tries_back(door: Door) -> None:
    for _ in range(5):
        with contextlib.suppress(RuntimeError), door.vibe.transaction() as tx:
            assert isinstance(tx.auth.login(email=ADA, password=WRONG), Denied)
            raise RuntimeError
    assert isinstance(door.login(), Throttled)
    assert [action for action, _ in door.trail()].count("auth.login.failed") == 5


def test_attack_a_login_races_a_change_of_password(door: Door) -> None:
    """Between check and session the password changes: no session is left for the old one."""

    class Slow(PlainHasher):
        def verify(self, password: str, stored: str, /) -> bool:
            right = super().verify(password, stored)
            if right and stored == f"plain${PASSWORD}":
                door.change(password_hash="plain$another")
            return right

    racing = Vibe(door.store, replace(door.effects, hasher=Slow()))
    assert isinstance(racing.auth.login(email=ADA, password=PASSWORD), Denied)
    assert door.sessions() == 0


def test_attack_an_account_disabled_meanwhile(door: Door) -> None:
    class Slow(PlainHasher):
        def verify(self, password: str, stored: str, /) -> bool:
            door.change(disabled_at=door.clock())
            return super().verify(password, stored)

    racing = Vibe(door.store, replace(door.effects, hasher=Slow()))
    assert isinstance(racing.auth.login(email=ADA, password=PASSWORD), Denied)
    assert door.sessions() == 0


# -- attacks on the second factor


def test_attack_a_code_works_once(door: Door) -> None:
    door.guard()
    code = door.code()
    assert isinstance(door.answer(code), Authenticated)
    assert isinstance(door.answer(code), Denied)
    assert isinstance(door.answer(door.code(-1)), Denied), "an earlier step is used up too"


def test_attack_a_code_in_other_digits(door: Door) -> None:
    door.guard()
    full_width = door.code().translate({ord("0") + i: 0xFF10 + i for i in range(10)})
    arabic = door.code().translate({ord("0") + i: 0x660 + i for i in range(10)})
    for code in (full_width, arabic, f"+{door.code()}", f"{door.code()}0", door.code()[:5], ""):
        assert isinstance(door.answer(code), Denied)
        door.clock.move(seconds=STEP * 20)


def test_attack_one_code_32_times_at_once(door: Door) -> None:
    """Whichever challenges it is presented to, one login succeeds."""
    policy = replace(door.effects.policy, factor_limit=replace(door.effects.policy.factor_limit, burst=100))
    door.vibe = Vibe(door.store, replace(door.effects, policy=policy))
    door.guard()
    challenges, code = [door.challenge() for _ in range(4)], door.code()
    found = at_once(32, lambda number: door.answer(code, challenges[number % 4]))
    assert [type(each) for each in found].count(Authenticated) == 1
    assert {type(each) for each in found} <= {Authenticated, Denied, Throttled}
    assert door.sessions() == 2


def test_attack_a_challenge_completes_one_login(door: Door) -> None:
    door.guard()
    challenge = door.challenge()
    assert isinstance(door.answer(door.code(), challenge), Authenticated)
    door.clock.move(seconds=STEP)
    assert isinstance(door.answer(door.code(), challenge), Denied)
    assert door.trail()[-1] == ("auth.challenge.failed", {"reason": "used"})


def test_attack_guessing_codes_for_one_challenge(door: Door) -> None:
    door.guard()
    challenge = door.challenge()
    found = [type(door.answer("000000", challenge)) for _ in range(7)]
    assert found == [Denied] * 5 + [Throttled] * 2
    assert isinstance(door.answer(door.code(), challenge), Throttled)
    assert isinstance(door.answer(door.code()), Authenticated)


def test_attack_guessing_codes_over_many_challenges(door: Door) -> None:
    """Ten for the account, then one each 90 seconds, whatever challenge they are for."""
    door.guard()
    challenges = [door.challenge() for _ in range(3)]
    found = [type(door.answer("000000", challenges[number % 3])) for number in range(12)]
    assert found == [Denied] * 10 + [Throttled] * 2


def test_attack_a_challenge_is_a_password_that_was_right_only(door: Door) -> None:
    """Of an earlier password, an earlier second factor, another account, a forged or cut one: worthless."""
    door.guard()
    challenge = door.challenge()
    assert isinstance(door.answer(door.code(), challenge[:-1]), Denied)
    assert isinstance(door.answer(door.code(), challenge.replace("vcc_", "vcr_")), Denied)
    middle = len(challenge) // 2
    forged = challenge[:middle] + ("A" if challenge[middle] != "A" else "B") + challenge[middle + 1 :]
    assert isinstance(door.answer(door.code(), forged), Denied)
    door.change(password_hash="plain$another")
    assert isinstance(door.answer(door.code(), challenge), Denied)
    door.change(password_hash=f"plain${PASSWORD}", two_factor_generation=7)
    assert isinstance(door.answer(door.code(), challenge), Denied)
    assert door.sessions() == 1


def test_attack_a_challenge_expires_to_the_microsecond(door: Door) -> None:
    door.guard()
    challenge = door.challenge()
    door.clock.move(seconds=600)
    assert isinstance(door.answer(door.code(), challenge), Denied)
    door.clock.move(microseconds=-1)
    assert isinstance(door.answer(door.code(), challenge), Authenticated)


def test_attack_failures_are_forgotten_after_the_last_factor_only(door: Door) -> None:
    """A right password alone gives no new tries for guessing it."""
    door.guard()
    for _ in range(4):
        assert isinstance(door.login(WRONG), Denied)
    assert isinstance(door.login(), Challenge)
    assert isinstance(door.login(WRONG), Throttled)


def test_attack_a_challenge_of_a_disabled_account(door: Door) -> None:
    door.guard()
    challenge = door.challenge()
    door.change(disabled_at=door.clock())
    assert isinstance(door.answer(door.code(), challenge), Denied)


def test_attack_an_enrolment_challenge_is_no_login_challenge(store: Store, clock: FixedClock) -> None:
    door = Door(store, clock, policy=AuthPolicy(second_factor_roles=frozenset({UserRole.DEVELOPER})))
    demanded = door.login()
    assert isinstance(demanded, EnrolmentRequired)
    door.secret = door.vibe.auth.begin_enrolment(challenge=demanded.challenge).secret
    assert isinstance(door.answer(door.code(), demanded.challenge), Denied)
    assert door.sessions() == 0


def test_a_recovery_code_works_once_however_it_is_typed(door: Door) -> None:
    door.guard()
    code = door.codes[0]
    assert isinstance(door.answer(f" {code.lower().replace('-', ' ')} "), Authenticated)
    assert isinstance(door.answer(code), Denied)
    assert isinstance(door.answer(door.codes[1]), Authenticated)


def test_a_wrong_recovery_code_does_not_use_the_challenge_up(door: Door) -> None:
    door.guard()
    challenge = door.challenge()
    assert isinstance(door.answer("0000-0000-0000-0000-0000-0000", challenge), Denied)
    assert isinstance(door.answer(door.code(), challenge), Authenticated)


def test_attack_one_recovery_code_at_once(door: Door) -> None:
    door.guard()
    challenges = [door.challenge() for _ in range(4)]
    found = at_once(4, lambda number: door.answer(door.codes[0], challenges[number]))
    assert [type(each) for each in found].count(Authenticated) == 1


def test_attack_a_secret_swapped_between_accounts_in_the_database(door: Door) -> None:
    """The id inside the ciphertext is another's: an error of the store, and nobody is signed in."""
    door.guard()
    mine = door.stored()
    bob = door.vibe.auth.register(Actor.anonymous(), email="bob@example.org", password=PASSWORD, name="Bob")
    with door.store.begin() as tx:
        tx.users.update(
            replace(tx.users.get(bob.id), two_factor_secret=mine.two_factor_secret, two_factor_enabled=True)
        )
        tx.commit()
    login = door.vibe.auth.login(email="bob@example.org", password=PASSWORD)
    assert isinstance(login, Challenge)
    with pytest.raises(Exception, match="a stored secret cannot be read"):
        door.answer(door.code(), login.challenge)


# -- settings of the second factor


def test_switching_on_ends_other_sessions_and_renews_this_one(door: Door) -> None:
    door.change(email_verified=True)
    first, second = door.login(), door.login()
    assert isinstance(first, Authenticated)
    assert isinstance(second, Authenticated)
    door.secret = door.vibe.second_factors.enrol(first.actor).secret
    assert door.vibe.second_factors.status(first.actor) == SecondFactor(enabled=False, pending=True, recovery_codes=0)
    confirmed = door.vibe.second_factors.confirm(first.actor, code=door.code())
    assert door.vibe.second_factors.status(first.actor) == SecondFactor(enabled=True, pending=False, recovery_codes=10)
    assert confirmed.renewed.session.second_factor
    assert confirmed.renewed.session.expires_at - door.clock() == timedelta(hours=24)
    assert door.vibe.auth.authenticate(confirmed.renewed.token).user_id == door.ada.id
    with pytest.raises(AuthenticationFailed):
        door.vibe.auth.authenticate(second.token)
    assert "second-factor-changed" in [mail.purpose.value for mail in door.effects.mailer.to(ADA)]


def test_enrolling_consumes_its_code(door: Door) -> None:
    actor = door.login().actor
    door.secret = door.vibe.second_factors.enrol(actor).secret
    code = door.code()
    door.vibe.second_factors.confirm(actor, code=code)
    assert isinstance(door.answer(code), Denied)


def test_switching_off_needs_a_code(door: Door) -> None:
    actor = door.guard()
    with pytest.raises(AuthenticationFailed):
        door.vibe.second_factors.disable(actor, code="000000")
    assert isinstance(door.login(), Challenge)
    door.vibe.second_factors.disable(actor, code=door.code())
    assert isinstance(door.login(), Authenticated)
    with pytest.raises(InvalidTransition):
        door.vibe.second_factors.disable(actor, code=door.code())


def test_new_recovery_codes_void_the_old_ones(door: Door) -> None:
    actor = door.guard()
    fresh = door.vibe.second_factors.new_recovery_codes(actor, code=door.codes[0]).codes
    assert not set(fresh) & set(door.codes)
    assert isinstance(door.answer(door.codes[1]), Denied)
    assert isinstance(door.answer(fresh[0]), Authenticated)


def test_attack_guessing_in_the_settings_is_counted_with_the_login(door: Door) -> None:
    actor = door.guard()
    for _ in range(10):
        with pytest.raises(AuthenticationFailed):
            door.vibe.second_factors.disable(actor, code="000000")
    with pytest.raises(LoginThrottled):
        door.vibe.second_factors.disable(actor, code=door.code())
    assert isinstance(door.answer(door.code()), Throttled)


def test_attack_an_old_session_changes_no_second_factor(door: Door) -> None:
    """Five minutes after the last proof of who is there, to the microsecond."""
    actor = door.login().actor
    door.clock.move(seconds=300, microseconds=-1)
    door.vibe.second_factors.enrol(actor)
    door.clock.move(microseconds=1)
    with pytest.raises(ReauthenticationRequired):
        door.vibe.second_factors.enrol(actor)


def test_attack_others_and_keys_change_no_second_factor(door: Door) -> None:
    door.guard()
    eve = door.vibe.auth.register(Actor.anonymous(), email="eve@example.org", password=PASSWORD, name="Eve")
    actor = door.vibe.auth.login(email="eve@example.org", password=PASSWORD).actor
    with pytest.raises(PermissionDenied):
        door.vibe.second_factors.reset(actor, door.ada.id)
    with pytest.raises(PermissionDenied):
        door.vibe.second_factors.status(actor, user_id=door.ada.id)
    with pytest.raises(PermissionDenied):
        door.vibe.second_factors.enrol(Actor.anonymous())
    with pytest.raises(InvalidValue, match="has no session"):
        door.vibe.second_factors.enrol(SYSTEM)
    assert eve.two_factor_enabled is False
    assert isinstance(door.login(), Challenge)


def test_an_account_has_to_be_named_by_who_has_none(door: Door) -> None:
    """The system has no second factor: the missing `user_id` is named. Nobody is told no such thing."""
    with pytest.raises(InvalidValue) as wrong:
        door.vibe.second_factors.status(SYSTEM)
    assert wrong.value.field == "user_id"
    with pytest.raises(PermissionDenied):
        door.vibe.second_factors.status(Actor.anonymous())
    assert door.vibe.second_factors.status(SYSTEM, user_id=door.ada.id).enabled is False


def test_an_operator_helps_who_lost_everything(door: Door) -> None:
    door.guard()
    door.vibe.second_factors.reset(SYSTEM, door.ada.id)
    assert door.sessions() == 0
    assert isinstance(door.login(), Authenticated)


def test_keys_rotate_and_old_ones_can_go(door: Door) -> None:
    """What an old key sealed is read, sealed anew, and then needs the old key no longer."""
    door.guard()
    old, new = b"a public key of exactly 32 bytes", b"another key of exactly 32 bytes!"
    both = Vibe(door.store, replace(door.effects, box=SecretBox([new, old])))
    report = both.second_factors.rotate_keys(SYSTEM)
    assert (report.resealed, report.unchanged, report.unreadable) == (1, 0, 0)
    assert both.second_factors.rotate_keys(SYSTEM).unchanged == 1
    door.vibe = Vibe(door.store, replace(door.effects, box=SecretBox([new])))
    assert isinstance(door.answer(door.code()), Authenticated)
    lost = Vibe(door.store, replace(door.effects, box=SecretBox([old])))
    assert lost.second_factors.rotate_keys(SYSTEM).unreadable == 1


def test_a_secret_under_an_old_key_is_sealed_anew_when_it_is_used(door: Door) -> None:
    door.guard()
    old, new = b"a public key of exactly 32 bytes", b"another key of exactly 32 bytes!"
    door.vibe = Vibe(door.store, replace(door.effects, box=SecretBox([new, old])))
    assert isinstance(door.answer(door.code()), Authenticated)
    assert not SecretBox([new]).outdated(door.stored().two_factor_secret)


# -- secrets


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_attack_no_secret_leaks_on_the_way(door: Door, everything_logged: pytest.LogCaptureFixture) -> None:
    """Password, tokens, codes and secrets are in no repr, no pickle, no log and no audit row."""
    actor = door.login().actor
    enrolment = door.vibe.second_factors.enrol(actor)
    door.secret = enrolment.secret
    confirmed = door.vibe.second_factors.confirm(actor, code=door.code())
    door.clock.move(seconds=STEP)
    pending = door.login()
    assert isinstance(pending, Challenge)
    opened = door.answer(door.code(), pending.challenge)
    assert isinstance(opened, Authenticated)
    assert opened.device_token is not None
    secrets = [
        PASSWORD,
        enrolment.secret,
        enrolment.uri,
        pending.challenge,
        opened.token,
        opened.device_token,
        confirmed.renewed.token,
        *confirmed.recovery_codes,
    ]
    told = [repr(each) for each in (enrolment, confirmed, pending, opened)]
    told += [repr(door.trail()), everything_logged.text]
    for secret in secrets:
        assert not [text for text in told if secret in text]
    for each in (enrolment, confirmed, pending, opened):
        for leave in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                leave(each)


def test_attack_the_database_gives_no_way_in(door: Door) -> None:
    """Nothing that is stored is accepted as what it stands for."""
    door.guard()
    user = door.stored()
    with door.store.begin(Mode.SNAPSHOT) as tx:
        sessions, codes = list(tx.sessions.stream(door.ada.id)), list(tx.recovery_codes.stream(door.ada.id))
    for session in sessions:
        with pytest.raises(AuthenticationFailed):
            door.vibe.auth.authenticate(session.token)
    assert isinstance(door.login(user.password_hash[:100]), Denied)
    assert isinstance(door.answer(codes[0].code_hash), Denied)
    assert isinstance(door.answer(codes[0].code_hash[:24]), Denied)


@pytest.mark.parametrize("field", ["challenge", "code", "device", "ip_address", "device_info"])
def test_what_is_no_text_is_refused_by_name(door: Door, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        door.vibe.auth.complete_challenge(**{"challenge": "vcc_x", "code": "123456", field: 7})  # type: ignore[arg-type]
    assert caught.value.field == field
