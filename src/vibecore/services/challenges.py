"""Challenges: what stands between a password that was right and the session, signed, for one login each."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from vibecore.domain.rules import plain_text
from vibecore.domain.signed_tokens import (
    Context,
    Purpose,
    SignedToken,
    challenge_context,
    expired,
    nonce_bytes,
    read,
    sign,
    verify,
)
from vibecore.domain.users import User
from vibecore.services.effects import Effects


class Wants(Enum):
    """What a challenge asks for."""

    CODE = b""
    ENROLMENT = b"enrol"


def make_challenge(effects: Effects, user: User, wants: Wants, now: datetime) -> str:
    """For the password and the second factor that the user has now: a change of either makes it worthless."""
    return sign(
        effects.keys.key(Purpose.LOGIN_CHALLENGE),
        Purpose.LOGIN_CHALLENGE,
        user_id=user.id,
        issued_at=now,
        context=_context(user),
        nonce=effects.tokens(nonce_bytes(Purpose.LOGIN_CHALLENGE)),
        payload=wants.value,
    )


def read_challenge(text: str, wants: Wants) -> SignedToken | None:
    """What has the form of such a challenge, or None. InvalidValue (`challenge`) for what is no text."""
    token = read(Purpose.LOGIN_CHALLENGE, plain_text("challenge", text))
    return token if token is not None and token.payload == wants.value else None


def is_valid(effects: Effects, token: SignedToken, user: User | None, now: datetime) -> bool:
    """Whether it was made here for this user as it is now, within the policy's time."""
    if user is None or expired(token, now, effects.policy.challenge_lifetime):
        return False
    return verify(effects.keys.keys(Purpose.LOGIN_CHALLENGE), token, _context(user))


def _context(user: User) -> Context:
    return challenge_context(password_hash=user.password_hash, two_factor_generation=user.two_factor_generation)
