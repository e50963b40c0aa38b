"""One table of a unit of work, addressed by records: the same calls whether its rows have a scope or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from vibecore.domain.access import Upserted
from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page
from vibecore.domain.schema import Table
from vibecore.domain.tables import TABLES
from vibecore.repositories.unit_of_work import UnitOfWork

R = TypeVar("R")

WRITABLE: Final = tuple(table for table in TABLES if table is not AUDIT_LOGS)
"""The tables whose rows can be changed: all but the audit trail."""
SCOPED: Final = tuple(table for table in TABLES if table.scope is not None)
_ATTRIBUTES: Final = {
    "notification_webhooks": "webhooks",
    "notification_deliveries": "deliveries",
    "project_members": "members",
    "code_reviews": "reviews",
    "test_results": "tests",
    "cicd_pipelines": "pipelines",
    "cicd_executions": "executions",
    "quality_scores": "scores",
    "audit_logs": "audit",
}


class Rows(Generic[R]):
    """The calls of `repository`, each with a record in the place of a scope, an id or both.

    Where a call takes `like`, it stays in that record's scope; of a table without scopes `like` may be anything.
    """

    def __init__(self, tx: UnitOfWork, table: Table[R]) -> None:
        self.table = table
        self.repository: Any = getattr(tx, _ATTRIBUTES.get(table.name, table.name))

    def scope(self, like: R) -> tuple[UUID, ...]:
        """The leading arguments of a call that stays in a scope."""
        return () if self.table.scope is None else (getattr(like, self.table.scope),)

    def key(self, record: R) -> tuple[UUID, ...]:
        """The arguments that address a row."""
        return tuple(getattr(record, name) for name in self.table.locator)

    def insert(self, record: R) -> R:
        call = self.repository.append if self.table is AUDIT_LOGS else self.repository.insert
        stored: R = call(record)
        return stored

    def insert_many(self, records: Iterable[R]) -> int:
        number: int = self.repository.insert_many(records)
        return number

    def update(self, record: R) -> R:
        stored: R = self.repository.update(record)
        return stored

    def update_many(self, records: Sequence[R]) -> Sequence[R]:
        stored: Sequence[R] = self.repository.update_many(records)
        return stored

    def upsert(self, records: Sequence[R], *, on: str | None = None) -> list[Upserted]:
        return list(self.repository.upsert(records, on=on))

    def get(self, record: R) -> R:
        found: R = self.repository.get(*self.key(record))
        return found

    def find(self, record: R) -> R | None:
        if self.table is AUDIT_LOGS:
            return next((row for row in self.all(record) if self.key(row) == self.key(record)), None)
        found: R | None = self.repository.find(*self.key(record))
        return found

    def find_many(self, like: R, ids: Iterable[UUID]) -> dict[UUID, R]:
        found: dict[UUID, R] = self.repository.find_many(*self.scope(like), ids)
        return found

    def delete(self, record: R) -> None:
        self.repository.delete(*self.key(record))

    def delete_where(self, like: R, where: Filter) -> int:
        number: int = self.repository.delete_where(*self.scope(like), where)
        return number

    def page(
        self,
        like: R,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]:
        page: Page[R] = self.repository.page(
            *self.scope(like), where=where, order_by=order_by, limit=limit, cursor=cursor
        )
        return page

    def all(self, like: R, *, where: Filter | None = None, order_by: OrderBy | None = None) -> tuple[R, ...]:
        """Up to 1,000 rows."""
        return self.page(like, where=where, order_by=order_by, limit=1000).items

    def stream(self, like: R, *, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[R]:
        rows: Iterator[R] = self.repository.stream(*self.scope(like), where=where, order_by=order_by)
        return rows

    def count(self, like: R, *, where: Filter | None = None) -> int:
        number: int = self.repository.count(*self.scope(like), where=where)
        return number
