from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.contract.analytics_world import Maker, World
from vibecore.domain.analytics import RefreshReport, activity, daily, deployments, files, system, users
from vibecore.domain.audit import AuditEvent
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidValue,
    ReadOnlyTransaction,
    SerializationConflict,
    TransactionAborted,
    TransactionClosed,
)
from vibecore.domain.files import File, FileType
from vibecore.domain.projects import Project
from vibecore.domain.users import User
from vibecore.repositories.analytics import Analytics
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADA, ENGINE, UNKNOWN = UUID(int=1), UUID(int=9), UUID(int=404)

VIEWS: list[Callable[[Analytics], Any]] = [
    lambda views: views.recent_activity(),
    lambda views: views.project_file_stats(),
    lambda views: views.deployment_success_rate(),
    lambda views: views.daily_project_stats(),
    lambda views: views.user_activity(),
    lambda views: views.system_health(),
]
LIMITED = ["recent_activity", "project_file_stats", "deployment_success_rate", "daily_project_stats", "user_activity"]
BY_PROJECT = ["recent_activity", "project_file_stats", "deployment_success_rate", "daily_project_stats"]


def stamps(number: int, at: datetime = NOON) -> dict[str, Any]:
    return {"id": UUID(int=number), "created_at": at, "updated_at": at}


def ada() -> User:
    return User(email="ada@example.org", email_key="ada@example.org", password_hash="x", name="Ada", **stamps(1))


def engine() -> Project:
    return Project(name="engine", owner_id=ADA, **stamps(9))


def event(number: int, at: datetime = NOON, **more: Any) -> AuditEvent:
    return AuditEvent(action="create", **{"user_id": ADA, "project_id": ENGINE, **stamps(number, at), **more})


def fill(unit: UnitOfWork) -> None:
    """One user, one project and one event of theirs."""
    unit.users.insert(ada())
    unit.projects.insert(engine())
    unit.audit.append(event(1))


def populate(unit: UnitOfWork, world: World) -> None:
    unit.users.insert_many(world.users)
    unit.sessions.insert_many(world.sessions)
    unit.api_keys.insert_many(world.api_keys)
    unit.notifications.insert_many(world.notifications)
    unit.projects.insert_many(world.projects)
    unit.members.insert_many(world.members)
    unit.files.insert_many(world.files)
    unit.deployments.insert_many(world.deployments)
    unit.archived_deployments.insert_many(world.archived)
    unit.reviews.insert_many(world.reviews)
    unit.tests.insert_many(world.tests)
    unit.pipelines.insert_many(world.pipelines)
    unit.executions.insert_many(world.executions)
    unit.scores.insert_many(world.scores)
    with unit.batch() as batch:
        for each in world.events:
            batch.add(unit.audit.append, each)


@pytest.mark.parametrize("seed", range(8))
def test_every_view_is_its_definition(store: Store, seed: int) -> None:
    world = Maker(seed).make(40 if seed % 2 else 6)
    with store.begin() as unit:
        populate(unit, world)
        views, now = unit.analytics, unit.now
        expect_same(
            views.recent_activity(limit=1000),
            activity.recent_activity(world.events, world.users, world.projects, 1000),
        )
        expect_same(views.project_file_stats(limit=1000), files.project_file_stats(world.projects, world.files))
        expect_same(
            views.deployment_success_rate(limit=1000),
            deployments.deployment_success_rate(world.projects, world.deployments, world.archived),
        )
        report = views.refresh()
        days = daily.daily_project_stats(
            now,
            projects=world.projects,
            deployments=[*world.deployments, *world.archived],
            reviews=world.reviews,
            files=world.files,
            tests=world.tests,
            scores=world.scores,
            events=world.events,
        )
        ranks = users.user_activity(
            now, users=world.users, projects=world.projects, members=world.members, events=world.events
        )
        expect_same(views.daily_project_stats(limit=1000), days)
        expect_same(views.user_activity(limit=1000), ranks)
        assert views.system_health() == system.system_health(
            now,
            users=world.users,
            sessions=world.sessions,
            api_keys=world.api_keys,
            projects=world.projects,
            files=world.files,
            deployments=world.deployments,
            deployments_archived=len(world.archived),
            reviews=len(world.reviews),
            executions=world.executions,
            notifications=world.notifications,
            events=world.events,
        )
        assert report == RefreshReport(as_of=now, daily_rows=len(days), user_rows=len(ranks))
        expect_filters_select(views, world)


def expect_same(found: tuple[Any, ...], expected: list[Any]) -> None:
    """Equal to the last digit: `repr` also tells 1.0 from 1.00."""
    assert list(map(repr, found)) == list(map(repr, expected))
    assert list(found) == expected


def expect_filters_select(views: Analytics, world: World) -> None:
    """A filter leaves the rows of the whole view that it names, in their order."""
    every = views.recent_activity(limit=1000)
    for project_id in [project.id for project in world.projects] + [UNKNOWN]:
        for name in BY_PROJECT:
            rows = getattr(views, name)(limit=1000)
            found = getattr(views, name)(project_id=project_id, limit=1000)
            assert found == tuple(row for row in rows if row.project_id == project_id)
    for user_id in [user.id for user in world.users] + [UNKNOWN]:
        assert views.recent_activity(user_id=user_id, limit=1000) == tuple(r for r in every if r.user_id == user_id)
        ranks = views.user_activity(limit=1000)
        assert views.user_activity(user_id=user_id) == tuple(row for row in ranks if row.user_id == user_id)


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_database_has_no_rows(store: Store, view: Callable[[Analytics], Any]) -> None:
    with store.begin(Mode.READ) as unit:
        assert not view(unit.analytics)


def test_materialized_views_are_empty_until_the_first_refresh(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        assert len(unit.analytics.recent_activity()) == 1
        assert unit.analytics.daily_project_stats() == ()
        assert unit.analytics.user_activity() == ()
        assert unit.analytics.system_health() is None


def test_refreshing_an_empty_database_tells_that_it_is_empty(store: Store) -> None:
    with store.begin() as unit:
        assert unit.analytics.refresh() == RefreshReport(as_of=unit.now, daily_rows=0, user_rows=0)
        health = unit.analytics.system_health()
    assert health is not None
    assert (health.users, health.size_bytes, health.mean_quality_score, health.as_of) == (0, 0, None, unit.now)


def test_views_follow_every_write_and_materialized_ones_only_a_refresh(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        unit.analytics.refresh()
        unit.commit()
    with store.begin() as unit:
        unit.audit.append(event(2, NOON + DAY))
        assert [row.id.int for row in unit.analytics.recent_activity()] == [2, 1]
        [row] = unit.analytics.user_activity()
        assert row.events == 1
        assert [day.day for day in unit.analytics.daily_project_stats()] == [date(2024, 5, 1)]
        unit.analytics.refresh()
        [row] = unit.analytics.user_activity()
        assert (row.events, row.as_of) == (2, unit.now)
        assert [day.day for day in unit.analytics.daily_project_stats()] == [date(2024, 5, 2), date(2024, 5, 1)]


def test_a_refresh_is_a_write_that_others_see_after_its_commit(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        unit.analytics.refresh()
        with store.begin(Mode.READ) as other:
            assert other.analytics.user_activity() == ()
        unit.commit()
    with store.begin(Mode.READ) as other:
        assert len(other.analytics.user_activity()) == 1


def test_a_rollback_undoes_a_refresh(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        unit.analytics.refresh()
        unit.rollback()
    with store.begin(Mode.READ) as unit:
        assert unit.analytics.user_activity() == ()
        assert unit.analytics.system_health() is None


def test_a_savepoint_undoes_a_refresh(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        unit.analytics.refresh()
        with pytest.raises(LookupError):
            refresh_in_vain(unit)
        assert unit.analytics.user_activity()[0].events == 1


def refresh_in_vain(unit: UnitOfWork) -> None:
    with unit.savepoint():
        unit.audit.append(event(2))
        unit.analytics.refresh()
        assert unit.analytics.user_activity()[0].events == 2
        raise LookupError


@pytest.mark.parametrize("refreshed", [False, True])
def test_of_two_that_refresh_at_once_one_collides(store: Store, refreshed: bool) -> None:
    with store.begin() as unit:
        fill(unit)
        if refreshed:
            unit.analytics.refresh()
        unit.commit()
    with store.begin() as first, store.begin() as second:
        first.users.get(ADA)
        second.users.get(ADA)
        first.analytics.refresh()
        first.commit()
        with pytest.raises(SerializationConflict):
            refresh_and_commit(second)
    with store.begin(Mode.READ) as unit:
        assert unit.analytics.user_activity()[0].as_of == first.now


def refresh_and_commit(unit: UnitOfWork) -> None:
    unit.analytics.refresh()
    unit.commit()


@pytest.mark.parametrize("mode", [Mode.READ, Mode.SNAPSHOT])
def test_a_reading_unit_cannot_refresh(store: Store, mode: Mode) -> None:
    with store.begin(mode) as unit, pytest.raises(ReadOnlyTransaction):
        unit.analytics.refresh()


def test_all_of_it_travels_in_one_batch(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        with unit.batch() as batch:
            report = batch.add(unit.analytics.refresh)
            events = batch.add(unit.analytics.recent_activity, limit=1)
            stats = batch.add(unit.analytics.project_file_stats, project_id=ENGINE)
            rates = batch.add(unit.analytics.deployment_success_rate)
            days = batch.add(unit.analytics.daily_project_stats, since=date(2024, 5, 1))
            ranks = batch.add(unit.analytics.user_activity, user_id=ADA)
            health = batch.add(unit.analytics.system_health)
        assert (report.value.daily_rows, report.value.user_rows) == (1, 1)
        assert (len(events.value), len(stats.value), rates.value, len(days.value)) == (1, 1, (), 1)
        assert ranks.value[0].rank == 1
        assert health.value is not None


def test_who_or_what_is_gone_has_no_name_and_no_row(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        [before] = unit.analytics.recent_activity()
        assert (before.user_name, before.project_name) == ("Ada", "engine")
        unit.users.delete(ADA)
        [after] = unit.analytics.recent_activity()
        assert after == replace(before, user_name=None, project_name=None)
        assert unit.analytics.project_file_stats() == ()
        report = unit.analytics.refresh()
        assert (report.daily_rows, report.user_rows) == (0, 0)
        health = unit.analytics.system_health()
        assert health is not None
        assert (health.events, health.last_event_at) == (1, NOON)


def test_languages_come_back_as_they_were_written(store: Store) -> None:
    names = ["", "B", 'J"S\\\n', "a", "é", "\u2028", "😀", None]
    with store.begin() as unit:
        fill(unit)
        unit.files.insert_many(
            [
                File(project_id=ENGINE, name="f", path=str(i), type=FileType.FILE, language=name, **stamps(100 + i))
                for i, name in enumerate(names)
            ]
        )
        [row] = unit.analytics.project_file_stats()
        assert [stats.language for stats in row.by_language] == names


def test_days_are_selected_with_both_ends(store: Store) -> None:
    with store.begin() as unit:
        fill(unit)
        for n in range(1, 5):
            unit.audit.append(event(n + 1, NOON + n * DAY))
        unit.analytics.refresh()
        days = unit.analytics.daily_project_stats

        def found(**given: Any) -> list[int]:
            return [row.day.day for row in days(**given)]

        assert found() == [5, 4, 3, 2, 1]
        assert found(since=date(2024, 5, 2), until=date(2024, 5, 4)) == [4, 3, 2]
        assert found(since=date(2024, 5, 4)) == [5, 4]
        assert found(until=date(2024, 5, 1), project_id=ENGINE) == [1]
        assert found(since=date(2024, 5, 2), until=date(2024, 5, 1)) == []
        assert found(since=date.min, until=date.max, limit=2) == [5, 4]
        assert found(limit=0) == []


@pytest.mark.parametrize("name", LIMITED)
@pytest.mark.parametrize("limit", [-1, 1001, 2**40, True, 1.0, "1", None])
def test_a_wrong_limit_is_refused_and_the_unit_goes_on(store: Store, name: str, limit: object) -> None:
    with store.begin() as unit:
        fill(unit)
        with pytest.raises(InvalidValue) as caught:
            getattr(unit.analytics, name)(limit=limit)
        assert caught.value.facts == {"field": "limit", "reason": "must be an integer from 0 to 1000"}
        assert getattr(unit.analytics, name)(limit=0) == ()
        assert len(unit.analytics.recent_activity(limit=1000)) == 1


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *((name, "project_id", str(ENGINE)) for name in BY_PROJECT),
        ("recent_activity", "user_id", 1),
        ("user_activity", "user_id", "\0"),
        ("daily_project_stats", "since", NOON),
        ("daily_project_stats", "until", "2024-05-01"),
    ],
)
def test_wrong_arguments_name_their_field(store: Store, name: str, field: str, value: object) -> None:
    with store.begin() as unit:
        fill(unit)
        with pytest.raises(InvalidValue) as caught:
            getattr(unit.analytics, name)(**{field: value})
        assert caught.value.field == field
        assert len(unit.analytics.recent_activity()) == 1


@pytest.mark.parametrize("view", [*VIEWS, lambda views: views.refresh()])
def test_a_failed_unit_answers_nothing(store: Store, view: Callable[[Analytics], Any]) -> None:
    with store.begin() as unit:
        fill(unit)
        with pytest.raises(AlreadyExists):
            unit.users.insert(ada())
        with pytest.raises(TransactionAborted):
            view(unit.analytics)


@pytest.mark.parametrize("view", [*VIEWS, lambda views: views.refresh()])
def test_a_unit_that_has_ended_answers_nothing(store: Store, view: Callable[[Analytics], Any]) -> None:
    unit = store.begin()
    unit.rollback()
    with pytest.raises(TransactionClosed):
        view(unit.analytics)
