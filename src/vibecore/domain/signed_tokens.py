"""Signed tokens: links in mails, login challenges and known devices, without a table of tokens.

A token is its purpose's prefix and base64url without padding of

    version (1 byte, 1) | user id (16) | issue time (8) | nonce | payload | HMAC-SHA256 (32)

The issue time is in microseconds since 1970, signed, big-endian; the nonce has its purpose's size, the payload what
is left.
The HMAC also covers the purpose and a *context* that the token does not carry: the state of the account for which it
was made. When that state changes, every token that was made for it is worthless, which is how a link works once.

`read` needs neither key nor store; then `expired`; then, with the account at hand, `verify`.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NoReturn
from uuid import UUID

from vibecore.domain.rules import EARLIEST, LATEST, Timestamp

Context = tuple[str | int | bool | None, ...]
"""Facts about an account that a token is bound to: equal in type and value, and in number, or the token fails."""

CLOCK_SKEW: Final = timedelta(seconds=60)
"""How far in the future a token may have been issued: clocks of servers differ a little (RFC 7519 4.1.4)."""

_VERSION: Final = b"\x01"
_MAC_BYTES: Final = 32
_HEAD_BYTES: Final = 1 + 16 + 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (EARLIEST - _EPOCH) // _MICROSECOND
_LAST: Final = (LATEST - _EPOCH) // _MICROSECOND
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Purpose(StrEnum):
    """What a token is for. The value names the key that signs it; the note below each tells its context."""

    VERIFY_EMAIL = "token/verify-email"
    """`verification_context`."""
    CHANGE_EMAIL = "token/change-email"
    """`change_context`; the payload is the new address in UTF-8."""
    RESET_PASSWORD = "token/reset-password"
    """`reset_context`."""
    LOGIN_CHALLENGE = "token/login-challenge"
    """`challenge_context`; the payload is the service's (remember flags), the nonce makes it single-use."""
    KNOWN_DEVICE = "token/known-device"
    """`device_context`; the nonce names the device."""


@dataclass(frozen=True, slots=True)
class _Form:
    prefix: str
    nonce: int = 0
    payload: int = 0
    """Bytes at most."""


_FORMS: Final = {
    Purpose.VERIFY_EMAIL: _Form("vcv_"),
    Purpose.CHANGE_EMAIL: _Form("vce_", payload=254),
    Purpose.RESET_PASSWORD: _Form("vcr_"),
    Purpose.LOGIN_CHALLENGE: _Form("vcc_", nonce=16, payload=64),
    Purpose.KNOWN_DEVICE: _Form("vcd_", nonce=16),
}
assert _FORMS.keys() == set(Purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedToken:
    """What a token says, believed by nobody before `verify`. Neither pickled nor copied."""

    purpose: Purpose
    user_id: UUID
    issued_at: datetime
    nonce: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    body: bytes = field(repr=False)
    """Everything that is signed, but the context."""
    mac: bytes = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signed token is not pickled or copied")


def nonce_bytes(purpose: Purpose) -> int:
    """The size of the nonce that tokens for `purpose` have; 0 for none."""
    return _FORMS[purpose].nonce


def sign(
    key: bytes,
    purpose: Purpose,
    *,
    user_id: UUID,
    issued_at: datetime,
    context: Context,
    nonce: bytes = b"",
    payload: bytes = b"",
) -> str:
    """A token under the purpose's key. InvalidValue for a naive `issued_at`, ValueError for a nonce of another size
    than the purpose has and for a payload that it does not have or that is too long."""
    form = _FORMS[purpose]
    if len(nonce) != form.nonce:
        raise ValueError(f"{purpose} needs a nonce of {form.nonce} bytes, not {len(nonce)}")
    if len(payload) > form.payload:
        raise ValueError(f"{purpose} carries at most {form.payload} bytes, not {len(payload)}")
    moment = (Timestamp().check("issued_at", issued_at) - _EPOCH) // _MICROSECOND
    body = _VERSION + user_id.bytes + moment.to_bytes(8, "big", signed=True) + nonce + payload
    return form.prefix + _encode(body + _mac(key, purpose, body, context))


def read(purpose: Purpose, text: str) -> SignedToken | None:
    """What `text` says if it has the one form of a token for `purpose`; else None. Nothing is raised."""
    form = _FORMS[purpose]
    shortest = _HEAD_BYTES + form.nonce + _MAC_BYTES
    encoded = text[len(form.prefix) :]
    if not text.startswith(form.prefix) or len(encoded) > 2 * (shortest + form.payload):
        return None
    if not _ALPHABET.fullmatch(encoded) or len(encoded) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    # Bits that decoding ignores would be a second spelling.
    if _encode(raw) != encoded or not shortest <= len(raw) <= shortest + form.payload or raw[:1] != _VERSION:
        return None
    moment = int.from_bytes(raw[17:_HEAD_BYTES], "big", signed=True)
    if not _FIRST <= moment <= _LAST:
        return None
    body, rest = raw[:-_MAC_BYTES], raw[_HEAD_BYTES:-_MAC_BYTES]
    return SignedToken(
        purpose=purpose,
        user_id=UUID(bytes=raw[1:17]),
        issued_at=_EPOCH + moment * _MICROSECOND,
        nonce=rest[: form.nonce],
        payload=rest[form.nonce :],
        body=body,
        mac=raw[-_MAC_BYTES:],
    )


def expired(token: SignedToken, now: datetime, lifetime: timedelta) -> bool:
    """Whether it is `lifetime` or longer since the token was issued, or it comes from the future (`CLOCK_SKEW`)."""
    age = now - token.issued_at
    return age >= lifetime or age < -CLOCK_SKEW


def verify(keys: Iterable[bytes], token: SignedToken, context: Context) -> bool:
    """Whether one of the keys signed this token for this context, in a time that depends on neither answer nor key."""
    valid = False
    for key in keys:
        valid |= hmac.compare_digest(token.mac, _mac(key, token.purpose, token.body, context))
    return valid


def verification_context(*, email: str, verified: bool) -> Context:
    """A link verifies the address that it was sent to, once."""
    return (email, verified)


def change_context(*, email: str, new_email: str) -> Context:
    """A change of address, from the one the account has to the one in the payload."""
    return (email, new_email)


def reset_context(*, password_hash: str, email: str) -> Context:
    """A reset works until password or address change."""
    return (password_hash, email)


def challenge_context(*, password_hash: str, two_factor_generation: int) -> Context:
    """A login goes on with the password and the second factor that it began with."""
    return (password_hash, two_factor_generation)


def device_context(*, email_key: str) -> Context:
    """A device is known for the address that it signed in with: only then may it have tries of its own."""
    return (email_key,)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(key: bytes, purpose: Purpose, body: bytes, context: Context) -> bytes:
    parts = (purpose.encode(), body, *map(_part, context))
    return hmac.digest(key, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")


def _part(fact: str | int | bool | None) -> bytes:
    """Type and value, so that no two facts have the same bytes."""
    value = fact if isinstance(fact, str) else repr(fact)
    return f"{type(fact).__name__}:{value}".encode(errors="surrogatepass")
