"""Profiles: accounts and sessions as services give them out, without a secret to leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from vibecore.domain.fields import Flag, Id, IpAddress, Moment, Name, Url
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Choice, Json, Member, Text
from vibecore.domain.schema import Table
from vibecore.domain.sessions import Session
from vibecore.domain.users import SubscriptionTier, User, UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user without password hash and second factor; the fields mean what they mean in `User`."""

    id: Id
    email: Annotated[str, Text(255, shortest=3)]
    name: Name
    avatar_url: Url | None = None
    role: Annotated[UserRole, Member(UserRole, "user_role")] = UserRole.DEVELOPER
    subscription_tier: Annotated[SubscriptionTier, Choice(SubscriptionTier, 50)] = SubscriptionTier.FREE
    email_verified: Flag = False
    two_factor_enabled: Flag = False
    last_login_at: Moment | None = None
    disabled_at: Moment | None = None
    created_at: Moment
    updated_at: Moment

    @staticmethod
    def of(user: User) -> Profile:
        return PROFILES.build(tuple(getattr(user, name) for name in PROFILES.names))


PROFILES: Final = Table(Profile, "users", "user")
"""What a listing of users may be filtered and ordered by: a filter on a secret would tell it, one bit at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A session without its token's digest."""

    id: Id
    user_id: Id
    device_info: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    ip_address: IpAddress | None = None
    expires_at: Moment
    idle_expires_at: Moment
    authenticated_at: Moment
    second_factor: Flag = False
    last_seen_at: Moment | None = None
    created_at: Moment
    updated_at: Moment

    @staticmethod
    def of(session: Session) -> SessionInfo:
        return _SESSIONS.build(tuple(getattr(session, name) for name in _SESSIONS.names))


_SESSIONS: Final = Table(SessionInfo, "sessions", "session", scope="user_id")
