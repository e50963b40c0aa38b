"""Pages: total orders, limits and cursors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.errors import InvalidCursor, InvalidValue
from vibecore.domain.files import FILES
from vibecore.domain.filters import Filter, field
from vibecore.domain.notifications import NOTIFICATIONS
from vibecore.domain.paging import Order, OrderBy, asc, desc
from vibecore.domain.projects import PROJECTS, ProjectStatus, Visibility
from vibecore.domain.rules import Text
from vibecore.domain.schema import Column, Table
from vibecore.domain.users import USERS
from vibecore.domain.users import SubscriptionTier as Tier
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import MOMENT, make, prepare
from vibecore.testing.contract.expect import each_table, invalid, refused
from vibecore.testing.rows import Rows

SECOND: Final = timedelta(seconds=1)
EDGES: Final = ("", " ", "A", "Z", "a", "aa", "é", "\u0301", "\uffff", "😀")
"""Texts whose order depends on who compares: in code point order."""


def pages(rows: Rows[Any], like: Any, order_by: OrderBy | None, limit: int, where: Filter | None = None) -> list[Any]:
    """All rows, page by page."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = rows.page(like, where=where, order_by=order_by, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += page.items
        if page.next_cursor is None:
            return found
        assert len(page.items) == limit
        cursor = page.next_cursor


def in_order(records: Sequence[Any], orders: Sequence[tuple[str, bool]], columns: dict[str, Column]) -> list[Any]:
    """The records by the fields of `orders` (name, descending), then by id: missing values last in both directions."""
    found = list(records)
    for name, descending in [*orders, ("id", orders[-1][1])][::-1]:
        rule = columns[name].rule
        found.sort(key=_key(name, rule.rank), reverse=descending)
        found.sort(key=lambda record, name=name: getattr(record, name) is None)  # type: ignore[misc]
    return found


def _key(name: str, rank: Callable[[Any], Any]) -> Callable[[Any], Any]:
    # Of those without a value the id decides, so they compare equal here.
    return lambda record: (0,) if (value := getattr(record, name)) is None else (1, rank(value))


def candidates(column: Column) -> list[Any]:
    """A few values of a column, the same one twice, and None where it may be missing."""
    kind = type(column.rule).__name__
    rule: Any = column.rule
    if kind == "Text":
        long = [text * rule.longest for text in "xé" if rule.longest and rule.longest < 100]
        found: list[Any] = [
            text for text in (*(text * max(rule.shortest, 1) for text in EDGES), *long) if len(text) >= rule.shortest
        ]
        found += found[:1]
    elif kind in ("Member", "Choice"):
        found = [*rule.kind, next(iter(rule.kind))]
    elif kind == "Integer":
        found = [rule.low, rule.high, max(0, rule.low), max(0, rule.low)]
    elif kind == "Numeric":
        found = [rule.low, rule.high, rule.low]
    elif kind == "Boolean":
        found = [True, False, True]
    elif kind == "Timestamp":
        found = [MOMENT, MOMENT + timedelta(microseconds=1), MOMENT - SECOND, MOMENT]
    else:
        found = [UUID(int=2**127), UUID(int=2**128 - 1), UUID(int=1), UUID(int=1)]
    return found + [None, None] * column.nullable


def spread(tx: UnitOfWork, table: Table[Any], column: Column) -> list[Any]:
    """Stored rows of one scope, one for each candidate of `column`."""
    scope = {} if table.scope is None else {table.scope: getattr(prepare(tx, table), table.scope)}
    if column.name in {table.scope, *(reference.field for reference in table.references)}:
        return [make(tx, table, **scope) for _ in range(3)]
    values = candidates(column)
    if any(column.name in rule.fields for rule in (table.primary, *table.uniques)):
        values = list(dict.fromkeys(values))
    return [make(tx, table, **{**scope, column.name: value}) for value in values]


@each_table
def test_every_field_with_an_order_can_be_ordered_by(store: Store, table: Table[Any]) -> None:
    """In both directions, page by page as all at once; ties by id in the same direction, missing values last."""
    for column in table.columns:
        if not column.rule.ordered or (isinstance(column.rule, Text) and column.rule.longest is None):
            continue
        with store.begin() as tx:
            like = spread(tx, table, column)[0]
            rows = Rows(tx, table)
            records = rows.all(like)
            for descending in (False, True):
                order = Order(column.name, descending)
                expected = in_order(records, [(column.name, descending)], table.by_name)
                assert list(rows.all(like, order_by=order)) == expected, (column.name, descending)
                assert pages(rows, like, [order], 2) == expected, (column.name, descending)


@each_table
def test_the_default_order_is_by_creation_then_id(store: Store, table: Table[Any]) -> None:
    """Oldest first; of the same moment the smaller id first."""
    with store.begin() as tx:
        first = make(tx, table, created_at=MOMENT + SECOND)
        scope = {} if table.scope is None else {table.scope: getattr(first, table.scope)}
        for seconds in (2, 0, 0, 1):
            make(tx, table, **scope, created_at=MOMENT + SECOND * seconds)
        rows = Rows(tx, table)
        expected = sorted(rows.all(first), key=lambda row: (row.created_at, row.id))
        assert list(rows.all(first)) == expected
        assert pages(rows, first, None, 2) == expected
        assert rows.all(first, order_by="created_at") == rows.all(first)


@pytest.mark.parametrize(
    "orders",
    [
        [("status", False), ("visibility", True)],
        [("quality_score", True), ("status", False)],
        [("repository_url", False), ("quality_score", True), ("name", False)],
        [("archived_from", True), ("repository_url", True)],
        [("visibility", True), ("id", False)],
        [("updated_at", False), ("name", True), ("status", True), ("created_at", False)],
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 4])
def test_fields_can_have_directions_of_their_own(store: Store, orders: list[tuple[str, bool]], limit: int) -> None:
    """Orders by several fields, with missing values among them, give the same rows on pages of any size."""
    with store.begin() as tx:
        owner: Any = make(tx, USERS)
        for number in range(24):
            make(
                tx,
                PROJECTS,
                owner_id=owner.id,
                status=list(ProjectStatus)[number % 5],
                visibility=list(Visibility)[number % 3],
                quality_score=None if number % 4 == 0 else number % 3,
                repository_url=None if number % 3 == 0 else EDGES[number % len(EDGES)],
                archived_from=None if number % 2 else list(ProjectStatus)[number % 4],
                name="ab"[number % 2],
                updated_at=MOMENT + SECOND * (number % 2),
            )
        rows = Rows(tx, PROJECTS)
        expected = in_order(rows.all(owner), orders, PROJECTS.by_name)
        assert pages(rows, owner, [Order(name, descending) for name, descending in orders], limit) == expected


def test_enums_are_ordered_by_declaration_and_choices_as_text(store: Store) -> None:
    """A status compares by its place in the life of a project, not by its label; a choice by its label."""
    with store.begin() as tx:
        owner = make(tx, USERS)
        for status in reversed(ProjectStatus):
            make(tx, PROJECTS, owner_id=owner.id, status=status)
        assert [row.status for row in tx.projects.page(order_by="status").items] == list(ProjectStatus)
        assert [row.status for row in tx.projects.page(order_by=desc("status")).items] == list(ProjectStatus)[::-1]
        assert tx.projects.count(where=field("status").lt(ProjectStatus.REVIEW)) == 2
        for tier in Tier:
            make(tx, USERS, subscription_tier=tier)
        paying = tx.users.page(where=field("id").ne(owner.id), order_by="subscription_tier").items
        assert [user.subscription_tier for user in paying] == [Tier.ENTERPRISE, Tier.FREE, Tier.PRO]


def test_text_is_ordered_by_code_point(store: Store) -> None:
    """Not by a language's rules, not ignoring case, accents or spaces, and not by UTF-16 units."""
    with store.begin() as tx:
        user = make(tx, USERS)
        for text in reversed(EDGES[1:]):
            make(tx, NOTIFICATIONS, user_id=user.id, title=text)
        assert [row.title for row in tx.notifications.page(user.id, order_by="title").items] == list(EDGES[1:])


def test_the_limit_cuts(store: Store) -> None:
    """At most `limit` rows, 50 unless told otherwise, up to 1,000."""
    with store.begin() as tx:
        user = make(tx, USERS)
        tx.notifications.insert_many(prepare(tx, NOTIFICATIONS, user_id=user.id) for _ in range(1001))
        assert len(tx.notifications.page(user.id).items) == 50
        assert len(tx.notifications.page(user.id, limit=1).items) == 1
        page = tx.notifications.page(user.id, limit=1000)
        assert len(page.items) == 1000
        assert len(tx.notifications.page(user.id, limit=1000, cursor=page.next_cursor).items) == 1


@each_table
def test_a_limit_of_zero_gives_an_empty_last_page(store: Store, table: Table[Any]) -> None:
    """No rows and no cursor, whatever there is, also after a cursor."""
    with store.begin() as tx:
        first = make(tx, table)
        scope = {} if table.scope is None else {table.scope: getattr(first, table.scope)}
        make(tx, table, **scope)
        rows = Rows(tx, table)
        page = rows.page(first, limit=0)
        assert (page.items, page.next_cursor) == ((), None)
        page = rows.page(first, limit=0, cursor=rows.page(first, limit=1).next_cursor)
        assert (page.items, page.next_cursor) == ((), None)


@pytest.mark.parametrize("limit", [-1, 1001, 2**31, 2**63, True, 1.0, "1", None])
def test_other_limits_are_refused(store: Store, limit: Any) -> None:
    """Negative, huge and those of another type: InvalidValue for `limit`."""
    with store.begin() as tx:
        with refused(InvalidValue("limit", "must be an integer from 0 to 1000")):
            tx.users.page(limit=limit)
        assert tx.users.page().items == ()


def test_a_full_last_page_has_no_cursor(store: Store) -> None:
    """`next_cursor` is there only where more rows follow."""
    with store.begin() as tx:
        for _ in range(4):
            make(tx, USERS)
        page = tx.users.page(limit=2)
        assert page.next_cursor is not None
        assert tx.users.page(limit=2, cursor=page.next_cursor).next_cursor is None
        assert tx.users.page(limit=4).next_cursor is None


def test_an_empty_listing_is_an_empty_last_page(store: Store) -> None:
    """No rows is no error, for an unknown scope either."""
    with store.begin() as tx:
        for page in (tx.users.page(), tx.files.page(UUID(int=404)), tx.audit.page()):
            assert (page.items, page.next_cursor) == ((), None)


def test_a_cursor_outlives_its_unit_of_work_and_its_row(store: Store) -> None:
    """It names a place in the order: rows after it follow, whether its own row is still there or not."""
    with store.begin() as tx:
        users = [make(tx, USERS, created_at=MOMENT + SECOND * place) for place in range(4)]
        cursor = tx.users.page(limit=2).next_cursor
        tx.commit()
    with store.begin() as tx:
        tx.users.delete(users[1].id)
        between = make(tx, USERS, created_at=MOMENT + SECOND * 1.5)
        before = make(tx, USERS, created_at=MOMENT)
        found = tx.users.page(limit=9, cursor=cursor).items
        assert [user.id for user in found] == [between.id, users[2].id, users[3].id]
        assert before not in found


def test_pages_of_one_listing_may_have_different_sizes(store: Store) -> None:
    """A cursor is bound to the listing, not to the limit."""
    with store.begin() as tx:
        for _ in range(6):
            make(tx, USERS)
        page = tx.users.page(limit=1)
        rest = tx.users.page(limit=1000, cursor=page.next_cursor)
        assert page.items + rest.items == tx.users.page().items


def test_a_cursor_holds_any_value(store: Store) -> None:
    """Text of any script at full length, moments, numbers, enums and missing values come back from a cursor."""
    with store.begin() as tx:
        owner: Any = make(tx, USERS)
        for name in ("😀" * 255, "é" * 255, "\x01", '"', "\\", "a\nb"):
            make(tx, PROJECTS, owner_id=owner.id, name=name, quality_score=None, repository_url="/" * 500)
            make(tx, PROJECTS, owner_id=owner.id, name=name, quality_score=1, repository_url=None)
        rows = Rows(tx, PROJECTS)
        for orders in ([("name", True)], [("repository_url", False), ("name", False)], [("quality_score", True)]):
            order_by = [Order(name, descending) for name, descending in orders]
            assert pages(rows, owner, order_by, 1) == in_order(rows.all(owner), orders, PROJECTS.by_name)


def test_a_cursor_belongs_to_its_listing(store: Store) -> None:
    """With another table, scope, filter or order it is InvalidCursor, and the unit of work goes on."""
    with store.begin() as tx:
        file = make(tx, FILES, path="a")
        make(tx, FILES, project_id=file.project_id)
        elsewhere = make(tx, FILES)
        make(tx, FILES, project_id=elsewhere.project_id)
        where = field("path").ne("x")
        cursor = tx.files.page(file.project_id, where=where, order_by="path", limit=1).next_cursor
        assert cursor is not None
        assert len(tx.files.page(file.project_id, where=where, order_by="path", cursor=cursor).items) == 1
        wrong: list[Callable[[], Any]] = [
            lambda: tx.files.page(elsewhere.project_id, where=where, order_by="path", cursor=cursor),
            lambda: tx.files.page(file.project_id, order_by="path", cursor=cursor),
            lambda: tx.files.page(file.project_id, where=field("path").ne("y"), order_by="path", cursor=cursor),
            lambda: tx.files.page(file.project_id, where=where, cursor=cursor),
            lambda: tx.files.page(file.project_id, where=where, order_by=desc("path"), cursor=cursor),
            lambda: tx.files.page(file.project_id, where=where, order_by=["path", "name"], cursor=cursor),
            lambda: tx.reviews.page(file.project_id, cursor=cursor),
            lambda: tx.users.page(cursor=cursor),
            lambda: tx.projects.page_readable(None, cursor=cursor),
        ]
        for call in wrong:
            with invalid("cursor", InvalidCursor):
                call()
        assert tx.files.count(file.project_id) == 2


def test_damaged_and_forged_cursors_are_refused(store: Store) -> None:
    """Any other text, and a cursor with one bit changed, is InvalidCursor; so is what is no text at all."""
    with store.begin() as tx:
        make(tx, USERS)
        make(tx, USERS)
        good = tx.users.page(limit=1).next_cursor
        assert good is not None
        raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
        damaged = [
            base64.urlsafe_b64encode(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]).decode().rstrip("=")
            for place in range(len(raw))
        ]
        forged = base64.urlsafe_b64encode(b"\0" * 16 + raw[16:]).decode()
        texts = ["", "x", "\0", "\ud800", "é", "=", good[:-1], good[1:], good + "A", good * 2, "A" * 10**6, forged]
        for cursor in (*damaged, *texts, 1, True, good.encode(), [good]):
            with invalid("cursor", InvalidCursor):
                tx.users.page(limit=1, cursor=cursor)  # type: ignore[arg-type]  # what callers without a checker do
        assert len(tx.users.page(limit=1, cursor=good).items) == 1


@pytest.mark.parametrize(
    "order_by",
    [
        "nothing",
        "id; DROP TABLE users",
        "",
        "\0",
        "tech_stack",
        "description",
        ["name", "name"],
        [asc("name"), desc("name")],
        [],
        ["id"] * 9,
        1,
        {"name"},
        [None],
        [("name", True)],
        [Order("name", 1)],  # type: ignore[arg-type]  # what callers without a checker do
        [Order(1)],  # type: ignore[arg-type]  # what callers without a checker do
        pytest.param(iter(["name"]), id="an iterator"),
    ],
    ids=repr,
)
def test_orders_that_cannot_be_are_refused(store: Store, order_by: Any) -> None:
    """Unknown fields, fields without an order, a field twice, none or too many, other types: InvalidValue."""
    with store.begin() as tx:
        with pytest.raises(InvalidValue) as caught:
            tx.projects.page(order_by=order_by)
        assert caught.value.field in ("order_by", "field")
        with pytest.raises(InvalidValue):
            tx.projects.stream(order_by=order_by)
        assert tx.projects.count() == 0


def test_the_key_of_the_audit_trail_completes_its_order(store: Store) -> None:
    """Events of one id at different moments are different rows: pages show each of them once."""
    with store.begin() as tx:
        ids = [UUID(int=number) for number in (1, 1, 2, 2)]
        for place, id in enumerate(ids):
            like = make(tx, AUDIT_LOGS, id=id, action="same", created_at=MOMENT + SECOND * (place % 2))
        rows = Rows(tx, AUDIT_LOGS)
        found = pages(rows, like, "action", 1)
        assert [(row.id, row.created_at) for row in found] == sorted((row.id, row.created_at) for row in found)
        assert len(found) == 4
