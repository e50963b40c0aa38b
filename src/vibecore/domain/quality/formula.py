"""The score itself: integers in centi-points (0 to 10,000), every division rounded half up by `hu`.

`migrations/sql/V2_calculate_project_quality.sql` holds the same formula; change both and `MODEL` together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vibecore.domain.quality.advice import advise
from vibecore.domain.quality.inputs import QualityInputs
from vibecore.domain.quality.report import Component, QualityReport

MODEL: Final = "quality-1"
PERFECT: Final = 10_000
CRITICAL_CAP: Final = 4_999
"""No project with an open critical security issue reaches 50."""
FEWEST_LINES: Final = 500
"""Smaller projects are judged as if they had this many lines: one issue in ten lines is not a verdict."""
SECURITY_TOLERANCE: Final = 20
RELIABILITY_TOLERANCE: Final = 40
"""Penalty points per 1,000 lines that halve the component."""
WORST_CAPS: Final = (10_000, 10_000, 9_500, 7_000, 4_000)
"""Most a component with issues gets, by the rank of the worst: none, info, warning, error, critical."""
DEBT_CURVE: Final = ((0, 10_000), (500, 8_000), (1_000, 6_000), (2_000, 4_000), (5_000, 2_000), (10_000, 0))
"""Debt ratio (1/100 %) to centi-points; straight lines between, nothing beyond the last."""
MINUTES_PER_LINE: Final = 30
"""What one line is taken to cost; the debt ratio is the minutes to mend against the minutes to write."""
WEIGHTS: Final = {
    "security": 20,
    "reliability": 20,
    "maintainability": 20,
    "coverage": 15,
    "tests": 15,
    "delivery": 10,
}
ALL_WEIGHTS: Final = 100
FULL_EVIDENCE: Final = {
    "security": 1_000,
    "reliability": 1_000,
    "maintainability": 1_000,
    "coverage": 500,
    "tests": 20,
    "delivery": 5,
}
"""How many lines reviewed, lines and branches coverable, tests executed, deployments finished are enough."""


def hu(n: int, d: int) -> int:
    """n / d rounded half up, for n >= 0 and d > 0."""
    return (2 * n + d) // (2 * d)


def density(lines: int, penalties: int, tolerance: int, worst: int) -> int:
    """10,000 without issues, half at `tolerance` penalty points per 1,000 lines; then the worst severity's cap."""
    counted = max(lines, FEWEST_LINES)
    value = hu(PERFECT * tolerance * counted, tolerance * counted + 1_000 * penalties)
    return min(value, WORST_CAPS[worst])


def maintainability(lines: int, minutes: int, worst: int) -> int:
    """The debt ratio on `DEBT_CURVE`, then the worst severity's cap as for the other two."""
    ratio = hu(PERFECT * minutes, MINUTES_PER_LINE * max(lines, FEWEST_LINES))
    return min(on_curve(ratio), WORST_CAPS[worst])


def on_curve(ratio: int) -> int:
    """The straight line between the two points of `DEBT_CURVE` around `ratio`, rounded once."""
    for (left, high), (right, low) in pairwise(DEBT_CURVE):
        if ratio <= right:
            return hu(high * (right - ratio) + low * (ratio - left), right - left)
    return 0


def component_values(inputs: QualityInputs) -> dict[str, int | None]:
    """Centi-points by component, None where it could not be measured.

    Without a reviewed line the first three are missing even where issues are known: a density needs lines. A
    known critical security issue caps the total all the same.
    """
    lines = inputs.reviewed_lines
    tests, deployments = inputs.executed_tests, inputs.finished_deployments
    secure = density(lines, inputs.security_penalties, SECURITY_TOLERANCE, inputs.security_worst)
    reliable = density(lines, inputs.reliability_penalties, RELIABILITY_TOLERANCE, inputs.reliability_worst)
    maintainable = maintainability(lines, inputs.debt_minutes, inputs.maintainability_worst)
    return {
        "security": secure if lines else None,
        "reliability": reliable if lines else None,
        "maintainability": maintainable if lines else None,
        "coverage": hu(PERFECT * inputs.covered, inputs.coverable) if inputs.coverable else None,
        "tests": hu(PERFECT * inputs.passed, tests) if tests else None,
        "delivery": hu(PERFECT * inputs.deployments_succeeded, deployments) if deployments else None,
    }


@dataclass(frozen=True, slots=True)
class Total:
    """Score and bounds in centi-points."""

    uncapped: int | None
    score: int | None
    lower: int
    upper: int


def total(values: dict[str, int | None], cap: int) -> Total:
    """The weighted mean of what is measured, and the means with what is missing as 0 and as 10,000.

    All three are rounded by the same half-up rule and capped alike, both of which keep their order; with
    nothing missing they are one number. The cap holds for `upper` too, even where nothing is measured: no
    further measurement removes a known critical issue.
    """
    measured = {name: value for name, value in values.items() if value is not None}
    weight = sum(WEIGHTS[name] for name in measured)
    points = sum(WEIGHTS[name] * value for name, value in measured.items())
    uncapped = hu(points, weight) if weight else None
    return Total(
        uncapped=uncapped,
        score=None if uncapped is None else min(uncapped, cap),
        lower=min(hu(points, ALL_WEIGHTS), cap),
        upper=min(hu(points + PERFECT * (ALL_WEIGHTS - weight), ALL_WEIGHTS), cap),
    )


def assess(inputs: QualityInputs) -> QualityReport:
    """The explained score of `inputs`; equal inputs give equal reports."""
    values = component_values(inputs)
    cap = CRITICAL_CAP if inputs.open_critical_security else PERFECT
    now = total(values, cap)
    components = _components(values, now, cap)
    return QualityReport(
        model=MODEL,
        inputs=inputs,
        score_centi=now.score,
        lower_centi=now.lower,
        upper_centi=now.upper,
        uncapped_centi=now.uncapped,
        confidence=confidence(inputs, values),
        components=components,
        advice=advise(inputs, components),
    )


def confidence(inputs: QualityInputs, values: dict[str, int | None]) -> int:
    """0 to 100, rounded down: the measured components' weights, each in proportion to its evidence.

    `FULL_EVIDENCE` is enough; more does not count. It speaks of how much was looked at, not of what share of the
    project that is.
    """
    seen = _evidence(inputs)
    shares = [
        WEIGHTS[name] * (PERFECT * min(seen[name], full) // full)
        for name, full in FULL_EVIDENCE.items()
        if values[name] is not None
    ]
    return sum(shares) // PERFECT


def _evidence(inputs: QualityInputs) -> dict[str, int]:
    lines = inputs.reviewed_lines
    return {
        "security": lines,
        "reliability": lines,
        "maintainability": lines,
        "coverage": inputs.coverable,
        "tests": inputs.executed_tests,
        "delivery": inputs.finished_deployments,
    }


_MISSING: Final = {
    "security": "no lines reviewed",
    "reliability": "no lines reviewed",
    "maintainability": "no lines reviewed",
    "coverage": "no coverage measured",
    "tests": "no tests executed",
    "delivery": "no deployment finished",
}


def _components(values: dict[str, int | None], now: Total, cap: int) -> tuple[Component, ...]:
    weight = sum(WEIGHTS[name] for name, value in values.items() if value is not None)
    found, running = [], 0
    for name, value in values.items():
        # A perfect security component has no open critical issue left: its gain includes the end of the cap.
        then = total({**values, name: PERFECT}, PERFECT if name == "security" else cap)
        assert then.score is not None
        before = running
        running += WEIGHTS[name] * (value or 0)
        found.append(
            Component(
                name=name,
                weight=WEIGHTS[name],
                value=value,
                missing=_MISSING[name] if value is None else None,
                # Differences of rounded running sums: unlike rounded shares they add up to the score exactly.
                contribution=hu(running, weight) - hu(before, weight) if weight else 0,
                gain=then.score - (now.score or 0),
                lower_gain=then.lower - now.lower,
            )
        )
    return tuple(found)
