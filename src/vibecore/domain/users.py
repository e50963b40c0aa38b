"""Users: accounts, their system role and profile."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.fields import Count, Flag, Id, Moment, Name, Url
from vibecore.domain.rules import Choice, Member, Text, check_text
from vibecore.domain.schema import Index, Table, Unique, updated_index


class UserRole(StrEnum):
    """System role of a user, and role of a member in a project; declared from most to least powerful."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class SubscriptionTier(StrEnum):
    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. `email_key` is `email_key(email)`; `disabled_at` set means that nobody can sign in.

    `two_factor_secret` is encrypted; it stands there without `two_factor_enabled` while an enrolment waits for its
    first code. `two_factor_step` is the last time step whose code was used, in steps since 1970: none at or before it
    is accepted again. `two_factor_generation` counts enrolments and their ends: challenges of an earlier one are void.
    """

    id: Id
    email: Annotated[str, Text(255, shortest=3)]
    email_key: Annotated[str, Text(1000, shortest=3, most_bytes=2600)]
    password_hash: Annotated[str, Text(255)] = field(repr=False)
    name: Name
    avatar_url: Url | None = None
    role: Annotated[UserRole, Member(UserRole, "user_role")] = UserRole.DEVELOPER
    subscription_tier: Annotated[SubscriptionTier, Choice(SubscriptionTier, 50)] = SubscriptionTier.FREE
    email_verified: Flag = False
    two_factor_enabled: Flag = False
    two_factor_secret: Annotated[str, Text(255)] | None = field(default=None, repr=False)
    two_factor_step: Count | None = field(default=None, repr=False)
    two_factor_generation: Count = 0
    last_login_at: Moment | None = None
    disabled_at: Moment | None = None
    created_at: Moment
    updated_at: Moment


USERS: Final = Table(
    User,
    "users",
    "user",
    uniques=(Unique("idx_users_email", ("email",)), Unique("uq_users_email_key", ("email_key",))),
    indexes=(Index("idx_users_role", ("role",)), updated_index("users")),
)


def check_email(value: object, field: str = "email") -> str:
    """`value` in NFC, if it has the form local@domain without spaces or control characters and at most 254 octets.

    The address is proven by a message to it, not by a pattern (RFC 5321 4.5.3.1.3 gives the length).
    """
    text = unicodedata.normalize("NFC", check_text(field, value))
    local, at, domain = text.rpartition("@")
    if not (at and local and domain) or "@" in local:
        raise InvalidValue(field, "must look like name@example.org")
    if any(char.isspace() or unicodedata.category(char).startswith("C") for char in text):
        raise InvalidValue(field, "holds a space or a control character")
    if len(text.encode()) > 254:
        raise InvalidValue(field, "is longer than 254 bytes")
    return text


def email_key(email: str) -> str:
    """What two spellings of one address share: case folded and normalised in Python, so that no collation decides."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", email).casefold())
