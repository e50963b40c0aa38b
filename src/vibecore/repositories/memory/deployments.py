"""Deployments in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from vibecore.domain.deployments import (
    ARCHIVED_DEPLOYMENTS,
    DEPLOYMENTS,
    ENDED,
    HEALTHY,
    IN_FLIGHT,
    ArchivedDeployment,
    Deployment,
    DeploymentStatus,
)
from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.tables import MemoryChildren

SPARED: Final = 2
"""Of each environment, so many that were live last are kept, and so many of the healthy ones among them."""
ACTIVE: Final = frozenset({*IN_FLIGHT, DeploymentStatus.RUNNING})


class MemoryDeployments(MemoryChildren[Deployment]):
    """See `vibecore.repositories.deployments.Deployments`."""

    __slots__ = ()

    def running(self, project_id: UUID, environment: str, /) -> Deployment | None:
        with self.transaction.reading():
            project = arguments.scope(DEPLOYMENTS, project_id)
            value = project.int, arguments.text(DEPLOYMENTS, "environment", environment)
            found: Deployment | None = self.transaction.held(
                self._layout, self._layout.unique("uq_deployments_running"), value
            )
            return found

    def active(self, project_id: UUID, /) -> Sequence[Deployment]:
        with self.transaction.reading() as root:
            rows = self._records(root, arguments.scope(DEPLOYMENTS, project_id))
            found: list[Deployment] = [row for row in rows if row.status in ACTIVE]
            return sorted(found, key=lambda row: (row.environment, row.id.int))

    def environments(self, project_id: UUID, /) -> Sequence[str]:
        with self.transaction.reading() as root:
            return sorted({row.environment for row in self._records(root, arguments.scope(DEPLOYMENTS, project_id))})

    def archive(self, days: int, /) -> int:
        with self.transaction.writing():
            tx = self.transaction
            cutoff = arguments.cutoff(tx.now, arguments.days(days))
            if cutoff is None:
                return 0
            gone = _superfluous(tx.rows(DEPLOYMENTS), cutoff)
            writes.delete(tx, self._layout, gone)
            writes.insert_many(
                tx, layout_of(ARCHIVED_DEPLOYMENTS.name), [_archived(deployment, tx.now) for deployment in gone]
            )
            return len(gone)


def _superfluous(deployments: Sequence[Deployment], cutoff: datetime) -> list[Deployment]:
    """What the archive takes, in the order (created_at, id)."""
    kept_live = _newest_live(deployments)
    candidates = {
        deployment.id: deployment
        for deployment in deployments
        if deployment.status in ENDED
        and (deployment.completed_at or deployment.updated_at) < cutoff
        and deployment.id not in kept_live
    }
    kept = [deployment for deployment in deployments if deployment.id not in candidates]
    while kept:
        deployment = kept.pop()
        for named in (deployment.retry_of, deployment.rollback_of):
            needed = None if named is None else candidates.get(named)
            if needed is not None and needed.project_id == deployment.project_id:
                kept.append(candidates.pop(needed.id))
    return sorted(candidates.values(), key=lambda deployment: (deployment.created_at, deployment.id.int))


def _newest_live(deployments: Sequence[Deployment]) -> set[UUID]:
    places: defaultdict[tuple[UUID, str, bool], list[tuple[datetime, int, UUID]]] = defaultdict(list)
    for deployment in deployments:
        if deployment.live_at is not None:
            entry = deployment.live_at, deployment.id.int, deployment.id
            places[deployment.project_id, deployment.environment, False].append(entry)
            if deployment.status in HEALTHY:
                places[deployment.project_id, deployment.environment, True].append(entry)
    return {id for place in places.values() for _, _, id in sorted(place)[-SPARED:]}


def _archived(deployment: Deployment, now: datetime) -> ArchivedDeployment:
    values = dict(zip(DEPLOYMENTS.names, DEPLOYMENTS.values(deployment), strict=True))
    return ArchivedDeployment(**values, archived_at=now)
