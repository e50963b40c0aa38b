"""Visits: who knocks at the door, from where, with which device. Checked before anything is asked of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

from vibecore.domain import json
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import plain_text
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.signed_tokens import (
    Purpose,
    SignedToken,
    device_context,
    expired,
    nonce_bytes,
    read,
    sign,
    verify,
)
from vibecore.domain.users import User
from vibecore.services.effects import Effects

DEVICE_BYTES: Final = 4096
"""UTF-8 bytes of `device_info`, which a stranger can choose."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who has not signed in. `device` is what they say of it, `known_as` a token that it got at a sign-in."""

    visitor: Actor
    device: JsonObject
    known_as: SignedToken | None = field(repr=False)

    @classmethod
    def of(cls, ip_address: str | None, device_info: Mapping[str, object] | None, device: str | None) -> Self:
        """InvalidValue names what cannot be."""
        visitor = Actor.anonymous(ip_address=ip_address)
        known_as = None if device is None else read(Purpose.KNOWN_DEVICE, plain_text("device", device))
        return cls(visitor, _described(device_info), known_as)

    def known_for(self, effects: Effects, email_key: str, now: datetime) -> SignedToken | None:
        """The device, if it has signed in with this address within the policy's time; it may have tries of its own."""
        token = self.known_as
        if token is None or expired(token, now, effects.policy.device_lifetime):
            return None
        keys = effects.keys.keys(Purpose.KNOWN_DEVICE)
        return token if verify(keys, token, device_context(email_key=email_key)) else None

    def device_token(self, effects: Effects, user: User, now: datetime) -> str:
        """What names the device to the user's later logins: the same name if it has one."""
        known = self.known_for(effects, user.email_key, now)
        return sign(
            effects.keys.key(Purpose.KNOWN_DEVICE),
            Purpose.KNOWN_DEVICE,
            user_id=user.id,
            issued_at=now,
            context=device_context(email_key=user.email_key),
            nonce=effects.tokens(nonce_bytes(Purpose.KNOWN_DEVICE)) if known is None else known.nonce,
        )


def _described(value: Mapping[str, object] | None) -> JsonObject:
    if value is None:
        return EMPTY_OBJECT
    device: JsonObject = SESSIONS.column("device_info").check(value)
    if len(json.dumps(device).encode()) > DEVICE_BYTES:
        raise InvalidValue("device_info", f"is larger than {DEVICE_BYTES} bytes")
    return device
