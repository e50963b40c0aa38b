from __future__ import annotations

import base64
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.totp import STANDARD, TotpParameters
from vibecore.services.totp import matching_step, new_secret, provisioning_uri
from vibecore.testing.effects import SequentialTokens

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RAW = st.binary(min_size=20, max_size=20)
STEPS = st.integers(5, 2**32)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def code_of(raw: bytes, step: int, digits: int = 6) -> str:
    """The code of a step, as RFC 4226 5.3 writes it."""
    digest = hmac.digest(raw, step.to_bytes(8), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 10**digits:0{digits}}"


def text_of(raw: bytes) -> str:
    return base64.b32encode(raw).decode()


def start(step: int) -> datetime:
    return EPOCH + timedelta(seconds=30 * step)


# RFC 6238, appendix B, SHA-1: seconds since 1970, the step in hexadecimal, and eight digits.
VECTORS = [
    (59, "0000000000000001", "94287082"),
    (1111111109, "00000000023523EC", "07081804"),
    (1111111111, "00000000023523ED", "14050471"),
    (1234567890, "000000000273EF07", "89005924"),
    (2000000000, "0000000003F940AA", "69279037"),
    (20000000000, "0000000027BC86AA", "65353130"),
]


@pytest.mark.parametrize(("seconds", "step", "code"), VECTORS)
def test_the_vectors_of_the_rfc(seconds: int, step: str, code: str) -> None:
    """Eight digits as printed; six are the last six of them, since both are remainders of one number."""
    moment = EPOCH + timedelta(seconds=seconds)
    eight = TotpParameters(digits=8)
    assert matching_step(RFC_SECRET, code, moment, None, eight) == int(step, 16)
    assert matching_step(RFC_SECRET, code[2:], moment, None) == int(step, 16)
    assert matching_step(RFC_SECRET, code, moment, None) is None
    assert matching_step(RFC_SECRET, code[2:], moment, None, eight) is None


@given(RAW, STEPS, st.integers(-3, 3), st.integers(0, 29_999_999), st.none() | st.integers(-3, 3))
def test_a_code_belongs_to_its_step(raw: bytes, present: int, away: int, into: int, last_away: int | None) -> None:
    """One step around the present one is accepted, unless that step or a later one was used before."""
    step, moment = present + away, start(present) + timedelta(microseconds=into)
    last = None if last_away is None else present + last_away
    code = code_of(raw, step)
    right = [
        near for near in range(present - 1, present + 2) if code_of(raw, near) == code and (last is None or near > last)
    ]
    assert matching_step(text_of(raw), code, moment, last) == (right[-1] if right else None)


@given(RAW, STEPS, st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_no_other_code_matches(raw: bytes, present: int, code: str) -> None:
    """Any six digits: they are the code of a step in the window, or nothing."""
    window = {code_of(raw, step): step for step in range(present - 1, present + 2)}
    assert matching_step(text_of(raw), code, start(present), None) == window.get(code)


@given(RAW, RAW, STEPS)
def test_a_code_of_another_secret_does_not_match(raw: bytes, other: bytes, present: int) -> None:
    code = code_of(other, present)
    window = {code_of(raw, step): step for step in range(present - 1, present + 2)}
    assert matching_step(text_of(raw), code, start(present), None) == window.get(code)


@given(st.text(max_size=12))
def test_whatever_is_typed_nothing_is_raised(text: str) -> None:
    right = {code_of(b"12345678901234567890", step) for step in (999, 1000, 1001)}
    found = matching_step(RFC_SECRET, text, start(1000), None)
    assert (found is not None) is (text.replace(" ", "") in right)


def test_the_window_to_the_second() -> None:
    """A code is accepted from 30 seconds before its step begins until 30 seconds after it ended."""
    step = 58_000_000
    code = code_of(b"12345678901234567890", step)
    first, last = start(step) - 30 * SECOND, start(step) + 60 * SECOND
    for moment, expected in (
        (first - SECOND, None),
        (first - MICROSECOND, None),
        (first, step),
        (start(step), step),
        (last - SECOND, step),
        (last - MICROSECOND, step),
        (last, None),
        (last + SECOND, None),
    ):
        assert matching_step(RFC_SECRET, code, moment, None) == expected, moment


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("period", [15, 30, 60])
def test_the_window_is_as_wide_as_chosen(window: int, period: int) -> None:
    chosen = TotpParameters(window=window, period=period)
    step = 1000
    code = code_of(b"12345678901234567890", step)
    for away in range(-4, 5):
        moment = EPOCH + timedelta(seconds=(step + away) * period)
        assert (matching_step(RFC_SECRET, code, moment, None, chosen) == step) is (abs(away) <= window)


@given(RAW, STEPS, st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 1)), max_size=30))
def test_accepted_steps_only_grow(raw: bytes, present: int, tries: list[tuple[int, int]]) -> None:
    """Whatever is presented, whenever: each accepted step is later than all before it, so no code works twice."""
    last: int | None = None
    used: set[int] = set()
    for on, away in tries:
        present += on
        found = matching_step(text_of(raw), code_of(raw, present + away), start(present), last)
        if found is not None:
            assert last is None or found > last
            assert found not in used
            used.add(found)
            last = found
        else:
            assert last is not None
            assert present + away <= last


def test_a_code_of_two_steps_is_used_up_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The later of them is the result; the same digits are not accepted again while either is in the window."""
    from pyotp.totp import TOTP

    monkeypatch.setattr(TOTP, "at", lambda self, seconds: "123456" if seconds // 30 in (1000, 1001) else "000000")
    assert matching_step(RFC_SECRET, "123456", start(1000), None) == 1001
    assert matching_step(RFC_SECRET, "123456", start(1000), 1000) == 1001
    assert matching_step(RFC_SECRET, "123456", start(1000), 1001) is None


def test_every_step_is_computed_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As often for a right code as for a wrong one, by the comparison that takes the same time for all."""
    compared: list[tuple[Any, Any]] = []
    real = hmac.compare_digest

    def compare(one: Any, two: Any) -> bool:
        compared.append((one, two))
        return real(one, two)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    raw = b"12345678901234567890"
    expected = [code_of(raw, step) for step in (999, 1000, 1001)]
    for code in (*expected, "000000"):
        for last in (None, 998, 1001):
            compared.clear()
            matching_step(RFC_SECRET, code, start(1000), last)
            assert compared == [(right, code) for right in expected]


@pytest.mark.parametrize("seconds", [-(10**9), -31, -30, -1, 0, 29])
def test_a_clock_at_the_beginning_of_time(seconds: int) -> None:
    """Steps before 1970 have no codes; nothing is raised."""
    code = code_of(b"12345678901234567890", 0)
    expected = 0 if seconds >= -30 else None
    assert matching_step(RFC_SECRET, code, EPOCH + timedelta(seconds=seconds), None) == expected


def test_a_clock_at_the_end_of_time() -> None:
    late = datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)
    step = STANDARD.step(late) + 1
    assert matching_step(RFC_SECRET, code_of(b"12345678901234567890", step), late, None) == step


@pytest.mark.parametrize(
    "secret",
    ["", "GEZDGNBV", "A" * 24, "a" * 32, "1" * 32, "é" * 32, "GEZDGNBVGY3TQOJQ!", "\ud800" * 32, None, b"A" * 32],
)
def test_what_is_no_secret_is_refused_and_not_quoted(secret: Any) -> None:
    for call in (
        lambda: matching_step(secret, "123456", start(1000), None),
        lambda: provisioning_uri(secret, "ada@example.org", "Acme"),
    ):
        with pytest.raises(InvalidValue) as caught:
            call()
        assert caught.value.field == "secret"
        assert not secret or str(secret) not in str(caught.value)


def test_naive_moments_are_refused() -> None:
    with pytest.raises(InvalidValue) as caught:
        matching_step(RFC_SECRET, "123456", datetime(2025, 1, 1), None)  # noqa: DTZ001
    assert caught.value.field == "moment"


def test_a_new_secret_has_160_bits() -> None:
    """All of them from the source of randomness."""
    asked: list[int] = []

    def tokens(size: int, /) -> bytes:
        asked.append(size)
        return b"\xff" * size

    assert new_secret(tokens) == "7" * 32
    assert asked == [20]
    assert base64.b32decode(new_secret(secrets.token_bytes)) != base64.b32decode(new_secret(secrets.token_bytes))
    with pytest.raises(ValueError, match="20 random bytes"):
        new_secret(lambda size: b"\xff" * (size - 1))


@pytest.mark.parametrize("size", [16, 17, 18, 19, 20, 32, 64])
def test_secrets_of_any_length_work_without_padding(size: int) -> None:
    chosen = TotpParameters(secret_bytes=size)
    secret = new_secret(SequentialTokens(), chosen)
    raw = SequentialTokens()(size)
    assert re.fullmatch(r"[A-Z2-7]+", secret)
    assert matching_step(secret, code_of(raw, 1000), start(1000), None, chosen) == 1000
    assert parse_qs(urlsplit(provisioning_uri(secret, "ada", "Acme")).query)["secret"] == [secret]


def test_the_uri_of_an_ordinary_account() -> None:
    """Nothing but what is needed: the standard parameters are the ones an authenticator assumes."""
    assert provisioning_uri(RFC_SECRET, "ada@example.org", "Acme & Co") == (
        "otpauth://totp/Acme%20%26%20Co:ada%40example.org"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20Co"
    )
    chosen = TotpParameters(digits=8, period=60)
    assert provisioning_uri(RFC_SECRET, "ada", "Acme", chosen).endswith("&issuer=Acme&digits=8&period=60")


SHOWN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=16)


@given(SHOWN.filter(str.strip), SHOWN.filter(str.strip))
def test_names_cannot_change_the_uri(account: str, issuer: str) -> None:
    """Whatever they hold, an authenticator reads them back, and no parameter is added or replaced."""
    if ":" in issuer:
        with pytest.raises(InvalidValue, match="colon"):
            provisioning_uri(RFC_SECRET, account, issuer)
        return
    uri = provisioning_uri(RFC_SECRET, account, issuer)
    assert uri.isascii()
    assert uri.isprintable()
    assert " " not in uri
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert unquote(parts.path[1:]).split(":", 1) == [issuer, account]
    assert parse_qs(parts.query, strict_parsing=True) == {"secret": [RFC_SECRET], "issuer": [issuer]}


@pytest.mark.parametrize(
    ("account", "issuer", "field"),
    [
        ("", "Acme", "account"),
        ("  ", "Acme", "account"),
        ("a" * 255, "Acme", "account"),
        ("é" * 128, "Acme", "account"),
        ("a\0", "Acme", "account"),
        ("\ud800", "Acme", "account"),
        (None, "Acme", "account"),
        ("ada", "", "issuer"),
        ("ada", " ", "issuer"),
        ("ada", "a:b", "issuer"),
        ("ada", "a" * 65, "issuer"),
        ("ada", "\ud800", "issuer"),
        ("ada", 5, "issuer"),
    ],
)
def test_names_that_nobody_could_read_are_refused(account: Any, issuer: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        provisioning_uri(RFC_SECRET, account, issuer)
    assert caught.value.field == field


@given(st.text(max_size=70) | st.text("é:", max_size=40) | st.sampled_from(("a" * 64, "a" * 65, "é" * 32, "é" * 33)))
def test_a_policy_takes_exactly_the_issuers_that_an_authenticator_can_be_told(issuer: str) -> None:
    """Otherwise an installation would open, and every enrolment fail."""
    try:
        policy = AuthPolicy(totp_issuer=issuer)
    except InvalidValue as refused:
        with pytest.raises(InvalidValue) as caught:
            provisioning_uri(RFC_SECRET, "ada", issuer)
        assert (refused.field, caught.value.field) == ("totp_issuer", "issuer")
        assert refused.reason == caught.value.reason
    else:
        uri = provisioning_uri(RFC_SECRET, "ada", policy.totp_issuer)
        assert parse_qs(urlsplit(uri).query)["issuer"] == [issuer]
