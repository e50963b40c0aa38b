"""A deployment's way through its machine, and all that goes with a step. `DeploymentService` has these methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.deployment_logs import DEPLOYMENT_LOGS, TAIL_LINES, DeploymentLog, tail_of
from vibecore.domain.deployments import DEPLOYMENTS, ENDED, TRANSITIONS, Deployment, DeploymentStatus
from vibecore.domain.environments import PRODUCTION
from vibecore.domain.errors import InvalidTransition
from vibecore.domain.filters import field
from vibecore.domain.json import JsonObject
from vibecore.domain.merging import merged
from vibecore.domain.paging import MAX_LIMIT, Page
from vibecore.domain.permissions import Action
from vibecore.domain.projects import PROJECTS, Project
from vibecore.domain.rules import check_member
from vibecore.repositories.unit_of_work import Batch, UnitOfWork
from vibecore.services.deployments.told import REASON, existing, in_environment, why
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable

_IS_RUNNING: Final = field("status").eq(DeploymentStatus.RUNNING)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One deployment before and after a step."""

    before: Deployment
    after: Deployment

    @property
    def ends(self) -> bool:
        """Whether this is how the deployment ends: one that had failed and is rolled back has ended before."""
        return self.after.status in ENDED and self.before.status not in ENDED

    def told(self) -> dict[str, object]:
        """What the audit trail tells of it."""
        return diff(DEPLOYMENTS, self.before, self.after)


@dataclasses.dataclass(frozen=True, slots=True)
class LogChange:
    """A log before and after a step of its deployment."""

    before: DeploymentLog
    after: DeploymentLog


class StepMethods(Scoped):
    """What leads from status to status."""

    def transition(
        self,
        actor: Actor,
        project_id: UUID,
        deployment_id: UUID,
        status: DeploymentStatus,
        *,
        reason: str,
        container_id: str | None = None,
        container_port: int | None = None,
        deployment_url: str | None = None,
        metrics: Mapping[str, object] | None = None,
    ) -> Deployment:
        """Take the deployment to `status` by one step of the machine; facts that are None stay as they are, and
        `metrics` are merged as by `record_metrics`.

        Going live stops the one that runs in the environment. A rollback that goes live marks the deployment it
        undoes as rolled back, in the same transaction; nothing else leads from failed to rolled back. The project's
        `current_version` and `deployed_url` are those of what runs in "production", None where nothing does. With the
        end of a deployment its log is closed, and the log's tail becomes `logs`. Where the deployment has the status
        already, nothing is written, whatever else is given.

        Raises InvalidValue, NotFound (kind "deployment" or "project"), InvalidTransition, PermissionDenied,
        ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        check_member(DeploymentStatus, "status", status)
        why = REASON.check("reason", reason)
        facts = {"container_id": container_id, "container_port": container_port, "deployment_url": deployment_url}
        stored = {name: DEPLOYMENTS.column(name).check(value) for name, value in facts.items() if value is not None}
        patch = JsonObject() if metrics is None else DEPLOYMENTS.column("metrics").check(metrics)

        def run(tx: UnitOfWork) -> Deployment:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                live = status is DeploymentStatus.RUNNING
                running = batch.add(tx.deployments.page, scope, where=_IS_RUNNING, limit=MAX_LIMIT) if live else None
                log = LogEnd(tx, batch, scope, key) if status in ENDED else None
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            current = existing(found.value, key)
            if current.status is status:
                return current
            _check_step(current, status)
            changed = _with_metrics(dataclasses.replace(_stepped(tx, current, status, why), **stored), patch)
            displaced = () if running is None else _displaced(tx, current, running.value)
            steps = (*displaced, Step(current, changed))
            return self._apply(tx, actor, granted, steps, {} if log is None else {key: log})

        return self._work.write(actor, run)

    def record_metrics(
        self, actor: Actor, project_id: UUID, deployment_id: UUID, metrics: Mapping[str, object]
    ) -> Deployment:
        """Merge `metrics` into those of the deployment, in whatever status it is (RFC 7396): a None removes its key,
        objects are merged, anything else takes the place of what was there. Without an event where nothing differs.

        Kept is the last state and no history: a series over time belongs into a system that is made for it. Raises
        InvalidValue, NotFound (kind "deployment" or "project"; what is in the archive does not change any more),
        PermissionDenied, ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        patch = DEPLOYMENTS.column("metrics").check(metrics)

        def run(tx: UnitOfWork) -> Deployment:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            current = existing(found.value, key)
            changed = _with_metrics(current, patch)
            if changed.metrics == current.metrics:
                return current
            event = self._event(
                tx,
                actor,
                granted,
                "deployment.metrics.recorded",
                kind="deployment",
                key=key,
                details={"environment": current.environment},
                changes=diff(DEPLOYMENTS, current, changed),
            )
            with tx.batch() as batch:
                stored = batch.add(tx.deployments.update, changed)
                batch.add(tx.audit.append, event)
            return stored.value

        return self._work.write(actor, run)

    def _apply(
        self,
        tx: UnitOfWork,
        actor: Actor,
        access: ProjectAccess,
        steps: Sequence[Step],
        logs: dict[UUID, LogEnd],
    ) -> Deployment:
        """Write the steps in order: the last one is what was asked for, those before it make room for it."""
        ends = [step.after for step in steps if step.ends]
        if any(ended.id not in logs for ended in ends):
            with tx.batch() as batch:
                logs |= {one.id: LogEnd(tx, batch, one.project_id, one.id) for one in ends if one.id not in logs}
        taken = [Step(step.before, logs[step.after.id].folded(step.after)) if step.ends else step for step in steps]
        *displaced, asked = taken
        project = _project_of(access.project, asked)
        closed = {ended.id: logs[ended.id].closed(ended) for ended in ends}
        told = [(step.after.id, {**step.told(), **logs_told(closed, step)}) for step in displaced]
        event = self._event(
            tx,
            actor,
            access,
            "deployment.changed",
            kind="deployment",
            key=asked.after.id,
            details=why(asked.after),
            changes=asked.told(),
            others=others(
                *told,
                (asked.after.id, logs_told(closed, asked)),
                (access.project.id, diff(PROJECTS, access.project, project)),
            ),
        )
        with tx.batch() as batch:
            # In this order: at no moment do two run in one environment.
            stored = [batch.add(tx.deployments.update, step.after) for step in taken]
            for step in taken:
                if step.ends:
                    self._end(tx, batch, step, closed[step.after.id])
            if project != access.project:
                batch.add(tx.projects.update, project)
            batch.add(tx.audit.append, event)
        return stored[-1].value

    def _end(self, tx: UnitOfWork, batch: Batch, step: Step, log: LogChange | None) -> None:
        """All that happens in the same transaction when a deployment ends. Every end passes here, and nothing else."""
        if log is not None:
            batch.add(tx.deployment_logs.update, log.after)


class LogEnd:
    """The log of a deployment that ends: asked for in a batch, and known after it."""

    def __init__(self, tx: UnitOfWork, batch: Batch, project_id: UUID, deployment_id: UUID) -> None:
        self._log = batch.add(tx.deployment_logs.find, project_id, deployment_id)
        self._tail = batch.add(tx.deployment_log_lines.tail, project_id, deployment_id, TAIL_LINES)

    def folded(self, deployment: Deployment) -> Deployment:
        """`deployment` with the end of its log, if it has one."""
        log = self._log.value
        return deployment if log is None else dataclasses.replace(deployment, logs=tail_of(log, self._tail.value))

    def closed(self, ended: Deployment) -> LogChange | None:
        """The log, closed when `ended` did."""
        log = self._log.value
        return None if log is None else LogChange(log, dataclasses.replace(log, closed_at=ended.completed_at))


def logs_told(closed: Mapping[UUID, LogChange | None], step: Step) -> dict[str, object]:
    """What the audit trail tells of the log of the step's deployment."""
    log = closed.get(step.after.id)
    return {} if log is None else diff(DEPLOYMENT_LOGS, log.before, log.after)


def _check_step(current: Deployment, status: DeploymentStatus) -> None:
    if status not in TRANSITIONS[current.status]:
        raise InvalidTransition("deployment", current.status.value, status.value)
    if current.status is DeploymentStatus.FAILED:
        raise InvalidTransition(
            "deployment", current.status.value, status.value, "only a rollback that goes live does this"
        )


def _stepped(tx: UnitOfWork, current: Deployment, status: DeploymentStatus, reason: str) -> Deployment:
    """`current` in `status` as of now."""
    changed = dataclasses.replace(current, status=status, reason=reason)
    if status is DeploymentStatus.BUILDING:
        return dataclasses.replace(changed, started_at=tx.now)
    if status is DeploymentStatus.RUNNING:
        return dataclasses.replace(changed, live_at=tx.now)
    # What failed ended then; being rolled back later does not move that.
    return dataclasses.replace(changed, completed_at=current.completed_at or tx.now)


def _with_metrics(deployment: Deployment, patch: JsonObject) -> Deployment:
    if not patch:
        return deployment
    metrics = DEPLOYMENTS.column("metrics").check(merged(deployment.metrics, patch))
    return dataclasses.replace(deployment, metrics=metrics)


def _displaced(tx: UnitOfWork, rising: Deployment, running: Page[Deployment]) -> tuple[Step, ...]:
    """What changes when `rising` goes live: the one that ran, and the one that `rising` undoes."""
    old = in_environment(running, rising.environment)
    if old is None and running.next_cursor is not None:
        old = tx.deployments.running(rising.project_id, rising.environment)
    found = []
    undone = f"rolled back by {rising.id}"
    if old is not None and old.id == rising.rollback_of:
        return (Step(old, _stepped(tx, old, DeploymentStatus.ROLLED_BACK, undone)),)
    if old is not None:
        found.append(Step(old, _stepped(tx, old, DeploymentStatus.STOPPED, f"replaced by {rising.id}")))
    if rising.rollback_of is not None:
        bad = tx.deployments.find(rising.project_id, rising.rollback_of)
        if bad is not None and bad.status is DeploymentStatus.FAILED and bad.live_at is not None:
            found.append(Step(bad, _stepped(tx, bad, DeploymentStatus.ROLLED_BACK, undone)))
    return tuple(found)


def _project_of(project: Project, step: Step) -> Project:
    """The project as the step leaves it: what it is in, and where to find it, is what runs in production."""
    if step.after.environment != PRODUCTION:
        return project
    if step.after.status is DeploymentStatus.RUNNING:
        return dataclasses.replace(project, current_version=step.after.version, deployed_url=step.after.deployment_url)
    if step.before.status is DeploymentStatus.RUNNING:
        return dataclasses.replace(project, current_version=None, deployed_url=None)
    return project
