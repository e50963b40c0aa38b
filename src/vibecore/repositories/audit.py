"""The audit trail: append and read, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from vibecore.domain.audit import AuditEvent
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page


class Audit(Protocol):
    def append(self, event: AuditEvent, /) -> AuditEvent:
        """Store an event. AlreadyExists if its (id, created_at) is taken."""
        ...

    def page(
        self,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[AuditEvent]:
        """As `Roots.page`."""
        ...

    def stream(self, *, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[AuditEvent]:
        """As `Roots.stream`."""
        ...

    def count(self, *, where: Filter | None = None) -> int:
        """As `Roots.count`."""
        ...
