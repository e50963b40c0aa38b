"""Totals: what is counted over a project's files, and what is told of them without their contents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vibecore.domain.files import FileType


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTotals:
    """Number of files and of folders, and the sum of the files' lines."""

    file_count: int
    folder_count: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file or folder as a listing of its folder shows it: all but content and metadata."""

    id: UUID
    project_id: UUID
    parent_id: UUID | None
    name: str
    path: str
    type: FileType
    language: str | None
    size_bytes: int
    line_count: int
    digest: str | None
    created_at: datetime
    updated_at: datetime
