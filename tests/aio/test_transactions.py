"""Transactions, `atomic` and joined connections on the async face."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.aio.world import SETTINGS, assert_clean, observing, opened, pool_of, with_project
from vibecore.aio import AsyncServices, AsyncVibe, connect_async
from vibecore.domain.actors import Actor
from vibecore.domain.errors import (
    InvalidValue,
    PermissionDenied,
    SerializationConflict,
    TransactionBusy,
    TransactionClosed,
)
from vibecore.services.work import ATTEMPTS
from vibecore.testing.effects import RecordingRuntime, fixed_effects


def async_engine(url: str) -> AsyncEngine:
    """An application's engine, with psycopg's ordinary transactions."""
    return create_async_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=3, max_overflow=0)


def test_leaving_a_block_commits_and_an_error_rolls_back(url: str) -> None:
    """Several calls are one unit: all of it or nothing of it."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            async with avibe.transaction() as tx:
                await tx.projects.update(actor, project.id, description="one")
                await tx.deployments.create(actor, project.id, environment="production", version="1")
            assert (await avibe.projects.get(actor, project.id)).description == "one"

            async def fail() -> None:
                async with avibe.transaction() as tx:
                    await tx.projects.update(actor, project.id, description="two")
                    raise KeyError

            with pytest.raises(KeyError):
                await fail()
            assert (await avibe.projects.get(actor, project.id)).description == "one"
            assert len((await avibe.deployments.page(actor, project.id)).items) == 1

    asyncio.run(scenario())


def test_a_call_that_fails_is_undone_alone(url: str) -> None:
    """Whoever catches its error can go on, and the trace of a denial stays whatever becomes of the block."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            async with avibe.transaction() as tx:
                await tx.projects.update(actor, project.id, description="kept")
                with pytest.raises(InvalidValue):
                    await tx.projects.update(actor, project.id, name="")
                with pytest.raises(PermissionDenied):
                    await tx.users.set_role(actor, project.owner_id, role=actor.role)  # type: ignore[arg-type]
            assert (await avibe.projects.get(actor, project.id)).description == "kept"
            trail = await avibe.audit.page(Actor.system("the test"))
            assert "permission.denied" in {event.action for event in trail.items}

    asyncio.run(scenario())


def test_after_its_block_a_transaction_is_closed(url: str) -> None:
    """Neither after a commit nor after a rollback is a call accepted."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            async with avibe.transaction() as committed:
                pass
            with pytest.raises(ZeroDivisionError):
                async with avibe.transaction() as undone:
                    raise ZeroDivisionError
            for tx in (committed, undone):
                with pytest.raises(TransactionClosed):
                    await tx.projects.get(actor, project.id)

    asyncio.run(scenario())


def test_a_second_task_inside_a_transaction_is_refused(url: str) -> None:
    """The first goes on as if nothing had happened. Hashing a password is a wait on every backend."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            nobody = Actor.anonymous()
            async with avibe.transaction() as tx:
                first = asyncio.create_task(
                    tx.auth.register(nobody, email="b@example.org", password="correct horse battery", name="b")
                )
                await asyncio.sleep(0)
                with pytest.raises(TransactionBusy):
                    await tx.projects.update(actor, project.id, description="beside")
                await first
                await tx.projects.update(actor, project.id, description="after")
            assert (await avibe.projects.get(actor, project.id)).description == "after"
            assert (await avibe.users.page(Actor.system("the test"))).items[-1].email == "b@example.org"

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [None, KeyError])
def test_a_call_that_outlives_its_block_is_stopped(url: str, error: type[Exception] | None) -> None:
    """Nothing is committed; the block tells of it unless it was left by an error, the call says why it ended."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            late: list[asyncio.Task[Any]] = []

            async def leave() -> None:
                async with avibe.transaction() as tx:
                    await tx.projects.update(actor, project.id, description="early")
                    late.append(asyncio.create_task(with_project(tx, "late")))
                    await asyncio.sleep(0)
                    if error is not None:
                        raise error

            with pytest.raises(error or TransactionBusy):
                await leave()
            with pytest.raises(TransactionClosed):
                await late[0]
            assert (await avibe.projects.get(actor, project.id)).description is None

    asyncio.run(scenario())


def test_atomic_returns_what_its_function_returns(url: str) -> None:
    """And commits; an error of the function rolls back."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)

            async def rename(tx: AsyncServices) -> str:
                await tx.projects.update(actor, project.id, description="one")
                await asyncio.sleep(0)
                return (await tx.projects.get(actor, project.id)).description or ""

            async def fail(tx: AsyncServices) -> None:
                await tx.projects.update(actor, project.id, description="two")
                raise KeyError

            assert await avibe.atomic(rename) == "one"
            with pytest.raises(KeyError):
                await avibe.atomic(fail)
            assert (await avibe.projects.get(actor, project.id)).description == "one"

    asyncio.run(scenario())


def test_atomic_runs_again_after_a_collision(url: str) -> None:
    """What another writer did between the read and the commit is seen by the second run."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor, project = await with_project(avibe)
            runs: list[str | None] = []

            async def append(tx: AsyncServices) -> None:
                before = (await tx.projects.get(actor, project.id)).description
                runs.append(before)
                if len(runs) == 1:
                    await avibe.projects.update(actor, project.id, description="theirs")
                await tx.projects.update(actor, project.id, description=f"{before} and mine")

            await avibe.atomic(append)
            assert runs == [None, "theirs"]
            assert (await avibe.projects.get(actor, project.id)).description == "theirs and mine"

    asyncio.run(scenario())


def test_atomic_gives_up_as_late_as_the_sync_face(url: str) -> None:
    """The same number of runs, with a wait of the runtime between each two of them."""

    async def scenario() -> None:
        effects = fixed_effects()
        runs = 0

        async def collide(tx: AsyncServices) -> None:
            nonlocal runs
            runs += 1
            raise SerializationConflict

        async with await connect_async(url, settings=SETTINGS, effects=effects) as avibe:
            with pytest.raises(SerializationConflict):
                await avibe.atomic(collide)
        assert runs == ATTEMPTS
        assert isinstance(effects.runtime, RecordingRuntime)
        assert len(effects.runtime.waits) == ATTEMPTS - 1

    asyncio.run(scenario())


def test_atomic_takes_async_functions_only(url: str) -> None:
    """A plain one is refused by name, and nothing of it stays."""

    async def scenario() -> None:
        async with opened(url) as avibe:

            def plain(tx: AsyncServices) -> Awaitable[None]:
                return None  # type: ignore[return-value]

            with pytest.raises(InvalidValue) as caught:
                await avibe.atomic(plain)
            assert caught.value.field == "run"

    asyncio.run(scenario())


def test_joined_services_leave_the_end_to_the_application(server_url: str) -> None:
    """Their calls and the application's own statements are one transaction."""

    async def scenario() -> None:
        engine = async_engine(server_url)
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe, observing(server_url) as observer:
            actor, project = await with_project(avibe)
            async with engine.connect() as connection:
                services = avibe.joined(connection)
                await connection.exec_driver_sql("CREATE TABLE theirs (id integer)")
                await services.projects.update(actor, project.id, description="joined")
                with pytest.raises(InvalidValue):
                    await services.projects.update(actor, project.id, name="")
                assert (await avibe.projects.get(actor, project.id)).description is None
                await connection.rollback()
                assert (await services.projects.get(actor, project.id)).description is None
                await services.projects.update(actor, project.id, description="kept")
                await connection.commit()
            assert (await avibe.projects.get(actor, project.id)).description == "kept"
            assert await observer.rows("SELECT to_regclass('theirs')") == [(None,)]
        await engine.dispose()

    asyncio.run(scenario())


def test_one_joined_connection_is_used_by_one_task(server_url: str) -> None:
    """However often it was joined."""

    async def scenario() -> None:
        engine = async_engine(server_url)
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe:
            actor, project = await with_project(avibe)
            async with engine.connect() as connection:
                first = asyncio.create_task(avibe.joined(connection).projects.get(actor, project.id))
                await asyncio.sleep(0)
                with pytest.raises(TransactionBusy):
                    await avibe.joined(connection).projects.get(actor, project.id)
                assert await first == project
                await connection.rollback()
        await engine.dispose()

    asyncio.run(scenario())


def test_what_cannot_be_joined_is_refused(server_url: str) -> None:
    """A connection that is not open, something else, and anything on the memory backend."""

    async def scenario() -> None:
        engine = async_engine(server_url)
        async with (
            await connect_async("memory://", settings=SETTINGS) as memory,
            await connect_async(engine=engine, settings=SETTINGS) as avibe,
            engine.connect() as connection,
        ):
            for place, joined in ((memory, connection), (avibe, engine.connect()), (avibe, engine)):
                with pytest.raises(InvalidValue) as caught:
                    place.joined(joined)  # type: ignore[arg-type]
                assert caught.value.field == "connection"
        await engine.dispose()

    asyncio.run(scenario())


def test_transactions_of_many_tasks_are_independent(url: str) -> None:
    """Each has one of its own, and they interleave."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            people = [await with_project(avibe, f"user{i}") for i in range(4)]
            barrier = asyncio.Barrier(len(people))

            async def work(actor: Actor, id: UUID, mark: str) -> None:
                met = False

                async def both(tx: AsyncServices) -> None:
                    nonlocal met
                    await tx.projects.update(actor, id, description=mark)
                    if not met:
                        met = True
                        await barrier.wait()
                    assert (await tx.projects.get(actor, id)).description == mark

                await avibe.atomic(both)

            async with asyncio.TaskGroup() as group:
                for i, (actor, project) in enumerate(people):
                    group.create_task(work(actor, project.id, str(i)))
            for i, (actor, project) in enumerate(people):
                assert (await avibe.projects.get(actor, project.id)).description == str(i)

    asyncio.run(scenario())


def test_a_block_left_open_at_the_end_is_rolled_back(url: str) -> None:
    """Closing does not wait for whoever forgot it; the block finds out when it goes on."""

    async def scenario() -> AsyncVibe:
        avibe = await connect_async(url, settings=SETTINGS)
        actor, project = await with_project(avibe)
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def forget() -> None:
            async with avibe.transaction() as tx:
                await tx.projects.update(actor, project.id, description="lost")
                inside.set()
                await go_on.wait()

        forgotten = asyncio.create_task(forget())
        await inside.wait()
        await avibe.close()
        go_on.set()
        with pytest.raises(TransactionClosed):
            await forgotten
        return avibe

    avibe = asyncio.run(scenario())
    assert_clean(avibe)
    assert pool_of(avibe) is None or pool_of(avibe).checkedin() == 0
