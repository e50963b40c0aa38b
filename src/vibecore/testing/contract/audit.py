"""The audit trail: `vibecore.repositories.audit`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.errors import AlreadyExists, ReadOnlyTransaction
from vibecore.domain.filters import field
from vibecore.domain.paging import desc
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.builders import MOMENT, make
from vibecore.testing.contract.expect import invalid
from vibecore.testing.effects import FixedClock

NOBODY: Final = UUID(int=404)


def test_the_audit_trail_only_grows(store: Store) -> None:
    """It offers to append and to read, nothing else."""
    with store.begin() as tx:
        event = make(tx, AUDIT_LOGS, details={"a": [1, 2.0]}, user_id=NOBODY)
        assert tx.audit.page().items == (event,)
        assert list(tx.audit.stream()) == [event]
        assert tx.audit.count(where=field("user_id").eq(NOBODY)) == 1
        with pytest.raises(AlreadyExists):
            tx.audit.append(event)


def test_events_of_many_months_are_listed_in_order(store: Store) -> None:
    """However they are kept: pages and streams go across months and years."""
    moments: list[datetime] = [MOMENT + timedelta(days=37 * place) for place in (5, 0, 3, 30, 1, -20, 2, 4)]
    with store.begin() as tx:
        events = [make(tx, AUDIT_LOGS, created_at=moment) for moment in moments]
        expected = sorted(events, key=lambda event: event.created_at)
        assert list(tx.audit.stream()) == expected
        found: list[Any] = []
        cursor = None
        while True:
            page = tx.audit.page(limit=3, order_by=desc("created_at"), cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == expected[::-1]


def at(clock: FixedClock, moment: datetime) -> None:
    """Move the clock to `moment`."""
    clock.move(microseconds=(moment - clock()) / timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("now", "months", "until"),
    [
        (datetime(2024, 5, 17, 12, tzinfo=UTC), 0, date(2024, 6, 1)),
        (datetime(2024, 11, 30, 23, 59, 59, 999999, tzinfo=UTC), 0, date(2024, 12, 1)),
        (datetime(2024, 12, 1, tzinfo=UTC), 0, date(2025, 1, 1)),
        (datetime(2024, 10, 31, 23, tzinfo=UTC), 2, date(2025, 1, 1)),
        (datetime(2024, 10, 31, 23, tzinfo=UTC), 14, date(2026, 1, 1)),
    ],
)
def test_room_is_made_for_whole_months(
    store: Store, clock: FixedClock, now: datetime, months: int, until: date
) -> None:
    """That of `now` and as many more; the first day after them is named. Again, and for less, is no error."""
    at(clock, now)
    for _ in range(2):
        with store.begin() as tx:
            assert tx.now == now
            assert tx.audit.prepare(months=months) == until
            tx.commit()
    with store.begin() as tx:
        assert tx.audit.prepare(months=0) <= until
        tx.commit()


def test_events_stay_where_room_is_made_for_them(store: Store) -> None:
    """Those from before, in the months that are prepared and after them: the trail is what it was, and goes on."""
    months: list[timedelta] = [timedelta(days=days) for days in (-400, -1, 0, 20, 40, 75, 1000)]
    with store.begin() as tx:
        before = [make(tx, AUDIT_LOGS, created_at=tx.now + distance, details={"a": [1, None]}) for distance in months]
        tx.commit()
    with store.begin() as tx:
        tx.audit.prepare(months=2)
        more = make(tx, AUDIT_LOGS, created_at=tx.now + timedelta(days=1))
        tx.commit()
    with store.begin() as tx:
        assert list(tx.audit.stream()) == sorted([*before, more], key=lambda event: event.created_at)
        with pytest.raises(AlreadyExists) as caught:
            tx.audit.append(before[3])
        assert caught.value.constraint == "pk_audit_logs"


def test_making_room_is_a_write_like_any_other(store: Store) -> None:
    """In a batch, in a savepoint that is undone and again after it; not where nothing may be written."""
    with store.begin() as tx:
        with pytest.raises(ZeroDivisionError):
            _prepared_in_vain(tx)
        with tx.batch() as batch:
            made = batch.add(tx.audit.prepare, months=1)
            count = batch.add(tx.audit.count)
        assert made.value == tx.audit.prepare(months=1)
        assert count.value == 0
        tx.commit()
    for mode in set(Mode) - {Mode.WRITE}:
        with store.begin(mode) as tx, pytest.raises(ReadOnlyTransaction):
            tx.audit.prepare(months=1)


def _prepared_in_vain(tx: UnitOfWork) -> None:
    with tx.savepoint():
        tx.audit.prepare(months=5)
        raise ZeroDivisionError


@pytest.mark.parametrize("months", [-1, 121, 2**31, None, True, 1.0, "3"])
def test_months_that_are_no_number_of_months_are_refused(store: Store, months: Any) -> None:
    """By name; the unit of work goes on."""
    with store.begin() as tx:
        with invalid("months"):
            tx.audit.prepare(months=months)
        assert tx.audit.prepare(months=0) > tx.now.date()
        tx.commit()


def test_no_room_is_made_where_dates_end(store: Store, clock: FixedClock) -> None:
    """The calendar has no year 10000."""
    at(clock, datetime(9999, 11, 30, tzinfo=UTC))
    with store.begin() as tx:
        assert tx.audit.prepare(months=0) == date(9999, 12, 1)
        with invalid("months"):
            tx.audit.prepare(months=1)
