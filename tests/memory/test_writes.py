"""Constraints, versions and cascades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.access import Upserted
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import AlreadyExists, InvalidValue, MissingReference, NotFound, Stale
from vibecore.domain.files import FileType
from vibecore.domain.filters import field
from vibecore.domain.pipelines import ExecutionStatus
from vibecore.domain.rules import LATEST
from vibecore.domain.users import User
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork
from vibecore.repositories.unit_of_work import Mode


def facts(call: Callable[[], object], error: type[AlreadyExists | MissingReference]) -> dict[str, object]:
    with pytest.raises(error) as caught:
        call()
    return caught.value.facts


def attempt(seeded: Seeded, call: Callable[[MemoryUnitOfWork], object]) -> Any:
    """What a failed statement says, or what it returns; then everything is undone."""
    with seeded.store.begin() as unit:
        try:
            return call(unit)
        except (AlreadyExists, MissingReference) as error:
            return error.facts["constraint"]


def inserting(record: User, *, many: bool = False) -> Callable[[MemoryUnitOfWork], object]:
    return lambda unit: unit.users.insert_many([record]) if many else unit.users.insert(record)


def test_constraints_are_reported_in_the_declared_order(seeded: Seeded) -> None:
    ada, grace = seeded.ada, world.user()
    steps = [
        (world.user(id=ada.id, email=ada.email), "pk_users"),
        (world.user(email=ada.email), "idx_users_email"),
        (world.user(email="Ada@example.org", email_key=ada.email_key), "uq_users_email_key"),
    ]
    for record, constraint in steps:
        assert attempt(seeded, inserting(record)) == constraint
        assert attempt(seeded, inserting(record, many=True)) == constraint
    lost = world.project(grace)
    world.committed(seeded.store, world.file(seeded.engine, "a.py"))
    clash = replace(world.file(seeded.engine, "a.py"), parent_id=world.new_id())
    assert attempt(seeded, lambda unit: unit.files.insert(clash)) == "idx_files_path"
    assert attempt(seeded, lambda unit: unit.files.insert(replace(clash, path="b.py"))) == "fk_files_parent"
    orphan = replace(clash, project_id=lost.id)
    assert attempt(seeded, lambda unit: unit.files.insert(orphan)) == "fk_files_project"


def test_errors_carry_their_facts(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    assert facts(lambda: unit.users.insert(world.user(email="ada@example.org")), AlreadyExists) == {
        "kind": "user",
        "constraint": "idx_users_email",
        "fields": ("email",),
    }
    unit = seeded.store.begin()
    assert facts(lambda: unit.projects.insert(world.project(world.user())), MissingReference) == {
        "kind": "project",
        "constraint": "fk_projects_owner",
        "field": "owner_id",
    }
    twice = world.event()
    unit = seeded.store.begin()
    unit.audit.append(twice)
    assert facts(lambda: unit.audit.append(twice), AlreadyExists) == {
        "kind": "audit_event",
        "constraint": "pk_audit_logs",
        "fields": ("id", "created_at"),
    }
    unit = seeded.store.begin()
    unit.audit.append(replace(twice, created_at=twice.created_at + world.MINUTE))
    unit.audit.append(twice)
    assert unit.audit.count() == 2


def test_in_a_batch_uniqueness_of_all_comes_before_references(seeded: Seeded) -> None:
    orphan = world.file(world.project(world.user()), "x.py")
    files = [orphan, world.file(seeded.engine, "a.py"), world.file(seeded.engine, "a.py")]
    assert attempt(seeded, lambda unit: unit.files.insert_many(files)) == "idx_files_path"
    assert attempt(seeded, lambda unit: unit.files.insert_many(files[:2])) == "fk_files_project"
    assert attempt(seeded, lambda unit: unit.files.insert_many([files[1], files[1]])) == "pk_files"
    assert attempt(seeded, lambda unit: unit.files.count(seeded.engine.id)) == 0


def test_rows_of_a_batch_may_refer_to_each_other_in_any_order(seeded: Seeded) -> None:
    folder = world.file(seeded.engine, "src", type=FileType.FOLDER)
    inner = world.file(seeded.engine, "src/a.py", parent_id=folder.id)
    itself = replace(world.file(seeded.engine, "self"), parent_id=None)
    itself = replace(itself, parent_id=itself.id)
    with seeded.store.begin() as unit:
        assert unit.files.insert_many([inner, folder]) == 2
        assert unit.files.insert(itself) == itself
        unit.commit()
    assert seeded.store.begin(Mode.READ).files.count(seeded.engine.id) == 3


def test_an_update_keeps_id_scope_and_creation_and_moves_the_version(seeded: Seeded) -> None:
    with seeded.store.begin() as unit:
        same = unit.users.update(replace(seeded.ada, created_at=world.START - world.MINUTE))
        assert same == replace(seeded.ada, updated_at=world.START.replace(microsecond=1))
        seeded.clock.tick()
        again = unit.users.update(same)
        assert again.updated_at == same.updated_at.replace(microsecond=2)
        unit.commit()
    with seeded.store.begin() as unit:
        assert unit.users.update(again).updated_at == seeded.clock.now


def test_an_update_in_the_wrong_scope_finds_nothing(seeded: Seeded) -> None:
    have, other = world.file(seeded.engine, "a.py"), world.project(seeded.ada)
    world.committed(seeded.store, have, other)
    with seeded.store.begin() as unit:
        with pytest.raises(NotFound) as missing:
            unit.files.update(replace(have, project_id=other.id))
        assert missing.value.facts == {"kind": "file", "key": have.id}
        with pytest.raises(NotFound):
            unit.files.delete(other.id, have.id)
        assert unit.files.find(other.id, have.id) is None
        assert unit.files.find_many(other.id, [have.id]) == {}
        assert unit.files.find_many(seeded.engine.id, [have.id, have.id, world.new_id()]) == {have.id: have}


def test_the_last_version_there_is_cannot_be_followed(seeded: Seeded) -> None:
    last = world.user(updated_at=LATEST)
    world.committed(seeded.store, last)
    with seeded.store.begin() as unit:
        with pytest.raises(InvalidValue) as refused:
            unit.users.update(last)
        assert refused.value.field == "updated_at"
        with pytest.raises(InvalidValue):
            unit.users.upsert([world.user(), last])
        assert unit.users.count() == 2


def test_update_many_changes_all_or_nothing(seeded: Seeded) -> None:
    users = [world.user() for _ in range(3)]
    world.committed(seeded.store, *users)
    with seeded.store.begin() as unit:
        changed = unit.users.update(replace(users[1], name="Changed"))
        with pytest.raises(Stale) as stale:
            unit.users.update_many([replace(users[0], name="x"), users[1], world.user()])
        assert stale.value.key == users[1].id
        gone = world.user()
        with pytest.raises(NotFound) as missing:
            unit.users.update_many([users[0], gone, users[1]])
        assert missing.value.key == gone.id
        assert unit.users.find_many([user.id for user in users]) == {
            users[0].id: users[0],
            users[1].id: changed,
            users[2].id: users[2],
        }
        renamed = unit.users.update_many([replace(users[2], name="C"), replace(users[0], name="A")])
        assert [user.name for user in renamed] == ["C", "A"]
        assert unit.users.update_many([]) == []


def test_update_many_takes_one_scope_and_each_key_once(seeded: Seeded) -> None:
    other = world.project(seeded.ada)
    rows = [world.file(seeded.engine, "a.py"), world.file(other, "b.py")]
    world.committed(seeded.store, other, *rows)
    unit = seeded.store.begin()
    with pytest.raises(InvalidValue) as refused:
        unit.files.update_many(rows)
    assert refused.value.field == "project_id"
    with pytest.raises(InvalidValue) as refused:
        unit.files.update_many([rows[0], rows[0]])
    assert refused.value.field == "id"


def test_swapping_unique_values_in_one_statement_is_refused(seeded: Seeded) -> None:
    """A server admits it or not depending on where the rows lie."""
    first, second = world.user(), world.user()
    world.committed(seeded.store, first, second)

    def named(user: User, email: str) -> User:
        return replace(user, email=email, email_key=email)

    swap = [named(first, second.email), named(second, first.email)]
    assert attempt(seeded, lambda unit: unit.users.update_many(swap)) == "idx_users_email"
    chain = [named(first, "free@example.org"), named(second, first.email)]
    assert attempt(seeded, lambda unit: unit.users.update_many(chain)) == "idx_users_email"
    same = [named(first, "x@example.org"), named(second, "x@example.org")]
    assert attempt(seeded, lambda unit: unit.users.update_many(same)) == "idx_users_email"
    both = [named(first, "x@example.org"), named(second, "y@example.org")]
    assert len(attempt(seeded, lambda unit: unit.users.update_many(both))) == 2


def test_partial_uniques_hold_for_their_states_only(seeded: Seeded) -> None:
    stopped, pending = (
        world.deployment(seeded.engine, status=status)
        for status in (DeploymentStatus.STOPPED, DeploymentStatus.PENDING)
    )
    world.committed(seeded.store, stopped, pending, world.deployment(seeded.engine, status=DeploymentStatus.FAILED))
    building = world.deployment(seeded.engine, status=DeploymentStatus.BUILDING)
    assert attempt(seeded, lambda unit: unit.deployments.insert(building)) == "uq_deployments_in_flight"
    staging = replace(building, environment="staging")
    assert attempt(seeded, lambda unit: unit.deployments.insert(staging)) == staging
    with seeded.store.begin() as unit:
        moved = unit.deployments.update(replace(pending, status=DeploymentStatus.BUILDING))
        running = unit.deployments.update(replace(moved, status=DeploymentStatus.RUNNING))
        assert unit.deployments.running(seeded.engine.id, "production") == running
        assert unit.deployments.insert(building) == building
        assert facts(
            lambda: unit.deployments.update(replace(stopped, status=DeploymentStatus.RUNNING)), AlreadyExists
        ) == {
            "kind": "deployment",
            "constraint": "uq_deployments_running",
            "fields": ("project_id", "environment"),
        }


def test_a_missing_value_is_equal_to_nothing(seeded: Seeded) -> None:
    ci = world.pipeline(seeded.engine)
    running = [world.execution(ci, status=ExecutionStatus.RUNNING) for _ in range(2)]
    world.committed(seeded.store, ci, *running)
    keyed = [world.execution(ci, status=ExecutionStatus.RUNNING, concurrency_key="main") for _ in range(2)]
    assert attempt(seeded, lambda unit: unit.executions.insert_many(keyed)) == "uq_cicd_executions_running"
    waiting = replace(keyed[1], status=ExecutionStatus.QUEUED)
    assert attempt(seeded, lambda unit: unit.executions.insert_many([keyed[0], waiting])) == 2


def test_deleting_takes_along_all_that_refers_however_far(seeded: Seeded) -> None:
    grace, other = world.user(), world.project(world.user())
    ci = world.pipeline(seeded.engine)
    root = world.file(seeded.engine, "a", type=FileType.FOLDER)
    inner = world.file(seeded.engine, "a/b", type=FileType.FOLDER, parent_id=root.id)
    world.committed(
        seeded.store,
        grace,
        world.member(seeded.engine, grace),
        root,
        inner,
        world.file(seeded.engine, "a/b/c", parent_id=inner.id),
        world.file(seeded.engine, "d"),
        ci,
        world.execution(ci),
        world.deployment(seeded.engine),
        world.review(seeded.engine, "d"),
    )
    id = seeded.engine.id
    with seeded.store.begin() as unit:
        unit.audit.append(world.event(project_id=id))
        unit.files.delete(id, root.id)
        assert [stamp.path for stamp in unit.files.subtree(id, "d")] == ["d"]
        assert unit.files.count(id) == 1
        unit.pipelines.delete(id, ci.id)
        assert unit.executions.count(id) == 0
        unit.users.delete(seeded.ada.id)
        counts = [t.count(id) for t in (unit.members, unit.files, unit.deployments, unit.reviews)]
        assert counts == [0, 0, 0, 0]
        assert unit.projects.find(id) is None
        assert unit.users.get(grace.id) == grace
        assert unit.members.find_user(id, grace.id) is None
        assert unit.audit.count() == 1
        with pytest.raises(NotFound):
            unit.projects.delete(id)
        with pytest.raises(MissingReference):
            unit.projects.insert(other)


def test_deleting_a_cycle_ends(seeded: Seeded) -> None:
    one = world.file(seeded.engine, "one")
    two = world.file(seeded.engine, "two", parent_id=one.id)
    world.committed(seeded.store, one, two)
    with seeded.store.begin() as unit:
        unit.files.update(replace(one, parent_id=two.id))
        assert unit.files.delete_where(seeded.engine.id, field("path").eq("two")) == 1
        assert unit.files.count(seeded.engine.id) == 0


def test_delete_where_needs_a_condition(seeded: Seeded) -> None:
    nothing: Any = None
    with seeded.store.begin() as unit, pytest.raises(InvalidValue) as refused:
        unit.files.delete_where(seeded.engine.id, nothing)
    assert refused.value.field == "where"


def test_upsert_tells_what_became_of_each_record(seeded: Seeded) -> None:
    path = "idx_files_path"
    have = world.file(seeded.engine, "a.py", language="Python")
    world.committed(seeded.store, have)
    seeded.clock.tick()
    early = seeded.clock.now - world.MINUTE * 9
    records = [
        world.file(seeded.engine, "b.py", language="lost"),
        world.file(seeded.engine, "a.py", language="Ruby", created_at=early, updated_at=early),
        world.file(seeded.engine, "b.py", language="Rust"),
    ]
    with seeded.store.begin() as unit:
        assert unit.files.upsert(records, on=path) == [Upserted.SUPERSEDED, Upserted.UPDATED, Upserted.INSERTED]
        assert unit.files.get(seeded.engine.id, have.id) == replace(have, language="Ruby", updated_at=seeded.clock.now)
        assert unit.files.find_path(seeded.engine.id, "b.py") == records[2]
        assert unit.files.upsert([], on=path) == []
        assert unit.files.upsert([replace(have, language="Go")]) == [Upserted.UPDATED]


def test_upsert_by_key_does_not_reach_into_another_scope(seeded: Seeded) -> None:
    other, have = world.project(seeded.ada), world.file(seeded.engine, "a.py")
    world.committed(seeded.store, other, have)
    moved = replace(have, project_id=other.id)
    assert attempt(seeded, lambda unit: unit.files.upsert([moved])) == "pk_files"


def test_upsert_may_span_scopes(seeded: Seeded) -> None:
    other = world.project(seeded.ada)
    rows = [world.file(seeded.engine, "a.py"), world.file(other, "a.py")]
    world.committed(seeded.store, other, *rows)
    with seeded.store.begin() as unit:
        changed = [replace(row, id=world.new_id(), language="Go") for row in rows]
        assert unit.files.upsert(changed, on="idx_files_path") == [Upserted.UPDATED] * 2
        assert unit.files.get(other.id, rows[1].id).language == "Go"


def test_upsert_needs_a_constraint_that_can_match(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    wrong: Any = 7
    for on in ("uq_deployments_running", "uq_users_email_key", wrong):
        with pytest.raises(InvalidValue) as refused:
            unit.deployments.upsert([], on=on)
        assert refused.value.field == "on"
    assert unit.deployments.upsert([], on="pk_deployments") == []


def test_records_of_another_type_are_refused(seeded: Seeded) -> None:
    wrong: Any = seeded.ada
    with seeded.store.begin() as unit:
        for call in (unit.files.insert, unit.files.update):
            with pytest.raises(InvalidValue):
                call(wrong)
        for many in (unit.files.insert_many, unit.files.update_many, unit.files.upsert):
            with pytest.raises(InvalidValue):
                many(wrong)
            with pytest.raises(InvalidValue):
                many([wrong])
        assert unit.files.count(seeded.engine.id) == 0
