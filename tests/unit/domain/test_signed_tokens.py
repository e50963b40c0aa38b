from __future__ import annotations

import base64
import copy
import hmac
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import EARLIEST, LATEST
from vibecore.domain.signed_tokens import (
    CLOCK_SKEW,
    Context,
    Purpose,
    SignedToken,
    challenge_context,
    change_context,
    expired,
    nonce_bytes,
    read,
    reset_context,
    sign,
    verification_context,
    verify,
)

KEY = b"k" * 32
USER = UUID("0198f2b4-7c9e-7aaa-8bbb-000000000001")
NOW = datetime(2025, 1, 1, 12, 0, 0, 1, tzinfo=UTC)
CONTEXT = reset_context(password_hash="$2b$10$abc", email="ada@example.org")
PAYLOADS = {Purpose.CHANGE_EMAIL: 254, Purpose.LOGIN_CHALLENGE: 64}
PREFIXES = {
    Purpose.VERIFY_EMAIL: "vcv_",
    Purpose.CHANGE_EMAIL: "vce_",
    Purpose.RESET_PASSWORD: "vcr_",
    Purpose.LOGIN_CHALLENGE: "vcc_",
    Purpose.KNOWN_DEVICE: "vcd_",
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

purposes = st.sampled_from(list(Purpose))
contexts = st.lists(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.characters(categories=["Cs"])), max_size=4
).map(tuple)
moments = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC))


@st.composite
def requests(draw: st.DrawFn) -> tuple[Purpose, dict[str, Any]]:
    """Arguments of `sign`."""
    purpose = draw(purposes)
    size = nonce_bytes(purpose)
    return purpose, {
        "user_id": draw(st.uuids()),
        "issued_at": draw(moments),
        "context": draw(contexts),
        "nonce": draw(st.binary(min_size=size, max_size=size)),
        "payload": draw(st.binary(max_size=PAYLOADS.get(purpose, 0))),
    }


def made(purpose: Purpose = Purpose.RESET_PASSWORD, context: Context = CONTEXT, **changed: Any) -> str:
    fields = {"user_id": USER, "issued_at": NOW, "nonce": bytes(nonce_bytes(purpose)), **changed}
    return sign(KEY, purpose, context=context, **fields)


def parsed(purpose: Purpose, text: str) -> SignedToken:
    token = read(purpose, text)
    assert token is not None
    return token


@given(requests())
def test_a_token_says_what_was_signed(request: tuple[Purpose, dict[str, Any]]) -> None:
    """Every field comes back, and the key and the context that signed it verify it."""
    purpose, fields = request
    text = sign(KEY, purpose, **fields)
    token = parsed(purpose, text)
    for name in ("user_id", "issued_at", "nonce", "payload"):
        assert getattr(token, name) == fields[name]
    assert token.purpose is purpose
    assert text.startswith(PREFIXES[purpose])
    assert verify([KEY], token, fields["context"])


@given(requests(), st.data())
def test_any_changed_character_is_noticed(request: tuple[Purpose, dict[str, Any]], data: st.DataObject) -> None:
    """Wherever it stands: what can still be read does not verify."""
    purpose, fields = request
    text = sign(KEY, purpose, **fields)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.one_of(st.sampled_from(LETTERS), st.characters()))
    assume(other != text[place])
    token = read(purpose, text[:place] + other + text[place + 1 :])
    assert token is None or not verify([KEY], token, fields["context"])


@given(requests(), st.data())
def test_a_cut_or_longer_token_is_noticed(request: tuple[Purpose, dict[str, Any]], data: st.DataObject) -> None:
    """Characters left out or put in, anywhere."""
    purpose, fields = request
    text = sign(KEY, purpose, **fields)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    more = data.draw(st.text(LETTERS, max_size=8))
    changed = text[:start] + more + text[end:]
    assume(changed != text)
    token = read(purpose, changed)
    assert token is None or not verify([KEY], token, fields["context"])


@given(requests(), contexts)
def test_any_other_context_fails(request: tuple[Purpose, dict[str, Any]], other: Context) -> None:
    """Also one that only differs in type or in how it is cut into parts."""
    purpose, fields = request
    assume(list(map(repr, other)) != list(map(repr, fields["context"])))
    assert not verify([KEY], parsed(purpose, sign(KEY, purpose, **fields)), other)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((True,), (1,)),
        ((None,), ("None",)),
        ((None,), ()),
        ((1,), ("1",)),
        (("ab", "c"), ("a", "bc")),
        (("a",), ("a", "")),
        (("str:a",), ("a",)),
    ],
)
def test_contexts_are_not_confused(one: Context, two: Context) -> None:
    """No two have the same bytes."""
    assert not verify([KEY], parsed(Purpose.RESET_PASSWORD, made(context=one)), two)
    assert not verify([KEY], parsed(Purpose.RESET_PASSWORD, made(context=two)), one)


@given(requests(), purposes)
def test_no_purpose_takes_the_token_of_another(request: tuple[Purpose, dict[str, Any]], other: Purpose) -> None:
    """Not by its prefix, and not under another prefix even with the same key."""
    purpose, fields = request
    assume(other is not purpose)
    text = sign(KEY, purpose, **fields)
    assert read(other, text) is None
    token = read(other, PREFIXES[other] + text[4:])
    assert token is None or not verify([KEY], token, fields["context"])


def test_older_keys_still_verify() -> None:
    """Any of the keys given, at whatever place; no key verifies nothing."""
    token = parsed(Purpose.RESET_PASSWORD, made())
    assert verify([b"n" * 32, KEY], token, CONTEXT)
    assert verify([KEY, b"n" * 32], token, CONTEXT)
    assert not verify([b"n" * 32], token, CONTEXT)
    assert not verify([], token, CONTEXT)


def test_verifying_looks_at_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """And compares in constant time: which key signed shows in no duration."""
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(one: bytes, two: bytes) -> bool:
        compared.append(two)
        return real(one, two)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    token = parsed(Purpose.RESET_PASSWORD, made())
    assert verify([KEY, b"n" * 32, b"o" * 32], token, CONTEXT)
    assert len(compared) == 3


@given(st.sampled_from(list(Purpose)), st.text(max_size=200))
def test_any_other_text_is_no_token(purpose: Purpose, text: str) -> None:
    """Whatever a client sends, nothing is raised."""
    assert read(purpose, text) is None
    assert read(purpose, PREFIXES[purpose] + text) is None


TOKEN = made()
CHANGE = made(Purpose.CHANGE_EMAIL, payload=b"ada@example.com")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vcr_",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.upper(),
        TOKEN.lower(),
        "VCR_" + TOKEN[4:],
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "AAAA",
        TOKEN[:-1] + "+",
        TOKEN[:-1] + "/",
        TOKEN[:-1] + "é",
        TOKEN[:-1] + "\0",
        TOKEN[:-1] + "\ud800",
        "vcr_" + "A" * 1_000_000,
    ],
)
def test_one_spelling_only(text: str) -> None:
    """No padding, no other alphabet, no other case, nothing around it."""
    assert read(Purpose.RESET_PASSWORD, text) is None


@pytest.mark.parametrize("size", range(1, 255))
def test_unused_bits_are_no_second_spelling(size: int) -> None:
    """The last character may hold bits that decoding drops: only zeros there are read."""
    text = made(Purpose.CHANGE_EMAIL, payload=b"x" * size)
    readable = [other for other in LETTERS if read(Purpose.CHANGE_EMAIL, text[:-1] + other) is not None]
    raw = base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))
    assert len(readable) == {0: 64, 1: 4, 2: 16}[len(raw) % 3]
    assert text[-1] in readable


def forged(raw: bytes) -> str:
    return "vcr_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("version", [0, 2, 255])
def test_an_unknown_version_is_no_token(version: int) -> None:
    raw = base64.urlsafe_b64decode(TOKEN[4:])
    assert forged(raw) == TOKEN
    assert read(Purpose.RESET_PASSWORD, forged(bytes([version]) + raw[1:])) is None


@pytest.mark.parametrize("moment", [2**63 - 1, -(2**63), 253_402_214_400_000_000])
def test_a_time_outside_of_all_dates_is_no_token(moment: int) -> None:
    """It would overflow where it is compared."""
    raw = base64.urlsafe_b64decode(TOKEN[4:])
    assert read(Purpose.RESET_PASSWORD, forged(raw[:17] + moment.to_bytes(8, "big", signed=True) + raw[25:])) is None


def test_expiry_is_exact() -> None:
    """Valid until the last microsecond of its lifetime, never at its end, whatever the time zones."""
    token = parsed(Purpose.RESET_PASSWORD, made())
    hour, tick = timedelta(hours=1), timedelta(microseconds=1)
    assert not expired(token, NOW, hour)
    assert not expired(token, NOW + hour - tick, hour)
    assert expired(token, NOW + hour, hour)
    assert expired(token, (NOW + hour).astimezone(timezone(timedelta(hours=9))), hour)
    assert not expired(token, NOW, tick)
    assert expired(token, NOW, timedelta(0))


def test_a_token_from_the_future_is_expired() -> None:
    """More than the clocks of two servers differ."""
    token = parsed(Purpose.RESET_PASSWORD, made())
    year = timedelta(days=365)
    assert not expired(token, NOW - CLOCK_SKEW, year)
    assert expired(token, NOW - CLOCK_SKEW - timedelta(microseconds=1), year)
    assert expired(parsed(Purpose.RESET_PASSWORD, made(issued_at=LATEST)), EARLIEST, year)
    assert expired(parsed(Purpose.RESET_PASSWORD, made(issued_at=EARLIEST)), LATEST, year)


def test_what_cannot_be_signed() -> None:
    """A naive time, a nonce of another size, a payload that the purpose does not have."""
    with pytest.raises(InvalidValue, match="naive"):
        made(issued_at=NOW.replace(tzinfo=None))
    for purpose, size in ((Purpose.RESET_PASSWORD, 16), (Purpose.LOGIN_CHALLENGE, 15), (Purpose.KNOWN_DEVICE, 0)):
        with pytest.raises(ValueError, match="needs a nonce of"):
            made(purpose, nonce=bytes(size))
    for purpose, size in ((Purpose.RESET_PASSWORD, 1), (Purpose.CHANGE_EMAIL, 255), (Purpose.LOGIN_CHALLENGE, 65)):
        with pytest.raises(ValueError, match="carries at most"):
            made(purpose, payload=bytes(size))


def test_the_contexts_of_the_purposes() -> None:
    """Each fact of the account counts."""
    contexts = [
        reset_context(password_hash="h", email="a"),
        reset_context(password_hash="i", email="a"),
        reset_context(password_hash="h", email="b"),
        verification_context(email="a", verified=False),
        verification_context(email="a", verified=True),
        verification_context(email="b", verified=False),
        change_context(email="a", new_email="c"),
        change_context(email="a", new_email="b"),
        change_context(email="b", new_email="a"),
        challenge_context(password_hash="h", two_factor_generation=1),
        challenge_context(password_hash="h", two_factor_generation=2),
        challenge_context(password_hash="i", two_factor_generation=1),
    ]
    for i, one in enumerate(contexts):
        token = parsed(Purpose.RESET_PASSWORD, made(context=one))
        assert [verify([KEY], token, other) for other in contexts] == [i == j for j in range(len(contexts))]


def test_nothing_secret_shows() -> None:
    """A parsed token is a bearer token too: no repr, pickle or copy of it can be used."""
    token = parsed(Purpose.CHANGE_EMAIL, CHANGE)
    assert "example.com" not in repr(token)
    assert token.mac.hex() not in repr(token)
    assert repr(token.mac) not in repr(token)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(token)
