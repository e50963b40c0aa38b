"""How service code waits on an event loop: the task is suspended, work that needs a processor goes to a few threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, Self, TypeVar

from vibecore.aio.workers import wait

P = ParamSpec("P")
T = TypeVar("T")

MOST_THREADS: Final = 4
"""Password hashing fills one processor for each thread; more threads than processors only share them."""


class LoopRuntime:
    """The runtime of the async face. Its threads end when the last of its users has closed it."""

    def __init__(self) -> None:
        threads = min(MOST_THREADS, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="vibecore")
        self._users = 1

    def sleep(self, seconds: float, /) -> None:
        wait(asyncio.sleep(seconds))

    def offload(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`call` in one of the threads. When it is cancelled, the thread still comes to the end of it, for nobody."""
        return wait(asyncio.wrap_future(self._submit(partial(call, *args, **kwargs))))

    async def in_thread(self, call: Callable[[], T], undo: Callable[[T], None] | None = None) -> T:
        """`call` in one of the threads. Where a cancellation comes first, `undo` takes its result back, there."""
        running = self._submit(call)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if undo is not None:
                self._threads.submit(_take_back, running, undo)
            raise

    def share(self) -> Self:
        """The same threads for one more user."""
        self._users += 1
        return self

    def close(self) -> None:
        """Work that is under way, or waits for its turn, is still done."""
        self._users -= 1
        if self._users == 0:
            self._threads.shutdown(wait=False)

    def _submit(self, call: Callable[[], T]) -> Future[T]:
        return self._threads.submit(copy_context().run, call)


def _take_back(running: Future[T], undo: Callable[[T], None]) -> None:
    if not running.cancelled() and running.exception() is None:
        undo(running.result())
