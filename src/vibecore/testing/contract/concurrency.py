"""Concurrency: what units of work see of each other, and that what they leave could have come one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from vibecore.domain.deployments import DEPLOYMENTS, DeploymentStatus
from vibecore.domain.errors import (
    AlreadyExists,
    MissingReference,
    NotFound,
    SerializationConflict,
    Stale,
    TransactionAborted,
    TransactionBusy,
    TransactionClosed,
)
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.projects import PROJECTS
from vibecore.domain.users import USERS, UserRole
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.builders import build, changed, make
from vibecore.testing.contract.units import names, seeded

each_mode: Final = pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)


def committed(store: Store, run: Callable[[UnitOfWork], Any]) -> Any:
    """`run` as a unit of work of its own."""
    with store.begin() as tx:
        result = run(tx)
        tx.commit()
    return result


def finish(tx: UnitOfWork, write: Callable[[UnitOfWork], Any]) -> None:
    """The last write and the commit: a collision may show at either."""
    write(tx)
    tx.commit()


def expect_conflict(tx: UnitOfWork, write: Callable[[UnitOfWork], Any], *also: type[Exception]) -> None:
    """The unit of work collides at its last write or at its commit, and then accepts only rollback."""
    with pytest.raises((SerializationConflict, *also)):
        finish(tx, write)
    with pytest.raises((TransactionAborted, TransactionClosed)):
        tx.users.count()
    tx.rollback()


@each_mode
def test_what_is_not_committed_shows_nowhere_else(store: Store, mode: Mode) -> None:
    """Neither inserts nor updates nor deletes, neither to readers nor to writers, who are not blocked."""
    user = seeded(store)
    with store.begin() as writer, store.begin(mode) as reader:
        make(writer, USERS)
        writer.users.update(changed(user, name="changed"))
        assert reader.users.page().items == (user,)
        writer.users.delete(user.id)
        assert reader.users.get(user.id) == user
        assert reader.users.count() == 1


@each_mode
def test_what_is_committed_shows_to_units_that_begin_later(store: Store, mode: Mode) -> None:
    """At once, in every mode."""
    user = seeded(store)
    new = committed(store, lambda tx: tx.users.update(changed(user, name="changed")))
    with store.begin(mode) as reader:
        assert reader.users.get(user.id) == new


@pytest.mark.parametrize("mode", [Mode.WRITE, Mode.SNAPSHOT], ids=lambda mode: mode.value)
def test_a_snapshot_stays_as_it_was(store: Store, mode: Mode) -> None:
    """What others commit after the first statement does not show, in any table."""
    user = seeded(store)
    with store.begin(mode) as reader:
        assert reader.users.count() == 1
        committed(store, lambda tx: (make(tx, PROJECTS), tx.users.update(changed(user, name="changed"))))
        assert reader.users.page().items == (user,)
        assert reader.projects.count() == 0
        assert reader.users.find_by_email_key(user.email_key) == user


@each_mode
def test_a_snapshot_is_taken_by_the_first_statement(store: Store, mode: Mode) -> None:
    """Not when the unit of work is begun."""
    with store.begin(mode) as reader:
        user = seeded(store)
        assert reader.users.get(user.id) == user


def test_each_statement_of_a_read_unit_sees_the_newest_state(store: Store) -> None:
    """Mode.READ promises no more than single statements."""
    with store.begin(Mode.READ) as reader:
        assert reader.users.count() == 0
        user = seeded(store)
        assert reader.users.page().items == (user,)
        committed(store, lambda tx: tx.users.delete(user.id))
        assert reader.users.find(user.id) is None


def test_readers_never_collide(store: Store) -> None:
    """Whatever others commit in between, a reading unit of work can be committed."""
    user = seeded(store)
    for mode in (Mode.READ, Mode.SNAPSHOT):
        with store.begin(mode) as reader:
            reader.users.get(user.id)
            committed(store, lambda tx: tx.users.update(tx.users.get(user.id)))
            reader.users.get(user.id)
            reader.commit()


def test_a_lost_update_is_refused(store: Store) -> None:
    """Of two that read and change one row the second collides, and the first one's change stays."""
    user = seeded(store)
    with store.begin() as first, store.begin() as second:
        one, other = first.users.get(user.id), second.users.get(user.id)
        finish(first, lambda tx: tx.users.update(changed(one, name="first")))
        expect_conflict(second, lambda tx: tx.users.update(changed(other, name="second")))
    assert names(store) == ["first"]


def test_a_unit_that_runs_again_after_a_collision_succeeds(store: Store) -> None:
    """It then sees what it collided with."""
    user = seeded(store)
    with store.begin() as first, store.begin() as second:
        second.users.get(user.id)
        finish(first, lambda tx: tx.users.update(changed(user, name="a")))
        expect_conflict(second, lambda tx: tx.users.update(changed(user, name="b")))
    committed(store, lambda tx: tx.users.update(changed(tx.users.get(user.id), name="ab")))
    assert names(store) == ["ab"]


def test_after_a_collision_nothing_was_written(store: Store) -> None:
    """Not even what collides with nothing."""
    user = seeded(store)
    with store.begin() as first, store.begin() as second:
        second.users.get(user.id)
        make(second, PROJECTS)
        finish(first, lambda tx: tx.users.update(changed(user, name="first")))
        expect_conflict(second, lambda tx: tx.users.update(changed(user, name="second")))
    assert names(store) == ["first"]
    with store.begin() as tx:
        assert tx.projects.count() == 0


def test_write_skew_is_refused(store: Store) -> None:
    """Two that each read both rows and change one of them, so that a rule over both would break."""

    def two(tx: UnitOfWork) -> tuple[Any, Any]:
        return make(tx, USERS, role=UserRole.ADMIN), make(tx, USERS, role=UserRole.ADMIN)

    ada, bob = committed(store, two)
    with store.begin() as first, store.begin() as second:
        for tx in (first, second):
            assert tx.users.get(ada.id).role is tx.users.get(bob.id).role is UserRole.ADMIN
        finish(first, lambda tx: tx.users.update(changed(ada, role=UserRole.VIEWER)))
        expect_conflict(second, lambda tx: tx.users.update(changed(bob, role=UserRole.VIEWER)))
    with store.begin() as tx:
        assert tx.users.count(where=field("role").eq(UserRole.ADMIN)) == 1


@pytest.mark.parametrize(
    "look",
    [
        lambda tx, project: tx.files.count(project),
        lambda tx, project: tx.files.page(project),
        lambda tx, project: list(tx.files.stream(project)),
        lambda tx, project: tx.files.totals(project),
        lambda tx, project: tx.files.stamps(project),
        lambda tx, project: tx.files.count(project, where=field("path").starts_with("x")),
    ],
    ids=["count", "page", "stream", "totals", "stamps", "filter"],
)
def test_phantoms_are_refused(store: Store, look: Callable[[UnitOfWork, Any], Any]) -> None:
    """Two that look at a project's files and each add one, so that neither saw the other's."""
    project = committed(store, lambda tx: make(tx, PROJECTS)).id
    with store.begin() as first, store.begin() as second:
        look(first, project)
        look(second, project)
        finish(first, lambda tx: make(tx, FILES, project_id=project, path="x1"))
        expect_conflict(second, lambda tx: make(tx, FILES, project_id=project, path="x2"))
    with store.begin() as tx:
        assert [file.path for file in tx.files.page(project).items] == ["x1"]


def test_an_absence_that_ended_is_a_collision(store: Store) -> None:
    """Two that each look for the other's row, find none and add their own."""
    project = committed(store, lambda tx: make(tx, PROJECTS)).id
    with store.begin() as first, store.begin() as second:
        assert first.files.find_path(project, "b") is None
        assert second.files.find_path(project, "a") is None
        finish(first, lambda tx: make(tx, FILES, project_id=project, path="a"))
        expect_conflict(second, lambda tx: make(tx, FILES, project_id=project, path="b"))
    with store.begin() as tx:
        assert list(tx.files.stamps(project)) == ["a"]


def test_of_two_that_take_one_unique_value_one_is_refused(store: Store) -> None:
    """As a collision, or as AlreadyExists, which it is; the value is taken once."""
    with store.begin() as first, store.begin() as second:
        first.users.count()
        second.users.count()
        finish(first, lambda tx: make(tx, USERS, email="ada@example.org"))
        expect_conflict(second, lambda tx: make(tx, USERS, email="ada@example.org"), AlreadyExists)
    with store.begin() as tx:
        assert tx.users.count() == 1


def test_of_two_that_start_a_deployment_one_is_refused(store: Store) -> None:
    """A partial unique constraint is kept between units of work too."""
    project = committed(store, lambda tx: make(tx, PROJECTS)).id
    values = {"project_id": project, "environment": "production", "status": DeploymentStatus.RUNNING}
    with store.begin() as first, store.begin() as second:
        for tx in (first, second):
            assert tx.deployments.running(project, "production") is None
        finish(first, lambda tx: make(tx, DEPLOYMENTS, **values))
        expect_conflict(second, lambda tx: make(tx, DEPLOYMENTS, **values), AlreadyExists)
    with store.begin() as tx:
        assert tx.deployments.count(project) == 1


def test_no_child_survives_a_parent_that_went(store: Store) -> None:
    """A row that is added while another unit of work removes what it refers to is refused."""
    project = committed(store, lambda tx: make(tx, PROJECTS))
    with store.begin() as first, store.begin() as second:
        second.projects.get(project.id)
        finish(first, lambda tx: tx.projects.delete(project.id))
        expect_conflict(second, lambda tx: make(tx, FILES, project_id=project.id), MissingReference)
    with store.begin() as tx:
        assert tx.files.count(project.id) == 0


def test_a_parent_goes_with_all_its_children_or_not_at_all(store: Store) -> None:
    """A delete that did not see a child which was added meanwhile collides, or takes it along."""
    project = committed(store, lambda tx: make(tx, PROJECTS))
    with store.begin() as first, store.begin() as second:
        second.projects.get(project.id)
        second.files.count(project.id)
        finish(first, lambda tx: make(tx, FILES, project_id=project.id))
        try:
            finish(second, lambda tx: tx.projects.delete(project.id))
        except SerializationConflict:
            left = 1
        else:
            left = 0
    with store.begin() as tx:
        assert (tx.projects.count(), tx.files.count(project.id)) == (left, left)


def test_an_update_of_a_row_that_another_removed_is_refused(store: Store) -> None:
    """A collision where it was read before, NotFound where it was not."""
    user, other = seeded(store), seeded(store)
    with store.begin() as reader, store.begin() as writer:
        reader.users.get(user.id)
        committed(store, lambda tx: tx.users.delete(user.id))
        committed(store, lambda tx: tx.users.delete(other.id))
        expect_conflict(reader, lambda tx: tx.users.update(user))
        with pytest.raises(NotFound):
            writer.users.update(other)


def test_savepoints_do_not_forget_what_was_read(store: Store) -> None:
    """What an undone savepoint read counts: the decision to undo may rest on it."""
    user = seeded(store)

    def look(tx: UnitOfWork) -> None:
        with tx.savepoint():
            tx.users.count()
            raise LookupError

    with store.begin() as first, store.begin() as second:
        for tx in (first, second):
            with pytest.raises(LookupError):
                look(tx)
        finish(first, lambda tx: make(tx, USERS))
        expect_conflict(second, lambda tx: make(tx, USERS))
    with store.begin() as tx:
        assert tx.users.count() == 2
        assert tx.users.get(user.id) == user


def test_counting_in_threads_loses_nothing(store: Store) -> None:
    """Four threads change one row; those that collide run again."""
    user = seeded(store)

    def add_one(_: int) -> None:
        while True:
            try:
                with store.begin() as tx:
                    current = tx.users.get(user.id)
                    tx.users.update(changed(current, name=current.name + "1"))
                    tx.commit()
            except (SerializationConflict, Stale):
                continue
            return

    committed(store, lambda tx: tx.users.update(changed(user, name="0")))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, range(16)))
    assert names(store) == ["0" + "1" * 16]


def test_one_unit_of_work_is_used_by_one_thread_at_a_time(store: Store) -> None:
    """A second one gets TransactionBusy or, once the first is done, its answer; never another's, and no third thing."""
    user = seeded(store)
    meet = threading.Barrier(2)
    with store.begin() as tx:

        def ask(number: int) -> int:
            meet.wait()
            answers = 0
            for _ in range(100):
                try:
                    assert (tx.users.get(user.id) if number else tx.users.count()) in (user, 1)
                except TransactionBusy:
                    continue
                answers += 1
            return answers

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(ask, range(2))) > 0
        assert tx.users.get(user.id) == user
        make(tx, USERS)
        tx.commit()
    assert len(names(store)) == 2


def test_threads_share_a_store(store: Store) -> None:
    """Each with units of work of its own; nothing is lost and nothing doubled."""
    project = committed(store, lambda tx: make(tx, PROJECTS)).id

    def write(number: int) -> None:
        while True:
            try:
                with store.begin() as tx:
                    tx.files.insert(build(FILES, project_id=project, path=str(number)))
                    tx.commit()
            except SerializationConflict:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(24)))
    with store.begin(Mode.SNAPSHOT) as tx:
        assert set(tx.files.stamps(project)) == set(map(str, range(24)))
