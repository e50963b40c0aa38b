"""Connections that break: between calls nobody notices, in the middle nothing is half-written, and nothing leaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from vibecore.bootstrap import stores
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import (
    AlreadyExists,
    StoreUnavailable,
    TransactionAborted,
    TransactionClosed,
)
from vibecore.domain.projects import PROJECTS
from vibecore.domain.users import USERS
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.repositories.unit_of_work import Mode
from vibecore.services.effects import Effects
from vibecore.testing.backends import SETTINGS, PostgresDatabase
from vibecore.testing.builders import build, changed, make
from vibecore.testing.effects import FixedClock, PlainHasher
from vibecore.testing.wiretap import Wiretap

PASSWORD = "correct horse battery staple 9"
THREADS = 4


@dataclass
class Line:
    """A store whose connections can be cut, and the same database over a line that holds."""

    tap: Wiretap
    engine: sa.Engine
    store: PostgresStore
    safe: PostgresStore

    @property
    def lent(self) -> int:
        """Connections that are out of the pool."""
        pool: Any = self.engine.pool
        return int(pool.checkedout())

    def users(self) -> int:
        with self.safe.begin(Mode.READ) as tx:
            return tx.users.count()

    def warm(self, connections: int = 1) -> None:
        """Fill the pool with open connections."""
        units = [self.store.begin(Mode.SNAPSHOT) for _ in range(connections)]
        for unit in units:
            unit.users.count()
        for unit in units:
            unit.rollback()


@pytest.fixture
def line(database: PostgresDatabase, store: PostgresStore, clock: FixedClock) -> Iterator[Line]:
    with Wiretap(database.engine.url.render_as_string(hide_password=False)) as tap:
        engine = stores.postgres_engine(tap.url, SETTINGS)
        tapped = stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
        line = Line(tap, engine, tapped, store)
        yield line
        assert line.lent == 0, "a connection leaked"
        tapped.close()


# -- between calls


@pytest.mark.parametrize("connections", [1, 5, 20])
def test_the_next_call_survives_a_cut(line: Line, connections: int) -> None:
    """However many connections lay in the pool: each is found dead by whom it is lent to, and replaced."""
    calls: list[Callable[[], object]] = [
        lambda: _count(line.store, Mode.READ),
        lambda: _count(line.store, Mode.SNAPSHOT),
        lambda: _count_in_a_batch(line.store),
        lambda: _insert(line.store),
        lambda: _insert_many(line.store),
        lambda: _stream(line.store),
        line.store.revision,
    ]
    for call in calls:
        line.warm(connections)
        line.tap.cut()
        call()
        assert line.lent == 0


def _count(store: PostgresStore, mode: Mode) -> int:
    with store.begin(mode) as tx:
        return tx.users.count()


def _count_in_a_batch(store: PostgresStore) -> None:
    with store.begin(Mode.READ) as tx, tx.batch() as batch:
        batch.add(tx.users.count)
        batch.add(tx.projects.count)


def _insert(store: PostgresStore) -> None:
    with store.begin() as tx:
        make(tx, USERS)
        tx.commit()


def _insert_many(store: PostgresStore) -> None:
    with store.begin() as tx:
        assert tx.users.insert_many([build(USERS) for _ in range(3)]) == 3
        tx.commit()


def _stream(store: PostgresStore) -> None:
    with store.begin(Mode.SNAPSHOT) as tx:
        list(tx.users.stream())


def test_services_survive_cuts_between_calls(line: Line) -> None:
    """The same work with a cut before each call; nothing is written twice."""
    vibe = Vibe(line.store, Effects(hasher=PlainHasher()))

    def after_a_cut() -> Vibe:
        line.warm(3)
        line.tap.cut()
        return vibe

    after_a_cut().auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
    ada = after_a_cut().auth.login(email="ada@example.org", password=PASSWORD).actor
    project = after_a_cut().projects.create(ada, name="engine")
    after_a_cut().files.write(ada, project.id, "src/app.py", "print(1)\n")
    after_a_cut().reviews.run(ada, project.id)
    after_a_cut().quality.assess(ada, project.id)
    line.tap.cut()
    with vibe.transaction() as tx:
        tx.projects.update(ada, project.id, name="motor")
    actions = [event.action for event in after_a_cut().audit.page(ada, project_id=project.id).items]
    assert sorted(actions) == [
        "file.created",
        "project.created",
        "project.updated",
        "quality.assessed",
        "reviews.run",
    ]


def test_a_shared_engine_whose_connections_died_idle(line: Line, clock: FixedClock) -> None:
    """Also one that only the application had used before."""
    engine = sa.create_engine(sa.make_url(line.tap.url).set(drivername="postgresql+psycopg"), pool_size=1)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    line.tap.cut()
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=False)
    _insert(store)
    assert line.users() == 1
    engine.dispose()


def test_while_the_server_is_away_and_after(line: Line, database: PostgresDatabase, clock: FixedClock) -> None:
    """StoreUnavailable from every kind of call, at once and again; connections are given back all the same."""
    line.warm(3)
    line.tap.close()
    for _ in range(3):
        for call in (
            lambda: _count(line.store, Mode.READ),
            lambda: _count(line.store, Mode.SNAPSHOT),
            lambda: _count_in_a_batch(line.store),
            lambda: _insert(line.store),
            lambda: _insert_many(line.store),
        ):
            with pytest.raises(StoreUnavailable):
                call()
            assert line.lent == 0


# -- in the middle


STEPS: dict[str, Callable[[Any], object]] = {
    "a read": lambda tx: tx.users.count(),
    "a write": lambda tx: make(tx, USERS),
    "a batch": lambda tx: _batch(tx),
    "a bulk insert": lambda tx: tx.users.insert_many([build(USERS) for _ in range(2000)]),
    "a stream": lambda tx: list(tx.users.stream()),
    "a savepoint": lambda tx: tx.savepoint().__enter__(),
    "the commit": lambda tx: tx.commit(),
}


def _batch(tx: Any) -> None:
    with tx.batch() as batch:
        batch.add(tx.users.insert, build(USERS))
        batch.add(tx.users.count)


@pytest.mark.parametrize("step", STEPS)
def test_a_cut_in_the_middle_writes_nothing(line: Line, step: str) -> None:
    """StoreUnavailable at the next statement, then only rollback; never a retry, for half of the work is gone."""
    with line.store.begin() as tx:
        make(tx, USERS)
        line.tap.cut()
        with pytest.raises(StoreUnavailable):
            STEPS[step](tx)
        for call in (tx.users.count, tx.commit):
            with pytest.raises((TransactionAborted, TransactionClosed)):
                call()
        tx.rollback()
    assert line.users() == 0
    assert line.lent == 0
    _insert(line.store)
    assert line.users() == 1


def test_an_error_of_the_block_is_not_covered_by_the_loss(line: Line) -> None:
    """Leaving a unit of work whose connection is gone raises what the block raised: the server has rolled back."""

    def fails() -> None:
        with line.store.begin() as tx:
            make(tx, USERS)
            line.tap.cut()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with line.store.begin() as tx:
        make(tx, USERS)
        line.tap.cut()
    with line.store.begin() as tx:
        make(tx, USERS)
        line.tap.cut()
        tx.rollback()
    assert line.users() == 0


def test_a_cut_inside_a_savepoint_ends_it_all(line: Line) -> None:
    """Catching the error of the savepoint does not bring the rest back."""
    with line.store.begin() as tx:
        make(tx, USERS)
        line.tap.cut_at(b"INSERT INTO", delivered=True)
        with pytest.raises(StoreUnavailable), tx.savepoint():
            make(tx, USERS)
        with pytest.raises(TransactionAborted):
            tx.users.count()
        with pytest.raises(TransactionAborted):
            tx.commit()
    assert line.users() == 0


def test_a_stream_that_is_cut_says_so(line: Line) -> None:
    """StoreUnavailable in the middle of the rows, not an early end."""
    with line.safe.begin() as tx:
        tx.users.insert_many([build(USERS) for _ in range(3000)])
        tx.commit()
    seen = 0

    def read() -> None:
        nonlocal seen
        with line.store.begin(Mode.SNAPSHOT) as tx:
            for _ in tx.users.stream():
                seen += 1
                if seen == 1:
                    line.tap.cut()

    with pytest.raises(StoreUnavailable):
        read()
    assert 0 < seen < 3000


def test_a_service_call_that_is_cut_leaves_nothing(line: Line, tmp_path: Path) -> None:
    """An import that breaks while rows travel, a write that breaks at its second batch: no row, no audit row."""
    vibe = Vibe(line.store, Effects(hasher=PlainHasher()))
    safe = Vibe(line.safe, Effects(hasher=PlainHasher()))
    safe.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
    ada = safe.auth.login(email="ada@example.org", password=PASSWORD).actor
    project = safe.projects.create(ada, name="engine")
    before = safe.audit.page(ada, project_id=project.id).items
    for number in range(50):
        (tmp_path / f"m{number}.py").write_text(f"X = {number}\n")
    breaks: list[tuple[bytes, Callable[[], object]]] = [
        (b"COPY ", lambda: vibe.files.import_tree(ada, project.id, tmp_path)),
        (b"INSERT INTO", lambda: vibe.files.write(ada, project.id, "a.py", "x")),
        (b"UPDATE projects", lambda: vibe.projects.update(ada, project.id, name="motor")),
    ]
    for words, call in breaks:
        for delivered in (False, True):
            line.tap.cut_at(words, delivered=delivered)
            with pytest.raises(StoreUnavailable):
                call()
            assert safe.projects.get(ada, project.id) == project
            assert safe.files.tree(ada, project.id) == ()
            assert safe.audit.page(ada, project_id=project.id).items == before
            assert line.lent == 0
    assert vibe.files.import_tree(ada, project.id, tmp_path).created == 50


# -- during COMMIT


@pytest.mark.parametrize("delivered", [False, True], ids=["never arrived", "answer lost"])
def test_a_lost_commit_is_repeated_by_its_ids(line: Line, delivered: bool) -> None:
    """StoreUnavailable says nothing about the outcome. The ids are the client's: doing it again tells, and is safe."""
    user, project = build(USERS), build(PROJECTS)
    project = changed(project, owner_id=user.id)

    def work() -> None:
        with line.store.begin() as tx:
            tx.users.insert(user)
            tx.projects.insert(project)
            tx.commit()

    line.tap.cut_at(b"COMMIT", delivered=delivered)
    with pytest.raises(StoreUnavailable):
        work()
    assert line.lent == 0
    if delivered:
        with pytest.raises(AlreadyExists) as caught:
            work()
        assert caught.value.constraint == "pk_users"
    else:
        work()
    with line.safe.begin(Mode.READ) as tx:
        assert tx.users.get(user.id) == user
        assert tx.projects.get(project.id) == project
        assert (tx.users.count(), tx.projects.count()) == (1, 1)


@pytest.mark.parametrize("delivered", [False, True], ids=["never arrived", "answer lost"])
def test_a_lost_commit_of_an_upsert_is_repeated_as_it_is(line: Line, delivered: bool) -> None:
    """The second time nothing changes but the version."""
    users = [build(USERS) for _ in range(3)]

    def work() -> None:
        with line.store.begin() as tx:
            tx.users.upsert(users)
            tx.commit()

    line.tap.cut_at(b"COMMIT", delivered=delivered)
    with pytest.raises(StoreUnavailable):
        work()
    work()
    with line.safe.begin(Mode.READ) as tx:
        stored = {user.id: user for user in tx.users.page().items}
    assert stored == {user.id: changed(user, updated_at=stored[user.id].updated_at) for user in users}


@pytest.mark.parametrize("delivered", [False, True], ids=["never arrived", "answer lost"])
def test_a_lost_commit_of_a_service_is_not_repeated_unasked(line: Line, delivered: bool) -> None:
    """Only collisions are run again by the library, for they surely wrote nothing."""
    vibe, safe = (Vibe(store, Effects(hasher=PlainHasher())) for store in (line.store, line.safe))
    safe.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
    ada = safe.auth.login(email="ada@example.org", password=PASSWORD).actor
    line.tap.cut_at(b"COMMIT", delivered=delivered)
    with pytest.raises(StoreUnavailable):
        vibe.projects.create(ada, name="engine")
    assert len(vibe.projects.page(ada).items) == int(delivered)


# -- closing


def test_closing_rolls_back_what_is_open(line: Line) -> None:
    """Of every thread; what was open then says that it has ended."""
    units = [line.store.begin() for _ in range(3)]
    for unit in units:
        make(unit, USERS)
    line.store.close()
    assert line.lent == 0
    for unit in units:
        with pytest.raises(TransactionClosed):
            unit.commit()
        unit.rollback()
    with pytest.raises(StoreUnavailable):
        line.store.begin()
    assert line.users() == 0


def test_closing_does_not_wait_for_a_dead_line(line: Line) -> None:
    """Open units on connections that are gone are no reason to fail."""
    units = [line.store.begin() for _ in range(3)]
    for unit in units:
        make(unit, USERS)
    line.tap.cut()
    line.store.close()
    line.store.close()
    assert line.lent == 0


# -- threads


def test_threads_that_are_cut_again_and_again(line: Line) -> None:
    """Each call succeeds or is unavailable; what was acknowledged is there, once, and no connection is lost."""
    acknowledged: list[object] = []
    failures: list[BaseException] = []
    started = threading.Barrier(THREADS + 1)

    def work(_: int) -> None:
        started.wait()
        for _ in range(40):
            user = build(USERS)
            try:
                with line.store.begin() as tx:
                    tx.users.insert(user)
                    tx.commit()
            except StoreUnavailable as error:
                failures.append(error)
            else:
                acknowledged.append(user.id)

    with ThreadPoolExecutor(THREADS) as pool:
        results = [pool.submit(work, number) for number in range(THREADS)]
        started.wait()
        while not all(result.done() for result in results):
            line.tap.cut()
            line.users()
        for result in results:
            result.result()
    assert line.lent == 0
    with line.safe.begin(Mode.SNAPSHOT) as tx:
        stored = {user.id for user in tx.users.stream()}
    assert set(acknowledged) <= stored
    assert len(stored) <= len(acknowledged) + len(failures) == 40 * THREADS


def test_units_of_work_may_move_between_threads(line: Line) -> None:
    """One after the other is allowed."""
    with line.store.begin() as tx:
        for _ in range(3):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(make, tx, USERS).result()
        tx.commit()
    assert line.users() == 3


def test_more_threads_than_connections_take_turns(line: Line, clock: FixedClock) -> None:
    """A pool of two for eight threads: they wait for each other and all are served."""
    engine = sa.create_engine(
        sa.make_url(line.tap.url).set(drivername="postgresql+psycopg"), pool_size=2, max_overflow=0
    )
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: _insert(store), range(40)))
    assert line.users() == 40
    store.close()
