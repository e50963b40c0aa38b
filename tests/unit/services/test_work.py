from __future__ import annotations

from typing import Any

import pytest

from tests.unit.services.house import House
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor
from vibecore.domain.errors import (
    InvalidValue,
    PermissionDenied,
    SerializationConflict,
    StoreUnavailable,
)
from vibecore.domain.permissions import Action
from vibecore.repositories.unit_of_work import Mode, UnitOfWork
from vibecore.services.work import ATTEMPTS, LONGEST_WAIT, Work, allowed

SYSTEM = Actor.system("test")


@pytest.fixture
def house() -> House:
    return House()


def bound(house: House, tx: Any) -> Services:
    return Services(Work(house.store, house.effects, tx))  # type: ignore[arg-type]


def test_a_collision_is_run_again(house: House) -> None:
    """From the start, after a wait that grows and stays short; what succeeds is written once."""
    runs: list[int] = []

    def collide(tx: UnitOfWork) -> str:
        runs.append(len(runs))
        tx.audit.append(house.work.event(tx, house.owner, "test.run"))
        if len(runs) < ATTEMPTS:
            raise SerializationConflict
        return "done"

    assert house.work.write(house.owner, collide) == "done"
    assert len(runs) == ATTEMPTS
    assert house.actions() == ["test.run"]
    waits = house.effects.runtime.waits  # type: ignore[attr-defined]
    assert len(waits) == ATTEMPTS - 1
    assert all(0 <= wait <= LONGEST_WAIT for wait in waits)


def test_a_unit_that_always_collides_gives_up(house: House) -> None:
    """With the error that the caller can act on; nothing is written."""
    runs: list[int] = []

    def collide(tx: UnitOfWork) -> None:
        runs.append(1)
        tx.audit.append(house.work.event(tx, house.owner, "test.run"))
        raise SerializationConflict

    with pytest.raises(SerializationConflict):
        house.work.write(house.owner, collide)
    assert (len(runs), house.actions()) == (ATTEMPTS, [])


def test_other_errors_are_not_run_again(house: House) -> None:
    """They would only come again."""
    runs: list[int] = []

    def fail(tx: UnitOfWork) -> None:
        runs.append(1)
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        house.work.write(house.owner, fail)
    assert len(runs) == 1


def test_an_override_of_a_run_that_was_undone_does_not_count(house: House) -> None:
    """Only the run that was committed is told of."""
    runs: list[int] = []

    def first_by_override(tx: UnitOfWork) -> None:
        runs.append(1)
        if len(runs) == 1:
            allowed(SYSTEM, Action.MAINTAIN)
            raise SerializationConflict
        tx.audit.append(house.work.event(tx, SYSTEM, "test.run"))

    house.work.write(SYSTEM, first_by_override)
    assert [(event.action, dict(event.details)) for event in house.trail()] == [("test.run", {"system_reason": "test"})]


def test_an_override_without_an_event_gets_one(house: House) -> None:
    """In the same unit of work: both or neither."""
    house.work.write(SYSTEM, lambda tx: allowed(SYSTEM, Action.MAINTAIN))
    (event,) = house.trail()
    assert event.action == "permission.overridden"
    assert dict(event.details) == {"actions": ["maintenance.run"], "override": True, "system_reason": "test"}


def test_the_mark_of_one_call_does_not_reach_the_next(house: House) -> None:
    """An administrator's own project needs no override, whatever they did before."""
    house.vibe.projects.update(house.admin, house.project, name="theirs")
    own = house.vibe.projects.create(house.admin, name="own")
    house.vibe.projects.update(house.admin, own.id, name="still own")
    assert [event.details.get("override", False) for event in house.trail()] == [True, False, False]


def test_a_denial_outlives_the_transaction_that_it_ended(house: House) -> None:
    """It commits in a unit of its own, with the project it concerns."""
    with house.store.begin() as tx:
        inside = bound(house, tx)
        inside.projects.update(house.owner, house.project, name="undone")
        with pytest.raises(PermissionDenied):
            inside.projects.update(house.viewer, house.project, name="denied")
    (event,) = house.trail()
    assert (event.action, event.user_id, event.project_id) == (
        "permission.denied",
        house.viewer.user_id,
        house.project,
    )
    assert event.details == {"action": "project.update"}
    assert house.vibe.projects.get(house.owner, house.project).name == "engine"


def test_a_call_that_fails_is_undone_alone(house: House) -> None:
    """The transaction around it goes on with what was done before."""
    with house.store.begin() as tx:
        inside = bound(house, tx)
        inside.projects.update(house.owner, house.project, name="kept")
        with pytest.raises(PermissionDenied):
            inside.projects.update(house.viewer, house.project, name="denied")
        assert inside.projects.get(house.owner, house.project).name == "kept"
        tx.commit()
    assert house.vibe.projects.get(house.viewer, house.project).name == "kept"
    assert sorted(house.actions()) == ["permission.denied", "project.updated"]


def test_asking_before_costly_work(house: House) -> None:
    """`permit` denies with a trace and allows without one: the work that follows leaves its own."""
    with pytest.raises(PermissionDenied):
        house.work.permit(house.owner, Action.USERS_MANAGE)
    house.work.permit(house.admin, Action.USERS_MANAGE)
    house.work.permit(SYSTEM, Action.USERS_MANAGE)
    assert house.actions() == ["permission.denied"]


@pytest.mark.parametrize("actor", [None, "admin", object()])
def test_no_actor_no_work(house: House, actor: Any) -> None:
    """Before the store is touched."""
    for call in (house.work.write, house.work.read, house.work.snapshot):
        with pytest.raises(InvalidValue):
            call(actor, lambda tx: tx.users.count())
    with pytest.raises(InvalidValue):
        house.work.permit(actor, Action.USERS_READ)
    assert house.trips == 0


def test_a_snapshot_sees_one_state(house: House) -> None:
    """Whatever is committed meanwhile."""

    def read_twice(tx: UnitOfWork) -> tuple[int, int]:
        before = tx.users.count()
        house.user("late")
        return before, tx.users.count()

    before, after = house.work.snapshot(house.owner, read_twice)
    assert before == after
    with house.memory.begin(Mode.READ) as tx:
        assert tx.users.count() == before + 1
