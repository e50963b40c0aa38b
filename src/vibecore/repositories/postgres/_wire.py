"""The wire: one psycopg connection, driven from a thread or, inside a greenlet, from an event loop.

Both drivers offer the same few operations, so that everything above them is written once. Connections are in
autocommit mode while a unit of work has them: transactions are begun and ended by statements, which can then travel
in the same round trip as others.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, Final, LiteralString, Protocol, TypeVar, cast

import psycopg
from psycopg import pq

from vibecore.repositories.postgres._exchange import Exchange

Row = tuple[Any, ...]
T = TypeVar("T")

COPIED_AT_ONCE: Final = 32
"""Rows that go to the server between two looks at the event loop."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with positional placeholders and its parameters."""

    sql: str
    params: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """Rows returned and number of rows affected."""

    rows: list[Row]
    count: int


class PipelineFailed(Exception):
    """A statement of a pipeline failed: `error`, after the statements that gave `results`."""

    def __init__(self, error: psycopg.Error, results: list[Result]) -> None:
        super().__init__(str(error))
        self.error = error
        self.results = results


class Wire(Protocol):
    """One connection. Driver errors pass through as psycopg raises them."""

    @property
    def broken(self) -> bool: ...

    @property
    def status(self) -> pq.TransactionStatus: ...

    def parameter(self, name: str) -> str:
        """A setting of the session that the server reports by itself: no round trip."""
        ...

    def execute(self, statement: Statement) -> Result:
        """One statement, one round trip."""
        ...

    def pipeline(self, statements: Sequence[Statement]) -> list[Result]:
        """Several statements, one round trip. PipelineFailed at the first error; later statements are then not run."""
        ...

    def copy(self, sql: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Rows into a COPY ... FROM STDIN (FORMAT BINARY)."""
        ...

    def autocommit(self, on: bool) -> bool:
        """Switch the client-side mode; what it was before."""
        ...


class ThreadWire:
    """The wire over a synchronous connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    @property
    def broken(self) -> bool:
        return self._connection.closed

    @property
    def status(self) -> pq.TransactionStatus:
        return self._connection.info.transaction_status

    def parameter(self, name: str) -> str:
        return self._connection.info.parameter_status(name) or ""

    def execute(self, statement: Statement) -> Result:
        return _result(self._cursor.execute(_query(statement.sql), statement.params or None))

    def pipeline(self, statements: Sequence[Statement]) -> list[Result]:
        connection = self._connection
        failed: psycopg.Error | None = None
        cursors: list[psycopg.Cursor[Any]] = []
        try:
            with connection.pipeline():
                try:
                    for each in statements:
                        cursors.append(connection.execute(_query(each.sql), each.params or None))
                except psycopg.Error as error:
                    # Raised once the pipeline is left: left by an exception, it would log a second one.
                    failed = error
        except psycopg.Error as error:
            failed = failed or error
        done = [_result(cursor) for cursor in takewhile(_answered, cursors)]
        if failed is not None:
            raise PipelineFailed(failed, done) from None
        return done

    def copy(self, sql: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        with self._cursor.copy(_query(sql)) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def autocommit(self, on: bool) -> bool:
        before = self._connection.autocommit
        if before is not on:
            self._connection.autocommit = on
        return before


class LoopWire:
    """The wire over an asynchronous connection; each call suspends the greenlet until the loop has the answer."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], await_: Callable[[Any], Any]) -> None:
        self._connection = connection
        self._await = await_

    @property
    def broken(self) -> bool:
        return self._connection.closed

    @property
    def status(self) -> pq.TransactionStatus:
        return self._connection.info.transaction_status

    def parameter(self, name: str) -> str:
        return self._connection.info.parameter_status(name) or ""

    def _exchange(self, work: Coroutine[Any, Any, T]) -> T:
        return cast("T", self._await(Exchange(self._connection, work)))

    def execute(self, statement: Statement) -> Result:
        return self._exchange(self._execute(statement))

    async def _execute(self, statement: Statement) -> Result:
        return await _aresult(await self._run(statement))

    async def _run(self, statement: Statement) -> psycopg.AsyncCursor[Any]:
        return await self._connection.execute(_query(statement.sql), statement.params or None)

    def pipeline(self, statements: Sequence[Statement]) -> list[Result]:
        return self._exchange(self._pipeline(statements))

    async def _pipeline(self, statements: Sequence[Statement]) -> list[Result]:
        failed: psycopg.Error | None = None
        cursors: list[psycopg.AsyncCursor[Any]] = []
        try:
            async with self._connection.pipeline():
                try:
                    for each in statements:
                        cursors.append(await self._run(each))
                except psycopg.Error as error:
                    failed = error
        except psycopg.Error as error:
            failed = failed or error
        done = [await _aresult(cursor) for cursor in takewhile(_answered, cursors)]
        if failed is not None:
            raise PipelineFailed(failed, done) from None
        return done

    def copy(self, sql: str, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        # The rows are taken here, in the greenlet: whatever makes them may have to wait, too.
        waiting = iter(rows)
        with self._copying(sql) as copy:
            copy.set_types(types)
            while chunk := list(islice(waiting, COPIED_AT_ONCE)):
                self._exchange(_write(copy, chunk))

    @contextmanager
    def _copying(self, sql: str) -> Iterator[psycopg.AsyncCopy]:
        copying = self._connection.cursor().copy(_query(sql))
        copy = self._exchange(copying.__aenter__())
        try:
            yield copy
        except BaseException as error:
            self._exchange(copying.__aexit__(type(error), error, error.__traceback__))
            raise
        self._exchange(copying.__aexit__(None, None, None))

    def autocommit(self, on: bool) -> bool:
        before = self._connection.autocommit
        if before is not on:
            self._await(self._connection.set_autocommit(on))
        return before


async def _write(copy: psycopg.AsyncCopy, rows: list[Sequence[Any]]) -> None:
    for row in rows:
        await copy.write_row(row)


def _query(sql: str) -> LiteralString:
    """Statements are put together from declared identifiers and placeholders only, never from values."""
    return cast("LiteralString", sql)  # type: ignore[redundant-cast]  # mypy takes LiteralString for str


def _answered(cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> bool:
    """Whether the server ran the cursor's statement; a statement after a failed one has no result."""
    result = cursor.pgresult
    return result is not None and result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


# `rownumber` tells whether there are rows to fetch; asking `description` would build an object for every column.
def _result(cursor: psycopg.Cursor[Any]) -> Result:
    return Result(cursor.fetchall() if cursor.rownumber is not None else [], cursor.rowcount)


async def _aresult(cursor: psycopg.AsyncCursor[Any]) -> Result:
    return Result(await cursor.fetchall() if cursor.rownumber is not None else [], cursor.rowcount)
