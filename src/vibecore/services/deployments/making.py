"""New deployments: the first try, another try, and the way back. `DeploymentService` has these methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.deployments import DEPLOYMENTS, ENDED, HEALTHY, Deployment, DeploymentStatus
from vibecore.domain.environments import environment_name
from vibecore.domain.errors import InvalidTransition
from vibecore.domain.filters import field
from vibecore.domain.json import JsonObject
from vibecore.domain.paging import desc
from vibecore.domain.permissions import Action
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.deployments.told import REASON, existing, in_environment, why
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import writable

_WAS_HEALTHY: Final = field("status").among(HEALTHY) & ~field("live_at").missing()
_NEAREST: Final = 20
"""Once-healthy deployments of all environments that are read on the chance that one of the right environment is there:
nearly always, and then no further round trip is needed."""


class MakingMethods(Scoped):
    """What begins a deployment. One is in flight in an environment: an index says so, not a look before the write."""

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
            ended = existing(found.value, key)
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
        why = REASON.check("reason", reason)
        healthy = _WAS_HEALTHY & field("id").ne(key)
        newest = (desc("live_at"),)

        def run(tx: UnitOfWork) -> Deployment:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                nearest = batch.add(tx.deployments.page, scope, where=healthy, order_by=newest, limit=_NEAREST)
            granted = writable(actor, Action.DEPLOY, scope, access.value)
            bad = existing(found.value, key)
            _check_undoable(bad)
            good = in_environment(nearest.value, bad.environment)
            if good is None and nearest.value.next_cursor is not None:
                narrowed = healthy & field("environment").eq(bad.environment)
                good = in_environment(
                    tx.deployments.page(scope, where=narrowed, order_by=newest, limit=1), bad.environment
                )
            if good is None:
                raise _cannot_undo(bad, "the environment has no healthy deployment to go back to")
            back = self._pending(tx, scope, bad.environment, good.version, good.config, reason=why)
            back = dataclasses.replace(back, rollback_of=bad.id)
            return self._insert(tx, actor, granted, back, "deployment.rollback_created")

        return self._work.write(actor, run)

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
            details=why(deployment),
            changes=diff(DEPLOYMENTS, None, deployment),
        )
        with tx.batch() as batch:
            stored = batch.add(tx.deployments.insert, deployment)
            batch.add(tx.audit.append, event)
        return stored.value


def _check_undoable(bad: Deployment) -> None:
    if bad.status not in (DeploymentStatus.RUNNING, DeploymentStatus.FAILED):
        raise _cannot_undo(bad, "it neither runs nor failed")
    if bad.live_at is None:
        raise _cannot_undo(bad, "it was never live")


def _cannot_undo(bad: Deployment, reason: str) -> InvalidTransition:
    return InvalidTransition("deployment", bad.status.value, DeploymentStatus.ROLLED_BACK.value, reason)
