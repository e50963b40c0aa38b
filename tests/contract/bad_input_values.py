"""For every parameter of every service method: arguments that are wrong, and what must come of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from io import BytesIO, StringIO
from itertools import repeat
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from tests.contract.bad_input_house import House
from tests.reports_data import result, sarif
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.api_keys import API_KEYS, make_api_key
from vibecore.domain.audit import AHEAD
from vibecore.domain.deployment_logs import LogEntry
from vibecore.domain.deployments import DEPLOYMENTS
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidCursor,
    InvalidValue,
    MissingReference,
    NotFound,
    Stale,
    VibecoreError,
)
from vibecore.domain.files import FILES
from vibecore.domain.filters import (
    MAX_AMONG,
    Among,
    And,
    Compare,
    Comparison,
    Field,
    Includes,
    Missing,
    Not,
    Occurs,
    Or,
    Place,
)
from vibecore.domain.issues import Issue
from vibecore.domain.members import MEMBERS
from vibecore.domain.notifications import NOTIFICATION_PREFERENCES, NOTIFICATIONS
from vibecore.domain.paging import Order
from vibecore.domain.permissions import CREDENTIAL, Action
from vibecore.domain.projects import PROJECTS
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.rules import MAX_TEXT_BYTES, Boolean, Integer, Text, TextArray, Timestamp, Uuid
from vibecore.domain.schema import NO_DEFAULT, Column, Table
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.tests import TEST_RESULTS
from vibecore.domain.users import USERS, UserRole
from vibecore.services.limits import ImportLimits
from vibecore.testing.effects import START
from vibecore.testing.parity.arguments import ISSUE, PASSWORDS
from vibecore.testing.wrong import NUL, SURROGATES, Label, wrong_values

UNKNOWN: Final = UUID(int=2**100)
_OVERLONG: Final = "x" * (MAX_TEXT_BYTES + 1)


class Plain(str):
    """A subclass of str that adds nothing."""

    __slots__ = ()


class Sneaky(UUID):
    """A subclass of UUID that adds nothing."""


@dataclass(frozen=True)
class Bad:
    """An argument, the error that it must raise, and the fields that this error may name. `nothing`: there may be an
    empty result instead."""

    argument: Any
    error: type[VibecoreError] = InvalidValue
    fields: tuple[str, ...] = ()
    nothing: bool = False


Source = Callable[[House], list[Any]]


def bad_arguments(house: House, service: str, method: str, name: str, annotation: str) -> list[Bad]:
    """What is wrong for this parameter; KeyError for a parameter that nothing is known of."""
    source = BY_METHOD.get((service, method, name)) or BY_SERVICE.get((service, name)) or BY_NAME[name]
    values = source(house)
    if "None" in annotation:
        values = [value for value in values if value is not None]
    elif not any(value is None or (isinstance(value, Bad) and value.argument is None) for value in values):
        values.append(None)
    found = [value if isinstance(value, Bad) else Bad(value) for value in values]
    named = (name, *ALIASES.get(name, ()))
    return [_completed(bad, named, method) for bad in found]


def _completed(bad: Bad, named: tuple[str, ...], method: str) -> Bad:
    """The names of the fields and, for what is not there, whether the method says None instead of raising."""
    if bad.error is NotFound:
        return replace(bad, nothing=bad.nothing or method == "find")
    return replace(bad, fields=bad.fields or named)


def _column(table: Table[Any], name: str) -> Source:
    return lambda house: wrong_values(table.by_name[name]) + _too_much(table.by_name[name])


def _too_much(column: Column) -> list[Any]:
    unbounded = isinstance(column.rule, Text) and column.rule.longest is None
    return [_OVERLONG] if unbounded else []


def _rule(rule: Any) -> Source:
    return lambda house: wrong_values(Column("", rule, False, NO_DEFAULT))


def _id(foreign: Callable[[House], UUID] | None = None, *, nothing: bool = False) -> Source:
    def run(house: House) -> list[Any]:
        absent = [Bad(UNKNOWN, NotFound, nothing=nothing), Bad(Sneaky(int=UNKNOWN.int), NotFound, nothing=nothing)]
        others = [] if foreign is None else [Bad(foreign(house), NotFound)]
        return [*wrong_values(Column("", Uuid(), False, NO_DEFAULT)), [UNKNOWN], *absent, *others]

    return run


def _actors(house: House) -> list[Any]:
    class Pretender(Actor):
        pass

    return [
        None,
        1,
        True,
        "system",
        b"system",
        object(),
        [],
        {"kind": "system"},
        Actor,
        house.mine.actor.user_id,
        ActorKind.SYSTEM,
        SimpleNamespace(kind=ActorKind.SYSTEM, user_id=None, role=None, scopes=None, ip_address=None, reason="x"),
        Pretender(kind=ActorKind.SYSTEM, reason="x"),
    ]


def _text_at_a_method(*more: Any) -> Source:
    return lambda house: [None, 1, 1.5, True, b"text", ["text"], object(), Label.ADMIN, NUL, *SURROGATES, *more]


_PATHS: Final = (
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "a/../b",
    "a\n",
    "\x85",
    "x" * 256,
    "/".join(["x" * 200] * 6),
    "😀" * 255 + "/" + "😀" * 255 + "/" + "😀" * 255,
    "x" * 100_000,
)


def _limits(house: House) -> list[Any]:
    return [None, -1, 1001, 2**31, 10**30, True, 1.0, float("nan"), float("inf"), "1", b"1", object(), [1]]


def _dates(house: House) -> list[Any]:
    naive = datetime(2024, 5, 1)  # noqa: DTZ001  # naive on purpose
    return [1, True, 1.5, "2024-05-01", b"2024-05-01", naive, START, object(), [], (2024, 5, 1)]


def _cursors(other: str) -> Source:
    def run(house: House) -> list[Any]:
        foreign = house.cursors[other]
        damaged = [foreign[:-1], foreign + "A", foreign[::-1], foreign.lower(), foreign + "=", foreign + "\n", ""]
        values = ["x", "é", NUL, SURROGATES[0], "A" * 100_000, 1, True, b"x", foreign.encode(), object(), [foreign]]
        return [Bad(value, InvalidCursor) for value in [foreign, *damaged, *values, Plain(foreign)]]

    return run


def _orders(house: House) -> list[Any]:
    lists: list[Any] = [[], (), ["created_at"] * 9, ["created_at", "created_at"], ["created_at", Order("created_at")]]
    fields = ["", "nonsense", NUL, SURROGATES[0], "x" * 100_000, Plain("created_at"), Label.ADMIN, "created_at "]
    entries: list[Any] = [Order(1), Order(None), Order([]), Order("id", 1), Order("id", None), Order("id", [])]  # type: ignore[arg-type]
    wrong: list[Any] = [1, True, b"id", 1.5, object(), {"id"}, {"id": 1}, iter(["id"]), [None], [["id"]], [1], Order]
    return [*lists, *fields, *entries, *wrong, [Order], [Label.ADMIN]]


def _filters(house: House) -> list[Any]:
    eq, ge, some = Comparison.EQ, Comparison.GE, Field("id").missing()
    naive = datetime(2024, 5, 1)  # noqa: DTZ001  # naive on purpose
    literals: list[Any] = [None, "text", 1, True, float("nan"), object(), [], {}, {"a"}, b"x", Plain("x"), UUID]
    moments: list[Any] = [naive, datetime.max.replace(tzinfo=UTC), "2024-05-01", 0, None, [START]]
    fields: list[Any] = [1, None, [], {}, b"id", object(), "", "nonsense", NUL, SURROGATES[0], Plain("id"), Label.ADMIN]
    nodes: list[Any] = [1, True, "id = id", b"x", 1.5, object(), [], (), {}, [some], lambda row: True, Field("id")]
    comparisons: list[Any] = ["=", "EQ", 1, None, Place.START, Label.ADMIN, []]
    return [
        *nodes,
        *(Compare(name, eq, UNKNOWN) for name in fields),
        *(Among(name, (UNKNOWN,)) for name in fields),
        *(Missing(name) for name in fields),
        *(Occurs(name, Place.START, "x") for name in fields),
        *(Includes(name, {}) for name in fields),
        *(Compare("id", comparison, UNKNOWN) for comparison in comparisons),
        *(Compare("id", eq, literal) for literal in literals),
        *(Among("id", (literal,)) for literal in literals),
        *(Compare("created_at", ge, moment) for moment in moments),
        *(Among("id", values) for values in (None, 1, "x", b"x", [UNKNOWN], {UNKNOWN}, object(), iter(()))),  # type: ignore[arg-type]
        Among("id", (UNKNOWN,) * (MAX_AMONG + 1)),
        Occurs("id", Place.START, "x"),
        Includes("id", {}),
        *(kind(parts) for kind in (And, Or) for parts in (None, 1, "ab", [some], iter((some,)), {some})),  # type: ignore[arg-type]
        *(kind((part,)) for kind in (And, Or) for part in nodes),
        *(Not(part) for part in [None, *nodes]),
        And((some, None)),  # type: ignore[arg-type]
        Compare,
        And,
        And((some,) * 600),
        reduce(lambda node, _: Not(node), range(40), some),  # type: ignore[arg-type,return-value]
        reduce(lambda node, _: And((node,)), range(3000), some),  # type: ignore[arg-type,return-value]
    ]


def _issues(house: House) -> list[Any]:
    one = Issue.from_json(ISSUE)
    changed: list[dict[Any, object]] = [
        {"line": 0},
        {"line": True},
        {"line": 1.0},
        {"line": 2**31},
        {"line": None},
        {"column": "1"},
        {"severity": "bad"},
        {"severity": 1},
        {"severity": []},
        {"category": Label.ADMIN},
        {"message": ""},
        {"message": NUL},
        {"message": SURROGATES[0]},
        {"message": "x" * 4001},
        {"message": b"x"},
        {"suggestion": 1},
        {"rule_id": "x" * 201},
        {"tool": []},
        {"fingerprint": 0},
        {"fingerprint": False},
        {"fingerprint": []},
        {"fingerprint": "x" * 201},
        {"effort_minutes": -1},
        {"effort_minutes": float("inf")},
        {"suppressed": 1},
        {"nonsense": 1},
        {1: 1},
        {NUL: 1},
    ]
    by_hand: list[Any] = [{"line": 0}, {"message": NUL}, {"severity": None}, {"severity": []}, {"fingerprint": 1}]
    whole: list[Any] = [None, 1, True, "x", b"x", {}, ISSUE, one, iter((ISSUE,)), {"a"}, object()]
    entries: list[Any] = [None, 1, "x", b"x", [], {}, object(), Issue]
    return [
        *whole,
        *([entry] for entry in entries),
        *([{**ISSUE, **part}] for part in changed),
        *([ISSUE, replace(one, **part)] for part in by_hand),
    ]


def _lines(house: House) -> list[Any]:
    naive = datetime(2024, 5, 1)  # noqa: DTZ001  # naive on purpose
    whole: list[Any] = [
        None,
        1,
        True,
        "line",
        b"line",
        bytearray(b"line"),
        {"line": 1},
        {"line"},
        object(),
        LogEntry("x"),
    ]
    entries: list[Any] = [None, 1, True, b"line", ["line"], object(), Label.ADMIN, "a\nb", "\n\n", "a\n\r\n"]
    by_hand: list[Any] = [
        *(LogEntry(text) for text in (None, 1, b"x", Label.ADMIN, "a\nb")),  # type: ignore[arg-type]
        *(LogEntry("x", stream) for stream in (None, "stdout", 1, Label.ADMIN)),  # type: ignore[arg-type]
        *(LogEntry("x", time=time) for time in (naive, 1, "2024-05-01", datetime.max.replace(tzinfo=UTC))),  # type: ignore[arg-type]
    ]
    return [*whole, *([entry] for entry in (*entries, *by_hand)), ["line"] * 10_001, repeat("line")]


def _stacks(house: House) -> list[Any]:
    shapes: list[Any] = [
        {"backend": "Python"},
        {"backend": None},
        {"backend": {"Python": 1}},
        {"backend": [1]},
        {"backend": [None]},
        {"backend": [[]]},
        {"backend": [""]},
        {"backend": ["x" * 101]},
        {"backend": ["Python", "Python"]},
        {"": ["Python"]},
        {"x" * 101: []},
        {"backend": ["x"] * 201},
        {str(number): [] for number in range(51)},
    ]
    return [*wrong_values(PROJECTS.by_name["tech_stack"]), *shapes]


def _data(house: House) -> list[Any]:
    fine = {"project_id": UNKNOWN, "project": "engine"}
    changed: list[dict[Any, object]] = [
        {"project": 1},
        {"project": None},
        {"project": NUL},
        {"project": SURROGATES[0]},
        {"project": Label.ADMIN},
        {"project_id": str(UNKNOWN)},
        {"project_id": None},
        {"more": 1},
        {1: 1},
        {NUL: 1},
    ]
    whole: list[Any] = [1, True, "x", b"x", [], [("project", "x")], object(), {}, {"project": "engine"}]
    return [*whole, *({**fine, **part} for part in changed)]


def _id_lists(absent: type[VibecoreError] | None) -> Source:
    def run(house: House) -> list[Any]:
        entries = wrong_values(Column("", Uuid(), False, NO_DEFAULT))
        missing = [] if absent is None else [Bad([UNKNOWN], absent), Bad([Sneaky(int=UNKNOWN.int)], absent)]
        many = [UUID(int=2**101 + number) for number in range(1001)]
        return [1, True, "x", b"x", object(), UNKNOWN, many, *([entry] for entry in entries), *missing]

    return run


def _theirs_told(house: House) -> UUID:
    return house.vibe.notifications.page(house.theirs.actor).items[0].id


def _webhook_urls(house: House) -> list[Any]:
    texts = (
        *("", " ", "x", "http://example.org/", "ftp://example.org/", "https://", "https:///x", "https://example.org\n"),
        *("https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://0/"),
        *("https://2130706433/", "https://0x7f000001/", "https://127.1/", "https://[::ffff:127.0.0.1]/"),
        *("https://[fe80::1%25eth0]/", "https://[64:ff9b::7f00:1]/", "https://224.0.0.1/", "https://user@example.org/"),
        *("https://example.org/#x", "https://example.org:0/", "https://example.org:99999/", "https://ex ample.org/"),
        *("https://exämple.org/", "https://-a.org/", "https://example.org\\@evil.org/", "https://" + "x" * 2000),
    )
    return [1, 1.5, True, b"https://example.org/", ["x"], object(), NUL, *SURROGATES, Label.ADMIN, *texts]


def _passwords(house: House) -> list[Any]:
    return [None, 1, 1.5, True, b"a long enough password", ["password"], object(), NUL * 20, SURROGATES[0], "x" * 1025]


def _new_passwords(house: House) -> list[Any]:
    return [*_passwords(house), "", "short", "x" * 10_000, "Name"]


def _tokens(house: House) -> list[Any]:
    forged = [house.token + "A", house.token[:-1], house.token.lower(), "", NUL, SURROGATES[0], "é", "x" * 100_000]
    return [None, 1, True, b"vcs_", house.token.encode(), object(), [house.token]] + [
        Bad(token, AuthenticationFailed) for token in forged
    ]


def _keys(house: House) -> list[Any]:
    key = house.key
    damaged = [key + "A", key[:-1], key.lower(), key.swapcase(), key[:20], f" {key}", f"{key}\n", key.replace("_", "-")]
    shaped = make_api_key(UNKNOWN, bytes(10), bytes(32))
    texts = [*damaged, shaped, house.token, "", NUL, SURROGATES[0], "é", "x" * 100_000]
    return [None, 1, True, key.encode(), object(), [key], Label.ADMIN] + [
        Bad(text, AuthenticationFailed) for text in texts
    ]


def _permissions(house: House) -> list[Any]:
    entries: list[Any] = [None, 1, True, b"project.read", ["project.read"], object(), Label.ADMIN, NUL, *SURROGATES]
    names = ["", "*", "project.*", "PROJECT.READ", "project.read ", "PROJECT_READ", "x" * 100_000, *CREDENTIAL]
    wrong: list[Any] = [1, True, 1.5, "project.read", b"project.read", {"project.read": True}, object(), Action.DEPLOY]
    return [*wrong, ["project.read"] * 1001, repeat("project.read"), *([entry] for entry in (*entries, *names))]


def _link_tokens(mail: str) -> Source:
    def run(house: House) -> list[Any]:
        token = house.links[mail]
        others = [other for name, other in house.links.items() if name != mail]
        forged = [token + "A", token[:-4], token.lower(), token[:4], "", NUL, SURROGATES[0], "é", "x" * 100_000]
        wrong = [None, 1, True, b"vcr_", token.encode(), object(), [token], Label.ADMIN]
        return wrong + [Bad(each, AuthenticationFailed) for each in (*forged, house.token, *others)]

    return run


def _known_passwords(house: House) -> list[Any]:
    return [*_passwords(house), Bad("correct horse battery stapler", AuthenticationFailed)]


def _not_text(house: House) -> list[Any]:
    """What no token or code can be, which is another thing than a wrong one."""
    return [None, 1, True, 1.5, b"123456", object(), ["123456"]]


def _not_text_but_none(house: House) -> list[Any]:
    return _not_text(house)[1:]


def _folders(house: House) -> list[Any]:
    wrong = [None, 1, True, 1.5, b"/", object(), [], "", NUL, "\ud800", "no such folder", "x" * 100_000, Label.ADMIN]
    return [*wrong, str(house.folder / "a.py"), house.folder / "nowhere"]


def _targets(house: House) -> list[Any]:
    wrong = [None, 1, True, 1.5, b"/", object(), [], "", NUL, "\ud800", "x" * 100_000, Label.ADMIN]
    return [
        *wrong,
        Bad(BytesIO(), fields=("archive",)),
        str(house.folder / "a.py"),
        house.folder / "a.py" / "below",
    ]


def _reviewers(house: House) -> list[Any]:
    def made(**facts: Any) -> list[Any]:
        return [SimpleNamespace(**{"name": "n", "languages": {"Python"}, "review": lambda path, text: None, **facts})]

    changed: list[dict[str, Any]] = [
        {"name": None},
        {"name": ""},
        {"name": 1},
        {"name": []},
        {"name": NUL},
        {"name": "x" * 101},
        {"languages": "Python"},
        {"languages": None},
        {"languages": {1, "Python"}},
        {"languages": {None}},
        {"languages": {NUL}},
        {"languages": {b"Python"}},
        {"languages": {SURROGATES[0]}},
        {"review": None},
        {"review": "x"},
        {},
        {"review": lambda path, text: "fine"},
        {"review": lambda path, text: []},
    ]
    wrong: list[Any] = [1, True, "x", b"x", object(), {}, iter(()), [None], [1], [object()], made() * 2]
    return [*wrong, *(made(**facts) for facts in changed)]


_NO_ADDRESSES: Final = ("", "name", "a@b@c", "a b@c", "@b", "a@", "é" * 130 + "@b")


def _reports(house: House) -> list[Any]:
    cut = sarif(result("src/a.py", 1))[:-9]
    bytes_: list[Any] = [b"", b"{}", b"[]", b"\xff\xfe", b"\0", b'{"version": "2.1.0"}', cut, bytearray(b"{}")]
    return [None, 1, 1.5, True, "", NUL, "/nowhere/at/all", str(house.folder), ["x"], object(), StringIO("{}"), *bytes_]


ALIASES: Final[dict[str, tuple[str, ...]]] = {"where": ("field", "id", "created_at"), "order_by": ("field",)}
"""Names besides its own under which a parameter's error may go: a filter's literal goes by its column."""

_MOMENTS: Final[Source] = lambda house: [  # noqa: E731
    *wrong_values(Column("", Timestamp(), False, NO_DEFAULT)),
    Bad(datetime(2001, 1, 1, tzinfo=UTC), Stale),
]

BY_NAME: Final[dict[str, Source]] = {
    "actor": _actors,
    "project_id": _id(lambda house: house.theirs.project),
    "user_id": _id(),
    "deployment_id": _id(lambda house: house.theirs.running),
    "file_id": _id(lambda house: house.theirs.file),
    "review_id": _id(lambda house: house.theirs.review),
    "result_id": _id(lambda house: house.theirs.result),
    "token": _tokens,
    "key": _keys,
    "session_id": _id(lambda house: house.their_session),
    "key_id": _id(lambda house: house.their_key),
    "permissions": _permissions,
    "expires_at": lambda house: [
        *wrong_values(Column("", Timestamp(), False, NO_DEFAULT)),
        START,
        START - timedelta(microseconds=1),
    ],
    "email": lambda house: [*wrong_values(USERS.by_name["email"]), *_NO_ADDRESSES],
    "password": _new_passwords,
    "current": _known_passwords,
    "new": lambda house: [*_new_passwords(house), PASSWORDS[0]],
    "new_email": lambda house: [*wrong_values(USERS.by_name["email"]), *_NO_ADDRESSES, "ada@example.org"],
    "name": _column(USERS, "name"),
    "ip_address": _column(SESSIONS, "ip_address"),
    "device_info": lambda house: [*wrong_values(SESSIONS.by_name["device_info"]), {"a": "x" * 5000}],
    "challenge": _not_text,
    "code": _not_text,
    "unchanged_since": _MOMENTS,
    "description": _column(PROJECTS, "description"),
    "visibility": _column(PROJECTS, "visibility"),
    "tech_stack": _stacks,
    "architecture": _column(PROJECTS, "architecture"),
    "repository_url": _column(PROJECTS, "repository_url"),
    "avatar_url": _column(USERS, "avatar_url"),
    "role": _column(MEMBERS, "role"),
    "everything": _rule(Boolean()),
    "path": _text_at_a_method(*_PATHS),
    "source": _text_at_a_method(*_PATHS),
    "target": _text_at_a_method(*_PATHS, "src/below"),
    "folder": _text_at_a_method(*_PATHS),
    "content": lambda house: [None, 1, 1.5, True, ["text"], object(), Label.ADMIN, NUL, *SURROGATES, bytearray(b"x")],
    "metadata": _column(FILES, "metadata"),
    "exclude": lambda house: [
        *(None, 1, True, "*.pyc", b"*.pyc", b"", {"a"}, {"a": 1}, iter(["a"]), object()),
        *([item] for item in (None, 1, b"a", ["a"], "a\nb", NUL, SURROGATES[0], Label.ADMIN)),
    ],
    "archive": lambda house: [1, True, 1.5, "", "zip", b"zip", [], object(), Label.ADMIN],
    "overwrite": _rule(Boolean()),
    "limits": lambda house: [1, True, 1.5, "", {}, (), object(), ImportLimits],
    "refuse_case_collisions": _rule(Boolean()),
    "apply": _rule(Boolean()),
    "leave": _rule(Boolean()),
    "new_owner_id": _id(),
    "text": _text_at_a_method("", " \n", "x" * 1001, "a " * 21),
    **dict.fromkeys(("names", "contents", "ignore_case"), _rule(Boolean())),
    "gitignore": _rule(Boolean()),
    "delete_missing": _rule(Boolean()),
    "progress": lambda house: [1, True, "print", b"", [], object()],
    "reviewers": _reviewers,
    "root": lambda house: [1, True, b"/home", ["/home"], object(), "", "relative", "a/../b", NUL, f"/{NUL}"],
    "complete": _rule(Boolean()),
    "environment": _text_at_a_method("", " ", "x" * 51, "é", "a b", "a\n\nb", ".a", "a.", "x" * 100_000),
    "version": _column(DEPLOYMENTS, "version"),
    "config": _column(DEPLOYMENTS, "config"),
    "metrics": _column(DEPLOYMENTS, "metrics"),
    "lines": _lines,
    "first": _rule(Integer(low=1)),
    "follow": _rule(Boolean()),
    "reason": lambda house: [*wrong_values(DEPLOYMENTS.by_name["reason"]), _OVERLONG],
    "container_id": _column(DEPLOYMENTS, "container_id"),
    "container_port": _column(DEPLOYMENTS, "container_port"),
    "deployment_url": _column(DEPLOYMENTS, "deployment_url"),
    "status": _column(DEPLOYMENTS, "status"),
    "issues": _issues,
    "score": _column(CODE_REVIEWS, "score"),
    "summary": _column(CODE_REVIEWS, "summary"),
    "highlights": lambda house: wrong_values(Column("", TextArray(), False, NO_DEFAULT)),
    "reviewer": _column(CODE_REVIEWS, "reviewer"),
    "test_type": _column(TEST_RESULTS, "test_type"),
    "passed": _column(TEST_RESULTS, "passed"),
    "failed": _column(TEST_RESULTS, "failed"),
    "skipped": _column(TEST_RESULTS, "skipped"),
    "covered": lambda house: [*wrong_values(TEST_RESULTS.by_name["covered"]), 11],
    "coverable": lambda house: [*wrong_values(TEST_RESULTS.by_name["coverable"]), Bad(4, fields=("covered",))],
    "framework": _column(TEST_RESULTS, "framework"),
    "test_code": _column(TEST_RESULTS, "test_code"),
    "edge_cases": _column(TEST_RESULTS, "edge_cases"),
    "coverage_goal": _column(TEST_RESULTS, "coverage_goal"),
    "days": _rule(Integer(low=0)),
    "months": _rule(AHEAD),
    "since": _dates,
    "until": _dates,
    "type": lambda house: [*wrong_values(NOTIFICATIONS.by_name["type"]), "x" * 101],
    "title": _column(NOTIFICATIONS, "title"),
    "message": _column(NOTIFICATIONS, "message"),
    "data": _data,
    "dedup_key": _column(NOTIFICATIONS, "dedup_key"),
    "user_ids": _id_lists(MissingReference),
    "notification_id": _id(_theirs_told),
    "notification_ids": _id_lists(None),
    "unread": _rule(Boolean()),
    "channel": _text_at_a_method("", " ", "E-mail", "é", "a b", "x" * 51, "a.b"),
    "schedule": _column(NOTIFICATION_PREFERENCES, "schedule"),
    "url": _webhook_urls,
    "most": _rule(Integer(low=1, high=10_000)),
    "limit": _limits,
    "cursor": _cursors("files"),
    "order_by": _orders,
    "where": _filters,
}

BY_SERVICE: Final[dict[tuple[str, str], Source]] = {
    ("api_keys", "name"): _column(API_KEYS, "name"),
    ("projects", "name"): _column(PROJECTS, "name"),
    ("files", "text"): _text_at_a_method("", "a\nb", "x" * 201),
    ("files", "name"): _text_at_a_method(*_PATHS, "a/b", ".."),
    ("projects", "status"): _column(PROJECTS, "status"),
    ("files", "cursor"): _cursors("deployments"),
    ("analytics", "user_id"): _id(nothing=True),
}

BY_METHOD: Final[dict[tuple[str, str, str], Source]] = {
    **{
        ("notifications", name, "type"): _text_at_a_method("", "nonsense", "x" * 101)
        for name in ("tell", "set_preference")
    },
    ("notifications", "mark_all_read", "until"): _rule(Timestamp()),
    **{
        ("notifications", name, "user_id"): _id(nothing=True)
        for name in ("unread_count", "mark_read", "mark_unread", "mark_all_read", "find_webhook")
    },
    ("maintenance", "revive_deliveries", "user_id"): _id(nothing=True),
    **{
        ("notifications", name, "actor"): lambda house: [*_actors(house), Bad(Actor.system("x"), fields=("user_id",))]
        for name in (
            *("page", "unread_count", "mark_read", "mark_unread", "mark_all_read", "delete", "preferences"),
            *("set_preference", "find_webhook", "set_webhook", "remove_webhook"),
        )
    },
    **{
        ("api_keys", name, "actor"): lambda house: [*_actors(house), Bad(Actor.system("x"), fields=("user_id",))]
        for name in ("create", "page", "revoke")
    },
    ("auth", "login", "password"): lambda house: [
        *_passwords(house),
    ],
    ("passwords", "reset", "token"): _link_tokens("reset-password"),
    ("emails", "verify", "token"): _link_tokens("verify-email"),
    ("emails", "change", "token"): _link_tokens("change-email"),
    ("sessions", "reauthenticate", "password"): _passwords,
    **{
        ("sessions", name, "actor"): lambda house: [*_actors(house), Bad(Actor.system("x"), fields=("actor",))]
        for name in ("reauthenticate", "revoke_others")
    },
    **{
        ("sessions", name, "actor"): lambda house: [*_actors(house), Bad(Actor.system("x"), fields=("user_id",))]
        for name in ("page", "revoke", "revoke_all")
    },
    **{("auth", name, "device"): _not_text_but_none for name in ("login", "complete_challenge", "complete_enrolment")},
    ("sessions", "reauthenticate", "code"): _not_text_but_none,
    ("files", "import_tree", "source"): _folders,
    ("reviews", "import_sarif", "source"): _reports,
    ("files", "export_tree", "target"): _targets,
    ("deployments", "transition", "reason"): lambda house: [*wrong_values(DEPLOYMENTS.by_name["reason"]), ""],
    ("deployments", "append_logs", "first"): lambda house: [*_rule(Integer(low=1))(house), 2],
    ("deployments", "rollback", "reason"): lambda house: [*wrong_values(DEPLOYMENTS.by_name["reason"]), ""],
    ("projects", "create", "actor"): lambda house: [
        *_actors(house),
        Bad(
            Actor(kind=ActorKind.SESSION, user_id=UNKNOWN, role=UserRole.DEVELOPER, session_id=UNKNOWN),
            MissingReference,
        ),
        Bad(Actor.system("x"), fields=("actor",)),
    ],
}
