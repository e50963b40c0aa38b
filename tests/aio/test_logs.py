"""Logs on the async face: followed while other tasks write, cancelled while they wait; and tasks that race."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from tests.aio.world import PASSWORD, SETTINGS, assert_clean
from vibecore import connect_async
from vibecore.aio import AsyncVibe
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.errors import AlreadyExists, SerializationConflict, StoreUnavailable, TransactionError
from vibecore.domain.projects import Project
from vibecore.services.effects import ThreadRuntime
from vibecore.testing.backends import Backend, PostgresBackend
from vibecore.testing.effects import fixed_effects

RACERS = 20
Told: TypeAlias = Callable[[AsyncVibe, Actor, Project], Awaitable[None]]


def lived(backend: Backend, told: Told) -> None:
    """`told` on an installation with a project."""
    url = backend.fresh_url() if isinstance(backend, PostgresBackend) else "memory://"

    # This runtime becomes the loop's: its waits are awaited.
    effects = dataclasses.replace(fixed_effects(), runtime=ThreadRuntime())

    async def run() -> None:
        async with await connect_async(url, settings=SETTINGS, effects=effects) as avibe:
            nobody = Actor.anonymous()
            await avibe.auth.register(nobody, email="ada@example.org", password=PASSWORD, name="Ada")
            ada = (await avibe.auth.login(email="ada@example.org", password=PASSWORD)).actor
            await told(avibe, ada, await avibe.projects.create(ada, name="engine"))
            assert_clean(avibe)

    asyncio.run(run())


def test_a_log_is_followed_while_other_tasks_write(backend: Backend) -> None:
    """Every line once and in order, to the end of the deployment; the loop does not stand still meanwhile."""

    async def told(avibe: AsyncVibe, ada: Actor, project: Project) -> None:
        deployments = avibe.deployments
        made = await deployments.create(ada, project.id, environment="production")

        async def follow() -> list[str]:
            stream = await deployments.stream_logs(ada, project.id, made.id, follow=True)
            return [line.text async for line in stream]

        followers = [asyncio.create_task(follow()) for _ in range(3)]
        lines = [str(number) for number in range(100)]
        for start in range(0, 100, 10):
            await deployments.append_logs(ada, project.id, made.id, lines[start : start + 10], first=start + 1)
        await deployments.transition(ada, project.id, made.id, DeploymentStatus.FAILED, reason="over")
        assert await asyncio.gather(*followers) == [lines] * 3

    lived(backend, told)


def test_a_follower_that_is_cancelled_leaves_nothing_open(backend: Backend) -> None:
    """Also while it waits for lines; what follows works as before."""

    async def told(avibe: AsyncVibe, ada: Actor, project: Project) -> None:
        made = await avibe.deployments.create(ada, project.id, environment="production")
        stream = await avibe.deployments.stream_logs(ada, project.id, made.id, follow=True)
        waiting = asyncio.create_task(stream.advance())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await avibe.deployments.append_logs(ada, project.id, made.id, ["one"])).last_line == 1

    lived(backend, told)


def test_closing_the_installation_ends_a_follower(backend: Backend) -> None:
    """It raises StoreUnavailable, and does not hold up the closing."""

    async def told(avibe: AsyncVibe, ada: Actor, project: Project) -> None:
        made = await avibe.deployments.create(ada, project.id, environment="production")
        stream = await avibe.deployments.stream_logs(ada, project.id, made.id, follow=True)
        waiting = asyncio.create_task(stream.advance())
        await asyncio.sleep(0)
        await avibe.close()
        with pytest.raises(StoreUnavailable):
            await waiting

    lived(backend, told)


def test_following_is_refused_inside_a_transaction(backend: Backend) -> None:
    """As on the sync face; what there is can be read."""

    async def told(avibe: AsyncVibe, ada: Actor, project: Project) -> None:
        made = await avibe.deployments.create(ada, project.id, environment="production")
        async with avibe.transaction() as tx:
            await tx.deployments.append_logs(ada, project.id, made.id, ["one"])
            with pytest.raises(TransactionError):
                await tx.deployments.stream_logs(ada, project.id, made.id, follow=True)
            stream = await tx.deployments.stream_logs(ada, project.id, made.id)
            assert [line.text async for line in stream] == ["one"]

    lived(backend, told)


def test_of_twenty_tasks_that_deploy_one_is_admitted(backend: Backend) -> None:
    """The others are told; what was admitted can be logged to."""

    async def told(avibe: AsyncVibe, ada: Actor, project: Project) -> None:
        deployments = avibe.deployments
        calls: list[Any] = [
            deployments.create(ada, project.id, environment="production", version=str(number))
            for number in range(RACERS)
        ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        (made,) = [each for each in outcomes if isinstance(each, Deployment)]
        for each in outcomes:
            assert isinstance(each, Deployment | AlreadyExists | SerializationConflict)
        for number in range(RACERS):
            await deployments.append_logs(ada, project.id, made.id, [f"{number}-a", f"{number}-b"])
        page = await deployments.read_logs(ada, project.id, made.id)
        assert [line.number for line in page.lines] == list(range(1, 2 * RACERS + 1))

    lived(backend, told)
