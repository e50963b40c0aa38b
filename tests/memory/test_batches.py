"""Batches: results appear at the end, and only calls of the unit's own repositories are taken."""

# ruff: noqa: PT012  # what is tested is how a block of several statements is left
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidValue,
    NotFound,
    TransactionAborted,
    TransactionClosed,
    TransactionError,
)
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork
from vibecore.repositories.unit_of_work import Mode, Pending


def test_results_exist_once_the_batch_was_left(seeded: Seeded) -> None:
    grace = world.user()
    with seeded.store.begin() as unit:
        with unit.batch() as batch:
            stored = batch.add(unit.users.insert, grace)
            count = batch.add(unit.users.count)
            with pytest.raises(TransactionError, match="has not run"):
                _ = stored.value
        assert (stored.value, count.value) == (grace, 2)
        unit.commit()


@pytest.mark.parametrize("failing", ["a row that is gone", "a refused value", "an error of the caller", "an interrupt"])
def test_a_batch_that_fails_has_no_results_and_can_only_be_undone(seeded: Seeded, failing: str) -> None:
    """Also where a call only answered: on a server the calls after it have run."""

    def fail(unit: MemoryUnitOfWork) -> list[Pending[int]]:
        pending = []
        with pytest.raises((NotFound, InvalidValue, KeyError, KeyboardInterrupt)), unit.batch() as batch:
            batch.add(unit.users.insert, world.user())
            pending.append(batch.add(unit.users.count))
            if failing == "a row that is gone":
                batch.add(unit.users.get, world.new_id())
            elif failing == "a refused value":
                batch.add(unit.users.get, "no uuid")  # type: ignore[arg-type]
            raise KeyError if failing == "an error of the caller" else KeyboardInterrupt
        return pending

    unit = seeded.store.begin()
    (count,) = fail(unit)
    with pytest.raises(TransactionError, match="has not run"):
        _ = count.value
    with pytest.raises(TransactionAborted):
        unit.users.count()
    unit = seeded.store.begin()
    with pytest.raises(TransactionAborted), unit.savepoint():
        fail(unit)
        unit.users.count()
    assert unit.users.count() == 1
    unit.commit()


def test_a_failed_batch_of_a_reading_unit_harms_nothing(seeded: Seeded) -> None:
    for mode in (Mode.READ, Mode.SNAPSHOT):
        unit = seeded.store.begin(mode)
        with pytest.raises(NotFound), unit.batch() as batch:
            batch.add(unit.users.get, world.new_id())
        assert unit.users.count() == 1


def test_a_failed_statement_in_a_batch_aborts_the_unit(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    with pytest.raises(AlreadyExists), unit.batch() as batch:
        batch.add(unit.users.insert, seeded.ada)
    with pytest.raises(TransactionAborted):
        unit.users.count()
    unit = seeded.store.begin()
    with pytest.raises(AlreadyExists), unit.savepoint(), unit.batch() as batch:
        batch.add(unit.users.insert, seeded.ada)
    assert unit.users.count() == 1


def test_swallowing_a_failure_inside_the_batch_does_not_help(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    with pytest.raises(TransactionAborted), unit.batch() as batch:
        count = batch.add(unit.users.count)
        with pytest.raises(AlreadyExists):
            batch.add(unit.users.insert, seeded.ada)
        with pytest.raises(TransactionAborted):
            batch.add(unit.users.count)
    with pytest.raises(TransactionError, match="has not run"):
        _ = count.value


def test_only_own_calls_of_one_round_trip_are_taken(seeded: Seeded) -> None:
    unit, other = seeded.store.begin(), seeded.store.begin()
    calls: list[Callable[..., object]] = [
        other.users.count,
        len,
        lambda: unit.users.count(),
        unit.commit,
        unit.rollback,
        unit.savepoint,
        unit.batch,
        unit.users.stream,
        unit.users.insert_many,
        unit.users.update_many,
        unit.users.upsert,
    ]
    with unit.batch() as batch:
        for call in calls:
            with pytest.raises(TransactionError):
                batch.add(call)
        count = batch.add(unit.users.count)
    assert count.value == 1


def test_an_open_batch_refuses_what_does_not_go_through_it(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    with unit.batch() as batch:
        refused: list[Callable[[], Any]] = [
            unit.users.count,
            unit.users.stream,
            unit.commit,
            lambda: unit.batch().__enter__(),
            lambda: unit.savepoint().__enter__(),
        ]
        for call in refused:
            with pytest.raises(TransactionError, match="batch is open"):
                call()
        count = batch.add(unit.users.count)
    assert count.value == unit.users.count() == 1
    with pytest.raises(TransactionError, match="not open"):
        batch.add(unit.users.count)


@pytest.mark.parametrize("mode", Mode)
def test_a_batch_can_follow_a_batch(seeded: Seeded, mode: Mode) -> None:
    unit = seeded.store.begin(mode)
    for _ in range(2):
        with unit.batch() as batch:
            pending = batch.add(unit.projects.get, seeded.engine.id)
        assert pending.value == seeded.engine
        assert unit.projects.get(seeded.engine.id) == seeded.engine
    unit.commit()


def test_rolling_back_inside_a_batch_ends_the_unit(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    with pytest.raises(TransactionClosed), unit.batch() as batch:
        batch.add(unit.users.update, replace(seeded.ada, name="x"))
        unit.rollback()
    assert seeded.store.begin(Mode.READ).users.get(seeded.ada.id) == seeded.ada
