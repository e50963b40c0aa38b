"""Random service calls: every public method of every service, found by reflection, with arguments that often fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pyotp.totp import TOTP

from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor
from vibecore.domain.api_keys import make_api_key
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.filters import Field
from vibecore.domain.members import ProjectMember
from vibecore.domain.paging import Order
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Project, ProjectStatus, Visibility
from vibecore.domain.tests import TestType
from vibecore.domain.users import UserRole
from vibecore.testing import strategies
from vibecore.testing.effects import START
from vibecore.testing.parity.calls import PATHS

PASSWORDS: Final = ("correct horse battery staple", "another long password", "short")
EMAILS: Final = ("ada@example.org", "ADA@example.org", "bob@example.org", "cy@example.org", "no address")
CODES: Final = (None, "123456", "0000-1111-2222-3333-4444-5555")
FOLDERS: Final = ("empty", "tree", "changed", "nowhere")
ISSUE: Final = {"line": 1, "column": 1, "severity": "error", "category": "correctness", "message": "wrong"}
PERMISSIONS: Final = (
    (),
    tuple(Action)[:12],
    ("projects.read_all", Action.PROJECT_READ, Action.PROJECT_CREATE, "project.read"),
    ("users.manage",),
    ("project.*",),
)
EXPIRIES: Final = (None, START, *(START + timedelta(microseconds=1) * count for count in (1, 1000, 86_400 * 10**6)))


@dataclass(frozen=True)
class ServiceCall:
    """One service call, as data."""

    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __call__(self, services: Services) -> Any:
        return getattr(getattr(services, self.service), self.method)(*self.args, **self.kwargs)


class World:
    """What service calls returned so far: people, places and things to meet again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.actors: list[Actor] = [Actor.system("parity"), Actor.anonymous(ip_address="192.0.2.1")]
        self.tokens = ["vcs_nonsense"]
        self.keys = ["vck_nonsense", make_api_key(UUID(int=1), bytes(10), bytes(32))]
        self.key_ids: list[UUID] = []
        self.links = ["vcr_nonsense"]
        self.session_ids: list[UUID] = []
        self.users: list[UUID] = []
        self.projects: list[Project] = []
        self.things: list[UUID] = []
        self.cursors: list[str] = []
        self.devices: list[str] = []
        self.challenges: list[str] = []
        self.codes: list[Callable[[], list[str]]] = []

    def learn(self, value: Any) -> None:
        """Keep what later calls can use."""
        kind = type(value).__name__
        if kind in ("Authenticated", "Renewed"):
            self._keep(self.actors, value.actor)
            self._keep(self.tokens, value.token)
            self._keep(self.session_ids, value.session.id)
            if kind == "Authenticated":
                self._keep(self.devices, value.device_token)
                self._keep_codes(value.recovery_codes)
        elif kind == "Mail":
            if "token" in value.values:
                self._keep(self.links, value.values["token"])
        elif kind in ("Challenge", "EnrolmentRequired"):
            self._keep(self.challenges, value.challenge)
        elif kind == "Enrolment":
            secret = TOTP(value.secret)
            self.codes = [lambda: [secret.at(START), secret.at(START + timedelta(seconds=30))], *self.codes][:4]
        elif kind == "Confirmed":
            self.learn(value.renewed)
            self._keep_codes(value.recovery_codes)
        elif kind == "Actor":
            self._keep(self.actors, value)
        elif kind == "CreatedKey":
            self._keep(self.keys, value.key)
            self._keep(self.key_ids, value.info.id)
        elif kind == "SessionInfo":
            self._keep(self.session_ids, value.id)
        elif kind == "KeyInfo":
            self._keep(self.key_ids, value.id)
        elif kind == "Profile":
            self._keep(self.users, value.id)
        elif kind == "Project":
            self.projects = [*(each for each in self.projects if each.id != value.id), value][-4:]
        elif kind == "Page":
            self.learn_page(value)
        elif isinstance(getattr(value, "id", None), UUID) and not isinstance(value, ProjectMember):
            self._keep(self.things, value.id)

    def learn_page(self, page: Any) -> None:
        for item in page.items[:3]:
            self.learn(item)
        if page.next_cursor is not None:
            self._keep(self.cursors, page.next_cursor)

    def _keep_codes(self, codes: tuple[str, ...]) -> None:
        if codes:
            self.codes = [lambda: list(codes[:2]), *self.codes][:4]

    @staticmethod
    def _keep(known: list[Any], value: Any) -> None:
        if value in known:
            known.remove(value)
        known.append(value)
        del known[2:-8]


def public_methods(services: Services) -> list[tuple[str, str, inspect.Signature]]:
    """(service, method, signature) of every public method of `services`."""
    return [
        (noun, name, inspect.signature(function))
        for noun, service in sorted(vars(services).items())
        if not noun.startswith("_")
        for name, function in inspect.getmembers(type(service), inspect.isfunction)
        if not name.startswith("_")
    ]


def _known(values: list[Any], otherwise: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.sampled_from(values) | otherwise if values else otherwise


_NO_ID: Final = st.just(UUID(int=2**100))
_TEXT: Final = st.sampled_from(("", "a", "é", "x" * 300, "line\n", "a\0b"))

ARGUMENTS: Final[dict[str, Callable[[World], SearchStrategy[Any]]]] = {
    "actor": lambda w: st.sampled_from(w.actors),
    "token": lambda w: st.sampled_from(w.tokens),
    "key": lambda w: st.sampled_from(w.keys),
    "session_id": lambda w: _known(w.session_ids * 2, _NO_ID),
    "key_id": lambda w: _known(w.key_ids * 2, _NO_ID),
    "permissions": lambda w: st.sampled_from(PERMISSIONS),
    "expires_at": lambda w: st.sampled_from(EXPIRIES),
    "email": lambda w: st.sampled_from(EMAILS),
    "current": lambda w: st.sampled_from((PASSWORDS[0], PASSWORDS[0], *PASSWORDS)),
    "new": lambda w: st.sampled_from((PASSWORDS[0], PASSWORDS[0], *PASSWORDS)),
    "new_email": lambda w: st.sampled_from(EMAILS),
    "password": lambda w: st.sampled_from((PASSWORDS[0], PASSWORDS[0], *PASSWORDS)),
    "ip_address": lambda w: st.sampled_from((None, "192.0.2.1", "x" * 51)),
    "device": lambda w: _known(w.devices, st.none()),
    "challenge": lambda w: _known(w.challenges * 2, st.just("vcc_nonsense")),
    "code": lambda w: _known([code for make in w.codes for code in make()], st.sampled_from(CODES)),
    "device_info": lambda w: st.none() | strategies.json_documents(dict),
    "project_id": lambda w: _known([each.id for each in w.projects] * 4, _NO_ID),
    "user_id": lambda w: _known(w.users * 2, _NO_ID),
    "unchanged_since": lambda w: _known([each.updated_at for each in w.projects], st.none()),
    "name": lambda w: st.sampled_from(("engine", "é", "", "x" * 256)),
    "description": lambda w: st.none() | _TEXT,
    "visibility": lambda w: st.sampled_from(Visibility),
    "tech_stack": lambda w: st.sampled_from(({}, {"backend": ["Python"]}, {"backend": "Python"}, {"a": [1]})),
    "architecture": lambda w: strategies.json_documents(dict),
    "repository_url": lambda w: st.sampled_from((None, "https://example.org/x.git", "no url")),
    "avatar_url": lambda w: st.sampled_from((None, "https://example.org/a.png", "no url")),
    "role": lambda w: st.sampled_from(UserRole),
    "everything": lambda w: st.booleans(),
    "path": lambda w: st.sampled_from(PATHS),
    "target": lambda w: st.sampled_from(PATHS),
    "folder": lambda w: st.none() | st.sampled_from(PATHS),
    "content": lambda w: st.sampled_from(("", "a\n", "import os\nx = eval(y)\n", b"bytes\n", b"\xff\x00", "no\0text")),
    "metadata": lambda w: st.none() | strategies.json_documents(dict),
    "exclude": lambda w: st.sampled_from(((), ("*.pyc",), ("b/",))),
    "gitignore": lambda w: st.booleans(),
    "delete_missing": lambda w: st.booleans(),
    "environment": lambda w: st.sampled_from(("production", "Production", "staging", "")),
    "version": lambda w: st.sampled_from((None, "1.0", "x" * 101)),
    "config": lambda w: st.none() | strategies.json_documents(dict),
    "metrics": lambda w: st.none() | strategies.json_documents(dict),
    "reason": lambda w: st.sampled_from(("because", "", "é")),
    "container_id": lambda w: st.sampled_from((None, "c1")),
    "container_port": lambda w: st.sampled_from((None, 80, 0)),
    "deployment_url": lambda w: st.sampled_from((None, "https://example.org")),
    "issues": lambda w: st.sampled_from(((), (ISSUE,), ({**ISSUE, "line": 0},))),
    "score": lambda w: st.sampled_from((None, 0, 100, 101)),
    "summary": lambda w: st.none() | _TEXT,
    "highlights": lambda w: st.sampled_from(((), ("short",))),
    "reviewer": lambda w: st.sampled_from(("manual", "")),
    "test_type": lambda w: st.sampled_from(TestType),
    "passed": lambda w: st.sampled_from((0, 5, -1)),
    "failed": lambda w: st.sampled_from((0, 1)),
    "skipped": lambda w: st.sampled_from((0, 1)),
    "covered": lambda w: st.sampled_from((None, 5)),
    "coverable": lambda w: st.sampled_from((None, 10, 2)),
    "framework": lambda w: st.sampled_from((None, "pytest")),
    "test_code": lambda w: st.none() | _TEXT,
    "edge_cases": lambda w: st.sampled_from(((), ("empty",))),
    "coverage_goal": lambda w: st.sampled_from((None, 80, 101)),
    "days": lambda w: st.sampled_from((0, 1, 30, -1)),
    "months": lambda w: st.sampled_from((0, 1, 3, -1, 121)),
    "since": lambda w: st.sampled_from((None, date(2025, 1, 1))),
    "until": lambda w: st.sampled_from((None, date(2025, 1, 2))),
    "limit": lambda w: st.sampled_from((0, 1, 2, 50, 1001)),
    "cursor": lambda w: st.none() | _known(w.cursors, st.none()),
    "order_by": lambda w: st.sampled_from((None, "created_at", Order("updated_at", True), "nonsense")),
    "where": lambda w: st.sampled_from((None, Field("created_at").ge(START), Field("id").missing())),
    **dict.fromkeys(("deployment_id", "file_id", "review_id", "result_id"), lambda w: _known(w.things * 2, _NO_ID)),
}
"""What an argument of each name is drawn from; a parameter that is not named here fails the machine."""

BY_METHOD: Final[dict[tuple[str, str, str], Callable[[World], SearchStrategy[Any]]]] = {
    **{
        (noun, method, "token"): lambda w: st.sampled_from(w.links)
        for noun, method in (("passwords", "reset"), ("emails", "verify"), ("emails", "change"))
    },
    ("projects", "set_status", "status"): lambda w: st.sampled_from(ProjectStatus),
    ("deployments", "transition", "status"): lambda w: st.sampled_from(DeploymentStatus),
    ("files", "import_tree", "source"): lambda w: st.sampled_from(FOLDERS).map(lambda name: w.folder / name),
    ("files", "move", "source"): lambda w: st.sampled_from(PATHS),
}
LEFT_OUT: Final = frozenset({"progress", "reviewers"})
"""Parameters that take code."""
WAITING: Final = frozenset({("maintenance", "prepare_audit")})
"""Methods for which a server waits until nobody reads beside them."""


@st.composite
def a_service_call(draw: DrawFn, world: World, chosen: tuple[str, str, inspect.Signature]) -> ServiceCall:
    """A call of the chosen method; optional arguments are given every other time."""
    service, method, signature = chosen
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for name, parameter in list(signature.parameters.items())[1:]:
        if name in LEFT_OUT:
            continue
        optional = parameter.default is not inspect.Parameter.empty
        if optional and draw(st.booleans()):
            continue
        value = draw(BY_METHOD.get((service, method, name), ARGUMENTS.get(name, _unknown))(world))
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY or optional:
            kwargs[name] = value
        else:
            args.append(value)
    return ServiceCall(service, method, tuple(args), kwargs)


def _unknown(world: World) -> SearchStrategy[Any]:
    raise AssertionError("a service method has a parameter that ARGUMENTS does not name")


def make_folders(folder: Path) -> None:
    """What imports read: nothing, a small tree, and the same tree after some changes."""
    for name, files in {
        "empty": {},
        "tree": {"a/b": b"x\n", "a/c.py": b"import os\n", "b": b"\xff\x00", "é.md": b"# title\n"},
        "changed": {"a/b": b"y\n", "a/c.py": b"import os\n", "c/d": b""},
    }.items():
        (folder / name).mkdir()
        for path, data in files.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_bytes(data)
