"""Users by what they sign in with, and what belongs to a sign-in."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from vibecore.domain.api_keys import ApiKey
from vibecore.domain.recovery_codes import RecoveryCode
from vibecore.domain.sessions import Session, SupersededToken
from vibecore.domain.users import User
from vibecore.repositories.tables import Children, Roots


class Users(Roots[User], Protocol):
    def find_by_email_key(self, email_key: str, /) -> User | None:
        """The user with this `email_key`, or None."""
        ...


class Sessions(Children[Session], Protocol):
    def find_by_token(self, user_id: UUID, token: str, /) -> tuple[Session, User] | None:
        """The session with this token digest together with its user, in one statement, or None."""
        ...

    def purge(self, moment: datetime, /) -> int:
        """Remove, in one statement and of all users, the sessions whose `expires_at` or `idle_expires_at` is at or
        before `moment`, and all that refers to them; how many sessions."""
        ...


class SupersededTokens(Children[SupersededToken], Protocol):
    def find_by_token(self, user_id: UUID, token: str, /) -> tuple[SupersededToken, User] | None:
        """The superseded token with this digest together with its user, in one statement, or None."""
        ...

    def purge(self, moment: datetime, /) -> int:
        """Remove, in one statement and of all users, the tokens that were superseded before `moment`; how many."""
        ...


class RecoveryCodes(Children[RecoveryCode], Protocol):
    def use(self, user_id: UUID, code_hash: str, /) -> bool:
        """Remove the code with this digest, in one statement. Whether there was one: of several users of one code,
        one is told True."""
        ...


class ApiKeys(Children[ApiKey], Protocol):
    def find_by_prefix(self, user_id: UUID, key_prefix: str, /) -> tuple[ApiKey, User] | None:
        """The key with this public prefix together with its user, in one statement, or None."""
        ...

    def purge(self, moment: datetime, /) -> int:
        """Remove, in one statement and of all users, the keys that have an `expires_at` at or before `moment`; how
        many."""
        ...
