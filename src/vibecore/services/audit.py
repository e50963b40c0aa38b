"""Audit: reading the trail. Every service writes it in the unit of work that it tells of."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.filters import Filter, field
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.permissions import Action
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.scoped import NEWEST_FIRST, Scoped, check_id
from vibecore.services.work import allowed

_PROJECT: Final = field("project_id")


class AuditService(Scoped):
    """`vibe.audit`."""

    def page(
        self,
        actor: Actor,
        *,
        project_id: UUID | None = None,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[AuditEvent]:
        """Events, newest first unless `order_by` says otherwise: of one project, for who administers it, or all.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue, InvalidCursor.
        """
        order = NEWEST_FIRST if order_by is None else order_by
        if project_id is not None:
            mine = _PROJECT.eq(check_id("project_id", project_id))
            narrowed = mine if where is None else mine & where
            return self._ask(
                actor,
                Action.PROJECT_AUDIT,
                project_id,
                lambda tx, batch: batch.add(tx.audit.page, where=narrowed, order_by=order, limit=limit, cursor=cursor),
            )

        def run(tx: UnitOfWork) -> Page[AuditEvent]:
            allowed(actor, Action.AUDIT_READ)
            return tx.audit.page(where=where, order_by=order, limit=limit, cursor=cursor)

        return self._work.read(actor, run)
