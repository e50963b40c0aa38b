"""Deployments as whoever deploys sees them: the machine, the way back, environments, the archive, races."""

from __future__ import annotations

import dataclasses
import random
from functools import partial
from itertools import product
from typing import Any

import pytest

from tests.contract.deploying import LIVE, TO, Yard, race, won
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import ENDED, IN_FLIGHT, TRANSITIONS, ArchivedDeployment, Deployment, DeploymentStatus
from vibecore.domain.environments import EnvironmentTier
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidTransition,
    InvalidValue,
    NotFound,
    PermissionDenied,
    ReadOnlyProject,
    SerializationConflict,
    VibecoreError,
)
from vibecore.domain.projects import ProjectStatus
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.effects import FixedClock

RACERS = 20
ROADS: dict[DeploymentStatus, tuple[DeploymentStatus, ...]] = {
    TO.PENDING: (),
    TO.BUILDING: (TO.BUILDING,),
    TO.RUNNING: LIVE,
    TO.FAILED: (TO.FAILED,),
    TO.STOPPED: (TO.STOPPED,),
    TO.ROLLED_BACK: (*LIVE, TO.ROLLED_BACK),
}
"""The steps from a new deployment to each status."""


@pytest.fixture
def yard(store: Store, clock: FixedClock) -> Yard:
    return Yard(store, clock)


# -- the machine


def test_every_step_of_the_machine_and_no_other(yard: Yard) -> None:
    """Of the 36 pairs those of the table; the same status is no step and leaves no event."""
    for number, (source, target) in enumerate(product(TO, TO)):
        deployment = yard.step(yard.create(environment=f"e{number}"), *ROADS[source])
        before, trail = yard.fresh(deployment), yard.trail()
        if source is target:
            assert yard.step(deployment, target) == before
            assert yard.trail() == trail
        elif target in TRANSITIONS[source] and source is not TO.FAILED:
            assert yard.step(deployment, target).status is target
            (event,) = yard.trail()[len(trail) :]
            assert event.details["changes"]["status"] == [source.value, target.value]
            assert event.details["reason"] == "as planned"
        else:
            with pytest.raises(InvalidTransition) as caught:
                yard.step(deployment, target)
            assert (caught.value.source, caught.value.target) == (source.value, target.value)
            assert yard.fresh(deployment) == before


def test_every_change_has_a_reason(yard: Yard) -> None:
    """The one that was given, and for those that make room one that names who took it."""
    old, new = yard.live("1"), yard.live("2")
    assert yard.fresh(new).reason == "as planned"
    assert yard.fresh(old).reason == f"replaced by {new.id}"
    back = yard.step(yard.rollback(new), *LIVE)
    assert yard.fresh(new).reason == f"rolled back by {back.id}"
    for wrong in ("", None, 7):
        with pytest.raises(InvalidValue) as caught:
            yard.deployments.transition(yard.ada, yard.id, back.id, TO.STOPPED, reason=wrong)  # type: ignore[arg-type]
        assert caught.value.field == "reason"


def test_when_it_went_live_is_kept_apart_from_its_end(yard: Yard) -> None:
    """`live_at` stays when it ends, and one that never was live has none."""
    lived = yard.live("1")
    went = yard.clock()
    yard.step(lived, TO.FAILED)
    after = yard.fresh(lived)
    assert (after.live_at, after.completed_at) == (went, yard.clock())
    failed = yard.step(yard.create("2"), TO.FAILED)
    assert (failed.live_at, failed.completed_at) == (None, yard.clock())


def test_going_live_demotes_before_it_promotes(yard: Yard) -> None:
    """Two statements, in that order: at no moment do two run, which the index would refuse."""
    old, new = yard.live("1"), yard.step(yard.create("2"), TO.BUILDING)
    both = dataclasses.replace(new, status=TO.RUNNING)
    with yard.store.begin() as tx, pytest.raises(AlreadyExists) as caught:
        tx.deployments.update(both)
    assert caught.value.constraint == "uq_deployments_running"
    yard.step(new, TO.RUNNING)
    assert (yard.fresh(old).status, yard.fresh(new).status) == (TO.STOPPED, TO.RUNNING)


# -- retries and the way back


def test_a_rollback_of_a_rollback(yard: Yard) -> None:
    """It goes back to the newest healthy one that is neither bad, and names the rollback that it undoes."""
    yard.live("1")
    yard.live("2")
    bad = yard.live("3")
    first = yard.step(yard.rollback(bad), *LIVE)
    assert (first.version, first.rollback_of) == ("2", bad.id)
    second = yard.step(yard.rollback(first), *LIVE)
    assert (second.version, second.rollback_of) == ("2", first.id)
    assert [yard.fresh(each).status for each in (bad, first, second)] == [TO.ROLLED_BACK, TO.ROLLED_BACK, TO.RUNNING]


def test_a_retry_of_a_rollback_undoes_the_same_deployment(yard: Yard) -> None:
    """It has the version and the configuration of the rollback, and both names."""
    yard.step(yard.create("1", config={"replicas": 3}), *LIVE)
    bad = yard.live("2")
    failed = yard.step(yard.rollback(bad), TO.BUILDING, TO.FAILED)
    assert yard.fresh(bad) == bad
    again = yard.retry(failed)
    assert (again.version, again.config, again.retry_of, again.rollback_of) == ("1", {"replicas": 3}, failed.id, bad.id)
    yard.step(again, *LIVE)
    assert yard.fresh(bad).status is TO.ROLLED_BACK


@pytest.mark.parametrize("end", [TO.FAILED, TO.STOPPED])
def test_a_rollback_that_does_not_go_live_leaves_the_bad_row_untouched(yard: Yard, end: DeploymentStatus) -> None:
    """Not one field of it, its version and its time of change included."""
    yard.live("1")
    bad = yard.live("2")
    for road in ((end,), (TO.BUILDING, end)):
        yard.step(yard.rollback(bad), *road)
        assert yard.fresh(bad) == bad


def test_what_failed_is_rolled_back_only_by_a_rollback_that_goes_live(yard: Yard) -> None:
    """Not by the step itself, and never where it had not been live."""
    yard.live("1")
    never, lived = yard.step(yard.create("2"), TO.FAILED), yard.step(yard.live("3"), TO.FAILED)
    for failed in (never, lived):
        with pytest.raises(InvalidTransition) as caught:
            yard.step(failed, TO.ROLLED_BACK)
        assert caught.value.reason == "only a rollback that goes live does this"
    with pytest.raises(InvalidTransition) as refused:
        yard.rollback(never)
    assert refused.value.reason == "it was never live"
    yard.step(yard.rollback(lived), *LIVE)
    assert (yard.fresh(lived).status, yard.fresh(lived).completed_at) == (TO.ROLLED_BACK, lived.completed_at)
    assert yard.fresh(never) == never


def test_a_rollback_of_what_runs_no_longer_stops_what_came_after(yard: Yard) -> None:
    """Where another one went live meanwhile, it is stopped; what had been stopped is not marked."""
    yard.live("1")
    bad = yard.live("2")
    back = yard.step(yard.rollback(bad), TO.BUILDING)
    yard.step(bad, TO.STOPPED)
    yard.step(back, TO.RUNNING)
    assert yard.fresh(bad).status is TO.STOPPED


# -- the project


def test_a_project_is_what_runs_in_production(yard: Yard) -> None:
    """Version and address of it; of other environments nothing; when it ends, neither."""
    yard.live("0", "staging", deployment_url="https://staging.example.org")
    assert (yard.project().current_version, yard.project().deployed_url) == (None, None)
    yard.live("1", "Production", deployment_url="https://one.example.org")
    assert (yard.project().current_version, yard.project().deployed_url) == ("1", "https://one.example.org")
    two = yard.live("2", deployment_url="https://two.example.org")
    assert (yard.project().current_version, yard.project().deployed_url) == ("2", "https://two.example.org")
    before = yard.project()
    yard.step(yard.create("3"), TO.BUILDING, TO.FAILED)
    assert yard.project() == before
    back = yard.step(yard.rollback(two), *LIVE)
    assert (yard.project().current_version, yard.project().deployed_url) == ("1", None)
    yard.step(back, TO.STOPPED)
    assert (yard.project().current_version, yard.project().deployed_url) == (None, None)
    changes = yard.trail()[-1].details["others"][str(yard.id)]
    assert changes == {"current_version": ["1", None]}


# -- environments


def test_environments_with_what_runs_and_what_is_in_flight(yard: Yard) -> None:
    """By name, under one spelling, each with its tier; one where all has ended is there, too."""
    assert yard.deployments.environments(yard.ada, yard.id) == ()
    one = yard.live("1")
    two = yard.create("2", " PRODUCTION ")
    preview = yard.step(yard.create("3", "review/login"), TO.BUILDING)
    yard.step(yard.create("4", "qa"), TO.FAILED)
    found = yard.deployments.environments(yard.ada, yard.id)
    assert [(each.name, each.tier) for each in found] == [
        ("production", EnvironmentTier.PRODUCTION),
        ("qa", EnvironmentTier.TESTING),
        ("review/login", EnvironmentTier.DEVELOPMENT),
    ]
    assert [each.running for each in found] == [yard.fresh(one), None, None]
    assert [each.in_flight for each in found] == [two, None, preview]


def test_environments_are_shown_to_who_may_read(yard: Yard) -> None:
    """To a stranger the project does not exist."""
    yard.live("1")
    with pytest.raises(NotFound) as caught:
        yard.deployments.environments(yard.person("eve"), yard.id)
    assert caught.value.kind == "project"


# -- metrics


def test_metrics_are_merged(yard: Yard) -> None:
    """RFC 7396: None removes, objects merge, anything else replaces; with a step, too; also after the end."""
    made = yard.create()

    def record(metrics: dict[str, Any]) -> Any:
        return yard.deployments.record_metrics(yard.ada, yard.id, made.id, metrics).metrics

    assert record({"p95": 1.5, "pods": {"a": 1, "b": 2}, "tags": ["x", "y"]}) == {
        "p95": 1.5,
        "pods": {"a": 1, "b": 2},
        "tags": ["x", "y"],
    }
    assert record({"p95": None, "pods": {"a": None, "c": 3}, "tags": ["z"]}) == {
        "pods": {"b": 2, "c": 3},
        "tags": ["z"],
    }
    assert yard.step(made, TO.BUILDING, metrics={"tags": None, "seconds": 7}).metrics == {
        "pods": {"b": 2, "c": 3},
        "seconds": 7,
    }
    yard.step(made, TO.FAILED)
    assert record({"pods": 4}) == {"pods": 4, "seconds": 7}


def test_metrics_that_change_nothing_leave_nothing(yard: Yard) -> None:
    """Neither an event nor a new version of the row."""
    made = yard.create()
    first = yard.deployments.record_metrics(yard.ada, yard.id, made.id, {"a": 1})
    trail = yard.trail()
    for same in ({}, {"a": 1}, {"a": 1.0}, {"b": None}):
        assert yard.deployments.record_metrics(yard.ada, yard.id, made.id, same) == first
    assert yard.trail() == trail


def test_metrics_of_several_writers_are_all_kept(yard: Yard) -> None:
    """Each adds a key of its own at the same moment."""
    made = yard.create()
    record = partial(yard.deployments.record_metrics, yard.ada, yard.id, made.id)
    outcomes = race(*(partial(record, {f"m{number}": number}) for number in range(8)))
    assert len(won(outcomes)) == 8
    assert yard.fresh(made).metrics == {f"m{number}": number for number in range(8)}


# -- the archive


def archive(yard: Yard, days: int = 30) -> int:
    return yard.vibe.maintenance.archive_deployments(Actor.system("nightly"), days=days)


def test_an_archived_deployment_stays_readable(yard: Yard) -> None:
    """By its id, with its log, and in a listing of its own; nothing can be done with it any more."""
    old = yard.create("0.1", "qa")
    yard.append(old, ["one", "two"])
    old = yard.step(old, TO.BUILDING, TO.FAILED)
    yard.live("1")
    yard.clock.move(days=100)
    assert archive(yard) == 1
    found = yard.deployments.get(yard.ada, yard.id, old.id)
    assert isinstance(found, ArchivedDeployment)
    assert {name: getattr(found, name) for name in Deployment.__dataclass_fields__} == {
        name: getattr(old, name) for name in Deployment.__dataclass_fields__
    }
    assert yard.deployments.find(yard.ada, yard.id, old.id) == found
    assert yard.deployments.page_archived(yard.ada, yard.id).items == (found,)
    assert old.id not in {each.id for each in yard.all()}
    assert yard.texts(old) == ["one", "two"]
    assert "deployment.created" in {event.action for event in yard.trail() if event.resource_id == old.id}
    for call in (
        lambda: yard.step(old, TO.STOPPED),
        lambda: yard.retry(old),
        lambda: yard.rollback(old),
        lambda: yard.append(old, ["three"]),
        lambda: yard.deployments.record_metrics(yard.ada, yard.id, old.id, {"a": 1}),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.facts == {"kind": "deployment", "key": old.id}


def test_an_archived_deployment_of_another_project_is_not_found(yard: Yard) -> None:
    """Not by its id, not by its log, not in the listing."""
    old = yard.step(yard.create(), TO.FAILED)
    yard.clock.move(days=100)
    archive(yard)
    other = yard.vibe.projects.create(yard.ada, name="other").id
    assert yard.deployments.find(yard.ada, other, old.id) is None
    assert yard.deployments.page_archived(yard.ada, other).items == ()
    with pytest.raises(NotFound):
        yard.deployments.read_logs(yard.ada, other, old.id)
    with pytest.raises(NotFound):
        yard.deployments.page_archived(yard.person("eve"), yard.id)


@pytest.mark.parametrize("seed", range(4))
def test_the_way_back_is_the_same_after_the_archive(yard: Yard, seed: int) -> None:
    """On random histories: what can be rolled back goes to the same version, whatever was archived; nothing that runs,
    is in flight or is named by what stays has gone."""
    chance = random.Random(seed)
    for number in range(25):
        yard.clock.move(days=chance.choice((1, 10)))
        _happen(yard, chance, str(number))
    _settle(yard)
    before = {each.id: _way_back(yard, each) for each in yard.all()}
    moved = archive(yard, chance.choice((0, 20)))
    after = {each.id: each for each in yard.all()}
    assert len(before) - len(after) == moved
    for key, way in before.items():
        if key in after:
            assert _way_back(yard, after[key]) == way
        else:
            archived = yard.deployments.get(yard.ada, yard.id, key)
            assert archived.status in ENDED
    for each in after.values():
        for named in (each.retry_of, each.rollback_of):
            assert named is None or named in after


def _happen(yard: Yard, chance: random.Random, version: str) -> None:
    rows = yard.all()
    try:
        match chance.choice(("live", "live", "fail", "break", "retry", "rollback")):
            case "live":
                yard.live(version)
            case "fail":
                yard.step(yard.create(version), TO.FAILED)
            case "break":
                yard.step(next(each for each in rows if each.status is TO.RUNNING), TO.FAILED)
            case "retry":
                yard.step(yard.retry(chance.choice(rows)), *LIVE)
            case _:
                yard.step(yard.rollback(chance.choice(rows)), *LIVE)
    except (VibecoreError, IndexError, StopIteration):
        _settle(yard)


def _settle(yard: Yard) -> None:
    for each in yard.all():
        if each.status in IN_FLIGHT:
            yard.step(each, TO.STOPPED)


def _way_back(yard: Yard, deployment: Deployment) -> str | None:
    try:
        back = yard.rollback(deployment)
    except InvalidTransition:
        return None
    with yard.store.begin() as tx:
        tx.deployments.delete(yard.id, back.id)
        tx.commit()
    return back.version


# -- races


def test_of_twenty_who_deploy_one_is_admitted(yard: Yard) -> None:
    """A look before the write would admit several; the index admits one, and the others are told."""
    outcomes = race(*(partial(yard.create, str(number)) for number in range(RACERS)))
    (winner,) = won(outcomes)
    assert [each.version for each in yard.all()] == [winner.version]
    losers = [each for each in outcomes if isinstance(each, VibecoreError)]
    assert len(losers) == RACERS - 1
    for each in losers:
        assert isinstance(each, AlreadyExists | SerializationConflict)


def test_of_twenty_that_take_it_live_the_first_does(yard: Yard) -> None:
    """It is one step, and one event; the others find it done."""
    yard.live("1")
    new = yard.step(yard.create("2"), TO.BUILDING)
    go = partial(yard.deployments.transition, yard.ada, yard.id, new.id, TO.RUNNING, reason="go")
    outcomes = won(race(*(go,) * RACERS))
    assert {each.status for each in outcomes} == {TO.RUNNING}
    changed = [event for event in yard.trail() if event.resource_id == new.id and "status" in event.details["changes"]]
    assert [event.details["changes"]["status"][-1] for event in changed] == ["pending", "building", "running"]
    assert [each.status for each in yard.all()].count(TO.RUNNING) == 1


def test_a_retry_against_a_rollback(yard: Yard) -> None:
    """Both want to be the one in flight: one is."""
    yard.live("1")
    bad = yard.step(yard.live("2"), TO.FAILED)
    outcomes = race(*(partial(yard.retry, bad), partial(yard.rollback, bad)) * 4)
    assert len(won(outcomes)) == 1
    assert [each.status for each in yard.all()].count(TO.PENDING) == 1


def test_archiving_the_project_against_a_deployment(yard: Yard) -> None:
    """Either the project is archived and nothing is in flight, or it is not."""
    for _ in range(5):
        outcomes = race(
            partial(yard.vibe.projects.archive, yard.ada, yard.id), partial(yard.create), partial(yard.create, "2")
        )
        flying = [each for each in yard.all() if each.status in IN_FLIGHT]
        archived = yard.project().status is ProjectStatus.ARCHIVED
        assert archived is not bool(flying)
        assert len(won(outcomes)) == 1
        for each in outcomes:
            if isinstance(each, VibecoreError):
                assert isinstance(each, ReadOnlyProject | InvalidTransition | AlreadyExists | SerializationConflict)
        if archived:
            yard.vibe.projects.restore(yard.ada, yard.id)
        for each in flying:
            yard.step(each, TO.STOPPED)


def test_twenty_environments_go_live_beside_each_other(yard: Yard) -> None:
    """What another environment does holds nobody up for good."""
    waiting = [yard.step(yard.create("1", f"e{number}"), TO.BUILDING) for number in range(8)]
    go = partial(yard.deployments.transition, yard.ada, yard.id, reason="go", status=TO.RUNNING)
    outcomes = race(*(partial(go, deployment_id=each.id) for each in waiting))
    assert len(won(outcomes)) == len(waiting)
    assert all(each.status is TO.RUNNING for each in yard.all())


# -- rights


def test_who_may_not_deploy_changes_nothing(yard: Yard) -> None:
    """A viewing member reads, and is denied what writes; for a stranger there is no such project."""
    made = yard.create()
    viewer, stranger = yard.person("vic"), yard.person("eve")
    assert viewer.user_id is not None
    yard.vibe.projects.add_member(yard.ada, yard.id, viewer.user_id, role=UserRole.VIEWER)
    service, key = yard.deployments, made.id
    for actor, error in ((viewer, PermissionDenied), (stranger, NotFound), (Actor.anonymous(), NotFound)):
        for call in (
            lambda actor: service.record_metrics(actor, yard.id, key, {"a": 1}),
            lambda actor: service.append_logs(actor, yard.id, key, ["x"]),
        ):
            with pytest.raises(error):
                call(actor)
    assert service.environments(viewer, yard.id)[0].in_flight == made
    assert service.read_logs(viewer, yard.id, key).lines == ()
    assert yard.fresh(made) == made
