"""Code reviews of a project's files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from vibecore.domain.reviews import CodeReview
from vibecore.repositories.tables import Children


class Reviews(Children[CodeReview], Protocol):
    def latest(self, project_id: UUID, /) -> Sequence[CodeReview]:
        """The newest review of every (file_path, reviewer) by (created_at, id), ordered by file_path, then reviewer."""
        ...

    def delete_paths(self, project_id: UUID, paths: Sequence[str], /) -> int:
        """Remove every review of these paths; how many."""
        ...

    def move_paths(self, project_id: UUID, source: str, target: str, /) -> int:
        """Let the reviews of `source` and of all below it follow a move to `target`; how many.

        One statement; each row's `updated_at` becomes max(tx.now, its old one + 1 µs). InvalidValue (field `file_path`)
        if a new path would break the limits; then none has moved.
        """
        ...
