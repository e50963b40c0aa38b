"""Races: two units of work at the same moment, one of them waiting for the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest
import sqlalchemy as sa

from vibecore.domain.errors import AlreadyExists, MissingReference, SerializationConflict, TransactionBusy
from vibecore.domain.files import FILES
from vibecore.domain.projects import PROJECTS
from vibecore.domain.users import USERS, User
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.repositories.postgres.unit_of_work import PostgresUnitOfWork
from vibecore.testing.builders import build, changed, make

WAITING: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'vibecore' AND wait_event_type = 'Lock'
"""


class Race:
    """Calls that run beside the test, and whether the server makes them wait."""

    def __init__(self, server: sa.Connection, pool: ThreadPoolExecutor) -> None:
        self._server = server
        self._pool = pool

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        """`call` in another thread; returns once the server makes it wait for a lock."""
        before = self._waiting()
        future = self._pool.submit(call)
        while self._waiting() == before:
            assert not future.done(), f"it did not wait: {future}"
        return future

    def _waiting(self) -> int:
        return int(self._server.execute(sa.text(WAITING)).scalar_one())


@pytest.fixture
def race(server: sa.Connection) -> Any:
    with ThreadPoolExecutor(2) as pool:
        yield Race(server, pool)


@pytest.fixture
def user(store: PostgresStore) -> User:
    with store.begin() as tx:
        user = make(tx, USERS)
        tx.commit()
    return user


def finish(tx: PostgresUnitOfWork, write: Callable[[], Any]) -> None:
    with tx:
        write()
        tx.commit()


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_of_two_writers_of_one_row_the_second_waits(store: PostgresStore, race: Race, user: User, end: str) -> None:
    """It collides when the first commits, and goes on as if alone when the first rolls back."""
    with store.begin() as first:
        first.users.update(changed(user, name="first"))
        second = store.begin()
        future = race.start(lambda: finish(second, lambda: second.users.update(changed(user, name="second"))))
        getattr(first, end)()
        if end == "commit":
            with pytest.raises(SerializationConflict):
                future.result()
        else:
            future.result()
    with store.begin() as tx:
        assert tx.users.get(user.id).name == ("first" if end == "commit" else "second")


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("bulk", [False, True])
def test_of_two_that_take_one_value_the_second_waits(store: PostgresStore, race: Race, end: str, bulk: bool) -> None:
    """It is refused when the first commits, and takes the value when the first rolls back."""
    with store.begin() as first:
        make(first, USERS, email="ada@example.org")
        second = store.begin()
        records = [build(USERS), build(USERS, email="ada@example.org")]
        write = (lambda: second.users.insert_many(records)) if bulk else (lambda: second.users.insert(records[1]))
        future = race.start(lambda: finish(second, write))
        getattr(first, end)()
        if end == "commit":
            with pytest.raises((AlreadyExists, SerializationConflict)):
                future.result()
        else:
            future.result()
    with store.begin() as tx:
        assert tx.users.count() == (1 if end == "commit" else 1 + bulk)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_child_waits_for_the_removal_of_its_parent(store: PostgresStore, race: Race, end: str) -> None:
    """It is refused when the parent is gone, and stored when it stays."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        tx.commit()
    with store.begin() as first:
        first.projects.delete(project.id)
        second = store.begin()
        future = race.start(lambda: finish(second, lambda: make(second, FILES, project_id=project.id)))
        getattr(first, end)()
        if end == "commit":
            with pytest.raises((MissingReference, SerializationConflict)):
                future.result()
        else:
            future.result()
    with store.begin() as tx:
        assert tx.files.count(project.id) == (0 if end == "commit" else 1)


def test_a_deadlock_is_a_collision(store: PostgresStore, race: Race) -> None:
    """Of two that wait for each other one gets SerializationConflict, and the other goes on."""
    with store.begin() as tx:
        ada, bob = make(tx, USERS), make(tx, USERS)
        tx.commit()
    first, second = store.begin(), store.begin()
    first.users.update(changed(ada, name="first"))
    second.users.update(changed(bob, name="second"))
    future = race.start(lambda: finish(first, lambda: first.users.update(changed(bob, name="first"))))
    outcomes = []
    for wait in (lambda: finish(second, lambda: second.users.update(changed(ada, name="second"))), future.result):
        try:
            wait()
        except SerializationConflict:
            outcomes.append("collided")
        else:
            outcomes.append("committed")
    assert sorted(outcomes) == ["collided", "committed"]
    with store.begin() as tx:
        assert len({user.name for user in tx.users.find_many([ada.id, bob.id]).values()}) == 1


def test_a_unit_of_work_that_waits_is_busy(store: PostgresStore, race: Race, user: User) -> None:
    """For every other thread, at every call: TransactionBusy, and the call that waits is not disturbed."""
    with store.begin() as first:
        first.users.update(changed(user, name="first"))
        second = store.begin()
        future = race.start(lambda: second.users.update(changed(user, name="second")))
        calls: list[Callable[[], Any]] = [
            second.users.count,
            lambda: second.users.insert(build(USERS)),
            lambda: second.users.insert_many([build(USERS), build(USERS)]),
            lambda: second.users.stream(),
            lambda: second.batch().__enter__(),
            lambda: second.savepoint().__enter__(),
            second.commit,
            second.rollback,
        ]
        for call in calls:
            with pytest.raises(TransactionBusy):
                call()
        first.rollback()
        assert future.result().name == "second"
        second.commit()
    with store.begin() as tx:
        assert tx.users.get(user.id).name == "second"


def test_many_threads_leave_what_one_after_the_other_would(store: PostgresStore, user: User) -> None:
    """Eight at once on one row and on one unique value: each counts once, the value is taken once."""
    start = threading.Barrier(8)

    def work(_: int) -> bool:
        start.wait()
        while True:
            try:
                with store.begin() as tx:
                    current = tx.users.get(user.id)
                    tx.users.update(changed(current, name=current.name + "+"))
                    won = tx.users.find_by_email_key("won") is None
                    if won:
                        tx.users.insert(build(USERS, email_key="won"))
                    tx.commit()
            except (SerializationConflict, AlreadyExists):
                continue
            return won

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 1
    with store.begin() as tx:
        assert tx.users.get(user.id).name == user.name + "+" * 8
        assert tx.users.count() == 2
