"""`vibe.joined(connection)`: the library inside an open transaction of the application, beside its own tables.

The application ends its transaction; each call of the library is a savepoint of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from vibecore.bootstrap.services import Services
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import (
    AlreadyExists,
    AuthenticationFailed,
    InvalidValue,
    NotFound,
    NotMigrated,
    PermissionDenied,
    ReadOnlyTransaction,
    SerializationConflict,
    StoreRejected,
    StoreUnavailable,
    TransactionAborted,
)
from vibecore.domain.projects import Project
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.effects import Effects
from vibecore.services.work import Work
from vibecore.testing.backends import PostgresBackend, PostgresDatabase
from vibecore.testing.effects import FixedClock, PlainHasher
from vibecore.testing.wiretap import Wiretap

PASSWORD = "correct horse battery staple 9"
LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


@pytest.fixture
def vibe(store: PostgresStore) -> Vibe:
    return Vibe(store, Effects(hasher=PlainHasher()))


@pytest.fixture
def notes(server: sa.Connection) -> Iterator[None]:
    """A table of the application."""
    server.exec_driver_sql("CREATE TABLE notes (text text PRIMARY KEY)")
    yield
    server.exec_driver_sql("DROP TABLE notes")


@pytest.fixture
def engine(database: PostgresDatabase) -> Iterator[sa.Engine]:
    """The application's engine as it comes: not in autocommit mode, READ COMMITTED."""
    engine = sa.create_engine(sa.make_url(str(database.engine.url.render_as_string(hide_password=False))))
    yield engine
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # every pool but NullPool has it
    engine.dispose()


@pytest.fixture
def ada(vibe: Vibe) -> Actor:
    return signed_in(vibe, "ada")


@pytest.fixture
def project(vibe: Vibe, ada: Actor) -> Project:
    return vibe.projects.create(ada, name="engine")


def signed_in(vibe: Services, name: str) -> Actor:
    email = f"{name}@example.org"
    vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
    return vibe.auth.login(email=email, password=PASSWORD).actor


def noted(connection: sa.Connection, text: str) -> None:
    connection.execute(sa.text("INSERT INTO notes VALUES (:text)"), {"text": text})


def all_notes(connection: sa.Connection) -> list[str]:
    return sorted(connection.exec_driver_sql("SELECT text FROM notes").scalars())


def trail(server: sa.Connection) -> list[str]:
    return sorted(server.exec_driver_sql("SELECT action FROM audit_logs").scalars())


def reads(ada: Actor, project: Project) -> list[Callable[[Services], object]]:
    """One of each kind: a statement, a batch, a snapshot."""
    return [
        lambda services: services.users.get(ada, project.owner_id),
        lambda services: services.files.tree(ada, project.id),
        lambda services: services.audit.page(ada, project_id=project.id),
        lambda services: services.analytics.project_file_stats(ada, project_id=project.id),
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.usefixtures("notes")
def test_the_application_commits_both(
    vibe: Vibe, ada: Actor, engine: sa.Engine, server: sa.Connection, level: str
) -> None:
    """Nothing is seen outside before its commit, everything after; the transaction stays what it was."""
    with engine.connect().execution_options(isolation_level=level) as connection:
        inside = vibe.joined(connection)
        noted(connection, "before")
        project = inside.projects.create(ada, name="engine")
        noted(connection, "between")
        inside.files.write(ada, project.id, "src/app.py", "print(1)\n")
        inside.reviews.run(ada, project.id)
        inside.quality.assess(ada, project.id)
        noted(connection, "after")
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == level.lower()
        assert inside.projects.get(ada, project.id).file_count == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM projects").scalar() == 1
        assert all_notes(server) == []
        assert vibe.projects.find(ada, project.id) is None
        connection.commit()
    assert all_notes(server) == ["after", "before", "between"]
    assert vibe.projects.get(ada, project.id).quality_score is not None


@pytest.mark.usefixtures("notes")
def test_the_application_rolls_back_both(vibe: Vibe, ada: Actor, engine: sa.Engine, server: sa.Connection) -> None:
    """Audit rows too; and a transaction that the library began is the application's as well."""
    before = trail(server)
    with engine.connect() as connection:
        assert not connection.in_transaction()
        project = vibe.joined(connection).projects.create(ada, name="engine")
        assert connection.in_transaction()
        noted(connection, "x")
        connection.rollback()
    with engine.connect() as connection, pytest.raises(ZeroDivisionError), connection.begin():
        vibe.joined(connection).projects.create(ada, name=str(1 // 0))
    with engine.connect() as connection:
        vibe.joined(connection).projects.create(ada, name="left by closing")
    assert vibe.projects.find(ada, project.id) is None
    assert vibe.projects.page(ada).items == ()
    assert all_notes(server) == []
    assert trail(server) == before


@pytest.mark.usefixtures("notes")
def test_a_failed_call_leaves_the_transaction_usable(
    vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine, server: sa.Connection
) -> None:
    """Rules of the services, of the tables, of values: the call is undone alone."""
    with engine.begin() as connection:
        inside = vibe.joined(connection)
        noted(connection, "before")
        failures: list[tuple[type[Exception], Callable[[], object]]] = [
            (AlreadyExists, lambda: signed_in(inside, "ada")),
            (InvalidValue, lambda: inside.files.write(ada, project.id, "../x", "x")),
            (NotFound, lambda: inside.projects.update(ada, uuid4(), name="x")),
            (NotFound, lambda: inside.files.read(ada, project.id, "nothing")),
            (
                AuthenticationFailed,
                lambda: inside.auth.login(email="ada@example.org", password="wrong horse battery").authenticated,
            ),
        ]
        for kind, call in failures:
            with pytest.raises(kind):
                call()
            inside.files.write(ada, project.id, f"{kind.__name__}.txt", "still working\n")
        noted(connection, "after")
    assert all_notes(server) == ["after", "before"]
    assert [stamp.path for stamp in vibe.files.tree(ada, project.id)] == sorted(
        {f"{kind.__name__}.txt" for kind, _ in failures}
    )


def test_denials_are_audited_in_the_transaction(
    vibe: Vibe, project: Project, engine: sa.Engine, server: sa.Connection
) -> None:
    """Reads and writes, failed logins as well: with its commit the rows are there, with its rollback they are not."""
    grace = signed_in(vibe, "grace")
    before = trail(server)
    expected = sorted([*before, "permission.denied", "permission.denied", "auth.login.failed"])
    for end in ("rollback", "commit"):
        with engine.connect() as connection:
            inside = vibe.joined(connection)
            with pytest.raises(PermissionDenied):
                inside.users.page(grace)
            with pytest.raises(PermissionDenied):
                inside.users.create_admin(grace, email="x@example.org", password=PASSWORD, name="x")
            with pytest.raises(AuthenticationFailed):
                assert inside.auth.login(email="ada@example.org", password="wrong horse battery").actor
            assert trail(server) == before
            assert trail(connection) == expected
            getattr(connection, end)()
        assert trail(server) == (expected if end == "commit" else before)


@pytest.mark.parametrize("level", LEVELS)
def test_reads_see_the_transaction(
    vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine, server: sa.Connection, level: str
) -> None:
    """What the application has not committed yet, by every kind of read; and they leave nothing behind in it."""
    with engine.connect().execution_options(isolation_level=level) as connection:
        inside = vibe.joined(connection)
        connection.execute(sa.text("UPDATE projects SET name = 'changed', updated_at = updated_at + interval '1 s'"))
        assert inside.projects.get(ada, project.id).name == "changed"
        assert [found.name for found in inside.projects.page(ada).items] == ["changed"]
        for read in reads(ada, project):
            read(inside)
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_cursors").scalar() == 0
        connection.rollback()
    assert vibe.projects.get(ada, project.id) == project


@pytest.mark.parametrize("number", range(4))
@pytest.mark.usefixtures("notes")
def test_a_read_that_the_server_refuses_is_undone_alone(
    vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine, server: sa.Connection, number: int
) -> None:
    """Without the right to read, and without the table: StoreRejected or NotMigrated, and the transaction goes on."""
    read = reads(ada, project)[number]
    for statement, kind in [
        ("CREATE ROLE stranger; GRANT stranger TO CURRENT_USER; SET LOCAL ROLE stranger", StoreRejected),
        ("SET LOCAL search_path = pg_catalog", NotMigrated),
    ]:
        with engine.connect() as connection:
            noted(connection, "kept")
            with connection.begin_nested() as savepoint:
                connection.exec_driver_sql(statement)
                with pytest.raises(kind):
                    read(vibe.joined(connection))
                assert connection.exec_driver_sql("SELECT 1").scalar() == 1
                savepoint.rollback()
            read(vibe.joined(connection))
            assert all_notes(connection) == ["kept"]
            connection.rollback()


@pytest.mark.usefixtures("notes")
def test_savepoints_of_the_application_nest(vibe: Vibe, ada: Actor, engine: sa.Engine, server: sa.Connection) -> None:
    """Its own savepoints undo the library's calls inside them, and only those."""
    with engine.begin() as connection:
        inside = vibe.joined(connection)
        kept = inside.projects.create(ada, name="kept")
        with connection.begin_nested() as savepoint:
            lost = inside.projects.create(ada, name="lost")
            with pytest.raises(AlreadyExists):
                signed_in(inside, "ada")
            noted(connection, "lost")
            savepoint.rollback()
        assert inside.projects.find(ada, lost.id) is None
        with connection.begin_nested():
            inside.projects.update(ada, kept.id, description="kept too")
            noted(connection, "kept")
    assert vibe.projects.get(ada, kept.id).description == "kept too"
    assert vibe.projects.find(ada, lost.id) is None
    assert all_notes(server) == ["kept"]


def test_a_transaction_that_has_failed_is_not_touched(
    vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine
) -> None:
    """TransactionAborted from reads and writes; after the application's rollback to its savepoint all goes on."""
    with engine.connect() as connection:
        inside = vibe.joined(connection)
        with connection.begin_nested() as savepoint:
            with pytest.raises(sa.exc.DataError):
                connection.exec_driver_sql("SELECT 1/0")
            for read in reads(ada, project):
                with pytest.raises(TransactionAborted):
                    read(inside)
            with pytest.raises(TransactionAborted):
                inside.projects.update(ada, project.id, name="x")
            savepoint.rollback()
        assert inside.projects.update(ada, project.id, name="motor").name == "motor"
        connection.commit()
    assert vibe.projects.get(ada, project.id).name == "motor"


def test_a_read_only_transaction_reads(vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine) -> None:
    """Reads work; a write is refused as ReadOnlyTransaction, undone alone."""
    with engine.connect().execution_options(postgresql_readonly=True) as connection:
        inside = vibe.joined(connection)
        for _ in range(2):
            assert inside.projects.get(ada, project.id) == project
            for read in reads(ada, project):
                read(inside)
            with pytest.raises(ReadOnlyTransaction):
                inside.projects.update(ada, project.id, name="x")
        connection.rollback()


def test_a_collision_is_the_applications_to_retry(vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine) -> None:
    """SerializationConflict after one run: only the whole transaction can be run again."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        inside = vibe.joined(connection)
        inside.projects.get(ada, project.id)
        vibe.projects.update(ada, project.id, name="first")
        with pytest.raises(SerializationConflict):
            inside.projects.update(ada, project.id, name="second")
        connection.rollback()
        inside.projects.update(ada, project.id, name="second")
        connection.commit()
    assert vibe.projects.get(ada, project.id).name == "second"


def test_large_work_and_streams_inside(vibe: Vibe, ada: Actor, engine: sa.Engine, tmp_path: Any) -> None:
    """An import goes through COPY, a review streams: both inside the application's transaction."""
    for number in range(120):
        (tmp_path / f"m{number}.py").write_text(f"X = {number}\n")
    with engine.connect() as connection:
        inside = vibe.joined(connection)
        project = inside.projects.create(ada, name="big")
        assert inside.files.import_tree(ada, project.id, tmp_path).created == 120
        assert inside.reviews.run(ada, project.id).reviewed == 120
        deployment = inside.deployments.create(ada, project.id, environment="production")
        inside.deployments.transition(ada, project.id, deployment.id, DeploymentStatus.BUILDING, reason="go")
        assert vibe.projects.find(ada, project.id) is None
        connection.commit()
    assert vibe.projects.get(ada, project.id).file_count == 120


def test_a_joined_call_costs_no_more_round_trips(
    vibe: Vibe, ada: Actor, project: Project, database: PostgresDatabase
) -> None:
    """The savepoint travels with the first statements: a read 1, a write 3, as in a transaction of its own."""
    with Wiretap(database.engine.url.render_as_string(hide_password=False)) as tap:
        engine = sa.create_engine(sa.make_url(tap.url).set(drivername="postgresql+psycopg"))
        with engine.connect() as connection:
            inside = vibe.joined(connection)
            calls: list[tuple[int, Callable[[Services], object]]] = [
                *((1, read) for read in reads(ada, project)),
                (3, lambda services: services.projects.update(ada, project.id, description=uuid4().hex)),
            ]
            for most, call in calls:
                call(inside)
                before = tap.round_trips
                call(inside)
                assert tap.round_trips - before <= most
        engine.dispose()


def test_a_lost_connection_is_unavailable(vibe: Vibe, ada: Actor, project: Project, database: PostgresDatabase) -> None:
    """Nothing is retried on another connection, for what the application did before is gone; after its rollback, all
    works again."""
    with Wiretap(database.engine.url.render_as_string(hide_password=False)) as tap:
        engine = sa.create_engine(sa.make_url(tap.url).set(drivername="postgresql+psycopg"))
        with engine.connect() as connection:
            inside = vibe.joined(connection)
            inside.projects.update(ada, project.id, name="lost")
            tap.cut()
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    inside.projects.get(ada, project.id)
                with pytest.raises(StoreUnavailable):
                    inside.projects.update(ada, project.id, name="lost too")
            assert connection.invalidated
            connection.rollback()
            assert inside.projects.get(ada, project.id) == project
        engine.dispose()
    assert vibe.projects.get(ada, project.id) == project


@pytest.mark.parametrize("wrong", ["autocommit", "closed", "engine", "none", "sqlite"])
def test_what_cannot_be_joined_is_refused(
    vibe: Vibe, ada: Actor, project: Project, engine: sa.Engine, wrong: str
) -> None:
    """InvalidValue, at once or at the first call."""
    sqlite = sa.create_engine("sqlite://")
    made: dict[str, Callable[[], Any]] = {
        "autocommit": lambda: engine.connect().execution_options(isolation_level="AUTOCOMMIT"),
        "closed": lambda: closed(engine.connect()),
        "engine": lambda: engine,
        "none": lambda: None,
        "sqlite": sqlite.connect,
    }
    make = made[wrong]
    connection = make()
    with pytest.raises(InvalidValue):
        vibe.joined(connection).projects.get(ada, project.id)
    if wrong in ("autocommit", "sqlite"):
        connection.close()
    sqlite.dispose()


def closed(connection: sa.Connection) -> sa.Connection:
    connection.close()
    return connection


def test_a_schema_of_its_own_is_joined_too(backend: PostgresBackend, clock: FixedClock) -> None:
    """Beside application tables of the same names."""
    from vibecore.bootstrap import stores
    from vibecore.bootstrap.migrations import migrate
    from vibecore.testing.backends import SETTINGS

    url = backend.fresh_url(migrated=False)
    migrate(url, schema="house")
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    store = stores.postgres_store(engine, SETTINGS, clock, "house", owned=False)
    vibe = Vibe(store, Effects(hasher=PlainHasher()))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE users (name text)")
        connection.exec_driver_sql("INSERT INTO users VALUES ('mine')")
        ada = signed_in(vibe.joined(connection), "ada")
        assert connection.exec_driver_sql("SELECT name FROM users").scalars().all() == ["mine"]
    assert vibe.users.get(ada, ada.user_id).name == "ada"  # type: ignore[arg-type]  # who signed in has an id
    vibe.close()
    engine.dispose()


def test_mails_leave_with_the_call(vibe: Vibe, engine: sa.Engine, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here sees the application's commit; a call that fails sends none."""
    seen: list[str] = []
    real = Work.event

    def event(self: Work, tx: UnitOfWork, actor: Actor, action: str, **more: Any) -> Any:
        self.after_commit(lambda: seen.append(action))
        return real(self, tx, actor, action, **more)

    monkeypatch.setattr(Work, "event", event)
    with engine.connect() as connection:
        inside = vibe.joined(connection)
        inside.projects.create(ada, name="engine")
        assert seen == ["project.created"]
        with pytest.raises(InvalidValue):
            inside.projects.create(ada, name="")
        assert seen == ["project.created"]
        connection.rollback()
    assert seen == ["project.created"]
