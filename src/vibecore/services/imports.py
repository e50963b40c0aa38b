"""Importing a folder or an archive: read as a stream, compared by digest, written in bulk, all in one unit of work."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows, diff, others
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import File, FileType
from vibecore.domain.filters import field
from vibecore.domain.paths import case_key, parent_of, parents
from vibecore.domain.permissions import Action
from vibecore.domain.projects import PROJECTS
from vibecore.domain.rules import Boolean
from vibecore.domain.totals import FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import Content, new_file, new_folder, of_bytes
from vibecore.services.effects import Effects
from vibecore.services.limits import ImportLimits
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.sources import ImportSource
from vibecore.services.trees import Entry, Skipped
from vibecore.services.work import Work, writable

CHUNK_FILES: Final = 128
CHUNK_BYTES: Final = 2 * 1024 * 1024
"""What is read and prepared at once, and how often progress is reported: a chunk ends at whichever comes first."""
NEW_FILES: Final = 10_000
NEW_BYTES: Final = 16 * 1024 * 1024
"""What waits for one COPY."""
CHANGED_FILES: Final = 1_000
CHANGED_BYTES: Final = 16 * 1024 * 1024
"""What waits for one UPDATE: the new contents are in memory that long, and the old ones while it runs."""
DELETED_AT_ONCE: Final = 50_000

Prepared = tuple[str, Content | None]
"""A path with what is stored of the file; None for a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import has come: `files` seen with `bytes` in all, the last one at `path`."""

    files: int
    bytes: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did. `lines`, `bytes` and `languages` (files by language, most first) are those of the tree's
    files: created, updated and unchanged. `folders` were created; `deleted` counts files, not folders. `skipped` names
    what was left out with everything below it, and why."""

    created: int
    updated: int
    unchanged: int
    deleted: int
    folders: int
    lines: int
    bytes: int
    languages: Mapping[str, int]
    skipped: tuple[Skipped, ...]


class Importer(Scoped):
    """One call of `FileService.import_tree`. The folder is read again each time the unit of work is retried."""

    def __init__(
        self,
        work: Work,
        source: str | Path | BinaryIO,
        *,
        gitignore: bool,
        exclude: Sequence[str],
        delete_missing: bool,
        refuse_case_collisions: bool,
        limits: ImportLimits | None,
        progress: Callable[[ImportProgress], None] | None,
    ) -> None:
        super().__init__(work)
        self._source = ImportSource(source)
        self._gitignore = Boolean().check("gitignore", gitignore)
        self._exclude = exclude
        self._delete_missing = Boolean().check("delete_missing", delete_missing)
        self._refuse_collisions = Boolean().check("refuse_case_collisions", refuse_case_collisions)
        if limits is not None and type(limits) is not ImportLimits:
            raise InvalidValue("limits", f"must be {ImportLimits.__name__}, not {type(limits).__name__}")
        self._limits = ImportLimits() if limits is None else limits
        if progress is not None and not callable(progress):
            raise InvalidValue("progress", f"must be callable, not {type(progress).__name__}")
        self._progress = progress

    def run(self, actor: Actor, project_id: UUID) -> ImportReport:
        scope = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> ImportReport:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                stamps = batch.add(tx.files.stamps, scope)
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            tree = self._source.read(gitignore=self._gitignore, exclude=self._exclude, limits=self._limits)
            known = Paths(stamps.value) if self._refuse_collisions else None
            attempt = _Import(tx, self._effects, scope, stamps.value, known, self._progress)
            attempt.write(tree)
            if self._delete_missing:
                attempt.delete_missing()
            report = attempt.report()
            self._finish(tx, actor, granted, attempt, report)
            return report

        return self._work.write(actor, run)

    def _finish(
        self, tx: UnitOfWork, actor: Actor, access: ProjectAccess, attempt: _Import, report: ImportReport
    ) -> None:
        details = {
            "source": self._source.name,
            "created": report.created,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "deleted": report.deleted,
            "folders": report.folders,
            "skipped": len(report.skipped),
            "lines": report.lines,
            "bytes": report.bytes,
        }
        project = dataclasses.replace(access.project, file_count=attempt.files, total_lines=attempt.lines)
        with tx.batch() as batch:
            if project != access.project:
                batch.add(tx.projects.update, project)
            if attempt.wrote or project != access.project:
                event = self._event(
                    tx,
                    actor,
                    access,
                    "files.imported",
                    kind="file",
                    details=details,
                    others=others((project.id, diff(PROJECTS, access.project, project))),
                    rows=attempt.rows(),
                )
                batch.add(tx.audit.append, event)


class _Import:
    """One attempt: what stands in the project, and what became of it."""

    def __init__(
        self,
        tx: UnitOfWork,
        effects: Effects,
        project_id: UUID,
        stamps: Mapping[str, FileStamp],
        known: Paths | None,
        progress: Callable[[ImportProgress], None] | None,
    ) -> None:
        self._tx = tx
        self._effects = effects
        self._project_id = project_id
        self._stamps = stamps
        self._known = known
        self._progress = progress
        self._now = tx.now
        self._folders: dict[str, UUID] = {}
        self._seen: set[str] = set()
        self._changed: list[tuple[FileStamp, Content]] = []
        self._changed_bytes = 0
        self._skipped: list[Skipped] = []
        self._languages: Counter[str] = Counter()
        self._created = self._updated = self._unchanged = self._deleted = self._gone = self._new_folders = 0
        self._tree_lines = self._tree_bytes = 0
        self._ended = False
        self.wrote = False
        # Counted from the entries themselves, so that an import also mends counters that another program broke.
        self.files = sum(stamp.type is FileType.FILE for stamp in stamps.values())
        self.lines = sum(stamp.line_count for stamp in stamps.values())

    def write(self, tree: Iterator[Entry | Skipped]) -> None:
        """Bring every entry of `tree` into the project.

        New ones go to the store in bulk, as many at once as may wait in memory; changed ones gather likewise.
        """
        prepared = self._prepared(tree)
        while not self._ended:
            fresh = list(self._fresh(prepared))
            if fresh:
                self._tx.files.insert_many(fresh)
                self.wrote = True
            self._write_changed()

    def delete_missing(self) -> None:
        """Remove what stands in the project and not in the tree, except what the walk skipped."""
        skipped = {skip.path for skip in self._skipped}
        if "." in skipped:
            return
        gone = [
            stamp
            for path, stamp in self._stamps.items()
            if path not in self._seen and path not in skipped and skipped.isdisjoint(parents(path))
        ]
        for start in range(0, len(gone), DELETED_AT_ONCE):
            self._delete(gone[start : start + DELETED_AT_ONCE])

    def rows(self) -> Rows:
        """What the audit trail tells of the entries."""
        files: dict[str, int | None] = {
            "inserted": self._created + self._new_folders,
            "updated": self._updated,
            "deleted": self._gone,
        }
        told: Rows = {"files": {name: count for name, count in files.items() if count}}
        if self._gone:
            told |= {"code_reviews": {"deleted": None}, "test_results": {"deleted": None}}
        return told

    def report(self) -> ImportReport:
        return ImportReport(
            created=self._created,
            updated=self._updated,
            unchanged=self._unchanged,
            deleted=self._deleted,
            folders=self._new_folders,
            lines=self._tree_lines,
            bytes=self._tree_bytes,
            languages=dict(sorted(self._languages.items(), key=lambda item: (-item[1], item[0]))),
            skipped=tuple(self._skipped),
        )

    def _prepared(self, tree: Iterator[Entry | Skipped]) -> Iterator[Prepared]:
        """The tree's entries, read and prepared by chunks where that holds nobody up; skipped ones are noted."""
        files = size = 0
        while chunk := self._effects.runtime.offload(_next_chunk, tree):
            path = ""
            for item in chunk:
                if isinstance(item, Skipped):
                    self._skipped.append(item)
                    continue
                path, content = item
                if content is not None:
                    files += 1
                    size += content.size_bytes
                yield item
            if self._progress is not None and path:
                self._progress(ImportProgress(files=files, bytes=size, path=path))

    def _fresh(self, prepared: Iterator[Prepared]) -> Iterator[File]:
        """Records of the entries that the project does not have, until there are many of them or of changed ones."""
        count = size = 0
        for path, content in prepared:
            parent = parent_of(path)
            if parent is not None and parent not in self._folders:
                continue
            if self._known is not None and (other := self._known.meet(path)) is not None:
                self._skipped.append(Skipped(path=path, reason=f"differs from {other} by case only"))
                continue
            stamp = self._stamps.get(path)
            self._seen.add(path)
            if stamp is None:
                yield self._new(path, parent, content)
                count += 1
                size += 0 if content is None else content.size_bytes
            elif content is None:
                self._known_folder(stamp)
            elif stamp.type is FileType.FOLDER:
                self._skipped.append(Skipped(path=path, reason="is a folder in the project"))
            else:
                self._count(content)
                self._compare(stamp, content)
            if count >= NEW_FILES or size >= NEW_BYTES or self._many_changed():
                return
        self._ended = True

    def _many_changed(self) -> bool:
        return len(self._changed) >= CHANGED_FILES or self._changed_bytes >= CHANGED_BYTES

    def _new(self, path: str, parent: str | None, content: Content | None) -> File:
        parent_id = None if parent is None else self._folders[parent]
        id = self._effects.ids()
        if content is None:
            self._folders[path] = id
            self._new_folders += 1
            return new_folder(id, self._project_id, path, parent_id, now=self._now)
        self._created += 1
        self.files += 1
        self.lines += content.line_count
        self._count(content)
        return new_file(id, self._project_id, path, parent_id, content, now=self._now)

    def _known_folder(self, stamp: FileStamp) -> None:
        if stamp.type is FileType.FOLDER:
            self._folders[stamp.path] = stamp.id
        else:
            self._skipped.append(Skipped(path=stamp.path, reason="is a file in the project"))

    def _compare(self, stamp: FileStamp, content: Content) -> None:
        if stamp.digest == content.digest:
            self._unchanged += 1
            return
        self._changed.append((stamp, content))
        self._changed_bytes += content.size_bytes

    def _count(self, content: Content) -> None:
        self._tree_lines += content.line_count
        self._tree_bytes += content.size_bytes
        if content.language is not None:
            self._languages[content.language] += 1

    def _write_changed(self) -> None:
        if not self._changed:
            return
        before = self._tx.files.find_many(self._project_id, [stamp.id for stamp, _ in self._changed])
        self._tx.files.update_many(
            [dataclasses.replace(before[stamp.id], **content.columns()) for stamp, content in self._changed]
        )
        self.wrote = True
        self._updated += len(self._changed)
        self.lines += sum(content.line_count - stamp.line_count for stamp, content in self._changed)
        self._changed.clear()
        self._changed_bytes = 0

    def _delete(self, gone: list[FileStamp]) -> None:
        paths = [stamp.path for stamp in gone]
        with self._tx.batch() as batch:
            batch.add(self._tx.files.delete_where, self._project_id, field("path").among(paths))
            batch.add(self._tx.reviews.delete_paths, self._project_id, paths)
            batch.add(self._tx.tests.delete_where, self._project_id, field("file_path").among(paths))
        self.wrote = True
        files = sum(stamp.type is FileType.FILE for stamp in gone)
        self._deleted += files
        self._gone += len(gone)
        self.files -= files
        self.lines -= sum(stamp.line_count for stamp in gone)


def _next_chunk(tree: Iterator[Entry | Skipped]) -> list[Prepared | Skipped]:
    """The next entries of the walk, prepared; empty at its end."""
    chunk: list[Prepared | Skipped] = []
    size = 0
    for entry in islice(tree, CHUNK_FILES):
        if isinstance(entry, Skipped):
            chunk.append(entry)
            continue
        chunk.append((entry.path, None if entry.is_folder else of_bytes(entry.path, entry.data)))
        size += len(entry.data)
        if size >= CHUNK_BYTES:
            break
    return chunk


class Paths:
    """Paths by what a file system that ignores case and normal form takes them for."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_key = {case_key(path): path for path in paths}

    def meet(self, path: str) -> str | None:
        """Another path that is known already and that such a file system takes for this one; else this is known now."""
        other = self._by_key.setdefault(case_key(path), path)
        return None if other == path else other
