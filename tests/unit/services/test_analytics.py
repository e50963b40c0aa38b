from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.workbench import Bench
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue, NotFound, PermissionDenied
from vibecore.domain.projects import Visibility
from vibecore.domain.users import UserRole
from vibecore.services.analytics import AnalyticsService
from vibecore.services.maintenance import MaintenanceService
from vibecore.services.work import Work
from vibecore.testing.effects import START

OF_PROJECTS = ["recent_activity", "project_file_stats", "deployment_success_rate", "daily_project_stats"]
SYSTEM = Actor.system("tests")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def analytics(bench: Bench) -> AnalyticsService:
    return AnalyticsService(Work(bench.memory, bench.effects))


@pytest.fixture
def refresh(bench: Bench) -> Callable[[], Any]:
    service = MaintenanceService(Work(bench.memory, bench.effects))
    return lambda: service.refresh_analytics(SYSTEM)


def publish(bench: Bench) -> None:
    with bench.memory.begin() as tx:
        tx.projects.update(replace(tx.projects.get(bench.id), visibility=Visibility.PUBLIC))
        tx.commit()


def test_a_member_reads_the_views_of_a_project(
    bench: Bench, analytics: AnalyticsService, refresh: Callable[[], Any]
) -> None:
    bench.files.write(bench.owner, bench.id, "a.py", content="x = 1\n")
    bench.deployments.create(bench.owner, bench.id, environment="production", version="1")
    refresh()
    activity = analytics.recent_activity(bench.viewer, project_id=bench.id)
    assert {(row.user_name, row.project_name) for row in activity} == {("owner", "engine")}
    [stats] = analytics.project_file_stats(bench.viewer, project_id=bench.id)
    assert (stats.files, stats.lines, stats.largest_path) == (1, 1, "a.py")
    [rate] = analytics.deployment_success_rate(bench.viewer, project_id=bench.id)
    assert (rate.environment, rate.total, rate.success_rate) == ("production", 1, None)
    [day] = analytics.daily_project_stats(bench.viewer, project_id=bench.id)
    assert (day.day, day.deployments, day.files_changed, day.active_users) == (START.date(), 1, 1, 1)


@pytest.mark.parametrize("name", OF_PROJECTS)
def test_to_a_stranger_a_private_project_does_not_exist(bench: Bench, analytics: AnalyticsService, name: str) -> None:
    for project_id in (bench.id, UUID(int=404)):
        with pytest.raises(NotFound) as caught:
            getattr(analytics, name)(bench.stranger, project_id=project_id)
        assert caught.value.facts == {"kind": "project", "key": project_id}


def test_the_figures_of_a_public_project_are_public_and_who_works_on_it_is_not(
    bench: Bench, analytics: AnalyticsService
) -> None:
    publish(bench)
    for actor in (bench.stranger, Actor.anonymous()):
        assert len(analytics.project_file_stats(actor, project_id=bench.id)) == 1
        assert analytics.deployment_success_rate(actor, project_id=bench.id) == ()
        assert analytics.daily_project_stats(actor, project_id=bench.id) == ()
        with pytest.raises(PermissionDenied):
            analytics.recent_activity(actor, project_id=bench.id)


@pytest.mark.parametrize("name", [*OF_PROJECTS, "user_activity", "system_health"])
def test_the_whole_system_is_for_administrators(bench: Bench, analytics: AnalyticsService, name: str) -> None:
    admin = replace(bench.stranger, role=UserRole.ADMIN)
    for actor in (bench.owner, Actor.anonymous(), replace(admin, scopes=frozenset({"files.read"}))):
        with pytest.raises(PermissionDenied) as caught:
            getattr(analytics, name)(actor)
        assert caught.value.action == "analytics.read"
    for actor in (admin, SYSTEM, replace(admin, scopes=frozenset({"analytics.read"}))):
        getattr(analytics, name)(actor)
    denied, used = bench.trail_names()[:3], bench.trail_names()[3:]
    assert (denied, used) == (["permission.denied"] * 3, ["permission.overridden"])


def test_an_administrator_sees_all_projects_and_the_system(
    bench: Bench, analytics: AnalyticsService, refresh: Callable[[], Any]
) -> None:
    other = bench.new_project()
    assert {row.project_id for row in analytics.project_file_stats(SYSTEM)} == {bench.id, other}
    assert analytics.system_health(SYSTEM) is None
    report = refresh()
    health = analytics.system_health(SYSTEM)
    assert health is not None
    assert (health.projects, health.users, health.as_of) == (2, 3, report.as_of)
    assert [row.rank for row in analytics.user_activity(SYSTEM)] == [1, 1, 1]


def test_everybody_reads_their_own_activity_and_nobody_elses(
    bench: Bench, analytics: AnalyticsService, refresh: Callable[[], Any]
) -> None:
    refresh()
    [row] = analytics.user_activity(bench.viewer, user_id=bench.viewer.user_id)
    assert (row.user_name, row.projects_joined) == ("viewer", 1)
    with pytest.raises(PermissionDenied):
        analytics.user_activity(bench.viewer, user_id=bench.owner.user_id)


@pytest.mark.parametrize("name", OF_PROJECTS)
def test_wrong_arguments_name_their_field(bench: Bench, analytics: AnalyticsService, name: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        getattr(analytics, name)(bench.owner, project_id=str(bench.id))
    assert caught.value.field == "project_id"
    with pytest.raises(InvalidValue) as caught:
        getattr(analytics, name)(bench.owner, project_id=bench.id, limit=-1)
    assert caught.value.field == "limit"
