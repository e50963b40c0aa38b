"""Savepoints: what is undone, and what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.errors import (
    AlreadyExists,
    MissingReference,
    TransactionAborted,
    TransactionError,
)
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.projects import PROJECTS
from vibecore.domain.schema import Table
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.builders import altered, build, make
from vibecore.testing.contract.expect import each_writable_table
from vibecore.testing.contract.units import Call, each_reading_mode, names
from vibecore.testing.rows import WRITABLE, Rows

ID: Final = UUID(int=1)


def undone(tx: UnitOfWork, *calls: Call) -> None:
    """The calls inside a savepoint, undone."""
    with pytest.raises(LookupError):
        _left_by_lookup_error(tx, calls)


def _left_by_lookup_error(tx: UnitOfWork, calls: Sequence[Call]) -> None:
    with tx.savepoint():
        for call in calls:
            call(tx)
        raise LookupError


def released(tx: UnitOfWork, name: str) -> None:
    """A user inside a savepoint that ends well."""
    with tx.savepoint():
        make(tx, USERS, name=name)


def test_a_savepoint_keeps_what_ends_well(store: Store) -> None:
    """What was done inside is part of the unit of work."""
    with store.begin() as tx:
        with tx.savepoint():
            user = make(tx, USERS)
        assert tx.users.get(user.id) == user
        tx.commit()
    assert names(store) == [user.name]


@each_writable_table
def test_a_savepoint_undoes_what_ends_badly(store: Store, table: Table[Any]) -> None:
    """Inserts, updates and deletes inside are undone, what came before stays, the exception goes through."""
    with store.begin() as tx:
        kept = make(tx, table)
        rows = Rows(tx, table)
        before = {other.name: _everything(tx, other, kept, table) for other in WRITABLE}
        calls: list[Call] = [
            lambda tx: make(tx, table),
            lambda tx: rows.update(altered(table, kept)),
            lambda tx: rows.delete(kept),
        ]
        undone(tx, *calls)
        assert {other.name: _everything(tx, other, kept, table) for other in WRITABLE} == before
        assert rows.get(kept) == kept
        assert rows.update(kept).updated_at == tx.now
        tx.commit()


def _everything(tx: UnitOfWork, other: Table[Any], record: Any, table: Table[Any]) -> Any:
    """The rows of `other` that stand beside `record`."""
    if other.scope is None:
        return Rows(tx, other).all(None)
    owner = getattr(record, other.scope, ID)
    return Rows(tx, other).repository.page(owner, limit=1000).items


@pytest.mark.parametrize("failure", [AlreadyExists, MissingReference])
def test_a_savepoint_undoes_a_failure(store: Store, failure: type[Exception]) -> None:
    """After a failed statement inside, the unit of work goes on as if nothing had happened, and can be committed."""
    with store.begin() as tx:
        user = make(tx, USERS)

        def fail(tx: UnitOfWork) -> None:
            make(tx, USERS, name="undone")
            if failure is AlreadyExists:
                tx.users.insert(user)
            tx.projects.insert(build(PROJECTS))

        with pytest.raises(failure), tx.savepoint():
            fail(tx)
        assert tx.users.page().items == (user,)
        tx.commit()
    assert names(store) == [user.name]


def test_savepoints_nest(store: Store) -> None:
    """Each undoes what was done inside it, and nothing else."""
    with store.begin() as tx:
        make(tx, USERS, name="outside")
        with tx.savepoint():
            make(tx, USERS, name="outer")
            undone(tx, lambda tx: make(tx, USERS, name="inner, undone"), lambda tx: released(tx, "innermost, undone"))
            with tx.savepoint():
                make(tx, USERS, name="inner")
        undone(tx, lambda tx: released(tx, "released, then undone"))
        tx.commit()
    assert names(store) == ["inner", "outer", "outside"]


def test_an_inner_failure_can_be_caught_between_savepoints(store: Store) -> None:
    """The inner savepoint undoes it; the outer one never learns of it."""
    with store.begin() as tx:
        with tx.savepoint():
            user = make(tx, USERS, name="outer")
            with pytest.raises(AlreadyExists), tx.savepoint():
                tx.users.insert(user)
            make(tx, USERS, name="after")
        tx.commit()
    assert names(store) == ["after", "outer"]


def test_a_failure_that_is_swallowed_inside_a_savepoint_is_not_undone(store: Store) -> None:
    """Leaving the block then raises TransactionAborted; an outer savepoint still can go back."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with pytest.raises(TransactionAborted), tx.savepoint(), tx.savepoint(), pytest.raises(AlreadyExists):
            tx.users.insert(user)
        assert tx.users.page().items == (user,)
        with pytest.raises(TransactionAborted), tx.savepoint(), pytest.raises(AlreadyExists):
            tx.users.insert(user)
        with pytest.raises(TransactionAborted):
            tx.commit()
    assert names(store) == []


def test_savepoints_can_be_many(store: Store) -> None:
    """One after the other, undone and kept in turns."""
    with store.begin() as tx:
        for number in range(60):
            try:
                with tx.savepoint():
                    make(tx, USERS, name=f"{number:02}")
                    if number % 2:
                        raise LookupError
            except LookupError:
                continue
        tx.commit()
    assert names(store) == [f"{number:02}" for number in range(0, 60, 2)]


def test_the_end_may_come_inside_a_savepoint(store: Store) -> None:
    """commit takes what was done inside with it; rollback undoes all; the block is left in peace."""
    with store.begin() as tx, tx.savepoint():
        make(tx, USERS, name="kept")
        tx.commit()
    with store.begin() as tx, tx.savepoint():
        make(tx, USERS, name="undone")
        tx.rollback()
    with store.begin() as tx:
        undone(tx, lambda tx: make(tx, USERS, name="kept too"), lambda tx: tx.commit())
    assert names(store) == ["kept", "kept too"]


@each_reading_mode
def test_a_savepoint_of_a_reading_unit_has_nothing_to_undo(store: Store, mode: Mode) -> None:
    """It is allowed, so that code need not know the mode it runs in."""
    with store.begin(mode) as tx:
        undone(tx, lambda tx: tx.users.count())
        with tx.savepoint():
            assert tx.users.count() == 0
        tx.commit()


def test_a_stream_goes_on_across_an_undone_savepoint(store: Store) -> None:
    """One that began before it, also past a failed statement inside."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        tx.files.insert_many(build(FILES, project_id=project.id) for _ in range(1500))
        stream = tx.files.stream(project.id, order_by="id")
        found = [next(stream)]

        def fail(tx: UnitOfWork) -> None:
            tx.files.delete_where(project.id, field("id").ne(ID))
            found.append(next(stream))
            tx.projects.insert(project)

        with pytest.raises(AlreadyExists), tx.savepoint():
            fail(tx)
        found += stream
        assert tuple(found) == tuple(tx.files.stream(project.id, order_by="id"))


def test_a_stream_that_began_in_an_undone_savepoint_is_over(store: Store) -> None:
    """Its rows were never there: reading on raises TransactionError, at the latest at the next batch."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        streams = []

        def begin(tx: UnitOfWork) -> None:
            tx.files.insert_many(build(FILES, project_id=project.id) for _ in range(1500))
            streams.append(tx.files.stream(project.id))
            next(streams[0])

        undone(tx, begin)
        with pytest.raises(TransactionError):
            list(streams[0])
        assert tx.files.count(project.id) == 0
        tx.commit()
