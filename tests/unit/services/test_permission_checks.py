"""Every public method of every service asks for permission: found by reflection, so that a new one is held to it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.house import PASSWORD, House, user_id
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor
from vibecore.domain.api_keys import make_api_key
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import AuthenticationFailed, InvalidValue, NotFound, PermissionDenied
from vibecore.domain.notifications import Schedule
from vibecore.domain.paging import Page
from vibecore.domain.projects import ProjectStatus
from vibecore.domain.tests import TestType
from vibecore.domain.users import UserRole
from vibecore.services.work import Service
from vibecore.testing.parity.arguments import SARIF

DENIALS = (PermissionDenied, NotFound)
KNOWN: dict[str, Any] = {
    "channel": "email",
    "data": {"project_id": UUID(int=7), "project": "engine"},
    "notification_ids": (),
    "schedule": Schedule.DAILY,
    "title": "Told",
    "type": "project.member.removed",
    "url": "https://example.org/hook",
    "user_ids": (),
    "challenge": "vcc_" + "A" * 100,
    "code": "123456",
    "content": "x = 1\n",
    "current": PASSWORD,
    "days": 30,
    "email": "new@example.org",
    "environment": "production",
    "folder": None,
    "lines": ("a line",),
    "metrics": {"p95": 1.5},
    "name": "New",
    "new": "another long one",
    "new_email": "newer@example.org",
    "password": PASSWORD,
    "passed": 1,
    "path": "src/main.py",
    "permissions": (),
    "reason": "test",
    "score": 90,
    "test_type": TestType.UNIT,
    "text": "engine",
    "version": "1.0",
}
SOURCES: dict[str, Any] = {"import_sarif": SARIF}
NO_ACTOR = {
    ("api_keys", "authenticate"),
    ("auth", "login"),
    ("auth", "authenticate"),
    *(("auth", name) for name in ("complete_challenge", "begin_enrolment", "complete_enrolment")),
    ("emails", "request_verification"),
    ("emails", "verify"),
    ("emails", "change"),
    ("passwords", "request_reset"),
    ("passwords", "reset"),
    ("sessions", "rotate"),
}
"""What makes an actor cannot ask for one, nor what is done with a link."""
FOR_ANYBODY = {("auth", "register"), ("projects", "page"), ("projects", "search")}
"""What an anonymous actor may call; what it gets is tested with the service."""
FOR_USERS = {
    ("auth", "logout"),
    ("emails", "request_change"),
    ("passwords", "change"),
    *(("second_factors", name) for name in ("enrol", "confirm", "disable", "new_recovery_codes")),
    ("projects", "page"),
    ("projects", "search"),
    ("projects", "create"),
    ("sessions", "reauthenticate"),
    ("sessions", "revoke_others"),
}
"""What any signed-in user may call."""


def methods() -> Iterator[tuple[str, str]]:
    services = vars(House().vibe)
    for noun, service in services.items():
        assert isinstance(service, Service)
        for name, member in inspect.getmembers(type(service), callable):
            if not name.startswith("_") and not inspect.isclass(member):
                yield noun, name


METHODS = sorted(methods())


def arguments(house: House, noun: str, name: str, source: Path) -> dict[str, Any]:
    """What the method needs, about a private project and its owner; the test fails for a parameter it cannot fill."""
    call = getattr(getattr(house.vibe, noun), name)
    here: dict[str, Any] = {
        **KNOWN,
        "project_id": house.project,
        "user_id": user_id(house.owner),
        "role": UserRole.ADMIN,
        "status": DeploymentStatus.STOPPED if noun == "deployments" else ProjectStatus.IN_PROGRESS,
        "source": SOURCES.get(name, source if name == "import_tree" else "src/main.py"),
        "target": source / "exported" if name == "export_tree" else "src/other.py",
    }
    filled: dict[str, Any] = {}
    for parameter in list(inspect.signature(call).parameters.values())[1:]:
        if parameter.name in here and (parameter.default is parameter.empty or parameter.name.endswith("_id")):
            filled[parameter.name] = here[parameter.name]
        elif parameter.default is parameter.empty:
            assert parameter.name.endswith("_id"), f"give {noun}.{name} a value for {parameter.name} in KNOWN"
            filled[parameter.name] = UUID(int=404)
    return filled


EACH_METHOD = pytest.mark.parametrize(
    ("noun", "name"), [pytest.param(*each, id=".".join(each)) for each in METHODS if each not in NO_ACTOR]
)


def run(house: House, noun: str, name: str, actor: Actor, filled: dict[str, Any]) -> Any:
    return getattr(getattr(house.vibe, noun), name)(actor, **filled)


def test_every_method_that_takes_no_actor_is_known() -> None:
    """All others take one, first and by that name."""
    for noun, name in METHODS:
        first, *_ = inspect.signature(getattr(getattr(House().vibe, noun), name)).parameters.values()
        assert (first.name == "actor") is ((noun, name) not in NO_ACTOR), (noun, name)


@EACH_METHOD
def test_who_may_not_gets_nothing(noun: str, name: str, tmp_path: Path) -> None:
    """A stranger, nobody, and a key of the owner without the scope are denied or find nothing; nothing is written."""
    house = House()
    (tmp_path / "main.py").write_text("x = 1\n")
    filled = arguments(house, noun, name, tmp_path)
    before = house.contents()
    for actor in (house.key_of(house.owner), house.key_of(house.owner, "*", "admin"), house.key_of(house.admin)):
        with pytest.raises(PermissionDenied):
            run(house, noun, name, actor, filled)
    for actor, open_to in ((Actor.anonymous(), FOR_ANYBODY), (house.stranger, FOR_USERS)):
        if (noun, name) in open_to:
            continue
        try:
            found = run(house, noun, name, actor, filled)
        except DENIALS:
            continue
        assert found is None, f"{noun}.{name} answered {found!r}"
        assert name == "find", f"{noun}.{name} did something for {actor.kind}"
    assert house.contents() == before
    assert set(house.actions()) == {"permission.denied"}
    assert len(house.actions()) >= 3


@EACH_METHOD
@pytest.mark.parametrize("actor", [None, "admin", 7, pytest.param(object(), id="object"), UserRole.ADMIN])
def test_what_is_no_actor_is_refused(noun: str, name: str, actor: Any, tmp_path: Path) -> None:
    """A forgotten actor is an error of the caller that names itself, never a right."""
    house = House()
    with pytest.raises(InvalidValue) as caught:
        run(house, noun, name, actor, arguments(house, noun, name, tmp_path))
    assert caught.value.field == "actor"
    assert house.actions() == []


def test_what_makes_an_actor_needs_a_secret() -> None:
    """The methods without an actor give none without a password, a token or a key."""
    house = House()
    with pytest.raises(AuthenticationFailed):
        assert house.vibe.auth.login(email="owner@example.org", password="a guess").actor
    with pytest.raises(AuthenticationFailed):
        house.vibe.auth.authenticate("vcs_" + "A" * 64)
    with pytest.raises(AuthenticationFailed):
        house.vibe.sessions.rotate("vcs_" + "A" * 64)
    with pytest.raises(AuthenticationFailed):
        house.vibe.api_keys.authenticate(make_api_key(user_id(house.owner), bytes(10), bytes(32)))


def test_what_is_open_shows_nothing_private() -> None:
    """A stranger's and an anonymous listing do not hold the project."""
    house = House()
    for actor in (house.stranger, Actor.anonymous()):
        page = house.vibe.projects.page(actor)
        assert isinstance(page, Page)
        assert page.items == ()


def test_the_lists_above_name_real_methods() -> None:
    """An exception that outlives its method would hide the next one of that name."""
    assert set(METHODS) >= NO_ACTOR | FOR_ANYBODY | FOR_USERS
    assert {noun for noun, _ in METHODS} == set(vars(Services(House().work)))
