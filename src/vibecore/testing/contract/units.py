"""Units of work: how they begin and end, what is accepted when, and savepoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidValue,
    MissingReference,
    NotFound,
    ReadOnlyTransaction,
    Stale,
    StoreUnavailable,
    TransactionAborted,
    TransactionClosed,
    TransactionError,
)
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.projects import PROJECTS
from vibecore.domain.schema import Table
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.builders import altered, build, changed, make
from vibecore.testing.contract.expect import each_writable_table, invalid, refused
from vibecore.testing.effects import FixedClock
from vibecore.testing.rows import WRITABLE, Rows

ID: Final = UUID(int=1)
SOMETHING: Final = field("id").eq(ID)
Call = Callable[[UnitOfWork], Any]


def _enter_batch(tx: UnitOfWork) -> None:
    with tx.batch():
        pass


def _enter_savepoint(tx: UnitOfWork) -> None:
    with tx.savepoint():
        pass


READS: Final[dict[str, Call]] = {
    "users.get": lambda tx: tx.users.get(ID),
    "users.find": lambda tx: tx.users.find(ID),
    "users.find_many": lambda tx: tx.users.find_many([ID]),
    "users.page": lambda tx: tx.users.page(),
    "users.count": lambda tx: tx.users.count(),
    "users.find_by_email_key": lambda tx: tx.users.find_by_email_key("a@b"),
    "files.get": lambda tx: tx.files.get(ID, ID),
    "files.find": lambda tx: tx.files.find(ID, ID),
    "files.find_many": lambda tx: tx.files.find_many(ID, []),
    "files.page": lambda tx: tx.files.page(ID),
    "files.count": lambda tx: tx.files.count(ID),
    "files.find_path": lambda tx: tx.files.find_path(ID, "a"),
    "files.stamps": lambda tx: tx.files.stamps(ID),
    "files.subtree": lambda tx: tx.files.subtree(ID, "a"),
    "files.totals": lambda tx: tx.files.totals(ID),
    "sessions.find_by_token": lambda tx: tx.sessions.find_by_token(ID, "t"),
    "api_keys.find_by_prefix": lambda tx: tx.api_keys.find_by_prefix(ID, "p"),
    "projects.access": lambda tx: tx.projects.access(ID, None),
    "projects.page_readable": lambda tx: tx.projects.page_readable(None),
    "members.find_user": lambda tx: tx.members.find_user(ID, ID),
    "deployments.running": lambda tx: tx.deployments.running(ID, "e"),
    "reviews.latest": lambda tx: tx.reviews.latest(ID),
    "quality.inputs": lambda tx: tx.quality.inputs(ID),
    "audit.page": lambda tx: tx.audit.page(),
    "audit.count": lambda tx: tx.audit.count(),
}
STREAMS: Final[dict[str, Call]] = {
    "users.stream": lambda tx: tx.users.stream(),
    "files.stream": lambda tx: tx.files.stream(ID),
    "audit.stream": lambda tx: tx.audit.stream(),
}
WRITES: Final[dict[str, Call]] = {
    "users.insert": lambda tx: tx.users.insert(build(USERS)),
    "users.insert_many": lambda tx: tx.users.insert_many([build(USERS)]),
    "users.insert_many of nothing": lambda tx: tx.users.insert_many([]),
    "users.update": lambda tx: tx.users.update(build(USERS)),
    "users.update_many": lambda tx: tx.users.update_many([build(USERS)]),
    "users.update_many of nothing": lambda tx: tx.users.update_many([]),
    "users.upsert": lambda tx: tx.users.upsert([build(USERS)]),
    "users.upsert of nothing": lambda tx: tx.users.upsert([]),
    "users.delete": lambda tx: tx.users.delete(ID),
    "files.insert": lambda tx: tx.files.insert(build(FILES)),
    "files.delete": lambda tx: tx.files.delete(ID, ID),
    "files.delete_where": lambda tx: tx.files.delete_where(ID, SOMETHING),
    "files.move_subtree": lambda tx: tx.files.move_subtree(ID, "a", "b", None),
    "reviews.delete_paths": lambda tx: tx.reviews.delete_paths(ID, []),
    "reviews.move_paths": lambda tx: tx.reviews.move_paths(ID, "a", "b"),
    "deployments.archive": lambda tx: tx.deployments.archive(30),
    "audit.append": lambda tx: tx.audit.append(build(AUDIT_LOGS)),
}
BLOCKS: Final[dict[str, Call]] = {"batch": _enter_batch, "savepoint": _enter_savepoint}
EVERYTHING: Final = {**READS, **STREAMS, **WRITES, **BLOCKS, "commit": lambda tx: tx.commit()}
each_call: Final = pytest.mark.parametrize("call", EVERYTHING.values(), ids=EVERYTHING.keys())
each_write: Final = pytest.mark.parametrize("call", WRITES.values(), ids=WRITES.keys())
each_reading_mode: Final = pytest.mark.parametrize("mode", [Mode.READ, Mode.SNAPSHOT], ids=lambda mode: mode.value)
each_mode: Final = pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
WRONG: Final[list[Call]] = [
    lambda tx: tx.users.get("x"),  # type: ignore[arg-type]  # what callers without a checker do
    lambda tx: tx.users.page(limit=-1),
    lambda tx: tx.users.page(where=field("nothing").missing()),
    lambda tx: tx.users.page(cursor="x"),
    lambda tx: tx.users.count(where=field("name").eq("\0")),
    lambda tx: tx.users.stream(order_by="nothing"),
    lambda tx: tx.users.insert(build(USERS, name="")),
    lambda tx: tx.users.insert_many([build(USERS), build(USERS, name="")]),
    lambda tx: tx.users.update(build(USERS, name="")),
    lambda tx: tx.users.update_many([build(USERS, name="")]),
    lambda tx: tx.users.upsert([build(USERS, name="")]),
    lambda tx: tx.files.delete_where(ID, field("name").eq(1)),
    lambda tx: tx.files.move_subtree(ID, "a", "", None),
    lambda tx: tx.reviews.move_paths(ID, "a", "\0"),
    lambda tx: tx.deployments.archive(-1),
    lambda tx: tx.audit.append(build(AUDIT_LOGS, action="")),
]


def seeded(store: Store) -> User:
    """One committed user."""
    with store.begin() as tx:
        user = make(tx, USERS)
        tx.commit()
    return user


def names(store: Store) -> list[str]:
    """The names of all committed users, sorted."""
    with store.begin(Mode.SNAPSHOT) as tx:
        return sorted(user.name for user in tx.users.stream())


def left_by(error: Exception, tx: UnitOfWork, *calls: Call) -> None:
    """The calls in a unit of work that is then left by `error`."""
    with tx:
        for call in calls:
            call(tx)
        raise error


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


# -- ends


def test_commit_makes_everything_permanent(store: Store) -> None:
    """What several tables were given is there for the next unit of work, in every mode."""
    with store.begin() as tx:
        user = make(tx, USERS)
        project = make(tx, PROJECTS, owner_id=user.id)
        tx.commit()
    for mode in Mode:
        with store.begin(mode) as tx:
            assert tx.users.get(user.id) == user
            assert tx.projects.get(project.id) == project


def test_leaving_without_commit_rolls_back(store: Store) -> None:
    """Nothing stays, neither inserts nor updates nor deletes."""
    kept = seeded(store)
    with store.begin() as tx:
        make(tx, PROJECTS)
        tx.users.update(changed(kept, name="changed"))
        tx.users.delete(kept.id)
    with store.begin() as tx:
        assert tx.users.page().items == (kept,)
        assert tx.projects.count() == 0


def test_leaving_by_an_exception_rolls_back_and_lets_it_through(store: Store) -> None:
    """The exception is the caller's own, unchanged."""
    mine = LookupError("mine")
    with pytest.raises(LookupError) as caught:
        left_by(mine, store.begin(), lambda tx: make(tx, USERS))
    assert caught.value is mine
    assert names(store) == []


def test_rollback_undoes_everything(store: Store) -> None:
    """Explicitly, and then the block is left as usual."""
    with store.begin() as tx:
        make(tx, USERS)
        tx.rollback()
    assert names(store) == []


def test_a_unit_of_work_needs_no_block(store: Store) -> None:
    """begin, commit and rollback work as plain calls."""
    tx = store.begin()
    user = make(tx, USERS)
    tx.commit()
    tx = store.begin()
    tx.users.delete(user.id)
    tx.rollback()
    assert names(store) == [user.name]


@each_mode
def test_an_empty_unit_of_work_can_be_committed(store: Store, mode: Mode) -> None:
    """Nothing was asked, nothing happens, and it has ended."""
    with store.begin(mode) as tx:
        tx.commit()
        with pytest.raises(TransactionClosed):
            tx.users.count()


@each_mode
@pytest.mark.parametrize("end", ["commit", "rollback"])
@each_call
def test_after_the_end_everything_is_refused(store: Store, mode: Mode, end: str, call: Call) -> None:
    """TransactionClosed from every call; `rollback` is allowed and does nothing."""
    with store.begin(mode) as tx:
        tx.users.count()
        getattr(tx, end)()
        with pytest.raises(TransactionClosed):
            call(tx)
        tx.rollback()
        tx.rollback()


def test_a_rollback_after_the_commit_undoes_nothing(store: Store) -> None:
    """What was committed stays."""
    with store.begin() as tx:
        user = make(tx, USERS)
        tx.commit()
        tx.rollback()
    assert names(store) == [user.name]


@each_call
def test_after_a_failed_statement_everything_is_refused(store: Store, call: Call) -> None:
    """TransactionAborted from every call, commit too; rollback is accepted and nothing was written."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with pytest.raises(AlreadyExists):
            tx.users.insert(user)
        for _ in range(2):
            with pytest.raises(TransactionAborted):
                call(tx)
        tx.rollback()
        with pytest.raises(TransactionClosed):
            call(tx)
    assert names(store) == []


def test_a_swallowed_failure_cannot_be_committed(store: Store) -> None:
    """The trap of drivers that turn it into a silent rollback: commit raises, and the block rolls back."""
    with store.begin() as tx:
        make(tx, USERS)
        with pytest.raises(MissingReference):
            tx.projects.insert(build(PROJECTS))
        with pytest.raises(TransactionAborted):
            tx.commit()
    assert names(store) == []


def test_answers_and_refused_values_let_the_unit_go_on(store: Store) -> None:
    """NotFound, Stale, InvalidValue and ReadOnlyTransaction are no failed statements."""
    with store.begin() as tx:
        user = make(tx, USERS)
        current = tx.users.update(user)
        with pytest.raises(NotFound):
            tx.users.get(ID)
        with pytest.raises(NotFound):
            tx.users.delete(ID)
        with pytest.raises(Stale):
            tx.users.update(user)
        for call in WRONG:
            with pytest.raises(InvalidValue):
                call(tx)
        tx.commit()
    assert names(store) == [current.name]


def test_the_state_is_checked_before_the_values(store: Store) -> None:
    """A wrong argument in a unit of work that takes no call is not looked at."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with pytest.raises(AlreadyExists):
            tx.users.insert(user)
        for call in WRONG:
            with pytest.raises(TransactionAborted):
                call(tx)
        tx.rollback()
        for call in WRONG:
            with pytest.raises(TransactionClosed):
                call(tx)
    with store.begin(Mode.READ) as tx, pytest.raises(ReadOnlyTransaction):
        tx.users.insert(build(USERS, name=""))


# -- modes and time


@each_reading_mode
@each_write
def test_reading_units_refuse_to_write_and_go_on(store: Store, mode: Mode, call: Call) -> None:
    """ReadOnlyTransaction, also where nothing would have been written; it is no failure."""
    with store.begin(mode) as tx:
        for _ in range(2):
            with pytest.raises(ReadOnlyTransaction):
                call(tx)
        assert tx.users.count() == 0
        tx.commit()


@each_mode
@pytest.mark.parametrize("call", READS.values(), ids=READS.keys())
def test_every_mode_can_read(store: Store, mode: Mode, call: Call) -> None:
    """In an empty database every reading call answers, or says NotFound."""
    with store.begin(mode) as tx:
        for _ in range(2):
            try:
                answer = call(tx)
            except NotFound as error:
                assert error.key == ID
            else:
                assert answer in (None, 0, {}, [], ()) or not getattr(answer, "items", ())
        tx.commit()


@pytest.mark.parametrize("mode", ["write", "READ", None, 1, True])
def test_other_modes_are_refused(store: Store, mode: Any) -> None:
    """InvalidValue for `mode`: a unit of work in a mode that nobody meant is worse than none."""
    with invalid("mode"):
        store.begin(mode)


@each_mode
def test_now_is_one_moment(store: Store, clock: FixedClock, mode: Mode) -> None:
    """The clock's time when the unit of work began, however long it takes."""
    start = clock()
    with store.begin(mode) as tx:
        assert tx.now == start
        clock.move(days=1)
        tx.users.count()
        assert tx.now == start
        with store.begin(mode) as later:
            assert later.now == clock()


# -- savepoints


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


# -- the store


def test_closing_the_store_ends_its_units_of_work(store: Store) -> None:
    """What is still open is rolled back, and its next call says that it has ended."""
    kept = seeded(store)
    writer, reader = store.begin(), store.begin(Mode.SNAPSHOT)
    make(writer, USERS)
    assert reader.users.count() == 1
    store.close()
    for tx in (writer, reader):
        with pytest.raises(TransactionClosed):
            tx.users.get(kept.id)
        tx.rollback()
    with pytest.raises(TransactionClosed):
        writer.commit()


def test_a_closed_store_begins_nothing(store: Store) -> None:
    """StoreUnavailable; closing again is fine."""
    store.close()
    for mode in Mode:
        with pytest.raises(StoreUnavailable):
            store.begin(mode)
    store.close()


def test_a_store_that_opens_its_own_transactions_is_not_joined(store: Store) -> None:
    """Collisions are its own to retry."""
    assert store.joined is False


def test_facts_tell_errors_apart(store: Store) -> None:
    """An error carries what happened as attributes, equal on every store."""
    with store.begin() as tx, refused(NotFound("user", ID)):
        tx.users.get(ID)
