"""Reviews in memory."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from vibecore.domain.reviews import CODE_REVIEWS, CodeReview
from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.path_rows import MemoryPathRows


class MemoryReviews(MemoryPathRows[CodeReview]):
    """See `vibecore.repositories.reviews.Reviews`."""

    __slots__ = ()

    def latest(self, project_id: UUID, /) -> list[CodeReview]:
        with self.transaction.reading() as root:
            reviews: Sequence[CodeReview] = self._records(root, arguments.scope(CODE_REVIEWS, project_id))
            newest = {
                (review.file_path, review.reviewer): review
                for review in sorted(reviews, key=lambda review: (review.created_at, review.id.int))
            }
            return [newest[key] for key in sorted(newest)]

    def delete_paths(self, project_id: UUID, paths: Sequence[str], /) -> int:
        with self.transaction.writing() as root:
            project = arguments.scope(CODE_REVIEWS, project_id)
            wanted = frozenset(arguments.texts(CODE_REVIEWS, "file_path", paths))
            gone = [review for review in self._records(root, project) if review.file_path in wanted]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)
