"""What a call waits for. It is always waited for to its end: a cancellation asks it to end, and is delivered then.

A statement that is cancelled needs further round trips: the server is told, the transaction is rolled back, the
connection goes back to its pool. Tasks may be cancelled again at any time, by some frameworks at every turn of the
loop, and none of that must interrupt this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Interruptible(Protocol):
    """Something to await that can be made to end early by other means than cancelling whoever awaits it."""

    def interrupt(self, task: asyncio.Task[Any]) -> Coroutine[Any, Any, None]:
        """Ask it to end until `task`, which awaits it, is done; or give up."""
        ...


@runtime_checkable
class Closable(Protocol):
    """Something to await that says so when it never was: a coroutine."""

    def close(self) -> object: ...


class Wait(asyncio.Future[T]):
    """`work` in a task of its own, to be awaited by one other.

    Cancelling asks the work to end, once: by interrupting it, where it can be interrupted; otherwise, or where that
    gave up, as tasks are cancelled.
    """

    def __init__(self, work: Awaitable[T]) -> None:
        super().__init__()
        self._work = work
        self._started = False
        self._asked = False
        self._interrupter: asyncio.Task[None] | None = None
        self._task = self.get_loop().create_task(self._carry(work))
        self._task.add_done_callback(self._task_ended)

    def cancel(self, msg: Any | None = None) -> bool:
        if self.done():
            return False
        if not self._asked:
            self._asked = True
            if isinstance(self._work, Interruptible):
                self._interrupter = self.get_loop().create_task(self._work.interrupt(self._task))
                self._interrupter.add_done_callback(self._interrupter_ended)
            else:
                self._task.cancel(msg)
        return True

    async def _carry(self, work: Awaitable[T]) -> None:
        self._started = True
        try:
            result = await work
        except BaseException as error:
            if not self._asked and not isinstance(error, asyncio.CancelledError):
                self._fail(error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
        else:
            if not self._asked:
                self.set_result(result)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, StopIteration):
            # A future refuses it, for it would end the coroutine that awaits.
            wrapped = RuntimeError("what was awaited raised StopIteration")
            wrapped.__cause__ = error
            error = wrapped
        self.set_exception(error)

    # The ends are callbacks: a task that is cancelled before its first step runs nothing of its own.

    def _task_ended(self, _: asyncio.Task[None]) -> None:
        if not self._started and isinstance(self._work, Closable):
            self._work.close()
        if not self.done() and (self._interrupter is None or self._interrupter.done()):
            super().cancel()

    def _interrupter_ended(self, interrupter: asyncio.Task[None]) -> None:
        if not interrupter.cancelled() and (error := interrupter.exception()) is not None:
            self.get_loop().call_exception_handler({"message": "an interruption failed", "exception": error})
        if self._task.done():
            super().cancel()
        else:
            self._task.cancel()


def waiting(work: Awaitable[T]) -> Awaitable[T]:
    """`work` as a call awaits it that may be cancelled. Only what can be interrupted has to be protected from it."""
    return Wait(work) if hasattr(work, "interrupt") else work


async def undisturbed(work: Awaitable[T]) -> T:
    """The result of `work`, whatever happens to the task that awaits it."""
    future = work if isinstance(work, asyncio.Future) else Wait(work)
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
    return future.result()
