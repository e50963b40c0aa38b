"""A day of one project: every method of every service, told once, lived by the sync and by the async face.

The story yields calls and is sent what they come to: a value, or the error.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from pyotp.totp import TOTP

from tests.aio.world import PASSWORD
from tests.reports_data import result as sarif_result
from tests.reports_data import sarif
from vibecore.aio import AsyncServices
from vibecore.aio.service import AsyncLogStream
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import VibecoreError
from vibecore.domain.logins import Authenticated, Renewed
from vibecore.domain.notifications import Schedule
from vibecore.domain.projects import ProjectStatus
from vibecore.domain.tests import TestType
from vibecore.domain.users import UserRole
from vibecore.services.deployments.following import LogStream
from vibecore.testing.effects import START


@dataclass(frozen=True)
class Said:
    """One call."""

    noun: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


Story: TypeAlias = Generator[Said, Any, None]


SECOND = "another long password"


def said(noun: str, method: str, *args: Any, **kwargs: Any) -> Said:
    return Said(noun, method, args, kwargs)


def code(secret: str, step: int = 0) -> str:
    """What an authenticator shows at the time of the fixed effects, or so many steps later."""
    return TOTP(secret).at(START + timedelta(seconds=30 * step))


def story(source: Path) -> Story:
    nobody, system = Actor.anonymous(), Actor.system("the story")
    ada = yield said("auth", "register", nobody, email="ada@example.org", password=PASSWORD, name="Ada")
    bob = yield said("auth", "register", nobody, email="bob@example.org", password=PASSWORD, name="Bob")
    yield said("auth", "register", nobody, email="ADA@example.org", password=PASSWORD, name="Again")
    yield said("auth", "register", nobody, email="eve@example.org", password="short", name="Eve")
    root = yield said("users", "create_admin", system, email="root@example.org", password=PASSWORD, name="Root")
    yield said("auth", "login", email="ada@example.org", password="wrong horse")
    login = yield said("auth", "login", email="ada@example.org", password=PASSWORD, ip_address="192.0.2.7")
    actor = yield said("auth", "authenticate", login.token)
    yield said("auth", "authenticate", "no token")
    admin = (yield said("auth", "login", email="root@example.org", password=PASSWORD)).actor

    renewed = yield said("passwords", "change", actor, current=PASSWORD, new=SECOND)
    yield said("passwords", "change", actor, current=PASSWORD, new="yet another password")
    actor = renewed.actor
    yield said("passwords", "request_reset", email="ada@example.org", ip_address="192.0.2.7")
    yield said("passwords", "request_reset", email="nobody@example.org")
    yield said("passwords", "reset", token="vcr_" + "A" * 76, password=PASSWORD)
    yield said("emails", "request_verification", email="ada@example.org")
    yield said("emails", "verify", token="vcv_" + "A" * 76)
    yield said("emails", "request_change", actor, new_email="ada@example.net")
    yield said("emails", "change", token="vce_" + "A" * 76)

    yield said("users", "get", admin, bob.id)
    yield said("users", "find", actor, root.id)
    yield said("users", "find_by_email", admin, "BOB@example.org")
    yield said("users", "find_by_email", actor, "bob@example.org")
    yield said("users", "page", admin, limit=2)
    yield said("users", "update", actor, ada.id, name="Ada L.")
    yield said("users", "set_role", admin, bob.id, role=UserRole.VIEWER)
    yield said("users", "disable", admin, bob.id)
    yield said("users", "enable", admin, bob.id)
    yield said("users", "enable", actor, bob.id)
    yield said("users", "unlock", admin, bob.id)
    cy = yield said("auth", "register", nobody, email="cy@example.org", password=PASSWORD, name="Cy")
    yield said("users", "delete", actor, cy.id)
    yield said("users", "delete", admin, cy.id)
    yield said("users", "delete", admin, root.id)

    made = yield said("api_keys", "create", actor, name="ci", permissions=["project.read", "files.read"])
    yield said("api_keys", "create", actor, name="ci", permissions=["everything"])
    yield said("api_keys", "page", actor)
    bearer = yield said("api_keys", "authenticate", made.key, ip_address="192.0.2.8")
    yield said("api_keys", "create", bearer, name="another", permissions=[])
    yield said("api_keys", "authenticate", "no key")
    yield said("api_keys", "revoke", actor, made.info.id)
    yield said("api_keys", "authenticate", made.key)

    project = yield said("projects", "create", actor, name="engine", tech_stack={"languages": ["Python"]})
    id = project.id
    yield said("projects", "get", actor, id)
    yield said("projects", "get", nobody, id)
    yield said("projects", "find", nobody, id)
    yield said("projects", "page", actor)
    yield said("projects", "update", actor, id, description="steam")
    yield said("projects", "update", actor, id, name=7)
    yield said("projects", "set_status", actor, id, status=ProjectStatus.IN_PROGRESS)
    yield said("projects", "add_member", actor, id, bob.id, role=UserRole.VIEWER)
    yield said("projects", "members", actor, id)
    yield said("projects", "set_member_role", actor, id, bob.id, role=UserRole.DEVELOPER)
    yield said("projects", "remove_member", actor, id, bob.id)
    yield said("projects", "search", actor, "engine")
    yield said("projects", "search", nobody, "engine")
    second = yield said("projects", "create", actor, name="second engine")
    yield said("projects", "transfer", actor, second.id, bob.id)
    yield said("projects", "transfer", actor, second.id, ada.id)

    seen: list[Any] = []
    yield said("files", "import_tree", actor, id, source, progress=seen.append)
    assert seen
    file = yield said("files", "write", actor, id, "package/more.py", "x = 1\n")
    yield said("files", "make_folder", actor, id, "docs")
    yield said("files", "move", actor, id, "README.md", "docs/README.md")
    yield said("files", "rename", actor, id, "docs/README.md", "INDEX.md")
    yield said("files", "copy", actor, id, "docs", "more/docs")
    yield said("files", "children", actor, id, "more", limit=1)
    yield said("files", "search", actor, id, "ENGINE", ignore_case=True)
    yield said("files", "read", actor, id, "docs/INDEX.md")
    yield said("projects", "derive_tech_stack", actor, id)
    yield said("projects", "derive_tech_stack", actor, id, apply=True)
    yield said("files", "get", actor, id, file.id)
    yield said("files", "find", actor, id, ada.id)
    yield said("files", "tree", actor, id)
    yield said("files", "page", actor, id, limit=2)
    with TemporaryDirectory() as folder:
        yield said("files", "export_tree", actor, id, Path(folder, "out"), folder="docs", progress=seen.append)
    yield said("files", "delete", actor, id, "docs")

    yield said("reviews", "run", actor, id)
    review = yield said("reviews", "record", actor, id, "package/engine.py", score=70, summary="fine")
    report = sarif(sarif_result("package/engine.py", 1))
    yield said("reviews", "import_sarif", actor, id, report)
    yield said("reviews", "export_sarif", actor, id, reviewer="Tool")
    yield said("reviews", "latest", actor, id)
    yield said("reviews", "get", actor, id, review.id)
    yield said("reviews", "find", actor, id, ada.id)
    yield said("reviews", "page", actor, id)

    result = yield said("tests", "record", actor, id, "package/engine.py", test_type=TestType.UNIT, passed=3, failed=1)
    yield said("tests", "get", actor, id, result.id)
    yield said("tests", "find", actor, id, ada.id)
    yield said("tests", "page", actor, id)

    first = yield said("deployments", "create", actor, id, environment="production", version="1.0")
    for status in (DeploymentStatus.BUILDING, DeploymentStatus.RUNNING):
        yield said("deployments", "transition", actor, id, first.id, status, reason="go")
    second = yield said("deployments", "create", actor, id, environment="production", version="2.0")
    yield said("deployments", "transition", actor, id, second.id, DeploymentStatus.FAILED, reason="no")
    yield said("deployments", "transition", actor, id, second.id, DeploymentStatus.RUNNING, reason="go")
    third = yield said("deployments", "retry", actor, id, second.id)
    for status in (DeploymentStatus.BUILDING, DeploymentStatus.RUNNING):
        yield said("deployments", "transition", actor, id, third.id, status, reason="go")
    yield said("deployments", "rollback", actor, id, third.id, reason="slow")
    yield said("deployments", "get", actor, id, third.id)
    yield said("deployments", "find", actor, id, ada.id)
    yield said("deployments", "running", actor, id, environment="production")
    yield said("deployments", "page", actor, id)
    yield said("deployments", "page_archived", actor, id)
    yield said("deployments", "environments", actor, id)
    yield said("deployments", "record_metrics", actor, id, third.id, {"p95": 1.5})
    yield said("deployments", "append_logs", actor, id, third.id, ["one", "two"], first=1)
    yield said("deployments", "append_logs", actor, id, third.id, ["three"], first=9)
    yield said("deployments", "read_logs", actor, id, third.id, first=2)
    yield said("deployments", "stream_logs", actor, id, third.id)
    yield said("deployments", "stream_logs", actor, id, ada.id)

    told = {"type": "project.member.removed", "data": {"project_id": id, "project": "engine"}}
    yield said("notifications", "tell", system, [ada.id, bob.id], title="Told", dedup_key="k", **told)
    yield said("notifications", "tell", system, [ada.id], title="Told again", dedup_key="k", **told)
    yield said("notifications", "tell", actor, [bob.id], title="Not mine to tell", **told)
    yield said("notifications", "set_preference", actor, type=told["type"], channel="email", schedule=Schedule.NEVER)
    yield said("notifications", "preferences", actor)
    yield said("notifications", "set_webhook", actor, url="https://example.org/hook")
    yield said("notifications", "set_webhook", actor, url="https://127.0.0.1/hook")
    yield said("notifications", "find_webhook", actor)
    yield said("maintenance", "deliver_notifications", system)
    yield said("notifications", "remove_webhook", actor)
    inbox = yield said("notifications", "page", actor)
    yield said("notifications", "unread_count", actor)
    yield said("notifications", "mark_read", actor, [inbox.items[0].id])
    yield said("notifications", "mark_unread", actor, [inbox.items[0].id])
    yield said("notifications", "mark_all_read", actor)
    yield said("maintenance", "purge_notifications", system, days=30)
    yield said("maintenance", "revive_deliveries", system, ada.id)
    yield said("notifications", "delete", actor, inbox.items[0].id)
    yield said("notifications", "delete", actor, inbox.items[0].id)

    yield said("quality", "assess", actor, id)
    yield said("quality", "history", actor, id)
    yield said("maintenance", "refresh_analytics", admin)
    yield said("maintenance", "archive_deployments", admin, days=30)
    yield said("maintenance", "prepare_audit", admin, months=2)
    yield said("maintenance", "purge_sign_in", admin)
    yield said("maintenance", "index_contents", admin)
    yield said("analytics", "recent_activity", admin)
    yield said("analytics", "project_file_stats", admin)
    yield said("analytics", "deployment_success_rate", admin)
    yield said("analytics", "daily_project_stats", admin)
    yield said("analytics", "user_activity", admin)
    yield said("analytics", "system_health", admin)
    yield said("projects", "archive", actor, id)
    yield said("projects", "update", actor, id, description="late")
    yield said("projects", "restore", actor, id)
    yield said("audit", "page", admin, limit=100)
    rotated = yield said("sessions", "rotate", renewed.token)
    yield said("sessions", "rotate", renewed.token)
    yield said("sessions", "page", actor)
    yield said("sessions", "reauthenticate", actor, password="wrong horse")
    proved = yield said("sessions", "reauthenticate", actor, password=SECOND)
    yield said("auth", "authenticate", rotated.token)
    yield said("auth", "authenticate", proved.token)
    other = yield said("auth", "login", email="ada@example.org", password=SECOND)
    yield said("sessions", "revoke", actor, other.session.id)
    yield said("sessions", "revoke", actor, other.session.id)
    yield said("sessions", "revoke_others", actor)
    yield said("sessions", "revoke_all", admin, user_id=bob.id)
    enrolment = yield said("second_factors", "enrol", actor)
    yield said("second_factors", "confirm", actor, code="000000")
    yield said("second_factors", "confirm", actor, code=code(enrolment.secret))
    challenge = (yield said("auth", "login", email="ada@example.org", password=SECOND)).challenge
    yield said("auth", "begin_enrolment", challenge=challenge)
    yield said("auth", "complete_enrolment", challenge=challenge, code=code(enrolment.secret))
    yield said("auth", "complete_challenge", challenge=challenge, code=code(enrolment.secret))
    login = yield said("auth", "complete_challenge", challenge=challenge, code=code(enrolment.secret, 1))
    yield said("second_factors", "status", login.actor)
    yield said("auth", "login", email="ada@example.org", password=SECOND, device=login.device_token)
    yield said("second_factors", "rotate_keys", admin)
    yield said("second_factors", "reset", system, ada.id)
    actor = (yield said("auth", "login", email="ada@example.org", password=SECOND)).actor
    enrolment = yield said("second_factors", "enrol", actor)
    confirmed = yield said("second_factors", "confirm", actor, code=code(enrolment.secret))
    yield said("second_factors", "new_recovery_codes", actor, code=confirmed.recovery_codes[0])
    login = yield said("second_factors", "disable", actor, code=code(enrolment.secret, 1))
    actor = login.actor
    yield said("auth", "logout", actor)
    yield said("auth", "authenticate", login.token)


@dataclass
class Lived:
    """What a story came to: each call with its value, or with the type and the facts of its error."""

    outcomes: list[tuple[str, str, Any]]

    def note(self, call: Said, value: Any) -> None:
        if isinstance(value, VibecoreError):
            value = (type(value), value.facts)
        elif isinstance(value, Authenticated):
            value = (value.user, value.actor, value.token, value.session)
        elif isinstance(value, Renewed):
            value = (value.actor, value.token, value.session)
        self.outcomes.append((call.noun, call.method, value))


def live(services: Services, told: Story) -> Lived:
    lived, call = Lived([]), next(told)
    while True:
        value: Any
        try:
            value = getattr(getattr(services, call.noun), call.method)(*call.args, **call.kwargs)
            value = list(value) if isinstance(value, LogStream) else value
        except VibecoreError as error:
            value = error
        lived.note(call, value)
        try:
            call = told.send(value)
        except StopIteration:
            return lived


async def alive(services: AsyncServices, told: Story) -> Lived:
    lived, call = Lived([]), next(told)
    while True:
        value: Any
        try:
            value = await getattr(getattr(services, call.noun), call.method)(*call.args, **call.kwargs)
            value = [line async for line in value] if isinstance(value, AsyncLogStream) else value
        except VibecoreError as error:
            value = error
        lived.note(call, value)
        try:
            call = told.send(value)
        except StopIteration:
            return lived
