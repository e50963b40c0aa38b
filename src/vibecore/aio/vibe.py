"""AsyncVibe: an open installation on an event loop, its services, and its transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakKeyDictionary

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from vibecore.aio.calls import Bridge, OpenCalls, UnitCalls
from vibecore.aio.runtime import LoopRuntime
from vibecore.aio.services import AsyncServices
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.errors import InvalidValue, SerializationConflict, TransactionBusy
from vibecore.services.effects import Effects
from vibecore.services.mail.messages import Mailer
from vibecore.services.work import ATTEMPTS, LONGEST_WAIT

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


class AsyncVibe(AsyncServices):
    """An open installation. Close it, or use it in an `async with` block. Any number of tasks of the loop on which it
    was opened may call its services at once; on another loop they raise WrongEventLoop.

    A call that is cancelled stops its statement on the server, leaves nothing half-written and returns its connection
    before CancelledError is raised; only one whose COMMIT was under way may have been committed.
    """

    def __init__(
        self,
        vibe: Vibe,
        effects: Effects,
        bridge: Bridge,
        runtime: LoopRuntime,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._vibe = vibe
        self._effects = effects
        self._bridge = bridge
        self._runtime = runtime
        self._close_server = close
        self._calls = OpenCalls(bridge)
        self._joined: WeakKeyDictionary[Connection, UnitCalls] = WeakKeyDictionary()
        self._closed = False
        super().__init__(vibe, self._calls)

    @property
    def mailer(self) -> Mailer:
        """Where mails leave; an `OutboxMailer` in memory, unless another is configured."""
        return self._vibe.mailer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncServices]:
        """Several service calls as one atomic unit: all services again, on one open transaction.

        Leaving the block commits, an exception rolls back. A call that fails is undone alone: whoever catches its
        error can go on. A collision with a concurrent transaction raises SerializationConflict, since the block cannot
        be run again from here: `atomic` can. One task at a time (TransactionBusy): a call that another task has not
        finished when the block is left is stopped, and nothing is committed.
        """
        block = self._vibe.transaction()
        services = await self._bridge.run(block.__enter__)
        calls = UnitCalls(self._calls)
        try:
            yield AsyncServices(services, calls)
        except BaseException as error:
            await self._leave(block, calls, error)
            raise
        await self._leave(block, calls, None)

    async def _leave(self, block: AbstractContextManager[Any], calls: UnitCalls, error: BaseException | None) -> None:
        """End the transaction, whatever happens meanwhile."""
        try:
            if await calls.close() and error is None:
                raise TransactionBusy
        except BaseException as found:
            await self._bridge.run(block.__exit__, type(found), found, found.__traceback__)
            raise
        kind, trace = (None, None) if error is None else (type(error), error.__traceback__)
        await self._bridge.run(block.__exit__, kind, error, trace)

    async def atomic(self, run: Callable[[AsyncServices], Awaitable[T]]) -> T:
        """`run` with all services on one transaction, committed when it returns and run again after a collision.

        `run` is an async function (InvalidValue otherwise) and must have no effect but through the services.
        SerializationConflict when twelve runs collided.
        """
        if not callable(run):
            raise InvalidValue("run", f"must be an async function, not {type(run).__name__}")
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(SerializationConflict),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.005, max=LONGEST_WAIT),
            sleep=self._pause,
            reraise=True,
        )
        return await retrying(self._once, run)

    async def _once(self, run: Callable[[AsyncServices], Awaitable[T]]) -> T:
        async with self.transaction() as services:
            running = run(services)
            if not isinstance(running, Awaitable):
                raise InvalidValue("run", "must be an async function")
            return await running

    async def _pause(self, seconds: float) -> None:
        await self._bridge.run(self._effects.runtime.sleep, seconds)

    def joined(self, connection: AsyncConnection) -> AsyncServices:
        """All services inside the transaction that `connection` (SQLAlchemy) has open, or begins now.

        Each call is a savepoint of it; the commit stays the application's, as do isolation and retries. Audit rows of
        denials are part of it too. Mails leave right after the call that writes them: nobody here sees the commit. One
        call at a time (TransactionBusy). InvalidValue on the memory backend, and for a connection that is not open.
        """
        from sqlalchemy.ext.asyncio import AsyncConnection

        if not isinstance(connection, AsyncConnection) or connection.sync_connection is None:
            raise InvalidValue("connection", "must be an open AsyncConnection of SQLAlchemy")
        inner = connection.sync_connection
        services = self._vibe.joined(inner)
        return AsyncServices(services, self._joined.setdefault(inner, UnitCalls(self._calls)))

    def fork(self) -> AsyncVibe:
        """An independent copy of a memory installation as it stands, in constant time. InvalidValue on PostgreSQL."""
        return AsyncVibe(self._vibe.fork(), self._effects, Bridge(), self._runtime.share())

    def reset(self) -> None:
        """Empty a memory installation in constant time. InvalidValue on PostgreSQL."""
        self._vibe.reset()

    async def close(self) -> None:
        """Stop calls that are under way (StoreUnavailable), release connections and, where this was its last user,
        stop the embedded server. Repeating it is fine."""
        if not self._closed:
            self._closed = True
            await self._close()

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:
            stack.callback(self._bridge.close)
            stack.callback(self._runtime.close)
            stack.push_async_callback(self._runtime.in_thread, self._close_server)
            stack.push_async_callback(self._bridge.run, self._vibe.close)
            await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
