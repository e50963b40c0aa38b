from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from vibecore.repositories.postgres.store import PostgresStore
from vibecore.testing.backends import MEMORY, Backends, PostgresBackend, PostgresDatabase, names
from vibecore.testing.effects import FixedClock


@pytest.fixture(params=[name for name in names() if name != MEMORY])
def backend(request: pytest.FixtureRequest, vibe_backends: Backends) -> PostgresBackend:
    """Each server in turn."""
    backend = vibe_backends[request.param]
    assert isinstance(backend, PostgresBackend)
    return backend


@pytest.fixture
def database(backend: PostgresBackend) -> Iterator[PostgresDatabase]:
    """An empty database."""
    with backend.database() as database:
        yield database


@pytest.fixture
def store(database: PostgresDatabase, clock: FixedClock) -> Iterator[PostgresStore]:
    store = database.store(clock)
    assert isinstance(store, PostgresStore)
    yield store
    store.close()


@pytest.fixture
def server(database: PostgresDatabase) -> Iterator[sa.Connection]:
    """A connection of its own, outside of the store: what somebody with psql sees and does."""
    engine = sa.create_engine(database.engine.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
