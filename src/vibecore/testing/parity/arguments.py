"""What arguments of service calls are drawn from, by their names: mostly what fits, so that calls get to the rules
behind their checks, and now and then something that does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vibecore.domain.actors import Actor
from vibecore.domain.deployment_logs import LogEntry, LogSource
from vibecore.domain.deployments import TRANSITIONS, DeploymentStatus
from vibecore.domain.filters import Field
from vibecore.domain.notification_types import MEMBER_REMOVED, OWNERSHIP_TRANSFERRED
from vibecore.domain.notifications import Schedule
from vibecore.domain.paging import Order
from vibecore.domain.permissions import Action
from vibecore.domain.projects import ProjectStatus, Visibility
from vibecore.domain.tests import TestType
from vibecore.domain.users import UserRole
from vibecore.services.export_archive import ArchiveFormat
from vibecore.services.limits import ImportLimits
from vibecore.testing import strategies
from vibecore.testing.effects import START
from vibecore.testing.parity.calls import CONTENTS, PATHS
from vibecore.testing.parity.world import CHILDREN, LINKS, World

SARIF: Final = b"""{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "ruff"}}, "results": [
 {"ruleId": "F401", "level": "error", "message": {"text": "unused"}, "locations": [{"physicalLocation":
  {"artifactLocation": {"uri": "a/c.py"}, "region": {"startLine": 1, "startColumn": 8}}}]},
 {"ruleId": "E1", "message": {"text": "odd"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "b"}}}]},
 {"ruleId": "E1", "message": {"text": "far"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a/b"},
  "region": {"startLine": 9}}}]}]}]}"""
CLEAN_SARIF: Final = b"""{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "ruff"}}, "artifacts": [
 {"location": {"uri": "file:///home/a/b"}, "roles": ["analysisTarget"]}], "results": []}]}"""
PASSWORDS: Final = ("correct horse battery staple", "another long password", "short")
EMAILS: Final = ("ada@example.org", "ADA@example.org", "bob@example.org", "cy@example.org", "no address")
FOLDERS: Final = ("empty", "tree", "changed")
ARCHIVES: Final = ("tree.zip", "changed.tar.gz", "hostile.tar", "cut.zip")
TARGETS: Final = (*FOLDERS, "nowhere")
ISSUE: Final = {"line": 1, "column": 1, "severity": "error", "category": "correctness", "message": "wrong"}
LINES: Final = (
    ("a",),
    ("a", "b\r\n", "\x1b[31mc\x1b[0m"),
    ("a", LogEntry("e", LogSource.STDERR, START), "n\0l"),
    ("x" * 9000,),
    tuple(str(number) for number in range(25)),
)
TOLD: Final = (MEMBER_REMOVED, OWNERSHIP_TRANSFERRED)
DATA: Final = {"project_id": UUID(int=7), "project": "engine"}
"""Of the shape that these types have."""
LIFETIMES: Final = (1, 10**6, 3600 * 10**6, 86_400 * 10**6)
"""Microseconds from now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a call takes place: what is known, the method, the project it is about and who acts."""

    world: World
    method: tuple[str, str]
    project_id: UUID
    actor: Actor


Values = Callable[[Scene], SearchStrategy[Any]]

NO_ID: Final = UUID(int=2**100)


def _sampled(*values: Any) -> Values:
    strategy = st.sampled_from(values)
    return lambda scene: strategy


def _drawn(strategy: SearchStrategy[Any]) -> Values:
    return lambda scene: strategy


def _moments(scene: Scene, distances: Sequence[int]) -> SearchStrategy[datetime]:
    return st.sampled_from([scene.world.clock() + timedelta(microseconds=distance) for distance in distances])


def _known(values: Sequence[Any], otherwise: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values) if values else st.just(otherwise)


def _child(name: str) -> Values:
    return lambda scene: _known(scene.world.of_project(name, scene.project_id), NO_ID)


def _status(scene: Scene) -> SearchStrategy[Any]:
    """Mostly a next step of one of the project's deployments."""
    known = [scene.world.statuses.get(key) for key in scene.world.of_project("deployment_id", scene.project_id)]
    steps = [step for status in known if status is not None for step in sorted(TRANSITIONS[status])]
    return st.sampled_from((*steps, *DeploymentStatus))


def _number(scene: Scene) -> SearchStrategy[Any]:
    """Where one of the project's logs goes on, or has been."""
    return st.sampled_from((1, 1, 2, 3, *scene.world.of_project("first", scene.project_id) * 2))


def _account(scene: Scene) -> SearchStrategy[Any]:
    """Mostly one's own, for the calls that one makes on one's own account."""
    own = [scene.actor.user_id] * 3 if scene.actor.user_id is not None and scene.method[0] in PERSONAL else []
    return _known([*own, *scene.world.users], NO_ID)


def _path(scene: Scene) -> SearchStrategy[Any]:
    """Often one that is there."""
    return st.sampled_from((*PATHS, *scene.world.of_project("path", scene.project_id) * 4))


def _target(scene: Scene) -> SearchStrategy[Any]:
    """Often below a folder that is there."""
    below = [f"{path}/{name}" for path in scene.world.of_project("path", scene.project_id) for name in ("b", "new")]
    return st.sampled_from((*PATHS, *below))


def _code(scene: Scene) -> SearchStrategy[Any]:
    return _known([code for make in scene.world.codes for code in make()], "123456")


def _link(scene: Scene) -> SearchStrategy[Any]:
    purpose = LINKS.get(scene.method)
    tokens = scene.world.tokens if purpose is None else scene.world.links.get(purpose, [])
    return _known(tokens[-2:], "vcr_nonsense")


PERSONAL: Final = frozenset({"api_keys", "sessions", "second_factors", "passwords", "emails", "notifications"})
"""Services for one's own account."""
_TEXT: Final = _sampled("", "a", "é", "x" * 300, "line\n")
_JSON: Final = _drawn(strategies.json_documents(dict))

ARGUMENTS: Final[dict[str, Values]] = {
    "actor": lambda s: st.just(s.actor),
    "project_id": lambda s: st.just(s.project_id),
    **{name: _child(name) for name in set(CHILDREN.values())},
    "token": _link,
    "key": lambda s: st.sampled_from(s.world.keys[-2:]),
    "session_id": lambda s: _known(s.world.session_ids, NO_ID),
    "key_id": lambda s: _known(s.world.key_ids, NO_ID),
    "user_id": _account,
    "permissions": _sampled(tuple(Action)[:12], (Action.PROJECT_READ, Action.PROJECT_CREATE), ("users.manage",)),
    "expires_at": lambda s: _moments(s, LIFETIMES),
    "email": _sampled(*EMAILS[:4]),
    "current": _sampled(*(PASSWORDS[0],) * 3, PASSWORDS[1]),
    "new": _sampled(PASSWORDS[1]),
    "new_email": _sampled(*EMAILS[:4]),
    "password": _sampled(*(PASSWORDS[0],) * 4, PASSWORDS[1]),
    "ip_address": _sampled(None, "192.0.2.1"),
    "device": lambda s: _known(s.world.devices, None),
    "challenge": lambda s: _known(s.world.challenges[-3:], "vcc_nonsense"),
    "code": _code,
    "device_info": _JSON,
    "unchanged_since": lambda s: _known(
        [each.updated_at for each in s.world.projects if each.id == s.project_id] or [START], START
    ),
    "name": _sampled("engine", "é"),
    "description": _TEXT,
    "visibility": _sampled(*Visibility),
    "tech_stack": _sampled({}, {"backend": ["Python"]}),
    "architecture": _JSON,
    "repository_url": _sampled(None, "https://example.org/x.git"),
    "avatar_url": _sampled(None, "https://example.org/a.png"),
    "role": _sampled(*UserRole),
    "everything": _drawn(st.booleans()),
    **dict.fromkeys(("path", "source", "folder"), _path),
    "target": _target,
    "refuse_case_collisions": _drawn(st.booleans()),
    **dict.fromkeys(("names", "contents", "ignore_case"), _drawn(st.booleans())),
    "content": _sampled(*CONTENTS, "", "a\n", "import os\nx = eval(y)\n", b"bytes\n", b"\xff\x00"),
    "metadata": _JSON,
    "exclude": _sampled((), ("*.pyc",), ("b/",)),
    "archive": _sampled(None, *ArchiveFormat),
    "overwrite": _drawn(st.booleans()),
    "limits": _sampled(ImportLimits(), ImportLimits(max_file_bytes=5, max_entries=4)),
    "apply": _drawn(st.booleans()),
    "leave": _drawn(st.booleans()),
    "new_owner_id": lambda s: _known(s.world.users, NO_ID),
    "text": _sampled("e", "engine", "é line", "A", "%", "_"),
    "gitignore": _drawn(st.booleans()),
    "root": _sampled(None, "/home", "/elsewhere"),
    "complete": _drawn(st.booleans()),
    "delete_missing": _drawn(st.booleans()),
    "environment": _sampled("production", "Production", "staging"),
    "version": _sampled("1.0", "1.1"),
    "config": _JSON,
    "metrics": _JSON,
    "lines": _sampled(*LINES),
    "first": _number,
    "reason": _sampled("because", "é"),
    "container_id": _sampled("c1"),
    "container_port": _sampled(80),
    "deployment_url": _sampled("https://example.org"),
    "issues": _sampled((), (ISSUE,), (ISSUE, {**ISSUE, "line": 2, "severity": "critical", "category": "security"})),
    "score": _sampled(0, 100),
    "summary": _TEXT,
    "highlights": _sampled((), ("short",)),
    "reviewer": _sampled("manual", "ruff"),
    "test_type": _sampled(*TestType),
    "passed": _sampled(0, 5),
    "failed": _sampled(0, 1),
    "skipped": _sampled(0, 1),
    "covered": _sampled(5),
    "coverable": _sampled(10),
    "framework": _sampled("pytest"),
    "test_code": _TEXT,
    "edge_cases": _sampled(("empty",)),
    "coverage_goal": _sampled(80),
    "days": _sampled(0, 1, 30),
    "months": _sampled(0, 1, 3),
    "since": _sampled(date(2025, 1, 1)),
    "until": _sampled(date(2025, 1, 2)),
    "type": _sampled(*(kind.name for kind in TOLD)),
    "title": _sampled("told", "é"),
    "message": _TEXT,
    "data": _sampled(DATA),
    "dedup_key": _sampled("k1", "k2"),
    "user_ids": lambda s: st.lists(_known(s.world.users, NO_ID), max_size=3),
    "notification_id": lambda s: _known(s.world.notifications, NO_ID),
    "notification_ids": lambda s: st.lists(_known(s.world.notifications, NO_ID), max_size=3),
    "unread": _drawn(st.booleans()),
    "channel": _sampled("email", "troubled", "webhook"),
    "schedule": _sampled(*Schedule, None),
    "url": _sampled("https://example.org/hook", "https://93.184.216.34:8443/x?y=z"),
    "most": _sampled(1, 2, 1000),
    "limit": _sampled(0, 1, 2, 50),
    "cursor": lambda s: _known(s.world.cursors, None),
    "order_by": _sampled("created_at", Order("updated_at", True)),
    "where": _sampled(Field("created_at").ge(START), Field("id").missing()),
}
"""What fits, by the parameter's name; one that is not named here fails the machine."""

BY_METHOD: Final[dict[tuple[str, str, str], Values]] = {
    **dict.fromkeys(
        (("projects", "remove_member", "user_id"), ("projects", "set_member_role", "user_id")),
        lambda s: _known(s.world.of_project("member", s.project_id), NO_ID),
    ),
    ("notifications", "mark_all_read", "until"): lambda s: _moments(s, (0, -1, 1, 10**9)),
    ("projects", "set_status", "status"): _sampled(*ProjectStatus),
    ("files", "search", "text"): _sampled("a", "needle", "NEED", "import os", "strasse", "b/c", "\u212a"),
    ("files", "rename", "name"): _sampled("a", "b", "c", "A", "É", "é", "new", "x/y"),
    ("deployments", "transition", "status"): _status,
    ("files", "import_tree", "source"): lambda s: st.sampled_from((*FOLDERS, *ARCHIVES)).map(
        lambda name: s.world.folder / name
    ),
    ("reviews", "import_sarif", "source"): _sampled(SARIF, SARIF, CLEAN_SARIF),
    ("files", "export_tree", "target"): lambda s: st.sampled_from(TARGETS).map(lambda name: s.world.folder / name),
}
"""What fits where a name means something else than elsewhere."""

SPOILT_BY_METHOD: Final[dict[tuple[str, str, str], Values]] = {
    # Never a path that the machine which runs this may hold.
    **dict.fromkeys((("files", "import_tree", "source"), ("files", "export_tree", "target")), _sampled("", "a\0b")),
    ("reviews", "import_sarif", "source"): _sampled(b"", b"{}", SARIF[:-9], "a\0b"),
}

SPOILT: Final[dict[str, Values]] = {
    "actor": lambda s: st.sampled_from(s.world.actors),
    **dict.fromkeys(
        ("project_id", "user_id", "new_owner_id", "session_id", "key_id", *CHILDREN.values()),
        lambda s: st.sampled_from([NO_ID, *s.world.users, *(each.id for each in s.world.projects)]),
    ),
    "token": lambda s: st.sampled_from(
        ("", *s.world.tokens, *(each for some in s.world.links.values() for each in some))
    ),
    "key": lambda s: st.sampled_from(s.world.keys),
    "challenge": lambda s: st.sampled_from(("", *s.world.tokens)),
    "code": _sampled("123456", "", "0000-1111-2222-3333-4444-5555", "\uff11" * 6),
    "permissions": _sampled((), ("project.*",), "project.read"),
    "expires_at": lambda s: _moments(s, (0, -1)),
    **dict.fromkeys(("email", "new_email"), _sampled("no address", "")),
    **dict.fromkeys(("password", "current", "new"), _sampled(PASSWORDS[2], "")),
    "ip_address": _sampled("x" * 51),
    "name": _sampled("", "x" * 256, "a\0b"),
    **dict.fromkeys(("description", "summary", "test_code"), _sampled("a\0b")),
    "tech_stack": _sampled({"backend": "Python"}, {"a": [1]}),
    **dict.fromkeys(("repository_url", "avatar_url", "deployment_url"), _sampled("no url", "x" * 501)),
    **dict.fromkeys(("path", "source", "target", "folder"), _sampled("", "/", "a/../b", "a//b", "é" * 1000)),
    "content": _sampled("no\0text"),
    **dict.fromkeys(("environment", "reason", "reviewer"), _sampled("")),
    "version": _sampled("x" * 101),
    "container_port": _sampled(0),
    "lines": _sampled((), "a", ("a\nb",), (1,)),
    "first": _sampled(0, 1_000_000),
    "metrics": _sampled([], {"p95": None}, {"a": {"b": None}}),
    "root": _sampled("", "relative"),
    "issues": _sampled(({**ISSUE, "line": 0},)),
    **dict.fromkeys(("score", "coverage_goal"), _sampled(-1, 101)),
    **dict.fromkeys(("passed", "failed", "skipped", "days"), _sampled(-1)),
    "coverable": _sampled(2, None),
    "covered": _sampled(11, None),
    "months": _sampled(-1, 121),
    "text": _sampled("", " ", "a\0b", "a " * 21),
    "type": _sampled("nonsense", "", "x" * 101),
    "title": _sampled("", "x" * 256),
    "message": _sampled("a\0b"),
    "data": _sampled({}, {**DATA, "more": 1}, {**DATA, "project": 7}, {**DATA, "project_id": "text"}),
    "dedup_key": _sampled("", "x" * 201),
    "user_ids": _sampled((NO_ID,), "text", ("text",)),
    **dict.fromkeys(("notification_id",), _sampled(NO_ID)),
    "notification_ids": _sampled((NO_ID,), 7, ("text",)),
    "channel": _sampled("", "E-Mail", "x" * 51),
    "url": _sampled("http://example.org", "https://127.0.0.1/", "https://user@example.org/", "nonsense"),
    "most": _sampled(0, 10_001),
    "limit": _sampled(-1, 1001),
    "cursor": _sampled("", "nonsense"),
    "order_by": _sampled("nonsense"),
    "where": _sampled(Field("nonsense").missing()),
}
"""What does not fit, or belongs to somebody else."""
