"""From a project's records to the counts of the formula: what counts once, and what a damaged entry means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.quality.inputs import CRITICAL, PENALTIES, QualityInputs
from vibecore.domain.reviews import CodeReview
from vibecore.domain.tests import TestResult

RANKS: Final = {"info": 1, "warning": 2, "error": 3, "critical": 4}
UNKNOWN_SEVERITY: Final = RANKS["warning"]
DEFAULT_MINUTES: Final = (0, 2, 10, 30, 60)
"""Minutes to mend one issue where its tool gives none, by rank."""
MOST_MINUTES: Final = 1_000_000
"""One issue stands for no more, some eight working years: a damaged entry cannot overflow the sum."""
RELIABILITY: Final = frozenset({"correctness", "performance"})
LIVE: Final = frozenset({DeploymentStatus.RUNNING, DeploymentStatus.STOPPED})


class _Dated(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def created_at(self) -> datetime: ...


D = TypeVar("D", bound=_Dated)


@dataclass(slots=True)
class _Findings:
    """Open issues of one component."""

    penalties: int = 0
    worst: int = 0
    minutes: int = 0
    critical: int = 0

    def add(self, rank: int, minutes: int) -> None:
        self.penalties += PENALTIES[rank]
        self.worst = max(self.worst, rank)
        self.minutes += minutes
        self.critical += rank == CRITICAL


@dataclass(slots=True)
class _Tally:
    """Open issues by component."""

    security: _Findings = field(default_factory=_Findings)
    reliability: _Findings = field(default_factory=_Findings)
    maintainability: _Findings = field(default_factory=_Findings)

    def add(self, issues: object) -> None:
        """Count a review's `issues`; what is not an array, and entries that are not objects, say nothing."""
        for issue in issues if isinstance(issues, list) else ():
            if isinstance(issue, dict) and issue.get("suppressed") is not True:
                rank = _rank(issue.get("severity"))
                self._component(issue.get("category")).add(rank, _minutes(issue.get("effort_minutes"), rank))

    def _component(self, category: object) -> _Findings:
        if category == "security":
            return self.security
        if isinstance(category, str) and category in RELIABILITY:
            return self.reliability
        return self.maintainability


def gather(
    reviews: Iterable[CodeReview], tests: Iterable[TestResult], deployments: Iterable[Deployment]
) -> QualityInputs:
    """The inputs from all records of one project, in any order.

    Of reviews the newest for each file and reviewer counts, of test results the newest for each file and test
    type, by (created_at, id). A file's lines count once, however many reviewers read it: the largest
    `line_count` of its newest reviews. Its coverage likewise: the largest `coverable` and the largest `covered`
    over its test types (results that measured none, or nothing coverable, say nothing; covered beyond coverable
    is cut). Issues of different reviewers add up. Negative counts, which only another writer can store, are 0.
    """
    newest = _newest(((review.file_path, review.reviewer), review) for review in reviews)
    tally = _Tally()
    lines: dict[str, int] = {}
    for review in newest:
        tally.add(review.issues)
        lines[review.file_path] = max(lines.get(review.file_path, 0), review.line_count)
    results = list(_newest(((result.file_path, result.test_type), result) for result in tests))
    covered, coverable = _coverage(results)
    succeeded, failed, rolled_back = _delivery(deployments)
    return QualityInputs(
        reviewed_lines=sum(lines.values()),
        security_penalties=tally.security.penalties,
        security_worst=tally.security.worst,
        reliability_penalties=tally.reliability.penalties,
        reliability_worst=tally.reliability.worst,
        maintainability_penalties=tally.maintainability.penalties,
        maintainability_worst=tally.maintainability.worst,
        debt_minutes=tally.maintainability.minutes,
        covered=covered,
        coverable=coverable,
        passed=sum(max(result.passed, 0) for result in results),
        failed=sum(max(result.failed, 0) for result in results),
        deployments_succeeded=succeeded,
        deployments_failed=failed,
        deployments_rolled_back=rolled_back,
        open_critical_security=tally.security.critical,
    )


def _newest(records: Iterable[tuple[tuple[str, str], D]]) -> Iterable[D]:
    found: dict[tuple[str, str], D] = {}
    for key, record in records:
        have = found.get(key)
        if have is None or (have.created_at, have.id) < (record.created_at, record.id):
            found[key] = record
    return found.values()


def _rank(severity: object) -> int:
    return RANKS.get(severity, UNKNOWN_SEVERITY) if isinstance(severity, str) else UNKNOWN_SEVERITY


def _minutes(effort: object, rank: int) -> int:
    """A tool's own estimate if it is a JSON integer from 0; `5.0` is a number with a fraction, hence not one."""
    if type(effort) is int and effort >= 0:
        return min(effort, MOST_MINUTES)
    return DEFAULT_MINUTES[rank]


def _coverage(results: Iterable[TestResult]) -> tuple[int, int]:
    best: dict[str, tuple[int, int]] = {}
    for result in results:
        if result.covered is not None and result.coverable is not None and result.coverable > 0:
            covered, coverable = best.get(result.file_path, (0, 0))
            reached = min(result.covered, result.coverable)
            best[result.file_path] = (max(covered, reached), max(coverable, result.coverable))
    return sum(covered for covered, _ in best.values()), sum(coverable for _, coverable in best.values())


def _delivery(deployments: Iterable[Deployment]) -> tuple[int, int, int]:
    succeeded = failed = rolled_back = 0
    for deployment in deployments:
        succeeded += deployment.live_at is not None and deployment.status in LIVE
        failed += deployment.status is DeploymentStatus.FAILED
        rolled_back += deployment.status is DeploymentStatus.ROLLED_BACK
    return succeeded, failed, rolled_back
