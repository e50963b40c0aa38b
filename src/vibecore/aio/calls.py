"""Calls of synchronous code from a loop: who may make one, how one is stopped, what becomes of those under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from vibecore.aio.errors import WrongEventLoop
from vibecore.aio.waits import undisturbed, waiting
from vibecore.aio.workers import Ended, Workers, switch
from vibecore.domain.errors import StoreUnavailable, TransactionBusy, TransactionClosed, VibecoreError

P = ParamSpec("P")
T = TypeVar("T")


class Calls(Protocol):
    """Runs synchronous code for an awaiting task."""

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class Call(Generic[T]):
    """A call that has begun: it has ended, or waits for the first time. The calling task then awaits `finish`.

    Cancelling that task ends what the call waits for. From there on the call only cleans up, and no further
    cancellation reaches it.
    """

    def __init__(self, workers: Workers, call: Callable[..., T], args: Any, kwargs: Any) -> None:
        self._workers = workers
        self._worker, self._awaited = workers.start(call, args, kwargs)
        self._task: asyncio.Task[Any] | None = None
        self._reason: VibecoreError | None = None
        self._end: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether `finish` has nothing to wait for."""
        return type(self._awaited) is Ended

    async def finish(self) -> T:
        """What the call comes to: CancelledError if the task was cancelled, the reason if the call was stopped."""
        cancelled: asyncio.CancelledError | None = None
        if not self.ended:
            self._task = asyncio.current_task()
        while not self.ended:
            try:
                value = await (waiting(self._awaited) if cancelled is None else undisturbed(self._awaited))
            except BaseException as error:  # noqa: BLE001  # raised again inside the call, which it unwinds
                if isinstance(error, asyncio.CancelledError):
                    cancelled = cancelled or error
                self._awaited = self._worker.throw(error)
            else:
                self._awaited = switch(self._worker, value)
        if self._end is not None:
            self._end.set_result(None)
        self._workers.take_back(self._worker)
        try:
            result: T = self._awaited.collect()
        except BaseException:
            if cancelled is not None:
                raise self._ending(cancelled)  # noqa: B904  # the failure stays its context
            raise
        if cancelled is not None:
            raise self._ending(cancelled)
        return result

    def _ending(self, cancelled: asyncio.CancelledError) -> BaseException:
        """What a call raises that did not come to its own end: CancelledError, unless nothing but `stop` was it."""
        if self._reason is None or self._task is None or self._task.uncancel() > 0:
            return cancelled
        return self._reason

    def stop(self, reason: VibecoreError) -> asyncio.Future[None]:
        """End a call that waits, as a cancellation of its task does; `reason` is what it raises in the end. The future
        is done when it has ended."""
        if self._end is None:
            self._end = asyncio.get_running_loop().create_future()
            self._reason = reason
            if self._task is not None:
                self._task.cancel()
        return self._end


async def gone(end: asyncio.Future[None]) -> None:
    """Wait for the end of a call that was stopped; a cancellation meanwhile is raised after that."""
    try:
        await asyncio.shield(end)
    finally:
        await undisturbed(end)


class Bridge:
    """From one event loop to synchronous code and back."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._workers = Workers()

    def start(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """Run `call` until it waits or ends. WrongEventLoop on any loop but the one that this was made on."""
        if asyncio.get_running_loop() is not self._loop:
            raise WrongEventLoop
        return Call(self._workers, call, args, kwargs)

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.start(call, *args, **kwargs).finish()

    def close(self) -> None:
        """Keep nothing for later calls. They are possible: transactions that are still open have to end."""
        self._workers.close()


class OpenCalls:
    """Any number of calls at once, until it is closed."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._under_way: set[Call[Any]] = set()
        self._closed = False

    def start(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """StoreUnavailable once it is closed."""
        if self._closed:
            raise StoreUnavailable("this installation is closed")
        return self._bridge.start(call, *args, **kwargs)

    async def finish(self, call: Call[T]) -> T:
        if call.ended:
            return await call.finish()
        self._under_way.add(call)
        try:
            return await call.finish()
        finally:
            self._under_way.discard(call)

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.finish(self.start(call, *args, **kwargs))

    async def close(self) -> None:
        """Refuse further calls and stop those under way, which raise StoreUnavailable."""
        self._closed = True
        for end in [call.stop(StoreUnavailable("this installation was closed")) for call in self._under_way]:
            await gone(end)


class UnitCalls:
    """The calls of one transaction: one at a time."""

    def __init__(self, calls: OpenCalls) -> None:
        self._calls = calls
        self._under_way: Call[Any] | None = None
        self._closed = False

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """TransactionBusy while another task is inside a call, TransactionClosed after the transaction."""
        if self._closed:
            raise TransactionClosed
        if self._under_way is not None:
            raise TransactionBusy
        begun = self._calls.start(call, *args, **kwargs)
        self._under_way = begun
        try:
            return await self._calls.finish(begun)
        finally:
            self._under_way = None

    async def close(self) -> bool:
        """Refuse further calls. Whether another task was inside one: it is stopped and raises TransactionClosed."""
        self._closed = True
        if self._under_way is None:
            return False
        await gone(self._under_way.stop(TransactionClosed()))
        return True
