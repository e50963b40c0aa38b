"""Counting the evidence: what of a project's records counts, once, and what damaged entries mean."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.json import JsonArray, freeze
from vibecore.domain.quality import QualityInputs, assess, gather
from vibecore.domain.reviews import CodeReview
from vibecore.domain.tests import TestResult, TestType

often = settings(max_examples=1_000, deadline=None)

PROJECT = UUID(int=1)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def review(
    path: str = "a.py", *, issues: Any = (), lines: int = 0, reviewer: str = "manual", at: int = 0, key: int = 1
) -> CodeReview:
    frozen = freeze("issues", list(issues))
    assert isinstance(frozen, JsonArray)
    moment = NOON + timedelta(microseconds=at)
    return CodeReview(
        id=UUID(int=key),
        project_id=PROJECT,
        file_path=path,
        score=50,
        issues=frozen,
        reviewer=reviewer,
        line_count=lines,
        created_at=moment,
        updated_at=moment,
    )


def result(
    path: str = "a.py", kind: TestType = TestType.UNIT, *, at: int = 0, key: int = 1, **counts: Any
) -> TestResult:
    moment = NOON + timedelta(microseconds=at)
    return TestResult(
        id=UUID(int=key),
        project_id=PROJECT,
        file_path=path,
        test_type=kind,
        created_at=moment,
        updated_at=moment,
        **counts,
    )


def deployment(status: DeploymentStatus, *, live: bool) -> Deployment:
    return Deployment(
        id=UUID(int=1),
        project_id=PROJECT,
        environment="production",
        status=status,
        live_at=NOON if live else None,
        created_at=NOON,
        updated_at=NOON,
    )


def counted(issues: list[Any]) -> dict[str, int]:
    """The inputs that are not 0."""
    inputs = gather([review(issues=issues)], [], [])
    return {name: value for name, value in inputs.to_json().items() if value}


def test_nothing_gives_nothing() -> None:
    assert gather([], [], []) == QualityInputs()


@pytest.mark.parametrize(
    ("category", "component"),
    [
        ("security", "security"),
        ("correctness", "reliability"),
        ("performance", "reliability"),
        ("maintainability", "maintainability"),
        ("documentation", "maintainability"),
        ("style", "maintainability"),
        ("Security", "maintainability"),
        ("", "maintainability"),
        (None, "maintainability"),
        (["security"], "maintainability"),
        ({"security": True}, "maintainability"),
        (1, "maintainability"),
    ],
)
def test_a_category_belongs_to_a_component(category: object, component: str) -> None:
    found = counted([{"severity": "info", "category": category, "effort_minutes": 0}])
    assert found == {f"{component}_penalties": 1, f"{component}_worst": 1}


@pytest.mark.parametrize(
    ("severity", "points", "rank", "minutes"),
    [
        ("critical", 100, 4, 60),
        ("error", 25, 3, 30),
        ("warning", 5, 2, 10),
        ("info", 1, 1, 2),
        ("Critical", 5, 2, 10),
        ("none", 5, 2, 10),
        ("", 5, 2, 10),
        (None, 5, 2, 10),
        (4, 5, 2, 10),
        (True, 5, 2, 10),
        (["critical"], 5, 2, 10),
        ({"critical": 1}, 5, 2, 10),
    ],
)
def test_a_severity_has_its_penalty_and_minutes(severity: object, points: int, rank: int, minutes: int) -> None:
    found = counted([{"severity": severity}])
    assert found == {"maintainability_penalties": points, "maintainability_worst": rank, "debt_minutes": minutes}


@pytest.mark.parametrize(
    ("effort", "minutes"),
    [
        (7, 7),
        (1_000_000, 1_000_000),
        (1_000_001, 1_000_000),
        (2**63 - 1, 1_000_000),
        (5.0, 10),
        (5.5, 10),
        (1e300, 10),
        (0.0, 10),
        (-1, 10),
        (True, 10),
        ("7", 10),
        (None, 10),
        ([7], 10),
        ({"minutes": 7}, 10),
    ],
)
def test_minutes_are_integers_from_zero_or_the_default(effort: object, minutes: int) -> None:
    assert counted([{"effort_minutes": effort}])["debt_minutes"] == minutes


def test_an_effort_of_zero_counts_as_zero() -> None:
    assert "debt_minutes" not in counted([{"effort_minutes": 0}])


@pytest.mark.parametrize("suppressed", [False, "true", 1, None, [], [True], {"kind": "inSource"}])
def test_only_true_suppresses(suppressed: object) -> None:
    assert counted([{"suppressed": suppressed, "category": "style"}])["maintainability_worst"] == 2
    assert counted([{"suppressed": True, "severity": "critical", "category": "security"}]) == {}


@pytest.mark.parametrize("entry", [None, True, 1, 1.5, "critical", [], [{"severity": "critical"}]])
def test_entries_that_are_no_objects_say_nothing(entry: object) -> None:
    assert counted([entry]) == {}


def test_an_empty_object_is_a_warning_about_maintainability() -> None:
    assert counted([{}]) == {"maintainability_penalties": 5, "maintainability_worst": 2, "debt_minutes": 10}


def test_issues_that_are_no_array_say_nothing() -> None:
    """Another writer may store an object; the record then holds one."""
    odd = replace(review(lines=3), issues=freeze("issues", {"severity": "critical"}))  # type: ignore[arg-type]
    assert gather([odd], [], []) == QualityInputs(reviewed_lines=3)


def test_the_newest_review_of_each_file_and_reviewer_counts() -> None:
    """By time, then by id; the order in which they come does not matter."""
    critical = [{"severity": "critical", "category": "security"}]
    reviews = [
        review(issues=critical, lines=10, at=1, key=9),
        review(issues=[], lines=12, at=2, key=3),
        review(issues=critical, lines=99, at=2, key=2),
        review(issues=[{}], lines=11, reviewer="ruff"),
        review("b.py", lines=100),
    ]
    wanted = QualityInputs(reviewed_lines=112, maintainability_penalties=5, maintainability_worst=2, debt_minutes=10)
    for seed in range(20):
        random.Random(seed).shuffle(reviews)
        assert gather(reviews, [], []) == wanted


def test_issues_of_two_reviewers_add_up_and_lines_do_not() -> None:
    issue = [{"severity": "critical", "category": "security"}]
    inputs = gather([review(issues=issue, lines=7), review(issues=issue, lines=9, reviewer="ruff")], [], [])
    assert inputs == QualityInputs(reviewed_lines=9, security_penalties=200, security_worst=4, open_critical_security=2)


def test_the_newest_result_of_each_file_and_type_counts() -> None:
    results = [
        result(passed=1, failed=9, at=1, key=5),
        result(passed=7, failed=2, skipped=40, at=1, key=6),
        result(kind=TestType.E2E, passed=1),
        result("b.py", passed=2, failed=1),
    ]
    assert gather([], results, []) == QualityInputs(passed=10, failed=3)
    assert gather([], reversed(results), []) == QualityInputs(passed=10, failed=3)


def test_a_line_covered_by_two_kinds_of_tests_counts_once() -> None:
    """No more than the best kind is known to reach, and no line of the file is counted twice."""
    results = [
        result(covered=80, coverable=100),
        result(kind=TestType.E2E, covered=30, coverable=110),
        result("b.py", covered=5, coverable=5),
    ]
    assert gather([], results, []) == QualityInputs(covered=85, coverable=115)


@pytest.mark.parametrize(
    ("covered", "coverable", "counts"),
    [
        (None, 5, (0, 0)),
        (5, None, (0, 0)),
        (0, 0, (0, 0)),
        (9, 0, (0, 0)),
        (9, 5, (5, 5)),
        (0, 5, (0, 5)),
        (-3, 5, (0, 5)),
    ],
)
def test_coverage_needs_both_numbers(covered: int | None, coverable: int | None, counts: tuple[int, int]) -> None:
    inputs = gather([], [result(covered=covered, coverable=coverable)], [])
    assert (inputs.covered, inputs.coverable) == counts


def test_negative_counts_of_other_writers_are_zero() -> None:
    assert gather([review(lines=-5)], [result(passed=-1, failed=-2)], []) == QualityInputs()


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize("live", [False, True])
def test_deployments_count_once_they_tell_something(status: DeploymentStatus, live: bool) -> None:
    inputs = gather([], [], [deployment(status, live=live)])
    expected = {
        DeploymentStatus.RUNNING: (int(live), 0, 0),
        DeploymentStatus.STOPPED: (int(live), 0, 0),
        DeploymentStatus.FAILED: (0, 1, 0),
        DeploymentStatus.ROLLED_BACK: (0, 0, 1),
    }.get(status, (0, 0, 0))
    assert (
        inputs.deployments_succeeded,
        inputs.deployments_failed,
        inputs.deployments_rolled_back,
    ) == expected


WORDS = ["critical", "error", "warning", "info", "security", "correctness", "style", "true", ""]
KEYS = ["severity", "category", "effort_minutes", "suppressed", "x"]
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@often
@given(st.lists(JSON, max_size=5), JSON, st.integers(0, 5_000))
def test_any_json_is_counted_and_one_entry_more_never_raises_the_score(
    issues: list[Any], one_more: object, lines: int
) -> None:
    fewer = assess(gather([review(issues=issues, lines=lines)], [], []))
    more = assess(gather([review(issues=[*issues, one_more], lines=lines)], [], []))
    assert (more.score_centi or 0) <= (fewer.score_centi or 0)
    assert more.lower_centi <= fewer.lower_centi
    assert more.upper_centi <= fewer.upper_centi
