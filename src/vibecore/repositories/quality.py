"""What the quality formula needs, gathered by the store."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from vibecore.domain.quality import QualityInputs


class Quality(Protocol):
    def inputs(self, project_id: UUID, /) -> QualityInputs:
        """`vibecore.domain.quality.gather` over all reviews, test results and deployments of the project."""
        ...
