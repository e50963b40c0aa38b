"""A cancelled call stops its statement on the server, writes nothing and gives its connection back clean."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, Pool, StaticPool

from tests.aio.world import (
    SETTINGS,
    Observer,
    assert_clean,
    observing,
    opened,
    pool_of,
    until,
    with_project,
)
from vibecore.aio import AsyncServices, AsyncVibe, connect_async
from vibecore.domain.actors import Actor
from vibecore.domain.errors import StoreUnavailable, TransactionClosed
from vibecore.services.imports import ImportProgress


@asynccontextmanager
async def locked(url: str, project_id: UUID) -> AsyncIterator[Observer]:
    """The project's row is held by somebody else while the block lasts."""
    async with observing(url) as holder, observing(url) as observer:
        await holder.begin()
        await holder.rows(f"SELECT 1 FROM projects WHERE id = '{project_id}' FOR UPDATE")
        yield observer


async def cancel_once(task: asyncio.Task[Any]) -> None:
    task.cancel()


async def cancel_twice(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()


async def cancel_always(task: asyncio.Task[Any]) -> None:
    """At every turn of the loop, as frameworks with cancel scopes do."""
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)


@pytest.mark.parametrize("cancel", [cancel_once, cancel_twice, cancel_always])
def test_a_cancelled_wait_for_a_lock_ends_on_the_server(
    server_url: str, cancel: Callable[[asyncio.Task[Any]], Awaitable[None]]
) -> None:
    """However often it is cancelled, nothing runs on, nothing was written, and the connection is fit for the next."""

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id) as observer:
                call = asyncio.create_task(avibe.projects.update(actor, project.id, description="never"))
                await observer.until_blocked()
                await cancel(call)
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert await observer.active() == 0
                assert_clean(avibe)
                assert pool_of(avibe).checkedin() == 1
            assert await avibe.projects.get(actor, project.id) == project
            trail = await avibe.audit.page(Actor.system("the test"))
            assert "project.updated" not in {event.action for event in trail.items}

    asyncio.run(scenario())


def test_a_timeout_reaches_the_statement(server_url: str) -> None:
    """`asyncio.timeout` becomes TimeoutError, and the task can go on."""

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id) as observer:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await avibe.projects.update(actor, project.id, description="never")
                assert await observer.active() == 0
            changed = await avibe.projects.update(actor, project.id, description="later")
            assert changed.description == "later"

    asyncio.run(scenario())


def test_a_hundred_cancellations_leak_nothing(server_url: str) -> None:
    """At any moment of a read or a write: every connection is back, and nothing runs on the server."""

    async def scenario() -> None:
        async with observing(server_url) as observer:
            others = await observer.connected()
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            moments = random.Random(7)

            async def cancelled(call: Awaitable[Any]) -> None:
                task = asyncio.ensure_future(call)
                await asyncio.sleep(moments.uniform(0, 0.004))
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

            async with locked(server_url, project.id) as observer:
                for i in range(50):
                    await cancelled(avibe.projects.update(actor, project.id, description=str(i)))
                assert await observer.active() == 0
                assert_clean(avibe)
            for _ in range(50):
                async with asyncio.TaskGroup() as group:
                    for _ in range(3):
                        task = group.create_task(avibe.projects.find(actor, project.id))
                        await asyncio.sleep(moments.uniform(0, 0.001))
                        task.cancel()
                assert_clean(avibe)
            assert await avibe.projects.get(actor, project.id) == project
            assert pool_of(avibe).checkedin() <= 10
            async with observing(server_url) as observer:
                assert await observer.active() == 0
                await observer.until_connected(others + pool_of(avibe).checkedin())

    asyncio.run(scenario())


def test_a_request_that_the_server_forgets_is_repeated(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It forgets those that overtake their statement; otherwise the statement would go on, its connection given up."""
    send, requests = psycopg.AsyncConnection.cancel_safe, 0

    async def forgotten(connection: psycopg.AsyncConnection[Any], **options: Any) -> None:
        nonlocal requests
        requests += 1
        if requests > 2:
            await send(connection, **options)

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id) as observer:
                call = asyncio.create_task(avibe.projects.update(actor, project.id, description="never"))
                await observer.until_blocked()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert await observer.active() == 0
                assert pool_of(avibe).checkedin() == 1
            assert requests == 3

    monkeypatch.setattr(psycopg.AsyncConnection, "cancel_safe", forgotten)
    asyncio.run(scenario())


def test_a_server_that_cannot_be_asked_to_stop_costs_the_connection(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call ends nonetheless, and its connection is not used again."""

    async def unreachable(connection: psycopg.AsyncConnection[Any], **options: Any) -> None:
        raise psycopg.OperationalError("no route")

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id) as observer:
                call = asyncio.create_task(avibe.projects.update(actor, project.id, description="never"))
                await observer.until_blocked()
                with monkeypatch.context() as patch:
                    patch.setattr(psycopg.AsyncConnection, "cancel_safe", unreachable)
                    call.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await call
                assert_clean(avibe)
            assert await avibe.projects.get(actor, project.id) == project

    asyncio.run(scenario())


def test_a_task_that_waits_for_a_connection_can_be_cancelled(server_url: str) -> None:
    """It leaves the queue, and whoever comes after it is served."""

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id) as observer:
                held = [
                    asyncio.create_task(avibe.projects.update(actor, project.id, description=str(i))) for i in range(10)
                ]
                await observer.until_blocked(10)
                queued = [asyncio.create_task(avibe.projects.get(actor, project.id)) for _ in range(3)]
                await asyncio.sleep(0.01)
                queued[0].cancel()
                with pytest.raises(asyncio.CancelledError):
                    await queued[0]
                held[0].cancel()
                assert await queued[1] == await queued[2] == project
                for task in held:
                    task.cancel()
                await asyncio.wait(held)
            assert_clean(avibe)

    asyncio.run(scenario())


def test_a_cancelled_block_is_rolled_back(url: str) -> None:
    """Wherever inside of it the task is."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            inside = asyncio.Event()

            async def work() -> None:
                async with avibe.transaction() as tx:
                    await tx.projects.update(actor, project.id, description="never")
                    inside.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await inside.wait()
            await cancel_always(task)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert_clean(avibe)
            assert await avibe.projects.get(actor, project.id) == project

    asyncio.run(scenario())


def test_a_transaction_outlives_a_call_that_timed_out(server_url: str) -> None:
    """Only that call is undone, like any call that fails."""

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            other = await avibe.projects.create(actor, name="other")
            async with locked(server_url, project.id):
                async with avibe.transaction() as tx:
                    await tx.projects.update(actor, other.id, description="kept")
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await tx.projects.update(actor, project.id, description="never")
                    await tx.projects.update(actor, other.id, repository_url="https://example.org")
                assert_clean(avibe)
            kept = await avibe.projects.get(actor, other.id)
            assert (kept.description, kept.repository_url) == ("kept", "https://example.org")

    asyncio.run(scenario())


def test_atomic_is_cancelled_where_it_is(server_url: str) -> None:
    """Its function sees the cancellation, and nothing of it stays."""

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            actor, project = await with_project(avibe)
            seen: list[type[BaseException]] = []

            async def work(tx: AsyncServices) -> None:
                try:
                    await tx.projects.update(actor, project.id, description="never")
                except BaseException as error:
                    seen.append(type(error))
                    raise

            async with locked(server_url, project.id) as observer:
                task = asyncio.create_task(avibe.atomic(work))
                await observer.until_blocked()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert seen == [asyncio.CancelledError]
            assert await avibe.projects.get(actor, project.id) == project

    asyncio.run(scenario())


def test_a_joined_call_that_is_cancelled_leaves_the_transaction_usable(server_url: str) -> None:
    """Its savepoint is undone; what the application did stays to be committed."""

    async def scenario() -> None:
        engine = create_async_engine(server_url.replace("postgresql://", "postgresql+psycopg://"))
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe:
            actor, project = await with_project(avibe)
            other = await avibe.projects.create(actor, name="other")
            async with locked(server_url, project.id), engine.connect() as connection:
                services = avibe.joined(connection)
                await services.projects.update(actor, other.id, description="kept")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await services.projects.update(actor, project.id, description="never")
                await connection.commit()
            assert (await avibe.projects.get(actor, other.id)).description == "kept"
            assert await avibe.projects.get(actor, project.id) == project
        await engine.dispose()

    asyncio.run(scenario())


def test_a_joined_read_that_is_cancelled_leaves_the_transaction_usable(server_url: str) -> None:
    """Like a write: it has a savepoint of its own."""

    async def scenario() -> None:
        engine = create_async_engine(server_url.replace("postgresql://", "postgresql+psycopg://"))
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe:
            actor, project = await with_project(avibe)
            async with observing(server_url) as holder, engine.connect() as connection:
                services = avibe.joined(connection)
                await services.projects.update(actor, project.id, description="kept")
                await holder.begin()
                await holder.run("LOCK TABLE deployments IN ACCESS EXCLUSIVE MODE")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await services.deployments.page(actor, project.id)
                assert (await services.projects.get(actor, project.id)).description == "kept"
                await connection.commit()
            assert (await avibe.projects.get(actor, project.id)).description == "kept"
        await engine.dispose()

    asyncio.run(scenario())


@pytest.mark.parametrize("pool", [NullPool, StaticPool])
def test_an_application_may_have_another_pool(server_url: str, pool: type[Pool]) -> None:
    """One that keeps nothing, or a single connection: cancelled calls leave it as they found it."""

    async def scenario() -> None:
        engine = create_async_engine(
            server_url.replace("postgresql://", "postgresql+psycopg://"),
            poolclass=pool,
            connect_args={"application_name": "vibecore"},
        )
        async with observing(server_url) as observer:
            others = await observer.connected()
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id) as observer:
                call = asyncio.create_task(avibe.projects.update(actor, project.id, description="never"))
                await observer.until_blocked()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert await observer.active() == 0
            assert await avibe.projects.get(actor, project.id) == project
        await engine.dispose()
        async with observing(server_url) as observer:
            await observer.until_connected(others)

    asyncio.run(scenario())


def test_a_shared_pool_gets_its_connections_back_as_they_were(server_url: str) -> None:
    """The application's engine is in psycopg's ordinary mode before and after, also after cancellations."""

    async def scenario() -> None:
        engine = create_async_engine(
            server_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=2, max_overflow=0
        )
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe:
            actor, project = await with_project(avibe)
            async with locked(server_url, project.id):
                for i in range(20):
                    call = asyncio.create_task(avibe.projects.update(actor, project.id, description=str(i)))
                    await asyncio.sleep(0.0005 * i)
                    call.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await call
                    assert_clean(avibe)
            for record in list(pool_of(avibe)._pool._queue._queue):
                assert record.driver_connection is None or not record.driver_connection.autocommit
        async with engine.begin() as connection:
            assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1
        await engine.dispose()

    asyncio.run(scenario())


def test_a_cancelled_import_leaves_nothing(url: str, tmp_path: Path) -> None:
    """In the middle of the rows, with files read in another thread."""
    for i in range(600):
        (tmp_path / f"{i}.py").write_text("x = 1\n" * 50)

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            loop, under_way = asyncio.get_running_loop(), asyncio.Event()

            def progress(_: ImportProgress) -> None:
                loop.call_soon_threadsafe(under_way.set)

            task = asyncio.create_task(avibe.files.import_tree(actor, project.id, tmp_path, progress=progress))
            await under_way.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert_clean(avibe)
            assert await avibe.files.tree(actor, project.id) == ()
            assert (await avibe.files.import_tree(actor, project.id, tmp_path)).created == 600

    asyncio.run(scenario())


def test_closing_stops_what_is_under_way(server_url: str) -> None:
    """Each call says that the installation was closed, and the server has nothing left to do."""

    async def scenario() -> None:
        avibe = await connect_async(server_url, settings=SETTINGS)
        actor, project = await with_project(avibe)
        async with locked(server_url, project.id) as observer:
            calls = [
                asyncio.create_task(avibe.projects.update(actor, project.id, description=str(i))) for i in range(3)
            ]
            block = asyncio.create_task(in_block(avibe, actor, project.id))
            await observer.until_blocked(4)
            await avibe.close()
            for call in calls:
                with pytest.raises(StoreUnavailable):
                    await call
                assert call.cancelling() == 0
            with pytest.raises((StoreUnavailable, TransactionClosed)):
                await block
            assert await observer.active() == 0
            await until(lambda: pool_of(avibe).checkedout() == 0)

    asyncio.run(scenario())


async def in_block(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
    async with avibe.transaction() as tx:
        await tx.projects.update(actor, id, description="never")


def test_the_end_of_the_loop_undoes_what_is_under_way(server_url: str) -> None:
    """`asyncio.run` cancels every task, whatever it is for; nothing hangs, nothing is written."""

    async def scenario(holder: psycopg.Connection[Any]) -> None:
        avibe = await connect_async(server_url, settings=SETTINGS)
        actor, project = await with_project(avibe)
        holder.execute("SELECT 1 FROM projects FOR UPDATE")
        task = asyncio.create_task(closing(avibe, actor, project.id))
        async with observing(server_url) as observer:
            await observer.until_blocked()
        assert not task.done()

    async def closing(avibe: AsyncVibe, actor: Actor, id: UUID) -> None:
        async with avibe:
            await avibe.projects.update(actor, id, description="never")

    async def running() -> int:
        async with observing(server_url) as observer:
            return await observer.active()

    with psycopg.connect(server_url) as holder:
        asyncio.run(scenario(holder))
        assert asyncio.run(running()) == 0
        assert holder.execute("SELECT description FROM projects").fetchall() == [(None,)]
