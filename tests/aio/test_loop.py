"""One event loop, many tasks: nothing holds it up, no task sees what belongs to another, each loop has its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.aio.world import PASSWORD, SETTINGS, assert_clean, opened, pool_of, signed_in, with_project
from vibecore.aio import AsyncVibe, connect_async
from vibecore.aio.errors import WrongEventLoop
from vibecore.bootstrap.connect import default_effects
from vibecore.domain.actors import Actor
from vibecore.domain.errors import PermissionDenied, VibecoreError
from vibecore.domain.users import UserRole
from vibecore.services.work import _CALL
from vibecore.testing.effects import PlainHasher


def test_fifty_tasks_share_a_pool_of_five(url: str) -> None:
    """They read and write at once; all are served, each gets its own answers, and every connection is back."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor = await signed_in(avibe)

            async def work(number: int) -> None:
                project = await avibe.projects.create(actor, name=f"project {number}")
                changed = await avibe.projects.update(actor, project.id, description=str(number))
                assert changed.description == str(number)
                await avibe.deployments.create(actor, project.id, environment="production", version=str(number))
                assert (await avibe.projects.get(actor, project.id)).name == f"project {number}"
                page = await avibe.deployments.page(actor, project.id)
                assert [deployment.version for deployment in page.items] == [str(number)]

            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(work(number))
            assert len((await avibe.projects.page(actor, limit=100)).items) == 50
            assert pool_of(avibe) is None or pool_of(avibe).checkedin() <= 5

    asyncio.run(scenario())


def test_what_a_call_notes_is_seen_by_no_other_task(url: str) -> None:
    """An administrator's override is noted while the call runs, and marks the audit rows of nobody else."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            system = Actor.system("the test")
            people = [await with_project(avibe, f"user{i}") for i in range(6)]
            await avibe.users.create_admin(system, email="root@example.org", password=PASSWORD, name="Root")
            root = (await avibe.auth.login(email="root@example.org", password=PASSWORD)).actor

            async def write(actor: Actor, number: int) -> None:
                await avibe.projects.update(actor, people[number][1].id, description=f"by {actor.role}")

            async with asyncio.TaskGroup() as group:
                for number, (actor, _) in enumerate(people):
                    group.create_task(write(root if number % 2 else actor, number))
            for number, (_, project) in enumerate(people):
                trail = await avibe.audit.page(system, project_id=project.id)
                rows = [event for event in trail.items if event.action == "project.updated"]
                assert ["override" in row.details for row in rows] == [number % 2 == 1]

    asyncio.run(scenario())


def test_what_a_call_sets_stays_inside_of_it(url: str) -> None:
    """Tasks that share one context do not see each other's calls either, nor does whoever awaits a call."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            seen: list[object] = []

            async def work(name: str) -> None:
                await avibe.projects.update(actor, project.id, description=name)
                seen.append(_CALL.get())

            async def watch() -> None:
                while len(seen) < 3:
                    assert _CALL.get() is None
                    await asyncio.sleep(0)

            shared = contextvars.copy_context()
            tasks = [asyncio.create_task(work(str(i)), context=shared) for i in range(3)]
            tasks.append(asyncio.create_task(watch(), context=shared))
            await asyncio.gather(*tasks)
            assert seen == [None, None, None]
            with pytest.raises(PermissionDenied):
                await avibe.users.set_role(actor, project.owner_id, role=UserRole.ADMIN)
            assert _CALL.get() is None

    asyncio.run(scenario())


def test_a_call_sees_the_context_of_its_task(url: str) -> None:
    """In the call and in the threads that work for it: tracing goes on."""
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace")

    class Tracing(PlainHasher):
        seen: list[tuple[str, bool]]

        def verify(self, password: str, stored: str, /) -> bool:
            self.seen.append((trace.get(), threading.current_thread() is threading.main_thread()))
            return super().verify(password, stored)

    async def scenario() -> None:
        hasher = Tracing()
        hasher.seen = []
        effects = replace(default_effects(SETTINGS), hasher=hasher)
        async with await connect_async(url, settings=SETTINGS, effects=effects) as avibe:
            trace.set("outer")
            await signed_in(avibe)
        assert hasher.seen == [("outer", False)]

    asyncio.run(scenario())


def test_hashing_a_password_does_not_hold_up_the_loop(url: str) -> None:
    """However long it takes: the loop turns many times while one hash is computed in a thread."""

    class Slow(PlainHasher):
        """Returns only after the loop has turned: it would never return if it held the loop up."""

        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            super().__init__()
            self._loop = loop

        def verify(self, password: str, stored: str, /) -> bool:
            for _ in range(3):
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(20)
            return super().verify(password, stored)

    async def scenario() -> None:
        effects = replace(default_effects(SETTINGS), hasher=Slow(asyncio.get_running_loop()))
        async with await connect_async(url, settings=SETTINGS, effects=effects) as avibe:
            await signed_in(avibe)
            async with avibe.transaction() as tx:
                assert (await tx.auth.login(email="ada@example.org", password=PASSWORD)).actor

    asyncio.run(scenario())


def test_an_import_turns_the_loop_while_it_reads(url: str, source: Path) -> None:
    """Reading and preparing files happens in a thread, even though the rows are being written."""

    async def scenario() -> None:
        for i in range(400):
            (source / f"{i}.py").write_text("x = 1\n")
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            turns, done = 0, False

            async def count() -> None:
                nonlocal turns
                while not done:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.create_task(count())
            before = turns
            await avibe.files.import_tree(actor, project.id, source)
            done = True
            await counting
            assert turns - before > 4

    asyncio.run(scenario())


def test_each_loop_opens_its_own(url: str) -> None:
    """One after the other in one process, each with connections of its own."""

    async def scenario(name: str) -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe, name)
            assert await avibe.projects.get(actor, project.id) == project

    for name in ("first", "second", "third"):
        asyncio.run(scenario(name))


def test_another_loop_is_told_so(url: str) -> None:
    """Calls, transactions and closing on a loop that did not open the installation raise WrongEventLoop."""
    kept: list[AsyncVibe] = []

    async def first() -> Actor:
        avibe = await connect_async(url, settings=SETTINGS)
        kept.append(avibe)
        return await signed_in(avibe)

    async def second(actor: Actor) -> None:
        avibe = kept[0]
        with pytest.raises(WrongEventLoop, match="another event loop"):
            await avibe.projects.page(actor)
        with pytest.raises(WrongEventLoop):
            async with avibe.transaction():
                raise AssertionError

    with asyncio.Runner() as one:
        actor = one.run(first())
        with asyncio.Runner() as other:
            other.run(second(actor))
        one.run(kept[0].close())
    assert_clean(kept[0])
    assert issubclass(WrongEventLoop, VibecoreError)
    assert issubclass(WrongEventLoop, RuntimeError)
