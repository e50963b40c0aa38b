"""Files: a project's tree as rows with materialised paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from vibecore.domain.files import File
from vibecore.domain.paging import Page
from vibecore.domain.searches import Search
from vibecore.domain.totals import FileEntry, FileStamp, FileTotals
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

    def children(
        self, project_id: UUID, folder: str | None, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FileEntry]:
        """What the folder at this path holds (None: what no folder holds), not what is below that, without contents.

        Ordered by name, then id; an empty page where nothing stands at the path.
        """
        ...

    def totals(self, project_id: UUID, path: str | None = None, /) -> FileTotals:
        """Counts over the project's files, or over the entry at `path` and all below it."""
        ...

    def case_twins(self, project_id: UUID, paths: Sequence[str], /) -> Sequence[str]:
        """The paths in use, other than these, that `paths.case_key` takes for one of these; in code point order."""
        ...

    def search(self, project_id: UUID, search: Search, /, *, limit: int = 50, cursor: str | None = None) -> Page[File]:
        """Files and folders, by path, in which the search may find something: none is missing that has a match.

        Those that `Search.may_occur` lets pass, in the name or path, or in the content where the index of contents does
        not rule it out. A page ends early where the contents before its last file reach `searches.MOST_BYTES`: it can
        be shorter than `limit` and not the last.
        """
        ...

    def unindexed(self, project_id: UUID, /, *, limit: int) -> Sequence[File]:
        """Of each digest without a row in the index of contents, one file that has content: that with the least id.

        Ordered by digest, at most `limit`, and fewer where their sizes before the last one reach `MOST_BYTES`.
        """
        ...

    def move_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None, /) -> int:
        """Give the entry at `source` the path `target` under `parent_id`, and all below it the paths that follow.

        One statement; `name` of the moved entry is the last segment of `target`; each row's `updated_at` becomes
        max(tx.now, its old one + 1 µs). The number of rows moved, 0 when nothing stands at `source`.
        Raises AlreadyExists where a path is taken, InvalidValue (field `path`) if a new path would break the limits.
        """
        ...

    def copy_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None, salt: UUID, /) -> int:
        """Copy the entry at `source` to `target` under `parent_id`, and all below it to the paths that follow.

        One statement over the rows as they were before it. The copy of a row has the id `ids.derived_id(salt, id)`, as
        parent the copy of its parent, `tx.now` as both its times, and all else of the row; `name` of the copied entry
        is the last segment of `target`. The number of rows made, 0 when nothing stands at `source`.
        Raises InvalidValue (field `path`) if a new path would break the limits; AlreadyExists where an id or a path is
        taken, as for `insert_many` in the order of paths; MissingReference where a parent is not there.
        """
        ...
