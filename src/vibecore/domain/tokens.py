"""Session tokens: what a signed-in client holds, and what the store keeps of it.

A token is `vcs_` and 64 characters of base64url: the user's id (16 bytes), so that the look-up goes to one shard, and
32 random bytes. The store keeps the SHA-256 of the whole token, in hexadecimal.
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from typing import Final
from uuid import UUID

PREFIX: Final = "vcs_"
SECRET_BYTES: Final = 32

_FORM: Final = re.compile(r"vcs_[A-Za-z0-9_-]{64}", re.ASCII)


def make_session_token(user_id: UUID, secret: bytes) -> str:
    """The token of a session of `user_id`; `secret` is 32 unpredictable bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a session token needs {SECRET_BYTES} random bytes, not {len(secret)}")
    return PREFIX + base64.urlsafe_b64encode(user_id.bytes + secret).decode()


def parse_session_token(text: str) -> tuple[UUID, str] | None:
    """The user's id and the digest under which the store keeps the session; None if `text` is no session token."""
    if not _FORM.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text[len(PREFIX) :])
    return UUID(bytes=raw[:16]), token_digest(text)


def token_digest(token: str) -> str:
    """What the store keeps of a token."""
    return sha256(token.encode()).hexdigest()
