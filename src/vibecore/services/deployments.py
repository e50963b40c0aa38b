"""Deployments: what runs where, the steps that bring it there, and the way back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff, others
from vibecore.domain.deployments import DEPLOYMENTS, TRANSITIONS, Deployment, DeploymentStatus
from vibecore.domain.errors import InvalidTransition, InvalidValue, NotFound
from vibecore.domain.filters import Filter, field
from vibecore.domain.json import JsonObject
from vibecore.domain.paging import MAX_LIMIT, OrderBy, Page, desc
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Text, check_member, check_text
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import NEWEST_FIRST, Scoped, check_id
from vibecore.services.work import writable

ENDED: Final = (DeploymentStatus.FAILED, DeploymentStatus.STOPPED, DeploymentStatus.ROLLED_BACK)
HEALTHY: Final = (DeploymentStatus.RUNNING, DeploymentStatus.STOPPED)
"""What a deployment that went live is as long as nothing speaks against it."""

_REASON: Final = Text(shortest=1)
_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,48}[A-Za-z0-9])?")
_IS_RUNNING: Final = field("status").eq(DeploymentStatus.RUNNING)
_WAS_HEALTHY: Final = field("status").among(HEALTHY) & ~field("live_at").missing()
_NEAREST: Final = 20
"""Once-healthy deployments of all environments that are read on the chance that one of the right environment is there:
nearly always, and then no further round trip is needed."""


class DeploymentService(Scoped):
    """`vibe.deployments`."""

    def create(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        environment: str,
        version: str | None = None,
        config: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> Deployment:
        """A new deployment, pending.

        `environment` is one name however it is spelt: white space around it goes, and capitals become small. It has
        up to 50 letters and digits of ASCII, with '.', '_', '-' and '/' between them.

        Raises InvalidValue, NotFound (kind "project"), PermissionDenied, ReadOnlyProject; AlreadyExists (constraint
        "uq_deployments_in_flight") while another one is pending or building in this environment.
        """
        scope = check_id("project_id", project_id)
        place = environment_name(environment)
        settings = DEPLOYMENTS.column("config").check({} if config is None else config)

        def run(tx: UnitOfWork) -> Deployment:
            deployment = self._pending(tx, scope, place, version, settings, reason=reason)
            access = tx.projects.access(scope, actor.user_id)
            granted = writable(actor, Action.DEPLOY, scope, access)
            return self._insert(tx, actor, granted, deployment, "deployment.created")

        return self._work.write(actor, run)

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
        """Take the deployment to `status` by one step of the machine; facts that are None stay as they are.

        Going live stops the one that runs in the environment. A rollback that goes live marks the deployment it
        undoes as rolled back, in the same transaction; nothing else leads from failed to rolled back. Where the
        deployment has the status already, nothing is written, whatever else is given.

        Raises InvalidValue, NotFound (kind "deployment" or "project"), InvalidTransition, PermissionDenied,
        ReadOnlyProject.
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        check_member(DeploymentStatus, "status", status)
        why = _REASON.check("reason", reason)
        facts = {
            "container_id": container_id,
            "container_port": container_port,
            "deployment_url": deployment_url,
            "metrics": metrics,
        }
        given = {name: DEPLOYMENTS.column(name).check(value) for name, value in facts.items() if value is not None}

        def run(tx: UnitOfWork) -> Deployment:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                live = status is DeploymentStatus.RUNNING
                running = batch.add(tx.deployments.page, scope, where=_IS_RUNNING, limit=MAX_LIMIT) if live else None
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            current = _existing(found.value, key)
            if current.status is status:
                return current
            _check_step(current, status)
            changed = dataclasses.replace(_stepped(tx, current, status, why), **given)
            displaced = () if running is None else _displaced(tx, current, running.value)
            return self._apply(tx, actor, granted, current, changed, displaced)

        return self._work.write(actor, run)

    def retry(self, actor: Actor, project_id: UUID, deployment_id: UUID, *, reason: str | None = None) -> Deployment:
        """A new pending deployment with environment, version and configuration of one that ended; `retry_of` names it.

        The retry of a rollback is a rollback of the same deployment.

        Raises InvalidTransition where the deployment has not ended, NotFound (kind "deployment" or "project"),
        PermissionDenied, ReadOnlyProject, InvalidValue; AlreadyExists (constraint "uq_deployments_in_flight").
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)

        def run(tx: UnitOfWork) -> Deployment:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            ended = _existing(found.value, key)
            if ended.status not in ENDED:
                raise InvalidTransition(
                    "deployment", ended.status.value, DeploymentStatus.PENDING.value, "it has not ended"
                )
            again = self._pending(tx, scope, ended.environment, ended.version, ended.config, reason=reason)
            again = dataclasses.replace(again, retry_of=ended.id, rollback_of=ended.rollback_of)
            return self._insert(tx, actor, granted, again, "deployment.retried")

        return self._work.write(actor, run)

    def rollback(self, actor: Actor, project_id: UUID, deployment_id: UUID, *, reason: str) -> Deployment:
        """A new pending deployment that undoes the given one, which runs or failed after it had been live.

        It copies version and configuration of the newest other deployment of the environment that went live and
        neither failed nor was rolled back; `rollback_of` names the one to undo, which stays as it is until the
        rollback goes live.

        Raises InvalidTransition where the deployment is not one to undo or there is none to go back to, NotFound (kind
        "deployment" or "project"), PermissionDenied, ReadOnlyProject, InvalidValue; AlreadyExists (constraint
        "uq_deployments_in_flight").
        """
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)
        why = _REASON.check("reason", reason)
        healthy = _WAS_HEALTHY & field("id").ne(key)
        newest = (desc("live_at"),)

        def run(tx: UnitOfWork) -> Deployment:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                nearest = batch.add(tx.deployments.page, scope, where=healthy, order_by=newest, limit=_NEAREST)
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            bad = _existing(found.value, key)
            _check_undoable(bad)
            good = _in_environment(nearest.value, bad.environment)
            if good is None and nearest.value.next_cursor is not None:
                narrowed = healthy & field("environment").eq(bad.environment)
                good = _in_environment(
                    tx.deployments.page(scope, where=narrowed, order_by=newest, limit=1), bad.environment
                )
            if good is None:
                raise _cannot_undo(bad, "the environment has no healthy deployment to go back to")
            back = self._pending(tx, scope, bad.environment, good.version, good.config, reason=why)
            back = dataclasses.replace(back, rollback_of=bad.id)
            return self._insert(tx, actor, granted, back, "deployment.rollback_created")

        return self._work.write(actor, run)

    def get(self, actor: Actor, project_id: UUID, deployment_id: UUID) -> Deployment:
        """The deployment; NotFound (kind "deployment" or "project"), PermissionDenied, InvalidValue."""
        return _existing(self.find(actor, project_id, deployment_id), deployment_id)

    def find(self, actor: Actor, project_id: UUID, deployment_id: UUID) -> Deployment | None:
        """The deployment, or None. Raises NotFound (kind "project"), PermissionDenied, InvalidValue."""
        key = check_id("deployment_id", deployment_id)
        return self._ask(
            actor,
            Action.DEPLOYMENTS_READ,
            project_id,
            lambda tx, batch: batch.add(tx.deployments.find, project_id, key),
        )

    def running(self, actor: Actor, project_id: UUID, *, environment: str) -> Deployment | None:
        """What runs in the environment, or None. Raises NotFound (kind "project"), PermissionDenied, InvalidValue."""
        place = environment_name(environment)
        return self._ask(
            actor,
            Action.DEPLOYMENTS_READ,
            project_id,
            lambda tx, batch: batch.add(tx.deployments.running, project_id, place),
        )

    def page(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Deployment]:
        """The project's deployments, the newest first unless `order_by` says otherwise.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.DEPLOYMENTS_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.deployments.page,
                project_id,
                where=where,
                order_by=NEWEST_FIRST if order_by is None else order_by,
                limit=limit,
                cursor=cursor,
            ),
        )

    def _pending(
        self,
        tx: UnitOfWork,
        project_id: UUID,
        environment: str,
        version: str | None,
        config: JsonObject,
        *,
        reason: str | None,
    ) -> Deployment:
        return DEPLOYMENTS.checked(
            Deployment(
                id=self._effects.ids(),
                project_id=project_id,
                environment=environment,
                version=version,
                config=config,
                reason=reason,
                created_at=tx.now,
                updated_at=tx.now,
            )
        )

    def _insert(
        self, tx: UnitOfWork, actor: Actor, access: ProjectAccess, deployment: Deployment, name: str
    ) -> Deployment:
        event = self._event(
            tx,
            actor,
            access,
            name,
            kind="deployment",
            key=deployment.id,
            details=_why(deployment),
            changes=diff(DEPLOYMENTS, None, deployment),
        )
        with tx.batch() as batch:
            stored = batch.add(tx.deployments.insert, deployment)
            batch.add(tx.audit.append, event)
        return stored.value

    def _apply(
        self,
        tx: UnitOfWork,
        actor: Actor,
        access: ProjectAccess,
        before: Deployment,
        after: Deployment,
        displaced: tuple[_Displaced, ...],
    ) -> Deployment:
        event = self._event(
            tx,
            actor,
            access,
            "deployment.changed",
            kind="deployment",
            key=after.id,
            details=_why(after),
            changes=diff(DEPLOYMENTS, before, after),
            others=others(*((other.after.id, diff(DEPLOYMENTS, other.before, other.after)) for other in displaced)),
        )
        with tx.batch() as batch:
            # The one that runs makes room first: at no moment do two run in one environment.
            for other in displaced:
                batch.add(tx.deployments.update, other.after)
            stored = batch.add(tx.deployments.update, after)
            batch.add(tx.audit.append, event)
        return stored.value


def environment_name(value: object) -> str:
    """The one spelling of an environment's name; InvalidValue with field "environment"."""
    text = check_text("environment", value).strip()
    if not _ENVIRONMENT.fullmatch(text):
        raise InvalidValue("environment", "must be 1 to 50 letters and digits, with '.', '_', '-' or '/' between them")
    return text.lower()


def _existing(found: Deployment | None, key: UUID) -> Deployment:
    if found is None:
        raise NotFound("deployment", key)
    return found


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


@dataclasses.dataclass(frozen=True, slots=True)
class _Displaced:
    """A deployment that changes when another one goes live."""

    before: Deployment
    after: Deployment


def _displaced(tx: UnitOfWork, rising: Deployment, running: Page[Deployment]) -> tuple[_Displaced, ...]:
    """What changes when `rising` goes live: the one that ran, and the one that `rising` undoes."""
    old = _in_environment(running, rising.environment)
    if old is None and running.next_cursor is not None:
        old = tx.deployments.running(rising.project_id, rising.environment)
    found = []
    if old is not None and old.id == rising.rollback_of:
        return (_Displaced(old, _stepped(tx, old, DeploymentStatus.ROLLED_BACK, f"rolled back by {rising.id}")),)
    if old is not None:
        found.append(_Displaced(old, _stepped(tx, old, DeploymentStatus.STOPPED, f"replaced by {rising.id}")))
    if rising.rollback_of is not None:
        bad = tx.deployments.find(rising.project_id, rising.rollback_of)
        if bad is not None and bad.status is DeploymentStatus.FAILED and bad.live_at is not None:
            found.append(
                _Displaced(bad, _stepped(tx, bad, DeploymentStatus.ROLLED_BACK, f"rolled back by {rising.id}"))
            )
    return tuple(found)


def _in_environment(page: Page[Deployment], environment: str) -> Deployment | None:
    return next((item for item in page.items if item.environment == environment), None)


def _check_undoable(bad: Deployment) -> None:
    if bad.status not in (DeploymentStatus.RUNNING, DeploymentStatus.FAILED):
        raise _cannot_undo(bad, "it neither runs nor failed")
    if bad.live_at is None:
        raise _cannot_undo(bad, "it was never live")


def _cannot_undo(bad: Deployment, reason: str) -> InvalidTransition:
    return InvalidTransition("deployment", bad.status.value, DeploymentStatus.ROLLED_BACK.value, reason)


def _why(deployment: Deployment) -> dict[str, object]:
    """Where it happened and why, for the audit trail."""
    details: dict[str, object] = {"environment": deployment.environment}
    if deployment.reason is not None:
        details["reason"] = deployment.reason
    return details
