"""What the quality formula takes: integers, which every backend counts alike and a stored score can replay."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.json import MAX_INT, JsonObject

SEVERITIES: Final = ("none", "info", "warning", "error", "critical")
"""The name of each `*_worst` rank."""
PENALTIES: Final = (0, 1, 5, 25, 100)
"""Penalty points of one issue, by rank."""
CRITICAL: Final = 4

_RANKS: Final = ("security_worst", "reliability_worst", "maintainability_worst")


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityInputs:
    """The evidence about one project at one moment, as counts from 0 to 2**63 - 1.

    `*_penalties` add up 100, 25, 5 or 1 for each open issue by its severity, `*_worst` is the rank of the worst
    of them in `SEVERITIES` (0: there is none). Reliability is correctness and performance. The formula takes
    `debt_minutes` for maintainability; `maintainability_penalties` only tells what findings they stand for.

    Counts that contradict each other are refused with `InvalidValue`: more covered than coverable, a worst
    severity without its penalty, an open critical security issue that `security_worst` does not know of.
    """

    reviewed_lines: int = 0
    security_penalties: int = 0
    security_worst: int = 0
    reliability_penalties: int = 0
    reliability_worst: int = 0
    maintainability_penalties: int = 0
    maintainability_worst: int = 0
    debt_minutes: int = 0
    covered: int = 0
    coverable: int = 0
    passed: int = 0
    failed: int = 0
    deployments_succeeded: int = 0
    deployments_failed: int = 0
    deployments_rolled_back: int = 0
    open_critical_security: int = 0

    def __post_init__(self) -> None:
        for name in NAMES:
            value = getattr(self, name)
            if type(value) is not int:
                raise InvalidValue(name, f"must be an integer, not {type(value).__name__}")
            highest = CRITICAL if name in _RANKS else MAX_INT
            if not 0 <= value <= highest:
                raise InvalidValue(name, f"is outside 0 to {highest}")
        for name in _RANKS:
            self._check_worst(name, getattr(self, name))
        if (self.security_worst == CRITICAL) != (self.open_critical_security > 0):
            raise InvalidValue("open_critical_security", "contradicts security_worst")
        if self.debt_minutes and not self.maintainability_worst:
            raise InvalidValue("debt_minutes", "has no issue to stand for")
        if self.covered > self.coverable:
            raise InvalidValue("covered", "is more than coverable")

    def _check_worst(self, name: str, worst: int) -> None:
        points = getattr(self, name.replace("_worst", "_penalties"))
        if points < PENALTIES[worst] or (points > 0 and not worst):
            raise InvalidValue(name, "contradicts its penalties")

    @property
    def executed_tests(self) -> int:
        """Tests with an outcome; skipped ones have none."""
        return self.passed + self.failed

    @property
    def finished_deployments(self) -> int:
        """Deployments that say something of delivery: they went live, failed or were rolled back."""
        return self.deployments_succeeded + self.deployments_failed + self.deployments_rolled_back

    def to_json(self) -> JsonObject:
        """Every input by name, as stored with a score."""
        ordered = sorted(NAMES, key=lambda name: (len(name), name))
        return JsonObject({name: getattr(self, name) for name in ordered})

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> QualityInputs:
        """The inputs from a row of `project_quality_inputs()` or from stored JSON.

        `InvalidValue` names a column that is missing, unknown or not a valid count.
        """
        for name in (*NAMES, *row):
            if name not in row:
                raise InvalidValue(name, "is missing")
            if name not in NAMES:
                raise InvalidValue("field", f"quality inputs have no field {ascii(name)[:80]}")
        return cls(**{name: row[name] for name in NAMES})


NAMES: Final = tuple(field.name for field in dataclasses.fields(QualityInputs))
"""The inputs in the order in which `project_quality_inputs()` returns them."""
