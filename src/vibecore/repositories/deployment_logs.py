"""The lines of deployments' logs, by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from vibecore.domain.deployment_logs import DeploymentLogLine
from vibecore.repositories.tables import Children


class DeploymentLogLines(Children[DeploymentLogLine], Protocol):
    def read(self, project_id: UUID, deployment_id: UUID, first: int, limit: int, /) -> Sequence[DeploymentLogLine]:
        """The lines from number `first` on, or from the log's `first_line` where that is greater: those among the next
        `limit` (0 to 1000) numbers, in order. None where the deployment has no log (`deployment_logs`)."""
        ...

    def tail(self, project_id: UUID, deployment_id: UUID, limit: int, /) -> Sequence[DeploymentLogLine]:
        """The lines among the last `limit` (0 to 1000) numbers up to the log's `last_line`, in order. None where the
        deployment has no log."""
        ...

    def drop(self, project_id: UUID, deployment_id: UUID, first: int, last: int, /) -> int:
        """Remove the lines whose numbers are from `first` to `last`, in one statement; how many there were."""
        ...
