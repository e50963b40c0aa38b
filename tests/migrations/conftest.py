"""A server, and databases of their own on it.

The servers are those of `vibecore.testing.backends`: an embedded PostgreSQL 18, and what `VIBECORE_TEST_POSTGRES_15`,
`_16` and `_18` add, by a URL or by the word `embedded`. Every test runs on each of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa

from tests.embedded.processes import eventually, server_pid
from vibecore.bootstrap.migrations import migrate
from vibecore.repositories.postgres import embedded
from vibecore.testing.backends import EMBEDDED, MEMORY, SERVERS, names

TESTED: Final = [name for name in names() if name != MEMORY]
_NUMBERS: Final = count()


@dataclass(frozen=True)
class Addresses:
    """How a server is reached: as the role that owns the databases, and as its superuser."""

    url: str
    superuser_url: str


@pytest.fixture(scope="session", params=TESTED)
def addresses(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A server on which databases can be made."""
    given = os.environ.get(SERVERS[request.param]) or EMBEDDED
    if given != EMBEDDED:
        yield Addresses(given, given)
        return
    folder = tmp_path_factory.mktemp("server")
    version = int(request.param.removeprefix("postgres"))
    with embedded.start(folder, version=version, durable=False) as server:
        superuser_url = sa.make_url(server.url).set(username="postgres", password=None)
        _let_in_superuser(folder, superuser_url.render_as_string())
        yield Addresses(server.url, superuser_url.render_as_string())


def _let_in_superuser(folder: Path, url: str) -> None:
    """An embedded server lets nobody in as its superuser; some drifts can only be planted by one."""
    rules = next(folder.rglob("pg_hba.conf"))
    rules.write_text("local all postgres trust\n" + rules.read_text(encoding="ascii"), encoding="ascii")
    os.kill(server_pid(folder), signal.SIGHUP)
    eventually(lambda: _admits(url))


def _admits(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def server_url(addresses: Addresses) -> str:
    return addresses.url


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """An empty database."""
    with _database(server_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_url(server_url: str) -> Iterator[str]:
    """A database at head, in the default schema, that every test leaves as it was."""
    with _database(server_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def connection(migrated_url: str) -> Iterator[sa.Connection]:
    """A connection to the migrated database, in a transaction that is rolled back."""
    engine = sa.create_engine(driver_url(migrated_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def superuser(addresses: Addresses, migrated_url: str) -> Iterator[sa.Connection]:
    """As `connection`, with the rights of the server's superuser."""
    url = driver_url(addresses.superuser_url).set(database=sa.make_url(migrated_url).database)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def session(migrated_url: str) -> Iterator[psycopg.Connection[Any]]:
    """As `connection`, without SQLAlchemy: a session as psql has it."""
    with psycopg.connect(migrated_url) as session:
        yield session
        session.rollback()


def driver_url(url: str) -> sa.URL:
    return sa.make_url(url).set(drivername="postgresql+psycopg")


class _database:
    """A new database for the length of the block."""

    def __init__(self, server_url: str) -> None:
        self._server = server_url
        self._name = f"migrations_{os.getpid()}_{next(_NUMBERS)}"

    def __enter__(self) -> str:
        with psycopg.connect(self._server, autocommit=True) as server:
            server.execute(f"CREATE DATABASE \"{self._name}\" TEMPLATE template0 ENCODING 'UTF8'")
        url = sa.make_url(self._server).set(database=self._name)
        return url.render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self._server, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{self._name}" WITH (FORCE)')
