"""The store in memory: where its units of work begin, and what only a store in memory can do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from weakref import WeakSet

from vibecore.domain.errors import StoreUnavailable
from vibecore.domain.paging import Cursors
from vibecore.domain.rules import Timestamp, check_member
from vibecore.repositories.memory.database import Database
from vibecore.repositories.memory.transaction import Transaction
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork
from vibecore.repositories.unit_of_work import Mode, Store


class MemoryStore:
    """A database in this process. Any number of threads may use it, each with units of work of its own.

    Stores that are made with the same `database` see each other's commits; by default a store has one of its own.
    """

    def __init__(self, clock: Callable[[], datetime], cursors: Cursors, database: Database | None = None) -> None:
        self._clock = clock
        self._cursors = cursors
        self._database = Database() if database is None else database
        self._open: WeakSet[Transaction] = WeakSet()
        self._closed = False
        self._lock = threading.Lock()

    @property
    def joined(self) -> bool:
        return False

    def begin(self, mode: Mode = Mode.WRITE) -> MemoryUnitOfWork:
        """StoreUnavailable once the store is closed."""
        check_member(Mode, "mode", mode)
        transaction = Transaction(self._database, mode, Timestamp().check("now", self._clock()))
        with self._lock:
            if self._closed:
                raise StoreUnavailable("this store is closed")
            self._open.add(transaction)
        return MemoryUnitOfWork(transaction, self._cursors)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            abandoned = list(self._open)
        for transaction in abandoned:
            transaction.abandon()

    def fork(self) -> MemoryStore:
        """A store that starts from what is committed here now; neither sees what the other does. Constant time."""
        return MemoryStore(self._clock, self._cursors, self._database.fork())

    def reset(self) -> None:
        """Remove all rows, in constant time.

        Units of work that are open keep the state they see; committing one that wrote raises SerializationConflict.
        """
        self._database.reset()


if TYPE_CHECKING:

    def _conforms(store: MemoryStore) -> Store:
        return store
