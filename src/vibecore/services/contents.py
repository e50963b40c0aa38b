"""What is stored of a file's bytes, and the records of new files and folders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from vibecore.domain import text
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import File, FileType
from vibecore.domain.paths import name_of
from vibecore.domain.rules import check_text
from vibecore.services.languages import detect


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes as they are stored. Of bytes that are no text only digest and size are kept."""

    content: str | None
    language: str | None
    size_bytes: int
    line_count: int
    digest: str

    def columns(self) -> dict[str, Any]:
        """The fields of `File` that depend on the bytes."""
        return {
            "content": self.content,
            "language": self.language,
            "size_bytes": self.size_bytes,
            "line_count": self.line_count,
            "digest": self.digest,
        }


def content_of(path: str, content: str | bytes) -> Content:
    """What is stored of `content` at `path`. Text is kept as it is; bytes are text if they are UTF-8 without NUL.

    Raises InvalidValue with field "content": neither text nor bytes, a NUL or a lone surrogate in text.
    """
    if isinstance(content, bytes):
        return of_bytes(path, content)
    if not isinstance(content, str):
        raise InvalidValue("content", f"must be text or bytes, not {type(content).__name__}")
    kept = check_text("content", content)
    return _of_text(path, kept, text.encode(kept))


def of_bytes(path: str, data: bytes) -> Content:
    """`content_of` for bytes."""
    kept = text.decode(data)
    if kept is None:
        return Content(None, language_of(path, None), len(data), 0, text.digest(data))
    return _of_text(path, kept, data)


def _of_text(path: str, kept: str, data: bytes) -> Content:
    return Content(kept, language_of(path, kept), len(data), text.count_lines(kept), text.digest(data))


def language_of(path: str, content: str | None) -> str | None:
    """The language as GitHub Linguist spells it, by path and text; of binary content by path alone."""
    return detect(path, content).name


def new_file(id: UUID, project_id: UUID, path: str, parent_id: UUID | None, content: Content, *, now: datetime) -> File:
    """A file that does not exist yet."""
    return File(
        id=id,
        project_id=project_id,
        parent_id=parent_id,
        name=name_of(path),
        path=path,
        type=FileType.FILE,
        content=content.content,
        language=content.language,
        size_bytes=content.size_bytes,
        line_count=content.line_count,
        digest=content.digest,
        created_at=now,
        updated_at=now,
    )


def new_folder(id: UUID, project_id: UUID, path: str, parent_id: UUID | None, *, now: datetime) -> File:
    """A folder that does not exist yet."""
    return File(
        id=id,
        project_id=project_id,
        parent_id=parent_id,
        name=name_of(path),
        path=path,
        type=FileType.FOLDER,
        created_at=now,
        updated_at=now,
    )
