"""Deployments, running and archived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from vibecore.domain.deployments import Deployment
from vibecore.repositories.tables import Children


class Deployments(Children[Deployment], Protocol):
    def running(self, project_id: UUID, environment: str, /) -> Deployment | None:
        """The deployment that runs in this environment, or None."""
        ...

    def archive(self, days: int, /) -> int:
        """Move ended deployments older than `days` days before `tx.now` to the archive; how many.

        Ended: failed, stopped or rolled back; its age counts from `completed_at`, else `updated_at`. Spared are, for
        each project and environment, the two newest by (live_at, id) that were ever live, the two newest of those that
        run or were stopped, and every deployment of the same project that one which stays names in `retry_of` or
        `rollback_of`, and so on.
        """
        ...

    def active(self, project_id: UUID, /) -> Sequence[Deployment]:
        """What runs and what is in flight, by (environment, id): at most two in each environment."""
        ...

    def environments(self, project_id: UUID, /) -> Sequence[str]:
        """The name of every environment that has a deployment outside of the archive, in order."""
        ...
