"""Random calls on a unit of work: over every table, biased towards collisions, hits and near misses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.deliveries import DELIVERIES
from vibecore.domain.deployment_logs import DEPLOYMENT_LOG_LINES, DEPLOYMENT_LOGS
from vibecore.domain.deployments import DEPLOYMENTS, DeploymentStatus
from vibecore.domain.files import FILES
from vibecore.domain.filters import Field, Filter
from vibecore.domain.members import MEMBERS
from vibecore.domain.notifications import NOTIFICATIONS, Schedule
from vibecore.domain.paging import Page
from vibecore.domain.projects import PROJECTS
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.rules import EARLIEST, Json, Text, TextArray
from vibecore.domain.schema import Table
from vibecore.domain.searches import Search
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.tables import TABLES
from vibecore.domain.throttles import THROTTLES, Limit
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.testing import strategies
from vibecore.testing.effects import START

REPOSITORIES: Final = {
    "users": "users",
    "sessions": "sessions",
    "superseded_tokens": "superseded_tokens",
    "api_keys": "api_keys",
    "recovery_codes": "recovery_codes",
    "throttles": "throttles",
    "notifications": "notifications",
    "notification_preferences": "notification_preferences",
    "notification_webhooks": "webhooks",
    "notification_deliveries": "deliveries",
    "projects": "projects",
    "project_members": "members",
    "files": "files",
    "content_grams": "content_grams",
    "deployments": "deployments",
    "archived_deployments": "archived_deployments",
    "deployment_logs": "deployment_logs",
    "deployment_log_lines": "deployment_log_lines",
    "code_reviews": "reviews",
    "test_results": "tests",
    "cicd_pipelines": "pipelines",
    "cicd_executions": "executions",
    "quality_scores": "scores",
    "audit_logs": "audit",
}
"""The unit of work's attribute for each table."""

FURNITURE: Final[tuple[tuple[Table[Any], ...], ...]] = (
    (),
    tuple(table for table in TABLES for _ in range(2)),
    (USERS, USERS, PROJECTS, PROJECTS, *(FILES,) * 5, *(DEPLOYMENTS,) * 4, *(CODE_REVIEWS,) * 4),
    (USERS, PROJECTS, *(DEPLOYMENTS,) * 3, *(DEPLOYMENT_LOGS,) * 2, *(DEPLOYMENT_LOG_LINES,) * 6),
    (
        USERS,
        USERS,
        USERS,
        *(SESSIONS,) * 3,
        *(THROTTLES,) * 2,
        *(PROJECTS,) * 4,
        *(MEMBERS,) * 4,
        AUDIT_LOGS,
        AUDIT_LOGS,
    ),
    (USERS, USERS, *(NOTIFICATIONS,) * 6, *(DELIVERIES,) * 8),
)
"""Tables whose rows a run can begin with, in an order that lets references be met."""

PATHS: Final = (
    *("a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e", "a/b/x/y", "a0", "a-b", "a/b0", "b", "b/a", "b/c/d"),
    *("é", "é/ü", "É/ü", "A", "A/B/c", "x" * 200, "x" * 250 + "/" + "y" * 250, "_", "%"),
)
"""They nest, differ by case alone, and sort around each other's separators."""
CONTENTS: Final = ("needle in hay\r\nNEEDLE\n", "Straße\n", "STRASSE", "e", "\U0001d4d0", "kein")
"""Contents that the searches below find, and some that only look as if."""
FAVOURITES: Final[dict[tuple[str, str], SearchStrategy[Any]]] = {
    ("files", "path"): st.sampled_from(PATHS),
    ("files", "digest"): st.sampled_from((None, "d1", "d2", "d3")),
    ("files", "content"): st.sampled_from((None, *CONTENTS)),
    ("content_grams", "digest"): st.sampled_from(("d1", "d2", "d3")),
    ("code_reviews", "file_path"): st.sampled_from(PATHS),
    ("code_reviews", "reviewer"): st.sampled_from(("python", "ruff")),
    ("test_results", "file_path"): st.sampled_from(PATHS),
    ("deployments", "environment"): st.sampled_from(("production", "staging")),
    ("deployment_log_lines", "number"): st.integers(1, 6),
    ("deployment_logs", "first_line"): st.integers(1, 3),
    ("deployment_logs", "last_line"): st.integers(0, 6),
    ("users", "email"): st.sampled_from(("ada@example.org", "Ada@example.org", "bob@example.org")),
    ("users", "email_key"): st.sampled_from(("ada@example.org", "bob@example.org", "cy@example.org")),
    ("sessions", "token"): st.sampled_from(("t1", "t2", "t3")),
    ("superseded_tokens", "token"): st.sampled_from(("t1", "t2", "t3")),
    ("recovery_codes", "code_hash"): st.sampled_from(("c1", "c2")),
    ("api_keys", "key_prefix"): st.sampled_from(("vck_1", "vck_2")),
    ("notifications", "type"): st.sampled_from(("t1", "t2")),
    ("notifications", "dedup_key"): st.sampled_from((None, "k1", "k2")),
    ("notification_preferences", "type"): st.sampled_from(("t1", "t2")),
    ("notification_preferences", "channel"): st.sampled_from(("email", "webhook")),
    ("notification_deliveries", "channel"): st.sampled_from(("email", "webhook")),
    ("notification_deliveries", "schedule"): st.sampled_from((Schedule.IMMEDIATELY, Schedule.DAILY)),
    ("notification_deliveries", "place"): st.sampled_from((1, 2, 3)),
    ("notification_deliveries", "lease"): st.sampled_from((None, *(UUID(int=n) for n in (1, 2)))),
    ("notification_deliveries", "due_at"): st.sampled_from((START, START + timedelta(days=1))),
    ("notification_deliveries", "leased_until"): st.sampled_from((None, START, START + timedelta(seconds=1))),
    ("cicd_pipelines", "name"): st.sampled_from(("ci", "cd")),
    ("cicd_executions", "concurrency_key"): st.sampled_from((None, "main")),
}
"""Values that make rows meet."""


@dataclass(frozen=True)
class Call:
    """One repository call, as data: the same on every backend."""

    repository: str
    method: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    take: int | None = None
    """How many items of a stream to read; None where the call returns a value."""

    def target(self, unit: UnitOfWork) -> Callable[..., Any]:
        bound: Callable[..., Any] = getattr(getattr(unit, self.repository), self.method)
        return bound

    def __call__(self, unit: UnitOfWork) -> Any:
        result = self.target(unit)(*self.args, **self.kwargs)
        return result if self.take is None else list(islice(result, self.take))

    @property
    def batchable(self) -> bool:
        return self.method not in ("stream", "insert_many", "update_many", "upsert", "refresh")


class Known:
    """What the calls so far returned: records to meet again, of whatever age."""

    def __init__(self) -> None:
        self.records: dict[str, list[Any]] = {table.name: [] for table in TABLES}
        self.cursors: list[str] = []
        self._ids = 0

    def fresh(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids << 64 | (self._ids * 0x9E3779B97F4A7C15) % (1 << 64))

    def learn(self, value: Any) -> None:
        """Keep the records that `value` is or holds."""
        for table in TABLES:
            if type(value) is table.record:
                kept = self.records[table.name]
                kept.append(value)
                del kept[:-12]
                return
        if isinstance(value, (list, tuple)):
            for item in value[:5]:
                self.learn(item)
        if isinstance(value, Page):
            self.learn(value.items)
            if value.next_cursor is not None:
                self.cursors.append(value.next_cursor)
                del self.cursors[:-5]

    def ids(self, table: str) -> list[UUID]:
        return [record.id for record in self.records[table]]


@st.composite
def an_id(draw: DrawFn, known: Known, table: str, *, miss: int = 8) -> UUID:
    """The id of a known row, one time in `miss` of none."""
    ids = known.ids(table)
    if not ids or draw(st.integers(0, miss)) == 0:
        return UUID(int=draw(st.integers(1, 3)))
    return draw(st.sampled_from(ids))


SCOPES: Final = {"project_id": "projects", "user_id": "users"}


@st.composite
def a_record(draw: DrawFn, known: Known, table: Table[Any], *, id: UUID | None = None) -> Any:
    """A valid record whose references mostly exist and whose unique values often collide."""
    fixed: dict[str, Any] = {"id": known.fresh() if id is None else id}
    for reference in table.references:
        if not table.by_name[reference.field].nullable or draw(st.booleans()):
            fixed[reference.field] = draw(an_id(known, reference.target, miss=20))
    for (name, column), favourite in FAVOURITES.items():
        if name == table.name and draw(st.integers(0, 9)):
            fixed[column] = draw(favourite)
    for each in table.columns:
        if isinstance(each.rule, Json) and each.rule.root is dict and draw(st.booleans()):
            fixed[each.name] = draw(DOCUMENTS)
    if table is DEPLOYMENT_LOG_LINES:
        fixed["deployment_id"] = draw(an_id(known, DEPLOYMENT_LOGS.name))
    if table.name.endswith("deployments"):
        fixed["status"] = draw(st.sampled_from(list(DeploymentStatus)))
    return draw(strategies.records(table, **fixed))


@st.composite
def a_change(draw: DrawFn, known: Known, table: Table[Any]) -> Any:
    """A known record with some fields changed; its version may be stale, and sometimes its row is gone."""
    if not known.records[table.name] or draw(st.integers(0, 15)) == 0:
        return draw(a_record(known, table))
    old = draw(st.sampled_from(known.records[table.name]))
    new = draw(a_record(known, table, id=old.id))
    chosen = draw(st.sets(st.sampled_from(table.names), max_size=4)) - {"id", "updated_at"}
    return dataclasses.replace(old, **{name: getattr(new, name) for name in chosen if name != table.scope})


@st.composite
def a_call(draw: DrawFn, known: Known) -> Call:
    """Any call on any table, or one of the calls that only some tables have."""
    if draw(st.integers(0, 3)) == 0:
        return draw(draw(st.sampled_from(SPECIAL))(known))
    table = draw(st.sampled_from(TABLES))
    if table.partitioned:
        return draw(audit_call(known, table))
    return draw(table_call(known, table))


@st.composite
def table_call(draw: DrawFn, known: Known, table: Table[Any]) -> Call:
    name = REPOSITORIES[table.name]
    scope = () if table.scope is None else (draw(an_id(known, SCOPES[table.scope])),)
    records = st.lists(a_record(known, table), max_size=4)
    changes = st.lists(a_change(known, table), max_size=3)
    ids = st.lists(an_id(known, table.name), max_size=4)
    match draw(st.sampled_from(METHODS)):
        case "insert":
            return Call(name, "insert", (draw(a_record(known, table)),))
        case "insert_many":
            return Call(name, "insert_many", (draw(records),))
        case "update":
            return Call(name, "update", (draw(a_change(known, table)),))
        case "update_many":
            return Call(name, "update_many", (draw(changes),))
        case "upsert":
            on = draw(st.sampled_from((None, *(unique.name for unique in table.uniques), "nonsense")))
            return Call(name, "upsert", (draw(records) + draw(changes),), {"on": on})
        case "delete":
            return Call(name, "delete", (*_key(draw, known, table, scope),))
        case "delete_where" if scope:
            return Call(name, "delete_where", (*scope, draw(a_filter(known, table))))
        case "get" | "find" as method:
            return Call(name, method, _key(draw, known, table, scope))
        case "find_many":
            return Call(name, "find_many", (*scope, draw(ids)))
        case "count":
            return Call(name, "count", scope, {"where": draw(st.none() | a_filter(known, table))})
        case "stream":
            return Call(name, "stream", scope, draw(listing(known, table)), take=draw(st.integers(0, 20)))
        case _:
            return Call(name, "page", scope, draw(page(known, table)))


METHODS: Final = (
    *("insert",) * 5,
    *("update",) * 3,
    *("page",) * 3,
    *("insert_many", "update_many", "upsert", "delete", "delete_where", "get", "find", "find_many", "count", "stream"),
)


def _key(draw: DrawFn, known: Known, table: Table[Any], scope: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """Mostly the whole key of one row; sometimes a row of another scope."""
    rows = known.records[table.name]
    hit: int = draw(st.integers(0, 5))
    if rows and hit:
        row: Any = draw(st.sampled_from(rows))
        return tuple(getattr(row, name) for name in table.locator)
    return (*scope, draw(an_id(known, table.name)))


SIGNS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
DOCUMENTS: Final[SearchStrategy[Any]] = st.sampled_from(
    ({}, {"a": 1}, {"a": True}, {"a": 1.0}, {"a": [1, "x"]}, {"a": [True]}, {"a": {"b": 1}}, {"b": None})
)


@st.composite
def a_near_filter(draw: DrawFn, known: Known, table: Table[Any]) -> Filter:
    """A filter that a known row meets, or only just misses: chance alone seldom draws a value that is stored."""
    if not known.records[table.name]:
        return draw(strategies.filters(table))
    row = draw(st.sampled_from(known.records[table.name]))
    column = draw(st.sampled_from(table.columns))
    value, name = getattr(row, column.name), Field(column.name)
    if value is None or isinstance(column.rule, TextArray):
        return name.missing()
    if isinstance(column.rule, Json):
        return name.includes(draw(st.just(value) | DOCUMENTS)) if draw(st.booleans()) else name.eq(value)
    if isinstance(column.rule, Text) and draw(st.booleans()):
        cut = draw(st.integers(0, 3))
        found = (name.starts_with(value[:cut]), name.ends_with(value[cut:]), name.contains(value[cut:5]))
        return draw(st.sampled_from(found))
    sign = draw(st.sampled_from(SIGNS if column.rule.ordered else SIGNS[:2]))
    compare: Filter = getattr(name, sign)(value)
    return compare


@st.composite
def a_filter(draw: DrawFn, known: Known, table: Table[Any]) -> Filter:
    """Mostly near filters, alone, negated or with another; sometimes any filter."""
    match int(draw(st.integers(0, 5))):
        case 0:
            return draw(strategies.filters(table))
        case 1:
            return ~draw(a_near_filter(known, table))
        case 2:
            return draw(a_near_filter(known, table)) & draw(a_near_filter(known, table))
        case 3:
            return draw(a_near_filter(known, table)) | draw(a_near_filter(known, table))
        case _:
            return draw(a_near_filter(known, table))


@st.composite
def listing(draw: DrawFn, known: Known, table: Table[Any]) -> dict[str, Any]:
    return {
        "where": draw(st.none() | a_filter(known, table)),
        "order_by": draw(st.none() | strategies.orders(table)),
    }


@st.composite
def page(draw: DrawFn, known: Known, table: Table[Any]) -> dict[str, Any]:
    chosen = draw(listing(known, table))
    chosen["limit"] = draw(st.sampled_from((50, 50, 50, 1, 1, 2, 3, 0, -1, 1001)))
    if known.cursors and draw(st.integers(0, 3)) == 0:
        chosen["cursor"] = draw(st.sampled_from(known.cursors))
    return chosen


@st.composite
def a_whole_listing(draw: DrawFn, known: Known) -> Call:
    """A page of all there is beside a known row, in any order: where a wrong order shows."""
    table = draw(st.sampled_from([table for table in TABLES if known.records[table.name]]))
    row = draw(st.sampled_from(known.records[table.name]))
    scope = () if table.scope is None else (getattr(row, table.scope),)
    return Call(REPOSITORIES[table.name], "page", scope, {"order_by": draw(strategies.orders(table)), "limit": 50})


@st.composite
def audit_call(draw: DrawFn, known: Known, table: Table[Any]) -> Call:
    match draw(st.sampled_from(("append", "append", "page", "count", "stream"))):
        case "append":
            again = known.records[table.name] and draw(st.integers(0, 9)) == 0
            event = draw(st.sampled_from(known.records[table.name])) if again else draw(a_record(known, table))
            return Call("audit", "append", (event,))
        case "count":
            return Call("audit", "count", (), {"where": draw(st.none() | a_filter(known, table))})
        case "stream":
            return Call("audit", "stream", (), draw(listing(known, table)), take=draw(st.integers(0, 20)))
        case _:
            return Call("audit", "page", (), draw(page(known, table)))


def _special(
    make: Callable[[Known], Iterable[SearchStrategy[Any]]], repository: str, method: str
) -> Callable[[Known], SearchStrategy[Call]]:
    @st.composite
    def build(draw: DrawFn, known: Known) -> Call:
        return Call(
            repository, method, tuple(draw(part) if isinstance(part, SearchStrategy) else part for part in make(known))
        )

    return build


def _project(known: Known) -> SearchStrategy[UUID]:
    return an_id(known, "projects")


def _user(known: Known) -> SearchStrategy[UUID]:
    return an_id(known, "users")


LIMITS: Final = st.sampled_from(
    (Limit(timedelta(seconds=1), 2), Limit(timedelta(days=1), 1), Limit(timedelta(microseconds=1), 3, 2))
)
"""Limits that a few tries reach."""


ENDS: Final = (
    ("notifications", "read_at"),
    ("notifications", "occurred_at"),
    ("sessions", "expires_at"),
    ("sessions", "idle_expires_at"),
    ("superseded_tokens", "created_at"),
    ("api_keys", "expires_at"),
    ("throttles", "available_at"),
)
MOMENTS: Final = (START, START + timedelta(days=1), EARLIEST, START.replace(tzinfo=None))
"""Before and after what tries and sessions reach; the last is one that no database can take."""


def _throttle(known: Known) -> SearchStrategy[UUID]:
    return an_id(known, "throttles", miss=3)


def _moment(known: Known) -> SearchStrategy[Any]:
    """Where a purge may end; often exactly where a known row does."""
    ends = [getattr(row, name) for table, name in ENDS for row in known.records[table]]
    return st.sampled_from((*(end for end in ends if end is not None), *MOMENTS))


def _notices(known: Known) -> SearchStrategy[Any]:
    return st.lists(a_record(known, NOTIFICATIONS), max_size=4)


@st.composite
def a_marking(draw: DrawFn, known: Known) -> Call:
    """Some of a user's notifications, and some of somebody else's, as read or unread."""
    ids = st.lists(an_id(known, "notifications"), max_size=4)
    return Call("notifications", "mark", (draw(_user(known)), draw(ids)), {"read": draw(st.booleans())})


LEASES: Final = st.sampled_from((UUID(int=1), UUID(int=2)))


def _claim(known: Known) -> tuple[SearchStrategy[Any], ...]:
    channels = st.sampled_from((("email", "webhook"), ("email",), ()))
    return LEASES, st.sampled_from(MOMENTS), channels, st.sampled_from((10, 10, 1, 2, 0, 1001))


@st.composite
def a_settlement(draw: DrawFn, known: Known) -> Call:
    """A delivery of which a lease says that it holds it, often rightly."""
    rows = known.records["notification_deliveries"]
    hit: int = draw(st.integers(0, 5))
    if rows and hit:
        row: Any = draw(st.sampled_from(rows))
        user, key, lease = row.user_id, row.id, row.lease or draw(LEASES)
    else:
        user, key, lease = draw(_user(known)), draw(an_id(known, "notification_deliveries")), draw(LEASES)
    others = draw(st.lists(an_id(known, "notification_deliveries"), max_size=2))
    if draw(st.booleans()):
        return Call("deliveries", "complete", (user, key, lease, others))
    how = {
        "due_at": draw(st.sampled_from(MOMENTS)),
        "error": draw(st.sampled_from(("refused", "", "x" * 201))),
        "most": draw(st.sampled_from((1, 2, 10, 0))),
    }
    return Call("deliveries", "fail", (user, key, lease, others), how)


def _log(known: Known) -> SearchStrategy[UUID]:
    return an_id(known, "deployment_logs")


_edge = st.sampled_from((1, 1, 2, 3, 5, 0, -1, 2**31 - 1, -(2**31), 2**31, True))
_most = st.sampled_from((1, 2, 1000, 1000, 0, -1, 1001))
_path = st.sampled_from(PATHS)
_paths = st.lists(_path, max_size=4)
_SALTS: Final = st.sampled_from((UUID(int=1), UUID(int=2), UUID(int=3)))
"""Few, so that copies meet the copies that were made before."""

_searches: Final = st.builds(
    Search,
    st.sampled_from(("needle", "NEED", "e", "strasse", "ß", "hay\r", "a/b", "b", "\U0001d4d0", "le in ha")),
    st.just(True),
    st.booleans(),
    st.booleans(),
    st.none() | _path,
)


@st.composite
def _unindexed(draw: DrawFn, known: Known) -> Call:
    limit = draw(st.sampled_from((0, 1, 50, -1)))
    return Call("files", "unindexed", (draw(_project(known)),), {"limit": limit})


SPECIAL: Final[tuple[Callable[[Known], SearchStrategy[Call]], ...]] = (
    _special(lambda k: (st.sampled_from(("ada@example.org", "x", "bob@example.org")),), "users", "find_by_email_key"),
    _special(lambda k: (_user(k), st.sampled_from(("t1", "t2"))), "sessions", "find_by_token"),
    _special(lambda k: (_user(k), st.sampled_from(("t1", "t2"))), "superseded_tokens", "find_by_token"),
    _special(lambda k: (_user(k), st.sampled_from(("vck_1", "vck_2"))), "api_keys", "find_by_prefix"),
    _special(lambda k: (_user(k), st.sampled_from(("c1", "c2"))), "recovery_codes", "use"),
    _special(lambda k: (_throttle(k), LIMITS), "throttles", "take"),
    _special(lambda k: (_throttle(k), LIMITS), "throttles", "take"),
    _special(lambda k: (_throttle(k), LIMITS), "throttles", "refund"),
    _special(lambda k: (_throttle(k),), "throttles", "forget"),
    _special(lambda k: (_moment(k), st.sampled_from((None, 1, 2, 0, True))), "throttles", "purge"),
    _special(lambda k: (_moment(k),), "sessions", "purge"),
    _special(lambda k: (_moment(k),), "superseded_tokens", "purge"),
    _special(lambda k: (_moment(k),), "api_keys", "purge"),
    _special(lambda k: (_notices(k),), "notifications", "tell"),
    _special(lambda k: (_notices(k),), "notifications", "tell"),
    a_marking,
    _special(lambda k: (_user(k), _moment(k)), "notifications", "mark_until"),
    _special(lambda k: (st.sampled_from((50, 1, 0)),), "notifications", "awaiting"),
    _special(lambda k: (_moment(k),), "notifications", "purge"),
    _special(
        lambda k: (st.none() | an_id(k, "notification_webhooks"), st.sampled_from((50, 1, 0))), "webhooks", "following"
    ),
    _special(_claim, "deliveries", "claim"),
    _special(_claim, "deliveries", "claim"),
    a_settlement,
    a_settlement,
    _special(lambda k: (_user(k),), "deliveries", "revive"),
    _special(lambda k: (_project(k), _user(k)), "members", "find_user"),
    _special(lambda k: (_project(k), st.none() | _user(k)), "projects", "access"),
    _special(lambda k: (st.none() | _user(k),), "projects", "page_readable"),
    _special(lambda k: (_project(k), _path), "files", "find_path"),
    _special(lambda k: (_project(k), st.none() | _paths), "files", "stamps"),
    _special(lambda k: (_project(k), _path), "files", "subtree"),
    _special(lambda k: (_project(k), st.none() | _path), "files", "totals"),
    _special(lambda k: (_project(k), st.none() | _path), "files", "children"),
    _special(lambda k: (_project(k), _paths), "files", "case_twins"),
    _special(lambda k: (_project(k), _searches), "files", "search"),
    _special(lambda k: (_project(k), _searches), "files", "search"),
    _unindexed,
    _special(lambda k: (_project(k),), "content_grams", "purge"),
    _special(
        lambda k: (_project(k), _path, _path | st.just("y" * 900), st.none() | an_id(k, "files"), _SALTS),
        "files",
        "copy_subtree",
    ),
    _special(
        lambda k: (_project(k), _path, _path | st.just("y" * 900), st.none() | an_id(k, "files")),
        "files",
        "move_subtree",
    ),
    _special(lambda k: (_project(k),), "reviews", "latest"),
    _special(lambda k: (_project(k), _paths), "reviews", "delete_paths"),
    _special(lambda k: (_project(k), _path, _path | st.just("y" * 900)), "reviews", "move_paths"),
    _special(lambda k: (_project(k), _path, _path | st.just("y" * 900)), "tests", "move_paths"),
    _special(lambda k: (_project(k), st.sampled_from(("production", "staging"))), "deployments", "running"),
    _special(lambda k: (st.sampled_from((0, 1, 30, 400, -1, True)),), "deployments", "archive"),
    _special(lambda k: (_project(k),), "deployments", "active"),
    _special(lambda k: (_project(k),), "deployments", "environments"),
    _special(lambda k: (_project(k), _log(k), _edge, _most), "deployment_log_lines", "read"),
    _special(lambda k: (_project(k), _log(k), _most), "deployment_log_lines", "tail"),
    _special(lambda k: (_project(k), _log(k), _edge, _edge), "deployment_log_lines", "drop"),
    _special(lambda k: (_project(k),), "quality", "inputs"),
    _special(lambda k: (), "analytics", "recent_activity"),
    _special(lambda k: (), "analytics", "project_file_stats"),
    _special(lambda k: (), "analytics", "deployment_success_rate"),
    _special(lambda k: (), "analytics", "daily_project_stats"),
    _special(lambda k: (), "analytics", "user_activity"),
    _special(lambda k: (), "analytics", "system_health"),
    _special(lambda k: (), "analytics", "refresh"),
)


@st.composite
def a_wrong_call(draw: DrawFn, known: Known) -> Call:
    """An insert, an update or a filter with one value that its field refuses."""
    table = draw(st.sampled_from([table for table in TABLES if not table.partitioned]))
    column = draw(st.sampled_from(table.columns))
    record = draw(a_record(known, table))
    wrong = dataclasses.replace(record, **{column.name: draw(strategies.invalid_values(column))})
    return Call(REPOSITORIES[table.name], draw(st.sampled_from(("insert", "update"))), (wrong,))
