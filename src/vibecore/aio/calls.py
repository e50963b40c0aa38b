"""Calls of service methods from a loop: who may make one, and what becomes of those under way when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

from vibecore.aio.errors import WrongEventLoop
from vibecore.aio.outcomes import Outcome, ended, finished, follow
from vibecore.aio.workers import Worker, Workers, drive
from vibecore.domain.errors import StoreUnavailable, TransactionBusy, TransactionClosed

P = ParamSpec("P")
T = TypeVar("T")


class Calls(Protocol):
    """Runs synchronous code for an awaiting task."""

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


class Bridge:
    """From one event loop to synchronous code and back."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._workers = Workers()

    def begin(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
        """Run `call` until it waits or ends. WrongEventLoop on any loop but the one that this was made on."""
        if asyncio.get_running_loop() is not self._loop:
            raise WrongEventLoop
        worker, awaited = self._workers.start(call, args, kwargs)
        if awaited is worker:
            self._workers.give_back(worker)
            return finished(worker.collect())
        return follow(self._rest(worker, awaited))

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.begin(call, *args, **kwargs)

    async def _rest(self, worker: Worker, awaited: Any) -> Any:
        await drive(worker, awaited)
        self._workers.give_back(worker)
        return worker.collect()


class OpenCalls:
    """Any number of calls at once, until it is closed."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._under_way: set[Outcome[Any]] = set()
        self._closed = False

    def begin(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
        """StoreUnavailable once it is closed."""
        if self._closed:
            raise StoreUnavailable("this installation is closed")
        outcome = self._bridge.begin(call, *args, **kwargs)
        if not outcome.done():
            self._under_way.add(outcome)
            outcome.add_done_callback(self._under_way.discard)
        return outcome

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.begin(call, *args, **kwargs)

    async def close(self) -> None:
        """Refuse further calls and stop those under way, which raise StoreUnavailable."""
        self._closed = True
        for outcome in list(self._under_way):
            outcome.stop(StoreUnavailable("this installation was closed"))
        while self._under_way:
            await ended(next(iter(self._under_way)))


class UnitCalls:
    """The calls of one transaction: one at a time."""

    def __init__(self, calls: OpenCalls) -> None:
        self._calls = calls
        self._outcome: Outcome[Any] | None = None
        self._closed = False

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """TransactionBusy while another task is inside a call, TransactionClosed after the transaction."""
        if self._closed:
            raise TransactionClosed
        if self._outcome is not None:
            raise TransactionBusy
        outcome = self._calls.begin(call, *args, **kwargs)
        self._outcome = outcome
        try:
            return await outcome
        finally:
            self._outcome = None

    async def close(self) -> bool:
        """Refuse further calls; whether another task was inside one, which was stopped and raises TransactionClosed."""
        self._closed = True
        if self._outcome is None:
            return False
        self._outcome.stop(TransactionClosed())
        await ended(self._outcome)
        return True
