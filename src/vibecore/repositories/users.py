"""Users by what they sign in with."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from vibecore.domain.api_keys import ApiKey
from vibecore.domain.sessions import Session
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


class ApiKeys(Children[ApiKey], Protocol):
    def find_by_prefix(self, user_id: UUID, key_prefix: str, /) -> tuple[ApiKey, User] | None:
        """The key with this public prefix together with its user, in one statement, or None."""
        ...
