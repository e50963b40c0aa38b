"""The index of a project's contents."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from vibecore.domain.content_grams import ContentGrams
from vibecore.repositories.tables import Children


class ContentGramsIndex(Children[ContentGrams], Protocol):
    def purge(self, project_id: UUID, /) -> int:
        """Remove the rows whose digest no file of the project has; how many."""
        ...
