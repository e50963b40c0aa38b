"""A PostgreSQL database as a Store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any
from weakref import WeakSet

from sqlalchemy.engine import Connection, Engine

from vibecore.domain.errors import StoreUnavailable
from vibecore.domain.paging import Cursors
from vibecore.domain.rules import Timestamp, check_member
from vibecore.repositories.postgres._transaction import Line, Transaction
from vibecore.repositories.postgres.engine import JoinedLine, PoolLine, schema_prefix
from vibecore.repositories.postgres.unit_of_work import PostgresUnitOfWork
from vibecore.repositories.unit_of_work import Mode, Store

_NOW = Timestamp()


class PostgresStore:
    """Units of work on an engine's pool. `await_` is given where the engine's driver is asynchronous."""

    joined = False

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime],
        cursors: Cursors,
        *,
        schema: str | None = None,
        await_: Callable[[Any], Any] | None = None,
        owned: bool = True,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._cursors = cursors
        self._prefix = schema_prefix(schema)
        self._await = await_
        self._owned = owned
        self._open: WeakSet[Transaction] = WeakSet()
        self._closed = False
        self._lock = threading.Lock()

    def begin(self, mode: Mode = Mode.WRITE) -> PostgresUnitOfWork:
        """StoreUnavailable once the store is closed."""
        return self._unit(PoolLine(self._engine, self._await), mode)

    def join(self, connection: Connection) -> JoinedStore:
        """Units of work inside the transaction that `connection` has open, or begins now."""
        return JoinedStore(self, connection)

    def revision(self) -> str | None:
        """The revision of the migrations that the database is at; None if it was never migrated."""
        with self.begin(Mode.READ) as unit:
            return unit.revision()

    def _unit(self, line: Line, mode: Mode) -> PostgresUnitOfWork:
        check_member(Mode, "mode", mode)
        now = _NOW.check("now", self._clock())
        transaction = Transaction(line, mode)
        with self._lock:
            if self._closed:
                raise StoreUnavailable("this store is closed")
            self._open.add(transaction)
        return PostgresUnitOfWork(transaction, self._prefix, self._cursors, now)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            abandoned = list(self._open)
        for transaction in abandoned:
            transaction.abandon()
        if self._owned:
            self._engine.dispose()


class JoinedStore:
    """Units of work as savepoints of an application's own transaction, which stays the application's to end."""

    joined = True

    def __init__(self, store: PostgresStore, connection: Connection) -> None:
        self._store = store
        self._connection = connection

    def begin(self, mode: Mode = Mode.WRITE) -> PostgresUnitOfWork:
        return self._store._unit(JoinedLine(self._connection, self._store._await), mode)

    def close(self) -> None:
        """Nothing is held."""


_: Callable[[PostgresStore], Store] = lambda store: store  # noqa: E731  # the checker holds the store to its contract
__: Callable[[JoinedStore], Store] = lambda store: store  # noqa: E731
