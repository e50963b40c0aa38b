from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from vibecore.domain.analytics import LanguageStats, activity, daily, deployments, files, system, users
from vibecore.domain.analytics.arguments import checked_day, checked_limit
from vibecore.domain.analytics.measures import Duration, percent, ratio, utc_day
from vibecore.domain.api_keys import ApiKey
from vibecore.domain.audit import AuditEvent
from vibecore.domain.deployments import ArchivedDeployment, Deployment, DeploymentStatus
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import File, FileType
from vibecore.domain.json import JsonArray, JsonObject
from vibecore.domain.notifications import Notification
from vibecore.domain.pipelines import Execution, ExecutionStatus
from vibecore.domain.projects import Project, ProjectStatus
from vibecore.domain.reviews import CodeReview
from vibecore.domain.scores import QualityScore
from vibecore.domain.sessions import Session
from vibecore.domain.tests import TestResult, TestType
from vibecore.domain.users import User

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def key(number: int) -> UUID:
    return UUID(int=number)


def stamps(number: int, created_at: datetime = NOON) -> dict[str, Any]:
    return {"id": key(number), "created_at": created_at, "updated_at": created_at}


def user(number: int, name: str = "Ada", **more: Any) -> User:
    email = f"u{number}@example.org"
    return User(email=email, email_key=email, password_hash="x", name=name, **{**stamps(number), **more})


def project(number: int, name: str = "engine", **more: Any) -> Project:
    return Project(**{"name": name, "owner_id": key(1), **stamps(number), **more})


def file(number: int, path: str, **more: Any) -> File:
    return File(**{"project_id": key(9), "name": "f", "path": path, "type": FileType.FILE, **stamps(number), **more})


def deployment(number: int, status: DeploymentStatus, created_at: datetime = NOON, **more: Any) -> Deployment:
    return Deployment(
        **{
            "project_id": key(9),
            "environment": "production",
            "status": status,
            **stamps(number, created_at),
            **more,
        }
    )


def event(number: int, created_at: datetime = NOON, **more: Any) -> AuditEvent:
    return AuditEvent(**{"action": "create", **stamps(number, created_at), **more})


class TestMeasures:
    def test_halves_round_away_from_zero_at_the_last_place(self) -> None:
        assert str(percent(1, 800)) == "0.13"  # 0.125
        assert str(ratio(1, 3, 3)) == "0.333"
        assert str(ratio(2, 1, 2)) == "2.00"

    def test_a_share_of_nothing_is_none_and_nothing_of_something_is_zero(self) -> None:
        assert percent(0, 0) is None
        assert str(percent(0, 3)) == "0.00"

    def test_a_duration_leaves_out_what_lacks_an_end_or_runs_backwards(self) -> None:
        found = Duration()
        assert found.mean_seconds is None
        found.add(None, NOON)
        found.add(NOON, None)
        found.add(NOON, NOON - MICROSECOND)
        assert (found.count, found.mean_seconds) == (0, None)
        found.add(NOON, NOON)
        found.add(NOON, NOON + timedelta(microseconds=1_001_000))
        assert found.count == 2
        assert str(found.mean_seconds) == "0.501"

    def test_a_day_is_a_utc_day(self) -> None:
        late = datetime(2024, 5, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
        assert utc_day(late) == date(2024, 5, 2)


class TestArguments:
    @pytest.mark.parametrize("limit", [-1, 1001, True, 1.0, "1", None])
    def test_a_limit_is_an_integer_from_0_to_1000(self, limit: object) -> None:
        with pytest.raises(InvalidValue) as caught:
            checked_limit(limit)
        assert caught.value.field == "limit"

    def test_the_bounds_belong_to_it(self) -> None:
        assert (checked_limit(0), checked_limit(1000)) == (0, 1000)

    @pytest.mark.parametrize("day", [NOON, "2024-05-01", 5])
    def test_a_day_is_a_date_and_nothing_with_a_time_zone(self, day: object) -> None:
        with pytest.raises(InvalidValue) as caught:
            checked_day("since", day)
        assert caught.value.field == "since"


class TestRecentActivity:
    def test_the_newest_come_first_and_the_limit_keeps_them(self) -> None:
        events = [event(1), event(3, NOON + HOUR), event(2), event(4, NOON - HOUR)]
        rows = activity.recent_activity(events, [], [], 3)
        assert [row.id.int for row in rows] == [3, 2, 1]

    def test_names_are_those_of_now_and_none_for_who_is_gone(self) -> None:
        events = [event(1, user_id=key(1), project_id=key(9)), event(2, user_id=key(7), project_id=key(8)), event(3)]
        rows = activity.recent_activity(events, [user(1)], [project(9)], 10)
        assert [(row.user_name, row.project_name) for row in rows] == [(None, None), (None, None), ("Ada", "engine")]
        assert rows[1].user_id == key(7)

    def test_neither_details_nor_addresses_are_part_of_a_row(self) -> None:
        secret = event(1, details=JsonObject({"token": "hunter2"}), ip_address="10.0.0.1")
        shown = repr(activity.recent_activity([secret], [], [], 1))
        assert "hunter2" not in shown
        assert "10.0.0.1" not in shown


class TestFileStats:
    def test_a_project_without_files_has_a_row_of_zeros(self) -> None:
        [row] = files.project_file_stats([project(9)], [])
        assert (row.files, row.folders, row.lines, row.size_bytes, row.languages) == (0, 0, 0, 0, 0)
        assert (row.largest_path, row.largest_bytes, row.changed_at, row.by_language) == (None, None, None, ())

    def test_languages_add_up_to_the_project(self) -> None:
        entries = [
            file(1, "a.py", language="Python", line_count=2, size_bytes=10),
            file(2, "b.py", language="Python", line_count=3, size_bytes=20),
            file(3, "c.c", language="C", line_count=5, size_bytes=20),
            file(4, "d.bin", line_count=5, size_bytes=1),
            file(5, "e", type=FileType.FOLDER, language="Folder", line_count=50, size_bytes=500),
        ]
        [row] = files.project_file_stats([project(9)], entries)
        assert (row.files, row.folders, row.lines, row.size_bytes, row.languages) == (4, 1, 15, 51, 2)
        assert row.by_language == (
            LanguageStats(language="Python", files=2, lines=5, size_bytes=30),
            LanguageStats(language="C", files=1, lines=5, size_bytes=20),
            LanguageStats(language=None, files=1, lines=5, size_bytes=1),
        )
        assert (row.largest_path, row.largest_bytes) == ("b.py", 20)

    def test_equal_languages_are_ordered_by_code_point_with_the_unknown_last(self) -> None:
        entries = [file(i, str(i), language=name) for i, name in enumerate([None, "é", "a", "B", "", "😀"])]
        [row] = files.project_file_stats([project(9)], entries)
        assert [stats.language for stats in row.by_language] == ["", "B", "a", "é", "😀", None]

    def test_folders_count_as_changes(self) -> None:
        entries = [file(1, "a"), file(2, "b", type=FileType.FOLDER, updated_at=NOON + HOUR)]
        assert files.project_file_stats([project(9)], entries)[0].changed_at == NOON + HOUR

    def test_the_largest_project_comes_first_and_ids_break_ties(self) -> None:
        projects = [project(3), project(2), project(9)]
        rows = files.project_file_stats(projects, [file(1, "a", line_count=1)])
        assert [row.project_id.int for row in rows] == [9, 2, 3]


class TestDeploymentRates:
    def rate(self, *group: Deployment, archived: tuple[ArchivedDeployment, ...] = ()) -> Any:
        [row] = deployments.deployment_success_rate([project(9)], group, archived)
        return row

    def test_every_deployment_counts_once(self) -> None:
        row = self.rate(
            deployment(1, DeploymentStatus.RUNNING, live_at=NOON),
            deployment(2, DeploymentStatus.STOPPED, live_at=NOON),
            deployment(3, DeploymentStatus.STOPPED),
            deployment(4, DeploymentStatus.FAILED),
            deployment(5, DeploymentStatus.ROLLED_BACK, live_at=NOON),
            deployment(6, DeploymentStatus.PENDING),
            deployment(7, DeploymentStatus.BUILDING),
            deployment(8, DeploymentStatus.RUNNING),
        )
        assert (row.total, row.succeeded, row.failed, row.rolled_back) == (8, 2, 1, 1)
        assert (row.cancelled, row.unfinished) == (1, 3)
        assert str(row.success_rate) == "50.00"
        assert (row.went_live, str(row.change_failure_rate)) == (3, "33.33")

    def test_rates_are_none_while_nothing_has_finished(self) -> None:
        row = self.rate(deployment(1, DeploymentStatus.PENDING), deployment(2, DeploymentStatus.STOPPED))
        assert (row.success_rate, row.change_failure_rate, row.live_per_day) == (None, None, None)
        assert (row.mean_duration_seconds, row.mean_lead_seconds, row.mean_restore_seconds) == (None, None, None)
        assert (row.first_live_at, row.last_live_at) == (None, None)

    def test_archived_deployments_stay_in_the_rate(self) -> None:
        old = ArchivedDeployment(
            project_id=key(9),
            environment="production",
            status=DeploymentStatus.FAILED,
            archived_at=NOON,
            version="old",
            **stamps(1, NOON - DAY),
        )
        row = self.rate(deployment(2, DeploymentStatus.RUNNING, live_at=NOON, version="new"), archived=(old,))
        assert (row.total, str(row.success_rate), row.last_version) == (2, "50.00", "new")

    def test_of_a_deployment_and_its_archived_copy_the_live_one_is_the_last(self) -> None:
        copy = ArchivedDeployment(
            project_id=key(9), environment="production", status=DeploymentStatus.FAILED, archived_at=NOON, **stamps(1)
        )
        assert self.rate(deployment(1, DeploymentStatus.RUNNING), archived=(copy,)).last_status == "running"

    def test_frequency_counts_from_the_first_live_day_to_the_last(self) -> None:
        row = self.rate(
            deployment(1, DeploymentStatus.STOPPED, live_at=NOON),
            deployment(2, DeploymentStatus.STOPPED, live_at=NOON + DAY + 12 * HOUR),
        )
        assert str(row.live_per_day) == "0.67"  # two in three days: the second is at midnight

    def test_duration_ends_when_live_or_else_when_over(self) -> None:
        row = self.rate(
            deployment(1, DeploymentStatus.STOPPED, started_at=NOON, live_at=NOON + HOUR, completed_at=NOON + DAY),
            deployment(2, DeploymentStatus.FAILED, started_at=NOON, completed_at=NOON + 2 * HOUR),
            deployment(3, DeploymentStatus.FAILED, completed_at=NOON + 2 * HOUR),
        )
        assert str(row.mean_duration_seconds) == "5400.000"
        assert str(row.mean_lead_seconds) == "3600.000"

    def test_restoring_takes_until_the_next_live_deployment(self) -> None:
        row = self.rate(
            deployment(1, DeploymentStatus.FAILED, live_at=NOON, completed_at=NOON + HOUR),
            deployment(2, DeploymentStatus.RUNNING, live_at=NOON + 3 * HOUR),
            deployment(3, DeploymentStatus.STOPPED, live_at=NOON + 5 * HOUR),
        )
        assert (row.restored, str(row.mean_restore_seconds)) == (1, "7200.000")

    def test_an_outage_begins_with_the_request_for_the_rollback(self) -> None:
        row = self.rate(
            deployment(1, DeploymentStatus.ROLLED_BACK, live_at=NOON, completed_at=NOON + 2 * HOUR),
            deployment(2, DeploymentStatus.RUNNING, NOON + HOUR, rollback_of=key(1), live_at=NOON + 2 * HOUR),
        )
        assert (row.restored, str(row.mean_restore_seconds)) == (1, "3600.000")

    def test_what_was_never_live_or_never_followed_is_no_outage_that_ended(self) -> None:
        row = self.rate(
            deployment(1, DeploymentStatus.FAILED, completed_at=NOON),
            deployment(2, DeploymentStatus.FAILED, live_at=NOON, completed_at=NOON),
            deployment(3, DeploymentStatus.FAILED, live_at=NOON, completed_at=NOON + HOUR),
        )
        assert (row.restored, row.mean_restore_seconds) == (0, None)

    def test_environments_are_apart_and_the_busiest_comes_first(self) -> None:
        rows = deployments.deployment_success_rate(
            [project(9), project(8)],
            [
                deployment(1, DeploymentStatus.FAILED, environment="b"),
                deployment(2, DeploymentStatus.FAILED, environment="B"),
                deployment(3, DeploymentStatus.FAILED, environment="c"),
                deployment(4, DeploymentStatus.FAILED, environment="c"),
                deployment(5, DeploymentStatus.FAILED, environment="z", project_id=key(8)),
            ],
            [],
        )
        assert [(row.project_id.int, row.environment) for row in rows] == [(9, "c"), (8, "z"), (9, "B"), (9, "b")]


class TestDailyStats:
    def daily(self, **records: Any) -> Any:
        kinds = ("deployments", "reviews", "files", "tests", "scores", "events")
        given = {"projects": [project(9)], **dict.fromkeys(kinds, ()), **records}
        return daily.daily_project_stats(NOON, **given)

    def test_nothing_happened_nothing_is_told(self) -> None:
        assert self.daily() == []

    def test_midnight_in_utc_parts_the_days(self) -> None:
        midnight = datetime(2024, 5, 2, tzinfo=UTC)
        rows = self.daily(
            events=[event(1, midnight, project_id=key(9)), event(2, midnight - MICROSECOND, project_id=key(9))]
        )
        assert [(row.day, row.events) for row in rows] == [(date(2024, 5, 2), 1), (date(2024, 5, 1), 1)]
        assert {row.as_of for row in rows} == {NOON}

    def test_all_sources_meet_in_one_row(self) -> None:
        review: dict[str, Any] = {"project_id": key(9), "file_path": "a.py"}
        test: dict[str, Any] = {"project_id": key(9), "file_path": "a.py", "test_type": TestType.UNIT}
        score: dict[str, Any] = {
            "project_id": key(9),
            "lower": Decimal(0),
            "upper": Decimal(100),
            "confidence": 1,
            "model": "m",
        }
        [row] = self.daily(
            deployments=[
                deployment(1, DeploymentStatus.FAILED),
                deployment(2, DeploymentStatus.RUNNING, live_at=NOON),
                deployment(3, DeploymentStatus.ROLLED_BACK),
            ],
            reviews=[
                CodeReview(score=1, issues=JsonArray([JsonObject()] * 2), **review, **stamps(1)),
                CodeReview(score=2, **review, **stamps(2)),
            ],
            files=[file(1, "a"), file(2, "b", type=FileType.FOLDER)],
            tests=[TestResult(passed=3, failed=1, **test, **stamps(1)), TestResult(passed=2, **test, **stamps(2))],
            scores=[
                QualityScore(score=Decimal("7.00"), **score, **stamps(2)),
                QualityScore(score=Decimal("9.00"), **score, **stamps(1)),
            ],
            events=[event(n, project_id=key(9), user_id=key(n % 2)) for n in range(3)]
            + [event(4), event(5, project_id=key(8))],
        )
        assert (row.deployments, row.deployments_succeeded) == (3, 1)
        assert (row.deployments_failed, row.deployments_rolled_back) == (1, 1)
        assert (row.reviews, row.issues, str(row.mean_review_score)) == (2, 2, "1.50")
        assert (row.files_changed, row.tests_passed, row.tests_failed) == (1, 5, 1)
        assert (str(row.quality_score), row.events, row.active_users) == ("7.00", 3, 2)

    def test_a_file_counts_on_the_day_of_its_last_change(self) -> None:
        [row] = self.daily(files=[file(1, "a", updated_at=NOON + DAY)])
        assert (row.day, row.mean_review_score, row.quality_score) == (date(2024, 5, 2), None, None)


class TestUserActivity:
    def test_everybody_has_a_rank_and_equals_share_it(self) -> None:
        events = [
            event(1, user_id=key(3)),
            event(2, user_id=key(3)),
            event(3, user_id=key(4)),
            event(4, user_id=key(2)),
        ]
        rows = users.user_activity(
            NOON, users=[user(n) for n in (5, 4, 3, 2, 1)], projects=[], members=[], events=events
        )
        assert [(row.user_id.int, row.rank) for row in rows] == [(3, 1), (2, 2), (4, 2), (1, 4), (5, 4)]

    def test_more_days_then_later_activity_win_among_equal_counts(self) -> None:
        events = [
            event(1, NOON, user_id=key(1)),
            event(2, NOON + HOUR, user_id=key(1)),
            event(3, NOON - DAY, user_id=key(2)),
            event(4, NOON, user_id=key(2)),
            event(5, NOON, user_id=key(3)),
            event(6, NOON + 2 * HOUR, user_id=key(3)),
        ]
        rows = users.user_activity(NOON, users=[user(1), user(2), user(3)], projects=[], members=[], events=events)
        assert [(row.user_id.int, row.rank, row.active_days) for row in rows] == [(2, 1, 2), (3, 2, 1), (1, 3, 1)]

    def test_projects_are_counted_by_tie_and_by_touch(self) -> None:
        [row] = users.user_activity(
            NOON,
            users=[user(1)],
            projects=[project(9), project(8)],
            members=[],
            events=[event(1, NOON, user_id=key(1), project_id=key(9)), event(2, NOON - DAY, user_id=key(1))],
        )
        assert (row.projects_owned, row.projects_joined, row.projects_touched) == (2, 0, 1)
        assert (row.first_active_at, row.last_active_at) == (NOON - DAY, NOON)


def test_the_system_counts_what_is_active_as_of_the_refresh() -> None:
    session: dict[str, Any] = {"user_id": key(1), "token": "x", "idle_expires_at": NOON, "authenticated_at": NOON}
    api_key: dict[str, Any] = {"user_id": key(1), "name": "k", "key_hash": "x", "key_prefix": "x"}
    run: dict[str, Any] = {"project_id": key(9), "pipeline_id": key(5)}
    note: dict[str, Any] = {"user_id": key(1), "type": "t", "title": "t"}
    row = system.system_health(
        NOON,
        users=[user(1), user(2, disabled_at=NOON)],
        sessions=[
            Session(expires_at=NOON, **session, **stamps(1)),
            Session(expires_at=NOON + MICROSECOND, **session, **stamps(2)),
        ],
        api_keys=[
            ApiKey(expires_at=NOON, **api_key, **stamps(1)),
            ApiKey(expires_at=NOON + MICROSECOND, **api_key, **stamps(2)),
            ApiKey(**api_key, **stamps(3)),
        ],
        projects=[
            project(1, status=ProjectStatus.ARCHIVED, quality_score=Decimal("0.01")),
            project(2, status=ProjectStatus.REVIEW, quality_score=Decimal("0.02")),
            project(3),
        ],
        files=[file(1, "a", line_count=2, size_bytes=3), file(2, "b", type=FileType.FOLDER, size_bytes=9)],
        deployments=[
            deployment(1, DeploymentStatus.PENDING),
            deployment(2, DeploymentStatus.BUILDING),
            deployment(3, DeploymentStatus.FAILED),
        ],
        deployments_archived=4,
        reviews=5,
        executions=[
            Execution(status=ExecutionStatus.QUEUED, **run, **stamps(1)),
            Execution(status=ExecutionStatus.BLOCKED, **run, **stamps(2)),
            Execution(status=ExecutionStatus.RUNNING, **run, **stamps(3)),
        ],
        notifications=[
            Notification(occurred_at=NOON, **note, **stamps(1)),
            Notification(occurred_at=NOON, read_at=NOON, **note, **stamps(2)),
        ],
        events=[event(1, NOON), event(2, NOON + HOUR)],
    )
    assert (row.users, row.users_disabled, row.sessions_active, row.api_keys_active) == (2, 1, 1, 2)
    assert (row.projects, row.projects_planning, row.projects_review, row.projects_archived) == (3, 1, 1, 1)
    assert (row.files, row.lines, row.size_bytes) == (1, 2, 3)
    assert (row.deployments, row.deployments_in_flight) == (3, 2)
    assert (row.deployments_running, row.deployments_failed, row.deployments_archived) == (0, 1, 4)
    assert (row.reviews, row.executions_running, row.executions_waiting) == (5, 1, 2)
    assert (row.notifications_unread, str(row.mean_quality_score)) == (1, "0.02")  # 0.015
    assert (row.events, row.last_event_at, row.as_of) == (2, NOON + HOUR, NOON)


def test_an_empty_system_has_zeros_and_no_mean() -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("users", "sessions", "api_keys", "projects", "files", "deployments", "executions", "notifications", "events"),
        (),
    )
    row = system.system_health(NOON, deployments_archived=0, reviews=0, **nothing)
    assert (row.users, row.events, row.mean_quality_score, row.last_event_at) == (0, 0, None, None)
