"""Test results of a project's files."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from vibecore.domain.tests import TestResult
from vibecore.repositories.tables import Children


class Tests(Children[TestResult], Protocol):
    def move_paths(self, project_id: UUID, source: str, target: str, /) -> int:
        """Let the results of `source` and of all below it follow a move to `target`, as `Reviews.move_paths` does."""
        ...


Tests.__test__ = False  # type: ignore[attr-defined]  # pytest collects classes by this name
