"""Units of work: how they begin and end, what is accepted when, and savepoints."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
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
)
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.projects import PROJECTS
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.testing.builders import build, changed, make
from vibecore.testing.contract.expect import invalid, refused
from vibecore.testing.effects import FixedClock

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


@each_call
def test_after_the_end_everything_is_refused(store: Store, call: Call) -> None:
    """In every mode and after either end: TransactionClosed; `rollback` is allowed and does nothing."""
    for mode, end in product(Mode, ("commit", "rollback")):
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


@each_write
def test_reading_units_refuse_to_write_and_go_on(store: Store, call: Call) -> None:
    """ReadOnlyTransaction, also where nothing would have been written; it is no failure."""
    for mode in (Mode.READ, Mode.SNAPSHOT):
        with store.begin(mode) as tx:
            for _ in range(2):
                with pytest.raises(ReadOnlyTransaction):
                    call(tx)
            assert tx.users.count() == 0
            tx.commit()


@pytest.mark.parametrize("name", READS)
def test_every_mode_can_read(store: Store, name: str) -> None:
    """In an empty database every reading call gives the same empty answer, or says NotFound."""
    answers: list[Any] = []
    for mode in Mode:
        with store.begin(mode) as tx:
            if name.endswith(".get"):
                with pytest.raises(NotFound):
                    READS[name](tx)
            else:
                answers += [READS[name](tx), READS[name](tx)]
            tx.commit()
    assert all(answer == answers[0] for answer in answers)


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
