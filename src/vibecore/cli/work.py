"""The long parts of the work, shown as they go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibecore.cli.views import issues_in_words, mebibytes, not_reviewed

if TYPE_CHECKING:
    from uuid import UUID

    from vibecore.bootstrap.vibe import Vibe
    from vibecore.cli.progress import Steps
    from vibecore.domain.actors import Actor
    from vibecore.services.export_archive import ArchiveFormat
    from vibecore.services.exports import ExportReport
    from vibecore.services.imports import ImportReport
    from vibecore.services.reviewing import ReviewReport


def import_tree(
    vibe: Vibe,
    actor: Actor,
    project_id: UUID,
    source: Path,
    steps: Steps,
    *,
    gitignore: bool,
    exclude: tuple[str, ...],
    delete_missing: bool = False,
    refuse_case_collisions: bool = False,
) -> ImportReport:
    """`vibe.files.import_tree`, its progress on stderr."""
    with steps.step("import") as step:
        report = vibe.files.import_tree(
            actor,
            project_id,
            source,
            gitignore=gitignore,
            exclude=exclude,
            delete_missing=delete_missing,
            refuse_case_collisions=refuse_case_collisions,
            progress=lambda now: step.at(now.files, f"{now.files:,} files, {mebibytes(now.bytes)}"),
        )
        files = report.created + report.updated + report.unchanged
        step.at(files, f"{files:,} files, {report.lines:,} lines, {mebibytes(report.bytes)}")
    return report


def export_tree(
    vibe: Vibe,
    actor: Actor,
    project_id: UUID,
    target: str,
    steps: Steps,
    *,
    folder: str | None,
    archive: ArchiveFormat | None,
    overwrite: bool,
) -> ExportReport:
    """`vibe.files.export_tree`, its progress on stderr."""
    with steps.step("export") as step:
        report = vibe.files.export_tree(
            actor,
            project_id,
            target,
            folder=folder,
            archive=archive,
            overwrite=overwrite,
            progress=lambda now: step.at(now.files, f"{now.files:,} of {now.total:,} files, {mebibytes(now.bytes)}"),
        )
        files = report.created + report.replaced + report.unchanged
        step.at(files, f"{files:,} files, {mebibytes(report.bytes)}")
    return report


def review(vibe: Vibe, actor: Actor, project_id: UUID, steps: Steps, *, files: int) -> ReviewReport:
    """The built-in reviewer over about `files` files, its progress on stderr."""
    with steps.step("review", total=files or None) as step:
        report = vibe.reviews.run(
            actor, project_id, progress=lambda now: step.at(now.files, f"{now.files:,} of {files:,} files")
        )
        found = issues_in_words(report.issues)
        step.at(files, f"{report.reviewed:,} files, {report.lines:,} lines: {found}{not_reviewed(report)}")
    return report
