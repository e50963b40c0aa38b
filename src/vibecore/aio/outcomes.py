"""Work whose end is always waited for: a cancellation asks it to stop, once, and is delivered when it has stopped.

A statement that is cancelled needs further round trips: the server is told, the transaction is rolled back, the
connection goes back to its pool. Tasks may be cancelled again at any time, by some frameworks at every turn of the
loop, and none of that must interrupt this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Outcome(asyncio.Future[T]):
    """What the work comes to. To be awaited by one task, whose cancellation then stops the work."""

    task: asyncio.Task[None]
    started = False
    _asked = False
    _reason: Exception | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the work to stop. The outcome is done when it has."""
        if self.done():
            return False
        if not self._asked:
            self._asked = True
            self.task.cancel(msg)
        return True

    def stop(self, reason: Exception) -> None:
        """As `cancel`, with `reason` raised where the outcome is awaited."""
        if not self._asked:
            self._reason = reason
        self.cancel()

    def settle(self, value: T) -> None:
        """The work has ended with `value`."""
        if self._asked:
            self._stopped()
        else:
            self.set_result(value)

    def fail(self, error: BaseException) -> None:
        """The work has ended with `error`."""
        if self._asked or isinstance(error, asyncio.CancelledError):
            self._stopped()
        elif isinstance(error, StopIteration):
            # A future refuses it, for it would end the coroutine that awaits.
            wrapped = RuntimeError("a call raised StopIteration")
            wrapped.__cause__ = error
            self.set_exception(wrapped)
        else:
            self.set_exception(error)

    def _stopped(self) -> None:
        if self._reason is None:
            super().cancel()
        else:
            self.set_exception(self._reason)


def follow(work: Coroutine[Any, Any, T]) -> Outcome[T]:
    """Run `work` in a task of its own."""
    outcome: Outcome[T] = Outcome()
    _launch(outcome, work, stop=False)
    return outcome


def finished(value: T) -> Outcome[T]:
    """The outcome of work that ended at once."""
    outcome: Outcome[T] = Outcome()
    outcome.set_result(value)
    return outcome


async def ended(outcome: Outcome[Any]) -> None:
    """Wait for the end of work that others await, whatever it comes to; a cancellation is raised after that."""
    cancelled = None
    while not outcome.done():
        try:
            await asyncio.wait([outcome])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _launch(outcome: Outcome[T], work: Coroutine[Any, Any, T], *, stop: bool) -> None:
    def relaunch(_: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step never runs, and the work may hold what it has to give back.
        if not outcome.started:
            _launch(outcome, work, stop=True)

    outcome.task = asyncio.get_running_loop().create_task(_carry(outcome, work, stop=stop))
    outcome.task.add_done_callback(relaunch)


async def _carry(outcome: Outcome[T], work: Coroutine[Any, Any, T], *, stop: bool) -> None:
    outcome.started = True
    if stop:
        outcome.task.cancel()
    try:
        value = await work
    except BaseException as error:
        outcome.fail(error)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
    else:
        outcome.settle(value)
