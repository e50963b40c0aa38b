"""Searches in files in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from vibecore.domain.content_grams import CONTENT_GRAMS, ContentGrams, grams_asked
from vibecore.domain.files import FILES, File
from vibecore.domain.paging import Page
from vibecore.domain.searches import MOST_BYTES, Search
from vibecore.repositories import arguments
from vibecore.repositories.memory import listings
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.tables import MemoryChildren


class MemorySearches(MemoryChildren[File]):
    """The searching calls of `vibecore.repositories.files.Files`."""

    __slots__ = ()

    def search(self, project_id: UUID, search: Search, /, *, limit: int = 50, cursor: str | None = None) -> Page[File]:
        with self.transaction.reading() as root:
            listing = arguments.search(self._cursors, FILES, project_id, search, limit, cursor)
            assert listing.scope is not None
            fits = self._fits(listing.scope, search)
            below = None if search.folder is None else arguments.below(search.folder)
            files = [
                file
                for file in self._records(root, listing.scope)
                if (below is None or file.path.startswith(below)) and fits(file)
            ]
            rows = listings.head(listing, files)
            return self._cursors.page(listing, _cut(rows), found=len(rows))

    def unindexed(self, project_id: UUID, /, *, limit: int) -> list[File]:
        with self.transaction.reading() as root:
            project = arguments.scope(FILES, project_id)
            most = arguments.count(limit)
            seen = self._grams(project)
            found: dict[str, File] = {}
            for file in sorted(self._records(root, project), key=lambda file: file.id.int):
                if file.content is not None and file.digest is not None and file.digest not in seen:
                    found.setdefault(file.digest, file)
            return _cut([found[digest] for digest in sorted(found)][:most])

    def _grams(self, project: UUID) -> dict[str, ContentGrams]:
        rows = self.transaction.bucket(layout_of(CONTENT_GRAMS.name), 0, project.int)
        return {row.digest: row for row in rows}

    def _fits(self, project: UUID, search: Search) -> Callable[[File], bool]:
        asked = grams_asked(project, search.folded)
        seen = self._grams(project) if asked and search.contents else {}

        def in_content(file: File) -> bool:
            if file.content is None:
                return False
            known = seen.get(file.digest) if file.digest is not None else None
            if known is not None and known.grams is not None and not set(known.grams).issuperset(asked):
                return False
            return search.may_occur(file.content)

        def run(file: File) -> bool:
            if search.names and search.may_occur(file.path if search.in_paths else file.name):
                return True
            return search.contents and in_content(file)

        return run


def _cut(files: Iterable[File]) -> list[File]:
    """The first files, up to the one at which their contents reach the size of a page."""
    kept: list[File] = []
    ahead = 0
    for file in files:
        if ahead >= MOST_BYTES:
            break
        kept.append(file)
        ahead += file.size_bytes
    return kept
