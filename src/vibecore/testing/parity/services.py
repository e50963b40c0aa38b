"""Random service calls: every public method of every service, found by reflection."""

from __future__ import annotations

import inspect
<<<<<<< HEAD
=======
import shutil
import tempfile
from collections.abc import Callable
>>>>>>> ddbf25a (A project's tree is exported: byte for byte into a folder or an archive, with everything named that could not be written)
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from vibecore.bootstrap.services import Services
<<<<<<< HEAD
from vibecore.testing.parity.arguments import ARGUMENTS, BY_METHOD, NO_ID, PERSONAL, SPOILT, Scene
from vibecore.testing.parity.world import World
=======
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
from vibecore.services.export_archive import ArchiveFormat
from vibecore.testing import strategies
from vibecore.testing.effects import START
from vibecore.testing.parity.calls import PATHS
>>>>>>> ddbf25a (A project's tree is exported: byte for byte into a folder or an archive, with everything named that could not be written)

LEFT_OUT: Final = frozenset({"progress", "reviewers"})
"""Parameters that take code."""
WAITING: Final = frozenset({("maintenance", "prepare_audit")})
"""Methods for which a server waits until nobody reads beside them."""


@dataclass(frozen=True)
class ServiceCall:
    """One service call, as data."""

    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __call__(self, services: Services) -> Any:
        call = getattr(getattr(services, self.service), self.method)
        if self.method == "export_tree":
            actor, project_id, target = self.args
            return exported(target, lambda place: call(actor, project_id, place, **self.kwargs))
        return call(*self.args, **self.kwargs)


def exported(like: Path, export: Callable[[Path], Any]) -> tuple[Any, dict[str, bytes | None]]:
    """What `export` returns for a target that is a copy of `like`, and what then stands there: each side has its own.

    The bytes of files, an archive's too; None for a folder.
    """
    with tempfile.TemporaryDirectory(prefix="vibecore-parity-") as name:
        target = Path(name, "target")
        if like.is_dir():
            shutil.copytree(like, target)
        elif like.is_file():
            shutil.copy(like, target)
        report = export(target)
        found = sorted(place for place in Path(name).rglob("*"))
        return report, {str(place.relative_to(name)): None if place.is_dir() else place.read_bytes() for place in found}


def public_methods(services: Services) -> list[tuple[str, str, inspect.Signature]]:
    """(service, method, signature) of every public method of `services`."""
    return [
        (noun, name, inspect.signature(function))
        for noun, service in sorted(vars(services).items())
        if not noun.startswith("_")
        for name, function in inspect.getmembers(type(service), inspect.isfunction)
        if not name.startswith("_")
    ]


<<<<<<< HEAD
=======
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
    "archive": lambda w: st.sampled_from((None, None, *ArchiveFormat)),
    "overwrite": lambda w: st.booleans(),
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
    ("files", "export_tree", "target"): lambda w: st.sampled_from(FOLDERS).map(lambda name: w.folder / name),
    ("files", "move", "source"): lambda w: st.sampled_from(PATHS),
}
LEFT_OUT: Final = frozenset({"progress", "reviewers"})
"""Parameters that take code."""
WAITING: Final = frozenset({("maintenance", "prepare_audit")})
"""Methods for which a server waits until nobody reads beside them."""


>>>>>>> ddbf25a (A project's tree is exported: byte for byte into a folder or an archive, with everything named that could not be written)
@st.composite
def a_service_call(draw: DrawFn, world: World, chosen: tuple[str, str, inspect.Signature]) -> ServiceCall:
    """A call of the chosen method; optional arguments are given every other time, and in every fourth call one argument
    does not fit."""
    service, method, signature = chosen
    parameters = [each for each in list(signature.parameters.values())[1:] if each.name not in LEFT_OUT]
    scene = draw(_a_scene(world, (service, method), about_project="project_id" in signature.parameters))
    spoilt = draw(st.sampled_from([each.name for each in parameters])) if draw(_EVERY_FOURTH) and parameters else None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter in parameters:
        name = parameter.name
        optional = parameter.default is not inspect.Parameter.empty
        if optional and name != spoilt and draw(st.booleans()):
            continue
        fitting = BY_METHOD.get((service, method, name)) or ARGUMENTS.get(name, _unknown)
        values = SPOILT.get(name, fitting) if name == spoilt else fitting
        value = draw(values(scene))
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY or optional:
            kwargs[name] = value
        else:
            args.append(value)
    return ServiceCall(service, method, tuple(args), kwargs)


_EVERY_FOURTH: Final = st.sampled_from((False, False, False, True))


@st.composite
def _a_scene(draw: DrawFn, world: World, method: tuple[str, str], *, about_project: bool) -> Scene:
    """Mostly, the one who acts may act: a project's owner, an administrator, whoever signed in last for their own
    account; sometimes it is anybody."""
    projects = [*(each.id for each in world.projects), *world.inhabited() * 2]
    project_id = draw(st.sampled_from(projects)) if projects else NO_ID
    personal = method[0] in PERSONAL or method == ("auth", "logout")
    favourites = world.signed_in() if personal else world.owners(project_id if about_project else None)
    actor = draw(st.sampled_from([*world.actors, *favourites * 3]))
    return Scene(world=world, method=method, project_id=project_id, actor=actor)


def _unknown(scene: Scene) -> Any:
    raise AssertionError("a service method has a parameter that ARGUMENTS does not name")
