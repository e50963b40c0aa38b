"""Files in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.ids import derived_id
from vibecore.domain.paging import Page
from vibecore.domain.paths import case_key, name_of
from vibecore.domain.totals import FileEntry, FileStamp, FileTotals
from vibecore.repositories import arguments
from vibecore.repositories.memory import listings, writes
from vibecore.repositories.memory.searches import MemorySearches
from vibecore.repositories.memory.state import Root

_ENTRY: Final = tuple(field.name for field in dataclasses.fields(FileEntry))


class MemoryFiles(MemorySearches):
    """See `vibecore.repositories.files.Files`."""

    __slots__ = ()

    def find_path(self, project_id: UUID, path: str, /) -> File | None:
        with self.transaction.reading():
            return self._at(arguments.scope(FILES, project_id), arguments.text(FILES, "path", path))

    def stamps(self, project_id: UUID, paths: Sequence[str] | None = None, /) -> dict[str, FileStamp]:
        with self.transaction.reading() as root:
            project = arguments.scope(FILES, project_id)
            if paths is None:
                files: list[File] = list(self._records(root, project))
            else:
                wanted = arguments.texts(FILES, "path", paths)
                files = [file for path in wanted if (file := self._at(project, path)) is not None]
            return {stamp.path: stamp for stamp in _stamps(files)}

    def subtree(self, project_id: UUID, folder: str, /) -> list[FileStamp]:
        with self.transaction.reading() as root:
            project = arguments.scope(FILES, project_id)
            return _stamps(self._tree(root, project, arguments.text(FILES, "path", folder)))

    def children(
        self, project_id: UUID, folder: str | None, /, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FileEntry]:
        with self.transaction.reading() as root:
            listing = arguments.children(self._cursors, FILES, project_id, folder, limit, cursor)
            assert listing.scope is not None
            rows = listings.head(listing, self._held(root, listing.scope, folder))
            return self._cursors.page(listing, [_entry(file) for file in rows])

    def totals(self, project_id: UUID, path: str | None = None, /) -> FileTotals:
        with self.transaction.reading() as root:
            project = arguments.scope(FILES, project_id)
            files: Sequence[File] = self._records(root, project)
            if path is not None:
                files = self._tree(root, project, arguments.text(FILES, "path", path))
            lines = [file.line_count for file in files if file.type is FileType.FILE]
            return FileTotals(file_count=len(lines), folder_count=len(files) - len(lines), total_lines=sum(lines))

    def case_twins(self, project_id: UUID, paths: Sequence[str], /) -> list[str]:
        with self.transaction.reading() as root:
            files: Sequence[File] = self._records(root, arguments.scope(FILES, project_id))
            given = arguments.texts(FILES, "path", paths)
            keys = {case_key(path) for path in given}
            return sorted(file.path for file in files if case_key(file.path) in keys and file.path not in given)

    def move_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None, /) -> int:
        with self.transaction.writing() as root:
            project = arguments.scope(FILES, project_id)
            old_path = arguments.text(FILES, "path", source)
            new_path = arguments.target(FILES, target)
            parent = arguments.optional_uuid("parent_id", parent_id)
            top = self._at(project, old_path)
            if top is None:
                return 0
            changes = []
            for file in self._tree(root, project, old_path):
                path = arguments.moved("path", file.path, old_path, new_path)
                entry = {"name": name_of(path), "parent_id": parent} if file is top else {}
                changes.append((file, writes.versioned(self.transaction, self._layout, file, file, path=path, **entry)))
            writes.replace(self.transaction, self._layout, changes)
            return len(changes)

    def copy_subtree(self, project_id: UUID, source: str, target: str, parent_id: UUID | None, salt: UUID, /) -> int:
        with self.transaction.writing() as root:
            project = arguments.scope(FILES, project_id)
            old_path = arguments.text(FILES, "path", source)
            new_path = arguments.target(FILES, target)
            parent = arguments.optional_uuid("parent_id", parent_id)
            seed = arguments.uuid("salt", salt)
            top = self._at(project, old_path)
            if top is None:
                return 0
            copies = []
            for file in self._tree(root, project, old_path):
                path = arguments.moved("path", file.path, old_path, new_path)
                above = None if file.parent_id is None else derived_id(seed, file.parent_id)
                copies.append(
                    dataclasses.replace(
                        file,
                        id=derived_id(seed, file.id),
                        parent_id=parent if file is top else above,
                        name=name_of(path) if file is top else file.name,
                        path=path,
                        created_at=self.transaction.now,
                        updated_at=self.transaction.now,
                    )
                )
            writes.insert_many(self.transaction, self._layout, copies)
            return len(copies)

    def _held(self, root: Root, project: UUID, folder: str | None) -> Sequence[File]:
        if folder is None:
            return [file for file in self._records(root, project) if file.parent_id is None]
        above = self._at(project, folder)
        if above is None:
            return []
        keys = self.transaction.bucket(self._layout, self._layout.bucket("parent_id"), above.id.int)
        found: list[File] = [self.transaction.row(self._layout, key) for key in keys]
        return [file for file in found if file.project_id == project]

    def _at(self, project: UUID, path: str) -> File | None:
        place = self._layout.unique("idx_files_path")
        found: File | None = self.transaction.held(self._layout, place, (project.int, path))
        return found

    def _tree(self, root: Root, project: UUID, folder: str) -> list[File]:
        prefix = arguments.below(folder)
        files: Sequence[File] = self._records(root, project)
        return sorted(
            (file for file in files if file.path == folder or file.path.startswith(prefix)), key=lambda file: file.path
        )


def _entry(file: File) -> FileEntry:
    return FileEntry(**{name: getattr(file, name) for name in _ENTRY})


def _stamps(files: list[File]) -> list[FileStamp]:
    """Ordered by path."""
    return [
        FileStamp(
            id=file.id,
            path=file.path,
            type=file.type,
            digest=file.digest,
            size_bytes=file.size_bytes,
            line_count=file.line_count,
            updated_at=file.updated_at,
        )
        for file in sorted(files, key=lambda file: file.path)
    ]
