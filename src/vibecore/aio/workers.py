"""Greenlets that run synchronous service code, one call after another.

A call that never waits costs two switches, about 2 µs. Starting a greenlet for each call would cost seven times that:
the interpreter maps fresh memory for the frames of each one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from threading import get_ident
from typing import Any, TypeVar, cast

from vibecore.domain.errors import MissingExtra

try:
    from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]  # it has no stubs
except ImportError:
    raise MissingExtra("async") from None

T = TypeVar("T")


class Worker(greenlet):  # type: ignore[misc]  # as above
    """Runs the calls it is given. A switch to it comes back with itself at the end of a call, and with an awaitable
    where the call has to wait: the next switch then brings the result, or a throw the failure."""

    # SQLAlchemy's own waiting, inside its pool and its dialect, looks for this and then switches to the parent.
    __sqlalchemy_greenlet_provider__ = True

    def __init__(self) -> None:
        super().__init__(self._work)
        self._result: Any = None
        self._failure: BaseException | None = None

    def _work(self, call: Callable[..., Any], args: Any, kwargs: Any) -> None:
        while True:
            try:
                self._result = call(*args, **kwargs)
            except GreenletExit:
                raise
            except BaseException as error:  # noqa: BLE001  # it is raised again where the call was awaited
                self._failure = error
            del call, args, kwargs
            call, args, kwargs = _switch(self.parent, self)

    def resume(self, value: Any) -> Any:
        """Go on with what was awaited; what the worker came back with."""
        return _switch(self, value)

    def collect(self) -> Any:
        """The result of the call that has ended, or its failure raised."""
        result, failure = self._result, self._failure
        self._result = self._failure = None
        if failure is None:
            return result
        try:
            raise failure
        finally:
            del failure


class Workers:
    """The workers of one event loop."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._thread = get_ident()

    def start(self, call: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Worker, Any]:
        """Run `call` until it waits or ends; the worker, and what it came back with.

        The call has a copy of the caller's context variables: what it sets is seen by nobody else.
        """
        if self._thread != get_ident():
            # The loop moved to another thread, where greenlets cannot follow.
            self._idle, self._thread = [], get_ident()
        worker = self._idle.pop() if self._idle else Worker()
        worker.parent = getcurrent()
        worker.gr_context = copy_context()
        return worker, _switch(worker, call, args, kwargs)

    def take_back(self, worker: Worker) -> Any:
        """What the call that `worker` has ended came to: its result, or its failure raised."""
        worker.gr_context = None
        self._idle.append(worker)
        return worker.collect()


def wait(awaitable: Awaitable[T]) -> T:
    """The result of `awaitable`, while the event loop goes on. Inside a call that a worker runs only."""
    current = getcurrent()
    if not isinstance(current, Worker):
        if isinstance(awaitable, Coroutine):
            awaitable.close()
        raise RuntimeError("only calls of an AsyncVibe can wait for the event loop")
    return cast("T", _switch(current.parent, awaitable))


def _switch(target: Any, *values: Any) -> Any:
    return target.switch(*values)
