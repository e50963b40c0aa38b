"""Listings against their definition: the filter, then the cursor, then stable sorts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.memory import world
from vibecore.domain import paging
from vibecore.domain.filters import field, predicate
from vibecore.domain.paging import Cursors, Order
from vibecore.domain.projects import PROJECTS, Project, ProjectStatus, Visibility
from vibecore.repositories.memory import listings

OWNER = world.user()
CURSORS = Cursors(b"k" * 32)
FIELDS = (
    "name",
    "quality_score",
    "status",
    "archived_from",
    "visibility",
    "created_at",
    "file_count",
    "repository_url",
    "id",
)

projects = st.lists(
    st.builds(
        lambda minutes, **values: world.project(OWNER, created_at=world.START + timedelta(minutes=minutes), **values),
        st.integers(0, 2),
        name=st.sampled_from(["a", "b", "é", "B"]),
        quality_score=st.sampled_from([None, Decimal("1.50"), Decimal("20.00")]),
        status=st.sampled_from(ProjectStatus),
        archived_from=st.sampled_from([None, ProjectStatus.REVIEW, ProjectStatus.PLANNING]),
        visibility=st.sampled_from(Visibility),
        file_count=st.integers(0, 2),
        repository_url=st.sampled_from([None, "", "x"]),
    ),
    max_size=12,
)
orders = st.lists(
    st.builds(Order, st.sampled_from(FIELDS), st.booleans()), min_size=1, max_size=4, unique_by=lambda o: o.field
) | st.builds(
    lambda names, descending: [Order(name, descending) for name in names],
    st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True),
    st.booleans(),
)
filters = st.sampled_from([None, field("name").eq("a"), field("quality_score").gt(Decimal(2)), ~field("name").eq("b")])


def defined(listing: paging.Listing, records: list[Project]) -> list[Project]:
    rows = list(records)
    if listing.where is not None:
        holds = predicate(PROJECTS, listing.where)
        rows = [row for row in rows if holds(row) is True]
    if listing.after is not None:
        rows = list(filter(paging.follows(listing), rows))
    for key, reverse in paging.sort_steps(listing):
        rows.sort(key=key, reverse=reverse)
    return rows


@given(projects, orders, filters)
def test_a_stream_has_the_defined_order(records: list[Project], order: list[Order], where: Any) -> None:
    listing = CURSORS.listing(PROJECTS, None, where, order, 0, None)
    assert listings.ordered(listing, records) == defined(listing, records)


@given(projects, orders, filters, st.integers(0, 4))
def test_pages_follow_each_other_to_the_end(records: list[Project], order: list[Order], where: Any, limit: int) -> None:
    whole = defined(CURSORS.listing(PROJECTS, None, where, order, 0, None), records)
    found: list[Project] = []
    cursor = None
    while True:
        listing = CURSORS.listing(PROJECTS, None, where, order, limit, cursor)
        rows = listings.head(listing, records)
        assert rows == (defined(listing, records)[: limit + 1] if limit else [])
        page = CURSORS.page(listing, rows)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == (whole if limit else [])
