"""Files: a project's tree, read, written, moved, deleted, imported and exported."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AlreadyExists, InvalidValue, NotFound
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.filters import Filter, field
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.paths import is_within, name_of, normalise_path, parents
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Project
from vibecore.domain.totals import FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import content_of, language_of, new_file, new_folder
from vibecore.services.export_archive import ArchiveFormat
from vibecore.services.exports import Exporter, ExportProgress, ExportReport
from vibecore.services.imports import Importer, ImportProgress, ImportReport
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable

PATH_TAKEN: Final = FILES.uniques[0]


class FileService(Scoped):
    """`vibe.files`. Paths keep the rules of `domain.paths`; a project's `file_count` and `total_lines` stay exact."""

    def write(
        self,
        actor: Actor,
        project_id: UUID,
        path: str,
        content: str | bytes,
        *,
        metadata: Mapping[str, object] | None = None,
    ) -> File:
        """The file at `path` with this content: made, with the folders above it that are missing, or changed.

        Bytes that are no UTF-8 text are kept as digest and size only. `metadata` None leaves it as it is. Where
        content and metadata are already so, nothing is written.

        Raises InvalidValue, also where `path` lies below a file; AlreadyExists where a folder stands at `path`;
        NotFound (kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)
        body = content_of(place, content)
        facts = None if metadata is None else FILES.column("metadata").check(metadata)

        def run(tx: UnitOfWork) -> File:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, place)
                stamps = batch.add(tx.files.stamps, scope, parents(place))
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            before = found.value
            if before is not None and before.type is FileType.FOLDER:
                raise _taken()
            if before is not None and body.digest == before.digest and facts in (None, before.metadata):
                return before
            folders, parent_id = self._missing_folders(tx, scope, place, stamps.value, "path")
            if before is None:
                after = new_file(self._effects.ids(), scope, place, parent_id, body, now=tx.now)
            else:
                after = dataclasses.replace(before, **body.columns())
            if facts is not None:
                after = dataclasses.replace(after, metadata=facts)
            details = {"path": place, "size_bytes": body.size_bytes, "folders": len(folders)}
            name = "file.created" if before is None else "file.updated"
            event = self._event(tx, actor, granted, name, kind="file", key=after.id, details=details)
            lines = body.line_count - (before.line_count if before is not None else 0)
            project = _recounted(granted, files=before is None, lines=lines)
            with tx.batch() as batch:
                for folder in folders:
                    batch.add(tx.files.insert, folder)
                stored = batch.add(tx.files.insert if before is None else tx.files.update, after)
                if project is not None:
                    batch.add(tx.projects.update, project)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def make_folder(self, actor: Actor, project_id: UUID, path: str) -> File:
        """The folder at `path`, made with the folders above it where they are missing.

        Raises InvalidValue, also where `path` lies below a file; AlreadyExists where a file stands at `path`; NotFound
        (kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)

        def run(tx: UnitOfWork) -> File:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, place)
                stamps = batch.add(tx.files.stamps, scope, parents(place))
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            if found.value is not None:
                if found.value.type is not FileType.FOLDER:
                    raise _taken()
                return found.value
            folders, parent_id = self._missing_folders(tx, scope, place, stamps.value, "path")
            folder = new_folder(self._effects.ids(), scope, place, parent_id, now=tx.now)
            details = {"path": place, "folders": len(folders)}
            event = self._event(tx, actor, granted, "folder.created", kind="file", key=folder.id, details=details)
            with tx.batch() as batch:
                for above in folders:
                    batch.add(tx.files.insert, above)
                stored = batch.add(tx.files.insert, folder)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def move(self, actor: Actor, project_id: UUID, source: str, target: str) -> File:
        """The entry at `source` with all below it, now at `target`; reviews and test results follow.

        Folders missing above `target` are made. A file is given the language of its new name. Moving an entry to where
        it stands writes nothing.

        Raises InvalidValue (field "source" or "target"; field "path" where a path below would grow over the limits),
        also where `target` lies within `source` or below a file; AlreadyExists where something stands at `target`;
        NotFound (kind "file", key `source`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        old, new = _path("source", source), _path("target", target)
        if is_within(new, old):
            raise InvalidValue("target", "must not lie within the source")

        def run(tx: UnitOfWork) -> File:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, old)
                stamps = batch.add(tx.files.stamps, scope, (*parents(new), new))
                tested = batch.add(tx.tests.count, scope, where=_at_or_below("file_path", old))
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            entry = found.value
            if entry is None:
                raise NotFound("file", old)
            if old == new:
                return entry
            if new in stamps.value:
                raise _taken()
            folders, parent_id = self._missing_folders(tx, scope, new, stamps.value, "target")
            details = {"source": old, "target": new, "type": entry.type.value, "folders": len(folders)}
            event = self._event(tx, actor, granted, "file.moved", kind="file", key=entry.id, details=details)
            with tx.batch() as batch:
                for folder in folders:
                    batch.add(tx.files.insert, folder)
                if entry.type is FileType.FILE:
                    stored = batch.add(tx.files.update, _renamed(entry, new, parent_id))
                else:
                    batch.add(tx.files.move_subtree, scope, old, new, parent_id)
                    stored = batch.add(tx.files.get, scope, entry.id)
                batch.add(tx.reviews.move_paths, scope, old, new)
                batch.add(tx.audit.append, event)
            if tested.value:
                _move_tests(tx, scope, old, new)
            return stored.value

        return self._work.write(actor, run)

    def delete(self, actor: Actor, project_id: UUID, path: str) -> int:
        """Remove the entry at `path` with all below it, their reviews and test results; the number of entries removed.

        Raises InvalidValue, NotFound (kind "file", key `path`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)

        def run(tx: UnitOfWork) -> int:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.subtree, scope, place)
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            gone = found.value
            if not gone:
                raise NotFound("file", place)
            files = sum(stamp.type is FileType.FILE for stamp in gone)
            lines = sum(stamp.line_count for stamp in gone)
            details = {"path": place, "files": files, "folders": len(gone) - files, "lines": lines}
            event = self._event(tx, actor, granted, "file.deleted", kind="file", key=gone[0].id, details=details)
            project = _recounted(granted, files=-files, lines=-lines)
            with tx.batch() as batch:
                batch.add(tx.files.delete_where, scope, _at_or_below("path", place))
                batch.add(tx.reviews.delete_where, scope, _at_or_below("file_path", place))
                batch.add(tx.tests.delete_where, scope, _at_or_below("file_path", place))
                if project is not None:
                    batch.add(tx.projects.update, project)
                batch.add(tx.audit.append, event)
            return len(gone)

        return self._work.write(actor, run)

    def import_tree(
        self,
        actor: Actor,
        project_id: UUID,
        source: str | Path,
        *,
        gitignore: bool = False,
        exclude: Sequence[str] = (),
        delete_missing: bool = False,
        progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportReport:
        """Bring the folder `source` of this machine into the project, all or nothing; what is equal is not written.

        Paths are relative to `source`. What the project holds besides stays, unless `delete_missing`: then entries
        that the folder does not have go, with their reviews and test results; what the walk skipped never goes.
        Binary files are kept as digest and size. With `gitignore` the `.gitignore` files of the tree hold;
        `exclude` are more patterns, written as in one that lies in `source`. `progress` is called some times a second,
        and from 0 again where the import collided with another writer and starts over.

        Raises InvalidValue (field "source" where it is not a readable folder, "exclude"), NotFound (kind
        "project"), PermissionDenied, ReadOnlyProject, and what `progress` raises: then nothing is imported.
        """
        importer = Importer(
            self._work,
            source,
            gitignore=gitignore,
            exclude=exclude,
            delete_missing=delete_missing,
            progress=progress,
        )
        return importer.run(actor, project_id)

    def export_tree(
        self,
        actor: Actor,
        project_id: UUID,
        target: str | Path | BinaryIO,
        *,
        folder: str | None = None,
        archive: ArchiveFormat | None = None,
        overwrite: bool = False,
        progress: Callable[[ExportProgress], None] | None = None,
    ) -> ExportReport:
        """Write the project's tree, as it stands at one moment, into the folder `target` of this machine, which is made
        where it is missing; with `archive` into an archive of that path, or into an open binary file.

        Every file that is written has the bytes that were imported. Binary files are known by size and digest only:
        they are named in the report, and so is whatever cannot be placed. With `folder` only what lies below it is
        exported. A file appears whole or not at all, nothing is written outside the target, and links in it are not
        followed. What stands there already is left alone, unless `overwrite`: then files, and links themselves, are
        replaced. Files that only the target has stay. An archive is there in full or not at all; the same files give
        the same bytes. `progress` is called some times a second.

        Raises InvalidValue (field "target" where it is not a folder or, of an archive, exists; "folder", "archive"),
        NotFound (kind "file", key `folder`, or kind "project"), PermissionDenied, OSError where the disk is full or
        fails, and what `progress` raises: then files that were written stay.
        """
        exporter = Exporter(
            self._work,
            target,
            folder=folder,
            archive=archive,
            overwrite=overwrite,
            progress=progress,
        )
        return exporter.run(actor, project_id)

    def read(self, actor: Actor, project_id: UUID, path: str) -> File:
        """The file with its content, or the folder, at `path`.

        Raises NotFound (kind "file", key `path`, or kind "project"), PermissionDenied, InvalidValue.
        """
        place = normalise_path(path)
        found = self._ask(
            actor, Action.FILES_READ, project_id, lambda tx, batch: batch.add(tx.files.find_path, project_id, place)
        )
        if found is None:
            raise NotFound("file", place)
        return found

    def get(self, actor: Actor, project_id: UUID, file_id: UUID) -> File:
        """The file or folder; NotFound (kind "file" or "project"), PermissionDenied, InvalidValue."""
        found = self.find(actor, project_id, file_id)
        if found is None:
            raise NotFound("file", file_id)
        return found

    def find(self, actor: Actor, project_id: UUID, file_id: UUID) -> File | None:
        """The file or folder, or None. Raises NotFound (kind "project"), PermissionDenied, InvalidValue."""
        key = check_id("file_id", file_id)
        return self._ask(
            actor, Action.FILES_READ, project_id, lambda tx, batch: batch.add(tx.files.find, project_id, key)
        )

    def tree(self, actor: Actor, project_id: UUID, folder: str | None = None) -> tuple[FileStamp, ...]:
        """All entries, or `folder` and all below it, without contents, ordered by path in code point order.

        Raises NotFound (kind "file", key `folder`, or kind "project"), PermissionDenied, InvalidValue.
        """
        if folder is None:
            stamps = self._ask(
                actor, Action.FILES_READ, project_id, lambda tx, batch: batch.add(tx.files.stamps, project_id)
            )
            return tuple(stamps[path] for path in sorted(stamps))
        place = _path("folder", folder)
        found = self._ask(
            actor, Action.FILES_READ, project_id, lambda tx, batch: batch.add(tx.files.subtree, project_id, place)
        )
        if not found:
            raise NotFound("file", place)
        return tuple(found)

    def page(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[File]:
        """Files and folders with their contents, by path unless `order_by` says otherwise.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.FILES_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.files.page,
                project_id,
                where=where,
                order_by="path" if order_by is None else order_by,
                limit=limit,
                cursor=cursor,
            ),
        )

    def _missing_folders(
        self, tx: UnitOfWork, project_id: UUID, path: str, stamps: Mapping[str, FileStamp], named: str
    ) -> tuple[list[File], UUID | None]:
        """New folders for what is missing above `path`, the outermost first, and the id of the folder that holds it."""
        made: list[File] = []
        parent_id: UUID | None = None
        for above in parents(path):
            stamp = stamps.get(above)
            if stamp is None:
                made.append(new_folder(self._effects.ids(), project_id, above, parent_id, now=tx.now))
                parent_id = made[-1].id
            elif stamp.type is FileType.FOLDER:
                parent_id = stamp.id
            else:
                raise InvalidValue(named, "lies below a file")
        return made, parent_id


def _path(named: str, value: str) -> str:
    """`normalise_path` with the parameter's name in the error."""
    try:
        return normalise_path(value)
    except InvalidValue as error:
        raise InvalidValue(named, error.reason) from None


def _taken() -> AlreadyExists:
    return AlreadyExists("file", PATH_TAKEN.name, PATH_TAKEN.fields)


def _at_or_below(name: str, path: str) -> Filter:
    return field(name).eq(path) | field(name).starts_with(path + "/")


def _recounted(access: ProjectAccess, *, files: int, lines: int) -> Project | None:
    """The project with its counters moved on, or None where they stay."""
    if not files and not lines:
        return None
    project = access.project
    return dataclasses.replace(project, file_count=project.file_count + files, total_lines=project.total_lines + lines)


def _renamed(file: File, path: str, parent_id: UUID | None) -> File:
    language = file.language if file.name == name_of(path) else language_of(path, file.content)
    return dataclasses.replace(file, path=path, name=name_of(path), parent_id=parent_id, language=language)


def _move_tests(tx: UnitOfWork, project_id: UUID, source: str, target: str) -> None:
    results = tx.tests.stream(project_id, where=_at_or_below("file_path", source))
    moved = [
        dataclasses.replace(result, file_path=target + result.file_path.removeprefix(source)) for result in results
    ]
    tx.tests.update_many(moved)
