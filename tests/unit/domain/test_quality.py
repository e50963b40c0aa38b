"""The quality formula: worked examples, and what must hold for every input."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.json import MAX_INT, freeze
from vibecore.domain.quality import MODEL, QualityInputs, QualityReport, assess
from vibecore.domain.quality.formula import WEIGHTS, confidence, density, hu, maintainability, on_curve
from vibecore.domain.quality.inputs import NAMES, PENALTIES

often = settings(max_examples=1_000, deadline=None)

COUNTS = st.integers(0, 6) | st.integers(0, 2_000) | st.integers(0, 2**50)
RANKS = st.integers(1, 4)
MINUTES = st.integers(0, 200) | st.integers(0, 1_000_000)
COMPONENTS = st.sampled_from(["security", "reliability", "maintainability"])


def with_issue(inputs: QualityInputs, component: str, rank: int, minutes: int) -> QualityInputs:
    """The inputs with one more open issue."""
    penalties, worst = f"{component}_penalties", f"{component}_worst"
    more = {penalties: getattr(inputs, penalties) + PENALTIES[rank], worst: max(getattr(inputs, worst), rank)}
    if component == "maintainability":
        more["debt_minutes"] = inputs.debt_minutes + minutes
    if component == "security" and rank == 4:
        more["open_critical_security"] = inputs.open_critical_security + 1
    return replace(inputs, **more)


@st.composite
def quality_inputs(draw: st.DrawFn) -> QualityInputs:
    """Any consistent inputs: often missing components, few issues, and numbers from tiny to huge."""
    coverable = draw(COUNTS)
    inputs = QualityInputs(
        reviewed_lines=draw(COUNTS),
        covered=draw(st.integers(0, coverable)),
        coverable=coverable,
        passed=draw(COUNTS),
        failed=draw(COUNTS),
        deployments_succeeded=draw(COUNTS),
        deployments_failed=draw(COUNTS),
        deployments_rolled_back=draw(COUNTS),
    )
    for component, rank, minutes in draw(st.lists(st.tuples(COMPONENTS, RANKS, MINUTES), max_size=6)):
        inputs = with_issue(inputs, component, rank, minutes)
    if inputs.maintainability_worst and draw(st.booleans()):
        inputs = replace(inputs, debt_minutes=draw(COUNTS))
    return inputs


def figures(inputs: QualityInputs) -> tuple[int, int, int]:
    """Score (0 where there is none), lower and upper bound."""
    report = assess(inputs)
    return report.score_centi or 0, report.lower_centi, report.upper_centi


def assert_not_above(worse: QualityInputs, better: QualityInputs) -> None:
    for low, high in zip(figures(worse), figures(better), strict=True):
        assert low <= high


# Worked examples


@pytest.mark.parametrize(
    ("n", "d", "rounded"), [(0, 3, 0), (1, 3, 0), (1, 2, 1), (3, 2, 2), (2, 3, 1), (10**40 + 1, 2, 5 * 10**39 + 1)]
)
def test_halves_are_rounded_up(n: int, d: int, rounded: int) -> None:
    assert hu(n, d) == rounded


@pytest.mark.parametrize(
    ("lines", "penalties", "tolerance", "worst", "value"),
    [
        (1_000, 0, 20, 0, 10_000),
        (1_000, 1, 20, 1, 9_524),  # 200,000,000 / 21,000 = 9523.8
        (1_000, 5, 20, 2, 8_000),
        (1_000, 25, 20, 3, 4_444),
        (1_000, 5, 40, 2, 8_889),
        (1_000_000, 1, 20, 1, 10_000),  # 9999.5: an info has no cap of its own
        (1_000_000, 5, 20, 2, 9_500),
        (1_000_000, 25, 20, 3, 7_000),
        (100_000, 100, 20, 4, 4_000),
        (1, 5, 20, 2, 6_667),  # as 500 lines: 100,000,000 / 15,000
        (500, 5, 20, 2, 6_667),
    ],
)
def test_a_density_has_its_worked_value(lines: int, penalties: int, tolerance: int, worst: int, value: int) -> None:
    assert density(lines, penalties, tolerance, worst) == value


@pytest.mark.parametrize(
    ("ratio", "value"),
    [
        (0, 10_000),
        (3, 9_988),
        (500, 8_000),
        (750, 7_000),
        (1_000, 6_000),
        (2_000, 4_000),
        (2_001, 3_999),  # 3999.33
        (3_500, 3_000),
        (5_000, 2_000),
        (9_999, 0),  # 0.4
        (10_000, 0),
        (10**30, 0),
    ],
)
def test_the_debt_curve_has_its_points(ratio: int, value: int) -> None:
    assert on_curve(ratio) == value


def test_debt_is_measured_against_thirty_minutes_a_line() -> None:
    """1,500 minutes for 1,000 lines are 5 %; the cap of the worst issue comes last."""
    assert maintainability(1_000, 1_500, 1) == 8_000
    assert maintainability(1_000, 10, 1) == 9_988
    assert maintainability(1_000, 10, 2) == 9_500
    assert maintainability(1_000, 10, 4) == 4_000


FULL = QualityInputs(
    reviewed_lines=1_000,
    covered=80,
    coverable=100,
    passed=9,
    failed=1,
    deployments_succeeded=3,
    deployments_rolled_back=1,
)


def test_a_fully_measured_project_has_one_number() -> None:
    """60 x 100 + 15 x 80 + 15 x 90 + 10 x 75 = 9,300 hundredths; confidence 60 + 3 + 7 + 8, each rounded down once."""
    report = assess(FULL)
    assert (report.lower, report.score, report.upper) == (Decimal("93.00"), Decimal("93.00"), Decimal("93.00"))
    assert [component.contribution for component in report.components] == [2_000, 2_000, 2_000, 1_200, 1_350, 750]
    assert report.confidence == 78  # 60 + 15 * 0.2 + 15 * 0.5 + 10 * 0.8 = 78.5
    assert not report.provisional
    assert report.model == MODEL
    assert [(advice.component, advice.gain) for advice in report.advice] == [
        ("coverage", 300),
        ("delivery", 250),
        ("tests", 150),
    ]
    assert report.advice[0].action == "cover more: 20 of 100 lines and branches are not covered"


def test_nothing_measured_is_no_score() -> None:
    """Not reviewed is never clean: no score, every number possible, and the heaviest components first in the advice."""
    report = assess(QualityInputs())
    assert (report.lower, report.score, report.upper) == (Decimal("0.00"), None, Decimal("100.00"))
    assert (report.confidence, report.provisional, report.capped) == (0, True, False)
    assert [advice.component for advice in report.advice] == list(WEIGHTS)
    assert {component.missing for component in report.components} == {
        "no lines reviewed",
        "no coverage measured",
        "no tests executed",
        "no deployment finished",
    }


def test_what_is_missing_counts_as_nothing_and_as_everything() -> None:
    """Only tests, 9 of 10: the score is theirs, the bounds leave 85 of 100 open."""
    report = assess(QualityInputs(passed=9, failed=1))
    assert (report.lower, report.score, report.upper) == (Decimal("13.50"), Decimal("90.00"), Decimal("98.50"))
    assert report.components[4].contribution == 9_000
    assert report.confidence == 7


def test_an_open_critical_security_issue_caps_the_total() -> None:
    """89 without the cap (security has 40 of 100 at most); closing the issue is what gains most."""
    inputs = with_issue(replace(FULL, reviewed_lines=100_000), "security", 4, 0)
    report = assess(inputs)
    assert report.uncapped_centi == 8_100
    assert (report.lower, report.score, report.upper) == (Decimal("49.99"),) * 3
    assert report.capped
    assert [(advice.component, advice.gain) for advice in report.advice] == [("security", 9_300 - 4_999)]
    assert report.advice[0].action.startswith("close the open critical security issues (1)")


def test_a_critical_security_issue_caps_before_anything_is_measured() -> None:
    """It is known from a review that tells no lines, and no measurement removes it."""
    report = assess(with_issue(QualityInputs(), "security", 4, 0))
    assert (report.lower, report.score, report.upper) == (Decimal("0.00"), None, Decimal("49.99"))


def test_a_missing_component_is_advised_where_only_the_lower_bound_gains() -> None:
    report = assess(QualityInputs(reviewed_lines=5_000, coverable=10, covered=10, passed=4))
    assert report.score == Decimal("100.00")
    assert [(advice.component, advice.gain, advice.lower_gain) for advice in report.advice] == [("delivery", 0, 1_000)]


# What holds for every input


@often
@given(quality_inputs())
def test_the_score_lies_between_its_bounds(inputs: QualityInputs) -> None:
    report = assess(inputs)
    assert 0 <= report.lower_centi <= report.upper_centi <= 10_000
    assert 0 <= report.confidence <= 100
    assert report.provisional == (report.confidence < 50)
    measured = [component for component in report.components if component.value is not None]
    assert (report.score_centi is None) == (not measured)
    if report.score_centi is not None:
        assert report.lower_centi <= report.score_centi <= report.upper_centi
    if len(measured) == len(WEIGHTS):
        assert report.lower_centi == report.score_centi == report.upper_centi
    if inputs.open_critical_security:
        assert report.upper_centi <= 4_999
    for component in measured:
        assert component.value is not None
        assert 0 <= component.value <= 10_000


@often
@given(quality_inputs(), COMPONENTS, RANKS, MINUTES)
def test_one_more_issue_never_raises_it(inputs: QualityInputs, component: str, rank: int, minutes: int) -> None:
    assert_not_above(with_issue(inputs, component, rank, minutes), inputs)


@often
@given(quality_inputs(), COMPONENTS, RANKS, RANKS, MINUTES, MINUTES)
def test_a_worse_issue_never_raises_it(
    inputs: QualityInputs, component: str, one: int, two: int, few: int, many: int
) -> None:
    """More severe, more minutes, or both; the rest of the project alike."""
    better = with_issue(inputs, component, min(one, two), min(few, many))
    assert_not_above(with_issue(inputs, component, max(one, two), max(few, many)), better)


@often
@given(quality_inputs())
def test_a_fixed_test_a_covered_line_a_good_deployment_never_lower_it(inputs: QualityInputs) -> None:
    if inputs.failed:
        assert_not_above(inputs, replace(inputs, failed=inputs.failed - 1, passed=inputs.passed + 1))
    if inputs.covered < inputs.coverable:
        assert_not_above(inputs, replace(inputs, covered=inputs.covered + 1))
    score, lower, _ = figures(inputs)
    delivered = replace(inputs, deployments_succeeded=inputs.deployments_succeeded + 1)
    passed = replace(inputs, passed=inputs.passed + 1)
    for better in (delivered, passed):
        new_score, new_lower, _ = figures(better)
        assert score <= new_score
        assert lower <= new_lower


@often
@given(quality_inputs(), COUNTS, COUNTS, COUNTS, COUNTS)
def test_measuring_what_was_missing_only_narrows_the_interval(
    inputs: QualityInputs, passed: int, failed: int, good: int, bad: int
) -> None:
    untested = replace(inputs, passed=0, failed=0, covered=0, coverable=0)
    undelivered = replace(inputs, deployments_succeeded=0, deployments_failed=0, deployments_rolled_back=0)
    tested = replace(untested, passed=passed, failed=failed, covered=min(good, bad), coverable=max(good, bad))
    delivered = replace(undelivered, deployments_succeeded=good, deployments_failed=bad)
    for before, after in ((untested, tested), (undelivered, delivered)):
        _, low, high = figures(before)
        _, new_low, new_high = figures(after)
        assert low <= new_low <= new_high <= high


@often
@given(quality_inputs())
def test_contributions_add_up_and_gains_come_true(inputs: QualityInputs) -> None:
    report = assess(inputs)
    assert sum(component.contribution for component in report.components) == (report.uncapped_centi or 0)
    for name, better in perfected(inputs).items():
        component = next(component for component in report.components if component.name == name)
        after = assess(better)
        assert after.score_centi == (report.score_centi or 0) + component.gain
        assert after.lower_centi == report.lower_centi + component.lower_gain


def perfected(inputs: QualityInputs) -> dict[str, QualityInputs]:
    """The inputs with one component made perfect, for each that can be made so alone."""
    clean = {"security": replace(inputs, security_penalties=0, security_worst=0, open_critical_security=0)}
    clean["reliability"] = replace(inputs, reliability_penalties=0, reliability_worst=0)
    clean["maintainability"] = replace(inputs, maintainability_penalties=0, maintainability_worst=0, debt_minutes=0)
    covered = max(inputs.coverable, 1)
    return (clean if inputs.reviewed_lines else {}) | {
        "coverage": replace(inputs, covered=covered, coverable=covered),
        "tests": replace(inputs, failed=0, passed=max(inputs.passed, 1)),
        "delivery": replace(
            inputs,
            deployments_succeeded=max(inputs.deployments_succeeded, 1),
            deployments_failed=0,
            deployments_rolled_back=0,
        ),
    }


@often
@given(quality_inputs())
def test_advice_is_ordered_by_what_it_gains(inputs: QualityInputs) -> None:
    report = assess(inputs)
    gains = [(advice.gain, advice.lower_gain) for advice in report.advice]
    assert gains == sorted(gains, reverse=True)
    assert all(gain or lower_gain for gain, lower_gain in gains)
    assert all(gain >= 0 and lower_gain >= 0 for gain, lower_gain in gains)
    worth = {component.name for component in report.components if component.gain or component.lower_gain}
    assert {advice.component for advice in report.advice} == worth
    assert all(advice.action for advice in report.advice)


@often
@given(quality_inputs())
def test_more_evidence_never_lowers_confidence(inputs: QualityInputs) -> None:
    report = assess(inputs)
    for name in ("reviewed_lines", "coverable", "passed", "deployments_failed"):
        assert confidence_of(replace(inputs, **{name: getattr(inputs, name) + 1})) >= report.confidence


def confidence_of(inputs: QualityInputs) -> int:
    report: QualityReport = assess(inputs)
    values = {component.name: component.value for component in report.components}
    assert confidence(inputs, values) == report.confidence
    return report.confidence


# Inputs


@often
@given(quality_inputs())
def test_inputs_and_components_survive_storage(inputs: QualityInputs) -> None:
    """As JSON in its stored form, keys included; and a score can be replayed from what was stored."""
    stored = freeze("inputs", inputs.to_json())
    assert list(inputs.to_json()) == list(stored)  # type: ignore[arg-type]
    assert QualityInputs.from_row(stored) == inputs  # type: ignore[arg-type]
    components = assess(inputs).components_json()
    assert repr(freeze("components", components)) == repr(components)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, MAX_INT + 1, True, 1.0, "1", None, Decimal(1)])
def test_a_count_that_is_none_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        QualityInputs(**{name: value})  # type: ignore[arg-type]
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ("covered", {"covered": 2, "coverable": 1}),
        ("security_worst", {"security_worst": 3, "security_penalties": 24}),
        ("reliability_worst", {"reliability_penalties": 1}),
        ("maintainability_worst", {"maintainability_worst": 5}),
        ("debt_minutes", {"debt_minutes": 1}),
        ("open_critical_security", {"open_critical_security": 1}),
        ("open_critical_security", {"security_worst": 4, "security_penalties": 100}),
    ],
)
def test_contradictions_are_refused(field: str, counts: dict[str, int]) -> None:
    with pytest.raises(InvalidValue) as caught:
        QualityInputs(**counts)
    assert caught.value.field == field


def test_a_row_has_exactly_the_inputs() -> None:
    row = dict(QualityInputs().to_json())
    with pytest.raises(InvalidValue, match="field"):
        QualityInputs.from_row({**row, "colour": 1})
    del row["covered"]
    with pytest.raises(InvalidValue, match="covered: is missing"):
        QualityInputs.from_row(row)


def test_the_largest_counts_are_assessed() -> None:
    inputs = with_issue(QualityInputs(reviewed_lines=MAX_INT, passed=MAX_INT, failed=MAX_INT), "security", 1, 0)
    assert assess(replace(inputs, security_penalties=MAX_INT)).components[0].value == 196  # 20 / 1,020


def test_the_manual_names_every_input() -> None:
    page = (Path(__file__).parents[3] / "docs" / "quality.md").read_text(encoding="utf-8")
    assert f'"{MODEL}"' in page
    for name in NAMES:
        assert f"`{name}`" in page
