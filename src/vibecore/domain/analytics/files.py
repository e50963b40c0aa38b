"""The definition of `v_project_file_stats`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from vibecore.domain.analytics.records import FileStats, LanguageStats
from vibecore.domain.files import File, FileType
from vibecore.domain.projects import Project


def project_file_stats(projects: Iterable[Project], files: Iterable[File]) -> list[FileStats]:
    """One row for every project: most lines first, then most bytes, then by project id."""
    entries: dict[UUID, list[File]] = defaultdict(list)
    for file in files:
        entries[file.project_id].append(file)
    rows = [_row(project, entries.get(project.id, [])) for project in projects]
    rows.sort(key=lambda row: (-row.lines, -row.size_bytes, row.project_id))
    return rows


def _row(project: Project, entries: list[File]) -> FileStats:
    files = [entry for entry in entries if entry.type is FileType.FILE]
    by_language = _by_language(files)
    largest = min(files, key=lambda file: (-file.size_bytes, file.path), default=None)
    return FileStats(
        project_id=project.id,
        project_name=project.name,
        files=len(files),
        folders=len(entries) - len(files),
        lines=sum(file.line_count for file in files),
        size_bytes=sum(file.size_bytes for file in files),
        languages=sum(stats.language is not None for stats in by_language),
        largest_path=None if largest is None else largest.path,
        largest_bytes=None if largest is None else largest.size_bytes,
        changed_at=max((entry.updated_at for entry in entries), default=None),
        by_language=by_language,
    )


def _by_language(files: Iterable[File]) -> tuple[LanguageStats, ...]:
    groups: dict[str | None, list[File]] = defaultdict(list)
    for file in files:
        groups[file.language].append(file)
    rows = [
        LanguageStats(
            language=language,
            files=len(group),
            lines=sum(file.line_count for file in group),
            size_bytes=sum(file.size_bytes for file in group),
        )
        for language, group in groups.items()
    ]
    rows.sort(key=lambda row: (-row.lines, -row.files, row.language is None, row.language or ""))
    return tuple(rows)
