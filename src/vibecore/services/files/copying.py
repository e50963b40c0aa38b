"""Copying entries of a project's tree, with all below them."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.ids import derived_id
from vibecore.domain.paths import name_of
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import language_of
from vibecore.services.files.places import named_path, recounted, told_counters
from vibecore.services.files.placing import Transfer, check_outside, look
from vibecore.services.scoped import Scoped, check_id


class FileCopying(Scoped):
    """How `vibe.files` makes entries twice."""

    def copy(
        self, actor: Actor, project_id: UUID, source: str, target: str, *, refuse_case_collisions: bool = False
    ) -> File:
        """A copy of the entry at `source` with all below it, at `target`; with `refuse_case_collisions` as `write`.

        Folders missing above `target` are made. The copies are new entries with ids and times of their own, and with
        the metadata of theirs; a file is given the language of its new name. Reviews and test results stay where they
        were made: nobody has reviewed or run anything at the new paths.

        Raises InvalidValue (field "source" or "target"; field "path" where a path below would grow over the limits;
        field "file_count" or "total_lines" where the project would have more than it can count), also where `target`
        lies within `source` or below a file; AlreadyExists where something stands at `target`, as `source` itself does;
        NotFound (kind "file", key `source`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        asked = Transfer(named_path("source", source), named_path("target", target), "target", refuse_case_collisions)
        check_outside(asked)

        def run(tx: UnitOfWork) -> File:
            found = look(tx, actor, scope, asked, self._effects, counted=True)
            folders, parent_id = found.room()
            totals, entry = found.totals, found.entry
            salt = self._effects.ids()
            after = _copied(tx, entry, derived_id(salt, entry.id), asked.target, parent_id)
            project = recounted(found.access, files=totals.file_count, lines=totals.total_lines)
            made = len(folders) + totals.file_count + totals.folder_count - 1
            event = self._event(
                tx,
                actor,
                found.access,
                "file.copied",
                kind="file",
                key=after.id,
                details={"source": asked.source, "type": entry.type.value},
                changes=diff(FILES, None, after),
                others=told_counters(found.access, project),
                rows={"files": {"inserted": made}} if made else {},
            )
            with tx.batch() as batch:
                for folder in folders:
                    batch.add(tx.files.insert, folder)
                if entry.type is FileType.FILE:
                    stored = batch.add(tx.files.insert, after)
                else:
                    batch.add(tx.files.copy_subtree, scope, asked.source, asked.target, parent_id, salt)
                    stored = batch.add(tx.files.get, scope, after.id)
                if project is not None:
                    batch.add(tx.projects.update, project)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)


def _copied(tx: UnitOfWork, file: File, id: UUID, path: str, parent_id: UUID | None) -> File:
    name = name_of(path)
    same = file.type is FileType.FOLDER or file.name == name
    language = file.language if same else language_of(path, file.content)
    return dataclasses.replace(
        file,
        id=id,
        path=path,
        name=name,
        parent_id=parent_id,
        language=language,
        created_at=tx.now,
        updated_at=tx.now,
    )
