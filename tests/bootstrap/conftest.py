from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from vibecore.testing.backends import Backends, PostgresBackend


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says nothing but what a test sets."""
    for name in [name for name in os.environ if name.upper().startswith("VIBECORE_")]:
        if not name.startswith("VIBECORE_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def server(vibe_backends: Backends) -> PostgresBackend:
    backend = vibe_backends["postgres18"]
    assert isinstance(backend, PostgresBackend)
    return backend


@pytest.fixture
def url(server: PostgresBackend) -> str:
    """The URL of a new, migrated database."""
    return server.fresh_url()


@pytest.fixture
def bare_url(server: PostgresBackend) -> str:
    """The URL of a new, empty database."""
    return server.fresh_url(migrated=False)


@pytest.fixture
def app_engine(url: str) -> Iterator[sa.Engine]:
    """An application's engine as it comes, on a migrated database."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), pool_size=2)
    yield engine
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # every pool but NullPool has it
    engine.dispose()


@pytest.fixture
def observer(url: str) -> Iterator[sa.Connection]:
    """A look at the database of `url` from outside."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
