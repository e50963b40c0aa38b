"""Writing units of work are serialisable: what each read is still so when it commits, or it does not commit."""

# ruff: noqa: PT012  # what is tested is how a block of several statements is left
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import AlreadyExists, MissingReference, NotFound, SerializationConflict, TransactionClosed
from vibecore.domain.filters import field
from vibecore.domain.users import UserRole
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork
from vibecore.repositories.unit_of_work import Mode

Step = Callable[[MemoryUnitOfWork], object]


def race(seeded: Seeded, first: Step, second: Step) -> None:
    """`first` and `second` see the same state; `second` commits, then `first` tries to."""
    one, other = seeded.store.begin(), seeded.store.begin()
    first(one)
    second(other)
    other.commit()
    one.commit()


def note(unit: MemoryUnitOfWork) -> None:
    """A write that nothing else can collide with: only its reads can make the unit fail."""
    unit.audit.append(world.event())


def renaming(seeded: Seeded) -> Step:
    return lambda unit: unit.projects.update(replace(unit.projects.get(seeded.engine.id), name="renamed"))


def test_a_row_that_was_read_and_then_changed_is_a_conflict(seeded: Seeded) -> None:
    def read_and_write(unit: MemoryUnitOfWork) -> None:
        unit.projects.get(seeded.engine.id)
        note(unit)

    with pytest.raises(SerializationConflict):
        race(seeded, read_and_write, renaming(seeded))


def test_after_a_conflict_nothing_was_written_and_the_unit_has_ended(seeded: Seeded) -> None:
    one, other = seeded.store.begin(), seeded.store.begin()
    renaming(seeded)(one)
    note(one)
    renaming(seeded)(other)
    other.commit()
    with pytest.raises(SerializationConflict):
        one.commit()
    with pytest.raises(TransactionClosed):
        one.projects.get(seeded.engine.id)
    one.rollback()
    assert seeded.store.begin(Mode.READ).audit.count() == 0


def test_an_absence_that_was_read_and_then_ended_is_a_conflict(seeded: Seeded) -> None:
    grace = world.user()

    def look_and_write(unit: MemoryUnitOfWork) -> None:
        assert unit.users.find(grace.id) is None
        note(unit)

    with pytest.raises(SerializationConflict):
        race(seeded, look_and_write, lambda unit: unit.users.insert(grace))


def test_an_absent_unique_value_that_was_read_and_then_taken_is_a_conflict(seeded: Seeded) -> None:
    def look_and_write(unit: MemoryUnitOfWork) -> None:
        assert unit.users.find_by_email_key("grace@example.org") is None
        note(unit)

    with pytest.raises(SerializationConflict):
        race(seeded, look_and_write, lambda unit: unit.users.insert(world.user(email="grace@example.org")))


def test_a_row_that_joins_a_scope_after_it_was_listed_is_a_conflict(seeded: Seeded) -> None:
    def count_and_write(unit: MemoryUnitOfWork) -> None:
        assert unit.files.count(seeded.engine.id) == 0
        note(unit)

    with pytest.raises(SerializationConflict):
        race(seeded, count_and_write, lambda unit: unit.files.insert(world.file(seeded.engine, "a.py")))


def test_a_row_of_another_scope_is_no_conflict(seeded: Seeded) -> None:
    other = world.project(seeded.ada)
    world.committed(seeded.store, other)

    def count_and_write(unit: MemoryUnitOfWork) -> None:
        unit.files.count(seeded.engine.id)
        note(unit)

    race(seeded, count_and_write, lambda unit: unit.files.insert(world.file(other, "a.py")))
    assert seeded.store.begin(Mode.READ).audit.count() == 1


def test_a_row_that_joins_a_table_after_it_was_scanned_is_a_conflict(seeded: Seeded) -> None:
    def page_and_write(unit: MemoryUnitOfWork) -> None:
        unit.users.page(where=field("name").eq("nobody"))
        note(unit)

    with pytest.raises(SerializationConflict):
        race(seeded, page_and_write, lambda unit: unit.users.insert(world.user()))


def test_write_skew_is_refused(seeded: Seeded) -> None:
    """Each of two admins leaves because the other one stays."""
    grace, joan = world.user(), world.user()
    first = world.member(seeded.engine, grace, role=UserRole.ADMIN)
    second = world.member(seeded.engine, joan, role=UserRole.ADMIN)
    world.committed(seeded.store, grace, joan, first, second)

    def leave(id: object) -> Step:
        def run(unit: MemoryUnitOfWork) -> None:
            assert unit.members.count(seeded.engine.id, where=field("role").eq(UserRole.ADMIN)) == 2
            unit.members.delete(seeded.engine.id, id)  # type: ignore[arg-type]

        return run

    with pytest.raises(SerializationConflict):
        race(seeded, leave(first.id), leave(second.id))
    assert seeded.store.begin(Mode.READ).members.count(seeded.engine.id) == 1


def test_writes_that_do_not_meet_are_merged(seeded: Seeded) -> None:
    """The second to commit is brought onto the state that the first one made."""
    path = world.file(seeded.engine, "a.py")
    race(seeded, lambda unit: unit.files.insert(path), renaming(seeded))
    with seeded.store.begin(Mode.SNAPSHOT) as unit:
        assert unit.projects.get(seeded.engine.id).name == "renamed"
        assert unit.files.find_path(seeded.engine.id, "a.py") == path
        assert unit.files.get(seeded.engine.id, path.id) == path
        assert [row.id for row in unit.files.stream(seeded.engine.id)] == [path.id]


def test_a_child_and_a_change_of_its_parent_are_merged(seeded: Seeded) -> None:
    """A foreign key asks only whether the parent exists."""
    race(seeded, renaming(seeded), lambda unit: unit.files.insert(world.file(seeded.engine, "a.py")))
    assert seeded.store.begin(Mode.READ).projects.get(seeded.engine.id).name == "renamed"


def test_a_child_and_the_removal_of_its_parent_collide_in_either_order(seeded: Seeded) -> None:
    def insert(unit: MemoryUnitOfWork) -> None:
        unit.files.insert(world.file(seeded.engine, "a.py"))

    def remove(unit: MemoryUnitOfWork) -> None:
        unit.projects.delete(seeded.engine.id)

    fork = seeded.store.fork()
    with pytest.raises(SerializationConflict):
        race(seeded, insert, remove)
    with pytest.raises(SerializationConflict):
        race(replace(seeded, store=fork), remove, insert)


def test_two_units_that_take_one_unique_value_collide(seeded: Seeded) -> None:
    def take(unit: MemoryUnitOfWork) -> None:
        unit.users.insert(world.user(email="same@example.org"))

    with pytest.raises(SerializationConflict):
        race(seeded, take, take)


def test_a_partial_unique_is_kept_between_units(seeded: Seeded) -> None:
    waiting = [world.deployment(seeded.engine, status=DeploymentStatus.STOPPED) for _ in range(2)]
    world.committed(seeded.store, *waiting)

    def start(index: int) -> Step:
        return lambda unit: unit.deployments.update(replace(waiting[index], status=DeploymentStatus.RUNNING))

    with pytest.raises(SerializationConflict):
        race(seeded, start(0), start(1))


def test_a_value_that_is_given_up_can_be_taken_in_one_unit_and_merged(seeded: Seeded) -> None:
    """Replaying writes removes all that goes before it places what comes."""
    first, second = world.user(email="one@example.org"), world.user(email="two@example.org")
    world.committed(seeded.store, first, second)

    def rotate(unit: MemoryUnitOfWork) -> None:
        freed = unit.users.update(replace(first, email="three@example.org", email_key="three@example.org"))
        unit.users.update(replace(second, email="one@example.org", email_key="one@example.org"))
        unit.users.update(replace(freed, email="two@example.org", email_key="two@example.org"))

    race(seeded, rotate, renaming(seeded))
    with seeded.store.begin(Mode.SNAPSHOT) as unit:
        assert {user.id: user.email for user in unit.users.stream() if user.id != seeded.ada.id} == {
            first.id: "two@example.org",
            second.id: "one@example.org",
        }
        for key, id in (("one@example.org", second.id), ("two@example.org", first.id)):
            found = unit.users.find_by_email_key(key)
            assert found is not None
            assert found.id == id
        assert unit.users.find_by_email_key("three@example.org") is None


def test_what_a_savepoint_undid_stays_read(seeded: Seeded) -> None:
    """The decision to go on may rest on it."""

    def try_and_write(unit: MemoryUnitOfWork) -> None:
        with pytest.raises(AlreadyExists), unit.savepoint():
            unit.users.insert(world.user(email="ada@example.org"))
        note(unit)

    def rename(unit: MemoryUnitOfWork) -> None:
        unit.users.update(replace(seeded.ada, email="new@example.org", email_key="new@example.org"))

    with pytest.raises(SerializationConflict):
        race(seeded, try_and_write, rename)


def test_a_missing_reference_that_a_savepoint_undid_stays_read(seeded: Seeded) -> None:
    grace = world.user()

    def try_and_write(unit: MemoryUnitOfWork) -> None:
        with pytest.raises(MissingReference), unit.savepoint():
            unit.projects.insert(world.project(grace))
        note(unit)

    with pytest.raises(SerializationConflict):
        race(seeded, try_and_write, lambda unit: unit.users.insert(grace))


def test_what_a_savepoint_undid_is_not_written(seeded: Seeded) -> None:
    grace = world.user()

    def undo_and_write(unit: MemoryUnitOfWork) -> None:
        with pytest.raises(NotFound), unit.savepoint():
            unit.users.insert(grace)
            unit.users.get(world.new_id())
        note(unit)

    race(seeded, undo_and_write, renaming(seeded))
    with seeded.store.begin(Mode.SNAPSHOT) as unit:
        assert unit.users.find(grace.id) is None
        assert unit.audit.count() == 1


def test_a_unit_that_wrote_nothing_commits_whatever_happened(seeded: Seeded) -> None:
    """It might have run as a whole before the others."""
    race(seeded, lambda unit: unit.projects.get(seeded.engine.id), renaming(seeded))


def test_a_unit_whose_writes_were_all_undone_wrote_nothing(seeded: Seeded) -> None:
    def undo_all(unit: MemoryUnitOfWork) -> None:
        with pytest.raises(NotFound), unit.savepoint():
            renaming(seeded)(unit)
            unit.users.get(world.new_id())

    race(seeded, undo_all, renaming(seeded))


def test_a_unit_sees_its_own_writes_and_no_later_ones_of_others(seeded: Seeded) -> None:
    grace = world.user()
    with seeded.store.begin() as unit:
        unit.users.insert(grace)
        world.committed(seeded.store, world.user())
        assert unit.users.get(grace.id) == grace
        assert unit.users.count() == 2


def test_the_snapshot_is_taken_by_the_first_statement(seeded: Seeded) -> None:
    unit = seeded.store.begin(Mode.SNAPSHOT)
    world.committed(seeded.store, world.user())
    assert unit.users.count() == 2
    world.committed(seeded.store, world.user())
    assert unit.users.count() == 2


def test_each_statement_of_a_reading_unit_sees_the_newest_state(seeded: Seeded) -> None:
    unit = seeded.store.begin(Mode.READ)
    assert unit.users.count() == 1
    world.committed(seeded.store, world.user())
    assert unit.users.count() == 2
    with unit.batch() as batch:
        first = batch.add(unit.users.count)
        world.committed(seeded.store, world.user())
        second = batch.add(unit.users.count)
    assert first.value == second.value == 2
    assert unit.users.count() == 3


def test_two_refreshes_at_the_same_time_collide(seeded: Seeded) -> None:
    def refresh(unit: MemoryUnitOfWork) -> None:
        unit.analytics.refresh()

    with pytest.raises(SerializationConflict):
        race(seeded, refresh, refresh)


def test_threads_that_count_in_one_row_lose_nothing(seeded: Seeded) -> None:
    """Six threads, each 25 increments with retries: the sum is 150, and someone had to retry or all ran alone."""
    ready = threading.Barrier(6)
    errors: list[BaseException] = []

    def count() -> None:
        ready.wait()
        for _ in range(25):
            while True:
                unit = seeded.store.begin()
                have = unit.projects.get(seeded.engine.id)
                unit.projects.update(replace(have, file_count=have.file_count + 1))
                try:
                    unit.commit()
                except SerializationConflict:
                    continue
                break

    def guarded() -> None:
        try:
            count()
        except BaseException as error:  # noqa: BLE001  # a thread's failure is the test's
            errors.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert seeded.store.begin(Mode.READ).projects.get(seeded.engine.id).file_count == 150
