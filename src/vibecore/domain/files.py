"""Files: a project's tree of folders and files, with content, language and size."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.fields import Count, Digest, Id, LongText, Moment, Name, Path
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Choice, Json, Text
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index


class FileType(StrEnum):
    FILE = "file"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file or folder. `content` is None for folders and for binary files, which keep `digest` and `size_bytes`.

    `digest` is the SHA-256 of the bytes in hexadecimal; `line_count` follows `text.count_lines`.
    """

    id: Id
    project_id: Id
    parent_id: Id | None = None
    name: Name
    path: Path
    type: Annotated[FileType, Choice(FileType, 50)]
    content: LongText | None = field(default=None, repr=False)
    language: Annotated[str, Text(50)] | None = None
    size_bytes: Count = 0
    line_count: Count = 0
    digest: Digest | None = None
    metadata: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    created_at: Moment
    updated_at: Moment


FILES: Final = Table(
    File,
    "files",
    "file",
    scope="project_id",
    uniques=(Unique("idx_files_path", ("project_id", "path")),),
    references=(
        Reference("fk_files_project", "project_id", "projects"),
        Reference("fk_files_parent", "parent_id", "files"),
    ),
    indexes=(
        Index("idx_files_project", ("project_id", "parent_id", "name", "id")),
        Index("idx_files_parent", ("parent_id",)),
        Index("idx_files_type", ("project_id", "type")),
        Index("idx_files_language", ("project_id", "language")),
        Index("idx_files_metadata", ("metadata",), gin=True),
        updated_index("files"),
    ),
)
