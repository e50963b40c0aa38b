"""What every table offers. These docstrings are the contract; both backends keep it and repeat none of it.

Common clauses
- Values are checked in front of the store (`InvalidValue` names the field) and returned in their stored form; a refused
  value is no statement: the unit of work goes on.
- `AlreadyExists` and `MissingReference` come from failed statements: afterwards the unit of work accepts only rollback,
  to its start or to a savepoint. When several constraints fail, the primary key is reported first, then the uniques as
  declared, then the references as declared; in a batch any uniqueness failure precedes every reference failure.
- `NotFound` and `Stale` are answers, not failures: the unit of work goes on.
- A row of another scope is not found. Returned objects alias nothing that can change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from vibecore.domain.access import Upserted
from vibecore.domain.filters import Filter
from vibecore.domain.paging import OrderBy, Page

R = TypeVar("R")


class Writes(Protocol[R]):
    """Writing records."""

    def insert(self, record: R, /) -> R:
        """Store a new record and return its stored form. Raises AlreadyExists, MissingReference."""
        ...

    def insert_many(self, records: Iterable[R], /) -> int:
        """Store all or none, in one statement; the number stored. References inside the batch count."""
        ...

    def update(self, record: R, /) -> R:
        """Replace the row with the same key, provided that its `updated_at` is still `record.updated_at`.

        The stored form has `updated_at` = max(tx.now, record.updated_at + 1 µs), also when nothing else changed.
        `id`, the scope and `created_at` keep their stored values. Raises NotFound when the row is gone, Stale when it
        changed, AlreadyExists, MissingReference.
        """
        ...

    def update_many(self, records: Sequence[R], /) -> Sequence[R]:
        """`update` for all records in one statement, all of one scope, in the order given; the first row in that order
        that is gone or changed raises NotFound or Stale and nothing is changed. A key given twice is InvalidValue."""
        ...

    def upsert(self, records: Sequence[R], /, *, on: str | None = None) -> Sequence[Upserted]:
        """Insert the records whose key is new and update the others; one outcome per record, in order.

        `on` names the unique constraint that matches (default: the primary key), which must not be partial. Of several
        records with one key the last counts. An updated row keeps `id`, scope and `created_at`. A None in the key
        matches nothing.
        """
        ...


class Roots(Writes[R], Protocol[R]):
    """A table whose rows belong to nobody: users, projects."""

    def get(self, id: UUID, /) -> R:
        """The record; NotFound if there is none."""
        ...

    def find(self, id: UUID, /) -> R | None:
        """The record, or None."""
        ...

    def find_many(self, ids: Iterable[UUID], /) -> dict[UUID, R]:
        """The records that exist, by id, in the order of `ids`."""
        ...

    def delete(self, id: UUID, /) -> None:
        """Remove the row and, by cascade, all that refers to it; NotFound if there is none."""
        ...

    def page(
        self,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]:
        """Rows in the total order of `order_by` (default: created_at), after `cursor`, at most `limit` (0 to 1000).

        Missing values come last in both directions. A limit of 0 gives an empty last page.
        """
        ...

    def stream(self, *, where: Filter | None = None, order_by: OrderBy | None = None) -> Iterator[R]:
        """All rows as of the first `next()`, in order; later writes do not show. Ends with the unit of work.

        In a `Mode.READ` unit, whose statements share no snapshot: TransactionError.
        Reading on after the unit of work ended raises TransactionClosed, after a failed statement TransactionAborted;
        both are noticed at the next batch of 1,000 rows. So is that it began inside a savepoint which was undone:
        TransactionError.
        """
        ...

    def count(self, *, where: Filter | None = None) -> int:
        """The number of rows for which `where` is true."""
        ...


class Children(Writes[R], Protocol[R]):
    """A table whose rows belong to a scope: a project or a user. All that `Roots` says, within one scope."""

    def get(self, scope: UUID, id: UUID, /) -> R: ...

    def find(self, scope: UUID, id: UUID, /) -> R | None: ...

    def find_many(self, scope: UUID, ids: Iterable[UUID], /) -> dict[UUID, R]: ...

    def delete(self, scope: UUID, id: UUID, /) -> None: ...

    def delete_where(self, scope: UUID, where: Filter, /) -> int:
        """Remove in one statement the rows for which `where` is true and all that refers to them; how many matched."""
        ...

    def page(
        self,
        scope: UUID,
        /,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]: ...

    def stream(
        self, scope: UUID, /, *, where: Filter | None = None, order_by: OrderBy | None = None
    ) -> Iterator[R]: ...

    def count(self, scope: UUID, /, *, where: Filter | None = None) -> int: ...
