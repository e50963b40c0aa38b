"""Figures as JSON documents; docs/cli.md names the fields."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vibecore.cli.figures import Figures
    from vibecore.domain.api_keys import KeyInfo
    from vibecore.domain.deployments import Deployment
    from vibecore.domain.files import File
    from vibecore.domain.quality import QualityReport
    from vibecore.domain.searches import FoundFile
    from vibecore.domain.totals import FileEntry
    from vibecore.services.exports import ExportReport
    from vibecore.services.imports import ImportReport
    from vibecore.services.reports.sarif_import import SarifReport
    from vibecore.services.reviewing import ReviewReport


def of_sarif(report: SarifReport) -> dict[str, Any]:
    return dataclasses.asdict(report)


def of_figures(figures: Figures) -> dict[str, Any]:
    project = figures.project
    return {
        "project": {
            "id": project.id,
            "name": project.name,
            "status": project.status,
            "visibility": project.visibility,
            "quality_score": project.quality_score,
        },
        "files": {
            "files": figures.files.files,
            "folders": figures.files.folders,
            "lines": figures.files.lines,
            "bytes": figures.files.size_bytes,
            "languages": [dataclasses.asdict(language) for language in figures.files.by_language],
        },
        "reviews": {
            "files": figures.reviewed_files,
            "lines": figures.reviewed_lines,
            "issues": figures.issues,
            "worst_files": [
                {
                    "path": file.path,
                    "reviewer": file.reviewer,
                    "score": file.score,
                    "lines": file.lines,
                    "issues": file.issues,
                    "worst": file.worst,
                    "line": file.line,
                }
                for file in figures.worst
            ],
        },
        "deployments": [_deployment(deployment) for deployment in figures.deployments],
        "activity": [
            {
                "at": event.created_at,
                "user": event.user_name,
                "action": event.action,
                "resource_type": event.resource_type,
                "resource_id": event.resource_id,
            }
            for event in figures.activity
        ],
    }


def of_entry(entry: FileEntry | File) -> dict[str, Any]:
    return {
        "id": entry.id,
        "parent_id": entry.parent_id,
        "name": entry.name,
        "path": entry.path,
        "type": entry.type,
        "language": entry.language,
        "size_bytes": entry.size_bytes,
        "line_count": entry.line_count,
        "digest": entry.digest,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def of_found(found: FoundFile) -> dict[str, Any]:
    return {
        "id": found.id,
        "path": found.path,
        "type": found.type,
        "in_name": found.in_name,
        "line_matches": found.line_matches,
        "lines": [{"number": line.number, "excerpt": line.excerpt} for line in found.lines],
    }


def of_key(key: KeyInfo) -> dict[str, Any]:
    return {
        "id": key.id,
        "user_id": key.user_id,
        "name": key.name,
        "key_prefix": key.key_prefix,
        "permissions": key.permissions,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "created_at": key.created_at,
    }


def _deployment(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "environment": deployment.environment,
        "version": deployment.version,
        "status": deployment.status,
        "rollback_of": deployment.rollback_of,
        "live_at": deployment.live_at,
        "completed_at": deployment.completed_at,
    }


def of_quality(report: QualityReport) -> dict[str, Any]:
    """All centi-points as points."""
    return {
        "model": report.model,
        "score": report.score,
        "lower": report.lower,
        "upper": report.upper,
        "confidence": report.confidence,
        "provisional": report.provisional,
        "capped": report.capped,
        "components": [
            {
                "name": component.name,
                "weight": component.weight,
                "value": None if component.value is None else component.value / 100,
                "missing": component.missing,
                "contribution": component.contribution / 100,
                "gain": component.gain / 100,
                "lower_gain": component.lower_gain / 100,
            }
            for component in report.components
        ],
        "advice": [
            {
                "component": advice.component,
                "action": advice.action,
                "gain": advice.gain / 100,
                "lower_gain": advice.lower_gain / 100,
            }
            for advice in report.advice
        ],
        "inputs": report.inputs.to_json(),
    }


def of_import(report: ImportReport) -> dict[str, Any]:
    return {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "deleted": report.deleted,
        "folders": report.folders,
        "lines": report.lines,
        "bytes": report.bytes,
        "languages": report.languages,
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in report.skipped],
    }


def of_export(report: ExportReport) -> dict[str, Any]:
    return {
        "created": report.created,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "folders": report.folders,
        "bytes": report.bytes,
        "complete": report.complete,
        "withheld": [
            {"path": file.path, "size_bytes": file.size_bytes, "digest": file.digest} for file in report.withheld
        ],
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in report.skipped],
    }


def of_review(report: ReviewReport) -> dict[str, Any]:
    return {
        "reviewed": report.reviewed,
        "unchanged": report.unchanged,
        "lines": report.lines,
        "issues": report.issues,
        "not_reviewed": [
            {"path": one.path, "reviewer": one.reviewer, "reason": one.reason} for one in report.not_reviewed
        ],
    }


def reasons(report: ImportReport) -> dict[str, int]:
    """How many entries were skipped for each reason, the most frequent first."""
    return dict(Counter(skipped.reason for skipped in report.skipped).most_common())
