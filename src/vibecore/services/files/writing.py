"""Writing single entries of a project's tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.paths import normalise_path, parents
from vibecore.domain.permissions import Action
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import content_of, new_file, new_folder
from vibecore.services.files.places import (
    FLAG,
    missing_folders,
    recounted,
    refuse_twins,
    taken,
    told_counters,
    told_folders,
)
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable


class FileWriting(Scoped):
    """What `vibe.files` makes and changes, one entry at a time."""

    def write(
        self,
        actor: Actor,
        project_id: UUID,
        path: str,
        content: str | bytes,
        *,
        metadata: Mapping[str, object] | None = None,
        refuse_case_collisions: bool = False,
    ) -> File:
        """The file at `path` with this content: made, with the folders above it that are missing, or changed.

        Bytes that are no UTF-8 text are kept as digest and size only. `metadata` None leaves it as it is. Where
        content and metadata are already so, nothing is written.

        With `refuse_case_collisions` nothing is made whose path `domain.paths.case_key` takes for one in use, as a file
        system does that ignores case; here and in every call that has it, InvalidValue says so.

        Raises InvalidValue, also where `path` lies below a file; AlreadyExists where a folder stands at `path`;
        NotFound (kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)
        body = content_of(place, content)
        facts = None if metadata is None else FILES.column("metadata").check(metadata)
        watched = (*parents(place), place) if FLAG.check("refuse_case_collisions", refuse_case_collisions) else ()

        def run(tx: UnitOfWork) -> File:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, place)
                stamps = batch.add(tx.files.stamps, scope, parents(place))
                twins = batch.add(tx.files.case_twins, scope, watched) if watched else None
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            before = found.value
            if before is not None and before.type is FileType.FOLDER:
                raise taken()
            if before is not None and body.digest == before.digest and facts in (None, before.metadata):
                return before
            folders, parent_id = missing_folders(tx, self._effects, scope, place, stamps.value, "path")
            if before is None:
                if twins is not None:
                    refuse_twins(twins.value, (*(folder.path for folder in folders), place), "path")
                after = new_file(self._effects.ids(), scope, place, parent_id, body, now=tx.now)
            else:
                after = dataclasses.replace(before, **body.columns())
            if facts is not None:
                after = dataclasses.replace(after, metadata=facts)
            lines = body.line_count - (before.line_count if before is not None else 0)
            project = recounted(granted, files=before is None, lines=lines)
            event = self._event(
                tx,
                actor,
                granted,
                "file.created" if before is None else "file.updated",
                kind="file",
                key=after.id,
                details={"path": place},
                changes=diff(FILES, before, after),
                others=told_counters(granted, project),
                rows=told_folders(folders),
            )
            with tx.batch() as batch:
                for folder in folders:
                    batch.add(tx.files.insert, folder)
                stored = batch.add(tx.files.insert if before is None else tx.files.update, after)
                if project is not None:
                    batch.add(tx.projects.update, project)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def make_folder(self, actor: Actor, project_id: UUID, path: str, *, refuse_case_collisions: bool = False) -> File:
        """The folder at `path`, made with the folders above it where they are missing.

        Raises InvalidValue, also where `path` lies below a file; AlreadyExists where a file stands at `path`; NotFound
        (kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)
        watched = (*parents(place), place) if FLAG.check("refuse_case_collisions", refuse_case_collisions) else ()

        def run(tx: UnitOfWork) -> File:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.find_path, scope, place)
                stamps = batch.add(tx.files.stamps, scope, parents(place))
                twins = batch.add(tx.files.case_twins, scope, watched) if watched else None
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            if found.value is not None:
                if found.value.type is not FileType.FOLDER:
                    raise taken()
                return found.value
            folders, parent_id = missing_folders(tx, self._effects, scope, place, stamps.value, "path")
            if twins is not None:
                refuse_twins(twins.value, (*(above.path for above in folders), place), "path")
            folder = new_folder(self._effects.ids(), scope, place, parent_id, now=tx.now)
            event = self._event(
                tx,
                actor,
                granted,
                "folder.created",
                kind="file",
                key=folder.id,
                details={"path": place},
                changes=diff(FILES, None, folder),
                rows=told_folders(folders),
            )
            with tx.batch() as batch:
                for above in folders:
                    batch.add(tx.files.insert, above)
                stored = batch.add(tx.files.insert, folder)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)
