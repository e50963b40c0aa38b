from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.workbench import Bench
from vibecore.domain.errors import InvalidValue, NotFound, PermissionDenied, ReadOnlyProject
from vibecore.domain.tests import TestResult, TestType


@pytest.fixture
def bench() -> Bench:
    found = Bench()
    found.files.write(found.owner, found.id, "src/a.py", "x = 1\n")
    assert found.trips == 3
    return found


def record(bench: Bench, path: str = "src/a.py", **options: Any) -> TestResult:
    return bench.tests.record(bench.owner, bench.id, path, **({"test_type": TestType.UNIT} | options))


def test_what_is_recorded_is_found(bench: Bench) -> None:
    result = record(
        bench,
        test_type=TestType.E2E,
        passed=3,
        failed=1,
        skipped=2,
        covered=10,
        coverable=12,
        framework="pytest",
        test_code="def test_a(): ...",
        edge_cases=["empty", {"depth": 3}],
        coverage_goal=90,
    )
    assert bench.tests.get(bench.owner, bench.id, result.id) == result
    assert (result.file_path, result.test_type, result.framework) == ("src/a.py", TestType.E2E, "pytest")
    assert (result.passed, result.failed, result.skipped, result.covered, result.coverable) == (3, 1, 2, 10, 12)
    assert (result.edge_cases, result.coverage_goal) == (["empty", {"depth": 3}], 90)
    event = bench.trail()[-1]
    assert (event.action, event.resource_id) == ("test.recorded", result.id)
    told = event.details["changes"]
    assert (told["file_path"], told["test_type"], told["passed"]) == ([None, "src/a.py"], [None, "e2e"], [None, 3])
    assert (told["edge_cases"], told["test_code"]) == ([None, {"entries": 2}], [None, {"hidden": True}])


def test_runs_are_listed_newest_first(bench: Bench) -> None:
    made = []
    for passed in range(4):
        bench.effects.clock.move(seconds=1)
        made.append(record(bench, passed=passed))
    first = bench.tests.page(bench.owner, bench.id, limit=3)
    rest = bench.tests.page(bench.owner, bench.id, limit=3, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == made[::-1]


@pytest.mark.parametrize("path", ["src", "src/b.py"])
def test_only_files_are_tested(bench: Bench, path: str) -> None:
    with pytest.raises(NotFound) as caught:
        record(bench, path)
    assert caught.value.facts == {"kind": "file", "key": path}


def test_an_unknown_result_is_not_found(bench: Bench) -> None:
    assert bench.tests.find(bench.owner, bench.id, UUID(int=1)) is None
    with pytest.raises(NotFound) as caught:
        bench.tests.get(bench.owner, bench.id, UUID(int=1))
    assert caught.value.kind == "test_result"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("test_type", {"test_type": "unit"}),
        ("passed", {"passed": -1}),
        ("passed", {"passed": True}),
        ("failed", {"failed": 2**31}),
        ("skipped", {"skipped": None}),
        ("covered", {"covered": 3}),
        ("covered", {"coverable": 3}),
        ("covered", {"covered": 4, "coverable": 3}),
        ("framework", {"framework": "x" * 51}),
        ("test_code", {"test_code": "\0"}),
        ("edge_cases", {"edge_cases": {"a": 1}}),
        ("edge_cases", {"edge_cases": None}),
        ("coverage_goal", {"coverage_goal": 101}),
        ("path", {"path": "/a"}),
        ("path", {"path": None}),
    ],
)
def test_wrong_values_are_named(bench: Bench, name: str, options: dict[str, Any]) -> None:
    before = bench.trail()
    with pytest.raises(InvalidValue) as caught:
        record(bench, **options)
    assert caught.value.field == name
    assert bench.trail() == before


def test_round_trips(bench: Bench) -> None:
    result = record(bench)
    assert bench.trips == 3
    bench.tests.get(bench.owner, bench.id, result.id)
    assert bench.trips == 1
    bench.tests.page(bench.owner, bench.id)
    assert bench.trips == 1


def test_rights_and_archive(bench: Bench) -> None:
    with pytest.raises(PermissionDenied) as denied:
        bench.tests.record(bench.viewer, bench.id, "src/a.py", test_type=TestType.UNIT)
    assert denied.value.action == "tests.write"
    with pytest.raises(NotFound) as hidden:
        bench.tests.page(bench.stranger, bench.id)
    assert hidden.value.kind == "project"
    bench.archive()
    with pytest.raises(ReadOnlyProject):
        record(bench)
    assert bench.tests.page(bench.viewer, bench.id).items == ()
