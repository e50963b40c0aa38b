"""Reading deployments, also those in the archive. `DeploymentService` has these methods."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.deployments import IN_FLIGHT, ArchivedDeployment, Deployment, DeploymentStatus
from vibecore.domain.environments import Environment, environment_name, tier_of
from vibecore.domain.errors import NotFound
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.permissions import Action
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import NEWEST_FIRST, Scoped, check_id
from vibecore.services.work import readable

AnyDeployment: TypeAlias = Deployment | ArchivedDeployment
"""A deployment where it began, or in the archive, which changes nothing but adds `archived_at`."""


class ReadMethods(Scoped):
    """What runs where, and what has been."""

    def get(self, actor: Actor, project_id: UUID, deployment_id: UUID) -> AnyDeployment:
        """The deployment, from the archive too; NotFound (kind "deployment" or "project"), PermissionDenied,
        InvalidValue."""
        found = self.find(actor, project_id, deployment_id)
        if found is None:
            raise NotFound("deployment", deployment_id)
        return found

    def find(self, actor: Actor, project_id: UUID, deployment_id: UUID) -> AnyDeployment | None:
        """The deployment, from the archive too, or None. Raises NotFound (kind "project"), PermissionDenied,
        InvalidValue."""
        scope = check_id("project_id", project_id)
        key = check_id("deployment_id", deployment_id)

        def run(tx: UnitOfWork) -> AnyDeployment | None:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = batch.add(tx.deployments.find, scope, key)
                archived = batch.add(tx.archived_deployments.find, scope, key)
            readable(actor, Action.DEPLOYMENTS_READ, scope, access.value)
            return archived.value if found.value is None else found.value

        return self._work.read(actor, run)

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

    def page_archived(
        self,
        actor: Actor,
        project_id: UUID,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ArchivedDeployment]:
        """The project's deployments in the archive, the newest first unless `order_by` says otherwise.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        return self._ask(
            actor,
            Action.DEPLOYMENTS_READ,
            project_id,
            lambda tx, batch: batch.add(
                tx.archived_deployments.page,
                project_id,
                where=where,
                order_by=NEWEST_FIRST if order_by is None else order_by,
                limit=limit,
                cursor=cursor,
            ),
        )

    def environments(self, actor: Actor, project_id: UUID) -> tuple[Environment, ...]:
        """The environments of the project by name, each with what runs and what is in flight in it.

        Known are those of all deployments outside of the archive, which keeps the two newest of each environment that
        was ever live. Raises NotFound (kind "project"), PermissionDenied, InvalidValue.
        """
        scope = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> tuple[Environment, ...]:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                names = batch.add(tx.deployments.environments, scope)
                active = batch.add(tx.deployments.active, scope)
            readable(actor, Action.DEPLOYMENTS_READ, scope, access.value)
            running = {one.environment: one for one in active.value if one.status is DeploymentStatus.RUNNING}
            in_flight = {one.environment: one for one in active.value if one.status in IN_FLIGHT}
            return tuple(
                Environment(name=name, tier=tier_of(name), running=running.get(name), in_flight=in_flight.get(name))
                for name in names.value
            )

        return self._work.read(actor, run)
