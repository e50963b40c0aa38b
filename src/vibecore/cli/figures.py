"""What there is to know of a project, gathered from the services: the same for text, JSON and both backends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vibecore.domain.analytics import Activity, FileStats
from vibecore.domain.deployments import Deployment
from vibecore.domain.issues import IssueSeverity
from vibecore.domain.paging import desc
from vibecore.domain.projects import Project

if TYPE_CHECKING:
    from uuid import UUID

    from vibecore.bootstrap.services import Services
    from vibecore.domain.actors import Actor
    from vibecore.domain.reviews import CodeReview

SEVERITIES: Final = tuple(severity.value for severity in IssueSeverity)
"""The worst first."""
WORST_FILES: Final = 10
NEWEST_EVENTS: Final = 15
NEWEST_DEPLOYMENTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstFile:
    """A reviewed file with open issues; `worst` is the first of the worst ones, at `line`."""

    path: str
    reviewer: str
    score: int
    lines: int
    issues: Mapping[str, int]
    worst: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A project as it stands. `issues` counts the open ones of all newest reviews, by severity."""

    project: Project
    files: FileStats
    reviewed_files: int
    reviewed_lines: int
    issues: Mapping[str, int]
    worst: tuple[WorstFile, ...]
    deployments: tuple[Deployment, ...]
    activity: tuple[Activity, ...]


def gather(vibe: Services, actor: Actor, project_id: UUID) -> Figures:
    """The figures of one project, as `actor` may see them. Raises NotFound, PermissionDenied."""
    reviews = vibe.reviews.latest(actor, project_id)
    opened = {review.id: open_issues(review.issues) for review in reviews}
    counted = Counter(_severity(issue) for issues in opened.values() for issue in issues)
    lines: dict[str, int] = {}
    for review in reviews:
        lines[review.file_path] = max(review.line_count, lines.get(review.file_path, 0))
    worst = [_worst_file(review, opened[review.id]) for review in reviews if opened[review.id]]
    worst.sort(key=lambda file: (file.score, [-file.issues[name] for name in SEVERITIES], file.path, file.reviewer))
    (files,) = vibe.analytics.project_file_stats(actor, project_id=project_id)
    return Figures(
        project=vibe.projects.get(actor, project_id),
        files=files,
        reviewed_files=len(lines),
        reviewed_lines=sum(lines.values()),
        issues={name: counted[name] for name in SEVERITIES},
        worst=tuple(worst[:WORST_FILES]),
        deployments=tuple(
            vibe.deployments.page(actor, project_id, order_by=desc("created_at"), limit=NEWEST_DEPLOYMENTS).items
        ),
        activity=vibe.analytics.recent_activity(actor, project_id=project_id, limit=NEWEST_EVENTS),
    )


def open_issues(issues: Iterable[Any]) -> list[Mapping[str, Any]]:
    """The issues that count: objects that are not suppressed, as docs/quality.md has it. Any program may have written
    them."""
    return [issue for issue in issues if isinstance(issue, Mapping) and issue.get("suppressed") is not True]


def _severity(issue: Mapping[str, Any]) -> str:
    severity = issue.get("severity")
    return severity if isinstance(severity, str) and severity in SEVERITIES else IssueSeverity.WARNING.value


def _worst_file(review: CodeReview, issues: list[Mapping[str, Any]]) -> WorstFile:
    counted = Counter(_severity(issue) for issue in issues)
    first = min(issues, key=lambda issue: (SEVERITIES.index(_severity(issue)), _line(issue)))
    return WorstFile(
        path=review.file_path,
        reviewer=review.reviewer,
        score=review.score,
        lines=review.line_count,
        issues={name: counted[name] for name in SEVERITIES},
        worst=str(first.get("message", "")),
        line=_line(first),
    )


def _line(issue: Mapping[str, Any]) -> int:
    line = issue.get("line")
    return line if type(line) is int else 0
