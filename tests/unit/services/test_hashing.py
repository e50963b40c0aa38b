from __future__ import annotations

import copy
import itertools
import pickle
import traceback
from typing import Any, Final

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.passwords import parse_hash
from vibecore.services.hashing import BcryptHasher

ONE: Final = b"pepper one of the tests, 32 bytes"
TWO: Final = b"pepper two of the tests, 32 bytes"
HASHER = BcryptHasher(4)
FIRST = BcryptHasher(4, peppers={1: ONE})
ROTATED = BcryptHasher(4, peppers={9999: TWO, 1: ONE})
SECOND = BcryptHasher(4, peppers={9999: TWO})
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
    assert all(len(password) == 64 for password, _ in seen)


PEPPERS_REFUSED: Final[list[Any]] = [
    {0: ONE},
    {-1: ONE},
    {10_000: ONE},
    {True: ONE},
    {"1": ONE},
    {1: ONE, None: TWO},
    {1: b"p" * 31},
    {1: b""},
    {1: "p" * 32},
    {1: None},
    [ONE],
    ONE,
    7,
]


@pytest.mark.parametrize("peppers", PEPPERS_REFUSED)
def test_other_peppers_are_refused(peppers: Any) -> None:
    """Key id 0 is the public key; a short pepper could be guessed. The error holds none."""
    with pytest.raises(InvalidValue) as caught:
        BcryptHasher(4, peppers=peppers)
    assert caught.value.field == "peppers"
    assert "pepper one" not in f"{caught.value!r}"


@pytest.mark.parametrize("password", ["engine no. 9", "x" * 72, "x" * 73, "\U0001f600" * 128])
def test_a_pepper_goes_into_every_hash(password: str) -> None:
    """However short the password; each byte counts, and without the very key nothing matches."""
    stored = FIRST.hash(password)
    assert stored.startswith("$vc1$1$2b$04$")
    assert FIRST.verify(password, stored)
    for other in (password + "x", password[:-1], ""):
        assert not FIRST.verify(other, stored)
    changed = BcryptHasher(4, peppers={1: TWO})
    for without in (HASHER, SECOND, changed):
        assert not without.verify(password, stored)


def test_a_rotation_takes_hashes_along() -> None:
    """The highest id hashes, in whatever order they are given; older ones verify, and so does what had none."""
    password = "engine no. 9"
    before, first = HASHER.hash(password), FIRST.hash(password)
    rotated = ROTATED.hash(password)
    assert rotated.startswith("$vc1$9999$2b$04$")
    for stored in (before, first, rotated, HASHER.hash(password * 9)):
        assert ROTATED.verify(password * (9 if "$vc1$0$" in stored else 1), stored)
        assert not ROTATED.verify("engine no. 8", stored)
    assert SECOND.verify(password, rotated)
    assert not SECOND.verify(password, first)
    assert not FIRST.verify(password, rotated)


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        ("engine no. 9", "$vc1$1$2b$04$abcdefghijklmnopqrstuuCfFp/RYqq5RLrFGLS8OLSSNECOt1LUG"),
        ("é" * 100, "$vc1$1$2b$04$abcdefghijklmnopqrstuuw2bwLNBSHIdF8H4mStv.tdgrLOGUdnS"),
        ("engine no. 9", "$vc1$9999$2b$04$abcdefghijklmnopqrstuu2FYePc2HmYNKd.hBpqOl27O4SqtTeGG"),
        ("é" * 100, "$vc1$0$2b$04$abcdefghijklmnopqrstuu.NSR8zFkOVW/uQ/5ctf6DB18ccEIk76"),
    ],
)
def test_the_form_is_fixed(password: str, stored: str) -> None:
    """Made by other programs: `openssl dgst -sha384 -mac HMAC -binary`, base64, and crypt(3) of libxcrypt."""
    assert ROTATED.verify(password, stored)
    assert not ROTATED.verify(password + "x", stored)


@pytest.mark.parametrize("key_id", [2, 9998])
def test_an_unknown_pepper_costs_an_ordinary_check(key_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One computation at the installation's cost, whatever the stored cost, and no match even if bcrypt said so."""
    seen: list[bytes] = []

    def checkpw(password: bytes, hashed: bytes) -> bool:
        seen.append(hashed)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    stored = STORED.replace("$04$", "$12$")
    assert ROTATED.verify("engine no. 9", f"$vc1${key_id}{stored}") is False
    assert [hashed[:7] for hashed in seen] == [b"$2b$04$"]
    assert ROTATED.verify("engine no. 9", f"$vc1$1{stored}") is True


@pytest.mark.parametrize(
    ("hasher", "current", "old"),
    [
        (
            HASHER,
            [HASHER.hash("x" * 72), HASHER.hash("x" * 73)],
            [FIRST.hash("x"), ROTATED.hash("x"), STORED.replace("$04$", "$05$"), STORED.replace("$04$", "$15$")],
        ),
        (
            FIRST,
            [FIRST.hash("x"), FIRST.hash("x" * 73)],
            [HASHER.hash("x"), HASHER.hash("x" * 73), SECOND.hash("x"), FIRST.hash("x").replace("$04$", "$05$")],
        ),
        (
            ROTATED,
            [ROTATED.hash("x"), SECOND.hash("x")],
            [FIRST.hash("x"), HASHER.hash("x"), HASHER.hash("x" * 73)],
        ),
        (BcryptHasher(5), [STORED.replace("$04$", "$05$")], [STORED]),
    ],
)
def test_a_hash_is_outdated_by_another_algorithm_cost_or_pepper(
    hasher: BcryptHasher, current: list[str], old: list[str]
) -> None:
    """And by nothing else: a login hashes anew once, not each time."""
    assert [hasher.outdated(stored) for stored in current] == [False] * len(current)
    assert [hasher.outdated(stored) for stored in old] == [True] * len(old)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        STORED[:-1],
        STORED.replace("$2b$", "$2a$"),
        STORED.replace("$2b$", "$2y$"),
        STORED.replace("$04$", "$03$"),
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub",
    ],
)
def test_other_spellings_and_algorithms_are_outdated(stored: str) -> None:
    """What cannot be read is no hash that would be made now."""
    assert HASHER.outdated(stored)


HASHERS: Final = [
    BcryptHasher(cost, peppers=dict(peppers))
    for cost in (4, 5)
    for peppers in itertools.chain.from_iterable(
        itertools.combinations({1: ONE, 2: TWO, 30: ONE + TWO}.items(), size) for size in range(4)
    )
]


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=100),
    st.sampled_from(HASHERS),
    st.sampled_from(HASHERS),
)
def test_what_is_hashed_anew_is_current_and_still_verifies(
    password: str, before: BcryptHasher, after: BcryptHasher
) -> None:
    """From any configuration to any other: a new hash is never outdated, an old one only if `hash` would differ."""
    old, new = before.hash(password), after.hash(password)
    assert after.verify(password, new)
    assert not after.outdated(new)
    made, makes = parse_hash(old), parse_hash(new)
    assert made is not None
    assert makes is not None
    assert after.outdated(old) is ((made.cost, made.key_id) != (makes.cost, makes.key_id))


@pytest.mark.parametrize("password", ["engine\0no. 9", "engine \ud800 9", b"engine no. 9", None])
def test_what_no_accepted_password_holds_is_not_hashed(password: Any) -> None:
    """A hash of it could not be checked by others, or by nobody. The error does not hold it."""
    for hasher in (HASHER, FIRST):
        with pytest.raises(InvalidValue) as caught:
            hasher.hash(password)
        assert caught.value.field == "password"
        assert "engine" not in f"{caught.value!r}"
        assert caught.value.__context__ is None


def test_peppers_do_not_show() -> None:
    """Neither in repr nor in a copy, a pickle or the frames of an error that a log prints."""
    assert repr(ROTATED) == str(ROTATED) == "BcryptHasher(cost=4, pepper=9999)"
    assert repr(HASHER) == "BcryptHasher(cost=4, pepper=None)"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            leak(ROTATED)
        shown = "".join(traceback.format_exception(caught.value))
        assert "pepper one" not in shown
    assert not hasattr(ROTATED, "__dict__")


def test_peppers_are_those_of_the_beginning() -> None:
    """A mapping that changes later changes no hasher."""
    given_peppers: dict[int, bytes] = {1: ONE}
    hasher = BcryptHasher(4, peppers=given_peppers)
    given_peppers[2] = TWO
    given_peppers[1] = TWO
    assert hasher.verify("engine no. 9", FIRST.hash("engine no. 9"))
    assert not hasher.outdated(FIRST.hash("x"))


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=120),
    st.text(max_size=120) | st.just(STORED) | st.from_regex(r"\A\$2[aby]\$0[45]\$[./A-Za-z0-9]{53}\Z"),
)
def test_verifying_never_raises(password: str, stored: str) -> None:
    """Whatever is stored and whatever is presented: an answer."""
    assert HASHER.outdated(stored) is (not stored.startswith("$2b$04$") or parse_hash(stored) is None)
    assert ROTATED.verify(password, "$vc1$1" + stored) is False
    assert HASHER.verify(password, stored) is (stored == STORED and password == "engine no. 9")
