"""Moving entries of a project's tree, with all below them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows, diff
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.paths import is_within, name_of, parents
from vibecore.domain.permissions import Action
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import language_of
from vibecore.services.files.places import at_or_below, missing_folders, named_path, taken
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable


class FileMoving(Scoped):
    """How `vibe.files` gives entries another place."""

    def move(self, actor: Actor, project_id: UUID, source: str, target: str) -> File:
        """The entry at `source` with all below it, now at `target`; reviews and test results follow.

        Folders missing above `target` are made. A file is given the language of its new name. Moving an entry to where
        it stands writes nothing.

        Raises InvalidValue (field "source" or "target"; field "path" where a path below would grow over the limits),
        also where `target` lies within `source` or below a file; AlreadyExists where something stands at `target`;
        NotFound (kind "file", key `source`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        old, new = named_path("source", source), named_path("target", target)
        if is_within(new, old):
            raise InvalidValue("target", "must not lie within the source")

        def run(tx: UnitOfWork) -> File:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, old)
                stamps = batch.add(tx.files.stamps, scope, (*parents(new), new))
                tested = batch.add(tx.tests.count, scope, where=at_or_below("file_path", old))
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            entry = found.value
            if entry is None:
                raise NotFound("file", old)
            if old == new:
                return entry
            if new in stamps.value:
                raise taken()
            folders, parent_id = missing_folders(tx, self._effects, scope, new, stamps.value, "target")
            after = _renamed(entry, new, parent_id)
            event = self._event(
                tx,
                actor,
                granted,
                "file.moved",
                kind="file",
                key=entry.id,
                details={"type": entry.type.value},
                changes=diff(FILES, entry, after),
                rows=_told(folders, entry.type, tested.value),
            )
            with tx.batch() as batch:
                for folder in folders:
                    batch.add(tx.files.insert, folder)
                if entry.type is FileType.FILE:
                    stored = batch.add(tx.files.update, after)
                else:
                    batch.add(tx.files.move_subtree, scope, old, new, parent_id)
                    stored = batch.add(tx.files.get, scope, entry.id)
                batch.add(tx.reviews.move_paths, scope, old, new)
                batch.add(tx.audit.append, event)
            if tested.value:
                _move_tests(tx, scope, old, new)
            return stored.value

        return self._work.write(actor, run)


def _told(folders: Sequence[File], moved: FileType, tests: int) -> Rows:
    """What an audit row tells of the folders that are made for an entry, and of what follows it."""
    files: dict[str, int | None] = {"inserted": len(folders)} if folders else {}
    if moved is FileType.FOLDER:
        files["updated"] = None
    rows: Rows = {"code_reviews": {"updated": None}}
    if files:
        rows["files"] = files
    if tests:
        rows["test_results"] = {"updated": tests}
    return rows


def _renamed(file: File, path: str, parent_id: UUID | None) -> File:
    same = file.type is FileType.FOLDER or file.name == name_of(path)
    language = file.language if same else language_of(path, file.content)
    return dataclasses.replace(file, path=path, name=name_of(path), parent_id=parent_id, language=language)


def _move_tests(tx: UnitOfWork, project_id: UUID, source: str, target: str) -> None:
    results = tx.tests.stream(project_id, where=at_or_below("file_path", source))
    moved = [
        dataclasses.replace(result, file_path=target + result.file_path.removeprefix(source)) for result in results
    ]
    tx.tests.update_many(moved)
