"""An open installation with somebody in it, and a look behind it from a connection that is not its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final

import psycopg
from pydantic import SecretStr

from vibecore.aio import AsyncServices, AsyncVibe, connect_async
from vibecore.bootstrap.settings import Settings
from vibecore.domain.actors import Actor
from vibecore.domain.projects import Project

PASSWORD: Final = "correct horse battery staple 9"
SETTINGS: Final = Settings(
    database_url=None,
    database_schema=None,
    secret_key=SecretStr("the key that tests sign cursors with"),
    previous_secret_keys=(),
    password_peppers={},
    pool_size=5,
    connect_timeout=10,
    bcrypt_cost=4,
    mail_url=None,
    mail_from=None,
    public_url=None,
    data_folder=None,
)
"""What the tests run with, whatever the environment says. At most ten connections."""
PATIENCE: Final = 30.0


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncVibe]:
    async with await connect_async(url, settings=SETTINGS) as avibe:
        yield avibe
        assert_clean(avibe)


async def signed_in(avibe: AsyncServices, name: str = "ada") -> Actor:
    """A new user's actor."""
    email = f"{name}@example.org"
    await avibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
    return (await avibe.auth.login(email=email, password=PASSWORD)).actor


async def with_project(avibe: AsyncServices, name: str = "ada") -> tuple[Actor, Project]:
    actor = await signed_in(avibe, name)
    return actor, await avibe.projects.create(actor, name="engine")


def pool_of(avibe: AsyncVibe) -> Any:
    """The connection pool; None in memory."""
    engine = getattr(avibe._vibe._work.store, "_engine", None)
    return None if engine is None else engine.pool


def assert_clean(avibe: AsyncVibe) -> None:
    """Nothing is lent out, and what lies in the pool is in no transaction."""
    pool = pool_of(avibe)
    if pool is None:
        return
    assert pool.checkedout() == 0
    drivers = [record.driver_connection for record in pool._pool._queue._queue]
    for driver in drivers:
        # None where the pool will make a new one when it needs it.
        assert driver is None or driver.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


async def until(holds: Callable[[], Any]) -> None:
    """Wait until a condition holds; it is looked at between the turns of the loop."""
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.001)


class Observer:
    """A connection to the same database, beside the installation's own."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def begin(self) -> None:
        """Open a transaction, which ends with the connection."""
        await self.run("BEGIN")

    async def run(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return await (await self._connection.execute(sql)).fetchall()

    async def blocked(self) -> int:
        """How many statements of the installation wait for a lock."""
        return int((await self.rows(_WAITING))[0][0])

    async def active(self) -> int:
        """How many statements of the installation run or wait."""
        return int((await self.rows(_ACTIVE))[0][0])

    async def connected(self) -> int:
        """How many connections the database has from installations, the test's own and the fixture's."""
        return int((await self.rows(_CONNECTED))[0][0])

    async def until_blocked(self, count: int = 1) -> None:
        deadline = monotonic() + PATIENCE
        while await self.blocked() != count:
            assert monotonic() < deadline, "nothing waits for a lock"

    async def until_connected(self, count: int) -> None:
        """Until the server, which takes a moment to notice the end of one, has so many connections."""
        deadline = monotonic() + PATIENCE
        while (found := await self.connected()) != count:
            assert monotonic() < deadline, f"{found} connections, not {count}"


_MINE: Final = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'vibecore'"
_CONNECTED: Final = f"SELECT count(*) {_MINE}"
_WAITING: Final = f"SELECT count(*) {_MINE} AND wait_event_type = 'Lock'"
_ACTIVE: Final = f"SELECT count(*) {_MINE} AND state = 'active'"


@asynccontextmanager
async def observing(url: str) -> AsyncIterator[Observer]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield Observer(connection)
