"""Listings: a filter, a cursor and a total order over records."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from vibecore.domain import paging
from vibecore.domain.filters import Filter, predicate
from vibecore.domain.paging import Listing
from vibecore.domain.rules import Choice, Member, Uuid
from vibecore.domain.schema import Column, Table

SortKey = Callable[[Any], Any]


def matching(table: Table[Any], where: Filter | None, records: Sequence[Any]) -> Sequence[Any]:
    """The records for which a checked filter is true."""
    if where is None:
        return records
    holds = predicate(table, where)
    return [record for record in records if holds(record)]


def head(listing: Listing, records: Sequence[Any]) -> list[Any]:
    """The first `limit` + 1 rows after the cursor: what `Cursors.page` takes."""
    if listing.limit == 0:
        return []
    rows = matching(listing.table, listing.where, records)
    key = _key(listing)
    if key is None:
        if listing.after is not None:
            rows = list(filter(paging.follows(listing), rows))
        return _sorted_by_steps(listing, rows)[: listing.limit + 1]
    descending = listing.order[0].descending
    if listing.after is not None:
        bound = _bound(listing)
        rows = [row for row in rows if (key(row) < bound if descending else key(row) > bound)]
    # Half the cost of sorting 2,000 rows for a page of 50, an eighth for 50,000.
    select = heapq.nlargest if descending else heapq.nsmallest
    return select(listing.limit + 1, rows, key=key)


def ordered(listing: Listing, records: Sequence[Any]) -> list[Any]:
    """All rows in the listing's order, without regard to its limit."""
    rows = matching(listing.table, listing.where, records)
    key = _key(listing)
    if key is None:
        return _sorted_by_steps(listing, rows)
    return sorted(rows, key=key, reverse=listing.order[0].descending)


def _sorted_by_steps(listing: Listing, rows: Iterable[Any]) -> list[Any]:
    found = list(rows)
    for key, reverse in paging.sort_steps(listing):
        found.sort(key=key, reverse=reverse)
    return found


def _key(listing: Listing) -> SortKey | None:
    """One key for the whole order, where all fields go in the same direction; else None."""
    descending = listing.order[0].descending
    if any(order.descending is not descending for order in listing.order):
        return None
    columns = listing.columns
    if not any(column.nullable or isinstance(column.rule, (Member, Choice)) for column in columns):
        return attrgetter(*(f"{c.name}.int" if isinstance(c.rule, Uuid) else c.name for c in columns))
    parts = [(attrgetter(column.name), _ranker(column, descending)) for column in columns]
    return lambda record: tuple([rank(value(record)) for value, rank in parts])


def _bound(listing: Listing) -> Any:
    """What the key of the cursor's row was."""
    assert listing.after is not None
    pairs = list(zip(listing.columns, listing.after, strict=True))
    descending = listing.order[0].descending
    ranks = tuple(_ranker(column, descending)(value) for column, value in pairs)
    return ranks[0] if len(ranks) == 1 and not listing.columns[0].nullable else ranks


def _ranker(column: Column, descending: bool) -> Callable[[Any], Any]:
    """How a value ranks; UUIDs by their integers, which compare faster and alike. Missing values come last."""
    rank: Callable[[Any], Any] = _integer if isinstance(column.rule, Uuid) else column.rule.rank
    if not column.nullable:
        return rank
    absent = 0 if descending else 1
    return lambda value: (absent,) if value is None else (1 - absent, rank(value))


def _integer(value: Any) -> int:
    number: int = value.int
    return number
