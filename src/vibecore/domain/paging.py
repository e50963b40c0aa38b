"""Pages: a listing in a total order, cut where a signed cursor says.

Every listing orders by the fields asked for and then by the primary key, so that no two rows tie. Missing values come
last in both directions. A cursor is bound to table, scope, filter and order: with any other listing it is refused.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from vibecore.domain import filters
from vibecore.domain.errors import InvalidCursor, InvalidValue
from vibecore.domain.filters import Filter
from vibecore.domain.rules import Choice, Member, Numeric, Text, Timestamp, Uuid
from vibecore.domain.schema import Column, Table

R = TypeVar("R", covariant=True)
MAX_LIMIT: Final = 1000
_MAX_CURSOR: Final = 65_536
_TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some rows of a listing in order; `next_cursor` is None on the last page."""

    items: tuple[R, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """One field of an order."""

    field: str
    descending: bool = False


def asc(field: str) -> Order:
    return Order(field)


def desc(field: str) -> Order:
    return Order(field, True)


OrderBy = str | Order | Sequence[str | Order]


@dataclass(frozen=True, slots=True)
class Listing:
    """A checked request for rows of `table`: what both backends interpret."""

    table: Table[Any]
    scope: UUID | None
    where: Filter | None
    order: tuple[Order, ...]
    limit: int
    after: tuple[Any, ...] | None
    context: bytes

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self.table.by_name[order.field] for order in self.order)


class Cursors:
    """Makes cursors with `key`, which is secret, and reads those made with it or with a key of `previous`."""

    def __init__(self, key: bytes, previous: tuple[bytes, ...] = ()) -> None:
        self._keys = (key, *previous)

    def listing(
        self,
        table: Table[Any],
        scope: UUID | None,
        where: Filter | None,
        order_by: OrderBy | None,
        limit: int,
        cursor: str | None,
        context: str = "",
    ) -> Listing:
        """The checked request; InvalidValue or InvalidCursor where a part of it is wrong.

        `context` names what else selects the rows, so that a cursor cannot move between callers who see different ones.
        """
        if type(limit) is not int or not 0 <= limit <= MAX_LIMIT:
            raise InvalidValue("limit", f"must be an integer from 0 to {MAX_LIMIT}")
        where = filters.checked(table, where)
        order = total_order(table, order_by)
        digest = sha256(repr((table.name, scope, where, order, context)).encode()).digest()
        after = None if cursor is None else self._read(table, order, digest, cursor)
        return Listing(table, scope, where, order, limit, after, digest)

    def page(self, listing: Listing, rows: Sequence[R], *, found: int | None = None) -> Page[R]:
        """A page from up to `limit` + 1 rows that follow the cursor; of more rows `found`, only the first are given."""
        items = tuple(rows[: listing.limit])
        more = (len(rows) if found is None else found) > len(items) and items
        return Page(items, self._write(listing, items[-1]) if more else None)

    def _write(self, listing: Listing, last: object) -> str:
        values = [_plain(getattr(last, order.field)) for order in listing.order]
        body = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(_tag(self._keys[0], listing.context, body) + body).decode().rstrip("=")

    def _read(self, table: Table[Any], order: tuple[Order, ...], context: bytes, cursor: object) -> tuple[Any, ...]:
        if type(cursor) is not str or len(cursor) > _MAX_CURSOR or not cursor.isascii():
            raise InvalidCursor("is not a cursor")
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise InvalidCursor("is damaged") from None
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not any(hmac.compare_digest(tag, _tag(key, context, body)) for key in self._keys):
            raise InvalidCursor("is damaged or belongs to another listing")
        values = json.loads(body)
        return tuple(_typed(table.by_name[o.field], value) for o, value in zip(order, values, strict=True))


def _tag(key: bytes, context: bytes, body: bytes) -> bytes:
    return hmac.digest(key, context + body, "sha256")[:_TAG_BYTES]


def total_order(table: Table[Any], order_by: OrderBy | None) -> tuple[Order, ...]:
    """The order asked for (default: `created_at`), completed by the primary key in the direction of its last field."""
    asked = _orders(order_by)
    seen: set[str] = set()
    for order in asked:
        column = table.column(order.field)
        if not column.rule.ordered or (isinstance(column.rule, Text) and column.rule.longest is None):
            raise InvalidValue("order_by", f"{order.field} has no order")
        if order.field in seen:
            raise InvalidValue("order_by", f"names {order.field} twice")
        seen.add(order.field)
    descending = asked[-1].descending
    return asked + tuple(Order(name, descending) for name in table.key if name not in seen)


def _orders(order_by: OrderBy | None) -> tuple[Order, ...]:
    if order_by is None:
        return (Order("created_at"),)
    entries: Iterable[object] = (order_by,) if isinstance(order_by, (str, Order)) else order_by
    if not isinstance(entries, (list, tuple)) or not 1 <= len(entries) <= 8:
        raise InvalidValue("order_by", "must be 1 to 8 fields")
    orders = tuple(Order(entry) if isinstance(entry, str) else entry for entry in entries)
    if not all(type(order) is Order and type(order.descending) is bool for order in orders):
        raise InvalidValue("order_by", "must hold field names or Order values")
    return orders


def sort_steps(listing: Listing) -> list[tuple[Callable[[Any], Any], bool]]:
    """(key, reverse) of stable sorts which, applied one after the other, give the listing's order."""
    steps = [_sort_step(order, column) for order, column in zip(listing.order, listing.columns, strict=True)]
    return steps[::-1]


def _sort_step(order: Order, column: Column) -> tuple[Callable[[Any], Any], bool]:
    name, rank = order.field, column.rule.rank
    if not column.nullable:
        return (lambda record: rank(getattr(record, name))), order.descending
    absent = 0 if order.descending else 1

    def key(record: Any) -> tuple[Any, ...]:
        value = getattr(record, name)
        return (absent,) if value is None else (1 - absent, rank(value))

    return key, order.descending


def follows(listing: Listing) -> Callable[[Any], bool]:
    """Whether a record comes after the listing's cursor."""
    after = listing.after
    assert after is not None
    parts = list(zip(listing.order, listing.columns, after, strict=True))

    def run(record: Any) -> bool:
        for order, column, last in parts:
            have = getattr(record, order.field)
            if have is None or last is None:
                if have is last:
                    continue
                return have is None
            rank, bound = column.rule.rank(have), column.rule.rank(last)
            if rank != bound:
                return bool((rank > bound) is not order.descending)
        return False

    return run


def _plain(value: Any) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    return value


def _typed(column: Column, value: Any) -> Any:
    if value is None:
        return None
    match column.rule:
        case Uuid():
            return UUID(value)
        case Timestamp():
            return datetime.fromisoformat(value)
        case Numeric():
            return Decimal(value)
        case Member() | Choice():
            return column.rule.kind(value)
    return value
