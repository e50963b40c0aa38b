"""What `connect_async` opens, and how it says what is wrong."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

import vibecore
from tests.aio.world import SETTINGS, assert_clean, opened, pool_of, signed_in, with_project
from vibecore.aio import AsyncServices, AsyncVibe, connect_async
from vibecore.bootstrap.migrations import migrate
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue, NotMigrated, StoreUnavailable


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: the embedded server keeps its socket there."""
    place = Path(mkdtemp(prefix="vca-"))
    yield place / "server"
    rmtree(place)


def test_the_async_face_is_public() -> None:
    """Under `vibecore` and under `vibecore.aio`, and nothing that does not exist."""
    assert vibecore.connect_async is connect_async
    assert issubclass(AsyncVibe, AsyncServices)
    with pytest.raises(AttributeError, match="'AsyncVibes'"):
        vibecore.aio.AsyncVibes  # noqa: B018


def test_memory_needs_no_database_library() -> None:
    """In a fresh interpreter: opened, used, forked and closed without SQLAlchemy and psycopg."""
    code = """
import asyncio, sys, vibecore
from vibecore.domain.actors import Actor
async def main():
    async with await vibecore.connect_async("memory://") as avibe:
        await avibe.auth.register(Actor.anonymous(), email="a@example.org", password="correct horse battery", name="a")
        await avibe.fork().close()
asyncio.run(main())
print(*sorted({"sqlalchemy", "psycopg", "alembic"} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout.split(), ran.stderr) == ([], "")


def test_without_greenlet_the_extra_is_named() -> None:
    """`import vibecore` and `connect` work, `connect_async` says what to install."""
    code = """
import sys
sys.modules["greenlet"] = None
import asyncio, vibecore
from vibecore.domain.errors import MissingExtra
vibecore.connect("memory://").close()
assert "connect_async" in dir(vibecore)
try:
    asyncio.run(vibecore.connect_async("memory://"))
except MissingExtra as error:
    print(error.extra, error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "async this needs an optional dependency: pip install 'vibecore[async]'\n"


def test_memory_forks_and_resets() -> None:
    """A fork starts from what there is and goes its own way; it hashes passwords when its origin is closed."""

    async def scenario() -> None:
        avibe = await connect_async("memory://", settings=SETTINGS)
        actor, project = await with_project(avibe)
        async with avibe.fork() as fork:
            await fork.projects.update(actor, project.id, description="forked")
            assert (await avibe.projects.get(actor, project.id)).description is None
            await avibe.close()
            await signed_in(fork, "later")
            fork.reset()
            assert (await fork.users.page(Actor.system("the test"))).items == ()

    asyncio.run(scenario())


def test_a_server_neither_forks_nor_resets(server_url: str) -> None:
    """Both are refused by name."""

    async def scenario() -> None:
        async with opened(server_url) as avibe:
            for refused in (avibe.fork, avibe.reset):
                with pytest.raises(InvalidValue) as caught:
                    refused()
                assert caught.value.field == "url"

    asyncio.run(scenario())


def test_after_its_end_an_installation_refuses_calls(url: str) -> None:
    """Also those that would work in a thread first; closing it again is fine."""

    async def scenario() -> None:
        async with opened(url) as avibe:
            actor = await signed_in(avibe)
        for call in (avibe.projects.page(actor), signed_in(avibe, "late")):
            with pytest.raises(StoreUnavailable, match="closed"):
                await call
        with pytest.raises(StoreUnavailable):
            async with avibe.transaction():
                raise AssertionError
        await avibe.close()

    asyncio.run(scenario())


def test_an_embedded_server_starts_beside_the_loop_and_is_shared(folder: Path) -> None:
    """The loop turns all the while; the sync face in the same process uses the same server and sees the same data."""

    async def scenario() -> None:
        turns, started = 0, asyncio.create_task(connect_async(f"embedded://{folder}", settings=SETTINGS))
        while not started.done():
            turns += 1
            await asyncio.sleep(0.01)
        assert turns > 10
        async with await started as avibe:
            actor, project = await with_project(avibe)
            other = await asyncio.to_thread(vibecore.connect, f"embedded://{folder}", settings=SETTINGS)
            found = await asyncio.to_thread(other.projects.get, actor, project.id)
            assert found == project
            pid = (folder / "data" / "postmaster.pid").read_text().splitlines()[0]
        assert (folder / "data" / "postmaster.pid").read_text().splitlines()[0] == pid
        await asyncio.to_thread(other.close)
        assert not (folder / "data" / "postmaster.pid").exists()

    asyncio.run(scenario())


def test_a_cancelled_start_leaves_no_server(folder: Path) -> None:
    """It comes up in its thread nonetheless, and is stopped there."""

    async def scenario() -> None:
        starting = asyncio.create_task(connect_async(f"embedded://{folder}", settings=SETTINGS))
        await asyncio.sleep(0.2)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        # The same folder can be opened at once, whatever the first start is doing.
        async with await connect_async(f"embedded://{folder}", settings=SETTINGS) as avibe:
            await signed_in(avibe)

    asyncio.run(scenario())
    with vibecore.connect(f"embedded://{folder}", settings=SETTINGS) as vibe:
        assert len(vibe.users.page(Actor.system("the test")).items) == 1
    assert not (folder / "data" / "postmaster.pid").exists()


def test_nothing_given_means_the_environment(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`VIBECORE_DATABASE_URL`, as for `connect`."""
    monkeypatch.setenv("VIBECORE_DATABASE_URL", server_url)
    monkeypatch.setenv("VIBECORE_BCRYPT_COST", "4")

    async def scenario() -> None:
        async with await connect_async() as avibe:
            await signed_in(avibe)

    asyncio.run(scenario())
    with vibecore.connect(server_url, settings=SETTINGS) as vibe:
        assert len(vibe.users.page(Actor.system("the test")).items) == 1


def test_a_schema_of_its_own(bare_url: str) -> None:
    """Everything is found there, and nothing beside it."""
    migrate(bare_url, schema="vibes")

    async def scenario() -> None:
        async with await connect_async(bare_url, schema="vibes", settings=SETTINGS) as avibe:
            await with_project(avibe)
        with pytest.raises(NotMigrated):
            await connect_async(bare_url, settings=SETTINGS)

    asyncio.run(scenario())
    with psycopg.connect(bare_url) as connection:
        assert connection.execute("SELECT count(*) FROM vibes.projects").fetchone() == (1,)


def test_an_application_shares_its_engine(server_url: str) -> None:
    """Its pool is used, and left open."""

    async def scenario() -> None:
        engine = create_async_engine(sa.make_url(server_url).set(drivername="postgresql+psycopg"), pool_size=2)
        async with await connect_async(engine=engine, settings=SETTINGS) as avibe:
            actor, project = await with_project(avibe)
            assert pool_of(avibe) is engine.pool
            async with engine.connect() as connection:
                row = (await connection.execute(sa.text("SELECT name FROM projects"))).scalar()
            assert row == project.name
            assert await avibe.projects.get(actor, project.id) == project
            assert_clean(avibe)
        async with engine.begin() as connection:
            assert (await connection.execute(sa.text("SELECT 1"))).scalar() == 1
        await engine.dispose()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("sqlite://", "url"),
        ("memory://x", "url"),
        ("embedded://relative", "url"),
        ("postgresql://host:port/", "url"),
        ("", "url"),
        (7, "url"),
    ],
)
def test_what_is_no_url_is_refused_as_on_the_sync_face(url: Any, field: str) -> None:
    """With the same error."""
    with pytest.raises(InvalidValue) as sync:
        vibecore.connect(url, settings=SETTINGS)
    with pytest.raises(InvalidValue) as found:
        asyncio.run(connect_async(url, settings=SETTINGS))
    assert found.value.facts == sync.value.facts
    assert found.value.field == field


def test_what_is_no_engine_is_refused(server_url: str) -> None:
    """A sync engine, another driver's, something else, or one beside a URL."""
    plain = sa.create_engine(sa.make_url(server_url).set(drivername="postgresql+psycopg"))
    good = create_async_engine(sa.make_url(server_url).set(drivername="postgresql+psycopg"))
    for engine, url in ((plain, None), ("engine", None), (good, "memory://")):
        with pytest.raises(InvalidValue) as caught:
            asyncio.run(connect_async(url, engine=engine, settings=SETTINGS))  # type: ignore[arg-type]
        assert caught.value.field == "engine"
    plain.dispose()


@pytest.mark.parametrize("given", ["schema", "settings", "effects"])
def test_other_arguments_are_checked_by_name(given: str) -> None:
    """As on the sync face."""
    with pytest.raises(InvalidValue) as caught:
        asyncio.run(connect_async("memory://", **{given: 7}))  # type: ignore[arg-type]
    assert caught.value.field == given


def test_an_unreachable_server_is_unavailable(tmp_path: Path) -> None:
    """And nothing is left open."""
    with pytest.raises(StoreUnavailable, match="cannot connect"):
        asyncio.run(connect_async(f"postgresql:///db?host={tmp_path}", settings=SETTINGS))


def test_a_database_that_was_not_migrated_is_named_so(bare_url: str) -> None:
    """With the revision that is needed."""
    with pytest.raises(NotMigrated) as caught:
        asyncio.run(connect_async(bare_url, settings=SETTINGS))
    assert caught.value.found is None


def test_a_wrong_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the sync face."""
    monkeypatch.setenv("VIBECORE_POOL_SIZE", "many")
    with pytest.raises(InvalidValue) as caught:
        asyncio.run(connect_async("memory://"))
    assert caught.value.field == "VIBECORE_POOL_SIZE"


def test_nothing_of_the_core_is_lost() -> None:
    """Every public attribute of `Vibe` has its place on `AsyncVibe`, and nothing more."""

    def public(kind: type[Any]) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(AsyncVibe) == public(Vibe)
