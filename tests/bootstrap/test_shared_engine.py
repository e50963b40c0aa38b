"""An application's own engine: its pool is shared, its connections come back as they were, and it stays open."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

import vibecore
from tests.bootstrap.story import PASSWORD, SETTINGS, signed_in, told
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AlreadyExists, NotMigrated

NOTES = "CREATE TABLE notes (id integer PRIMARY KEY, text text NOT NULL)"


def test_the_story_on_a_shared_engine(app_engine: sa.Engine) -> None:
    """The same as in memory, through the application's pool."""
    with vibecore.connect("memory://", settings=SETTINGS) as memory:
        expected = told(memory)
    vibe = vibecore.connect(engine=app_engine, settings=SETTINGS)
    assert told(vibe) == expected


def test_the_pool_is_shared(url: str, observer: sa.Connection) -> None:
    """With one connection in the pool, application and library use that one in turn."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, pool_size=1, max_overflow=0, pool_timeout=0.1)
    with engine.connect() as connection:
        mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    vibe = vibecore.connect(engine=engine, settings=SETTINGS)
    signed_in(vibe)
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert list(observer.exec_driver_sql(others).scalars()) == [mine]
    engine.dispose()


def test_closing_leaves_the_engine_open(app_engine: sa.Engine) -> None:
    """And its connections in the pool, where another installation finds them."""
    with app_engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with vibecore.connect(engine=app_engine, settings=SETTINGS) as vibe:
        signed_in(vibe)
    with app_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() == before
    with vibecore.connect(engine=app_engine, settings=SETTINGS) as vibe:
        assert vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated


def test_a_refused_connect_leaves_the_engine_open(bare_url: str) -> None:
    engine = sa.create_engine(sa.make_url(bare_url).set(drivername="postgresql+psycopg"))
    with pytest.raises(NotMigrated):
        vibecore.connect(engine=engine, settings=SETTINGS)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # every pool but NullPool has it
    engine.dispose()


class Found:
    """What an application sees of its one connection."""

    def __init__(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
            self.facts = {
                "autocommit": driver.autocommit,
                "isolation": driver.isolation_level,
                "read only": driver.read_only,
                "deferrable": driver.deferrable,
                "row factory": driver.row_factory,
                "threshold": driver.prepare_threshold,
                "status": driver.info.transaction_status,
                "as told": connection.get_isolation_level(),
                "as the server says": connection.exec_driver_sql("SHOW transaction_isolation").scalar(),
                "search path": connection.exec_driver_sql("SHOW search_path").scalar(),
                "time zone": connection.exec_driver_sql("SHOW timezone").scalar(),
                "process": connection.exec_driver_sql("SELECT pg_backend_pid()").scalar(),
            }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"isolation_level": "AUTOCOMMIT"},
        {"isolation_level": "READ COMMITTED"},
        {"isolation_level": "SERIALIZABLE"},
        {"connect_args": {"prepare_threshold": None}},
        {"connect_args": {"options": "-c timezone=Asia/Kathmandu -c default_transaction_isolation=serializable"}},
        {"execution_options": {"isolation_level": "REPEATABLE READ"}},
        {"execution_options": {"postgresql_readonly": True}},
        {"pool_reset_on_return": None},
    ],
    ids=str,
)
def test_connections_come_back_as_they_were(url: str, options: dict[str, Any]) -> None:
    """After reads, writes, conflicts of a rule, transactions and errors inside them, whatever the engine is set to."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, pool_size=1, max_overflow=0, pool_timeout=0.1, **options)
    before = Found(engine).facts
    with vibecore.connect(engine=engine, settings=SETTINGS) as vibe:
        ada = signed_in(vibe)
        project = vibe.projects.create(ada, name="engine")
        assert Found(engine).facts == before
        assert vibe.projects.get(ada, project.id) == project
        assert Found(engine).facts == before
        with pytest.raises(AlreadyExists):
            vibe.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
        assert Found(engine).facts == before
        with vibe.transaction() as tx:
            tx.projects.update(ada, project.id, name="motor")
        with pytest.raises(AlreadyExists), vibe.transaction() as tx:
            tx.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
        assert vibe.projects.get(ada, project.id).name == "motor"
    assert Found(engine).facts == before
    engine.dispose()


def test_an_application_without_a_pool(url: str) -> None:
    """NullPool: each unit of work opens a connection and closes it."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    with vibecore.connect(engine=engine, settings=SETTINGS) as vibe:
        signed_in(vibe)
    with engine.connect() as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _ in range(200):
            if not connection.exec_driver_sql(others).scalar():
                break
            connection.exec_driver_sql("SELECT pg_sleep(0.01)")
            connection.rollback()
        assert connection.exec_driver_sql(others).scalar() == 0


def test_the_application_works_beside_the_library(app_engine: sa.Engine) -> None:
    """Its own tables in the same database, in transactions of its own, while the library works."""
    with app_engine.begin() as connection:
        connection.exec_driver_sql(NOTES)
    vibe = vibecore.connect(engine=app_engine, settings=SETTINGS)
    with app_engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO notes VALUES (1, 'before')")
        ada = signed_in(vibe)
        connection.exec_driver_sql("INSERT INTO notes VALUES (2, 'after')")
        connection.rollback()
    assert vibe.auth.login(email="ada@example.org", password=PASSWORD).actor.user_id == ada.user_id
    with app_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM notes").scalar() == 0
