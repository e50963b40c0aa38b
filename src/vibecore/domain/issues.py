"""Issues: what a reviewer found in one file, how they are told apart over time, and a file's score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self, TypeVar

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import Boolean, Integer, Text

MAX_EFFORT_MINUTES: Final = 1_000_000
"""Minutes that one issue can stand for: some eight years of work."""

MANUAL: Final = "manual"
"""The tool and the rule of an issue that names none: a person wrote it down."""

_LINE: Final = Integer(1)
_EFFORT: Final = Integer(0, MAX_EFFORT_MINUTES)
_FLAG: Final = Boolean()
_PROSE: Final = Text(4000, shortest=1)
_LABEL: Final = Text(200, shortest=1)


class IssueSeverity(StrEnum):
    """How bad an issue is, the worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def penalty(self) -> int:
        """Penalty points in every score."""
        return _PENALTIES[self]

    @property
    def minutes(self) -> int:
        """The effort of mending one where the tool gives none."""
        return _MINUTES[self]


_PENALTIES: Final[Mapping[str, int]] = {"critical": 100, "error": 25, "warning": 5, "info": 1}
_MINUTES: Final[Mapping[str, int]] = {"critical": 60, "error": 30, "warning": 10, "info": 2}
_CAPS: Final[Mapping[str, int]] = {"critical": 40, "error": 70, "warning": 95, "info": 100}


class IssueCategory(StrEnum):
    """What an issue endangers."""

    SECURITY = "security"
    CORRECTNESS = "correctness"
    PERFORMANCE = "performance"
    MAINTAINABILITY = "maintainability"
    DOCUMENTATION = "documentation"
    STYLE = "style"


Choice = TypeVar("Choice", IssueSeverity, IssueCategory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding. A suppressed one is known and accepted: it is kept, and counts in no score."""

    line: int
    """From 1."""
    column: int
    """From 1, in code points."""
    severity: IssueSeverity
    category: IssueCategory
    message: str
    suggestion: str | None = None
    rule_id: str
    """The tool's name for the rule."""
    fingerprint: str
    """The same for the same finding after lines moved; see `domain.findings.fingerprints`."""
    tool: str
    effort_minutes: int
    suppressed: bool = False
    suppression_reason: str | None = None
    """Why it is accepted; None where nobody said, and where it is not suppressed."""

    def to_json(self) -> dict[str, object]:
        """Every field by its name; enums as their values."""
        return {
            "line": self.line,
            "column": self.column,
            "severity": self.severity.value,
            "category": self.category.value,
            "message": self.message,
            "suggestion": self.suggestion,
            "rule_id": self.rule_id,
            "fingerprint": self.fingerprint,
            "tool": self.tool,
            "effort_minutes": self.effort_minutes,
            "suppressed": self.suppressed,
            "suppression_reason": self.suppression_reason,
        }

    @classmethod
    def from_json(cls, value: object, field: str = "issue") -> Self:
        """The issue that `to_json` gave, or that another program wrote down.

        Required are line, column, severity, category and message. Without a tool or a rule both are `MANUAL`; without
        an effort the severity's holds; without a fingerprint the message stands for the line's text. None stands for a
        missing value where one may be missing.

        Raises InvalidValue whose field is the path of the wrong value, from `field` on: a wrong type, a number or
        length out of range, an unknown severity, category or key, a reason for suppressing what is not suppressed.
        Nothing is clamped.
        """
        if not isinstance(value, Mapping):
            raise InvalidValue(field, f"must be a JSON object, not {type(value).__name__}")
        for key in value:
            if key not in _KEYS:
                raise InvalidValue(field, "has a key that is no field of an issue")
        given = {key: item for key, item in value.items() if item is not None}
        for key in ("line", "column", "severity", "category", "message"):
            if key not in given:
                raise InvalidValue(f"{field}.{key}", "is missing")
        severity = _choice(IssueSeverity, f"{field}.severity", given["severity"])
        message = _PROSE.check(f"{field}.message", given["message"])
        rule_id = _LABEL.check(f"{field}.rule_id", given.get("rule_id", MANUAL))
        tool = _LABEL.check(f"{field}.tool", given.get("tool", MANUAL))
        suggestion = given.get("suggestion")
        suppressed = _FLAG.check(f"{field}.suppressed", given.get("suppressed", False))
        reason = given.get("suppression_reason")
        if reason is not None and not suppressed:
            raise InvalidValue(f"{field}.suppression_reason", "is given for an issue that is not suppressed")
        return cls(
            line=_LINE.check(f"{field}.line", given["line"]),
            column=_LINE.check(f"{field}.column", given["column"]),
            severity=severity,
            category=_choice(IssueCategory, f"{field}.category", given["category"]),
            message=message,
            suggestion=None if suggestion is None else _PROSE.check(f"{field}.suggestion", suggestion),
            rule_id=rule_id,
            fingerprint=_LABEL.check(
                f"{field}.fingerprint", given.get("fingerprint", fingerprint(f"{tool}/{rule_id}", "", message, 0))
            ),
            tool=tool,
            effort_minutes=_EFFORT.check(f"{field}.effort_minutes", given.get("effort_minutes", severity.minutes)),
            suppressed=suppressed,
            suppression_reason=None if reason is None else _PROSE.check(f"{field}.suppression_reason", reason),
        )


_KEYS: Final = frozenset(field.name for field in fields(Issue))


def _choice(kind: type[Choice], field: str, value: object) -> Choice:
    if isinstance(value, str):
        for member in kind:
            if member.value == value:
                return member
    raise InvalidValue(field, "must be one of " + ", ".join(member.value for member in kind))


def issues_from_json(value: object, field: str = "issues") -> tuple[Issue, ...]:
    """`Issue.from_json` of each entry of a JSON array. Raises InvalidValue; the path has the entry's place."""
    if not isinstance(value, (list, tuple)):
        raise InvalidValue(field, f"must be a JSON array, not {type(value).__name__}")
    return tuple(Issue.from_json(item, f"{field}[{place}]") for place, item in enumerate(value))


def checked_issues(issues: object, field: str = "issues") -> tuple[Issue, ...]:
    """Issues, each made here or given as JSON. One made by hand may hold anything: it is checked as if it came from
    another program. Raises InvalidValue as `issues_from_json` does.
    """
    if not isinstance(issues, (list, tuple)):
        raise InvalidValue(field, f"must be a list of issues, not {type(issues).__name__}")
    return tuple(
        Issue.from_json(
            {name: getattr(issue, name) for name in Issue.__slots__} if type(issue) is Issue else issue,
            f"{field}[{place}]",
        )
        for place, issue in enumerate(issues)
    )


def fingerprint(rule_id: str, path: str, text: str, occurrence: int) -> str:
    """What stays the same while a finding does: 32 hexadecimal digits.

    `text` is the line that the finding is on; its indentation and spacing do not count, so that moving and indenting
    it change nothing. `occurrence` counts from 0 the findings of the rule on lines of the same text in the file, from
    the top. A lone surrogate counts like any other character.
    """
    parts = (rule_id, path, " ".join(text.split()), str(occurrence))
    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


TOLERANCE: Final = 40
"""Penalty points per 1,000 lines that halve a file's score."""

FEWEST_LINES: Final = 500
"""Shorter files are judged as if they had this many lines: one issue in ten lines is not a verdict."""


def file_score(issues: Iterable[Issue], lines: int) -> int:
    """A file's score from 0 to 100, from the issues that are not suppressed and the number of lines reviewed.

    100 without issues; half at `TOLERANCE` penalty points per 1,000 lines, rounded half up; and never more than the
    worst issue allows: 40, 70, 95 or 100. One more issue, or a worse one, never raises it.
    """
    penalties, cap = 0, 100
    for issue in issues:
        if not issue.suppressed:
            penalties += issue.severity.penalty
            cap = min(cap, _CAPS[issue.severity])
    tolerated = TOLERANCE * max(lines, FEWEST_LINES)
    total = tolerated + 1000 * penalties
    return min((200 * tolerated + total) // (2 * total), cap)
