"""Whole trees into a project and out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.services.export_archive import ArchiveFormat
from vibecore.services.exports import Exporter, ExportProgress, ExportReport
from vibecore.services.imports import Importer, ImportProgress, ImportReport
from vibecore.services.limits import ImportLimits
from vibecore.services.scoped import Scoped


class FileTransferring(Scoped):
    """What `FileService` does with folders and archives of this machine."""

    def import_tree(
        self,
        actor: Actor,
        project_id: UUID,
        source: str | Path | BinaryIO,
        *,
        gitignore: bool = False,
        exclude: Sequence[str] = (),
        delete_missing: bool = False,
        refuse_case_collisions: bool = False,
        limits: ImportLimits | None = None,
        progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportReport:
        """Bring a tree into the project, all or nothing; what is equal is not written. `source` is a folder of this
        machine, or a zip or tar (plain, gzip, bzip2, xz), as a file or as an open one of bytes that can seek.

        Paths are relative to `source`. What the project holds besides stays, unless `delete_missing`: then entries
        that the tree does not have go, with their reviews and test results; what was skipped never goes.
        Binary files are kept as digest and size. With `gitignore` the `.gitignore` files of the tree hold;
        `exclude` are more patterns, written as in one that lies in `source`. With `refuse_case_collisions` a path that
        differs by case only from another one of the tree or the project is skipped. `progress` is called some times a
        second, and from 0 again where the import collided with another writer and starts over.

        Raises InvalidValue (field "source" where it is no readable folder and no whole archive, or an archive over the
        `limits`; "exclude"), NotFound (kind "project"), PermissionDenied, ReadOnlyProject, and what `progress` raises:
        then nothing is imported.
        """
        importer = Importer(
            self._work,
            source,
            gitignore=gitignore,
            exclude=exclude,
            delete_missing=delete_missing,
            refuse_case_collisions=refuse_case_collisions,
            limits=limits,
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
