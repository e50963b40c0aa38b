from __future__ import annotations

import pytest

from vibecore.domain.errors import StoreUnavailable
from vibecore.domain.users import USERS
from vibecore.testing.backends import Backend, Backends, names, start
from vibecore.testing.builders import make
from vibecore.testing.effects import FixedClock


def test_memory_and_the_embedded_server_are_always_there() -> None:
    """Others are added by the environment, in the order of their versions."""
    assert names({}) == ("memory", "postgres18")
    given = {"VIBECORE_TEST_POSTGRES_16": "embedded", "VIBECORE_TEST_POSTGRES_15": "postgresql://host/db"}
    assert names(given) == ("memory", "postgres15", "postgres16", "postgres18")


def test_a_missing_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a reason to leave tests out."""
    monkeypatch.setenv("VIBECORE_TEST_POSTGRES_15", "postgresql://nobody@127.0.0.1:1/none")
    assert "postgres15" in names()
    with pytest.raises(StoreUnavailable):
        start("postgres15")


def test_a_backend_is_started_once() -> None:
    """And again after it was closed."""
    with Backends() as backends:
        first = backends["memory"]
        assert backends["memory"] is first
        backends.close()
        assert backends["memory"] is not first


def test_an_unknown_backend_is_an_error() -> None:
    """A name that is not on the list."""
    with Backends() as backends, pytest.raises(KeyError):
        backends["oracle"]


def test_each_store_begins_empty(backend: Backend, clock: FixedClock) -> None:
    """Whatever the one before it left."""
    for _ in range(3):
        with backend.open(clock) as store, store.begin() as tx:
            assert tx.users.count() == 0
            assert tx.analytics.system_health() is None
            make(tx, USERS)
            tx.analytics.refresh()
            tx.commit()


def test_two_databases_share_nothing(backend: Backend, clock: FixedClock) -> None:
    """Side by side, also of one server."""
    with backend.open(clock) as one, backend.open(clock) as other:
        with one.begin() as tx:
            make(tx, USERS)
            tx.commit()
        with other.begin() as tx:
            assert tx.users.count() == 0


def test_stores_on_one_database_share_everything(backend: Backend, clock: FixedClock) -> None:
    """As processes on one server do; emptying it empties it for the next store."""
    with backend.database() as database:
        one, other = database.store(clock), database.store(clock)
        with one.begin() as tx:
            make(tx, USERS)
            tx.commit()
        with other.begin() as tx:
            assert tx.users.count() == 1
        for store in (one, other):
            store.close()
        database.empty()
        again = database.store(clock)
        with again.begin() as tx:
            assert tx.users.count() == 0
        again.close()
