"""One transaction: the private state that grows from a committed one, and what may be done when.

As on a server, the state it starts from is the one at its first statement, not at its creation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from vibecore.domain.errors import (
    AlreadyExists,
    MissingReference,
    ReadOnlyTransaction,
    SerializationConflict,
    TransactionAborted,
    TransactionBusy,
    TransactionClosed,
    TransactionError,
)
from vibecore.domain.schema import Table
from vibecore.repositories.memory.database import Database, Head
from vibecore.repositories.memory.layout import MATERIALIZED, Key, Layout, layout_of
from vibecore.repositories.memory.reads import Reads, untracked
from vibecore.repositories.memory.state import Change, Root, TableState, change, place, replaced
from vibecore.repositories.unit_of_work import Mode

P = ParamSpec("P")
T = TypeVar("T")

# States in the order of how little they allow: up to LATEST a statement may run.
OPEN: Final = 0
FRESH: Final = 1
"""Nothing has run: the next statement decides what is seen."""
LATEST: Final = 2
"""Every statement sees the newest state."""
BATCH: Final = 3
"""A batch is open: calls go through it."""
ABORTED: Final = 4
CLOSED: Final = 5

Mark = tuple[Root, int]
"""A state to return to: the root, and how much of the log led to it."""


class Transaction:
    """State, snapshot, reads and writes of one unit of work."""

    __slots__ = (
        "__weakref__",
        "_base",
        "_claim",
        "_database",
        "_lock",
        "_log",
        "_resume",
        "_savepoints",
        "_streams",
        "mode",
        "now",
        "reads",
        "root",
        "state",
    )

    def __init__(self, database: Database, mode: Mode, now: datetime) -> None:
        self.mode = mode
        self.now = now
        self.root: Root = ()
        self.reads = Reads() if mode is Mode.WRITE else untracked()
        self.state = LATEST if mode in (Mode.READ, Mode.SINGLE) else FRESH
        self._resume = self.state
        self._database = database
        self._base: Head | None = None
        self._log: list[tuple[int, Key]] = []
        self._lock = threading.Lock()
        self._claim = self._lock.acquire
        self._savepoints = 0
        self._streams: dict[object, int] = {}

    # -- statements

    def enter(self) -> Root:
        """Begin a reading statement, which `leave` must end, and return the state it sees."""
        if self.state >= BATCH:
            raise self._refusal()
        if not self._claim(False):
            raise TransactionBusy
        if self.state:
            self._catch_up()
        return self.root

    def enter_to_write(self) -> Root:
        """Begin a writing statement, which `leave` must end."""
        root = self.enter()
        if self.mode is not Mode.WRITE:
            self._lock.release()
            raise ReadOnlyTransaction
        return root

    def enter_to_decide(self) -> Root:
        """Begin a statement that decides and writes, which `leave` or `settle` must end.

        In `Mode.SINGLE` nobody else commits until then, so that the decision is about the newest state.
        """
        if self.mode is not Mode.SINGLE:
            return self.enter_to_write()
        self._database.hold()
        try:
            return self.enter()
        except BaseException:
            self._database.release()
            raise

    def settle(self, *, keep: bool) -> None:
        """End a statement that decided; in `Mode.SINGLE` what it wrote is permanent now, or gone."""
        if self.mode is Mode.SINGLE:
            base, log, self._log = self._base, self._log, []
            assert base is not None
            if keep and log and self.state != CLOSED:
                self._database.commit(base, self.root, log, self.reads)
            self._database.release()
        self._lock.release()

    def leave(self) -> None:
        self._lock.release()

    def reading(self) -> Reading:
        """A reading statement as a block."""
        return Reading(self)

    def writing(self) -> Writing:
        """A writing statement as a block; a broken constraint inside aborts the transaction."""
        return Writing(self)

    def deciding(self) -> Deciding:
        """A statement that decides and writes by itself, as a block."""
        return Deciding(self)

    def check(self, *, write: bool = False) -> None:
        """Raise what a statement would raise now, before it looks at its arguments."""
        if self.state >= BATCH:
            raise self._refusal()
        if self._lock.locked():
            raise TransactionBusy
        if write and self.mode is not Mode.WRITE:
            raise ReadOnlyTransaction

    def _catch_up(self) -> None:
        if self.state >= BATCH:
            self._lock.release()
            raise self._refusal()
        self._base = self._database.head
        self.root = self._base.root
        if self.state == FRESH:
            self.state = OPEN

    def _refusal(self) -> TransactionError:
        if self.state == CLOSED:
            return TransactionClosed()
        if self.state == ABORTED:
            return TransactionAborted()
        return TransactionError("a batch is open: add the call to it, or leave it first")

    # -- reading, inside a statement

    def row(self, layout: Layout, key: Key) -> Any:
        """The record under `key`, or None."""
        self.reads.points[layout.position].add(key)
        return self.root[layout.position].rows.get(key)

    def exists(self, position: int, key: Key) -> bool:
        """Whether there is a row, whatever it holds."""
        self.reads.existence[position].add(key)
        return self.root[position].rows.get(key) is not None

    def holder(self, layout: Layout, place: int, value: Key) -> Key | None:
        """The key of the row that holds `value` of the unique constraint at `place`, or None."""
        self.reads.uniques[layout.position, place].add(value)
        return self.root[layout.position].uniques[place].get(value)

    def held(self, layout: Layout, place: int, value: Key) -> Any:
        """The record that holds `value` of the unique constraint at `place`, or None."""
        key = self.holder(layout, place, value)
        return None if key is None else self.row(layout, key)

    def bucket(self, layout: Layout, place: int, value: Key) -> tuple[Any, ...]:
        """What the bucket of `value` holds: records for the scope, else keys."""
        self.reads.buckets[layout.position, place].add(value)
        found = self.root[layout.position].buckets[place].get(value)
        return () if found is None else found.values

    def rows(self, table: Table[T]) -> Sequence[T]:
        """All records of a table in this transaction's state, in no order."""
        position = layout_of(table.name).position
        self.reads.scans[position].add(0)
        return self.root[position].records

    def materialized(self) -> Any:
        """What `materialize` stored last, or None."""
        self.reads.points[MATERIALIZED].add(0)
        return self.root[MATERIALIZED].rows.get(0)

    # -- writing, inside a writing statement; what is written was checked

    def put(self, layout: Layout, old: Any, new: Any) -> None:
        """Store `new` in the place of `old` (None: as a new row)."""
        state = place(self.root[layout.position], layout, old, new)
        # The log first: an entry without a change is nothing, a change without an entry would be lost.
        self._log.append((layout.position, layout.key(new)))
        self.root = replaced(self.root, layout.position, state)

    def apply(self, layout: Layout, changes: Sequence[Change]) -> None:
        """Make several changes to one table."""
        if changes:
            state = change(self.root[layout.position], layout, changes)
            self._log += [(layout.position, layout.key(old if new is None else new)) for old, new in changes]
            self.root = replaced(self.root, layout.position, state)

    def materialize(self, views: object) -> None:
        """Store the state of the materialized views, as one value."""
        state = self.root[MATERIALIZED]
        self._log.append((MATERIALIZED, 0))
        self.root = replaced(self.root, MATERIALIZED, TableState(state.rows.insert(0, views), (), ()))

    # -- batches

    def start_batch(self) -> None:
        """Refuse statements outside of `in_batch` from now on; the reads of a batch see one state."""
        self.check()
        self._resume = FRESH if self.mode is Mode.READ else self.state
        self.state = BATCH

    def in_batch(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call of the open batch."""
        if self.state < BATCH:
            raise TransactionBusy
        if self.state > BATCH:
            raise self._refusal()
        self.state = self._resume
        try:
            return call(*args, **kwargs)
        finally:
            if self.state < BATCH:
                self._resume = self.state
                self.state = BATCH

    def end_batch(self) -> None:
        """Let statements run on their own again."""
        if self.state == BATCH:
            self.state = LATEST if self.mode is Mode.READ else self._resume

    def fail_batch(self) -> None:
        """A batch was left by an error: only going back is accepted, since on a server its later calls may have run."""
        if self.mode is Mode.WRITE and self.state != CLOSED:
            self.state = ABORTED

    # -- savepoints and the end

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self.check()
        if self.mode is not Mode.WRITE:
            yield
            return
        mark = self.root, len(self._log)
        self._savepoints += 1
        number = self._savepoints
        try:
            yield
        except BaseException:
            self.undo(mark)
            self._streams = {stream: begun for stream, begun in self._streams.items() if begun < number}
            raise
        if self.state != CLOSED:
            self.check()

    def begin_stream(self) -> object:
        """What `check_stream` knows a stream by."""
        stream = object()
        self._streams[stream] = self._savepoints
        return stream

    def check_stream(self, stream: object) -> None:
        """Raise what reading on in a stream would raise now."""
        self.check()
        if stream not in self._streams:
            raise TransactionError("this stream began inside a savepoint that was undone")

    def end_stream(self, stream: object) -> None:
        self._streams.pop(stream, None)

    def undo(self, mark: Mark) -> None:
        """Return to an earlier state, also from a failure; what was read since stays read."""
        if self.state == CLOSED:
            return
        if self._lock.locked():
            raise TransactionBusy
        self.drop_writes(mark)
        self.state = FRESH if self._base is None else OPEN

    def drop_writes(self, mark: Mark) -> None:
        """Forget what was written since `mark`."""
        root, length = mark
        del self._log[length:]
        if self._base is not None:
            self.root = root or self._base.root

    def commit(self) -> None:
        self.check()
        if not self._claim(False):
            raise TransactionBusy
        try:
            if self.state >= BATCH:
                raise self._refusal()
            self.state = CLOSED
            base = self._base
            if base is not None and self._log and not self._database.commit(base, self.root, self._log, self.reads):
                raise SerializationConflict
        finally:
            self._lock.release()

    def rollback(self) -> None:
        if self.state == CLOSED:
            return
        if not self._claim(False):
            raise TransactionBusy
        self.state = CLOSED
        self._lock.release()

    def abandon(self) -> None:
        """End it from outside, whoever is inside a call: that call's writes arrive nowhere."""
        self.state = CLOSED


class Reading:
    """A reading statement."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> Root:
        return self._transaction.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self._transaction.leave()


class Writing:
    """A writing statement."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> Root:
        return self._transaction.enter_to_write()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        transaction = self._transaction
        if isinstance(error, (AlreadyExists, MissingReference)) and transaction.state != CLOSED:
            transaction.state = ABORTED
        transaction.leave()


class Deciding:
    """A statement that decides and writes by itself."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> Root:
        return self._transaction.enter_to_decide()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self._transaction.settle(keep=error is None)
