"""Time-based one-time passwords: new secrets, what an authenticator reads, and which time step a code belongs to.

A secret is base32 text, and so is what an authenticator is told. Whoever has it makes the same codes: keep it in a
`SecretBox`, and show it, or the URI that holds it, to its user only.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from typing import TYPE_CHECKING

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import plain_text
from vibecore.domain.totp import (
    LONGEST_ACCOUNT,
    SHORTEST_SECRET,
    STANDARD,
    TotpParameters,
    check_issuer,
    check_label,
    presented_code,
)
from vibecore.services.effects import Tokens

if TYPE_CHECKING:
    from pyotp.totp import TOTP


def new_secret(tokens: Tokens, parameters: TotpParameters = STANDARD) -> str:
    """A new secret in base32, without padding, which no authenticator expects: 32 characters by default."""
    size = parameters.secret_bytes
    secret = tokens(size)
    if len(secret) != size:
        raise ValueError(f"a secret needs {size} random bytes, not {len(secret)}")
    return base64.b32encode(secret).decode().rstrip("=")


def provisioning_uri(secret: str, account: str, issuer: str, parameters: TotpParameters = STANDARD) -> str:
    """What an authenticator enrols from: an `otpauth://totp/` URI in ASCII, which holds the secret.

    `account` (an e-mail address, at most 254 bytes) and `issuer` (at most 64 bytes) are shown there. An issuer with a
    colon, which ends it in the URI, is refused as are empty ones. InvalidValue names the argument.
    """
    label = check_label("account", account, LONGEST_ACCOUNT)
    name = check_issuer("issuer", issuer)
    return _generator(secret, parameters).provisioning_uri(name=label, issuer_name=name)


def matching_step(
    secret: str, code: str, moment: datetime, last_step: int | None, parameters: TotpParameters = STANDARD
) -> int | None:
    """The time step whose code this is, within the window around `moment` and later than `last_step`; else None.

    `last_step` is the step of the last code that was accepted, None before the first. A step at or before it never
    matches, so that no code works twice (RFC 6238 5.2): keep the result with a compare-and-swap on `last_step` before
    anything is granted. Should two steps of the window have the same code, the later one is the result: the code is
    used up for both.

    The code may have spaces (see `presented_code`). Every step of the window is computed and compared in constant time,
    whether one matched or not. InvalidValue for a secret that is none, a naive moment, a code that is not text.
    """
    typed = presented_code(code, parameters.digits)
    generator = _generator(secret, parameters)
    present = parameters.step(moment)
    if typed is None:
        return None
    found: int | None = None
    for step in range(present - parameters.window, present + parameters.window + 1):
        if step < 0:
            continue
        right = hmac.compare_digest(generator.at(step * parameters.period), typed)
        if right & (last_step is None or step > last_step):
            found = step
    return found


def _generator(secret: str, parameters: TotpParameters) -> TOTP:
    from pyotp.totp import TOTP

    text = plain_text("secret", secret)
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        raise InvalidValue("secret", "is not the base32 form of a secret") from None
    if len(raw) < SHORTEST_SECRET:
        raise InvalidValue("secret", f"is shorter than {SHORTEST_SECRET} bytes")
    return TOTP(text, digits=parameters.digits, interval=parameters.period)
