"""The audit trail in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from vibecore.domain.audit import AUDIT_LOGS, AuditEvent, prepared_until
from vibecore.domain.filters import Filter
from vibecore.domain.paging import Cursors, OrderBy, Page
from vibecore.repositories.memory.repository import Repository
from vibecore.repositories.memory.tables import MemoryRoots
from vibecore.repositories.memory.transaction import Transaction


class MemoryAudit(Repository):
    """See `vibecore.repositories.audit.Audit`: of all that a table can do, it offers to append and to read."""

    __slots__ = ("_rows",)

    def __init__(self, transaction: Transaction, cursors: Cursors) -> None:
        super().__init__(transaction)
        self._rows = MemoryRoots(transaction, AUDIT_LOGS, cursors)

    def append(self, event: AuditEvent, /) -> AuditEvent:
        return self._rows.insert(event)

    def prepare(self, *, months: int) -> date:
        """One map holds all months: there is room."""
        with self.transaction.writing():
            return prepared_until(self.transaction.now, months)

    def page(
        self,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[AuditEvent]:
        return self._rows.page(where=where, order_by=order_by, limit=limit, cursor=cursor)

    def stream(self, *, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[AuditEvent]:
        return self._rows.stream(where=where, order_by=order_by)

    def count(self, *, where: Filter | None = None) -> int:
        return self._rows.count(where=where)
