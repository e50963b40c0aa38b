"""Time-based one-time passwords (RFC 6238): their parameters, and the form of a code that somebody typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Integer, Timestamp, check_text, plain_text

SHORTEST_SECRET: Final = 16
"""Bytes: RFC 4226 4, R6, demands 128 bits."""
LONGEST_ISSUER: Final = 64
LONGEST_ACCOUNT: Final = 254
"""Bytes of UTF-8 in what authenticators show. Percent-encoded, the issuer twice, both fit the largest QR code."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TYPED: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpParameters:
    """How codes are made. InvalidValue names a parameter that makes no sense.

    - `digits`: 6, the least of RFC 4226 5.3; up to 8. Some authenticators show six whatever they are told.
    - `period`: seconds of a time step, 30 (RFC 6238 5.2; OWASP ASVS 5.0, 6.5.5); 15 to 120 (NIST SP 800-63B-4,
      3.1.4.1: at least one new code every two minutes).
    - `window`: steps before and after the present one whose codes are accepted too, 1 (RFC 6238 5.2); 0 to 2.
    - `secret_bytes`: of a new secret, 20 (RFC 4226 4, R6: 160 bits); 16 to 64.

    The hash is always SHA-1, since authenticators ignore any other. Its collisions do not matter to HMAC (RFC 6238 3).
    Other values of `digits` or `period` than those a user enrolled with make that user's codes invalid.
    """

    digits: int = 6
    period: int = 30
    window: int = 1
    secret_bytes: int = 20

    def __post_init__(self) -> None:
        Integer(6, 8).check("digits", self.digits)
        Integer(15, 120).check("period", self.period)
        Integer(0, 2).check("window", self.window)
        Integer(SHORTEST_SECRET, 64).check("secret_bytes", self.secret_bytes)

    def step(self, moment: datetime) -> int:
        """The time step that `moment` is in, counted from 1970; negative before. InvalidValue for a naive moment."""
        aware = Timestamp().check("moment", moment)
        # Integers: a float would round the last microsecond of a step into the next one.
        return (aware - _EPOCH) // timedelta(seconds=self.period)


STANDARD: Final = TotpParameters()
"""What every authenticator understands."""


def presented_code(text: str, digits: int = STANDARD.digits) -> str | None:
    """The digits of a code that somebody typed; None if it has not exactly that many.

    Only 0 to 9 of ASCII are digits: Python and Unicode know others, and folding them would give one code several
    spellings. ASCII spaces are removed wherever they are, since authenticators show `123 456`; nothing else is.
    InvalidValue (field `code`) if `text` is no text.
    """
    typed = plain_text("code", text)
    if len(typed) > _LONGEST_TYPED or not typed.isascii():
        return None
    code = typed.replace(" ", "")
    return code if len(code) == digits and code.isdigit() else None


def check_issuer(field: str, value: object) -> str:
    """A name that an authenticator can show as the issuer: at most 64 bytes, with a character that is no space, and
    without a colon, which would end it in the URI. InvalidValue names `field`."""
    name = check_label(field, value, LONGEST_ISSUER)
    if ":" in name:
        raise InvalidValue(field, "holds a colon")
    return name


def check_label(field: str, value: object, longest: int) -> str:
    """Text that is not empty and at most `longest` bytes of UTF-8. InvalidValue names `field`."""
    text = check_text(field, value)
    if not text.strip():
        raise InvalidValue(field, "is empty")
    if len(text.encode()) > longest:
        raise InvalidValue(field, f"is longer than {longest} bytes")
    return text
