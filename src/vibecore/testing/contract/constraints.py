"""Uniqueness and references: what fails, with which facts, and what comes first where several things are wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.deployments import DEPLOYMENTS as TABLE
from vibecore.domain.deployments import IN_FLIGHT, Deployment, DeploymentStatus
from vibecore.domain.errors import AlreadyExists, MissingReference, TransactionAborted
from vibecore.domain.files import FILES
from vibecore.domain.members import MEMBERS
from vibecore.domain.pipelines import EXECUTIONS, PIPELINES, ExecutionStatus
from vibecore.domain.schema import Reference, Table, Unique
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import build, changed, make, prepare
from vibecore.testing.contract.expect import each_reference, each_unique, missing, refused, taken
from vibecore.testing.rows import Rows


def rivals(tx: UnitOfWork, table: Table[Any], unique: Unique) -> tuple[Any, Any]:
    """A stored row and a record of the same scope that wants its unique values."""
    only = {} if unique.only_field is None else {unique.only_field: unique.only_values[0]}
    full = {name: "main" for name in unique.fields if name in ("concurrency_key", "dedup_key")}
    stored = make(tx, table, **only, **full)
    values = {name: getattr(stored, name) for name in unique.fields}
    return stored, prepare(tx, table, **values, **only)


@each_unique
def test_a_taken_value_is_refused(store: Store, table: Table[Any], unique: Unique) -> None:
    """On insert, alone or in bulk, and on update: AlreadyExists with kind, constraint and fields."""
    with store.begin() as tx:
        stored, rival = rivals(tx, table, unique)
        rows = Rows(tx, table)
        for call in (lambda: rows.insert(rival), lambda: rows.insert_many([rival, _fine(tx, table, rival)])):
            with refused(taken(table, unique)), tx.savepoint():
                call()
        other = rows.insert(_fine(tx, table, rival))
        wanted = {name: getattr(rival, name) for name in (*unique.fields, *filter(None, [unique.only_field]))}
        for update in (
            lambda: rows.update(changed(other, **wanted)),
            lambda: rows.update_many([changed(other, **wanted)]),
        ):
            with refused(taken(table, unique)), tx.savepoint():
                update()
        assert rows.get(other) == other
        assert rows.get(stored) == stored


def _fine(tx: UnitOfWork, table: Table[Any], like: Any) -> Any:
    """A record of the same scope that meets nothing."""
    scope = {} if table.scope is None else {table.scope: getattr(like, table.scope)}
    return prepare(tx, table, **scope)


@each_unique
def test_a_row_does_not_stand_in_its_own_way(store: Store, table: Table[Any], unique: Unique) -> None:
    """An update that keeps the unique values is no second row with them."""
    with store.begin() as tx:
        stored, _ = rivals(tx, table, unique)
        updated = Rows(tx, table).update(stored)
        assert Rows(tx, table).update_many([updated])[0].id == stored.id


@each_unique
def test_a_value_that_was_given_up_is_free(store: Store, table: Table[Any], unique: Unique) -> None:
    """After a delete, in the same unit of work and in the next."""
    with store.begin() as tx:
        stored, rival = rivals(tx, table, unique)
        Rows(tx, table).delete(stored)
        again = Rows(tx, table).insert(rival)
        Rows(tx, table).delete(again)
        tx.commit()
    with store.begin() as tx:
        assert Rows(tx, table).insert(rival) == rival


def test_another_scope_may_have_the_same_values(store: Store) -> None:
    """Paths, names and tokens are unique within a project or a user."""
    with store.begin() as tx:
        same: list[tuple[Table[Any], dict[str, str]]] = [
            (FILES, {"path": "a"}),
            (PIPELINES, {"name": "ci"}),
            (SESSIONS, {"token": "t"}),
        ]
        for table, values in same:
            assert make(tx, table, **values).id != make(tx, table, **values).id


@pytest.mark.parametrize("first", DeploymentStatus)
@pytest.mark.parametrize("second", DeploymentStatus)
def test_one_deployment_in_flight_and_one_running(
    store: Store, first: DeploymentStatus, second: DeploymentStatus
) -> None:
    """Of an environment one deployment is pending or building and one is running; of other states any number."""
    with store.begin() as tx:
        one: Deployment = make(tx, TABLE, environment="production", status=first)
        other = build(TABLE, project_id=one.project_id, environment="production", status=second)
        if first in IN_FLIGHT and second in IN_FLIGHT:
            with refused(taken(TABLE, TABLE.uniques[0])):
                tx.deployments.insert(other)
        elif first is second is DeploymentStatus.RUNNING:
            with refused(taken(TABLE, TABLE.uniques[1])):
                tx.deployments.insert(other)
        else:
            assert tx.deployments.insert(other) == other


def test_a_change_of_status_can_take_and_free_a_place(store: Store) -> None:
    """A partial constraint follows the row through its states."""
    with store.begin() as tx:
        one = make(tx, TABLE, environment="e", status=DeploymentStatus.RUNNING)
        other = make(tx, TABLE, project_id=one.project_id, environment="e", status=DeploymentStatus.BUILDING)
        with refused(taken(TABLE, TABLE.uniques[1])), tx.savepoint():
            tx.deployments.update(changed(other, status=DeploymentStatus.RUNNING))
        tx.deployments.update(changed(one, status=DeploymentStatus.STOPPED))
        updated = tx.deployments.update(changed(other, status=DeploymentStatus.RUNNING))
        assert tx.deployments.running(one.project_id, "e") == updated


def test_missing_values_are_equal_to_nothing(store: Store) -> None:
    """Executions without a concurrency key run side by side; with one, one at a time."""
    with store.begin() as tx:
        first = make(tx, EXECUTIONS, status=ExecutionStatus.RUNNING, concurrency_key=None)
        same = {"project_id": first.project_id, "pipeline_id": first.pipeline_id, "status": ExecutionStatus.RUNNING}
        make(tx, EXECUTIONS, **same, concurrency_key=None)
        make(tx, EXECUTIONS, **same, concurrency_key="main")
        with refused(taken(EXECUTIONS, EXECUTIONS.uniques[0])):
            make(tx, EXECUTIONS, **same, concurrency_key="main")


@each_reference
def test_what_is_referred_to_must_exist(store: Store, table: Table[Any], reference: Reference) -> None:
    """On insert, alone or in bulk: MissingReference with kind, constraint and field."""
    with store.begin() as tx:
        rows = Rows(tx, table)
        fine = prepare(tx, table)
        wrong = changed(_fine(tx, table, fine), **{reference.field: uuid4()})
        for call in (lambda: rows.insert(wrong), lambda: rows.insert_many([fine, wrong])):
            with refused(missing(table, reference)), tx.savepoint():
                call()
        assert rows.find(fine) is None


@each_reference
def test_what_an_update_refers_to_must_exist(store: Store, table: Table[Any], reference: Reference) -> None:
    """MissingReference for every reference but the scope, which an update cannot change."""
    if reference.field == table.scope:
        return
    with store.begin() as tx:
        stored = make(tx, table)
        wrong = changed(stored, **{reference.field: uuid4()})
        rows = Rows(tx, table)
        for call in (lambda: rows.update(wrong), lambda: rows.update_many([wrong]), lambda: rows.upsert([wrong])):
            with refused(missing(table, reference)), tx.savepoint():
                call()
        assert rows.get(stored) == stored


def test_a_reference_names_a_row_of_its_own_table(store: Store) -> None:
    """The id of something else is the id of nothing."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with pytest.raises(MissingReference):
            tx.files.insert(build(FILES, project_id=user.id))


def test_a_missing_value_refers_to_nothing(store: Store) -> None:
    """A file at the top has no parent, and needs none."""
    with store.begin() as tx:
        assert make(tx, FILES, parent_id=None).parent_id is None


def test_the_key_is_reported_before_other_constraints(store: Store) -> None:
    """Where the primary key, unique values and references are all wrong at once."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with refused(taken(USERS, USERS.primary)), tx.savepoint():
            tx.users.insert(user)
        member = make(tx, MEMBERS)
        with refused(taken(MEMBERS, MEMBERS.primary)), tx.savepoint():
            tx.members.insert(changed(member, user_id=uuid4()))
        file = make(tx, FILES)
        with refused(taken(FILES, FILES.primary)), tx.savepoint():
            tx.files.insert(changed(file, parent_id=uuid4()))
        assert tx.users.count() == 4


def test_uniques_are_reported_in_the_order_of_their_declaration(store: Store) -> None:
    """The address as typed before its key; on insert and on update."""
    with store.begin() as tx:
        user, other = make(tx, USERS), make(tx, USERS)
        same = {"email": user.email, "email_key": user.email_key}
        for call in (
            lambda: tx.users.insert(build(USERS, **same)),
            lambda: tx.users.insert_many([build(USERS, **same), build(USERS)]),
            lambda: tx.users.update(changed(other, **same)),
            lambda: tx.users.update_many([changed(other, **same)]),
        ):
            with refused(taken(USERS, USERS.uniques[0])), tx.savepoint():
                call()
        with refused(taken(USERS, USERS.uniques[1])):
            tx.users.insert(build(USERS, email_key=user.email_key))


def test_uniques_are_reported_before_references(store: Store) -> None:
    """A taken path and a parent that is not there: the path."""
    with store.begin() as tx:
        file = make(tx, FILES)
        other = make(tx, FILES, project_id=file.project_id)
        wrong = {"path": file.path, "parent_id": uuid4()}
        for call in (
            lambda: tx.files.insert(build(FILES, project_id=file.project_id, **wrong)),
            lambda: tx.files.update(changed(other, **wrong)),
            lambda: tx.files.update_many([changed(other, **wrong)]),
        ):
            with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
                call()
        assert tx.files.count(file.project_id) == 2


def test_references_are_reported_in_the_order_of_their_declaration(store: Store) -> None:
    """A member of no project who is no user: the project."""
    with store.begin() as tx:
        records = [build(MEMBERS), build(EXECUTIONS), build(FILES, parent_id=uuid4())]
        tables: list[Table[Any]] = [MEMBERS, EXECUTIONS, FILES]
        for table, record in zip(tables, records, strict=True):
            for call in (Rows(tx, table).insert, lambda record, table=table: Rows(tx, table).insert_many([record] * 1)):
                with refused(missing(table, table.references[0])), tx.savepoint():
                    call(record)
        assert tx.users.count() == 0


def test_in_bulk_uniqueness_comes_before_references(store: Store) -> None:
    """A taken value in the last record is reported before a missing reference of the first."""
    with store.begin() as tx:
        file = make(tx, FILES)
        project = file.project_id
        lost = build(FILES, project_id=project, parent_id=uuid4())
        double = build(FILES, project_id=project, path=file.path)
        with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
            tx.files.insert_many([lost, double])
        with refused(taken(FILES, FILES.primary)), tx.savepoint():
            tx.files.insert_many([lost, changed(file, path="other")])
        one, other = make(tx, FILES, project_id=project), make(tx, FILES, project_id=project)
        with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
            tx.files.update_many([changed(one, parent_id=uuid4()), changed(other, path=file.path)])
        assert tx.files.count(project) == 3


def test_in_bulk_the_first_record_that_fails_is_reported(store: Store) -> None:
    """Of several uniqueness failures that of the earliest record, whichever constraint it is."""
    with store.begin() as tx:
        user = make(tx, USERS)
        by_key, by_email = build(USERS, email_key=user.email_key), build(USERS, email=user.email)
        with refused(taken(USERS, USERS.uniques[1])), tx.savepoint():
            tx.users.insert_many([build(USERS), by_key, by_email, user])
        with refused(taken(USERS, USERS.uniques[0])), tx.savepoint():
            tx.users.insert_many([by_email, by_key])
        with refused(taken(USERS, USERS.primary)), tx.savepoint():
            tx.users.insert_many([user, by_email, by_key])
        assert tx.users.count() == 1


def test_records_of_one_batch_can_stand_in_each_others_way(store: Store) -> None:
    """Two records with one key or one unique value: the second is refused, and the batch with it."""
    with store.begin() as tx:
        one, other = build(USERS), build(USERS)
        with refused(taken(USERS, USERS.primary)), tx.savepoint():
            tx.users.insert_many([one, changed(other, id=one.id)])
        with refused(taken(USERS, USERS.uniques[0])), tx.savepoint():
            tx.users.insert_many([one, changed(other, email=one.email)])
        assert tx.users.count() == 0


def test_the_key_of_an_event_is_id_and_moment(store: Store) -> None:
    """The same id at another moment is another event; the same at the same moment is refused."""
    with store.begin() as tx:
        event = make(tx, AUDIT_LOGS)
        later = tx.audit.append(changed(event, created_at=event.created_at + timedelta(days=40)))
        assert tx.audit.count() == 2
        for again in (event, later):
            with refused(taken(AUDIT_LOGS, AUDIT_LOGS.primary)), tx.savepoint():
                tx.audit.append(again)
        assert tx.audit.count() == 2


@each_unique
def test_after_a_broken_constraint_only_rollback_is_accepted(store: Store, table: Table[Any], unique: Unique) -> None:
    """Nothing of the unit of work is written, not even what came before; commit says so."""
    with store.begin() as tx:
        _, rival = rivals(tx, table, unique)
        with pytest.raises(AlreadyExists):
            Rows(tx, table).insert(rival)
        with pytest.raises(TransactionAborted):
            Rows(tx, table).find(rival)
        with pytest.raises(TransactionAborted):
            tx.commit()
    with store.begin() as tx:
        assert tx.users.count() == 0
