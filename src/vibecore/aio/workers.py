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


class Ended:
    """The end of a call: its result or its failure."""

    __slots__ = ("_failure", "_result")

    def __init__(self, result: Any, failure: BaseException | None) -> None:
        self._result = result
        self._failure = failure

    def collect(self) -> Any:
        """The result, or the failure raised; once, since an idle worker still refers to this."""
        result, failure = self._result, self._failure
        self._result = self._failure = None
        if failure is None:
            return result
        try:
            raise failure
        finally:
            del failure


class Worker(greenlet):  # type: ignore[misc]  # as above
    """Runs the calls it is given. A switch to it comes back with `Ended` at the end of a call, and with an awaitable
    where the call has to wait: the next switch then brings the result, or a throw the failure."""

    # SQLAlchemy's own waiting, inside its pool and its dialect, looks for this and then switches to the parent.
    __sqlalchemy_greenlet_provider__ = True


def _work(call: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Call after call. While it is idle nothing here refers to the worker: it would live for ever."""
    while True:
        try:
            ended = Ended(call(*args, **kwargs), None)
        except GreenletExit:
            raise
        except BaseException as error:  # noqa: BLE001  # it is raised again where the call was awaited
            ended = Ended(None, error)
        del call, args, kwargs
        call, args, kwargs = switch(getcurrent().parent, ended)


class Workers:
    """The workers of one event loop."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []
        self._thread = get_ident()
        self._closed = False

    def start(self, call: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Worker, Any]:
        """Run `call` until it waits or ends; the worker, and what it came back with.

        The call has a copy of the caller's context variables: what it sets is seen by nobody else.
        """
        if self._thread != get_ident():
            # The loop moved to another thread, where greenlets cannot follow.
            self._idle, self._thread = [], get_ident()
        worker = self._idle.pop() if self._idle else Worker(_work)
        worker.parent = getcurrent()
        worker.gr_context = copy_context()
        return worker, switch(worker, call, args, kwargs)

    def take_back(self, worker: Worker) -> None:
        """After the end of its call."""
        worker.gr_context = None
        if self._closed:
            worker.throw(GreenletExit)
        else:
            self._idle.append(worker)

    def close(self) -> None:
        """End the idle workers now, not whenever they are collected; calls can still be started."""
        self._closed = True
        while self._idle:
            self._idle.pop().throw(GreenletExit)


def wait(awaitable: Awaitable[T]) -> T:
    """The result of `awaitable`, while the event loop goes on. Inside a call that a worker runs only."""
    current = getcurrent()
    if not isinstance(current, Worker):
        if isinstance(awaitable, Coroutine):
            awaitable.close()
        raise RuntimeError("only calls of an AsyncVibe can wait for the event loop")
    return cast("T", switch(current.parent, awaitable))


def switch(target: Any, *values: Any) -> Any:
    """Go on in another greenlet, until it or one of its children comes back here."""
    return target.switch(*values)
