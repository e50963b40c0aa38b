"""How a run can begin on the services: with people who are signed in, a project, and things in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Visibility
from vibecore.domain.tests import TestType
from vibecore.domain.users import UserRole
from vibecore.testing.parity.arguments import EMAILS, ISSUE, PASSWORDS
from vibecore.testing.parity.services import ServiceCall
from vibecore.testing.parity.world import World

SETTLEMENTS: Final = (
    (),
    ("people",),
    ("people", "second factor"),
    ("people", "letters"),
    *(("people", "project", "things"),) * 4,
    ("people", "second factor", "letters", "project", "things"),
)
"""What a run begins with, the emptiest first. Most have a project, since most calls are about one."""


def settle(world: World, settlement: tuple[str, ...]) -> Iterator[ServiceCall]:
    """The calls, one after the other; each has to be made before the next is asked for."""
    for part in settlement:
        yield from _PARTS[part](world)


def _people(world: World) -> Iterator[ServiceCall]:
    """An administrator and two developers, signed in, the second of them last. Where administrators need a second
    factor, this one enrols at the door."""
    admin, first, second = EMAILS[0], EMAILS[2], EMAILS[3]
    secret = PASSWORDS[0]
    yield _call("users.create_admin", Actor.system("parity"), email=admin, password=secret, name="Ada")
    yield _call("auth.login", email=admin, password=secret)
    for challenge in world.challenges:
        yield _call("auth.begin_enrolment", challenge=challenge)
        yield _call("auth.complete_enrolment", challenge=challenge, code=world.codes[0]()[0])
    for email in (first, second):
        yield _call("auth.register", Actor.anonymous(), email=email, password=secret, name=email[:3])
        yield _call("auth.login", email=email, password=secret)


def _second_factor(world: World) -> Iterator[ServiceCall]:
    """The one who signed in last has one, and begins to sign in again."""
    yield _call("second_factors.enrol", world.actors[-1])
    yield _call("second_factors.confirm", world.actors[-1], code=world.codes[0]()[0])
    yield _call("auth.login", email=EMAILS[3], password=PASSWORDS[0])


def _letters(world: World) -> Iterator[ServiceCall]:
    """Links for every purpose are on their way."""
    yield _call("emails.request_change", world.actors[-1], new_email="dee@example.org")
    yield _call("passwords.request_reset", email=EMAILS[2])
    yield _call("emails.request_verification", email=EMAILS[3])


def _project(world: World) -> Iterator[ServiceCall]:
    """Of one developer, with the other as a member."""
    owner, member = world.actors[-2], world.actors[-1].user_id
    yield _call("projects.create", owner, name="engine", visibility=Visibility.TEAM)
    yield _call("projects.add_member", owner, world.projects[-1].id, member, role=UserRole.DEVELOPER)


def _things(world: World) -> Iterator[ServiceCall]:
    """Files, a review, a test, a deployment after one that can be gone back to, and a key."""
    owner, project = world.actors[-2], world.projects[-1].id
    yield _call("files.write", owner, project, "a/b", "import os\n")
    yield _call("files.write", owner, project, "a/c.py", "x = 1\ny = 2\n")
    yield _call("reviews.record", owner, project, "a/b", issues=(ISSUE,))
    yield _call("tests.record", owner, project, "a/b", test_type=TestType.UNIT, passed=5, failed=1)
    for version, statuses in (("1.0", _TO_LIVE), ("1.1", (*_TO_LIVE, DeploymentStatus.FAILED))):
        yield _call("deployments.create", owner, project, environment="production", version=version)
        deployment = world.of_project("deployment_id", project)[-1]
        yield _call("deployments.append_logs", owner, project, deployment, ("building", version), first=1)
        for status in statuses:
            yield _call("deployments.transition", owner, project, deployment, status, reason="go")
    yield _call("api_keys.create", owner, name="k", permissions=(Action.PROJECT_READ, Action.FILES_READ))


_TO_LIVE: Final = (DeploymentStatus.BUILDING, DeploymentStatus.RUNNING)
_PARTS: Final = {
    "people": _people,
    "second factor": _second_factor,
    "letters": _letters,
    "project": _project,
    "things": _things,
}


def _call(named: str, *args: object, **kwargs: object) -> ServiceCall:
    service, method = named.split(".")
    return ServiceCall(service, method, args, kwargs)
