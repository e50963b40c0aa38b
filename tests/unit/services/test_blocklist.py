from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
import unicodedata
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.services.house import House
from vibecore.domain.actors import Actor
from vibecore.domain.errors import PasswordRejected
from vibecore.domain.passwords import check_new_password, folded
from vibecore.domain.policies import AuthPolicy
from vibecore.services.blocklist import CommonPasswords, common_passwords
from vibecore.testing.effects import RecordingRuntime

FOLDER = files("vibecore.services.blocklist")
TEXT = gzip.decompress(FOLDER.joinpath("passwords.txt.gz").read_bytes())
LINES = TEXT.decode("ascii").splitlines()


def reasons(password: str, policy: AuthPolicy | None = None) -> tuple[str, ...]:
    try:
        check_new_password(
            password, policy or AuthPolicy(), email="ada@example.org", name="Ada", common=common_passwords()
        )
    except PasswordRejected as refused:
        return refused.reasons
    return ()


def test_the_list_is_long_enough_for_the_default_policy() -> None:
    """And for the strict one: ASVS 6.2.4 asks for 3,000 that keep the length rule. The docstring's numbers are those of
    the file."""
    policy = AuthPolicy()
    long_enough = [line for line in LINES if policy.password_shortest <= len(line) <= policy.password_longest]
    assert len(long_enough) >= 3000
    assert common_passwords.__doc__ is not None
    strict = [line for line in LINES if AuthPolicy.strict().password_shortest <= len(line)]
    assert len(strict) >= 3000
    assert common_passwords.__doc__.startswith(
        f"{len(LINES):,} passwords, {len(long_enough):,} of them with 8 characters or more and {len(strict):,} with 15;"
    )


def test_the_list_has_the_form_in_which_it_is_searched() -> None:
    """One folded password a line, sorted, each once: a line in another form would never be found."""
    assert TEXT.endswith(b"\n")
    assert sorted(set(LINES)) == LINES
    assert [line for line in LINES if line != folded(line.strip())] == []
    assert [line for line in LINES if not line or not line.isprintable()] == []


def test_the_sources_and_licences_come_with_the_list() -> None:
    """The licences ask for it; the digest says that the page speaks of this list."""
    sources = FOLDER.joinpath("SOURCES.md").read_text()
    assert hashlib.sha256(TEXT).hexdigest() in sources
    assert f"{len(LINES):,}" in sources
    licences = re.findall(r"`(LICENSE\.[\w-]+)`", sources)
    assert len(licences) == 3
    for licence in licences:
        assert "Copyright (c)" in FOLDER.joinpath(licence).read_text()


@pytest.mark.parametrize("password", ["password1", "12345678", "iloveyou", "qwertyuiop", "trustno1", "1qaz2wsx"])
def test_the_most_common_ones_are_refused(password: str) -> None:
    """In any case, in any spelling of Unicode, with spaces around."""
    for spelt in (password, password.upper(), password.title(), f" {password}", f"{password}\t "):
        assert reasons(spelt) == ("is one of the most common passwords",)


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "abc123abc123abc123",
        "DragonDragonDragon",
        "iloveyouiloveyou",
        "a" * 40,
        "  123123123123123",
    ],
)
def test_a_common_one_is_no_better_for_being_repeated(password: str) -> None:
    """However often, in any case; single characters are common ones."""
    assert reasons(password, AuthPolicy.strict()) == ("is one of the most common passwords",)


def test_a_phrase_that_is_repeated_is_not_common() -> None:
    """Only what is repeated wholly, and is common itself, counts: this is no rule of composition."""
    for password in ("engine no. 9engine no. 9", "passwordpasswordx", "password password"):
        assert reasons(password, AuthPolicy.strict()) == ()


def test_case_is_folded_after_nfc() -> None:
    """The Kelvin sign is a K by canonical equivalence; full-width letters are other letters."""
    assert "\u212a" != unicodedata.normalize("NFC", "\u212a") == "K"
    assert reasons("chic\u212aens") == reasons("chickens") != ()
    assert reasons("ｐａｓｓｗｏｒｄ１") == ()


@pytest.mark.parametrize("password", ["engine no. 9", "xpassword1x", "password1 password1", "correct horse battery"])
def test_a_password_that_only_holds_a_common_one_is_accepted(password: str) -> None:
    """The whole is compared (NIST SP 800-63B-4, 3.1.1.2)."""
    assert reasons(password) == ()


def test_all_reasons_come_together() -> None:
    """A common password that is too short as well, or the own name as well."""
    assert reasons("trustno1", AuthPolicy.strict()) == (
        "is shorter than 15 characters",
        "is one of the most common passwords",
    )
    with pytest.raises(PasswordRejected) as caught:
        check_new_password(
            "Michelle1", AuthPolicy(), email="michelle1@example.org", name="M", common=common_passwords()
        )
    assert caught.value.reasons == ("is the own e-mail address or name", "is one of the most common passwords")


def test_every_line_is_found() -> None:
    """The first, the last, and all between."""
    common = common_passwords()
    every = [*LINES[:50], *LINES[:: len(LINES) // 300], *LINES[-50:]]
    assert [line for line in every if line not in common] == []


@pytest.mark.parametrize(
    "stranger", ["", "\n", "a\n", LINES[0] + "\n" + LINES[1], "é", "\ud800", b"password1", None, 5]
)
def test_what_is_no_line_is_not_found(stranger: object) -> None:
    """Neither nothing nor two lines at once, nor what is no ASCII text."""
    assert stranger not in common_passwords()


words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=6)


@given(st.sets(words), st.lists(st.text(max_size=8) | words))
def test_the_text_is_searched_as_a_set(lines: set[str], asked: list[str]) -> None:
    """For whatever is in it and whatever is asked."""
    common = CommonPasswords("".join(f"{line}\n" for line in sorted(lines)).encode())
    for text in (*lines, *asked, *(line[:-1] for line in lines), *(line + "x" for line in lines)):
        assert (text in common) is (text in lines)


def test_no_account_is_made_with_a_common_password() -> None:
    """Neither by its owner nor by an administrator, and nothing is hashed or stored for it."""
    house = House()
    runtime = house.effects.runtime
    assert isinstance(runtime, RecordingRuntime)
    before = runtime.offloaded
    with pytest.raises(PasswordRejected, match="most common"):
        house.vibe.auth.register(Actor.anonymous(), email="ada@example.org", password="Password1", name="Ada")
    with pytest.raises(PasswordRejected, match="most common"):
        house.vibe.users.create_admin(Actor.system("test"), email="ada@example.org", password="Password1", name="Ada")
    assert runtime.offloaded == before
    house.vibe.auth.register(Actor.anonymous(), email="ada@example.org", password="engine no. 9", name="Ada")


def test_the_list_is_read_when_it_is_needed_and_not_before() -> None:
    """Neither by `import vibecore` nor by opening an installation."""
    code = """
import sys, vibecore
assert "vibecore.services.blocklist" not in sys.modules
with vibecore.connect("memory://") as vibe:
    from vibecore.services.blocklist import common_passwords
    assert common_passwords.cache_info().currsize == 0
    from vibecore.domain.actors import Actor
    vibe.auth.register(Actor.anonymous(), email="ada@example.org", password="engine no. 9", name="Ada")
    assert common_passwords.cache_info().currsize == 1
    assert common_passwords() is common_passwords()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
