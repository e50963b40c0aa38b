"""Transactions as the server sees them: their isolation, and that none outlives its unit of work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa

from vibecore.bootstrap import stores
from vibecore.bootstrap.migrations import migrate
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidValue,
    MissingReference,
    NotFound,
    SerializationConflict,
    StoreRejected,
    StoreUnavailable,
    TransactionAborted,
    TransactionError,
    VibecoreError,
)
from vibecore.domain.files import FILES
from vibecore.domain.projects import PROJECTS
from vibecore.domain.tables import TABLES
from vibecore.domain.throttles import Limit, Taken
from vibecore.domain.users import USERS
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.repositories.postgres.unit_of_work import PostgresUnitOfWork
from vibecore.repositories.unit_of_work import Mode
from vibecore.testing.backends import SETTINGS, PostgresBackend, PostgresDatabase
from vibecore.testing.builders import build, changed, make
from vibecore.testing.contract.units import READS, WRITES
from vibecore.testing.effects import FixedClock
from vibecore.testing.rows import Rows

Blow = Callable[[], None]
ACTIVITY: Final = """
SELECT state, pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'vibecore'
"""


def setting(tx: PostgresUnitOfWork, name: str) -> str:
    return tx._tx.run(f"SHOW {name}", (), lambda result: str(result.rows[0][0]))


@pytest.mark.parametrize(
    ("mode", "isolation", "read_only"),
    [(Mode.WRITE, "serializable", "off"), (Mode.SNAPSHOT, "repeatable read", "on")],
)
def test_a_unit_of_work_has_its_isolation(store: PostgresStore, mode: Mode, isolation: str, read_only: str) -> None:
    """From its first statement to its last, whatever the database's defaults are."""
    with store.begin(mode) as tx:
        for _ in range(2):
            assert setting(tx, "transaction_isolation") == isolation
            assert setting(tx, "transaction_read_only") == read_only
            tx.users.count()


def test_reads_leave_no_transaction_open(store: PostgresStore, server: sa.Connection) -> None:
    """In Mode.READ neither a statement nor a batch nor a failed one: the connection is idle in between."""
    with store.begin(Mode.READ) as tx:
        for call in (tx.users.count, lambda: _batch(tx), lambda: _fail(tx)):
            call()
            assert {row.state for row in server.execute(sa.text(ACTIVITY))} == {"idle"}


def _batch(tx: PostgresUnitOfWork) -> None:
    with tx.batch() as batch:
        batch.add(tx.users.count)
        batch.add(tx.projects.count)


def _fail(tx: PostgresUnitOfWork) -> None:
    with pytest.raises(VibecoreError):
        tx._tx.run("SELECT 1 / 0", (), lambda result: None)


def commit(tx: PostgresUnitOfWork) -> None:
    make(tx, USERS)
    tx.commit()


def leave(tx: PostgresUnitOfWork) -> None:
    make(tx, USERS)


def fail(tx: PostgresUnitOfWork) -> None:
    user = make(tx, USERS)
    with pytest.raises(AlreadyExists):
        tx.users.insert(user)


def fail_and_commit(tx: PostgresUnitOfWork) -> None:
    fail(tx)
    with pytest.raises(TransactionAborted):
        tx.commit()


def crash(tx: PostgresUnitOfWork) -> None:
    make(tx, USERS)
    raise LookupError


def leave_a_stream(tx: PostgresUnitOfWork) -> None:
    project = make(tx, PROJECTS)
    tx.files.insert_many(build(FILES, project_id=project.id) for _ in range(1500))
    next(tx.files.stream(project.id))


def fail_a_batch(tx: PostgresUnitOfWork) -> None:
    user = make(tx, USERS)

    def add_twice() -> None:
        with tx.batch() as batch:
            batch.add(tx.users.insert, user)
            batch.add(tx.users.insert, user)

    with pytest.raises(AlreadyExists):
        add_twice()


def fail_a_copy(tx: PostgresUnitOfWork) -> None:
    user = make(tx, USERS)
    with pytest.raises(AlreadyExists):
        tx.users.insert_many([build(USERS) for _ in range(1000)] + [user])


def do_nothing(tx: PostgresUnitOfWork) -> None:
    """Not even a statement."""


ENDS: Final = [commit, leave, fail, fail_and_commit, crash, leave_a_stream, fail_a_batch, fail_a_copy, do_nothing]


@pytest.mark.parametrize("end", ENDS)
def test_every_end_gives_the_connection_back(
    store: PostgresStore, database: PostgresDatabase, server: sa.Connection, end: Callable[[PostgresUnitOfWork], None]
) -> None:
    """Idle, without a transaction, and fit for the next unit of work; again and again."""
    for _ in range(4):
        with contextlib.suppress(LookupError), store.begin() as tx:
            end(tx)
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # every pool but NullPool has it
        assert {row.state for row in server.execute(sa.text(ACTIVITY))} <= {"idle"}
        with store.begin() as tx:
            tx.users.insert(build(USERS))
            assert tx.users.count() > 0


def test_conflicts_give_the_connection_back(store: PostgresStore, database: PostgresDatabase) -> None:
    """At the commit, where the server has already rolled back."""
    with store.begin() as tx:
        ada, bob = make(tx, USERS), make(tx, USERS)
        tx.commit()
    with store.begin() as first, store.begin() as second:
        for tx in (first, second):
            tx.users.find_many([ada.id, bob.id])
        first.users.update(changed(ada, name="first"))
        second.users.update(changed(bob, name="second"))
        first.commit()
        with pytest.raises(SerializationConflict):
            second.commit()
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # every pool but NullPool has it


@pytest.fixture
def terminate(server: sa.Connection, database: PostgresDatabase) -> Iterator[Callable[[], None]]:
    """Ends every connection of the store, as an administrator or a restart does."""

    def run() -> None:
        for row in list(server.execute(sa.text(ACTIVITY))):
            server.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": row.pid})

    yield run
    database.engine.dispose()


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
def test_dead_connections_in_the_pool_are_replaced(store: PostgresStore, terminate: Blow, mode: Mode) -> None:
    """Nothing was done on it, so the unit of work begins on another one without an error."""
    with store.begin() as tx:
        make(tx, USERS)
        tx.commit()
    for call in (lambda tx: tx.users.count(), lambda tx: _first_of_batch(tx)):
        terminate()
        with store.begin(mode) as tx:
            assert call(tx) == 1
            tx.commit()


def _first_of_batch(tx: PostgresUnitOfWork) -> int:
    with tx.batch() as batch:
        count = batch.add(tx.users.count)
        batch.add(tx.projects.count)
    return count.value


def test_a_bulk_insert_survives_a_connection_that_died_in_the_pool(store: PostgresStore, terminate: Blow) -> None:
    """COPY as the first statement begins on a fresh connection too."""
    with store.begin(Mode.READ) as tx:
        tx.users.count()
    terminate()
    with store.begin() as tx:
        assert tx.users.insert_many([build(USERS) for _ in range(5)]) == 5
        tx.commit()
    with store.begin(Mode.READ) as tx:
        assert tx.users.count() == 5


def test_a_connection_that_dies_in_the_middle_ends_the_unit_of_work(
    store: PostgresStore, terminate: Blow, database: PostgresDatabase
) -> None:
    """StoreUnavailable, then TransactionAborted; nothing was written, and the next one works."""
    with store.begin() as tx:
        make(tx, USERS)
        terminate()
        with pytest.raises(StoreUnavailable):
            tx.users.count()
        for call in (tx.users.count, tx.commit):
            with pytest.raises(TransactionAborted):
                call()
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # every pool but NullPool has it
    with store.begin(Mode.READ) as tx:
        assert tx.users.count() == 0


def test_a_lost_connection_at_the_commit_is_unavailable(store: PostgresStore, terminate: Blow) -> None:
    """Whether it was committed is then unknown; here it was not."""
    with store.begin() as tx:
        make(tx, USERS)
        terminate()
        with pytest.raises(StoreUnavailable):
            tx.commit()
    with store.begin(Mode.READ) as tx:
        assert tx.users.count() == 0


def test_an_unreachable_server_is_unavailable(clock: FixedClock) -> None:
    """When the unit of work begins, or at its first statement, and without the password in the message."""
    engine = stores.postgres_engine("postgresql://ada:secret@127.0.0.1:1/none", SETTINGS)
    with pytest.raises(StoreUnavailable) as caught:
        stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
    assert "secret" not in str(caught.value)


def test_a_pool_without_a_free_connection_is_unavailable(backend: PostgresBackend, clock: FixedClock) -> None:
    """Not a driver's error, and once a unit of work ends the next one begins."""
    url = sa.make_url(backend.fresh_url()).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
    with store.begin() as first:
        first.users.count()
        with store.begin() as second, pytest.raises(StoreUnavailable):
            second.users.count()
    with store.begin() as third:
        assert third.users.count() == 0
    store.close()


def test_an_application_gets_its_connections_back_as_they_were(backend: PostgresBackend, clock: FixedClock) -> None:
    """An engine that is not in autocommit mode is not left in it."""
    engine = sa.create_engine(sa.make_url(backend.fresh_url()).set(drivername="postgresql+psycopg"), pool_size=1)
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=False)
    with store.begin() as tx:
        make(tx, USERS)
        tx.commit()
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        assert driver.autocommit is False
        connection.exec_driver_sql("DELETE FROM users")
        connection.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 1
    engine.dispose()


def test_settings_of_the_database_change_no_value(backend: PostgresBackend, clock: FixedClock) -> None:
    """Time zone, date style, float digits and isolation of the session may be anything."""
    url = sa.make_url(backend.fresh_url()).set(drivername="postgresql+psycopg")
    with sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        for name, value in {
            "timezone": "Asia/Kathmandu",
            "datestyle": "SQL, DMY",
            "intervalstyle": "sql_standard",
            "extra_float_digits": "-15",
            "bytea_output": "escape",
            "default_transaction_isolation": "repeatable read",
            "search_path": "public",
            "client_encoding": "LATIN1",
            "standard_conforming_strings": "on",
        }.items():
            connection.exec_driver_sql(f"ALTER DATABASE \"{url.database}\" SET {name} = '{value}'")
    engine = stores.postgres_engine(url.render_as_string(hide_password=False), SETTINGS)
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
    with store.begin() as tx:
        assert setting(tx, "timezone") == "Asia/Kathmandu"
        assert setting(tx, "transaction_isolation") == "serializable"
        for table in TABLES:
            stored = make(tx, table)
            found = Rows(tx, table).find(stored)
            assert repr(found) == repr(stored)
        assert tx.users.get(make(tx, USERS, name="😀 é").id).name == "😀 é"
        users = tx.users.page(order_by="created_at", limit=1)
        assert tx.users.page(order_by="created_at", cursor=users.next_cursor).items
        limit = Limit(timedelta(minutes=1), 1)
        assert tx.throttles.take(UUID(int=1), limit).allowed
        assert repr(tx.throttles.take(UUID(int=1), limit)) == repr(Taken(False, clock() + limit.interval))
    store.close()


def test_everything_works_in_a_schema_of_its_own(backend: PostgresBackend, clock: FixedClock) -> None:
    """No call needs the search path: tables, types, functions and views are named in full."""
    address = backend.fresh_url(migrated=False)
    migrate(address, schema="house")
    engine = stores.postgres_engine(address, SETTINGS)
    store = stores.postgres_store(engine, SETTINGS, clock, "house", owned=True)
    with store.begin() as tx:
        for table in TABLES:
            stored = make(tx, table)
            assert Rows(tx, table).find(stored) == stored
        tx.commit()
    for name, call in {**READS, **WRITES}.items():
        with store.begin() as tx, contextlib.suppress(NotFound, MissingReference):
            call(tx)
            assert setting(tx, "search_path") == '"$user", public', name
    with store.begin() as tx:
        user = tx.users.page(limit=1).items[0]
        tx.users.update_many([user])
        tx.analytics.refresh()
        assert tx.analytics.system_health() is not None
        assert tx.analytics.recent_activity()
        assert tx.analytics.project_file_stats()
        tx.deployments.archive(0)
    store.close()


def test_a_connection_without_transactions_cannot_be_joined(store: PostgresStore, database: PostgresDatabase) -> None:
    """In autocommit mode there is nothing to be part of: InvalidValue."""
    with database.engine.connect() as connection, store.join(connection).begin() as tx:
        with pytest.raises(InvalidValue) as caught:
            tx.users.count()
        assert caught.value.field == "connection"


def test_a_statement_that_takes_too_long_is_rejected(backend: PostgresBackend, clock: FixedClock) -> None:
    """A timeout that an administrator set is no lost connection: StoreRejected, and the next unit of work goes on."""
    url = sa.make_url(backend.fresh_url()).set(drivername="postgresql+psycopg")
    with sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE \"{url.database}\" SET statement_timeout = '20ms'")
    store = stores.postgres_store(sa.create_engine(url), SETTINGS, clock, None, owned=True)
    with store.begin(Mode.SNAPSHOT) as tx:
        assert isinstance(tx, PostgresUnitOfWork)
        with pytest.raises(StoreRejected) as caught:
            tx._tx.run("SELECT pg_sleep(60)", (), lambda result: None)
        assert caught.value.sqlstate == "57014"
    with store.begin(Mode.READ) as tx:
        assert tx.users.count() == 0
    store.close()


# -- joined: inside an application's own transaction


def test_units_join_a_transaction_of_the_application(store: PostgresStore, database: PostgresDatabase) -> None:
    """What a unit commits is part of the application's transaction, and goes with its rollback."""
    with database.engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        joined = store.join(connection)
        assert joined.joined is True
        with joined.begin() as tx:
            user = make(tx, USERS)
            tx.commit()
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 1
        with joined.begin(Mode.READ) as tx:
            assert tx.users.get(user.id) == user
        with store.begin(Mode.READ) as outside:
            assert outside.users.count() == 0
        connection.rollback()
    with store.begin(Mode.READ) as outside:
        assert outside.users.count() == 0


def test_a_joined_unit_undoes_itself_alone(store: PostgresStore, database: PostgresDatabase) -> None:
    """Rolled back, left or failed: the application's own work, before and after, is committed."""
    with database.engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        joined = store.join(connection)
        with joined.begin() as tx:
            user = make(tx, USERS, name="kept")
            tx.commit()
        with joined.begin() as tx:
            make(tx, USERS)
            tx.rollback()
        with joined.begin() as tx:
            make(tx, USERS)
        with joined.begin() as tx:
            with pytest.raises(AlreadyExists):
                tx.users.insert(user)
            with pytest.raises(TransactionAborted):
                tx.commit()
        with joined.begin() as tx:
            make(tx, USERS, name="kept too")
            tx.commit()
        connection.commit()
    with store.begin(Mode.READ) as outside:
        assert sorted(user.name for user in outside.users.page().items) == ["kept", "kept too"]


def test_a_joined_unit_streams_batches_and_savepoints(store: PostgresStore, database: PostgresDatabase) -> None:
    """All calls work inside a transaction of somebody else."""
    with database.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        joined = store.join(connection)
        with joined.begin() as tx:
            project = make(tx, PROJECTS)
            tx.files.insert_many(build(FILES, project_id=project.id) for _ in range(1500))
            assert len(list(tx.files.stream(project.id))) == 1500
            with tx.batch() as batch:
                count = batch.add(tx.files.count, project.id)
                batch.add(tx.users.count)
            assert count.value == 1500
            with pytest.raises(AlreadyExists), tx.savepoint():
                tx.projects.insert(project)
            tx.commit()
        with joined.begin(Mode.READ) as tx, pytest.raises(TransactionError):
            tx.files.stream(project.id)
        connection.rollback()
