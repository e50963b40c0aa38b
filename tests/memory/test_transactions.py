"""What a unit of work accepts in which state."""

# ruff: noqa: PT012  # what is tested is how a block of several statements is left
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidValue,
    NotFound,
    ReadOnlyTransaction,
    Stale,
    TransactionAborted,
    TransactionBusy,
    TransactionClosed,
)
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork
from vibecore.repositories.unit_of_work import Mode

Call = Callable[[MemoryUnitOfWork], object]


def poison(unit: MemoryUnitOfWork, seeded: Seeded) -> None:
    with pytest.raises(AlreadyExists):
        unit.users.insert(replace(seeded.ada, id=world.new_id()))


def enter(block: Any) -> None:
    with block:
        raise AssertionError("the block was entered")


CALLS: dict[str, Call] = {
    "get": lambda unit: unit.users.get(world.new_id()),
    "get of a child": lambda unit: unit.files.get(world.new_id(), world.new_id()),
    "find": lambda unit: unit.users.find(world.new_id()),
    "find_many": lambda unit: unit.users.find_many([]),
    "page": lambda unit: unit.projects.page(),
    "stream": lambda unit: unit.projects.stream(),
    "count": lambda unit: unit.files.count(world.new_id()),
    "insert": lambda unit: unit.users.insert(world.user()),
    "insert_many": lambda unit: unit.users.insert_many([]),
    "update": lambda unit: unit.users.update(world.user()),
    "update_many": lambda unit: unit.users.update_many([]),
    "upsert": lambda unit: unit.users.upsert([]),
    "delete": lambda unit: unit.users.delete(world.new_id()),
    "append": lambda unit: unit.audit.append(world.event()),
    "inputs": lambda unit: unit.quality.inputs(world.new_id()),
    "archive": lambda unit: unit.deployments.archive(1),
    "refresh": lambda unit: unit.analytics.refresh(),
    "savepoint": lambda unit: enter(unit.savepoint()),
    "batch": lambda unit: enter(unit.batch()),
    "commit": lambda unit: unit.commit(),
}
WRITES = ("insert", "insert_many", "update", "update_many", "upsert", "delete", "append", "archive", "refresh")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("mode", Mode)
def test_after_the_end_only_rollback_is_accepted(seeded: Seeded, mode: Mode, name: str) -> None:
    for end in ("commit", "rollback"):
        unit = seeded.store.begin(mode)
        getattr(unit, end)()
        with pytest.raises(TransactionClosed):
            CALLS[name](unit)
        unit.rollback()


@pytest.mark.parametrize("name", CALLS)
def test_after_a_failed_statement_only_rollback_is_accepted(seeded: Seeded, name: str) -> None:
    unit = seeded.store.begin()
    poison(unit, seeded)
    for _ in range(2):
        with pytest.raises(TransactionAborted):
            CALLS[name](unit)
    unit.rollback()
    with pytest.raises(TransactionClosed):
        unit.commit()


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("mode", [Mode.READ, Mode.SNAPSHOT])
def test_writes_are_refused_in_reading_units_which_go_on(seeded: Seeded, mode: Mode, name: str) -> None:
    unit = seeded.store.begin(mode)
    with pytest.raises(ReadOnlyTransaction):
        CALLS[name](unit)
    assert unit.users.get(seeded.ada.id) == seeded.ada
    unit.commit()


def test_the_state_is_checked_before_the_values(seeded: Seeded) -> None:
    bad: Any = "no uuid"
    unit = seeded.store.begin()
    with pytest.raises(InvalidValue):
        unit.users.get(bad)
    unit.commit()
    with pytest.raises(TransactionClosed):
        unit.users.get(bad)
    with pytest.raises(ReadOnlyTransaction):
        seeded.store.begin(Mode.READ).users.insert(bad)


def test_answers_and_refused_values_let_the_unit_go_on(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        changed = unit.users.update(replace(seeded.ada, name="Augusta"))
        with pytest.raises(Stale):
            unit.users.update(seeded.ada)
        with pytest.raises(NotFound):
            unit.users.delete(world.new_id())
        with pytest.raises(InvalidValue):
            unit.users.update(replace(changed, name=""))
        unit.commit()
    assert seeded.store.begin(Mode.READ).users.get(seeded.ada.id) == changed


def test_leaving_without_commit_rolls_back(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        unit.users.insert(world.user())
    assert seeded.store.begin(Mode.READ).users.count() == 1


def test_a_savepoint_undoes_its_block_and_the_failure_in_it(seeded: Seeded) -> None:
    kept, undone = world.user(), world.user()
    with seeded.store.begin() as unit:
        unit.users.insert(kept)
        with pytest.raises(TransactionAborted), unit.savepoint():
            unit.users.insert(undone)
            poison(unit, seeded)
            unit.users.count()
        unit.commit()
    with seeded.store.begin(Mode.SNAPSHOT) as unit:
        assert unit.users.find(kept.id) == kept
        assert unit.users.find(undone.id) is None


def test_any_exception_undoes_a_savepoint_and_passes_on(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        for error in (KeyError("x"), KeyboardInterrupt(), GeneratorExit()):
            with pytest.raises(type(error)), unit.savepoint():
                unit.users.insert(world.user())
                raise error
        assert unit.users.count() == 1


def test_leaving_a_savepoint_normally_after_a_failure_undoes_nothing(seeded: Seeded) -> None:
    """As on a server, where RELEASE is one more refused statement."""
    unit = seeded.store.begin()
    with pytest.raises(TransactionAborted), unit.savepoint():
        poison(unit, seeded)
    with pytest.raises(TransactionAborted):
        unit.users.count()
    with pytest.raises(TransactionAborted):
        unit.commit()


def test_an_outer_savepoint_undoes_what_an_inner_one_could_not(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        with pytest.raises(TransactionAborted), unit.savepoint():
            unit.users.insert(world.user())
            with unit.savepoint():
                poison(unit, seeded)
        assert unit.users.count() == 1
        unit.commit()


def test_an_inner_savepoint_does_not_heal_an_older_failure(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    with unit.savepoint():
        unit.users.insert(world.user())
    poison(unit, seeded)
    with pytest.raises(TransactionAborted):
        enter(unit.savepoint())


def test_an_outer_savepoint_undoes_inner_ones_that_were_left_well(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        with pytest.raises(KeyError), unit.savepoint():
            with unit.savepoint():
                unit.users.insert(world.user())
            assert unit.users.count() == 2
            raise KeyError
        assert unit.users.count() == 1


def test_ending_the_unit_inside_a_savepoint_ends_it(seeded: Seeded) -> None:
    kept = world.user()
    unit = seeded.store.begin()
    with unit.savepoint():
        unit.users.insert(kept)
        unit.commit()
    assert seeded.store.begin(Mode.READ).users.get(kept.id) == kept
    unit = seeded.store.begin()
    with pytest.raises(KeyError), unit.savepoint():
        unit.rollback()
        raise KeyError
    with pytest.raises(TransactionClosed):
        unit.users.count()


def test_savepoints_in_reading_units_undo_nothing_because_nothing_is_written(seeded: Seeded) -> None:
    for mode in (Mode.READ, Mode.SNAPSHOT):
        unit = seeded.store.begin(mode)
        with pytest.raises(ReadOnlyTransaction), unit.savepoint():
            unit.users.insert(world.user())
        with unit.savepoint():
            assert unit.users.count() == 1


def test_a_savepoint_before_the_first_statement_returns_to_the_beginning(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        with pytest.raises(KeyError), unit.savepoint():
            unit.users.insert(world.user())
            raise KeyError
        assert unit.users.count() == 1
        unit.users.insert(world.user())
        unit.commit()
    assert seeded.store.begin(Mode.READ).users.count() == 2


class Gate(Mapping[str, object]):
    """A JSON object whose reader waits: a call that is in progress until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        self.reached.set()
        assert self.opened.wait(30)
        return iter(())


@pytest.mark.parametrize("name", [*CALLS, "rollback"])
def test_a_second_thread_is_refused_while_a_call_is_in_progress(seeded: Seeded, name: str) -> None:
    gate: Any = Gate()
    unit = seeded.store.begin()
    other = world.project(seeded.ada, tech_stack=gate)
    worker = threading.Thread(target=lambda: unit.projects.insert(other))
    worker.start()
    try:
        assert gate.reached.wait(30)
        with pytest.raises(TransactionBusy):
            CALLS.get(name, MemoryUnitOfWork.rollback)(unit)
    finally:
        gate.opened.set()
        worker.join()
    assert unit.projects.count() == 2
    unit.commit()


def test_a_unit_can_be_handed_from_thread_to_thread(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    worker = threading.Thread(target=lambda: unit.users.insert(world.user()))
    worker.start()
    worker.join()
    assert unit.users.count() == 2


def test_records_may_come_from_a_generator_that_reads_the_same_unit(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        copies = (replace(row, id=world.new_id(), name="copy") for row in unit.projects.stream())
        assert unit.projects.insert_many(copies) == 1
        ids = (row.id for row in unit.projects.stream())
        assert len(unit.projects.find_many(ids)) == 2


def test_a_refused_call_takes_nothing_from_its_generator(seeded: Seeded) -> None:
    ended = seeded.store.begin()
    ended.rollback()
    records = (world.user() for _ in range(1))
    for unit, error in ((ended, TransactionClosed), (seeded.store.begin(Mode.READ), ReadOnlyTransaction)):
        with pytest.raises(error):
            unit.users.insert_many(records)
    assert len(list(records)) == 1
