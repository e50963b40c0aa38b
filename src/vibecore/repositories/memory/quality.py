"""The quality formula's evidence, in memory."""

from __future__ import annotations

from uuid import UUID

from vibecore.domain.quality import QualityInputs, gather
from vibecore.repositories import arguments
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.repository import Repository


class MemoryQuality(Repository):
    """See `vibecore.repositories.quality.Quality`."""

    __slots__ = ()

    def inputs(self, project_id: UUID, /) -> QualityInputs:
        with self.transaction.reading():
            project = arguments.uuid("project_id", project_id).int
            # The scope's buckets are the first.
            reviews, tests, deployments = (
                self.transaction.bucket(layout_of(table), 0, project)
                for table in ("code_reviews", "test_results", "deployments")
            )
            return gather(reviews, tests, deployments)
