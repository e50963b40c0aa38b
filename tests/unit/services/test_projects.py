from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.house import House, user_id
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import (
    InvalidCursor,
    InvalidTransition,
    InvalidValue,
    MissingReference,
    NotFound,
    PermissionDenied,
    ReadOnlyProject,
    SerializationConflict,
    Stale,
)
from vibecore.domain.filters import field
from vibecore.domain.pipelines import Execution, ExecutionStatus, Pipeline, PipelineProvider
from vibecore.domain.projects import Project, ProjectStatus, Visibility
from vibecore.domain.users import UserRole
from vibecore.services.work import Work

NOBODY = UUID(int=404)
STACK = {"backend": ["Python", "PostgreSQL"], "frontend": ["React"]}
P, I, R, D, A = (  # noqa: E741
    ProjectStatus.PLANNING,
    ProjectStatus.IN_PROGRESS,
    ProjectStatus.REVIEW,
    ProjectStatus.DEPLOYED,
    ProjectStatus.ARCHIVED,
)
STEPS = {(P, I), (P, A), (I, P), (I, R), (I, A), (R, I), (R, D), (R, A), (D, I), (D, R), (D, A)}


@pytest.fixture
def house() -> House:
    return House()


def put(house: House, **fields: Any) -> Project:
    """The project with these fields, past every rule."""
    with house.memory.begin() as tx:
        project = tx.projects.update(dataclasses.replace(tx.projects.get(house.project), **fields))
        tx.commit()
    return project


def go_live(house: House, environment: str = "production") -> None:
    deployments = house.vibe.deployments
    made = deployments.create(house.owner, house.project, environment=environment, version="1.0")
    for status in (DeploymentStatus.BUILDING, DeploymentStatus.RUNNING):
        deployments.transition(house.owner, house.project, made.id, status, reason="test")


# -- creating and finding


def test_a_project_is_created_with_its_event(house: House) -> None:
    """Owned by who made it, in planning, without evidence; the event tells who, what and from where."""
    made = house.vibe.projects.create(
        house.owner,
        name="difference",
        description="No. 2",
        visibility=Visibility.TEAM,
        tech_stack=STACK,
        architecture={"layers": [{"name": "mill"}, {"name": "store"}]},
        repository_url="https://example.org/difference.git",
    )
    assert made == house.vibe.projects.get(house.owner, made.id)
    assert (made.owner_id, made.status, made.quality_score) == (house.owner.user_id, P, None)
    assert (made.tech_stack, made.created_at) == (STACK, house.clock())
    (event,) = house.trail()
    assert (event.action, event.user_id, event.project_id) == ("project.created", house.owner.user_id, made.id)
    assert (event.resource_type, event.resource_id, event.ip_address) == ("project", made.id, "192.0.2.1")
    told = event.details["changes"]
    assert (told["name"], told["visibility"]) == ([None, "difference"], [None, "team"])
    assert (told["tech_stack"], told["architecture"]) == ([None, STACK], [None, {"entries": 1}])
    assert told["repository_url"] == [None, "https://example.org/difference.git"]


def test_who_may_create(house: House) -> None:
    """Developers and administrators; the system has no account that could own a project."""
    viewer = house.user("reader", UserRole.VIEWER)
    for actor in (viewer, Actor.anonymous(), house.key_of(house.owner, "project.read")):
        with pytest.raises(PermissionDenied):
            house.vibe.projects.create(actor, name="x")
    with pytest.raises(InvalidValue, match="no user to own"):
        house.vibe.projects.create(Actor.system("test"), name="x")
    assert house.vibe.projects.create(house.key_of(house.owner, "project.create"), name="x")
    ghost = dataclasses.replace(house.owner, user_id=NOBODY)
    with pytest.raises(MissingReference) as caught:
        house.vibe.projects.create(ghost, name="x")
    assert caught.value.field == "owner_id"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": b"x"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"description": 7}, "description"),
        ({"description": "\0"}, "description"),
        ({"visibility": "public"}, "visibility"),
        ({"visibility": None}, "visibility"),
        ({"repository_url": "x" * 501}, "repository_url"),
        ({"repository_url": 7}, "repository_url"),
        ({"architecture": [1]}, "architecture"),
        ({"architecture": {"x": float("nan")}}, "architecture.x"),
        ({"architecture": {1: 2}}, "architecture"),
        ({"tech_stack": ["Python"]}, "tech_stack"),
        ({"tech_stack": "Python"}, "tech_stack"),
        ({"tech_stack": {"backend": "Python"}}, "tech_stack.backend"),
        ({"tech_stack": {"backend": {"Python": 3}}}, "tech_stack.backend"),
        ({"tech_stack": {"backend": ["Python", 3]}}, "tech_stack.backend[1]"),
        ({"tech_stack": {"backend": [""]}}, "tech_stack.backend[0]"),
        ({"tech_stack": {"backend": ["x" * 101]}}, "tech_stack.backend[0]"),
        ({"tech_stack": {"backend": ["Python", "Python"]}}, "tech_stack.backend"),
        ({"tech_stack": {"": []}}, "tech_stack"),
        ({"tech_stack": {str(n): [] for n in range(51)}}, "tech_stack"),
        ({"tech_stack": {"backend": [str(n) for n in range(201)]}}, "tech_stack.backend"),
    ],
)
def test_bad_fields_are_refused_alike_by_create_and_update(house: House, fields: dict[str, Any], named: str) -> None:
    """The error names the place; nothing is written, no event left."""
    before = house.contents()
    calls: list[Callable[[], object]] = [
        lambda: house.vibe.projects.create(house.owner, **{"name": "x", **fields}),
        lambda: house.vibe.projects.update(house.owner, house.project, **fields),
    ]
    for call in calls:
        with pytest.raises(InvalidValue) as caught:
            call()
        assert caught.value.field.startswith(named)
    assert (house.contents(), house.actions()) == (before, [])


def test_a_private_project_does_not_exist_for_others(house: House) -> None:
    """The same answer as for an id that was never given; nothing tells them apart."""
    for actor in (house.stranger, Actor.anonymous()):
        answers = []
        for key in (house.project, NOBODY):
            assert house.vibe.projects.find(actor, key) is None
            with pytest.raises(NotFound) as caught:
                house.vibe.projects.get(actor, key)
            answers.append((caught.value.kind, caught.value.key == key))
        assert answers[0] == answers[1]
    assert house.actions() == []


def test_a_team_project_is_readable_by_the_owners_team(house: House) -> None:
    """Everyone who is a member of any project of that owner, and nobody else."""
    shared = house.make_project(house.owner, visibility=Visibility.TEAM)
    assert house.vibe.projects.get(house.viewer, shared).id == shared
    with pytest.raises(PermissionDenied):
        house.vibe.projects.update(house.viewer, shared, name="mine")
    assert house.vibe.projects.find(house.stranger, shared) is None
    assert house.vibe.projects.find(Actor.anonymous(), shared) is None
    foreign = house.make_project(house.stranger, visibility=Visibility.TEAM)
    assert house.vibe.projects.find(house.viewer, foreign) is None


def test_a_listing_shows_what_its_reader_may_read(house: House) -> None:
    """Owned, joined, public and the team's; filtered, ordered and paged; a cursor does not change hands."""
    public = house.make_project(house.stranger, name="public", visibility=Visibility.PUBLIC)
    team = house.make_project(house.owner, name="team", visibility=Visibility.TEAM)
    house.make_project(house.stranger, name="hidden")

    def names(actor: Actor, **more: Any) -> list[str]:
        return [project.name for project in house.vibe.projects.page(actor, order_by="name", **more).items]

    assert names(house.owner) == names(house.viewer) == ["engine", "public", "team"]
    assert names(house.stranger) == ["hidden", "public"]
    assert names(Actor.anonymous()) == names(Actor.system("test")) == ["public"]
    assert names(house.owner, where=field("visibility").eq(Visibility.TEAM)) == ["team"]
    first = house.vibe.projects.page(house.viewer, order_by="name", limit=2)
    rest = house.vibe.projects.page(house.viewer, order_by="name", limit=2, cursor=first.next_cursor)
    assert [project.id for project in (*first.items, *rest.items)] == [house.project, public, team]
    with pytest.raises(InvalidCursor):
        house.vibe.projects.page(house.stranger, order_by="name", limit=2, cursor=first.next_cursor)
    with pytest.raises(PermissionDenied):
        house.vibe.projects.page(house.key_of(house.owner, "files.read"))


def test_everything_is_listed_for_administrators_and_leaves_a_trace(house: House) -> None:
    """It is a use of the override, as is opening somebody's private project."""
    house.make_project(house.stranger, name="hidden")
    assert len(house.vibe.projects.page(house.admin, everything=True).items) == 2
    assert house.vibe.projects.page(house.admin).items == ()
    assert house.vibe.projects.get(house.admin, house.project).name == "engine"
    with pytest.raises(PermissionDenied):
        house.vibe.projects.page(house.owner, everything=True)
    assert [(event.action, event.project_id, dict(event.details)) for event in house.trail()] == [
        ("permission.overridden", None, {"actions": ["projects.read_all"], "override": True}),
        ("permission.overridden", house.project, {"actions": ["project.read"], "override": True}),
        ("permission.denied", None, {"action": "projects.read_all"}),
    ]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"limit": -1}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": None}, "limit"),
        ({"where": "x"}, "where"),
        ({"where": field("nonsense").missing()}, "field"),
        ({"where": field("name").eq(7)}, "name"),
        ({"order_by": "nonsense"}, "field"),
        ({"order_by": 7}, "order_by"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": 7}, "cursor"),
        ({"everything": 1}, "everything"),
        ({"everything": None}, "everything"),
    ],
)
def test_bad_listings(house: House, more: dict[str, Any], named: str) -> None:
    """The error names what is wrong with the request."""
    with pytest.raises(InvalidValue) as caught:
        house.vibe.projects.page(house.owner, **more)
    assert caught.value.field == named


# -- changing


def test_only_what_is_given_changes(house: House) -> None:
    """None is a value; the event names the fields and tells short values; no difference means no event."""
    projects = house.vibe.projects
    changed = projects.update(house.manager, house.project, name="analytical", description="long", tech_stack=STACK)
    assert (changed.name, changed.description, changed.tech_stack) == ("analytical", "long", STACK)
    house.clock.move(seconds=1)
    same = projects.update(house.owner, house.project, name="analytical", tech_stack={**STACK})
    assert same == changed == projects.update(house.owner, house.project)
    cleared = projects.update(house.owner, house.project, description=None, visibility=Visibility.PUBLIC)
    assert (cleared.description, cleared.name, cleared.tech_stack) == (None, "analytical", STACK)
    assert cleared.updated_at > changed.updated_at
    assert [(event.action, dict(event.details)) for event in house.trail()] == [
        (
            "project.updated",
            {
                "changes": {
                    "name": ["engine", "analytical"],
                    "description": [None, {"length": 4}],
                    "tech_stack": [{}, STACK],
                }
            },
        ),
        (
            "project.updated",
            {"changes": {"description": [{"length": 4}, None], "visibility": ["private", "public"]}},
        ),
    ]


def test_settings_are_for_who_administers_the_project(house: House) -> None:
    """A developer or viewer is denied, a stranger finds nothing, an administrator overrides; each leaves its trace."""
    update = house.vibe.projects.update
    for actor in (house.developer, house.viewer):
        with pytest.raises(PermissionDenied) as caught:
            update(actor, house.project, name="x")
        assert caught.value.action == "project.update"
    with pytest.raises(NotFound):
        update(house.stranger, house.project, name="x")
    update(house.admin, house.project, name="x")
    assert [(e.action, e.user_id, e.project_id) for e in house.trail()] == [
        ("permission.denied", house.developer.user_id, house.project),
        ("permission.denied", house.viewer.user_id, house.project),
        ("project.updated", house.admin.user_id, house.project),
    ]
    assert house.trail()[-1].details["override"] is True


def test_an_override_that_changes_nothing_still_leaves_a_trace(house: House) -> None:
    """The administrator has seen the project."""
    house.vibe.projects.update(house.admin, house.project)
    (event,) = house.trail()
    assert (event.action, event.details["actions"]) == ("permission.overridden", ["project.update"])


def test_a_change_by_who_has_not_seen_the_newest_state_is_stale(house: House) -> None:
    """If the caller tells what it has seen."""
    seen = house.vibe.projects.get(house.owner, house.project).updated_at
    house.vibe.projects.update(house.manager, house.project, name="theirs", unchanged_since=seen)
    with pytest.raises(Stale) as caught:
        house.vibe.projects.update(house.owner, house.project, name="mine", unchanged_since=seen)
    assert (caught.value.kind, caught.value.key) == ("project", house.project)
    assert house.vibe.projects.get(house.owner, house.project).name == "theirs"
    for wrong in (datetime(2025, 1, 1), "now", 7):  # noqa: DTZ001
        with pytest.raises(InvalidValue) as refused:
            house.vibe.projects.update(house.owner, house.project, unchanged_since=wrong)  # type: ignore[arg-type]
        assert refused.value.field == "unchanged_since"


# -- the status machine


@pytest.mark.parametrize(("source", "target"), list(product((P, I, R, D), ProjectStatus)), ids=str)
def test_every_pair_of_states(house: House, source: ProjectStatus, target: ProjectStatus) -> None:
    """Exactly the steps of the table; the same state is a no-op without an event."""
    go_live(house)
    before = put(house, status=source)
    told = len(house.trail())

    def step() -> Project:
        return house.vibe.projects.set_status(house.owner, house.project, status=target)

    if source is target:
        assert step() == before
        assert len(house.trail()) == told
    elif (source, target) in STEPS:
        after = step()
        assert (after.status, after.archived_from) == (target, source if target is A else None)
        event = house.trail()[-1]
        assert event.action == ("project.archived" if target is A else "project.status.changed")
        assert event.details["changes"]["status"] == [source.value, target.value]
    else:
        with pytest.raises(InvalidTransition) as caught:
            step()
        assert (caught.value.kind, caught.value.source, caught.value.target) == ("project", source, target)
        assert house.vibe.projects.get(house.owner, house.project) == before
        assert len(house.trail()) == told


def test_deployed_needs_something_that_runs_in_production(house: House) -> None:
    """Nothing, something in flight, and something elsewhere do not count."""
    put(house, status=R)

    def deploy() -> Project:
        return house.vibe.projects.set_status(house.developer, house.project, status=D)

    with pytest.raises(InvalidTransition, match="nothing runs in production"):
        deploy()
    go_live(house, "staging")
    with pytest.raises(InvalidTransition):
        deploy()
    waiting = house.vibe.deployments.create(house.owner, house.project, environment="production")
    with pytest.raises(InvalidTransition):
        deploy()
    house.vibe.deployments.transition(
        house.owner, house.project, waiting.id, DeploymentStatus.STOPPED, reason="superseded"
    )
    go_live(house)
    assert deploy().status is D


def test_archiving_and_restoring(house: House) -> None:
    """Back to the previous status; twice has no effect; for the owner only."""
    put(house, status=R)
    for actor in (house.manager, house.developer, house.viewer):
        for call in (house.vibe.projects.archive, house.vibe.projects.restore):
            with pytest.raises(PermissionDenied):
                call(actor, house.project)
    archived = house.vibe.projects.archive(house.owner, house.project)
    assert (archived.status, archived.archived_from) == (A, R)
    assert house.vibe.projects.archive(house.owner, house.project) == archived
    assert house.vibe.projects.get(house.viewer, house.project) == archived
    restored = house.vibe.projects.restore(house.owner, house.project)
    assert (restored.status, restored.archived_from) == (R, None)
    assert house.vibe.projects.restore(house.owner, house.project) == restored
    told = [event.action for event in house.trail() if not event.action.startswith("permission")]
    assert told == ["project.archived", "project.restored"]


def test_a_project_archived_by_other_means_restores_to_planning(house: House) -> None:
    """Where the previous status was not kept."""
    put(house, status=A, archived_from=None)
    assert house.vibe.projects.restore(house.owner, house.project).status is P


def test_nothing_in_flight_is_archived(house: House) -> None:
    """Neither a deployment nor a pipeline; what runs or has ended does not hold it up."""
    go_live(house, "staging")
    waiting = house.vibe.deployments.create(house.owner, house.project, environment="production")
    with pytest.raises(InvalidTransition, match="in flight"):
        house.vibe.projects.archive(house.owner, house.project)
    house.vibe.deployments.transition(house.owner, house.project, waiting.id, DeploymentStatus.FAILED, reason="broken")
    executing = {ExecutionStatus.QUEUED, ExecutionStatus.BLOCKED, ExecutionStatus.RUNNING}
    for status in ExecutionStatus:
        with house.memory.begin() as tx:
            execute(house, tx, status)
            bound = Services(Work(house.store, house.effects, tx))  # type: ignore[arg-type]
            if status in executing:
                with pytest.raises(InvalidTransition, match="in flight"):
                    bound.projects.archive(house.owner, house.project)
            else:
                assert bound.projects.archive(house.owner, house.project).status is A


def execute(house: House, tx: Any, status: ExecutionStatus) -> None:
    pipeline = Pipeline(
        id=house.effects.ids(),
        project_id=house.project,
        name="ci",
        provider=PipelineProvider.GITHUB,
        config="on: push",
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.pipelines.insert(pipeline)
    tx.executions.insert(
        Execution(
            id=house.effects.ids(),
            project_id=house.project,
            pipeline_id=pipeline.id,
            status=status,
            created_at=tx.now,
            updated_at=tx.now,
        )
    )


def test_a_deployment_that_starts_meanwhile_stops_the_archiving(house: House) -> None:
    """Each of two transactions saw nothing in its way; only the first commits."""
    with house.store.begin() as mine, house.store.begin() as theirs:
        bound = [Services(Work(house.store, house.effects, tx)) for tx in (mine, theirs)]  # type: ignore[arg-type]
        bound[0].deployments.create(house.developer, house.project, environment="production")
        bound[1].projects.archive(house.owner, house.project)
        mine.commit()
        with pytest.raises(SerializationConflict):
            theirs.commit()
    assert house.vibe.projects.get(house.owner, house.project).status is P


def test_an_archived_project_is_read_only(house: House) -> None:
    """Reading goes on; every change is refused, for administrators and the system too."""
    house.vibe.projects.archive(house.owner, house.project)
    before = house.contents()
    projects, someone = house.vibe.projects, user_id(house.viewer)
    for actor in (house.owner, house.admin, Actor.system("test")):
        calls: list[Callable[[], object]] = [
            lambda actor=actor: projects.update(actor, house.project, name="x"),  # type: ignore[misc]
            lambda actor=actor: projects.set_status(actor, house.project, status=I),  # type: ignore[misc]
            lambda actor=actor: projects.add_member(actor, house.project, user_id(house.stranger)),  # type: ignore[misc]
            lambda actor=actor: projects.set_member_role(actor, house.project, someone, role=UserRole.ADMIN),  # type: ignore[misc]
            lambda actor=actor: projects.remove_member(actor, house.project, someone),  # type: ignore[misc]
        ]
        for call in calls:
            with pytest.raises(ReadOnlyProject) as caught:
                call()
            assert caught.value.key == house.project
    assert house.contents() == before
    assert len(projects.members(house.viewer, house.project).items) == 3


@pytest.mark.parametrize("wrong", [None, 7, "x", b"x", True])
def test_ids_and_states_of_other_types(house: House, wrong: Any) -> None:
    """Text that looks like an id or a status is not one."""
    projects = house.vibe.projects
    for call in (projects.get, projects.find, projects.update, projects.archive, projects.restore, projects.members):
        with pytest.raises(InvalidValue) as caught:
            call(house.owner, wrong)
        assert caught.value.field == "project_id"
    with pytest.raises(InvalidValue) as caught:
        projects.set_status(house.owner, house.project, status="review" if wrong == "x" else wrong)  # type: ignore[arg-type]
    assert caught.value.field == "status"


def test_round_trips(house: House) -> None:
    """A read takes one, a write at most three, whatever the audit adds."""
    projects, key = house.vibe.projects, house.project
    calls: list[tuple[Callable[[], object], int]] = [
        (lambda: projects.create(house.owner, name="x"), 2),
        (lambda: projects.get(house.owner, key), 1),
        (lambda: projects.page(house.owner), 1),
        (lambda: projects.update(house.owner, key, name="y"), 3),
        (lambda: projects.update(house.owner, key, name="y"), 2),
        (lambda: projects.set_status(house.owner, key, status=I), 3),
        (lambda: projects.archive(house.owner, key), 3),
        (lambda: projects.restore(house.owner, key), 3),
    ]
    for call, most in calls:
        call()
        assert house.trips == most
