from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.services.workbench import Bench
from vibecore.domain import quality
from vibecore.domain.errors import InvalidCursor, InvalidValue, NotFound, PermissionDenied, ReadOnlyProject
from vibecore.domain.tests import TestType
from vibecore.repositories.unit_of_work import Mode


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_project_without_evidence_has_no_score(bench: Bench) -> None:
    report = bench.quality.assess(bench.owner, bench.id)
    assert (report.score, report.lower, report.upper) == (None, Decimal(0), Decimal(100))
    assert bench.project().quality_score is None
    (row,) = bench.quality.history(bench.owner, bench.id).items
    assert (row.score, row.confidence, row.model) == (None, 0, quality.MODEL)
    told = bench.trail()[-1].details
    assert ("score" in told["changes"], "others" in told) == (False, False)


def test_the_score_is_stored_with_what_explains_it(bench: Bench) -> None:
    bench.files.write(bench.owner, bench.id, "a.py", "x = 1\n" * 800)
    bench.tests.record(bench.owner, bench.id, "a.py", test_type=TestType.UNIT, passed=3, failed=1)
    report = bench.quality.assess(bench.owner, bench.id)
    assert report.score == Decimal("75.00")
    assert bench.project().quality_score == report.score
    (row,) = bench.quality.history(bench.owner, bench.id).items
    assert (row.score, row.lower, row.upper, row.confidence) == (
        report.score,
        report.lower,
        report.upper,
        report.confidence,
    )
    assert quality.assess(quality.QualityInputs.from_row(row.inputs)) == report
    assert row.components["tests"]["value"] == 7500
    event = bench.trail()[-1]
    assert (event.action, event.resource_id) == ("quality.assessed", row.id)
    assert event.details["changes"]["score"] == [None, "75.00"]
    assert event.details["others"] == {str(bench.id): {"quality_score": [None, "75.00"]}}


def test_the_score_is_that_of_all_records(bench: Bench) -> None:
    for name in ("a.py", "b.py"):
        bench.files.write(bench.owner, bench.id, name, "x = 1\n" * 300)
        bench.reviews.record(bench.owner, bench.id, name, score=90)
        bench.tests.record(bench.owner, bench.id, name, test_type=TestType.UNIT, passed=1, covered=2, coverable=4)
    with bench.memory.begin(Mode.SNAPSHOT) as tx:
        inputs = quality.gather(tx.reviews.stream(bench.id), tx.tests.stream(bench.id), tx.deployments.stream(bench.id))
    assert bench.quality.assess(bench.owner, bench.id) == quality.assess(inputs)


def test_history_is_newest_first_and_every_assessment_counts(bench: Bench) -> None:
    bench.files.write(bench.owner, bench.id, "a.py", "x = 1\n")
    for passed in (1, 0, 0):
        bench.effects.clock.move(seconds=1)
        bench.tests.record(bench.owner, bench.id, "a.py", test_type=TestType.UNIT, passed=passed, failed=1)
        bench.quality.assess(bench.owner, bench.id)
    first = bench.quality.history(bench.owner, bench.id, limit=2)
    rest = bench.quality.history(bench.owner, bench.id, limit=2, cursor=first.next_cursor)
    assert [row.score for row in (*first.items, *rest.items)] == [Decimal(0), Decimal(0), Decimal(50)]
    with pytest.raises(InvalidCursor):
        bench.quality.history(bench.owner, bench.id, cursor="AAAA")


def test_evidence_that_comes_meanwhile_counts(bench: Bench) -> None:
    bench.files.write(bench.owner, bench.id, "a.py", "x = 1\n")
    bench.tests.record(bench.owner, bench.id, "a.py", test_type=TestType.UNIT, passed=1)

    def meddle() -> None:
        bench.effects.clock.move(seconds=1)
        bench.tests.record(bench.owner, bench.id, "a.py", test_type=TestType.UNIT, passed=1, failed=3)

    report = bench.interrupted(meddle).quality.assess(bench.owner, bench.id)
    assert report.score == bench.project().quality_score == Decimal(25)
    assert len(bench.quality.history(bench.owner, bench.id).items) == 1


def test_round_trips(bench: Bench) -> None:
    bench.quality.assess(bench.owner, bench.id)
    assert bench.trips == 3
    bench.quality.history(bench.owner, bench.id)
    assert bench.trips == 1


def test_rights_and_archive(bench: Bench) -> None:
    with pytest.raises(PermissionDenied) as denied:
        bench.quality.assess(bench.viewer, bench.id)
    assert denied.value.action == "quality.assess"
    with pytest.raises(NotFound):
        bench.quality.assess(bench.stranger, bench.id)
    bench.archive()
    with pytest.raises(ReadOnlyProject):
        bench.quality.assess(bench.owner, bench.id)
    assert bench.quality.history(bench.viewer, bench.id).items == ()


@pytest.mark.parametrize("wrong", [None, "x", 7])
def test_wrong_ids_are_named(bench: Bench, wrong: Any) -> None:
    for call in (bench.quality.assess, bench.quality.history):
        with pytest.raises(InvalidValue) as caught:
            call(bench.owner, wrong)
        assert caught.value.field == "project_id"
