"""Totals: what is counted over a project's files, and what an importer compares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vibecore.domain.files import FileType


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTotals:
    """Number of files (not folders) and the sum of their lines."""

    file_count: int
    total_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStamp:
    """A file or folder without its content."""

    id: UUID
    path: str
    type: FileType
    digest: str | None
    size_bytes: int
    line_count: int
    updated_at: datetime
