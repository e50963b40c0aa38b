"""One transaction on one connection: when it begins, what state it is in, how it ends.

The connection is taken at the first statement, and BEGIN travels with it. A unit in `Mode.READ` opens a transaction
only around a batch, so that all of it sees one snapshot, in the same round trip. One in `Mode.SINGLE` opens and ends
one around every statement, in the same round trip as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

import psycopg
from psycopg import pq

from vibecore.domain.errors import (
    ReadOnlyTransaction,
    SerializationConflict,
    TransactionAborted,
    TransactionBusy,
    TransactionClosed,
    TransactionError,
    VibecoreError,
)
from vibecore.repositories.postgres._errors import translate
from vibecore.repositories.postgres._wire import PipelineFailed, Result, Row, Statement, Wire
from vibecore.repositories.unit_of_work import Mode, Pending

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Frame:
    """The statements around a unit of work."""

    begin: tuple[Statement, ...]
    commit: tuple[Statement, ...]
    rollback: tuple[Statement, ...]
    around_one: bool = True
    """Whether a single statement needs them as well."""


_READ_ONLY: Final = Statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
_COMMIT: Final = (Statement("COMMIT"),)
_ROLLBACK: Final = (Statement("ROLLBACK"),)
OWN: Final = {
    Mode.WRITE: Frame((Statement("BEGIN ISOLATION LEVEL SERIALIZABLE"),), _COMMIT, _ROLLBACK),
    Mode.SNAPSHOT: Frame((_READ_ONLY,), _COMMIT, _ROLLBACK),
    Mode.READ: Frame((_READ_ONLY,), _COMMIT, _ROLLBACK, around_one=False),
    Mode.SINGLE: Frame((Statement("BEGIN ISOLATION LEVEL READ COMMITTED"),), _COMMIT, _ROLLBACK),
}
"""Transactions of our own."""
_RELEASE: Final = Statement("RELEASE SAVEPOINT vibecore_unit")
_SAVEPOINT: Final = Frame(
    (Statement("SAVEPOINT vibecore_unit"),),
    (_RELEASE,),
    (Statement("ROLLBACK TO SAVEPOINT vibecore_unit"), _RELEASE),
)
JOINED: Final = dict.fromkeys(Mode, _SAVEPOINT)
"""Inside somebody else's transaction, whose isolation and end are theirs, and which no failure of ours may end."""
_NUMBERS: Final = count()
_OPEN: Final = frozenset({pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR, pq.TransactionStatus.ACTIVE})


class Line(Protocol):
    """Where a transaction gets its connection, and where it gives it back."""

    @property
    def frames(self) -> Mapping[Mode, Frame]:
        """`OWN` or `JOINED`."""
        ...

    def take(self) -> Wire:
        """A usable connection; StoreUnavailable."""
        ...

    def give_back(self, wire: Wire) -> None:
        """Return it, without an open transaction of ours."""
        ...

    @property
    def stale(self) -> bool:
        """Whether the connection may have died while it lay idle, so that another one may do better."""
        ...

    def replace(self, wire: Wire) -> Wire:
        """Another connection for one that was found broken before it did anything for us; StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Queued:
    """A call that waits for the end of its batch."""

    statement: Statement
    decode: Callable[[Result], Any]
    pending: Pending[Any]


class _Partly(Exception):
    """A pipeline failed after some of its calls had their results."""

    def __init__(self, error: VibecoreError, results: list[Result]) -> None:
        super().__init__(str(error))
        self.error = error
        self.results = results


class Transaction:
    """The state of one unit of work. Not for two threads at once: the second gets TransactionBusy."""

    def __init__(self, line: Line, mode: Mode) -> None:
        self._line = line
        self._mode = mode
        self._frame = line.frames[mode]
        self._wire: Wire | None = None
        self._begun = False
        self._aborted = False
        self._closed = False
        self._lock = threading.Lock()
        self._queue: list[_Queued] | None = None
        self._adding = False
        self._tainted = False
        self._names = 0
        self._cursors: set[int] = set()

    # -- state

    def enter(self, *, write: bool = False, decide: bool = False) -> None:
        """The state checks that come before a call looks at its arguments."""
        if self._closed:
            raise TransactionClosed
        if self._aborted:
            raise TransactionAborted
        if self._queue is not None and not self._adding:
            raise TransactionError("a batch is open: add the call to it, or leave it first")
        if self._lock.locked():
            raise TransactionBusy
        if (write and self._mode is not Mode.WRITE) or (decide and self._mode not in (Mode.WRITE, Mode.SINGLE)):
            raise ReadOnlyTransaction

    def fail(self, error: VibecoreError) -> VibecoreError:
        """Mark the transaction as failed by a rule that was checked before the server could; returns the error."""
        self._aborted = True
        return error

    @property
    def reading(self) -> bool:
        """Whether each statement sees a snapshot of its own, and nothing stays open after it."""
        return self._mode in (Mode.READ, Mode.SINGLE)

    @property
    def batching(self) -> bool:
        """Whether statements wait for the end of a batch."""
        return self._queue is not None

    # -- statements

    def run(self, sql: str, params: Sequence[Any], decode: Callable[[Result], T]) -> T:
        """One statement and its meaning. Inside a batch it is queued, and a Pending stands in for the result."""
        statement = Statement(sql, params)
        if self._queue is not None:
            pending: Pending[T] = Pending()
            self._queue.append(_Queued(statement, decode, pending))
            return pending  # type: ignore[return-value]  # Batch.add, the only caller inside a batch, gives it its type
        return decode(self._send(statement))

    def flush(self) -> None:
        """Run what a batch has queued, in one round trip, and hand each its result."""
        queue, self._queue = self._queue, None
        if not queue:
            return
        statements = [each.statement for each in queue]
        try:
            results = self._exchange(statements) if len(statements) > 1 else [self._send(statements[0])]
        except _Partly as failed:
            # An answer of an earlier call, such as NotFound, comes before the failure of a later one.
            for each, result in zip(queue, failed.results, strict=False):
                each.decode(result)
            raise failed.error from None
        values = [each.decode(result) for each, result in zip(queue, results, strict=True)]
        for each, value in zip(queue, values, strict=True):
            each.pending.resolve(value)

    def start_batch(self) -> None:
        self.enter()
        self._queue = []

    def add(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Let a call of one of this transaction's tables join the open batch."""
        if getattr(getattr(call, "__self__", None), "_tx", None) is not self:
            raise TransactionError("only calls of this unit of work's own tables can be part of a batch")
        if self._queue is None:
            raise TransactionError("the batch is not open")
        self._adding = True
        try:
            return cast("Pending[T]", call(*args, **kwargs))
        finally:
            self._adding = False

    def fail_batch(self) -> None:
        """A batch was left by an error: what its later calls did is open, so only going back is accepted."""
        self._queue = None
        if self._mode is Mode.WRITE:
            self._aborted = True

    def refuse_in_batch(self, call: str) -> None:
        """For calls that are several statements, each needing the answer to the one before."""
        if self._queue is not None:
            raise TransactionError(f"{call} cannot be part of a batch")

    def copy(self, sql: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Rows into COPY ... FROM STDIN (FORMAT BINARY)."""
        self._begin_alone()
        with self._using() as wire:
            wire.copy(sql, types, rows)

    def cursor(self, sql: str, params: Sequence[Any], size: int) -> Iterator[list[Row]]:
        """Batches of at most `size` rows through a server-side cursor, which sees no later write."""
        number = self._next_name()
        name = f"vibecore_{id(self):x}_{number}"
        declare = Statement(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}", params)
        fetch = Statement(f"FETCH FORWARD {size} FROM {name}")
        rows = self._together([declare, fetch])[1].rows
        self._cursors.add(number)
        while rows:
            yield rows
            if len(rows) < size:
                break
            self.enter()
            if number not in self._cursors:
                raise TransactionError("this stream began inside a savepoint that was undone")
            rows = self._send(fetch).rows
        if number in self._cursors and not self._closed and not self._aborted:
            self._cursors.remove(number)
            self._send(Statement(f"CLOSE {name}"))

    def _next_name(self) -> int:
        """Counts cursors and savepoints together, so that it tells which began first."""
        self._names += 1
        return self._names

    def _send(self, statement: Statement) -> Result:
        if not self._begun and self._frame.around_one:
            return self._together([statement])[0]
        with self._using() as wire:
            return wire.execute(statement) if self._begun else self._first(wire, lambda wire: wire.execute(statement))

    def _together(self, statements: list[Statement]) -> list[Result]:
        """`_exchange` for statements of one call, which fails as a whole."""
        try:
            return self._exchange(statements)
        except _Partly as failed:
            raise failed.error from None

    def _exchange(self, statements: list[Statement]) -> list[Result]:
        """Several statements in one round trip, with BEGIN (and COMMIT, for a reading unit) where it is due."""
        if self._begun:
            with self._using() as wire:
                return wire.pipeline(statements)
        if self._mode is Mode.SINGLE:
            return self._one_by_one(statements)
        ending = self._frame.commit if self.reading else ()
        start = len(self._frame.begin)
        with self._using(start) as wire:
            results = self._first(wire, lambda wire: wire.pipeline([*self._frame.begin, *statements, *ending]))
        self._begun = not self.reading
        return results[start : start + len(statements)]

    def _one_by_one(self, statements: list[Statement]) -> list[Result]:
        """Each statement as a transaction, all in one round trip: none holds a lock while a later one waits."""
        framed = [each for one in statements for each in (*self._frame.begin, one, *self._frame.commit)]
        start = len(self._frame.begin)
        step = start + 1 + len(self._frame.commit)
        try:
            with self._using() as wire:
                return self._first(wire, lambda wire: wire.pipeline(framed))[start::step]
        except _Partly as failed:
            raise _Partly(failed.error, failed.results[start::step]) from None

    def _first(self, wire: Wire, exchange: Callable[[Wire], T]) -> T:
        """The first exchange on a connection. A pooled one may have died while it lay idle; nothing was done on it for
        this unit yet, so another may try, until it is one that was made for us."""
        while True:
            try:
                return exchange(wire)
            except (psycopg.OperationalError, PipelineFailed):
                if not wire.broken or not self._line.stale:
                    raise
                self._wire = None
                wire = self._wire = self._line.replace(wire)

    def _begin_alone(self) -> None:
        if not self._begun:
            with self._using() as wire:
                self._first(wire, lambda wire: [wire.execute(statement) for statement in self._frame.begin])
            self._begun = True

    @contextmanager
    def _using(self, start: int = 0) -> Iterator[Wire]:
        """The connection for one exchange, with driver errors translated and the state kept.

        `start` is how many statements of a pipeline come before those of the calls.
        """
        if not self._lock.acquire(blocking=False):
            raise TransactionBusy
        try:
            if self._wire is None:
                self._wire = self._line.take()
            yield self._wire
        except psycopg.Error as error:
            assert self._wire is not None
            raise self._failed(error, self._wire) from None
        except PipelineFailed as failed:
            assert self._wire is not None
            self._tainted = True
            raise _Partly(self._failed(failed.error, self._wire), failed.results[start:]) from None
        except BaseException:
            # Cancelled or interrupted: what the server did is unknown, so nothing more may be built on it, and whatever
            # it began has to be undone.
            self._aborted = True
            self._begun = self._wire is not None and not self._has_read(self._wire)
            raise
        finally:
            self._lock.release()

    def _has_read(self, wire: Wire) -> bool:
        """Whether the statements around what was read are done: a pipeline of them fails, or it runs to its end."""
        return self.reading and wire.status is pq.TransactionStatus.INTRANS

    def _go_back(self, wire: Wire, statements: tuple[Statement, ...]) -> None:
        """Undo to a savepoint or the start.

        A pipeline that failed leaves names of prepared statements in psycopg's cache that the server never saw. The
        cache is emptied at a ROLLBACK, but only at one whose text psycopg has not seen: hence the number.
        """
        first, *others = statements
        if self._tainted:
            first = Statement(f"{first.sql} -- {next(_NUMBERS)}")
        for statement in (first, *others):
            wire.execute(statement)
        self._tainted = False

    def _failed(self, error: psycopg.Error, wire: Wire) -> VibecoreError:
        if not self.reading:
            self._aborted = True
            self._begun = self._begun or wire.status in _OPEN
        elif not wire.broken and wire.status in _OPEN:
            self._undo_all(wire)
        return translate(error, broken=wire.broken)

    # -- savepoints and the end

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self.enter()
        self.refuse_in_batch("a savepoint")
        if self._mode is not Mode.WRITE:
            yield
            return
        number = self._next_name()
        name = f"vibecore_{number}"
        self._send(Statement(f"SAVEPOINT {name}"))
        try:
            yield
        except BaseException:
            self._undo(name)
            self._cursors = {cursor for cursor in self._cursors if cursor < number}
            raise
        if self._closed:
            return
        self.enter()
        self._send(Statement(f"RELEASE SAVEPOINT {name}"))

    def _undo(self, name: str) -> None:
        if self._closed or self._wire is None or self._wire.broken:
            return
        self._queue = None
        with self._using() as wire:
            self._go_back(wire, (Statement(f"ROLLBACK TO SAVEPOINT {name}"), Statement(f"RELEASE SAVEPOINT {name}")))
        self._aborted = False

    def commit(self) -> None:
        self.enter()
        self.refuse_in_batch("commit")
        if self._begun:
            try:
                with self._using() as wire:
                    for statement in self._frame.commit:
                        wire.execute(statement)
                self._begun = False
            except SerializationConflict:
                self._end()
                raise
        self._end()

    def abandon(self) -> None:
        """End because the store was closed; a unit of work that is inside a call is left to that call."""
        if not self._lock.locked():
            self.rollback()

    def rollback(self) -> None:
        if self._closed:
            return
        if self._lock.locked():
            raise TransactionBusy
        self._end()

    def _end(self) -> None:
        """Give the connection back without a transaction of ours; it is rolled back where one is still open."""
        self._closed = True
        self._queue = None
        wire, self._wire = self._wire, None
        if wire is None:
            return
        try:
            if self._begun and not wire.broken and wire.status in _OPEN:
                self._undo_all(wire)
        finally:
            self._line.give_back(wire)

    def _undo_all(self, wire: Wire) -> None:
        try:
            self._go_back(wire, self._frame.rollback)
        except psycopg.Error as error:
            # What a lost connection had open, the server undoes.
            if not wire.broken:
                raise translate(error) from None
