"""Users, sessions and API keys in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from vibecore.domain.api_keys import API_KEYS, ApiKey
from vibecore.domain.recovery_codes import RECOVERY_CODES, RecoveryCode
from vibecore.domain.sessions import SESSIONS, SUPERSEDED_TOKENS, Session, SupersededToken
from vibecore.domain.users import USERS, User
from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.layout import Layout, layout_of
from vibecore.repositories.memory.tables import MemoryChildren, MemoryRoots
from vibecore.repositories.memory.transaction import Transaction


class MemoryUsers(MemoryRoots[User]):
    """See `vibecore.repositories.users.Users`."""

    __slots__ = ()

    def find_by_email_key(self, email_key: str, /) -> User | None:
        with self.transaction.reading():
            wanted = arguments.text(USERS, "email_key", email_key)
            place = self._layout.unique("uq_users_email_key")
            found: User | None = self.transaction.held(self._layout, place, wanted)
            return found


class MemorySessions(MemoryChildren[Session]):
    """See `vibecore.repositories.users.Sessions`."""

    __slots__ = ()

    def find_by_token(self, user_id: UUID, token: str, /) -> tuple[Session, User] | None:
        with self.transaction.reading():
            value = arguments.scope(SESSIONS, user_id).int, arguments.text(SESSIONS, "token", token)
            return _with_user(self.transaction, self._layout, "uq_sessions_token", value)

    def purge(self, moment: datetime, /) -> int:
        with self.transaction.writing() as root:
            end = arguments.moment(moment)
            rows: Sequence[Session] = self._records(root, None)
            gone = [row for row in rows if row.expires_at <= end or row.idle_expires_at <= end]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)


class MemorySupersededTokens(MemoryChildren[SupersededToken]):
    """See `vibecore.repositories.users.SupersededTokens`."""

    __slots__ = ()

    def find_by_token(self, user_id: UUID, token: str, /) -> tuple[SupersededToken, User] | None:
        with self.transaction.reading():
            value = arguments.scope(SUPERSEDED_TOKENS, user_id).int, arguments.text(SUPERSEDED_TOKENS, "token", token)
            return _with_user(self.transaction, self._layout, "uq_superseded_tokens_token", value)

    def purge(self, moment: datetime, /) -> int:
        with self.transaction.writing() as root:
            end = arguments.moment(moment)
            rows: Sequence[SupersededToken] = self._records(root, None)
            gone = [row for row in rows if row.created_at < end]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)


class MemoryRecoveryCodes(MemoryChildren[RecoveryCode]):
    """See `vibecore.repositories.users.RecoveryCodes`."""

    __slots__ = ()

    def use(self, user_id: UUID, code_hash: str, /) -> bool:
        with self.transaction.writing():
            wanted = arguments.text(RECOVERY_CODES, "code_hash", code_hash)
            value = arguments.scope(RECOVERY_CODES, user_id).int, wanted
            found = self.transaction.held(self._layout, self._layout.unique("uq_recovery_codes_hash"), value)
            if found is not None:
                writes.delete(self.transaction, self._layout, [found])
            return found is not None


class MemoryApiKeys(MemoryChildren[ApiKey]):
    """See `vibecore.repositories.users.ApiKeys`."""

    __slots__ = ()

    def find_by_prefix(self, user_id: UUID, key_prefix: str, /) -> tuple[ApiKey, User] | None:
        with self.transaction.reading():
            value = arguments.scope(API_KEYS, user_id).int, arguments.text(API_KEYS, "key_prefix", key_prefix)
            return _with_user(self.transaction, self._layout, "uq_api_keys_prefix", value)

    def purge(self, moment: datetime, /) -> int:
        with self.transaction.writing() as root:
            end = arguments.moment(moment)
            rows: Sequence[ApiKey] = self._records(root, None)
            gone = [row for row in rows if row.expires_at is not None and row.expires_at <= end]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)


def _with_user(tx: Transaction, layout: Layout, unique: str, value: tuple[int, str]) -> tuple[Any, User] | None:
    found = tx.held(layout, layout.unique(unique), value)
    return None if found is None else (found, tx.row(layout_of("users"), value[0]))
