"""Attacks on passwords and their hashes, with real bcrypt, on both backends."""

from __future__ import annotations

import time
from typing import Any

import bcrypt
import pytest

from tests.contract.signing_in import ADA, PASSWORD, Platform
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed, InvalidValue, PasswordRejected
from vibecore.domain.logins import Authenticated, Denied, Login
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.throttles import Limit
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.hashing import BcryptHasher
from vibecore.testing.effects import FixedClock

FREE = AuthPolicy(account_limit=Limit(AuthPolicy().account_limit.interval, 1000))
"""Many passwords are tried with one account."""


@pytest.fixture
def platform(store: Store, clock: FixedClock) -> Platform:
    """Real hashes of the lowest cost."""
    return Platform(store, clock, BcryptHasher(4), policy=FREE)


def register(platform: Platform, password: str, email: str = "eve@example.org") -> None:
    platform.vibe.auth.register(Actor.anonymous(), email=email, password=password, name="Eve")


def tried(platform: Platform, password: str, email: str = "eve@example.org") -> Login:
    return platform.vibe.auth.login(email=email, password=password)


@pytest.mark.parametrize("length", [71, 72, 73, 128])
def test_attack_a_password_counts_to_its_last_character(platform: Platform, length: int) -> None:
    """bcrypt reads 72 bytes: what comes after them is no password that fits as well."""
    password = "long Passw0rd " * 10
    password = password[: length - 1] + "x"
    register(platform, password)
    assert isinstance(tried(platform, password), Authenticated)
    for other in (password[:-1], password[:-1] + "y", password[:72], password[:71], password + "x"):
        assert other == password or isinstance(tried(platform, other), Denied)


def test_attack_a_password_of_many_bytes_is_not_cut_in_the_middle_of_a_character(platform: Platform) -> None:
    """36 letters of two bytes are 72; 37 are more, and differ in the last one only."""
    password = "é" * 30 + "ü" * 7
    register(platform, password)
    assert isinstance(tried(platform, password), Authenticated)
    for other in (password[:-1], password[:-1] + "ö", password[:36]):
        assert isinstance(tried(platform, other), Denied)


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        ("e\u0301ngine N\u00ba 9", True),
        ("\u00e9ngine No 9", False),
        ("\u00c9NGINE N\u00ba 9", False),
        ("\u00e9ngine N\u00ba 9 ", False),
        (" \u00e9ngine N\u00ba 9", False),
        ("\u00e9ngine N\u00ba \uff19", False),
        ("engine N\u00ba 9", False),
        ("\u00e9ngine\u00a0N\u00ba 9", False),
    ],
)
def test_attack_another_spelling_is_another_password(platform: Platform, other: str, fits: bool) -> None:
    """Canonical equivalence is one spelling (NFC). Compatibility, case and spaces at the ends are not."""
    register(platform, "\u00e9ngine N\u00ba 9")
    assert isinstance(tried(platform, other), Authenticated if fits else Denied)


@pytest.mark.parametrize("password", ["engine\0no. 9", "engine no. 9\0", "engine \ud800 no. 9", "\udc80engine no. 9"])
def test_attack_what_bcrypt_would_stop_at_is_refused_and_no_failure(platform: Platform, password: str) -> None:
    """With every reason at registration, by name at a login; nothing is stored."""
    with pytest.raises(PasswordRejected) as caught:
        register(platform, password)
    assert any("NUL" in reason or "surrogate" in reason for reason in caught.value.reasons)
    with pytest.raises(InvalidValue) as refused:
        tried(platform, password, ADA)
    assert refused.value.field == "password"
    with platform.store.begin(Mode.READ) as tx:
        assert tx.users.find_by_email_key("eve@example.org") is None


@pytest.mark.parametrize("call", ["register", "login", "reset", "change"])
def test_attack_a_password_of_a_megabyte_costs_nothing(platform: Platform, call: str) -> None:
    """It is refused before it is normalised or hashed."""
    huge, token = "\u0390" * 1_000_000, platform.reset_token()
    actor = platform.login().actor
    calls: dict[str, Any] = {
        "register": lambda: register(platform, huge),
        "login": lambda: tried(platform, huge),
        "reset": lambda: platform.vibe.passwords.reset(token=token, password=huge),
        "change": lambda: platform.vibe.passwords.change(actor, current=PASSWORD, new=huge),
    }
    used = time.process_time()
    with pytest.raises(InvalidValue):
        calls[call]()
    assert time.process_time() - used < 0.5


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "$2b$",
        "$2b$31$" + "a" * 53,
        "$2b$03$" + "a" * 53,
        "$2x$04$" + "a" * 53,
        "$2b$04$" + "!" * 53,
        "$vc1$9$2b$04$" + "a" * 53,
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        PASSWORD,
    ],
)
def test_attack_a_hash_that_somebody_put_into_the_database(platform: Platform, stored: str) -> None:
    """It is a wrong password, never an error and never computed at a cost that somebody chose."""
    platform.alter(password_hash=stored or "x")
    used = time.process_time()
    assert isinstance(tried(platform, PASSWORD, ADA), Denied)
    assert isinstance(tried(platform, stored[:128] or "x", ADA), Denied)
    assert time.process_time() - used < 2
    assert platform.actions().count("auth.login.failed") == 2


def test_attack_the_hash_of_another_account_opens_only_with_its_password(platform: Platform) -> None:
    """Who can write to the database moves the own hash there: a change that every challenge and link notices."""
    register(platform, "engine no. 9")
    token = platform.reset_token()
    eve = platform.vibe.users.find_by_email(Actor.system("test"), "eve@example.org")
    assert eve is not None
    platform.alter(password_hash=platform.user(eve.id).password_hash)
    with pytest.raises(AuthenticationFailed):
        platform.vibe.passwords.reset(token=token, password="difference no. 2")
    assert isinstance(tried(platform, PASSWORD, ADA), Denied)


def test_attack_stolen_hashes_are_worth_nothing_without_the_pepper(store: Store, clock: FixedClock) -> None:
    """Plain bcrypt of the password is not what is stored, and another pepper verifies nothing."""
    platform = Platform(store, clock, BcryptHasher(4, peppers={1: b"p" * 32}), policy=FREE)
    stored = platform.user().password_hash
    assert stored.startswith("$vc1$1$2b$04$")
    assert not bcrypt.checkpw(PASSWORD.encode(), stored.removeprefix("$vc1$1").encode())
    for hasher in (BcryptHasher(4), BcryptHasher(4, peppers={1: b"q" * 32}), BcryptHasher(4, peppers={2: b"p" * 32})):
        assert not hasher.verify(PASSWORD, stored)
    assert isinstance(tried(platform, PASSWORD, ADA), Authenticated)


@pytest.mark.parametrize("stored", ["$2a$", "$2b$", "$2y$"])
def test_attack_an_old_prefix_of_a_hash_is_verified_alike_and_replaced(platform: Platform, stored: str) -> None:
    """Hashes of other libraries let in with their password, and with no other."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    platform.alter(password_hash=stored + hashed[4:])
    assert isinstance(tried(platform, PASSWORD + "x", ADA), Denied)
    assert isinstance(tried(platform, PASSWORD, ADA), Authenticated)
    assert platform.user().password_hash.startswith("$2b$04$")


@pytest.mark.parametrize("own", ["ada@example.org", "ADA@EXAMPLE.ORG", "Ada Lovelace", "ada-lovelace", "adalovelace"])
def test_attack_the_own_name_is_no_password(platform: Platform, own: str) -> None:
    """Nor the own address, however it is written: it is the first thing that is tried."""
    with pytest.raises(PasswordRejected) as caught:
        platform.vibe.auth.register(Actor.anonymous(), email="ada@example.org", password=own, name="Ada Lovelace")
    assert "is the own e-mail address or name" in caught.value.reasons
