"""The SQL of a listing: scope, filter, keyset and total order."""

from __future__ import annotations

from typing import Any

from vibecore.domain.paging import Listing, Order
from vibecore.domain.schema import Column
from vibecore.repositories.postgres._codec import encoder, sql_type
from vibecore.repositories.postgres._filters import Params, condition


def tail(listing: Listing, prefix: str, params: Params, *extra: str) -> str:
    """` WHERE ... ORDER BY ...` without a limit; `extra` are conditions whose parameters are already in `params`."""
    return where(listing, prefix, params, *extra) + " ORDER BY " + ordering(listing)


def where(listing: Listing, prefix: str, params: Params, *extra: str) -> str:
    """` WHERE ...`, or nothing where every row is meant."""
    parts = list(extra)
    if listing.scope is not None:
        parts.append(f"{listing.table.scope} = {params.bind(listing.scope, 'uuid')}")
    if listing.where is not None:
        parts.append(condition(listing.table, listing.where, prefix, params))
    if listing.after is not None:
        parts.append(_after(listing, prefix, params))
    return " WHERE " + " AND ".join(parts) if parts else ""


def ordering(listing: Listing) -> str:
    """NULLS is written only where a value can be missing: on other columns it would hide the index."""
    return ", ".join(_step(order, column) for order, column in zip(listing.order, listing.columns, strict=True))


def _step(order: Order, column: Column) -> str:
    direction = " DESC" if order.descending else ""
    return order.field + direction + (" NULLS LAST" if column.nullable else "")


def _after(listing: Listing, prefix: str, params: Params) -> str:
    assert listing.after is not None
    parts = list(zip(listing.order, listing.columns, listing.after, strict=True))
    directions = {order.descending for order, _, _ in parts}
    if len(directions) == 1 and not any(column.nullable for _, column, _ in parts):
        fields = ", ".join(order.field for order, _, _ in parts)
        values = ", ".join(_bind(column, value, prefix, params) for _, column, value in parts)
        return f"({fields}) {'<' if directions.pop() else '>'} ({values})"
    return "(" + " OR ".join(_beyond(parts[: i + 1], prefix, params) for i in range(len(parts))) + ")"


def _beyond(parts: list[tuple[Order, Column, Any]], prefix: str, params: Params) -> str:
    """Equal in all fields but the last, and after the cursor in that one."""
    terms = [_same(column, value, prefix, params) for _, column, value in parts[:-1]]
    order, column, value = parts[-1]
    if value is None:
        terms.append("FALSE")
    else:
        sign = "<" if order.descending else ">"
        term = f"{column.name} {sign} {_bind(column, value, prefix, params)}"
        terms.append(f"({term} OR {column.name} IS NULL)" if column.nullable else term)
    return "(" + " AND ".join(terms) + ")"


def _same(column: Column, value: Any, prefix: str, params: Params) -> str:
    if value is None:
        return f"{column.name} IS NULL"
    return f"{column.name} = {_bind(column, value, prefix, params)}"


def _bind(column: Column, value: Any, prefix: str, params: Params) -> str:
    step = encoder(column.rule)
    return params.bind(value if step is None else step(value), sql_type(column.rule, prefix))
