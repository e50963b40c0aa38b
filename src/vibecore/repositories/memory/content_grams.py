"""The index of contents in memory."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.content_grams import CONTENT_GRAMS, ContentGrams
from vibecore.domain.files import FILES
from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.tables import MemoryChildren


class MemoryContentGrams(MemoryChildren[ContentGrams]):
    """See `vibecore.repositories.content_grams.ContentGramsIndex`."""

    __slots__ = ()

    def purge(self, project_id: UUID, /) -> int:
        with self.transaction.writing() as root:
            project = arguments.scope(CONTENT_GRAMS, project_id)
            used = {file.digest for file in self.transaction.bucket(layout_of(FILES.name), 0, project.int)}
            gone = [row for row in self._records(root, project) if row.digest not in used]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)
