from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.issues import (
    MAX_EFFORT_MINUTES,
    Issue,
    IssueCategory,
    IssueSeverity,
    file_score,
    fingerprint,
    issues_from_json,
)
from vibecore.domain.quality.evidence import DEFAULT_MINUTES, RANKS
from vibecore.domain.quality.inputs import PENALTIES

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
ISSUES = st.builds(
    Issue,
    line=st.integers(1, 2**31 - 1),
    column=st.integers(1, 2**31 - 1),
    severity=st.sampled_from(IssueSeverity),
    category=st.sampled_from(IssueCategory),
    message=WORDS,
    suggestion=st.none() | WORDS,
    rule_id=WORDS,
    fingerprint=WORDS,
    tool=WORDS,
    effort_minutes=st.integers(0, MAX_EFFORT_MINUTES),
    suppressed=st.booleans(),
)
SEED = {
    "line": 15,
    "column": 10,
    "severity": "warning",
    "category": "performance",
    "message": "Inefficient loop detected",
    "suggestion": "Consider using map() instead of for loop",
}


@given(ISSUES, WORDS)
def test_json_there_and_back_is_the_same_issue(issue: Issue, reason: str) -> None:
    """Every field survives, and enums become plain strings."""
    if issue.suppressed:
        issue = dataclasses.replace(issue, suppression_reason=reason)
    written = issue.to_json()
    assert Issue.from_json(written) == issue
    assert type(written["severity"]) is type(written["category"]) is str
    assert set(written) == {field.name for field in dataclasses.fields(Issue)}


def test_an_issue_of_the_five_known_keys_is_completed() -> None:
    """The documented example has no rule, tool, effort or fingerprint."""
    issue = Issue.from_json(SEED)
    assert (issue.rule_id, issue.tool, issue.effort_minutes, issue.suppressed) == ("manual", "manual", 10, False)
    assert issue.fingerprint == Issue.from_json(SEED | {"line": 99, "column": 1}).fingerprint
    assert issue.fingerprint != Issue.from_json(SEED | {"message": "Another"}).fingerprint
    assert Issue.from_json(SEED | {"suggestion": None, "tool": None}) == dataclasses.replace(issue, suggestion=None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"line": 0}, "issues[1].line"),
        ({"line": 2**31}, "issues[1].line"),
        ({"line": True}, "issues[1].line"),
        ({"line": 1.0}, "issues[1].line"),
        ({"line": None}, "issues[1].line"),
        ({"column": -1}, "issues[1].column"),
        ({"column": "1"}, "issues[1].column"),
        ({"severity": "fatal"}, "issues[1].severity"),
        ({"severity": "Warning"}, "issues[1].severity"),
        ({"severity": 1}, "issues[1].severity"),
        ({"severity": None}, "issues[1].severity"),
        ({"category": ["style"]}, "issues[1].category"),
        ({"message": ""}, "issues[1].message"),
        ({"message": "a\0b"}, "issues[1].message"),
        ({"message": "a\ud800"}, "issues[1].message"),
        ({"message": "x" * 4001}, "issues[1].message"),
        ({"suggestion": 7}, "issues[1].suggestion"),
        ({"rule_id": ""}, "issues[1].rule_id"),
        ({"fingerprint": "x" * 201}, "issues[1].fingerprint"),
        ({"tool": 1}, "issues[1].tool"),
        ({"effort_minutes": -1}, "issues[1].effort_minutes"),
        ({"effort_minutes": MAX_EFFORT_MINUTES + 1}, "issues[1].effort_minutes"),
        ({"suppressed": 1}, "issues[1].suppressed"),
        ({"suppression_reason": "known"}, "issues[1].suppression_reason"),
        ({"suppressed": True, "suppression_reason": ""}, "issues[1].suppression_reason"),
        ({"unheard_of": 1}, "issues[1]"),
        ({7: 1}, "issues[1]"),
    ],
    ids=repr,
)
def test_a_wrong_value_is_named_by_its_path(change: dict[Any, Any], field: str) -> None:
    """Nothing is clamped or dropped, and the entry's place is in the path."""
    with pytest.raises(InvalidValue) as caught:
        issues_from_json([SEED, SEED | change])
    assert caught.value.field == field


@pytest.mark.parametrize("value", [None, "x", {}, 7], ids=repr)
def test_what_is_no_array_of_objects_is_refused(value: object) -> None:
    """Neither the whole nor an entry."""
    with pytest.raises(InvalidValue) as caught:
        issues_from_json(value)
    assert caught.value.field == "issues"
    with pytest.raises(InvalidValue) as caught:
        Issue.from_json([value])
    assert caught.value.field == "issue"


@given(WORDS, WORDS, st.integers(0, 9))
def test_a_fingerprint_survives_indentation_and_spacing(path: str, text: str, occurrence: int) -> None:
    """The same rule, path, text and occurrence give the same 32 digits however the line is set."""
    found = fingerprint("r", path, text, occurrence)
    assert len(found) == 32
    assert found == fingerprint("r", path, f"\t  {text} ", occurrence)


def test_a_fingerprint_tells_findings_apart() -> None:
    """Another rule, path, text or occurrence is another finding, and parts do not run into each other."""
    parts: list[tuple[str, str, str, int]] = [
        ("r", "p", "t", 0),
        ("r2", "p", "t", 0),
        ("r", "p2", "t", 0),
        ("r", "p", "t2", 0),
        ("r", "p", "t", 1),
        ("rp", "", "t", 0),
        ("r", "p", "t\ud800", 0),
    ]
    assert len({fingerprint(*part) for part in parts}) == len(parts)


@given(st.lists(ISSUES, max_size=30), ISSUES, st.integers(0, 100_000))
def test_more_or_worse_issues_never_raise_the_score(issues: list[Issue], more: Issue, lines: int) -> None:
    """Bounded; one more issue, or a worse severity, never raises it; a suppressed one changes nothing."""
    score = file_score(issues, lines)
    assert 0 <= score <= 100
    after = file_score([*issues, more], lines)
    assert after <= score
    if more.suppressed:
        assert after == score
    for severity in IssueSeverity:
        worse = dataclasses.replace(more, severity=severity)
        if severity.penalty >= more.severity.penalty:
            assert file_score([*issues, worse], lines) <= after


@given(st.lists(ISSUES, max_size=10), st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_same_issues_in_more_lines_weigh_less(issues: list[Issue], lines: int, more: int) -> None:
    """A longer file with the same issues never has the lower score."""
    assert file_score(issues, lines + more) >= file_score(issues, lines)


def test_scores_of_known_files() -> None:
    """100 without issues; the worst caps; 40 penalty points per 1,000 lines halve."""

    def of(*severities: str, lines: int = 1000) -> int:
        return file_score([Issue.from_json(SEED | {"severity": severity}) for severity in severities], lines)

    assert of() == of(lines=0) == 100
    assert of("info") == 98
    assert of("warning") == 89
    assert of("error") == 62
    assert of("error", lines=100_000) == 70
    assert of("critical") == 29
    assert of("critical", lines=100_000) == 40
    assert of(*["warning"] * 8) == 50
    assert of(*["critical"] * 10_000) == 0


def test_penalties_and_minutes_are_those_of_the_project_score() -> None:
    """One table in two places would drift."""
    for severity in IssueSeverity:
        assert severity.penalty == PENALTIES[RANKS[severity.value]]
        assert severity.minutes == DEFAULT_MINUTES[RANKS[severity.value]]
