"""`vibe.emails` on every backend: what holds, and what attackers try."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.contract.signing_in import ADA, IP, PASSWORD, SECOND, Platform
from vibecore.domain import signed_tokens
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.errors import (
    AlreadyExists,
    AuthenticationFailed,
    InvalidValue,
    LoginThrottled,
    PermissionDenied,
    ReauthenticationRequired,
)
from vibecore.domain.signed_tokens import Purpose
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Store
from vibecore.services.mail.messages import MailPurpose
from vibecore.testing.effects import FixedClock

NEW = "ada@example.net"
VERIFY, CHANGE, CHANGED = MailPurpose.VERIFY_EMAIL, MailPurpose.CHANGE_EMAIL, MailPurpose.EMAIL_CHANGED
SYSTEM = Actor.system("set-up")


class Undone(Exception):
    """Rolls a transaction back."""


@pytest.fixture
def platform(store: Store, clock: FixedClock) -> Platform:
    return Platform(store, clock)


def failed(call: Callable[[], object]) -> None:
    """The one error of every bad token."""
    with pytest.raises(AuthenticationFailed) as caught:
        call()
    assert (type(caught.value), str(caught.value)) == (AuthenticationFailed, "authentication failed")


def forgeries(token: str) -> list[str]:
    """Truncated, one bit changed in each character, spelt otherwise."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    flipped = [
        token[:at] + alphabet[alphabet.index(token[at]) ^ 1 << at % 6] + token[at + 1 :] for at in range(4, len(token))
    ]
    return [
        *flipped,
        *(token[:cut] for cut in range(0, len(token), 7)),
        f"{token}=",
        f"{token}A",
        f"{token}\n",
        "\ud800",
    ]


# -- verifying


def test_who_registers_gets_a_link_that_verifies_once(platform: Platform) -> None:
    """After the commit, to the address; used again it fails like any other."""
    (mail,) = platform.mails()
    assert (mail.recipient, mail.purpose) == (ADA, VERIFY)
    token = mail.values["token"]
    assert f"/verify-email?token={token}\n" in mail.text
    profile = platform.vibe.emails.verify(token=token, ip_address=IP)
    assert (profile.id, profile.email_verified) == (platform.id, True)
    assert platform.user().email_verified
    assert platform.sessions() == set()
    event = platform.trail()[-1]
    assert (event.action, event.user_id, event.ip_address) == ("auth.email.verified", platform.id, IP)
    failed(lambda: platform.vibe.emails.verify(token=token))
    assert platform.actions()[-1] == "auth.email.verification.failed"


def test_no_mail_tells_of_an_account_that_was_not_made(platform: Platform) -> None:
    """Undone with its transaction, or refused because the address is taken, which uses no mail up either."""
    before = len(platform.mails())

    def undone() -> None:
        with platform.vibe.transaction() as tx:
            tx.auth.register(Actor.anonymous(), email="bob@example.org", password=PASSWORD, name="Bob")
            raise Undone

    with pytest.raises(Undone):
        undone()
    for _ in range(5):
        with pytest.raises(AlreadyExists):
            platform.vibe.auth.register(Actor.anonymous(), email=ADA, password=PASSWORD, name="Eve")
    assert len(platform.mails()) == before
    platform.vibe.emails.request_verification(email=ADA)
    assert len(platform.mails()) == before + 1


def test_the_operator_vouches_for_the_first_administrator(platform: Platform) -> None:
    """Where verified addresses are asked for, nobody else could; an administrator's word for another is not enough."""
    root = platform.vibe.users.create_admin(SYSTEM, email="root@example.org", password=PASSWORD, name="Root")
    assert root.email_verified
    assert not [mail for mail in platform.mails() if mail.recipient == "root@example.org"]
    admin = platform.login("root@example.org").actor
    second = platform.vibe.users.create_admin(admin, email="two@example.org", password=PASSWORD, name="Two")
    assert not second.email_verified
    assert platform.mails(VERIFY)[-1].recipient == "two@example.org"


def test_attack_a_link_is_asked_for_without_telling_who_needs_it(platform: Platform) -> None:
    """Unverified, verified, unknown and disabled: one answer, one event, a mail for the first alone."""
    for name, change in (("bob", {"email_verified": True}), ("cy", {"disabled_at": platform.clock()})):
        made = platform.vibe.auth.register(Actor.anonymous(), email=f"{name}@example.org", password=PASSWORD, name=name)
        platform.alter(made.id, **change)
    platform.effects.mailer.clear()
    seen = []
    for email in (ADA, "bob@example.org", "nobody@example.org", "cy@example.org"):
        before = platform.trail()
        answer: object = platform.vibe.emails.request_verification(email=email, ip_address=IP)  # type: ignore[func-returns-value]
        new = platform.trail()[len(before) :]
        seen.append((answer, [(event.action, event.details) for event in new]))
        assert email not in repr(new)
    assert seen == [(None, [("auth.email.verification.requested", {"throttled": False})])] * 4
    assert [mail.recipient for mail in platform.mails()] == [ADA]


def test_attack_a_verification_expires_to_the_microsecond(platform: Platform) -> None:
    """After a day."""
    token = platform.token(VERIFY)
    platform.clock.move(hours=24)
    failed(lambda: platform.vibe.emails.verify(token=token))
    assert platform.trail()[-1].details == {"reason": "expired"}
    platform.clock.move(microseconds=-1)
    assert platform.vibe.emails.verify(token=token).email_verified


@pytest.mark.parametrize(
    "change", [{"email": NEW, "email_key": NEW}, {"email_verified": True}, {"disabled_at": "now"}], ids=str
)
def test_attack_a_verification_is_void_when_the_account_changed(platform: Platform, change: dict[str, Any]) -> None:
    """Of address or flag, or disabled."""
    token = platform.token(VERIFY)
    fields: dict[str, Any] = {name: platform.clock() if value == "now" else value for name, value in change.items()}
    platform.alter(**fields)
    before = platform.user()
    failed(lambda: platform.vibe.emails.verify(token=token))
    assert platform.user() == before


def test_attack_forged_tokens_verify_and_change_nothing(platform: Platform) -> None:
    """One error for each; nor does one purpose's token do for another, under its own prefix or the other's."""
    verify, change = platform.token(VERIFY), platform.change_token()
    reset = platform.reset_token()
    before = platform.user()
    for each in (*forgeries(verify), change, reset, f"vcv_{change[4:]}", f"vcv_{reset[4:]}"):
        failed(lambda each=each: platform.vibe.emails.verify(token=each))  # type: ignore[misc]
    for each in (*forgeries(change), verify, reset, f"vce_{verify[4:]}", f"vce_{reset[4:]}"):
        failed(lambda each=each: platform.vibe.emails.change(token=each))  # type: ignore[misc]
    assert platform.user() == before


# -- changing


def test_a_change_takes_a_link_to_the_new_address_and_tells_the_old_one(platform: Platform) -> None:
    """Until it is used the old one stays; sessions go on; it works once."""
    platform.vibe.emails.verify(token=platform.token(VERIFY))
    entered = platform.login()
    platform.vibe.emails.request_change(entered.actor, new_email=NEW)
    mail = platform.mails()[-1]
    assert (mail.recipient, mail.purpose, platform.user().email) == (NEW, CHANGE, ADA)
    requested = platform.trail()[-1]
    assert (requested.action, requested.user_id) == ("auth.email.change.requested", platform.id)
    assert NEW not in repr(requested)
    token = mail.values["token"]
    profile = platform.vibe.emails.change(token=token, ip_address=IP)
    assert (profile.email, profile.email_verified, platform.user().email_key) == (NEW, True, NEW)
    assert platform.sessions() == {entered.session.id}
    notice = platform.mails()[-1]
    assert (notice.recipient, notice.purpose, notice.values["new_email"]) == (ADA, CHANGED, NEW)
    assert platform.actions()[-1] == "auth.email.changed"
    failed(lambda: platform.vibe.emails.change(token=token))
    assert platform.login(NEW).user.id == platform.id


def test_a_change_verifies_the_address_it_was_sent_to(platform: Platform) -> None:
    """An account that never confirmed its first one included; the links of the first are void."""
    verify, reset, token = platform.token(VERIFY), platform.reset_token(), platform.change_token()
    assert platform.vibe.emails.change(token=token).email_verified
    failed(lambda: platform.vibe.emails.verify(token=verify))
    failed(lambda: platform.vibe.passwords.reset(token=reset, password=SECOND))


def test_attack_of_two_pending_changes_one_is_used(platform: Platform) -> None:
    """Each was made for the address that the account had."""
    first, second = platform.change_token(), platform.change_token("ada@example.com")
    platform.vibe.emails.change(token=second)
    failed(lambda: platform.vibe.emails.change(token=first))
    assert platform.user().email == "ada@example.com"


def test_attack_of_sixteen_at_once_one_change_wins(platform: Platform) -> None:
    """There is one event and one notice."""
    platform.alter(email_verified=True)
    token, start = platform.change_token(), Barrier(16)

    def use(_: int) -> bool:
        start.wait()
        try:
            platform.vibe.emails.change(token=token)
        except AuthenticationFailed:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(use, range(16))).count(True) == 1
    assert platform.actions().count("auth.email.changed") == 1
    assert len(platform.mails(CHANGED)) == 1


def test_attack_asking_for_a_taken_address_looks_the_same(platform: Platform) -> None:
    """No error, the same event, no mail; letter for letter the own one is refused, another spelling of it is not."""
    platform.vibe.auth.register(Actor.anonymous(), email="bob@example.org", password=PASSWORD, name="Bob")
    actor = platform.login().actor
    platform.effects.mailer.clear()
    seen = []
    for address in ("BOB@example.org", NEW, "Ada@Example.org"):
        before = platform.trail()
        platform.vibe.emails.request_change(actor, new_email=address)
        seen.append([(event.action, event.details) for event in platform.trail()[len(before) :]])
    assert seen[0] == seen[1] == seen[2]
    assert [mail.recipient for mail in platform.mails()] == [NEW, "Ada@Example.org"]
    with pytest.raises(InvalidValue) as caught:
        platform.vibe.emails.request_change(actor, new_email=ADA)
    assert caught.value.field == "new_email"
    assert platform.vibe.emails.change(token=platform.token(CHANGE)).email == "Ada@Example.org"


def test_attack_an_address_that_was_taken_meanwhile_stays_with_who_has_it(platform: Platform) -> None:
    """The link came through, and somebody registered the address before it was opened."""
    token, before = platform.change_token(), platform.user()
    platform.vibe.auth.register(Actor.anonymous(), email="ADA@example.net", password=PASSWORD, name="Eve")
    with pytest.raises(AlreadyExists):
        platform.vibe.emails.change(token=token)
    assert platform.user() == before
    assert not platform.mails(CHANGED)


def test_attack_who_may_ask_for_a_change(platform: Platform) -> None:
    """A session that was proven within five minutes: no key, not the system, nobody, not a disabled account."""
    actor = platform.login().actor
    scopes = frozenset({"credentials.write"})
    key = Actor(kind=ActorKind.API_KEY, user_id=platform.id, role=UserRole.ADMIN, scopes=scopes)
    for other in (key, Actor.anonymous()):
        with pytest.raises(PermissionDenied):
            platform.vibe.emails.request_change(other, new_email=NEW)
    with pytest.raises(InvalidValue):
        platform.vibe.emails.request_change(SYSTEM, new_email=NEW)
    platform.alter(disabled_at=platform.clock())
    failed(lambda: platform.vibe.emails.request_change(actor, new_email=NEW))
    platform.alter(disabled_at=None)
    platform.clock.move(seconds=300, microseconds=-1)
    platform.vibe.emails.request_change(actor, new_email=NEW)
    platform.clock.move(microseconds=1)
    with pytest.raises(ReauthenticationRequired):
        platform.vibe.emails.request_change(actor, new_email=NEW)


def test_attack_no_stranger_is_flooded_with_changes(platform: Platform) -> None:
    """Three mails an hour to one address, whoever asks; who is signed in is told."""
    actor = platform.login().actor
    for _ in range(3):
        platform.vibe.emails.request_change(actor, new_email=NEW)
    with pytest.raises(LoginThrottled):
        platform.vibe.emails.request_change(actor, new_email=NEW.upper())
    assert len(platform.mails(CHANGE)) == 3


@pytest.mark.parametrize("new_email", [f"{NEW}\nBcc: eve@example.org", f"{NEW}\r", f"{NEW},eve@x.org", "\0@b", "ada"])
def test_attack_no_header_gets_in_through_a_new_address(platform: Platform, new_email: str) -> None:
    """The error names the parameter."""
    actor = platform.login().actor
    with pytest.raises(InvalidValue) as caught:
        platform.vibe.emails.request_change(actor, new_email=new_email)
    assert caught.value.field == "new_email"


@pytest.mark.parametrize("payload", [b"\xff@b", b"no address", b"", "e\u0301@b".encode(), b"a@b\n"])
def test_attack_a_token_whose_address_is_none_changes_nothing(platform: Platform, payload: bytes) -> None:
    """Even signed with the right key."""
    text = payload.decode(errors="replace")
    token = signed_tokens.sign(
        platform.effects.keys.key(Purpose.CHANGE_EMAIL),
        Purpose.CHANGE_EMAIL,
        user_id=platform.id,
        issued_at=platform.clock(),
        context=signed_tokens.change_context(email=ADA, new_email=text),
        payload=payload,
    )
    failed(lambda: platform.vibe.emails.change(token=token))
    assert platform.user().email == ADA


def test_everything_works_inside_a_transaction(platform: Platform) -> None:
    """Nothing waits for itself; mails leave after the commit of the whole, and never after a rollback."""
    vibe, actor = platform.vibe, platform.login().actor
    token = platform.token(VERIFY)
    platform.effects.mailer.clear()
    with vibe.transaction() as tx:
        assert tx.emails.verify(token=token).email_verified
        failed(lambda: tx.emails.verify(token=token))
        tx.emails.request_verification(email=ADA, ip_address=IP)
        tx.emails.request_change(actor, new_email=NEW)
        assert not platform.mails()
    assert [mail.purpose for mail in platform.mails()] == [CHANGE]
    token = platform.token(CHANGE)

    def undone() -> None:
        with vibe.transaction() as tx:
            assert tx.emails.change(token=token).email == NEW
            raise Undone

    with pytest.raises(Undone):
        undone()
    assert not platform.mails(CHANGED)
    assert vibe.emails.change(token=token).email == NEW
    assert len(platform.mails(CHANGED)) == 1
