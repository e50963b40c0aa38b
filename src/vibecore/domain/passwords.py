"""Passwords: what a new one must keep, the form in which one is compared, and the forms of a stored hash.

A password is compared in NFC, never NFKC: compatibility folding would make different passwords equal.

Stored hashes have one of two forms:

- `$2b$<cost>$...`: plain bcrypt of the password's UTF-8, which any other bcrypt library reads and writes. Only for
  passwords of at most 72 bytes, since bcrypt sees no more. `$2a$` and `$2y$` are read alike.
- `$vc1$<key id>$2b$<cost>$...`: bcrypt of base64(HMAC-SHA384(key, password)), 64 ASCII characters for a password of any
  length. Key id 0 stands for the public key below, which keeps no secret and only separates this use of the digest
  from others; ids from 1 to 9999 are for the secret keys (peppers) of an installation.
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from vibecore.domain.errors import InvalidValue, PasswordRejected
from vibecore.domain.policies import HIGHEST_COST, LOWEST_COST, AuthPolicy
from vibecore.domain.rules import plain_text

BCRYPT_BYTES: Final = 72
"""bcrypt reads no further."""
LONGEST_PRESENTED: Final = 1024
"""Code points of a password that somebody signs in with; more is refused before any work. NFC makes at most four code
points one, so that a password of up to 256 fits in every spelling."""
PUBLIC_KEY_ID: Final = 0
PUBLIC_KEY: Final = b"vibecore/passwords/vc1/0"
LOWEST_PEPPER_ID: Final = 1
HIGHEST_PEPPER_ID: Final = 9999
PEPPER_BYTES: Final = 32
"""The least of a pepper. NIST SP 800-63B-4, 3.1.1.2 asks for 112 bits; text of this length has them too."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
_PREHASHED: Final = re.compile(r"\$vc1\$(0|[1-9][0-9]{0,3})(\$2.*)", re.ASCII)


def check_new_password(
    password: object,
    policy: AuthPolicy,
    *,
    email: str,
    name: str,
    common: Container[str],
    current: str | None = None,
    field: str = "password",
) -> str:
    """`password` in NFC if it keeps the policy, else PasswordRejected with every rule that it breaks.

    It must not be in `common` (ASVS 6.2.4), which holds passwords in the form that `folded` gives: case and spaces at
    its ends make no difference, and neither does repeating one wholly. It must not be the user's own e-mail address,
    the part before its @, or the name, whatever case, spaces and punctuation (ASVS 6.2.11); nor `current`, the one that
    it replaces, where that is given. Errors name `field`; InvalidValue if it is not text.
    """
    text = plain_text(field, password)
    reasons: list[str] = []
    if "\0" in text:
        reasons.append("holds a NUL character")
    if _SURROGATE.search(text):
        reasons.append("holds a lone surrogate")
    if len(text) > LONGEST_PRESENTED:
        raise PasswordRejected((*reasons, f"is longer than {policy.password_longest} characters"), field)
    normal = unicodedata.normalize("NFC", text)
    if len(normal) < policy.password_shortest:
        reasons.append(f"is shorter than {policy.password_shortest} characters")
    if len(normal) > policy.password_longest:
        reasons.append(f"is longer than {policy.password_longest} characters")
    if _is_one_of(normal, (email, email.rpartition("@")[0], name)):
        reasons.append("is the own e-mail address or name")
    if _is_common(folded(normal.strip()), common):
        reasons.append("is one of the most common passwords")
    if normal == current:
        reasons.append("is the password that it replaces")
    if reasons:
        raise PasswordRejected(tuple(reasons), field)
    return normal


def presented_password(password: object, field: str = "password") -> str:
    """A password that somebody proves to know, in NFC. InvalidValue (`field`) if no password can look like that."""
    text = plain_text(field, password)
    if len(text) > LONGEST_PRESENTED:
        raise InvalidValue(field, f"is longer than {LONGEST_PRESENTED} characters")
    if "\0" in text or _SURROGATE.search(text):
        raise InvalidValue(field, "holds a NUL character or a lone surrogate")
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """`text` without case, in NFC: what a password is looked up by in a list of common ones. Never what is hashed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _is_common(text: str, common: Container[str]) -> bool:
    """Whether it is in `common`, or nothing but repetitions of what is."""
    if text in common:
        return True
    # The shortest unit that `text` repeats: where it is found in itself anew. Repeats of the unit are units as well.
    unit = (text + text).find(text, 1) if text else 0
    lengths = (length for length in range(unit, len(text), unit) if len(text) % length == 0) if unit else ()
    return any(text[:length] in common for length in lengths)


def _is_one_of(password: str, terms: tuple[str, ...]) -> bool:
    return any(_bare(password) == _bare(term) for term in terms)


def _bare(text: str) -> str:
    """Letters and digits without case, or the text itself where it has none."""
    without_case = folded(text)
    return "".join(char for char in without_case if char.isalnum()) or without_case


@dataclass(frozen=True, slots=True)
class StoredHash:
    """A stored hash, taken apart. `key_id` is None for plain bcrypt."""

    bcrypt: str = field(repr=False)
    cost: int
    key_id: int | None


def parse_hash(stored: str) -> StoredHash | None:
    """The parts of a stored hash; None if it has neither form or a cost outside 4 to 15."""
    prehashed = _PREHASHED.fullmatch(stored)
    inner = prehashed[2] if prehashed else stored
    plain = _BCRYPT.fullmatch(inner)
    if plain is None or not LOWEST_COST <= int(plain[1]) <= HIGHEST_COST:
        return None
    return StoredHash(inner, int(plain[1]), int(prehashed[1]) if prehashed else None)


def prehash(password: bytes, key: bytes) -> bytes:
    """64 ASCII bytes that stand for a password of any length."""
    return base64.b64encode(hmac.digest(key, password, "sha384"))
