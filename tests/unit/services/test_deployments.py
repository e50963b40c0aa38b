from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.workbench import Bench
from vibecore.domain.deployments import IN_FLIGHT, TRANSITIONS, Deployment, DeploymentStatus
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidTransition,
    InvalidValue,
    NotFound,
    PermissionDenied,
    ReadOnlyProject,
    VibecoreError,
)
from vibecore.domain.filters import field

PENDING, BUILDING, RUNNING, FAILED, STOPPED, ROLLED_BACK = DeploymentStatus
ROADS = {
    PENDING: (),
    BUILDING: (BUILDING,),
    RUNNING: (BUILDING, RUNNING),
    FAILED: (BUILDING, FAILED),
    STOPPED: (STOPPED,),
    ROLLED_BACK: (BUILDING, RUNNING, ROLLED_BACK),
}
"""The steps from a new deployment to each status."""


@pytest.fixture
def bench() -> Bench:
    return Bench()


def create(bench: Bench, environment: str = "production", **options: Any) -> Deployment:
    return bench.deployments.create(bench.owner, bench.id, environment=environment, **options)


def step(bench: Bench, deployment: Deployment, *statuses: DeploymentStatus) -> Deployment:
    for status in statuses:
        bench.effects.clock.move(seconds=10)
        deployment = bench.deployments.transition(bench.owner, bench.id, deployment.id, status, reason="as planned")
    return deployment


def live(bench: Bench, version: str, environment: str = "production") -> Deployment:
    return step(bench, create(bench, environment, version=version, config={"of": version}), BUILDING, RUNNING)


def fresh(bench: Bench, deployment: Deployment) -> Deployment:
    found = bench.deployments.get(bench.owner, bench.id, deployment.id)
    assert isinstance(found, Deployment)
    return found


def test_a_new_deployment_is_pending(bench: Bench) -> None:
    made = create(bench, version="1.4.0", config={"replicas": 2}, reason="release")
    assert fresh(bench, made) == made
    assert (made.status, made.version, made.config, made.reason) == (PENDING, "1.4.0", {"replicas": 2}, "release")
    assert (made.started_at, made.live_at, made.completed_at) == (None, None, None)
    (event,) = bench.trail()
    assert (event.action, event.resource_type, event.resource_id) == ("deployment.created", "deployment", made.id)
    assert event.details == {
        "environment": "production",
        "reason": "release",
        "changes": {
            "environment": [None, "production"],
            "status": [None, "pending"],
            "version": [None, "1.4.0"],
            "config": [None, {"entries": 1}],
            "reason": [None, {"length": 7}],
        },
    }


@pytest.mark.parametrize("spelling", ["staging", " Staging\n", "STAGING"])
def test_an_environment_has_one_name(bench: Bench, spelling: str) -> None:
    assert create(bench, spelling).environment == "staging"


@pytest.mark.parametrize(
    "wrong", [None, 7, "", "  ", "a b", "-a", "a/", "prod\0", "\ud800", "x" * 51, "b\u00fchne", "\u212a"]
)
def test_wrong_environments_are_named(bench: Bench, wrong: Any) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: create(bench, wrong),
        lambda: bench.deployments.running(bench.owner, bench.id, environment=wrong),
    )
    for call in calls:
        with pytest.raises(InvalidValue) as caught:
            call()
        assert caught.value.field == "environment"


@pytest.mark.parametrize(("source", "target"), list(product(DeploymentStatus, DeploymentStatus)))
def test_every_step_of_the_machine(bench: Bench, source: DeploymentStatus, target: DeploymentStatus) -> None:
    deployment = step(bench, create(bench), *ROADS[source])
    trail = bench.trail()
    if source is target:
        assert step(bench, deployment, target) == deployment
        assert bench.trail() == trail
    elif target in TRANSITIONS[source] and (source, target) != (FAILED, ROLLED_BACK):
        assert step(bench, deployment, target).status is target
        assert bench.trail()[-1].details["changes"]["status"] == [source.value, target.value]
    else:
        with pytest.raises(InvalidTransition) as caught:
            step(bench, deployment, target)
        assert (caught.value.source, caught.value.target) == (source.value, target.value)
        assert fresh(bench, deployment) == deployment


def test_the_moments_of_a_deployment(bench: Bench) -> None:
    clock = bench.effects.clock
    deployment = create(bench)
    building = step(bench, deployment, BUILDING)
    assert (building.started_at, building.live_at, building.completed_at) == (clock(), None, None)
    running = step(bench, deployment, RUNNING)
    assert (running.started_at, running.live_at, running.completed_at) == (building.started_at, clock(), None)
    stopped = step(bench, deployment, STOPPED)
    assert (stopped.live_at, stopped.completed_at) == (running.live_at, clock())


def test_facts_come_with_a_step(bench: Bench) -> None:
    deployment = create(bench)
    bench.deployments.transition(bench.owner, bench.id, deployment.id, BUILDING, reason="go", container_id="c1")
    after = bench.deployments.transition(
        bench.owner,
        bench.id,
        deployment.id,
        RUNNING,
        reason="healthy",
        container_port=8080,
        deployment_url="https://example.org",
        metrics={"p95": 1.5},
    )
    assert (after.container_id, after.container_port, after.deployment_url) == ("c1", 8080, "https://example.org")
    assert (after.metrics, after.reason) == ({"p95": 1.5}, "healthy")


def test_one_is_in_flight_in_an_environment(bench: Bench) -> None:
    first = create(bench)
    for status in IN_FLIGHT:
        step(bench, first, status)
        with pytest.raises(AlreadyExists) as caught:
            create(bench)
        assert caught.value.constraint == "uq_deployments_in_flight"
    create(bench, "staging")
    step(bench, first, RUNNING)
    create(bench)


def test_of_two_at_once_one_is_admitted(bench: Bench) -> None:
    racer = bench.interrupted(lambda: create(bench, version="first")).deployments
    with pytest.raises(AlreadyExists) as caught:
        racer.create(bench.owner, bench.id, environment="production", version="second")
    assert caught.value.constraint == "uq_deployments_in_flight"
    assert [item.version for item in bench.deployments.page(bench.owner, bench.id).items] == ["first"]


def test_going_live_stops_the_one_that_ran(bench: Bench) -> None:
    old, elsewhere = live(bench, "1"), live(bench, "7", "staging")
    new = live(bench, "2")
    assert fresh(bench, old).status is STOPPED
    assert fresh(bench, old).completed_at == new.live_at
    assert fresh(bench, elsewhere).status is RUNNING
    assert bench.deployments.running(bench.owner, bench.id, environment="Production") == fresh(bench, new)
    assert bench.trail()[-1].details["others"][str(old.id)]["status"] == ["running", "stopped"]


def test_a_rollback_that_goes_live_marks_what_it_undoes(bench: Bench) -> None:
    live(bench, "other", "staging")
    good = live(bench, "1")
    bad = live(bench, "2")
    live(bench, "newer elsewhere", "staging")
    back = bench.deployments.rollback(bench.owner, bench.id, bad.id, reason="errors")
    assert (back.status, back.version, back.config, back.rollback_of) == (PENDING, "1", {"of": "1"}, bad.id)
    assert fresh(bench, bad).status is RUNNING
    step(bench, back, BUILDING)
    assert fresh(bench, bad).status is RUNNING
    step(bench, back, RUNNING)
    assert fresh(bench, bad).status is ROLLED_BACK
    assert fresh(bench, good).status is STOPPED
    assert bench.deployments.running(bench.owner, bench.id, environment="production") == fresh(bench, back)
    assert bench.trail()[-1].details["others"][str(bad.id)]["status"] == ["running", "rolled_back"]


def test_a_rollback_that_fails_leaves_the_bad_one_alone(bench: Bench) -> None:
    live(bench, "1")
    bad = live(bench, "2")
    back = bench.deployments.rollback(bench.owner, bench.id, bad.id, reason="errors")
    step(bench, back, BUILDING, FAILED)
    assert fresh(bench, bad) == bad
    again = bench.deployments.retry(bench.owner, bench.id, back.id)
    assert (again.retry_of, again.rollback_of, again.version) == (back.id, bad.id, "1")
    step(bench, again, BUILDING, RUNNING)
    assert fresh(bench, bad).status is ROLLED_BACK


def test_what_failed_while_live_is_rolled_back_and_keeps_its_end(bench: Bench) -> None:
    live(bench, "1")
    bad = step(bench, live(bench, "2"), FAILED)
    back = bench.deployments.rollback(bench.owner, bench.id, bad.id, reason="crashed")
    step(bench, back, BUILDING, RUNNING)
    after = fresh(bench, bad)
    assert (after.status, after.completed_at) == (ROLLED_BACK, bad.completed_at)


def test_a_rollback_passes_over_what_was_bad_before(bench: Bench) -> None:
    live(bench, "1")
    live(bench, "2")
    worse = live(bench, "3")
    first = bench.deployments.rollback(bench.owner, bench.id, worse.id, reason="bad")
    assert first.version == "2"
    step(bench, first, BUILDING, RUNNING)
    second = bench.deployments.rollback(bench.owner, bench.id, first.id, reason="bad too")
    assert second.version == "2"
    step(bench, second, BUILDING, FAILED)
    assert bench.deployments.rollback(bench.owner, bench.id, first.id, reason="again").version == "2"


def test_the_way_back_is_found_behind_many_other_environments(bench: Bench) -> None:
    live(bench, "1")
    for number in range(25):
        live(bench, str(number), f"preview-{number}")
    bad = live(bench, "2")
    assert bench.deployments.rollback(bench.owner, bench.id, bad.id, reason="bad").version == "1"


@pytest.mark.parametrize("road", [(), (BUILDING,), (BUILDING, FAILED), (STOPPED,), (BUILDING, RUNNING, STOPPED)])
def test_only_what_was_live_and_not_stopped_is_undone(bench: Bench, road: tuple[DeploymentStatus, ...]) -> None:
    live(bench, "1")
    deployment = step(bench, create(bench), *road)
    with pytest.raises(InvalidTransition) as caught:
        bench.deployments.rollback(bench.owner, bench.id, deployment.id, reason="bad")
    assert (caught.value.source, caught.value.target) == (deployment.status.value, "rolled_back")


def test_without_a_healthy_one_there_is_no_way_back(bench: Bench) -> None:
    live(bench, "1", "staging")
    bad = live(bench, "2")
    with pytest.raises(InvalidTransition) as caught:
        bench.deployments.rollback(bench.owner, bench.id, bad.id, reason="bad")
    assert caught.value.reason == "the environment has no healthy deployment to go back to"


@pytest.mark.parametrize("status", list(DeploymentStatus))
def test_what_has_ended_is_retried_as_a_new_deployment(bench: Bench, status: DeploymentStatus) -> None:
    deployment = step(bench, create(bench, version="3", config={"k": 1}), *ROADS[status])
    if status in (FAILED, STOPPED, ROLLED_BACK):
        again = bench.deployments.retry(bench.owner, bench.id, deployment.id, reason="flaky network")
        assert (again.status, again.version, again.config) == (PENDING, "3", {"k": 1})
        assert (again.retry_of, again.rollback_of, again.reason) == (deployment.id, None, "flaky network")
        assert fresh(bench, deployment) == deployment
    else:
        with pytest.raises(InvalidTransition) as caught:
            bench.deployments.retry(bench.owner, bench.id, deployment.id)
        assert (caught.value.source, caught.value.reason) == (status.value, "it has not ended")


def test_history_is_newest_first(bench: Bench) -> None:
    made = [live(bench, str(number)) for number in range(5)]
    first = bench.deployments.page(bench.owner, bench.id, limit=3)
    rest = bench.deployments.page(bench.owner, bench.id, limit=3, cursor=first.next_cursor)
    assert [item.id for item in (*first.items, *rest.items)] == [one.id for one in reversed(made)]
    running = bench.deployments.page(bench.owner, bench.id, where=field("status").eq(RUNNING))
    assert [item.version for item in running.items] == ["4"]


def test_round_trips(bench: Bench) -> None:
    live(bench, "1")
    assert bench.trips == 9
    bad = live(bench, "2")
    # One more for the log of the one that makes room, once it is known which one that is.
    assert bench.trips == 10
    back = bench.deployments.rollback(bench.owner, bench.id, bad.id, reason="bad")
    assert bench.trips == 3
    step(bench, back, BUILDING, RUNNING)
    assert bench.trips == 7
    bench.deployments.retry(bench.owner, bench.id, bad.id)
    assert bench.trips == 3
    calls: tuple[Callable[[], object], ...] = (
        lambda: bench.deployments.get(bench.owner, bench.id, bad.id),
        lambda: bench.deployments.running(bench.owner, bench.id, environment="production"),
        lambda: bench.deployments.page(bench.owner, bench.id),
    )
    for call in calls:
        call()
        assert bench.trips == 1


def _writes(bench: Bench, actor: Any, key: UUID) -> tuple[Any, ...]:
    return (
        lambda: bench.deployments.create(actor, bench.id, environment="x"),
        lambda: bench.deployments.transition(actor, bench.id, key, STOPPED, reason="x"),
        lambda: bench.deployments.retry(actor, bench.id, key),
        lambda: bench.deployments.rollback(actor, bench.id, key, reason="x"),
    )


def test_rights_and_archive(bench: Bench) -> None:
    deployment = live(bench, "1")
    assert bench.deployments.get(bench.viewer, bench.id, deployment.id) == deployment
    for call in _writes(bench, bench.viewer, deployment.id):
        with pytest.raises(PermissionDenied) as denied:
            call()
        assert denied.value.action == "deployments.write"
    for call in _writes(bench, bench.stranger, deployment.id):
        with pytest.raises(NotFound) as hidden:
            call()
        assert hidden.value.kind == "project"
    bench.archive()
    for call in _writes(bench, bench.owner, deployment.id):
        with pytest.raises(ReadOnlyProject):
            call()


def test_a_deployment_of_another_project_is_not_found(bench: Bench) -> None:
    deployment, other = live(bench, "1"), bench.new_project()
    calls: tuple[Callable[[], object], ...] = (
        lambda: bench.deployments.get(bench.owner, other, deployment.id),
        lambda: bench.deployments.transition(bench.owner, other, deployment.id, STOPPED, reason="x"),
        lambda: bench.deployments.retry(bench.owner, other, deployment.id),
        lambda: bench.deployments.rollback(bench.owner, other, deployment.id, reason="x"),
    )
    for call in calls:
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.facts == {"kind": "deployment", "key": deployment.id}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("version", 7),
        ("version", "x" * 101),
        ("version", "1\0"),
        ("config", [1]),
        ("config", "x"),
        ("reason", 7),
        ("reason", "\ud800"),
    ],
)
def test_wrong_values_of_a_new_deployment_are_named(bench: Bench, name: str, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        create(bench, **{name: wrong})
    assert caught.value.field == name
    assert bench.trail() == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("deployment_id", "x"),
        ("project_id", None),
        ("status", "running"),
        ("status", None),
        ("reason", ""),
        ("reason", None),
        ("container_id", 7),
        ("container_port", 0),
        ("container_port", True),
        ("container_port", 70_000),
        ("deployment_url", "x" * 501),
        ("metrics", []),
    ],
)
def test_wrong_values_of_a_step_are_named(bench: Bench, name: str, wrong: Any) -> None:
    deployment = create(bench)
    given_values: dict[str, Any] = {
        "project_id": bench.id,
        "deployment_id": deployment.id,
        "status": BUILDING,
        "reason": "x",
    } | {name: wrong}
    ids = [given_values.pop(key) for key in ("project_id", "deployment_id", "status")]
    with pytest.raises(InvalidValue) as caught:
        bench.deployments.transition(bench.owner, *ids, **given_values)
    assert caught.value.field == name
    assert fresh(bench, deployment) == deployment


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["create", "retry", "rollback", *DeploymentStatus]),
        st.integers(min_value=0, max_value=7),
        st.sampled_from(["production", "staging"]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(calls=CALLS)
def test_whatever_is_called_one_runs_and_one_is_in_flight(calls: list[tuple[str, int, str]]) -> None:
    bench = Bench()
    for call, position, environment in calls:
        bench.effects.clock.move(seconds=1)
        rows = bench.deployments.page(bench.owner, bench.id, order_by="created_at").items
        try:
            _call(bench, call, rows[position % len(rows)].id if rows else UUID(int=1), environment)
        except VibecoreError:
            assert bench.deployments.page(bench.owner, bench.id, order_by="created_at").items == rows
        _check(bench.deployments.page(bench.owner, bench.id, limit=1000).items)


def _call(bench: Bench, call: str, key: UUID, environment: str) -> None:
    match call:
        case "create":
            create(bench, environment)
        case "retry":
            bench.deployments.retry(bench.owner, bench.id, key)
        case "rollback":
            bench.deployments.rollback(bench.owner, bench.id, key, reason="x")
        case _:
            bench.deployments.transition(bench.owner, bench.id, key, DeploymentStatus(call), reason="x")


def _check(rows: tuple[Deployment, ...]) -> None:
    by_id = {row.id: row for row in rows}
    for environment in ("production", "staging"):
        there = [row for row in rows if row.environment == environment]
        assert sum(row.status is RUNNING for row in there) <= 1
        assert sum(row.status in IN_FLIGHT for row in there) <= 1
    for row in rows:
        assert (row.completed_at is not None) == (row.status in (FAILED, STOPPED, ROLLED_BACK))
        assert row.live_at is not None or row.status not in (RUNNING, ROLLED_BACK)
        if row.rollback_of is not None and row.status is RUNNING:
            assert by_id[row.rollback_of].status in (ROLLED_BACK, STOPPED)
