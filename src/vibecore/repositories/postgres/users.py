"""Users, sessions and API keys on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from vibecore.domain.api_keys import ApiKey
from vibecore.domain.recovery_codes import RecoveryCode
from vibecore.domain.sessions import Session, SupersededToken
from vibecore.domain.users import USERS, User
from vibecore.repositories import arguments
from vibecore.repositories.postgres._codec import selected
from vibecore.repositories.postgres._statements import statements
from vibecore.repositories.postgres._wire import Result
from vibecore.repositories.postgres.tables import PostgresTable, R, affected


class PostgresUsers(PostgresTable[User]):
    def find_by_email_key(self, email_key: str) -> User | None:
        self._tx.enter()
        key = arguments.text(self._table, "email_key", email_key)
        return self._tx.run(f"{self._sql.select} WHERE email_key = %s", (key,), self._one)


class PostgresSessions(PostgresTable[Session]):
    def find_by_token(self, user_id: UUID, token: str) -> tuple[Session, User] | None:
        return _with_user(self, "token", user_id, token)

    def purge(self, moment: datetime) -> int:
        self._tx.enter(write=True)
        end = arguments.moment(moment)
        sql = f"DELETE FROM {self._sql.name} WHERE expires_at <= %s OR idle_expires_at <= %s"
        return self._tx.run(sql, (end, end), affected)


class PostgresSupersededTokens(PostgresTable[SupersededToken]):
    def find_by_token(self, user_id: UUID, token: str) -> tuple[SupersededToken, User] | None:
        return _with_user(self, "token", user_id, token)

    def purge(self, moment: datetime) -> int:
        self._tx.enter(write=True)
        sql = f"DELETE FROM {self._sql.name} WHERE created_at < %s"
        return self._tx.run(sql, (arguments.moment(moment),), affected)


class PostgresRecoveryCodes(PostgresTable[RecoveryCode]):
    def use(self, user_id: UUID, code_hash: str) -> bool:
        self._tx.enter(write=True)
        wanted = arguments.text(self._table, "code_hash", code_hash)
        key = arguments.scope(self._table, user_id), wanted
        sql = f"DELETE FROM {self._sql.name} WHERE user_id = %s AND code_hash = %s"
        return self._tx.run(sql, key, lambda result: result.count > 0)


class PostgresApiKeys(PostgresTable[ApiKey]):
    def find_by_prefix(self, user_id: UUID, key_prefix: str) -> tuple[ApiKey, User] | None:
        return _with_user(self, "key_prefix", user_id, key_prefix)

    def purge(self, moment: datetime) -> int:
        self._tx.enter(write=True)
        sql = f"DELETE FROM {self._sql.name} WHERE expires_at <= %s"
        return self._tx.run(sql, (arguments.moment(moment),), affected)


def _with_user(repository: PostgresTable[R], field: str, user_id: UUID, value: str) -> tuple[R, User] | None:
    """The row of `user_id` with this `field`, and the user, in one statement."""
    tx, sql = repository._tx, repository._sql
    tx.enter()
    user = arguments.uuid("user_id", user_id)
    wanted = arguments.text(sql.table, field, value)
    text, decode = _joined(sql.prefix, sql.table.name, field)
    return tx.run(text, (user, wanted), decode)


@cache
def _joined(prefix: str, table: str, field: str) -> tuple[str, Callable[[Result], tuple[Any, Any] | None]]:
    """The statement for `_with_user` and what its rows mean: made once, since every request of a client needs it."""
    sql = statements(prefix)[table]
    columns = [selected(column, "o.") for column in sql.table.columns]
    columns += [selected(column, "u.") for column in USERS.columns]
    text = (
        f"SELECT {', '.join(columns)} FROM {sql.name} o JOIN {prefix}users u ON u.id = o.user_id "
        f"WHERE o.user_id = %s AND o.{field} = %s"
    )
    return text, _pair(sql.decode, statements(prefix)["users"].decode, len(sql.table.names))


def _pair(
    first: Callable[[Any], Any], second: Callable[[Any], Any], split: int
) -> Callable[[Result], tuple[Any, Any] | None]:
    def decode(result: Result) -> tuple[Any, Any] | None:
        if not result.rows:
            return None
        row = result.rows[0]
        return first(row[:split]), second(row[split:])

    return decode
