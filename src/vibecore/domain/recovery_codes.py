"""Recovery codes: what a user keeps for the day on which the authenticator is lost, each good for one sign-in.

A code is 24 characters of Crockford's base32, 120 random bits, shown in groups of four. Case, hyphens and spaces do not
matter when it is typed, and I and L are read as 1, O as 0, as Crockford's alphabet means it; U belongs to no code.

The store keeps the SHA-256 of a code. A slow hash protects what people think up; 120 random bits cannot be searched
however fast the hash is (OWASP ASVS 5.0, 6.5.2, asks for a password hash below 112 bits only).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Final

from vibecore.domain.fields import Id, Moment
from vibecore.domain.rules import Text, plain_text
from vibecore.domain.schema import Reference, Table, Unique, updated_index

RECOVERY_CODE_COUNT: Final = 10
"""How many a user gets at a time."""
RECOVERY_SECRET_BYTES: Final = 15
"""Random bytes of one code: 120 bits, which fill 24 characters exactly."""
RECOVERY_CODE_LENGTH: Final = 24

_GROUP: Final = 4
_LONGEST_TYPED: Final = 128
_RFC4648: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_WRITTEN: Final = str.maketrans(_RFC4648, _CROCKFORD)
_READ: Final = str.maketrans("ILO", "110", "- ")
_CANONICAL: Final = re.compile(f"[{_CROCKFORD}]{{{RECOVERY_CODE_LENGTH}}}", re.ASCII)


def make_recovery_code(secret: bytes) -> str:
    """The code as it is shown, once: six groups of four with hyphens. `secret` is 15 unpredictable bytes."""
    if len(secret) != RECOVERY_SECRET_BYTES:
        raise ValueError(f"a recovery code needs {RECOVERY_SECRET_BYTES} random bytes, not {len(secret)}")
    code = base64.b32encode(secret).decode().translate(_WRITTEN)
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def parse_recovery_code(text: str) -> str | None:
    """The canonical form of what somebody typed, 24 characters; None if it is no recovery code.

    Hyphens and spaces are those of ASCII, anywhere. InvalidValue (field `code`) if `text` is no text.
    """
    typed = plain_text("code", text)
    # ASCII first: `upper` makes ASCII letters of others, such as the dotless i and the long s.
    if len(typed) > _LONGEST_TYPED or not typed.isascii():
        return None
    code = typed.upper().translate(_READ)
    return code if _CANONICAL.fullmatch(code) else None


def recovery_code_digest(code: str) -> str:
    """What the store keeps of a code: the SHA-256 of its canonical form, in hexadecimal.

    ValueError for any other form: its digest would be that of no code.
    """
    if not _CANONICAL.fullmatch(code):
        raise ValueError("only the canonical form of a recovery code has a digest")
    return sha256(code.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCode:
    """A code that its user has not used yet, as `recovery_code_digest`. Using it removes the row."""

    id: Id
    user_id: Id
    code_hash: Annotated[str, Text(64, shortest=1)] = field(repr=False)
    created_at: Moment
    updated_at: Moment


RECOVERY_CODES: Final = Table(
    RecoveryCode,
    "recovery_codes",
    "recovery_code",
    scope="user_id",
    uniques=(Unique("uq_recovery_codes_hash", ("user_id", "code_hash")),),
    references=(Reference("fk_recovery_codes_user", "user_id", "users"),),
    indexes=(updated_index("recovery_codes"),),
)
