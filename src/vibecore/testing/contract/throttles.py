"""Throttles: `vibecore.repositories.throttles`, and `Mode.SINGLE`, which they are for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.errors import InvalidValue, ReadOnlyTransaction, TransactionClosed
from vibecore.domain.rules import INT_MAX, LATEST
from vibecore.domain.throttles import THROTTLES, Limit, Taken
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.builders import build, make
from vibecore.testing.contract.expect import invalid
from vibecore.testing.effects import START, FixedClock

KEY: Final = UUID(int=1)
OTHER: Final = UUID(int=2)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
LIMIT: Final = Limit(MINUTE, 3)
MODES: Final = pytest.mark.parametrize("mode", [Mode.WRITE, Mode.SINGLE])


@MODES
def test_tries_are_let_through_as_far_as_the_burst_goes(store: Store, clock: FixedClock, mode: Mode) -> None:
    """Then one for each interval that has passed, to the microsecond, and never more than the burst saved up."""
    start = clock()
    with store.begin(mode) as tx:
        assert [tx.throttles.take(KEY, LIMIT) for _ in range(3)] == [Taken(True)] * 3
        assert [tx.throttles.take(KEY, LIMIT) for _ in range(2)] == [Taken(False, start + MINUTE)] * 2
        assert tx.throttles.take(OTHER, LIMIT).allowed
        tx.commit()
    clock.move(seconds=60, microseconds=-1)
    with store.begin(mode) as tx:
        assert tx.throttles.take(KEY, LIMIT) == Taken(False, start + MINUTE)
        tx.commit()
    clock.move(microseconds=1)
    with store.begin(mode) as tx:
        assert tx.throttles.take(KEY, LIMIT).allowed
        assert tx.throttles.take(KEY, LIMIT) == Taken(False, start + 2 * MINUTE)
        tx.commit()
    clock.move(days=1)
    with store.begin(mode) as tx:
        assert [tx.throttles.take(KEY, LIMIT).allowed for _ in range(4)] == [True, True, True, False]


@MODES
def test_what_is_refused_changes_nothing(store: Store, clock: FixedClock, mode: Mode) -> None:
    """However often it is tried: nobody can put the next try off."""
    with store.begin(mode) as tx:
        tx.throttles.take(KEY, Limit(MINUTE, 1))
        tx.commit()
    with store.begin() as tx:
        before = tx.throttles.get(KEY)
    assert (before.available_at, before.tries, before.created_at) == (clock() + MINUTE, 1, clock())
    with store.begin(mode) as tx:
        for _ in range(3):
            assert not tx.throttles.take(KEY, Limit(MINUTE, 1)).allowed
        tx.commit()
    with store.begin() as tx:
        assert tx.throttles.get(KEY) == before


@MODES
def test_tries_are_used_up_until_they_are_forgotten(store: Store, clock: FixedClock, mode: Mode) -> None:
    """`most` counts over all time; then only `forget` helps, which gives back the burst too."""
    limit = Limit(MINUTE, 1, 2)
    with store.begin(mode) as tx:
        assert tx.throttles.take(KEY, limit).allowed
        tx.commit()
    clock.move(days=1)
    with store.begin(mode) as tx:
        assert tx.throttles.take(KEY, limit).allowed
        tx.commit()
    clock.move(days=1)
    with store.begin(mode) as tx:
        assert tx.throttles.take(KEY, limit) == Taken(False, None, True)
        assert tx.throttles.forget(KEY)
        assert not tx.throttles.forget(KEY)
        assert tx.throttles.find(KEY) is None
        assert tx.throttles.take(KEY, limit).allowed


@MODES
def test_a_refund_gives_one_try_back(store: Store, mode: Mode) -> None:
    """Never more than were taken, and nothing where nothing is counted."""
    with store.begin(mode) as tx:
        tx.throttles.refund(KEY, LIMIT)
        assert tx.throttles.find(KEY) is None
        for _ in range(3):
            tx.throttles.take(KEY, LIMIT)
        tx.throttles.refund(KEY, LIMIT)
        assert [tx.throttles.take(KEY, LIMIT).allowed for _ in range(2)] == [True, False]
        for _ in range(9):
            tx.throttles.refund(KEY, LIMIT)
        assert [tx.throttles.take(KEY, LIMIT).allowed for _ in range(4)] == [True, True, True, False]


def test_throttles_at_the_ends_of_what_can_be_stored(store: Store) -> None:
    """A full counter stays full, and a row of the last moment stays at it."""
    with store.begin() as tx:
        row = make(tx, THROTTLES, tries=INT_MAX, available_at=START - timedelta(days=1))
        assert tx.throttles.take(row.id, LIMIT).allowed
        assert tx.throttles.get(row.id).tries == INT_MAX
        last = make(tx, THROTTLES, available_at=START - timedelta(days=1), updated_at=LATEST)
        assert tx.throttles.take(last.id, LIMIT).allowed
        tx.throttles.refund(last.id, LIMIT)
        assert tx.throttles.get(last.id).updated_at == LATEST
        assert tx.throttles.take(row.id, Limit(MINUTE, 9, INT_MAX)) == Taken(False, None, True)


def test_a_limit_beyond_the_last_day_is_refused(store: Store, clock: FixedClock) -> None:
    """InvalidValue names it, and nothing is written."""
    clock.move(days=365 * 7974)
    with store.begin() as tx:
        for call in (tx.throttles.take, tx.throttles.refund):
            with invalid("limit"):
                call(KEY, Limit(timedelta(days=366), 1000))
        assert tx.throttles.find(KEY) is None


def test_arguments_of_throttles_are_checked(store: Store) -> None:
    """Ids and limits of other types are refused by name, and the unit of work goes on."""
    wrong: Any
    with store.begin() as tx:
        for wrong in (None, "x", 1):
            with invalid("id"):
                tx.throttles.take(wrong, LIMIT)
            with invalid("id"):
                tx.throttles.refund(wrong, LIMIT)
            with invalid("id"):
                tx.throttles.forget(wrong)
        for wrong in (None, 5, (MINUTE, 3)):
            with invalid("limit"):
                tx.throttles.take(KEY, wrong)
            with invalid("limit"):
                tx.throttles.refund(KEY, wrong)
        assert tx.throttles.count() == 0
    for figures in ((timedelta(0), 1), (MINUTE, 0), (MINUTE, 1, 0), (MINUTE, True), (1, 1)):
        with pytest.raises(InvalidValue):
            Limit(*figures)


@MODES
def test_old_throttles_are_purged(store: Store, mode: Mode) -> None:
    """If they were available before the moment, not at it; those whose tries are used up stay so."""
    tick = timedelta(microseconds=1)
    with store.begin() as tx:
        old = make(tx, THROTTLES, available_at=START - tick, tries=1)
        used_up = make(tx, THROTTLES, available_at=START - 400 * DAY, tries=2)
        at = make(tx, THROTTLES, available_at=START, tries=1)
        tx.commit()
    with store.begin(mode) as tx:
        assert tx.throttles.purge(START, 2) == 1
        assert tx.throttles.purge(START, 2) == 0
        tx.commit()
    with store.begin(mode) as tx:
        assert list(tx.throttles.find_many([old.id, used_up.id, at.id])) == [used_up.id, at.id]
        assert tx.throttles.get(used_up.id) == used_up
        assert tx.throttles.take(used_up.id, Limit(MINUTE, 1, 2)).exhausted
        assert tx.throttles.purge(START) == 1
        tx.commit()
    with store.begin(mode) as tx:
        assert list(tx.throttles.find_many([old.id, used_up.id, at.id])) == [at.id]


def test_arguments_of_a_purge_of_throttles_are_checked(store: Store) -> None:
    """By name; nothing is removed, and the unit goes on."""
    wrong: Any
    with store.begin() as tx:
        make(tx, THROTTLES, available_at=START)
        for wrong in (None, 1, START.date(), START.replace(tzinfo=None)):
            with invalid("moment"):
                tx.throttles.purge(wrong)
        for wrong in (0, -1, True, 1.5, "1", INT_MAX + 1):
            with invalid("most"):
                tx.throttles.purge(START + DAY, wrong)
        assert tx.throttles.count() == 1


def test_single_writes_are_permanent_at_once(store: Store) -> None:
    """Each call for itself, whatever becomes of the unit; a batch of them too."""
    with store.begin(Mode.SINGLE) as tx:
        tx.throttles.take(KEY, LIMIT)
        with store.begin(Mode.READ) as other:
            assert other.throttles.get(KEY).tries == 1
        with tx.batch() as batch:
            taken = batch.add(tx.throttles.take, KEY, LIMIT)
            batch.add(tx.throttles.take, OTHER, LIMIT)
            gone = batch.add(tx.throttles.forget, OTHER)
        assert (taken.value, gone.value) == (Taken(True), True)
        tx.rollback()
    with store.begin(Mode.READ) as tx:
        assert tx.throttles.get(KEY).tries == 2
        assert tx.throttles.find(OTHER) is None


def test_writes_of_a_writing_unit_end_with_it(store: Store) -> None:
    """In `Mode.WRITE` a try that was taken is given back by the rollback."""
    with store.begin() as tx:
        tx.throttles.take(KEY, LIMIT)
        with pytest.raises(ZeroDivisionError), tx.savepoint():  # noqa: PT012  # the end of the block raises
            tx.throttles.take(OTHER, LIMIT)
            raise ZeroDivisionError
        assert tx.throttles.find(OTHER) is None
    with store.begin() as tx:
        assert tx.throttles.find(KEY) is None


def test_other_modes_take_no_tries(store: Store) -> None:
    """A reading unit refuses them; a single one refuses every other write; afterwards all of them are closed."""
    for mode in (Mode.READ, Mode.SNAPSHOT):
        with store.begin(mode) as tx:
            calls: list[Callable[[], object]] = [
                lambda tx=tx: tx.throttles.take(KEY, LIMIT),  # type: ignore[misc]
                lambda tx=tx: tx.throttles.forget(KEY),  # type: ignore[misc]
                lambda tx=tx: tx.throttles.purge(START),  # type: ignore[misc]
            ]
            for call in calls:
                with pytest.raises(ReadOnlyTransaction):
                    call()
    with store.begin(Mode.SINGLE) as tx:
        with pytest.raises(ReadOnlyTransaction):
            tx.users.insert(build(USERS))
        with pytest.raises(ReadOnlyTransaction):
            tx.throttles.insert(build(THROTTLES))
        assert tx.throttles.take(KEY, LIMIT).allowed
        assert tx.users.count() == 0
        tx.commit()
        with pytest.raises(TransactionClosed):
            tx.throttles.take(KEY, LIMIT)
