"""Files: a project's tree, read, written, moved, deleted and imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.services.files.deleting import FileDeleting
from vibecore.services.files.moving import FileMoving
from vibecore.services.files.reading import FileReading
from vibecore.services.files.writing import FileWriting
from vibecore.services.imports import Importer, ImportProgress, ImportReport


class FileService(FileReading, FileWriting, FileMoving, FileDeleting):
    """`vibe.files`. Paths keep the rules of `domain.paths`; a project's `file_count` and `total_lines` stay exact."""

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
