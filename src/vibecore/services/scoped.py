"""What the services of a project's parts share: one batch asks for the actor's standing and for the data together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.changes import Diff, Rows
from vibecore.domain.paging import OrderBy, desc
from vibecore.domain.permissions import Action
from vibecore.domain.rules import Uuid
from vibecore.repositories.unit_of_work import Batch, Pending, UnitOfWork
from vibecore.services.work import Service, readable

T = TypeVar("T")

NEWEST_FIRST: Final[OrderBy] = desc("created_at")
"""The default order of histories."""

_UUID: Final = Uuid()


class Scoped(Service):
    """A service whose objects belong to a project."""

    def _ask(
        self,
        actor: Actor,
        action: Action,
        project_id: UUID,
        queue: Callable[[UnitOfWork, Batch], Pending[T]],
    ) -> T:
        """The result of the call that `queue` adds to the batch, once `actor` may do `action`: one round trip.

        Raises NotFound (kind "project"), PermissionDenied, and what the call raises.
        """
        scope = check_id("project_id", project_id)

        def run(tx: UnitOfWork) -> T:
            with tx.batch() as batch:
                access = batch.add(tx.projects.access, scope, actor.user_id)
                found = queue(tx, batch)
            readable(actor, action, scope, access.value)
            return found.value

        return self._work.read(actor, run)

    def _event(
        self,
        tx: UnitOfWork,
        actor: Actor,
        access: ProjectAccess,
        name: str,
        *,
        kind: str,
        key: UUID | None = None,
        details: Mapping[str, object] | None = None,
        changes: Diff | None = None,
        others: Mapping[str, object] | None = None,
        rows: Rows | None = None,
    ) -> AuditEvent:
        """The audit event `name` about the `kind` with this `key` in the project of `access`."""
        return self._work.event(
            tx,
            actor,
            name,
            resource_type=kind,
            resource_id=key,
            project_id=access.project.id,
            details=details,
            changes=changes,
            others=others,
            rows=rows,
        )


def check_id(field: str, value: Any) -> UUID:
    """`value`, or InvalidValue that names `field`."""
    return _UUID.check(field, value)


def check_optional_id(field: str, value: Any) -> UUID | None:
    """`value`, if it is an id or None, or InvalidValue that names `field`."""
    return None if value is None else check_id(field, value)
