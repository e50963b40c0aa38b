"""Batches: calls that travel together."""

from __future__ import annotations

from collections.abc import Callable
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
    TransactionAborted,
    TransactionClosed,
    TransactionError,
    VibecoreError,
)
from vibecore.domain.files import FILES, FileType
from vibecore.domain.filters import field
from vibecore.domain.projects import PROJECTS
from vibecore.domain.users import USERS, User
from vibecore.repositories.unit_of_work import Batch, Mode, Pending, Store, UnitOfWork
from vibecore.testing.builders import build, changed, make
from vibecore.testing.contract.expect import refused
from vibecore.testing.contract.units import EVERYTHING, READS, Call, each_mode, each_reading_mode, names, seeded

ID: Final = UUID(int=1)


def send(tx: UnitOfWork, *calls: Callable[[Batch], Any]) -> list[Any]:
    """The calls in one batch, and what each `add` returned."""
    with tx.batch() as batch:
        return [call(batch) for call in calls]


def test_the_results_of_a_batch_are_those_of_the_calls(store: Store) -> None:
    """In order: a later call sees what an earlier one wrote."""
    with store.begin() as tx:
        user = build(USERS)
        with tx.batch() as batch:
            before = batch.add(tx.users.count)
            inserted = batch.add(tx.users.insert, user)
            found = batch.add(tx.users.get, user.id)
            absent = batch.add(tx.users.find, ID)
            counted = batch.add(tx.users.count, where=field("id").eq(user.id))
            page = batch.add(tx.users.page, limit=1)
            deleted = batch.add(tx.users.delete, user.id)
            after = batch.add(tx.users.count)
        assert [each.value for each in (before, counted, after)] == [0, 1, 0]
        assert inserted.value == found.value == user
        assert (absent.value, deleted.value) == (None, None)
        assert page.value.items == (user,)


def test_a_batch_may_hold_calls_of_all_tables(store: Store) -> None:
    """One transaction, many repositories, references between them."""
    with store.begin() as tx:
        user = build(USERS)
        project = build(PROJECTS, owner_id=user.id)
        with tx.batch() as batch:
            batch.add(tx.users.insert, user)
            batch.add(tx.projects.insert, project)
            file = batch.add(tx.files.insert, build(FILES, project_id=project.id, type=FileType.FILE))
            totals = batch.add(tx.files.totals, project.id)
            access = batch.add(tx.projects.access, project.id, user.id)
            inputs = batch.add(tx.quality.inputs, project.id)
            batch.add(tx.audit.append, build(AUDIT_LOGS))
            health = batch.add(tx.analytics.system_health)
        assert file.value.project_id == project.id
        assert totals.value.file_count == 1
        assert access.value is not None
        assert access.value.project == project
        assert inputs.value is not None
        assert health.value is None
        tx.commit()
    with store.begin() as tx:
        assert (tx.users.count(), tx.files.count(project.id), tx.audit.count()) == (1, 1, 1)


@each_mode
def test_an_empty_batch_is_no_call(store: Store, mode: Mode) -> None:
    """It harms nothing, and a batch of one call is that call."""
    with store.begin(mode) as tx:
        with tx.batch():
            pass
        with tx.batch() as batch:
            count = batch.add(tx.users.count)
        assert count.value == 0
        tx.commit()


@pytest.mark.parametrize("name", READS)
def test_every_read_can_be_part_of_a_batch(store: Store, name: str) -> None:
    """In every mode, with the result that it has alone."""
    for mode in Mode:
        with store.begin(mode) as tx:
            calls = [lambda batch, tx=tx: READS[name](_Adding(tx, batch))]
            if name.endswith(".get"):
                with refused(NotFound(name.split(".")[0].removesuffix("s"), ID)):
                    send(tx, *calls)
            else:
                alone = READS[name](tx)
                [pending] = send(tx, *calls)
                assert pending.value == alone


class _Adding:
    """A unit of work whose calls are added to a batch."""

    def __init__(self, tx: UnitOfWork, batch: Batch) -> None:
        self._tx = tx
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return _AddingRepository(getattr(self._tx, name), self._batch)


class _AddingRepository:
    def __init__(self, repository: Any, batch: Batch) -> None:
        self._repository = repository
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._repository, name)
        return lambda *args, **kwargs: self._batch.add(call, *args, **kwargs)


def test_results_are_there_when_the_batch_has_been_left(store: Store) -> None:
    """Not before: TransactionError until then."""
    with store.begin() as tx:
        with tx.batch() as batch:
            count = batch.add(tx.users.count)
            with pytest.raises(TransactionError):
                count.value  # noqa: B018  # asking is what is tested
        assert count.value == 0
        assert count.value == 0


@each_reading_mode
def test_the_reads_of_a_batch_share_a_snapshot(store: Store, mode: Mode) -> None:
    """Also in a unit of work whose single statements do not; what others commit in between does not show."""
    with store.begin(mode) as tx, store.begin() as other:
        with tx.batch() as batch:
            before = batch.add(tx.users.count)
            make(other, USERS)
            make(other, PROJECTS)
            other.commit()
            projects, after = batch.add(tx.projects.count), batch.add(tx.users.count)
        assert before.value == after.value
        assert projects.value == (1 if after.value else 0)


FAILURES: Final[list[tuple[Callable[[UnitOfWork, User], Any], type[VibecoreError]]]] = [
    (lambda tx, user: (tx.users.insert, user), AlreadyExists),
    (lambda tx, user: (tx.projects.insert, build(PROJECTS)), MissingReference),
    (lambda tx, user: (tx.users.get, ID), NotFound),
    (lambda tx, user: (tx.users.delete, ID), NotFound),
    (lambda tx, user: (tx.users.update, build(USERS)), NotFound),
    (lambda tx, user: (tx.users.update, changed(user, updated_at=tx.now)), Stale),
    (lambda tx, user: (tx.users.insert, build(USERS, name="")), InvalidValue),
    (lambda tx, user: (tx.users.page,), InvalidValue),
]
each_failure: Final = pytest.mark.parametrize(("failing", "error"), FAILURES)


def add(batch: Batch, tx: UnitOfWork, user: User, failing: Any) -> Pending[Any]:
    call, *args = failing(tx, user)
    return batch.add(call, *args) if args else batch.add(call, limit=-1)


@each_failure
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_failure_of_a_batch_is_raised(store: Store, failing: Any, error: Any, place: int) -> None:
    """When the batch is left, or sooner; after any of them only rollback is accepted, and nothing was written."""
    user = seeded(store)
    with store.begin() as tx:
        fine = [lambda batch: batch.add(tx.users.insert, build(USERS)) for _ in range(2)]
        calls = [*fine[:place], lambda batch: add(batch, tx, user, failing), *fine[place:]]
        with pytest.raises(error):
            send(tx, *calls)
        with pytest.raises(TransactionAborted):
            tx.users.count()
        with pytest.raises(TransactionAborted):
            tx.commit()
    assert names(store) == [user.name]


@each_failure
def test_a_savepoint_undoes_a_failed_batch(store: Store, failing: Any, error: Any) -> None:
    """The unit of work then goes on and can be committed."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with pytest.raises(error), tx.savepoint():
            send(
                tx,
                lambda batch: batch.add(tx.users.insert, build(USERS)),
                lambda batch: add(batch, tx, user, failing),
                lambda batch: batch.add(tx.users.insert, build(USERS)),
            )
        assert tx.users.page().items == (user,)
        tx.commit()
    assert names(store) == [user.name]


@each_failure
@pytest.mark.parametrize(("second", "other"), FAILURES[:4])
def test_of_two_failures_the_first_is_raised(
    store: Store, failing: Any, error: type[Exception], second: Any, other: type[Exception]
) -> None:
    """In the order of the calls, whatever kinds of failures they are."""
    user = seeded(store)
    with store.begin() as tx:
        with pytest.raises((error, other)) as caught:
            send(tx, lambda batch: add(batch, tx, user, second), lambda batch: add(batch, tx, user, failing))
        assert type(caught.value) is other


@each_reading_mode
def test_a_failed_batch_of_reads_lets_the_unit_go_on(store: Store, mode: Mode) -> None:
    """There is nothing to undo: NotFound and InvalidValue are answers."""
    with store.begin(mode) as tx:
        for call, error in (
            (lambda b: b.add(tx.users.get, ID), NotFound),
            (lambda b: b.add(tx.users.get, 1), InvalidValue),
        ):
            with pytest.raises(error):
                send(tx, lambda batch: batch.add(tx.users.count), call)
            assert tx.users.count() == 0
        with pytest.raises(ReadOnlyTransaction):
            send(tx, lambda batch: batch.add(tx.users.insert, build(USERS)))
        assert tx.users.count() == 0
        tx.commit()


def test_a_batch_that_is_left_by_an_exception_can_only_be_undone(store: Store) -> None:
    """Whatever the exception: what its calls did is open, so the unit of work accepts only rollback."""

    def leave(tx: UnitOfWork, error: BaseException) -> None:
        with tx.batch() as batch:
            batch.add(tx.users.insert, build(USERS))
            raise error

    for error in (LookupError(), KeyboardInterrupt(), NotFound("user", ID)):
        with store.begin() as tx:
            with pytest.raises(type(error)):
                leave(tx, error)
            with pytest.raises(TransactionAborted):
                tx.commit()
    assert names(store) == []


def test_calls_that_are_several_statements_are_refused(store: Store) -> None:
    """stream, bulk calls and savepoints need the answers of what came before: TransactionError."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        wrong: list[Callable[[Batch], Any]] = [
            lambda batch: batch.add(tx.users.stream),
            lambda batch: batch.add(tx.files.stream, project.id),
            lambda batch: batch.add(tx.audit.stream),
            lambda batch: batch.add(tx.users.insert_many, []),
            lambda batch: batch.add(tx.users.update_many, []),
            lambda batch: batch.add(tx.users.upsert, []),
            lambda batch: batch.add(tx.savepoint),
        ]
        for call in wrong:
            with pytest.raises(TransactionError), tx.savepoint():
                send(tx, call)
        assert tx.projects.page().items == (project,)


@pytest.mark.parametrize("call", [*EVERYTHING.values()], ids=list(EVERYTHING))
def test_while_a_batch_is_open_other_calls_are_refused(store: Store, call: Call) -> None:
    """TransactionError from every call of the unit of work that is not added: they would overtake the batch."""
    with store.begin() as tx:
        with tx.batch() as batch:
            count = batch.add(tx.users.count)
            with pytest.raises(TransactionError):
                call(tx)
        assert count.value == 0
        assert tx.users.count() == 0


def test_what_is_no_call_of_the_unit_of_work_is_refused(store: Store) -> None:
    """Functions, and calls of another unit of work: TransactionError, and they are not run."""
    ran: list[int] = []
    with store.begin() as tx, store.begin() as other:
        for call in (lambda: ran.append(1), len, print, object(), None, other.users.count, other.users.page, tx.commit):
            with pytest.raises(TransactionError), tx.savepoint():
                send(tx, lambda batch, call=call: batch.add(call))  # type: ignore[misc]  # mypy cannot infer the default
        with pytest.raises(TransactionError), tx.savepoint():
            send(tx, lambda batch: batch.add(other.users.insert, build(USERS)))
        assert ran == []
        assert other.users.count() == 0
        other.commit()
    assert names(store) == []


def test_a_batch_takes_no_calls_before_and_after(store: Store) -> None:
    """TransactionError for a batch that was left; a new one can be opened."""
    with store.begin() as tx:
        with tx.batch() as batch:
            batch.add(tx.users.count)
        with pytest.raises(TransactionError):
            batch.add(tx.users.count)
        with tx.batch() as again:
            count = again.add(tx.users.count)
        assert count.value == 0


def test_a_batch_may_be_rolled_back_from_inside(store: Store) -> None:
    """`rollback` is always allowed: nothing of the batch stays, and leaving it says that the unit has ended."""

    def roll_back(tx: UnitOfWork) -> None:
        with tx.batch() as batch:
            batch.add(tx.users.insert, build(USERS))
            tx.rollback()

    with store.begin() as tx:
        with pytest.raises(TransactionClosed):
            roll_back(tx)
        with pytest.raises(TransactionClosed):
            tx.users.count()
    assert names(store) == []


def test_batches_and_savepoints_nest_one_way(store: Store) -> None:
    """A batch inside a savepoint is undone with it."""
    with store.begin() as tx:
        user = build(USERS)
        with tx.savepoint():
            send(tx, lambda batch: batch.add(tx.users.insert, user))
        with pytest.raises(NotFound), tx.savepoint():
            send(tx, lambda b: b.add(tx.users.delete, user.id), lambda b: b.add(tx.users.get, user.id))
        tx.commit()
    assert names(store) == [user.name]
