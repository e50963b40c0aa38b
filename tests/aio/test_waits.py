"""Waits and workers by themselves: what is awaited always comes to its end, whoever gives up meanwhile."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Generator
from typing import Any

import pytest

from vibecore.aio.calls import Bridge
from vibecore.aio.runtime import LoopRuntime
from vibecore.aio.waits import Wait, undisturbed, waiting
from vibecore.aio.workers import Worker, wait


class Exchange:
    """Ends when it is told to, or when it is interrupted for the `patience`-th time."""

    def __init__(self, patience: int = 1) -> None:
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.interruptions = 0
        self.closed = False
        self._patience = patience

    def __await__(self) -> Generator[Any, Any, str]:
        return self.answer.__await__()

    def close(self) -> None:
        self.closed = True

    async def interrupt(self, task: asyncio.Task[Any]) -> None:
        while not task.done():
            self.interruptions += 1
            if self.interruptions == self._patience and not self.answer.done():
                self.answer.set_exception(ConnectionAbortedError())
            await asyncio.sleep(0)


def test_a_wait_gives_what_its_work_gives() -> None:
    """A result or an error."""

    async def scenario() -> None:
        exchange = Exchange()
        asyncio.get_running_loop().call_soon(exchange.answer.set_result, "done")
        assert await waiting(exchange) == "done"
        failed = Exchange()
        failed.answer.set_exception(KeyError("lost"))
        with pytest.raises(KeyError):
            await waiting(failed)

    asyncio.run(scenario())


def test_a_cancelled_wait_ends_when_its_work_has_ended() -> None:
    """It is asked as often as it takes, and cancelled then, whatever the work came to."""

    async def scenario() -> None:
        exchange = Exchange(patience=5)

        async def call() -> str:
            return await waiting(exchange)

        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert exchange.interruptions >= 5

    asyncio.run(scenario())


def test_a_wait_whose_interruption_gives_up_is_cancelled() -> None:
    """As tasks are."""

    class Stubborn(Exchange):
        async def interrupt(self, task: asyncio.Task[Any]) -> None:
            self.interruptions += 1

    async def scenario() -> None:
        exchange = Stubborn()
        wait_ = Wait(exchange)
        await asyncio.sleep(0)
        wait_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait_
        assert exchange.answer.cancelled()

    asyncio.run(scenario())


def test_an_interruption_that_fails_is_reported() -> None:
    """To the loop; the wait ends as a cancelled one."""

    class Broken(Exchange):
        async def interrupt(self, task: asyncio.Task[Any]) -> None:
            raise KeyError("broken")

    async def scenario() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
        wait_ = Wait(Broken())
        await asyncio.sleep(0)
        wait_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait_
        assert [type(error) for error in reported] == [KeyError]

    asyncio.run(scenario())


def test_a_wait_that_never_began_is_cancelled_and_closed() -> None:
    """The end of a loop cancels tasks before their first step: nobody may wait for them for ever."""

    async def scenario() -> None:
        exchange = Exchange()
        before = asyncio.all_tasks()
        wait_ = Wait(exchange)
        (task,) = asyncio.all_tasks() - before
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait_
        assert exchange.closed

    asyncio.run(scenario())


def test_what_is_undisturbed_is_not_cancelled() -> None:
    """However often its task is."""

    async def scenario() -> None:
        exchange = Exchange()

        async def clean_up() -> str:
            return await undisturbed(exchange)

        task = asyncio.create_task(clean_up())
        for _ in range(5):
            await asyncio.sleep(0)
            task.cancel()
        exchange.answer.set_result("clean")
        assert await task == "clean"
        assert exchange.interruptions == 0

    asyncio.run(scenario())


def test_a_call_runs_without_a_task_until_it_waits() -> None:
    """And its errors are the caller's, StopIteration included."""

    def fail(error: Exception) -> None:
        raise error

    async def scenario() -> None:
        bridge = Bridge()
        before = asyncio.all_tasks()
        assert await bridge.run(lambda: asyncio.all_tasks() == before)
        assert await bridge.run(lambda: wait(asyncio.sleep(0, "slept"))) == "slept"
        with pytest.raises(KeyError):
            await bridge.run(fail, KeyError())
        with pytest.raises(RuntimeError, match="StopIteration"):
            await bridge.run(fail, StopIteration())
        assert await bridge.run(lambda: 1) == 1

    asyncio.run(scenario())


def test_calls_of_one_task_run_inside_each_other() -> None:
    """A call may await a coroutine that makes calls."""

    async def scenario() -> None:
        bridge = Bridge()

        async def inner(depth: int) -> int:
            await asyncio.sleep(0)
            return depth if depth == 5 else await bridge.run(lambda: wait(inner(depth + 1)))

        assert await asyncio.gather(*(inner(0) for _ in range(10))) == [5] * 10

    asyncio.run(scenario())


def test_only_a_call_can_wait() -> None:
    """Outside of one it is an error, and what was to be awaited is closed."""

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match="AsyncVibe"):
            wait(asyncio.sleep(0))

    asyncio.run(scenario())


def test_a_loop_may_move_to_another_thread() -> None:
    """Between two runs; its workers stay behind."""
    loop = asyncio.new_event_loop()

    async def scenario() -> None:
        bridge = Bridge()
        assert await bridge.run(lambda: wait(asyncio.sleep(0, 1))) == 1
        kept.append(bridge)

    async def again() -> None:
        assert await kept[0].run(lambda: wait(asyncio.sleep(0, 2))) == 2

    kept: list[Bridge] = []
    loop.run_until_complete(scenario())
    moved = threading.Thread(target=loop.run_until_complete, args=(again(),))
    moved.start()
    moved.join()
    loop.run_until_complete(again())
    loop.close()


def test_workers_end_with_their_bridge() -> None:
    """When it is closed and when it is forgotten: none of them stays, whatever calls came to."""

    def fail() -> None:
        raise KeyError

    async def scenario(*, close: bool) -> None:
        bridge = Bridge()
        await asyncio.gather(*(bridge.run(lambda: wait(asyncio.sleep(0))) for _ in range(5)))
        with pytest.raises(KeyError):
            await bridge.run(fail)
        assert count() == 5
        if close:
            bridge.close()
            assert await bridge.run(lambda: wait(asyncio.sleep(0, "late"))) == "late"
            assert count() == 0

    def count() -> int:
        return sum(isinstance(each, Worker) and id(each) not in known for each in gc.get_objects())

    # Workers of earlier tests may end meanwhile: they are kept, so that no id is given twice, and not counted.
    others = [each for each in gc.get_objects() if isinstance(each, Worker)]
    known = {id(each) for each in others}
    for close in (True, False):
        asyncio.run(scenario(close=close))
        gc.collect()
        assert count() == 0


def test_the_runtime_waits_and_works_beside_the_loop() -> None:
    """Its threads are few, and end with the last of its users."""

    async def scenario() -> None:
        bridge, runtime = Bridge(), LoopRuntime()
        turned = asyncio.Event()
        asyncio.get_running_loop().call_soon(turned.set)
        await bridge.run(runtime.sleep, 0.0)
        assert turned.is_set()
        here = threading.get_ident()
        threads = await asyncio.gather(*(bridge.run(runtime.offload, threading.get_ident) for _ in range(20)))
        assert here not in threads
        assert len(set(threads)) <= 4
        runtime.share()
        runtime.close()
        assert await bridge.run(runtime.offload, len, "four") == 4
        runtime.close()
        with pytest.raises(RuntimeError):
            await bridge.run(runtime.offload, len, "late")

    asyncio.run(scenario())


def test_what_a_cancelled_start_brought_about_is_undone() -> None:
    """In the thread that made it; a start that failed has nothing to undo."""

    async def scenario() -> None:
        runtime, go_on = LoopRuntime(), threading.Event()
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        undone: list[tuple[str, bool]] = []

        def start() -> str:
            go_on.wait()
            return "server"

        def fail() -> str:
            go_on.wait()
            raise KeyError

        def undo(what: str) -> None:
            undone.append((what, threading.current_thread() is threading.main_thread()))
            loop.call_soon_threadsafe(done.set)

        for call in (start, fail):
            task = asyncio.create_task(runtime.in_thread(call, undo))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        go_on.set()
        runtime.close()
        await done.wait()
        assert undone == [("server", False)]

    asyncio.run(scenario())
