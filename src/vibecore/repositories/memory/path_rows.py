"""Rows that name a file by its path, in memory: reviews and test results."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.tables import MemoryChildren

R = TypeVar("R")


class MemoryPathRows(MemoryChildren[R]):
    """See `move_paths` of `vibecore.repositories.reviews.Reviews`."""

    __slots__ = ()

    def move_paths(self, project_id: UUID, source: str, target: str, /) -> int:
        with self.transaction.writing() as root:
            project = arguments.scope(self._table, project_id)
            old_path = arguments.text(self._table, "file_path", source)
            new_path: str = arguments.stored(self._table, "file_path", target)
            prefix = arguments.below(old_path)
            changes = []
            for row in self._records(root, project):
                if row.file_path == old_path or row.file_path.startswith(prefix):
                    path = arguments.moved("file_path", row.file_path, old_path, new_path)
                    moved = writes.versioned(self.transaction, self._layout, row, row, file_path=path)
                    changes.append((row, moved))
            self.transaction.apply(self._layout, changes)
            return len(changes)
