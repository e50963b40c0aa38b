"""Exporting a project's tree: the files of one moment, byte for byte, into a folder or an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import UUID

from vibecore.domain import text
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.files import File, FileType
from vibecore.domain.paths import normalise_path
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Boolean
from vibecore.domain.totals import FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.export_archive import ArchiveFormat, ArchiveTarget, checked_target, open_archive
from vibecore.services.export_folder import BelowError, FolderTarget, Placed
from vibecore.services.placing import NotPlacedError
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.trees import Skipped, belongs_to_git
from vibecore.services.work import Work, readable

CHUNK_FILES: Final = 1_000
CHUNK_BYTES: Final = 8 * 1024 * 1024
"""What is read from the store at once, and how often progress is reported: a chunk ends at whichever comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportProgress:
    """How far an export has come: `files` of `total` looked at with `bytes` in all, the last one at `path`."""

    files: int
    total: int
    bytes: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A file whose bytes the project does not have: binary, or in no encoding that it could be kept in as text."""

    path: str
    size_bytes: int
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What an export did. `created`, `replaced` and `unchanged` files now stand in the target with the project's bytes,
    `bytes` in all; `folders` were made. `withheld` names the files that the project knows by size and digest only and
    the target does not hold; `skipped` what could not be placed, with everything below it, and why. Paths are those in
    the target."""

    created: int
    replaced: int
    unchanged: int
    folders: int
    bytes: int
    withheld: tuple[Withheld, ...]
    skipped: tuple[Skipped, ...]

    @property
    def complete(self) -> bool:
        """Whether the target holds every file and folder of the project."""
        return not self.withheld and not self.skipped


class Target(Protocol):
    """Where an export goes."""

    folders: int

    def folder(self, path: str, /) -> None: ...

    def file(self, path: str, data: bytes | None, size: int, sha256: str | None, /) -> Placed: ...


class Exporter(Scoped):
    """One call of `FileService.export_tree`."""

    def __init__(
        self,
        work: Work,
        target: str | Path | BinaryIO,
        *,
        folder: str | None,
        archive: ArchiveFormat | None,
        overwrite: bool,
        progress: Callable[[ExportProgress], None] | None,
    ) -> None:
        super().__init__(work)
        self._target, self._form = checked_target(target, archive)
        self._overwrite = Boolean().check("overwrite", overwrite)
        self._folder = None if folder is None else _checked_folder(folder)
        if progress is not None and not callable(progress):
            raise InvalidValue("progress", f"must be callable, not {type(progress).__name__}")
        self._progress = progress

    def run(self, actor: Actor, project_id: UUID) -> ExportReport:
        scope = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> ExportReport:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                everything = batch.add(tx.files.stamps, scope) if self._folder is None else None
                below = None if self._folder is None else batch.add(tx.files.subtree, scope, self._folder)
            readable(actor, Action.FILES_READ, scope, access.value)
            stamps = [] if everything is None else list(everything.value.values())
            if below is not None:
                stamps = self._inside(below.value)
            with self._opened() as target:
                export = _Export(target, self._folder)
                self._write(tx, scope, stamps, export)
                return export.report()

        return self._work.snapshot(actor, run)

    def _inside(self, found: Sequence[FileStamp]) -> list[FileStamp]:
        """What lies below the folder, which is first among `found`."""
        if not found:
            raise NotFound("file", self._folder)
        if found[0].type is not FileType.FOLDER:
            raise InvalidValue("folder", "is a file")
        return list(found[1:])

    def _opened(self) -> AbstractContextManager[FolderTarget | ArchiveTarget]:
        if self._form is not None:
            return open_archive(self._target, self._form, overwrite=self._overwrite)
        assert isinstance(self._target, Path)
        return FolderTarget(self._target, overwrite=self._overwrite)

    def _write(self, tx: UnitOfWork, scope: UUID, stamps: list[FileStamp], export: _Export) -> None:
        total = sum(stamp.type is FileType.FILE for stamp in stamps)
        files = size = 0
        for chunk in _chunks(stamps):
            ids = [stamp.id for stamp in chunk if stamp.type is FileType.FILE]
            found = tx.files.find_many(scope, ids) if ids else {}
            self._effects.runtime.offload(export.write, chunk, found)
            files += len(ids)
            size += sum(stamp.size_bytes for stamp in chunk)
            if self._progress is not None:
                self._progress(ExportProgress(files=files, total=total, bytes=size, path=chunk[-1].path))


class _Export:
    """What became of each entry."""

    def __init__(self, target: Target, folder: str | None) -> None:
        self._target = target
        self._cut = 0 if folder is None else len(folder) + 1
        self._placed = dict.fromkeys(Placed, 0)
        self._bytes = 0
        self._withheld: list[Withheld] = []
        self._skipped: list[Skipped] = []

    def write(self, chunk: Sequence[FileStamp], files: dict[UUID, File]) -> None:
        for stamp in chunk:
            path = stamp.path[self._cut :]
            try:
                self._refuse_names(path)
                if stamp.type is FileType.FOLDER:
                    self._target.folder(path)
                else:
                    self._file(path, files[stamp.id])
            except BelowError:
                continue
            except NotPlacedError as error:
                self._skipped.append(Skipped(path=path, reason=error.reason))

    def report(self) -> ExportReport:
        return ExportReport(
            created=self._placed[Placed.CREATED],
            replaced=self._placed[Placed.REPLACED],
            unchanged=self._placed[Placed.UNCHANGED],
            folders=self._target.folders,
            bytes=self._bytes,
            withheld=tuple(self._withheld),
            skipped=tuple(self._skipped),
        )

    def _refuse_names(self, path: str) -> None:
        """No file of a project may become a hook or a setting of the git that works in the target."""
        names = path.split("/")
        for depth, name in enumerate(names, 1):
            if belongs_to_git(name):
                if depth < len(names):
                    raise BelowError("/".join(names[:depth]))
                raise NotPlacedError("belongs to git")
        # The path rules held when it was stored; they are what keeps it inside the target, so they are asked again.
        try:
            normalise_path(path)
        except InvalidValue as error:
            raise NotPlacedError(f"breaks a path rule: {error.reason}") from None

    def _file(self, path: str, file: File) -> None:
        data = None if file.content is None else text.encode(file.content)
        if data is not None and file.digest is not None and text.digest(data) != file.digest:
            raise NotPlacedError("has a content that is not that of its digest")
        size = file.size_bytes if data is None else len(data)
        outcome = self._target.file(path, data, size, file.digest)
        self._placed[outcome] += 1
        if outcome is Placed.WITHHELD:
            self._withheld.append(Withheld(path=path, size_bytes=file.size_bytes, digest=file.digest))
        else:
            self._bytes += size


def _chunks(stamps: list[FileStamp]) -> Iterator[list[FileStamp]]:
    """The stamps in portions: a folder before what it holds."""
    chunk: list[FileStamp] = []
    size = 0
    for stamp in stamps:
        if chunk and (len(chunk) >= CHUNK_FILES or size + stamp.size_bytes > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(stamp)
        size += stamp.size_bytes
    if chunk:
        yield chunk


def _checked_folder(folder: str) -> str:
    try:
        return normalise_path(folder)
    except InvalidValue as error:
        raise InvalidValue("folder", error.reason) from None
