"""Vibe: an open installation, its services, and its transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from vibecore.bootstrap.services import Services
from vibecore.domain.errors import InvalidValue
from vibecore.repositories.unit_of_work import Store
from vibecore.services.effects import Effects
from vibecore.services.mail.messages import Mailer
from vibecore.services.work import Work

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

T = TypeVar("T")


class Vibe(Services):
    """An open installation. Close it, or use it in a `with` block. Its services may be called from many threads."""

    def __init__(self, store: Store, effects: Effects, closers: tuple[Callable[[], None], ...] = ()) -> None:
        self._work = Work(store, effects)
        self._closers = closers
        super().__init__(self._work)

    @property
    def mailer(self) -> Mailer:
        """Where mails leave; an `OutboxMailer` in memory, unless another is configured."""
        return self._work.effects.mailer

    @contextmanager
    def transaction(self) -> Iterator[Services]:
        """Several service calls as one atomic unit: all services again, on one open transaction.

        Leaving the block commits, an exception rolls back. A call that fails is undone alone: whoever catches its
        error can go on. A collision with a concurrent transaction raises SerializationConflict, since the block cannot
        be run again from here: `atomic` can. One thread at a time (TransactionBusy).
        """
        with self._work.transaction() as work:
            yield Services(work)

    def atomic(self, run: Callable[[Services], T]) -> T:
        """`run` with all services on one transaction, committed when it returns and run again after a collision.

        `run` must have no effect but through the services. SerializationConflict when twelve runs collided,
        InvalidValue for a `run` that cannot be called.
        """
        if not callable(run):
            raise InvalidValue("run", f"must be a function, not {type(run).__name__}")
        return self._work.atomic(lambda work: run(Services(work)))

    def joined(self, connection: Connection) -> Services:
        """All services inside the transaction that `connection` (SQLAlchemy) has open, or begins now.

        Each call is a savepoint of it; the commit stays the application's, as do isolation and retries. Audit rows of
        denials are part of it too. Mails leave right after the call that writes them: nobody here sees the commit, and
        a link for what is rolled back then leads nowhere. InvalidValue on the memory backend, whose transactions are
        not SQLAlchemy's.
        """
        from sqlalchemy.engine import Connection

        from vibecore.repositories.postgres.store import PostgresStore

        if not isinstance(self._work.store, PostgresStore):
            raise InvalidValue("connection", "cannot be joined by the memory backend")
        if not isinstance(connection, Connection) or connection.closed:
            raise InvalidValue("connection", "must be an open Connection of SQLAlchemy; session.connection() is one")
        return Services(Work(self._work.store.join(connection), self._work.effects))

    def fork(self) -> Vibe:
        """An independent copy of a memory installation as it stands, in constant time. InvalidValue on PostgreSQL."""
        from vibecore.repositories.memory.store import MemoryStore

        if not isinstance(self._work.store, MemoryStore):
            raise InvalidValue("url", "only memory:// can be forked")
        return Vibe(self._work.store.fork(), self._work.effects)

    def reset(self) -> None:
        """Empty a memory installation in constant time. InvalidValue on PostgreSQL."""
        from vibecore.repositories.memory.store import MemoryStore

        if not isinstance(self._work.store, MemoryStore):
            raise InvalidValue("url", "only memory:// can be reset")
        self._work.store.reset()

    def close(self) -> None:
        """Release connections and, where this was its last user, stop the embedded server. Repeating it is fine."""
        closers, self._closers = self._closers, ()
        with ExitStack() as stack:
            for close in closers:
                stack.callback(close)
            stack.callback(self._work.store.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
