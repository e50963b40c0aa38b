from __future__ import annotations

from typing import Any

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.services.passwords import BcryptHasher

HASHER = BcryptHasher(4)
STORED = HASHER.hash("engine no. 9")


@pytest.mark.parametrize(
    ("password", "prefix"),
    [
        ("engine no. 9", "$2b$04$"),
        ("x" * 72, "$2b$04$"),
        ("é" * 36, "$2b$04$"),
        ("x" * 73, "$vc1$0$2b$04$"),
        ("é" * 36 + "x", "$vc1$0$2b$04$"),
        ("\U0001f600" * 128, "$vc1$0$2b$04$"),
    ],
)
def test_a_hash_belongs_to_its_password_only(password: str, prefix: str) -> None:
    """Each byte counts, also beyond the 72 that bcrypt reads."""
    stored = HASHER.hash(password)
    assert stored.startswith(prefix)
    assert len(stored) <= 255
    assert HASHER.verify(password, stored)
    for other in (password + "x", password[:-1], password.upper() + "?", ""):
        assert not HASHER.verify(other, stored)


def test_short_hashes_are_those_of_any_other_bcrypt() -> None:
    """A user table moves in and out: the three spellings of the algorithm are read, `$2b$` is written."""
    assert bcrypt.checkpw(b"engine no. 9", STORED.encode())
    for version in ("a", "b", "y"):
        foreign = bcrypt.hashpw(b"engine no. 9", bcrypt.gensalt(5)).decode().replace("$2b$", f"$2{version}$")
        assert HASHER.verify("engine no. 9", foreign)
        assert not HASHER.verify("engine no. 8", foreign)


def test_the_cost_is_ten_unless_chosen() -> None:
    """Four exists for tests."""
    assert BcryptHasher().hash("engine no. 9").startswith("$2b$10$")


@pytest.mark.parametrize("cost", [3, 16, 31, 0, -1, True, "10", None, 10.0])
def test_other_costs_are_refused(cost: Any) -> None:
    """Too weak to protect, or too slow to be served."""
    with pytest.raises(InvalidValue) as caught:
        BcryptHasher(cost)
    assert caught.value.field == "cost"


class Computed(Exception):
    """bcrypt was asked to compute a hash that should have been refused."""


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "engine no. 9",
        STORED[:-1],
        STORED + "x",
        STORED.replace("$04$", "$31$"),
        STORED.replace("$04$", "$16$"),
        STORED.replace("$04$", "$03$"),
        STORED.replace("$2b$", "$2x$"),
        "$vc1$1" + STORED,
        "$vc2$0" + STORED,
        "é" * 60,
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub",
    ],
)
def test_a_hash_that_cannot_be_read_is_no_match(stored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never computed, and the time of an ordinary check is spent: exactly one computation at our cost."""
    given_to_bcrypt: list[bytes] = []

    def checkpw(password: bytes, hashed: bytes) -> bool:
        given_to_bcrypt.append(hashed)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    assert HASHER.verify("engine no. 9", stored) is False
    assert [hashed[:7] for hashed in given_to_bcrypt] == [b"$2b$04$"]
    assert given_to_bcrypt[0].decode() != stored


def test_a_salt_that_only_looks_well_formed_is_no_match() -> None:
    """bcrypt itself refuses these."""
    for last in "/ABCz9":
        assert HASHER.verify("engine no. 9", STORED[:28] + last + STORED[29:]) is False


def test_a_long_password_against_a_short_one_s_hash() -> None:
    """bcrypt would raise, or cut: both would be wrong."""
    stored = HASHER.hash("x" * 72)
    assert HASHER.verify("x" * 73, stored) is False
    assert HASHER.verify("x" * 72, stored) is True


def test_nobody_costs_as_much_as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """One computation of the same cost, for any password, and it matches none."""
    seen: list[tuple[bytes, bytes]] = []
    real = bcrypt.checkpw

    def checkpw(password: bytes, hashed: bytes) -> bool:
        seen.append((password, hashed))
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    for password in ("engine no. 9", "x" * 500, "\ud800", ""):
        HASHER.verify_nothing(password)
    assert [hashed[:7] for _, hashed in seen] == [b"$2b$04$"] * 4
    assert max(len(password) for password, _ in seen) == 72


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=120),
    st.text(max_size=120) | st.just(STORED) | st.from_regex(r"\A\$2[aby]\$0[45]\$[./A-Za-z0-9]{53}\Z"),
)
def test_verifying_never_raises(password: str, stored: str) -> None:
    """Whatever is stored and whatever is presented: an answer."""
    assert HASHER.verify(password, stored) is (stored == STORED and password == "engine no. 9")
