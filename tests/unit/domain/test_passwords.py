from __future__ import annotations

import pickle
import unicodedata
from collections.abc import Container
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue, PasswordRejected
from vibecore.domain.passwords import (
    LONGEST_PRESENTED,
    StoredHash,
    check_new_password,
    folded,
    parse_hash,
    prehash,
    presented_password,
)
from vibecore.domain.policies import AuthPolicy

POLICY = AuthPolicy()
PLAIN = "$2b$10$" + "a" * 53


def new(
    password: object,
    policy: AuthPolicy = POLICY,
    *,
    email: str = "ada@example.org",
    name: str = "Ada Byron",
    common: Container[str] = (),
) -> str:
    return check_new_password(password, policy, email=email, name=name, common=common)


def reasons(password: object, **more: Any) -> tuple[str, ...]:
    with pytest.raises(PasswordRejected) as caught:
        new(password, **more)
    assert caught.value.field == "password"
    return caught.value.reasons


@pytest.mark.parametrize(
    "password", ["engine no. 9", "x" * 8, "x" * 128, "\U0001f600" * 128, "        ", "пароль двадцать"]
)
def test_any_text_within_the_limits_is_accepted(password: str) -> None:
    """No composition rules: spaces, any script, any character."""
    assert new(password) == password


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", ("is shorter than 8 characters",)),
        ("1234567", ("is shorter than 8 characters",)),
        ("x" * 129, ("is longer than 128 characters",)),
        ("x" * 2_000_000, ("is longer than 128 characters",)),
        ("a\0", ("holds a NUL character", "is shorter than 8 characters")),
        ("engine \ud800 nine", ("holds a lone surrogate",)),
        ("\0\udfff", ("holds a NUL character", "holds a lone surrogate", "is shorter than 8 characters")),
    ],
)
def test_every_broken_rule_is_named(password: str, expected: tuple[str, ...]) -> None:
    """A person mends all faults at once."""
    assert reasons(password) == expected


def test_length_is_counted_after_nfc_in_code_points() -> None:
    """Seven letters stay seven, however they were typed; a compatibility character is not folded."""
    typed = unicodedata.normalize("NFD", "é" * 7)
    assert len(typed) == 14
    assert reasons(typed) == ("is shorter than 8 characters",)
    assert new(unicodedata.normalize("NFD", "é" * 128)) == "é" * 128
    assert new("ﬁﬁﬁﬁ１２３４") == "ﬁﬁﬁﬁ１２３４"


@pytest.mark.parametrize(
    "password",
    [
        "ada.byron@example.org",
        "ADA.BYRON@EXAMPLE.ORG",
        "ada.byron",
        "AdaByron",
        "Augusta Ada King",
        "augusta-ada-king!",
    ],
)
def test_the_own_address_and_name_are_refused(password: str) -> None:
    """In whatever case, with whatever punctuation."""
    found = reasons(password, email="ada.byron@example.org", name="Augusta Ada King")
    assert found == ("is the own e-mail address or name",)


def test_a_password_that_only_holds_the_name_is_accepted() -> None:
    """A long passphrase may mention its author; symbols equal only the same symbols."""
    assert new("Ada Byron wrote the first program", name="Ada Byron")
    assert new("!!!!!!!!", name="????????")
    assert reasons("????????", name="????????") == ("is the own e-mail address or name",)


@pytest.mark.parametrize("password", ["straße sechs", "STRASSE SECHS", " Straße Sechs\u2003", "Strasse Sechs"])
def test_common_passwords_are_refused(password: str) -> None:
    """In any case, after NFC, with whatever spaces around."""
    assert reasons(password, common={"strasse sechs"}) == ("is one of the most common passwords",)
    assert new(password, common={"straße sechs", "STRASSE SECHS", "strasse"})


def test_all_rules_report_at_once() -> None:
    """One that breaks them all is told all of it, in one order."""
    found = reasons("A\0\ud800", policy=AuthPolicy.strict(), name="a\0\ud800", common={"a\0\ud800"})
    assert found == (
        "holds a NUL character",
        "holds a lone surrogate",
        "is shorter than 15 characters",
        "is the own e-mail address or name",
        "is one of the most common passwords",
    )


@given(st.text(max_size=60))
def test_folding_forgets_case_and_spelling_only(text: str) -> None:
    """Once is enough, and canonically equal texts fold alike."""
    assert folded(folded(text)) == folded(text)
    for form in ("NFC", "NFD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)


@given(st.text(max_size=200), st.sets(st.text(max_size=12)))
def test_what_is_accepted_keeps_every_rule(password: str, common: set[str]) -> None:
    """Whatever is asked: the answer is NFC within the limits, storable and not common, or a list of reasons."""
    listed = {folded(word) for word in common}
    try:
        accepted = new(password, common=listed)
    except PasswordRejected as refused:
        assert refused.reasons
        return
    assert accepted == unicodedata.normalize("NFC", password) == new(accepted, common=listed)
    assert 8 <= len(accepted) <= 128
    assert "\0" not in accepted
    assert accepted.encode()
    assert folded(accepted.strip()) not in listed


def test_a_rejection_does_not_hold_the_password() -> None:
    """It is shown to people and logged."""
    with pytest.raises(PasswordRejected) as caught:
        new("hunter2", common={"hunter2"})
    assert "hunter2" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize("char", ["\u1f82", "\u0390", "\uac01", "é"])
def test_a_long_password_fits_in_every_spelling(char: str) -> None:
    """The characters that come apart furthest: whoever registered with 128 of them can sign in with any keyboard."""
    apart = unicodedata.normalize("NFD", char * 128)
    assert presented_password(apart) == new(apart) == new(char * 128) == char * 128


def test_the_strict_policy_asks_for_fifteen() -> None:
    """Fourteen are one too few."""
    assert reasons("x" * 14, policy=AuthPolicy.strict()) == ("is shorter than 15 characters",)
    assert new("x" * 15, AuthPolicy.strict())


def test_a_new_password_is_another_one() -> None:
    """Compared in NFC; where none is replaced, nothing is compared."""
    given: Any = {"email": "ada@example.org", "name": "Ada", "common": ()}
    with pytest.raises(PasswordRejected) as caught:
        check_new_password("Pa\u0308sswort", POLICY, **given, current="P\u00e4sswort", field="new")
    assert caught.value.facts == {
        "field": "new",
        "reason": "is the password that it replaces",
        "reasons": ("is the password that it replaces",),
    }
    assert pickle.loads(pickle.dumps(caught.value)).facts == caught.value.facts
    assert check_new_password("Passwort", POLICY, **given, current="P\u00e4sswort") == "Passwort"


def test_an_error_names_the_parameter() -> None:
    """Where a call takes two passwords, it says which of them is wrong."""
    with pytest.raises(InvalidValue) as caught:
        presented_password("a\0b", "current")
    assert caught.value.field == "current"
    for wrong in (7, "x" * 2000):
        with pytest.raises(InvalidValue) as caught:
            check_new_password(wrong, POLICY, email="a@b", name="Ada", common=(), field="new")
        assert caught.value.field == "new"


@pytest.mark.parametrize("wrong", [None, 12345678, b"engine no. 9", ["x" * 8], True])
def test_other_types_are_no_passwords(wrong: object) -> None:
    """The error names the field and never shows the value."""
    for check in (new, presented_password):
        with pytest.raises(InvalidValue, match="must be text") as caught:
            check(wrong)
        assert caught.value.field == "password"
        assert "12345678" not in str(caught.value)


@pytest.mark.parametrize("password", ["a\0b", "a\ud800b", "x" * (LONGEST_PRESENTED + 1)])
def test_what_no_login_can_look_like(password: str) -> None:
    """Refused before any work is done on it."""
    with pytest.raises(InvalidValue):
        presented_password(password)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100))
def test_what_is_presented_is_compared_in_the_form_that_was_stored(password: str) -> None:
    """Two spellings of one text are one password."""
    composed, apart = (unicodedata.normalize(form, password) for form in ("NFC", "NFD"))
    assert presented_password(apart) == presented_password(composed) == presented_password(password) == composed


@pytest.mark.parametrize(
    ("stored", "cost", "key_id"),
    [
        (PLAIN, 10, None),
        (PLAIN.replace("$2b$", "$2a$"), 10, None),
        (PLAIN.replace("$2b$", "$2y$"), 10, None),
        (PLAIN.replace("$10$", "$04$"), 4, None),
        (PLAIN.replace("$10$", "$15$"), 15, None),
        ("$vc1$0" + PLAIN, 10, 0),
        ("$vc1$17" + PLAIN, 10, 17),
        ("$vc1$9999" + PLAIN, 10, 9999),
    ],
)
def test_the_forms_of_a_stored_hash(stored: str, cost: int, key_id: int | None) -> None:
    """Each is taken apart; what bcrypt is given has no prefix of ours."""
    found = parse_hash(stored)
    assert found is not None
    assert (found.cost, found.key_id) == (cost, key_id)
    assert found.bcrypt == stored.removeprefix(f"$vc1${key_id}")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "plain text",
        PLAIN[:-1],
        PLAIN + "a",
        PLAIN + "\n",
        PLAIN.replace("$2b$", "$2x$"),
        PLAIN.replace("$2b$", "$2$"),
        PLAIN.replace("$10$", "$03$"),
        PLAIN.replace("$10$", "$16$"),
        PLAIN.replace("$10$", "$31$"),
        PLAIN.replace("$10$", "$1٠$"),
        PLAIN.replace("$10$", "$+9$"),
        "$vc1$" + PLAIN,
        "$vc1$00" + PLAIN,
        "$vc1$-1" + PLAIN,
        "$vc1$01" + PLAIN,
        "$vc1$10000" + PLAIN,
        "$vc1$١" + PLAIN,
        "$vc1$1" + PLAIN.replace("$10$", "$16$"),
        "$vc2$0" + PLAIN,
        "$vc1$0$vc1$0" + PLAIN,
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
    ],
)
def test_other_hashes_are_not_read(stored: str) -> None:
    """Another algorithm, a damaged hash, or a cost that would take minutes."""
    assert parse_hash(stored) is None


def test_a_stored_hash_does_not_show() -> None:
    """It could be tried elsewhere."""
    assert repr(parse_hash("$vc1$17" + PLAIN)) == "StoredHash(cost=10, key_id=17)"
    assert repr(StoredHash(PLAIN, 10, None)) == "StoredHash(cost=10, key_id=None)"


def test_the_prehash_is_fixed() -> None:
    """Stored hashes depend on it for ever; the value is that of `openssl dgst -sha384 -hmac` in base64."""
    expected = b"pJ4HZzXmYz6GCivhz4uTZEFvKPUxZWre71rcLgmTTAPS/lfFG92/dSTZiaaKhcLr"
    assert prehash("ä".encode() * 100, b"vibecore/passwords/vc1/0") == expected


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"password_shortest": 0}, "password_shortest"),
        ({"password_shortest": True}, "password_shortest"),
        ({"password_shortest": 20, "password_longest": 19}, "password_longest"),
        ({"bcrypt_cost": 3}, "bcrypt_cost"),
        ({"bcrypt_cost": 16}, "bcrypt_cost"),
        ({"session_absolute": 30}, "session_absolute"),
    ],
)
def test_a_policy_without_sense_is_refused(figures: dict[str, Any], named: str) -> None:
    """A mistyped figure must not open the door."""
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**figures)
    assert caught.value.field == named
