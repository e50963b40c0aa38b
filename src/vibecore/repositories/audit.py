"""The audit trail: append and read, and make room for what is to come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Protocol

from vibecore.domain.audit import AuditEvent
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page


class Audit(Protocol):
    def append(self, event: AuditEvent, /) -> AuditEvent:
        """Store an event. AlreadyExists if its (id, created_at) is taken."""
        ...

    def prepare(self, *, months: int) -> date:
        """Make room ahead of time for the events of this month (UTC, by `tx.now`) and of `months` more, 0 to 120 (else
        InvalidValue); the first day after them. Again, or for less, changes nothing.

        A store that keeps the trail in parts, one for each month, makes those that are missing, and only then waits
        for units of work that have read or written the trail: SerializationConflict when they last longer than 2
        seconds, or when others prepare or append at the same time. A stream that is open goes on as it began.
        """
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
