"""Writing SARIF 2.1.0: what reviewers found last, one run for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from vibecore.domain.issues import Issue, IssueSeverity
from vibecore.domain.reviews import CodeReview
from vibecore.services.reports.sarif_meaning import OWN

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT: Final = "PROJECTROOT"
FINGERPRINT: Final = "vibecoreFingerprint/v1"
"""The name and version (SARIF 3.27.17) of `domain.findings.fingerprints` among `partialFingerprints`."""

_LEVELS: Final = {
    IssueSeverity.CRITICAL: "error",
    IssueSeverity.ERROR: "error",
    IssueSeverity.WARNING: "warning",
    IssueSeverity.INFO: "note",
}


def document(reviews: Sequence[CodeReview]) -> bytes:
    """The SARIF log of `reviews`, in UTF-8: the same bytes for the same reviews.

    A reviewed file without issues is among the artifacts (role `analysisTarget`) of its run, with the digest of what
    was reviewed; a file that was not reviewed is not. What SARIF has no place for (the difference between critical and
    error, category, suggestion, effort) is in the property `vibecore` of each result, and is read again from there.
    """
    by_reviewer: dict[str, list[CodeReview]] = {}
    for review in sorted(reviews, key=lambda one: (one.reviewer, one.file_path)):
        by_reviewer.setdefault(review.reviewer, []).append(review)
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [_run(reviewer, found) for reviewer, found in by_reviewer.items()],
    }
    return json.dumps(log, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _run(reviewer: str, reviews: Sequence[CodeReview]) -> dict[str, Any]:
    issues = [(place, issue) for place, review in enumerate(reviews) for issue in _issues(review)]
    rules = sorted({issue.rule_id for _, issue in issues})
    number = {rule: place for place, rule in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": reviewer,
                "rules": [{"id": rule} for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder of the project."}}},
        "artifacts": [_artifact(review) for review in reviews],
        "results": [_result(issue, reviews[place], place, number[issue.rule_id], reviewer) for place, issue in issues],
    }


def _issues(review: CodeReview) -> Iterator[Issue]:
    for issue in review.issues:
        yield Issue.from_json(issue)


def _artifact(review: CodeReview) -> dict[str, Any]:
    found: dict[str, Any] = {
        "location": {"uri": quote(review.file_path), "uriBaseId": ROOT},
        "roles": ["analysisTarget"],
    }
    if review.digest is not None:
        found["hashes"] = {"sha-256": review.digest}
    return found


def _result(issue: Issue, review: CodeReview, artifact: int, rule: int, reviewer: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": issue.rule_id,
        "ruleIndex": rule,
        "level": _LEVELS[issue.severity],
        "message": {"text": issue.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(review.file_path), "uriBaseId": ROOT, "index": artifact},
                    "region": {"startLine": issue.line, "startColumn": issue.column},
                }
            }
        ],
        "partialFingerprints": {FINGERPRINT: issue.fingerprint},
        "properties": {OWN: _own(issue, reviewer)},
    }
    if issue.suppressed:
        suppression = {"kind": "external", "status": "accepted"}
        if issue.suppression_reason is not None:
            suppression["justification"] = issue.suppression_reason
        found["suppressions"] = [suppression]
    return found


def _own(issue: Issue, reviewer: str) -> Mapping[str, object]:
    own: dict[str, object] = {
        "severity": issue.severity.value,
        "category": issue.category.value,
        "effort_minutes": issue.effort_minutes,
    }
    if issue.suggestion is not None:
        own["suggestion"] = issue.suggestion
    if issue.tool != reviewer:
        own["tool"] = issue.tool
    return own
