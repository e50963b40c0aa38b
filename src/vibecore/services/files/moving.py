"""Moving and renaming entries of a project's tree, with all below them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows, diff
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.paths import name_of, normalise_path, parent_of
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import language_of
from vibecore.services.files.places import check_name, named_path
from vibecore.services.files.placing import Transfer, check_outside, look
from vibecore.services.scoped import Scoped, check_id


class FileMoving(Scoped):
    """How `vibe.files` gives entries another place."""

    def move(
        self, actor: Actor, project_id: UUID, source: str, target: str, *, refuse_case_collisions: bool = False
    ) -> File:
        """The entry at `source` with all below it, now at `target`; reviews and test results follow.

        Folders missing above `target` are made. A file is given the language of its new name. Moving an entry to where
        it stands writes nothing. However many rows move, it is one statement for each of the three tables. With
        `refuse_case_collisions` as `write`; that an entry's own path changes its case is no collision.

        Raises InvalidValue (field "source" or "target"; field "path" where a path below would grow over the limits),
        also where `target` lies within `source` or below a file; AlreadyExists where something stands at `target`;
        NotFound (kind "file", key `source`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        old, new = named_path("source", source), named_path("target", target)
        return self._move(actor, project_id, Transfer(old, new, "target", refuse_case_collisions))

    def rename(
        self, actor: Actor, project_id: UUID, path: str, name: str, *, refuse_case_collisions: bool = False
    ) -> File:
        """The entry at `path` with all below it, now called `name` in the same folder: a `move`, and told as one.

        Raises InvalidValue (field "path" or "name"), AlreadyExists where the folder holds that name; NotFound (kind
        "file", key `path`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        old, segment = normalise_path(path), check_name(name)
        above = parent_of(old)
        new = named_path("name", segment if above is None else f"{above}/{segment}")
        return self._move(actor, project_id, Transfer(old, new, "name", refuse_case_collisions))

    def _move(self, actor: Actor, project_id: UUID, asked: Transfer) -> File:
        scope = check_id("project_id", project_id)
        check_outside(asked)

        def run(tx: UnitOfWork) -> File:
            found = look(tx, actor, scope, asked, self._effects)
            entry = found.entry
            if asked.source == asked.target:
                return entry
            folders, parent_id = found.room()
            after = _renamed(entry, asked.target, parent_id)
            event = self._event(
                tx,
                actor,
                found.access,
                "file.moved",
                kind="file",
                key=entry.id,
                details={"type": entry.type.value},
                changes=diff(FILES, entry, after),
                rows=_told(folders, entry.type),
            )
            with tx.batch() as batch:
                for folder in folders:
                    batch.add(tx.files.insert, folder)
                if entry.type is FileType.FILE:
                    stored = batch.add(tx.files.update, after)
                else:
                    batch.add(tx.files.move_subtree, scope, asked.source, asked.target, parent_id)
                    stored = batch.add(tx.files.get, scope, entry.id)
                batch.add(tx.reviews.move_paths, scope, asked.source, asked.target)
                batch.add(tx.tests.move_paths, scope, asked.source, asked.target)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)


def _told(folders: Sequence[File], moved: FileType) -> Rows:
    """What an audit row tells of the folders that are made for an entry, and of what follows it."""
    files: dict[str, int | None] = {"inserted": len(folders)} if folders else {}
    if moved is FileType.FOLDER:
        files["updated"] = None
    rows: Rows = {"code_reviews": {"updated": None}, "test_results": {"updated": None}}
    return {"files": files, **rows} if files else rows


def _renamed(file: File, path: str, parent_id: UUID | None) -> File:
    same = file.type is FileType.FOLDER or file.name == name_of(path)
    language = file.language if same else language_of(path, file.content)
    return dataclasses.replace(file, path=path, name=name_of(path), parent_id=parent_id, language=language)
