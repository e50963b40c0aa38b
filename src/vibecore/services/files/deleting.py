"""Deleting entries of a project's tree, with all below them."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.errors import NotFound
from vibecore.domain.paths import normalise_path
from vibecore.domain.permissions import Action
from vibecore.domain.totals import FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.files.places import at_or_below, recounted, told_counters
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable


class FileDeleting(Scoped):
    """How `vibe.files` removes entries."""

    def delete(self, actor: Actor, project_id: UUID, path: str) -> int:
        """Remove the entry at `path` with all below it, their reviews and test results; the number of entries removed.

        Raises InvalidValue, NotFound (kind "file", key `path`, or kind "project"), PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        place = normalise_path(path)

        def run(tx: UnitOfWork) -> int:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.files.stamps, scope, [place])
                counted = batch.add(tx.files.totals, scope, place)
            granted = writable(actor, Action.FILES_WRITE, scope, access.value)
            if place not in found.value:
                raise NotFound("file", place)
            entry, gone = found.value[place], counted.value
            entries = gone.file_count + gone.folder_count
            project = recounted(granted, files=-gone.file_count, lines=-gone.total_lines)
            event = self._event(
                tx,
                actor,
                granted,
                "file.deleted",
                kind="file",
                key=entry.id,
                details={
                    "path": place,
                    "files": gone.file_count,
                    "folders": gone.folder_count,
                    "lines": gone.total_lines,
                },
                changes=_told(entry),
                others=told_counters(granted, project),
                rows={
                    "files": {"deleted": entries - 1},
                    "code_reviews": {"deleted": None},
                    "test_results": {"deleted": None},
                },
            )
            with tx.batch() as batch:
                batch.add(tx.files.delete_where, scope, at_or_below("path", place))
                batch.add(tx.reviews.delete_where, scope, at_or_below("file_path", place))
                batch.add(tx.tests.delete_where, scope, at_or_below("file_path", place))
                if project is not None:
                    batch.add(tx.projects.update, project)
                batch.add(tx.audit.append, event)
            return entries

        return self._work.write(actor, run)


def _told(entry: FileStamp) -> dict[str, object]:
    """What an audit row tells of a deleted entry, which nobody has read in full."""
    told = {"path": entry.path, "type": entry.type.value, "digest": entry.digest, "line_count": entry.line_count}
    return {name: [value, None] for name, value in told.items() if value is not None}
