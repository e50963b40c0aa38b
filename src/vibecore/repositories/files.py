"""Files: a project's tree as rows with materialised paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from vibecore.domain.files import File
from vibecore.domain.totals import FileStamp, FileTotals
from vibecore.repositories.tables import Children


class Files(Children[File], Protocol):
    def find_path(self, project_id: UUID, path: str, /) -> File | None:
        """The file or folder at exactly this path, or None."""
        ...

    def stamps(self, project_id: UUID, paths: Sequence[str] | None = None, /) -> dict[str, FileStamp]:
        """What stands at these paths (None: everywhere in the project), by path and ordered by it, without contents."""
        ...

    def subtree(self, project_id: UUID, folder: str, /) -> Sequence[FileStamp]:
        """The entry at `folder` and all below it, ordered by path, without contents."""
        ...

    def totals(self, project_id: UUID, /) -> FileTotals:
        """Counts over the project's files."""
        ...

    def move_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None, /) -> int:
        """Give the entry at `source` the path `target` under `parent_id`, and all below it the paths that follow.

        One statement; `name` of the moved entry is the last segment of `target`; each row's `updated_at` becomes
        max(tx.now, its old one + 1 µs). The number of rows moved, 0 when nothing stands at `source`.
        Raises AlreadyExists where a path is taken, InvalidValue (field `path`) if a new path would break the limits.
        """
        ...
