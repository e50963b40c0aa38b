from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.totp import STANDARD, TotpParameters, presented_code

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_the_standard_parameters() -> None:
    """Those that every authenticator understands."""
    assert TotpParameters() == STANDARD
    assert (STANDARD.digits, STANDARD.period, STANDARD.window, STANDARD.secret_bytes) == (6, 30, 1, 20)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("digits", value) for value in (5, 9, 0, -6, True, "6", 6.0, None)),
        *(("period", value) for value in (0, 14, 121, -30, "30", 30.0, None)),
        *(("window", value) for value in (-1, 3, True, None)),
        *(("secret_bytes", value) for value in (0, 15, 65, "20", None)),
    ],
)
def test_parameters_that_make_no_sense_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        TotpParameters(**{field: value})
    assert caught.value.field == field


@given(st.integers(-(10**9), 10**9), st.integers(0, 29_999_999), st.integers(-14, 14))
def test_a_step_has_thirty_seconds(step: int, microseconds: int, hours: int) -> None:
    """From its first microsecond to its last, in any time zone, before 1970 too."""
    moment = EPOCH + timedelta(seconds=30 * step, microseconds=microseconds)
    assert STANDARD.step(moment.astimezone(timezone(timedelta(hours=hours)))) == step


def test_a_naive_moment_is_in_no_step() -> None:
    with pytest.raises(InvalidValue) as caught:
        STANDARD.step(datetime(2025, 1, 1))  # noqa: DTZ001
    assert caught.value.field == "moment"


@pytest.mark.parametrize("text", ["123456", "123 456", " 123456 ", "12 34 56", "1 2 3 4 5 6"])
def test_spaces_do_not_matter(text: str) -> None:
    """Authenticators show them, and people copy them."""
    assert presented_code(text) == "123456"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "12345",
        "1234567",
        "12345a",
        "-12345",
        "+12345",
        "123-456",
        "12_456",
        "1e5000",
        "123456\n",
        "\t123456",
        "123\N{NO-BREAK SPACE}456",
        "\N{FULLWIDTH DIGIT ONE}23456",
        "\N{ARABIC-INDIC DIGIT ONE}23456",
        "12345\N{SUPERSCRIPT TWO}",
        "12345\N{CIRCLED DIGIT SIX}",
        "12345\N{MATHEMATICAL BOLD DIGIT SIX}",
        "12345\0",
        "12345\ud800",
        "123456" + " " * 100,
    ],
)
def test_any_other_text_is_no_code(text: str) -> None:
    """Only six digits of ASCII: a code has no second spelling."""
    assert presented_code(text) is None


@given(st.text(max_size=12), st.integers(6, 8))
def test_whatever_is_typed_is_so_many_digits_or_none(text: str, digits: int) -> None:
    code = presented_code(text, digits)
    bare = text.replace(" ", "")
    assert code == (bare if len(bare) == digits and all(char in "0123456789" for char in bare) else None)


@pytest.mark.parametrize("value", [None, 123456, b"123456", ["123456"]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        presented_code(value)
    assert caught.value.field == "code"
