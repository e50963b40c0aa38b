"""An archived project: read-only in every service, and archived only when nothing is in flight, whoever comes first."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.bad_input_house import House, call, furnished, good_arguments
from tests.contract.project_site import Site, id_of, together
from tests.contract.test_audit_changes import METHODS, READERS
from vibecore.domain.deployments import IN_FLIGHT, DeploymentStatus
from vibecore.domain.errors import InvalidTransition, ReadOnlyProject, VibecoreError
from vibecore.domain.filters import field
from vibecore.domain.projects import Project, ProjectStatus
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.backends import Backends, names
from vibecore.testing.effects import FixedClock

LIFE: Final = {("projects", "archive"), ("projects", "restore")}
"""What an archived project can be asked for: neither changes what it holds."""
WRITERS: Final = [
    each for each in METHODS if "project_id" in each[2].parameters and each[:2] not in READERS and each[:2] not in LIFE
]


@pytest.fixture(scope="module", params=names())
def house(
    request: pytest.FixtureRequest, vibe_backends: Backends, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """With an archived project that has one of everything, in flight too: what a store should never hold."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "a.py").write_text("import os\n")
    with vibe_backends[request.param].open(FixedClock()) as store:
        made = furnished(store, Path(folder))
        with store.begin() as tx:
            project = tx.projects.get(made.mine.project)
            archived = dataclasses.replace(project, status=ProjectStatus.ARCHIVED, archived_from=project.status)
            tx.projects.update(archived)
            tx.commit()
        made.changed()
        yield made


@pytest.mark.parametrize(
    ("service", "method", "signature"), WRITERS, ids=[f"{service}.{method}" for service, method, _ in WRITERS]
)
def test_no_service_changes_an_archived_project(
    house: House, service: str, method: str, signature: inspect.Signature
) -> None:
    """Every method that writes to a project, found by reflection, refuses for its owner, and nothing is written. The
    override of the system is a right, not a way around."""
    arguments = good_arguments(house, service, method, list(signature.parameters)[1:])
    for actor in (house.mine.actor, house.system):
        with pytest.raises(ReadOnlyProject) as caught:
            call(house.vibe, service, method, arguments | {"actor": actor, "project_id": house.mine.project})
        assert caught.value.facts == {"key": house.mine.project}
    assert house.changed() is None


def test_the_writers_are_found() -> None:
    """Those that everybody knows are among them, so that an empty list cannot pass."""
    known = {("projects", "update"), ("files", "write"), ("deployments", "create"), ("reviews", "run")}
    assert known | {("quality", "assess"), ("tests", "record")} <= {each[:2] for each in WRITERS}
    assert len(WRITERS) >= 20


@pytest.fixture
def site(store: Store, clock: FixedClock) -> Site:
    return Site(store, clock)


def in_flight(site: Site) -> int:
    with site.store.begin(Mode.SNAPSHOT) as tx:
        return tx.deployments.count(site.id, where=field("status").among(IN_FLIGHT))


@pytest.mark.parametrize("steps", [(), (DeploymentStatus.BUILDING,)])
def test_nothing_is_archived_while_something_is_in_flight(site: Site, steps: tuple[DeploymentStatus, ...]) -> None:
    """What runs is no hindrance, and a deployment that ended neither."""
    vibe = site.vibe
    made = vibe.deployments.create(site.ada, site.id, environment="staging")
    for step in steps:
        vibe.deployments.transition(site.ada, site.id, made.id, step, reason="go")
    with pytest.raises(InvalidTransition) as caught:
        vibe.projects.archive(site.ada, site.id)
    assert (caught.value.source, caught.value.target) == ("planning", "archived")
    vibe.deployments.transition(site.ada, site.id, made.id, DeploymentStatus.FAILED, reason="no")
    assert vibe.projects.archive(site.ada, site.id).status is ProjectStatus.ARCHIVED


@pytest.mark.parametrize("status", [ProjectStatus.PLANNING, ProjectStatus.IN_PROGRESS, ProjectStatus.REVIEW])
def test_a_restored_project_is_what_it_was(site: Site, status: ProjectStatus) -> None:
    """In status and in all else; archived twice and restored twice is once."""
    projects = site.vibe.projects
    for step in (ProjectStatus.IN_PROGRESS, ProjectStatus.REVIEW):
        if projects.get(site.ada, site.id).status is not status:
            projects.set_status(site.ada, site.id, status=step)
    before = projects.get(site.ada, site.id)
    assert projects.archive(site.ada, site.id) == projects.archive(site.ada, site.id)
    restored = projects.restore(site.ada, site.id)
    assert restored == projects.restore(site.ada, site.id)
    assert dataclasses.replace(restored, updated_at=before.updated_at) == before


@pytest.mark.parametrize("attempt", range(5))
def test_archive_against_deploy(site: Site, attempt: int) -> None:
    """Of seven that deploy and one that archives at one moment: either something is in flight or it is archived."""
    vibe = site.vibe
    found: list[Any] = together(
        [
            lambda: vibe.projects.archive(site.ada, site.id),
            *(
                lambda number=number: vibe.deployments.create(site.ada, site.id, environment=f"e{number}")
                for number in range(7)
            ),
        ]
    )
    archived, deployed = found[0], found[1:]
    if isinstance(archived, Project):
        assert in_flight(site) == 0
        assert {type(each) for each in deployed} == {ReadOnlyProject}
    else:
        assert isinstance(archived, InvalidTransition)
        assert in_flight(site) == sum(not isinstance(each, VibecoreError) for each in deployed) == 7
        assert site.project().status is ProjectStatus.PLANNING


@pytest.mark.parametrize("attempt", range(3))
def test_archive_and_restore_against_writers(site: Site, attempt: int) -> None:
    """What was written was written while the project was not archived: audit rows of one order tell so, and the
    counters are those of the files."""
    vibe = site.vibe
    for actor in (site.bob, site.cy):
        vibe.projects.add_member(site.ada, site.id, id_of(actor))

    def write(number: int) -> list[Any]:
        actor = (site.bob, site.cy)[number]
        results: list[Any] = []
        for count in range(12):
            try:
                results.append(vibe.files.write(actor, site.id, f"{number}/{count}.py", "x = 1\n"))
            except ReadOnlyProject as error:
                results.append(error)
        return results

    def shut() -> None:
        for _ in range(6):
            vibe.projects.archive(site.ada, site.id)
            vibe.projects.restore(site.ada, site.id)

    found = together([lambda: write(0), lambda: write(1), shut])
    written = [each for each in found[0] + found[1] if not isinstance(each, ReadOnlyProject)]
    project = site.project()
    assert (project.file_count, project.total_lines) == (len(written), len(written))
    assert project.status is ProjectStatus.PLANNING
