"""Streams: all rows of a listing, as they were at the first `next()`."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from vibecore.domain.errors import AlreadyExists, InvalidValue, TransactionAborted, TransactionClosed, TransactionError
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.paging import desc
from vibecore.domain.projects import PROJECTS
from vibecore.domain.schema import Table
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.builders import build, changed, make
from vibecore.testing.contract.expect import each_table
from vibecore.testing.rows import Rows


def filled(tx: UnitOfWork, number: int) -> Any:
    """The id of a project with so many files."""
    project = make(tx, PROJECTS)
    tx.files.insert_many(build(FILES, project_id=project.id, path=f"{place:06}") for place in range(number))
    return project.id


@each_table
def test_a_stream_gives_all_rows_in_order(store: Store, table: Table[Any]) -> None:
    """In the order of `page`, without a limit, filtered where asked."""
    with store.begin() as tx:
        first = make(tx, table)
        scope = {} if table.scope is None else {table.scope: getattr(first, table.scope)}
        for _ in range(4):
            make(tx, table, **scope)
        rows = Rows(tx, table)
        assert tuple(rows.stream(first)) == rows.all(first)
        assert tuple(rows.stream(first, order_by=desc("id"))) == rows.all(first, order_by=desc("id"))
        where = field("id").ne(first.id)
        assert tuple(rows.stream(first, where=where)) == rows.all(first, where=where)
        assert len(tuple(rows.stream(first, where=where))) == rows.count(first) - 1


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 1001, 2500])
def test_a_stream_of_any_length_ends(store: Store, number: int) -> None:
    """Batches are not seen from outside: no row is missing, doubled or out of order."""
    with store.begin() as tx:
        project = filled(tx, number)
        found = [file.path for file in tx.files.stream(project, order_by="path")]
        assert found == [f"{place:06}" for place in range(number)]


def test_a_stream_does_not_see_later_writes(store: Store) -> None:
    """What is inserted, changed or removed after the first `next()` does not show, in later batches either."""
    with store.begin() as tx:
        project = filled(tx, 2500)
        stream = tx.files.stream(project, order_by="path")
        first = next(stream)
        last = tx.files.page(project, order_by=desc("path"), limit=1).items[0]
        tx.files.update(changed(last, content="changed"))
        tx.files.delete(project, tx.files.page(project, order_by=desc("path"), limit=2).items[1].id)
        make(tx, FILES, project_id=project, path="999999")
        rest = list(stream)
        assert [file.path for file in (first, *rest)] == [f"{place:06}" for place in range(2500)]
        assert rest[-1] == last


def test_a_stream_sees_what_was_written_before_its_first_row(store: Store) -> None:
    """Its state is that of the first `next()`, not of the call that made it."""
    with store.begin() as tx:
        stream = tx.users.stream()
        user = make(tx, USERS)
        assert list(stream) == [user]


def test_streams_of_one_unit_of_work_go_side_by_side(store: Store) -> None:
    """Other calls and other streams may come between two rows."""
    with store.begin() as tx:
        project = filled(tx, 1500)
        up, down = tx.files.stream(project, order_by="path"), tx.files.stream(project, order_by=desc("path"))
        for one, other in zip(up, down, strict=True):
            assert int(one.path) + int(other.path) == 1499
            if one.path.endswith("000"):
                assert tx.files.count(project) == 1500


def test_a_stream_that_is_left_early_harms_nothing(store: Store) -> None:
    """Closed or forgotten, at the start or in the middle; the unit of work goes on and can be committed."""
    with store.begin() as tx:
        project = filled(tx, 1500)
        untouched = tx.files.stream(project)
        assert len(list(islice(tx.files.stream(project), 3))) == 3
        closed: Any = tx.files.stream(project)
        next(closed)
        closed.close()
        assert list(closed) == []
        del untouched
        assert tx.files.count(project) == 1500
        tx.commit()


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_stream_ends_with_its_unit_of_work(store: Store, end: str) -> None:
    """Reading on raises TransactionClosed, at the latest after the batch of 1,000 rows that was under way."""
    with store.begin() as tx:
        project = filled(tx, 1500)
        stream = tx.files.stream(project)
        next(stream)
        getattr(tx, end)()
        with pytest.raises(TransactionClosed):
            list(stream)


def test_a_stream_ends_with_a_failed_statement(store: Store) -> None:
    """Reading on raises TransactionAborted, at the latest after the batch that was under way."""
    with store.begin() as tx:
        project = filled(tx, 1500)
        stream = tx.files.stream(project)
        next(stream)
        with pytest.raises(AlreadyExists):
            tx.projects.insert(tx.projects.get(project))
        with pytest.raises(TransactionAborted):
            list(stream)


def test_a_stream_cannot_begin_after_the_end(store: Store) -> None:
    """Made before the unit of work ended, first read after it: TransactionClosed."""
    with store.begin() as tx:
        make(tx, USERS)
        stream = tx.users.stream()
        tx.rollback()
        with pytest.raises(TransactionClosed):
            next(stream)
        with pytest.raises(TransactionClosed):
            tx.users.stream()


def test_a_stream_needs_a_snapshot(store: Store) -> None:
    """In a unit of work whose statements share none it is TransactionError; in one with a snapshot it works."""
    with store.begin() as tx:
        user = make(tx, USERS)
        tx.commit()
    with store.begin(Mode.READ) as tx:
        with pytest.raises(TransactionError):
            tx.users.stream()
        assert tx.users.count() == 1
    with store.begin(Mode.SNAPSHOT) as tx:
        assert list(tx.users.stream()) == [user]


def test_the_arguments_of_a_stream_are_checked_at_once(store: Store) -> None:
    """Not at the first row: InvalidValue comes from the call."""
    with store.begin() as tx:
        with pytest.raises(InvalidValue):
            tx.users.stream(where=field("name").eq("\0"))
        with pytest.raises(InvalidValue):
            tx.users.stream(order_by="nothing")
