"""Reading a project's tree."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.files import File, FileType
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.paths import normalise_path
from vibecore.domain.permissions import Action
from vibecore.domain.totals import FileEntry, FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.files.places import named_path
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import readable


class FileReading(Scoped):
    """What `vibe.files` finds."""

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
        place = named_path("folder", folder)
        found = self._ask(
            actor, Action.FILES_READ, project_id, lambda tx, batch: batch.add(tx.files.subtree, project_id, place)
        )
        if not found:
            raise NotFound("file", place)
        return tuple(found)

    def children(
        self, actor: Actor, project_id: UUID, folder: str | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FileEntry]:
        """What `folder` holds (None: what stands at the top level), not what is below that, without contents.

        Ordered by name in code point order. A page costs the same however many files the project has.

        Raises InvalidValue, also where `folder` is a file; NotFound (kind "file", key `folder`, or kind "project"),
        PermissionDenied, InvalidCursor.
        """
        scope = check_id("project_id", project_id)
        place = None if folder is None else named_path("folder", folder)

        def run(tx: UnitOfWork) -> Page[FileEntry]:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                stamps = batch.add(tx.files.stamps, scope, [] if place is None else [place])
                held = batch.add(tx.files.children, scope, place, limit=limit, cursor=cursor)
            readable(actor, Action.FILES_READ, scope, access.value)
            if place is not None:
                stamp = stamps.value.get(place)
                if stamp is None:
                    raise NotFound("file", place)
                if stamp.type is not FileType.FOLDER:
                    raise InvalidValue("folder", "is a file")
            return held.value

        return self._work.read(actor, run)

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
