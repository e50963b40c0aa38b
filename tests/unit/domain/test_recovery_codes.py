from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.recovery_codes import (
    RECOVERY_CODE_COUNT,
    make_recovery_code,
    parse_recovery_code,
    recovery_code_digest,
)

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SECRETS = st.binary(min_size=15, max_size=15)
CODE = "0123456789ABCDEFGHJKMNPQ"


class Label(StrEnum):
    CODE = CODE


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A code in its canonical form, and one of the ways to type it."""
    code = make_recovery_code(draw(SECRETS)).replace("-", "")
    typed = ""
    for char in code:
        typed += draw(st.sampled_from(["", "", "", "-", " ", " - "]))
        alike = {"1": "1IiLl", "0": "0Oo"}.get(char, char + char.lower())
        typed += draw(st.sampled_from(alike))
    return code, typed + draw(st.sampled_from(["", " ", "-"]))


def test_a_user_gets_ten_codes() -> None:
    assert RECOVERY_CODE_COUNT == 10


@given(SECRETS)
def test_a_code_is_its_120_bits_in_groups(secret: bytes) -> None:
    """Read as a number to the base of 32 it is the secret again: no bit is lost, none is added."""
    shown = make_recovery_code(secret)
    assert [len(group) for group in shown.split("-")] == [4] * 6
    code = shown.replace("-", "")
    assert sum(CROCKFORD.index(char) * 32**place for place, char in enumerate(reversed(code))) == int.from_bytes(secret)
    assert parse_recovery_code(shown) == code


def test_known_codes() -> None:
    """The first, the last, and each character once where it belongs."""
    assert make_recovery_code(bytes(15)) == "0000-0000-0000-0000-0000-0000"
    assert make_recovery_code(b"\xff" * 15) == "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    first_24 = sum(place << 5 * (23 - place) for place in range(24)).to_bytes(15)
    assert make_recovery_code(first_24) == "0123-4567-89AB-CDEF-GHJK-MNPQ"


@given(spellings())
def test_a_code_has_many_spellings_and_one_form(spelling: tuple[str, str]) -> None:
    """Case, hyphens and spaces do not matter, nor do letters that look like digits."""
    code, typed = spelling
    assert parse_recovery_code(typed) == code


@given(spellings(), spellings())
def test_different_codes_have_different_digests(one: tuple[str, str], two: tuple[str, str]) -> None:
    first, second = (recovery_code_digest(code) for code, _ in (one, two))
    assert (first == second) is (one[0] == two[0])


@given(st.text(max_size=60) | st.text(CROCKFORD + "ILOU- ", max_size=40))
def test_whatever_is_typed_is_a_code_or_none(text: str) -> None:
    """Nothing is raised, and what is read has the canonical form."""
    code = parse_recovery_code(text)
    assert code is None or (len(code) == 24 and set(code) <= set(CROCKFORD))
    bare = text.replace("-", "").replace(" ", "")
    if len(bare) != 24 or not bare.isascii() or not bare.isalnum() or "u" in bare.lower():
        assert code is None
    elif len(text) <= 128:
        assert code is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        CODE[:-1],
        CODE + "0",
        "U" + CODE[1:],
        "u" + CODE[1:],
        CODE + "\n",
        "\t" + CODE,
        CODE[:-1] + "é",
        CODE[:-1] + "\0",
        CODE[:-1] + "\ud800",
        CODE[:-1] + "_",
        CODE[:-1] + "=",
        "\N{LATIN SMALL LETTER DOTLESS I}" + CODE[1:],
        "\N{LATIN SMALL LETTER LONG S}" + CODE[1:],
        "\N{FULLWIDTH DIGIT ZERO}" + CODE[1:],
        "\N{ARABIC-INDIC DIGIT ONE}" + CODE[1:],
        CODE.replace("4", "4\N{NON-BREAKING HYPHEN}"),
        CODE.replace("4", "4\N{NO-BREAK SPACE}"),
        CODE + "-" * 200,
        "sha256:" + CODE,
    ],
)
def test_any_other_text_is_no_code(text: str) -> None:
    """No other alphabet, no other hyphen or space, no folding of what only looks or sounds alike."""
    assert parse_recovery_code(text) is None


@pytest.mark.parametrize("value", [None, 5, b"0" * 24, Label.CODE, [CODE]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_recovery_code(value)
    assert caught.value.field == "code"


@pytest.mark.parametrize("size", [0, 10, 14, 16])
def test_a_short_secret_makes_no_code(size: int) -> None:
    """A source of randomness that gives too little is a fault, not a weaker code."""
    with pytest.raises(ValueError, match="15 random bytes"):
        make_recovery_code(bytes(size))


def test_the_digest_is_that_of_the_canonical_form() -> None:
    """And of no other: the digest of a code as it was typed would match nothing, silently."""
    assert recovery_code_digest(CODE) == sha256(CODE.encode()).hexdigest()
    assert len(recovery_code_digest(CODE)) == 64
    for text in ("0123-4567-89AB-CDEF-GHJK-MNPQ", CODE.lower(), CODE[:-1], CODE[:-1] + "I", CODE + "\n", ""):
        with pytest.raises(ValueError, match="canonical") as caught:
            recovery_code_digest(text)
        assert CODE[:8] not in str(caught.value).upper()
