"""Lines of logs in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from vibecore.domain.deployment_logs import DEPLOYMENT_LOG_LINES, DEPLOYMENT_LOGS, DeploymentLog, DeploymentLogLine
from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.memory.tables import MemoryChildren


class MemoryDeploymentLogLines(MemoryChildren[DeploymentLogLine]):
    """See `vibecore.repositories.deployment_logs.DeploymentLogLines`."""

    __slots__ = ()

    def read(self, project_id: UUID, deployment_id: UUID, first: int, limit: int, /) -> Sequence[DeploymentLogLine]:
        with self.transaction.reading():
            project, deployment = _located(project_id, deployment_id)
            start, most = arguments.number("first", first), arguments.most_lines(limit)
            log = self._log(project, deployment)
            if log is None:
                return []
            start = max(start, log.first_line)
            return self._numbered(project, deployment, range(start, start + most))

    def tail(self, project_id: UUID, deployment_id: UUID, limit: int, /) -> Sequence[DeploymentLogLine]:
        with self.transaction.reading():
            project, deployment = _located(project_id, deployment_id)
            most = arguments.most_lines(limit)
            log = self._log(project, deployment)
            if log is None:
                return []
            return self._numbered(project, deployment, range(log.last_line - most + 1, log.last_line + 1))

    def drop(self, project_id: UUID, deployment_id: UUID, first: int, last: int, /) -> int:
        with self.transaction.writing() as root:
            project, deployment = _located(project_id, deployment_id)
            start, end = arguments.number("first", first), arguments.number("last", last)
            known = self._records(root, project)
            if end - start < len(known):
                gone = self._numbered(project, deployment, range(start, end + 1))
            else:
                gone = [line for line in known if line.deployment_id == deployment and start <= line.number <= end]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)

    def _log(self, project: UUID, deployment: UUID) -> DeploymentLog | None:
        log: DeploymentLog | None = self.transaction.row(layout_of(DEPLOYMENT_LOGS.name), deployment.int)
        return None if log is None or log.project_id != project else log

    def _numbered(self, project: UUID, deployment: UUID, numbers: Iterable[int]) -> list[DeploymentLogLine]:
        tx, place = self.transaction, self._layout.unique("uq_deployment_log_lines_number")
        found = (tx.held(self._layout, place, (project.int, deployment.int, number)) for number in numbers)
        return [line for line in found if line is not None]


def _located(project_id: UUID, deployment_id: UUID) -> tuple[UUID, UUID]:
    return arguments.scope(DEPLOYMENT_LOG_LINES, project_id), arguments.uuid("deployment_id", deployment_id)
