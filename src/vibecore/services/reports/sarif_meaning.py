"""What a SARIF result means here: its severity, category, message and rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from vibecore.domain.issues import IssueCategory, IssueSeverity
from vibecore.services.reports.sarif import Result, Rule, Run

OWN: Final = "vibecore"
"""The property that holds what SARIF has no place for, in what `sarif_export` writes."""
UNKNOWN_RULE: Final = "unknown"
NO_MESSAGE: Final = "The tool says no more than the rule."
LONGEST_MESSAGE: Final = 4_000
LONGEST_LABEL: Final = 200
_SHOWN_LONGEST: Final = 3

_SEVERITIES: Final = {severity.value: severity for severity in IssueSeverity}
_CATEGORIES: Final = {category.value: category for category in IssueCategory}

_LEVELS: Final = {
    "error": IssueSeverity.ERROR,
    "warning": IssueSeverity.WARNING,
    "note": IssueSeverity.INFO,
    "none": IssueSeverity.INFO,
}
NO_FINDINGS: Final = frozenset({"pass", "notApplicable"})
"""Kinds of results (SARIF 3.27.9) that say that nothing is wrong."""

_TAGS: Final = {
    "security": IssueCategory.SECURITY,
    "vulnerability": IssueCategory.SECURITY,
    "correctness": IssueCategory.CORRECTNESS,
    "reliability": IssueCategory.CORRECTNESS,
    "bug": IssueCategory.CORRECTNESS,
    "bugs": IssueCategory.CORRECTNESS,
    "suspicious": IssueCategory.CORRECTNESS,
    "performance": IssueCategory.PERFORMANCE,
    "efficiency": IssueCategory.PERFORMANCE,
    "perf": IssueCategory.PERFORMANCE,
    "maintainability": IssueCategory.MAINTAINABILITY,
    "complexity": IssueCategory.MAINTAINABILITY,
    "best-practice": IssueCategory.MAINTAINABILITY,
    "documentation": IssueCategory.DOCUMENTATION,
    "style": IssueCategory.STYLE,
    "formatting": IssueCategory.STYLE,
}
_SECURITY_TOOLS: Final = frozenset({"bandit", "brakeman", "gosec", "gitleaks", "trufflehog", "trivy", "snyk code"})
"""Tools that look for nothing else, and some of which tag nothing."""
_RUFF: Final = re.compile("[A-Z]+")
_RUFF_CATEGORIES: Final = {
    **dict.fromkeys(("S",), IssueCategory.SECURITY),
    **dict.fromkeys(("F", "B", "PLE", "ASYNC", "DTZ"), IssueCategory.CORRECTNESS),
    **dict.fromkeys(("PERF", "FURB"), IssueCategory.PERFORMANCE),
    **dict.fromkeys(("D", "DOC"), IssueCategory.DOCUMENTATION),
    **dict.fromkeys(("E", "W", "I", "Q", "COM", "N", "ISC"), IssueCategory.STYLE),
}
"""By the letters of a rule's code; see ruff's table of rules. The rest is maintainability."""


def rule_of(result: Result, run: Run) -> Rule | None:
    """The rule that the result names: by its place where the id there fits (SARIF 3.27.7), else by its id.

    A hierarchical id ("CA1000/1") belongs to the rule whose id it begins with.
    """
    component = 0 if result.component is None else result.component + 1
    rules = run.rules[component] if component < len(run.rules) else []
    if result.rule_index is not None and result.rule_index < len(rules):
        rule = rules[result.rule_index]
        if result.rule_id is None or result.rule_id == rule.id or result.rule_id.startswith(f"{rule.id}/"):
            return rule
    return None


class RuleBook:
    """The rules of a run by their ids."""

    def __init__(self, run: Run) -> None:
        self._run = run
        # Of several rules with one id the first counts.
        self._by_id = {rule.id: rule for rules in reversed(run.rules) for rule in reversed(rules)}

    def find(self, result: Result) -> Rule | None:
        rule = rule_of(result, self._run)
        if rule is None and result.rule_id is not None:
            rule = self._by_id.get(result.rule_id) or self._by_id.get(result.rule_id.rpartition("/")[0])
        return rule


def rule_id(result: Result, rule: Rule | None) -> str:
    return label(result.rule_id or (rule.id if rule is not None else "") or UNKNOWN_RULE)


def severity(result: Result, rule: Rule | None) -> IssueSeverity:
    """What the tool says with vibecore's own word, else of its level and its security severity the worse.

    The level is the result's, else the rule's (SARIF 3.27.10), else "warning". `security-severity` is a CVSS score,
    cut as GitHub documents it for code scanning: above 9.0 critical, from 7.0 high (error), from 4.0 medium (warning),
    else low (info).
    """
    own = _own(result).get("severity")
    if type(own) is str and own in _SEVERITIES:
        return _SEVERITIES[own]
    kind = "fail" if result.kind is None else result.kind
    level = result.level
    if level is None:
        level = (rule.level if rule is not None else None) or "warning"
        if kind != "fail":
            level = "none"
    found = _LEVELS.get(level, IssueSeverity.WARNING)
    scores = [result.properties.get("security-severity")]
    if rule is not None:
        scores.append(rule.properties.get("security-severity"))
    for score in scores:
        measured = _cvss(score)
        if measured is not None:
            return max(found, measured, key=lambda one: one.penalty)
    return found


def _cvss(value: Any) -> IssueSeverity | None:
    if type(value) is str:
        try:
            value = float(value[:20])
        except ValueError:
            return None
    if type(value) not in (int, float) or not 0 < value <= 10:
        return None
    if value > 9:
        return IssueSeverity.CRITICAL
    if value >= 7:
        return IssueSeverity.ERROR
    return IssueSeverity.WARNING if value >= 4 else IssueSeverity.INFO


def category(result: Result, rule: Rule | None, run: Run) -> IssueCategory:
    """By vibecore's own word, a security severity, the tags of result and rule, the tool; else maintainability."""
    own = _own(result).get("category")
    if type(own) is str and own in _CATEGORIES:
        return _CATEGORIES[own]
    bags = [result.properties] if rule is None else [result.properties, rule.properties]
    if any(_cvss(bag.get("security-severity")) is not None for bag in bags):
        return IssueCategory.SECURITY
    for tag in _tags(bags):
        found = _TAGS.get(tag)
        if found is not None:
            return found
        if tag.startswith(("external/cwe/", "cwe-", "owasp")):
            return IssueCategory.SECURITY
    tool = run.tool.lower()
    if tool in _SECURITY_TOOLS:
        return IssueCategory.SECURITY
    if tool == "ruff" and (letters := _RUFF.match(rule_id(result, rule))):
        return _RUFF_CATEGORIES.get(letters[0], IssueCategory.MAINTAINABILITY)
    return IssueCategory.MAINTAINABILITY


def _tags(bags: Iterable[Mapping[str, Any]]) -> list[str]:
    found = []
    for bag in bags:
        given = bag.get("tags")
        values = [bag.get("category"), *(given if type(given) is list else ())]
        found += [value.strip().lower() for value in values if type(value) is str]
    # "security" among "maintainability" and "security" is the one that must not be missed.
    return sorted(found, key=lambda tag: tag != "security")


def message(result: Result, rule: Rule | None) -> str:
    """The result's text, or its rule's with that id, with the arguments put in (SARIF 3.11.5); else what the rule says
    of itself. Cut to `LONGEST_MESSAGE`."""
    text = result.text
    if not text and rule is not None:
        text = (rule.messages.get(result.message_id) if result.message_id else None) or rule.messages.get("")
    if text and result.arguments and "{" in text:
        # Placeholders are replaced once: an argument that looks like one stays.
        arguments = result.arguments
        text = re.sub(
            r"\{(\d{1,4})\}", lambda it: arguments[int(it[1])] if int(it[1]) < len(arguments) else it[0], text
        )
    return prose(text or "") or NO_MESSAGE


def effort(result: Result, found: IssueSeverity) -> int:
    given = _own(result).get("effort_minutes")
    return given if type(given) is int and 0 <= given <= 1_000_000 else found.minutes


def suggestion(result: Result) -> str | None:
    """vibecore's own, else what the tool says of its fix."""
    given = _own(result).get("suggestion", result.fix)
    return prose(given) or None if type(given) is str else None


def prose(text: str) -> str:
    """What a text column can hold of it: no NUL, no lone surrogate, not too long; without space around."""
    text = text.strip()
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    text = text.replace("\0", "\ufffd")
    return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - _SHOWN_LONGEST]}..."


def label(text: str) -> str:
    """`prose` in the length of a name."""
    return prose(text)[:LONGEST_LABEL]


def _own(result: Result) -> Mapping[str, Any]:
    own = result.properties.get(OWN)
    return own if type(own) is dict else {}
