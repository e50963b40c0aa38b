"""What is done after a commit, on the async face: as on the other one, and not before a COMMIT that was awaited."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.aio.world import PASSWORD, opened, signed_in
from vibecore.aio import AsyncServices
from vibecore.domain.actors import Actor
from vibecore.domain.errors import PermissionDenied, SerializationConflict
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.work import Work

NOBODY = Actor.anonymous()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The audit events that have been committed: each asks for it."""
    seen: list[str] = []
    real = Work.event

    def event(self: Work, tx: UnitOfWork, actor: Actor, action: str, **more: Any) -> Any:
        self.after_commit(lambda: seen.append(action))
        return real(self, tx, actor, action, **more)

    monkeypatch.setattr(Work, "event", event)
    return seen


def test_after_each_call(url: str, seen: list[str]) -> None:
    """Also of many at once: none sees what another wants done."""

    async def story() -> None:
        async with opened(url) as avibe:
            names = [f"user{number}" for number in range(20)]
            await asyncio.gather(
                *(
                    avibe.auth.register(NOBODY, email=f"{name}@example.org", password=PASSWORD, name=name)
                    for name in names
                )
            )
            assert seen == ["auth.registered"] * 20

    asyncio.run(story())


def test_after_a_transaction(url: str, seen: list[str]) -> None:
    """Once the block has been committed, with what failed inside it left out."""

    async def story() -> None:
        async with opened(url) as avibe:
            ada = await signed_in(avibe)
            seen.clear()
            async with avibe.transaction() as tx:
                await tx.projects.create(ada, name="one")
                with pytest.raises(PermissionDenied):
                    await tx.users.page(ada)
                assert seen == ["permission.denied"]
                await tx.projects.create(ada, name="two")
            assert seen == ["permission.denied", "project.created", "project.created"]

    asyncio.run(story())


def test_never_after_a_rollback(url: str, seen: list[str]) -> None:
    """By an exception or by a cancellation."""

    async def story() -> None:
        async with opened(url) as avibe:
            ada = await signed_in(avibe)
            seen.clear()
            for error in (LookupError, asyncio.CancelledError):
                with pytest.raises(error):
                    await create_and_raise(avibe.transaction(), ada, error)
            assert seen == []

    async def create_and_raise(block: Any, ada: Actor, error: type[BaseException]) -> None:
        async with block as tx:
            await tx.projects.create(ada, name="one")
            raise error

    asyncio.run(story())


def test_once_after_atomic(url: str, seen: list[str]) -> None:
    """Of the run that was committed."""

    async def story() -> None:
        async with opened(url) as avibe:
            ada = await signed_in(avibe)
            seen.clear()
            runs: list[int] = []

            async def run(tx: AsyncServices) -> None:
                runs.append(1)
                await tx.projects.create(ada, name="engine")
                assert seen == []
                if len(runs) < 3:
                    raise SerializationConflict

            await avibe.atomic(run)
            assert (len(runs), seen) == (3, ["project.created"])

    asyncio.run(story())
