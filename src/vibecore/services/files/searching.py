"""Searching a project's tree."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain import searches
from vibecore.domain.actors import Actor
from vibecore.domain.errors import NotFound
from vibecore.domain.files import File
from vibecore.domain.paging import Page
from vibecore.domain.permissions import Action
from vibecore.domain.searches import FoundFile, Search
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.files.places import named_path
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import readable


class FileSearching(Scoped):
    """How `vibe.files` finds entries by what they are called or hold."""

    def search(
        self,
        actor: Actor,
        project_id: UUID,
        text: str,
        *,
        names: bool = True,
        contents: bool = True,
        ignore_case: bool = False,
        folder: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[FoundFile]:
        """Files and folders in whose name `text` stands, and files with lines in which it does, by path.

        The text is one line of at most 200 characters and stands for itself. With a '/' in it names are searched as
        whole paths. `ignore_case` compares as Unicode's case folding does. Below `folder`, where one is given. Files
        kept as digest and size have no lines. A page may hold fewer than `limit`, but one that is empty is the last.

        The answer is the same whether or not `maintenance.index_contents` has seen the contents, only sooner if it has.

        Raises InvalidValue; NotFound (kind "file", key `folder`, or kind "project"), PermissionDenied, InvalidCursor.
        """
        scope = check_id("project_id", project_id)
        place = None if folder is None else named_path("folder", folder)
        search = Search(text, names, contents, ignore_case, place)

        def run(tx: UnitOfWork) -> Page[FoundFile]:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                stamps = batch.add(tx.files.stamps, scope, [] if place is None else [place])
                found = batch.add(tx.files.search, scope, search, limit=limit, cursor=cursor)
            readable(actor, Action.FILES_READ, scope, access.value)
            if place is not None and place not in stamps.value:
                raise NotFound("file", place)
            page = self._looked(search, found.value)
            while not page.items and page.next_cursor is not None:
                with tx.batch() as batch:
                    found = batch.add(tx.files.search, scope, search, limit=limit, cursor=page.next_cursor)
                page = self._looked(search, found.value)
            return page

        return self._work.read(actor, run)

    def _looked(self, search: Search, page: Page[File]) -> Page[FoundFile]:
        """What of a page that may match does."""
        looked = self._effects.runtime.offload(lambda: [searches.look(search, file) for file in page.items])
        return Page(tuple(found for found in looked if found is not None), page.next_cursor)
