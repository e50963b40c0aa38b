"""A furnished installation, and for every service method one call of it that is right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pyotp.totp import TOTP

from tests.reports_data import result, sarif
from vibecore.bootstrap.services import Services
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.deployment_logs import LogEntry, LogSource
from vibecore.domain.deployments import ARCHIVED_DEPLOYMENTS, Deployment, DeploymentStatus
from vibecore.domain.filters import Field
from vibecore.domain.notifications import Schedule
from vibecore.domain.permissions import Action
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.projects import ProjectStatus, Visibility
from vibecore.domain.tables import TABLES
from vibecore.domain.tests import TestType
from vibecore.domain.throttles import THROTTLES, Limit
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.challenges import Wants, make_challenge
from vibecore.services.deployments.following import LogStream
from vibecore.services.limits import ImportLimits
from vibecore.services.mail.local import OutboxMailer
from vibecore.testing.builders import make
from vibecore.testing.effects import START, fixed_effects
from vibecore.testing.parity.arguments import ISSUE, PASSWORDS
from vibecore.testing.parity.machine import everything
from vibecore.testing.parity.outcomes import difference

PASSWORD: Final = PASSWORDS[0]
TYPE: Final = "project.member.removed"
DATA: Final = {"project_id": UUID(int=7), "project": "engine"}
_PLENTY: Final = Limit(timedelta(microseconds=1), 1000)
_CODES: Final = Limit(timedelta(minutes=10), 1000)
POLICY: Final = AuthPolicy(
    account_limit=_PLENTY, client_limit=_PLENTY, challenge_limit=_CODES, factor_limit=_PLENTY, mail_limit=_PLENTY
)
"""Hundreds of wrong calls are made with one account."""
TRACES: Final = frozenset(
    {
        "permission.denied",
        "permission.overridden",
        "auth.login.failed",
        "auth.password.change.failed",
        "auth.reset.failed",
        "auth.email.verification.failed",
        "auth.email.change.failed",
        "auth.second_factor.failed",
        "auth.challenge.failed",
        "auth.login.challenged",
    }
)
"""Audit rows that a refused call leaves on purpose: somebody tried, or an administrator looked for what is not his."""


@dataclass
class Things:
    """One project with one of everything in it."""

    actor: Actor
    project: UUID
    file: UUID
    review: UUID
    result: UUID
    replaced: UUID
    """The deployment that ran before the one that runs."""
    running: UUID
    pending: UUID
    failed: UUID


@dataclass
class House:
    """An installation with an administrator, the owner of a project, a member, and a stranger with another project."""

    vibe: Vibe
    store: Store
    folder: Path
    system: Actor = field(default_factory=lambda: Actor.system("furnishing"))

    def __post_init__(self) -> None:
        self.vibe.users.create_admin(self.system, email="root@example.org", password=PASSWORD, name="Root")
        self.admin = self._sign_in("root@example.org")
        second = self.vibe.auth.login(email="root@example.org", password=PASSWORD).authenticated
        self.token, self.session_id = second.token, second.session.id
        self.member = _user(self._arrive("bob@example.org"))
        self.guest = _user(self._arrive("cy@example.org"))
        self.enrolling, self.pending = self._enrol(self._arrive("fay@example.org"))
        arrived, self.secret = self._enrol(self._arrive("gil@example.org"))
        self.guarded = self.vibe.second_factors.confirm(arrived, code=self.code(self.secret)).renewed.actor
        self.mine = self._furnish(self._arrive("ada@example.org"))
        self.theirs = self._furnish(self._arrive("eve@example.org"))
        self.empty = self.vibe.projects.create(self.mine.actor, name="empty").id
        made = [self.vibe.api_keys.create(self.admin, name=name, permissions=["project.read"]) for name in "ab"]
        self.told = self.vibe.notifications.page(self.admin).items[0].id
        self.vibe.notifications.set_webhook(self.admin, url="https://example.org/hook")
        self.key, self.key_id = made[0].key, made[0].info.id
        made = [self.vibe.api_keys.create(self.theirs.actor, name=name, permissions=[]) for name in "ab"]
        self.their_key = made[0].info.id
        other = self.vibe.auth.login(email="eve@example.org", password=PASSWORD).authenticated
        self.their_session = other.session.id
        self.cursors = self._cursors()
        self.links = self._links()
        self._seen = self.rows()

    def _arrive(self, email: str) -> Actor:
        """Somebody who is signed in."""
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=email[:3])
        return self._sign_in(email)

    def _sign_in(self, email: str) -> Actor:
        return self.vibe.auth.login(email=email, password=PASSWORD).actor

    def _enrol(self, actor: Actor) -> tuple[Actor, str]:
        """Somebody whose authenticator waits for its first code, and its secret."""
        return actor, self.vibe.second_factors.enrol(actor).secret

    def code(self, secret: str, steps: int = 0) -> str:
        """What the authenticator shows, or will show after so many steps."""
        return TOTP(secret).at(START + timedelta(seconds=30 * steps))

    def demand(self) -> str:
        """A challenge that demands an enrolment."""
        with self.store.begin(Mode.READ) as tx:
            user = tx.users.get(self.guest)
        return make_challenge(self.vibe._work.effects, user, Wants.ENROLMENT, START)

    def challenge(self) -> str:
        """A challenge that demands a code."""
        assert self.guarded.user_id is not None
        with self.store.begin(Mode.READ) as tx:
            user = tx.users.get(self.guarded.user_id)
        return make_challenge(self.vibe._work.effects, user, Wants.CODE, START)

    def _furnish(self, actor: Actor) -> Things:
        vibe = self.vibe
        project = vibe.projects.create(actor, name="engine").id
        vibe.projects.create(actor, name="second")
        vibe.projects.add_member(actor, project, self.member)
        vibe.projects.add_member(actor, project, _user(self._arrive(f"{project}@example.org")))
        vibe.files.write(actor, project, "src/a.py", "import os\n")
        found = vibe.files.write(actor, project, "notes.md", "# notes\n")
        review = vibe.reviews.record(actor, project, "src/a.py", issues=(ISSUE,))
        vibe.reviews.record(actor, project, "notes.md")
        result = vibe.tests.record(actor, project, "src/a.py", test_type=TestType.UNIT, passed=3)
        vibe.tests.record(actor, project, "src/a.py", test_type=TestType.UNIT, failed=1)
        vibe.quality.assess(actor, project)
        for number in range(2):
            told = [_user(actor), _user(self.admin)]
            vibe.notifications.tell(self.system, told, type=TYPE, title=f"told {number}", data=DATA)
        vibe.notifications.set_webhook(actor, url="https://example.org/hook")
        vibe.quality.assess(actor, project)
        replaced = self._deploy(actor, project, "production", DeploymentStatus.BUILDING, DeploymentStatus.RUNNING)
        running = self._deploy(actor, project, "production", DeploymentStatus.BUILDING, DeploymentStatus.RUNNING)
        failed = self._deploy(actor, project, "qa", DeploymentStatus.BUILDING, DeploymentStatus.FAILED)
        pending = self._deploy(actor, project, "staging")
        self._archive(project)
        return Things(actor, project, found.id, review.id, result.id, replaced.id, running.id, pending.id, failed.id)

    def _archive(self, project: UUID) -> None:
        """Two deployments that are in the archive."""
        with self.store.begin() as tx:
            for number in (1, 2):
                key = UUID(int=project.int << 64 | number)
                make(tx, ARCHIVED_DEPLOYMENTS, id=key, project_id=project, environment="qa", created_at=START)
            tx.commit()

    def _deploy(self, actor: Actor, project: UUID, environment: str, *steps: DeploymentStatus) -> Deployment:
        made = self.vibe.deployments.create(actor, project, environment=environment, version="1.0")
        for step in steps:
            made = self.vibe.deployments.transition(actor, project, made.id, step, reason="ready")
        return made

    def _cursors(self) -> dict[str, str]:
        """A cursor of the files by size and one of the deployments by environment: of no listing by default order."""
        mine = self.mine
        files = self.vibe.files.page(mine.actor, mine.project, order_by="size_bytes", limit=1)
        deployed = self.vibe.deployments.page(mine.actor, mine.project, order_by="environment", limit=1)
        assert files.next_cursor is not None
        assert deployed.next_cursor is not None
        return {"files": files.next_cursor, "deployments": deployed.next_cursor}

    def _links(self) -> dict[str, str]:
        """The tokens of links that have not been used, by the name of their mail."""
        mailer = self.vibe.mailer
        assert isinstance(mailer, OutboxMailer)
        self.vibe.passwords.request_reset(email="ada@example.org")
        self.vibe.emails.request_change(self.mine.actor, new_email="ada@example.net")
        return {
            mail.purpose.value: mail.values["token"]
            for mail in (*mailer.to("ada@example.org"), *mailer.to("ada@example.net"))
        }

    def changed(self) -> str | None:
        """What tells the rows from those of the last call, in words."""
        before, self._seen = self._seen, self.rows()
        return difference(before, self._seen, "rows")

    def rows(self) -> dict[str, list[Any]]:
        """Every committed row of every table but the audit rows that a refusal leaves, and the tries it counts as."""
        with self.store.begin(Mode.SNAPSHOT) as unit:
            found = {
                table.name: everything(unit, table.name, table.scope) for table in TABLES if table is not THROTTLES
            }
        """Every committed row of every table but what a refusal leaves: audit rows, and tries that are counted."""
        with self.store.begin(Mode.SNAPSHOT) as unit:
            found = {table.name: everything(unit, table.name, table.scope) for table in TABLES}
        del found["throttles"]
        found["audit_logs"] = [row for row in found["audit_logs"] if row.action not in TRACES]
        return found


def _user(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


def furnished(store: Store, folder: Path) -> House:
    """Ids, tokens and the clock count up alike in every house: two of them are equal to the last row."""
    effects = replace(fixed_effects(), policy=POLICY)
    return House(Vibe(store, effects), store, folder)


def good_arguments(house: House, service: str, method: str, names: list[str]) -> dict[str, Any]:
    """An argument for each of the parameters, such that the call succeeds."""
    special = _SPECIAL.get((service, method))
    values = {**_usual(house), **({} if special is None else special(house))}
    return {name: values[name] for name in names}


def call(services: Services, service: str, method: str, arguments: dict[str, Any]) -> Any:
    result = getattr(getattr(services, service), method)(**arguments)
    return list(result) if isinstance(result, LogStream) else result


def _usual(house: House) -> dict[str, Any]:
    mine = house.mine
    return {
        "actor": mine.actor,
        "project_id": mine.project,
        "user_id": house.member,
        "deployment_id": mine.pending,
        "file_id": mine.file,
        "review_id": mine.review,
        "result_id": mine.result,
        "token": house.token,
        "key": house.key,
        "key_id": house.key_id,
        "session_id": house.session_id,
        "permissions": ("project.read", Action.FILES_READ),
        "expires_at": START + timedelta(days=1),
        "email": "dan@example.org",
        "password": PASSWORD,
        "name": "Name",
        "ip_address": "192.0.2.1",
        "current": PASSWORD,
        "new": PASSWORDS[1],
        "new_email": "dan@example.net",
        "device_info": {"agent": "x"},
        "device": None,
        "challenge": house.challenge(),
        "code": house.code(house.secret, 1),
        "unchanged_since": None,
        "description": "text",
        "visibility": Visibility.TEAM,
        "tech_stack": {"backend": ["Python"]},
        "architecture": {"a": [1]},
        "repository_url": "https://example.org/x.git",
        "avatar_url": "https://example.org/a.png",
        "role": UserRole.VIEWER,
        "everything": False,
        "path": "src/a.py",
        "source": "src",
        "target": "lib/src",
        "text": "n",
        "new_owner_id": house.member,
        "leave": False,
        "apply": True,
        "folder": "src",
        "content": "import sys\n",
        "metadata": {"a": 1},
        "refuse_case_collisions": True,
        "names": True,
        "contents": True,
        "ignore_case": True,
        "exclude": ("*.pyc",),
        "archive": None,
        "limits": ImportLimits(),
        "overwrite": False,
        "gitignore": True,
        "delete_missing": False,
        "progress": lambda progress: None,
        "reviewers": None,
        "root": "/home/ci/engine",
        "complete": True,
        "environment": "canary",
        "version": "1.1",
        "config": {"a": 1},
        "metrics": {"a": 1},
        "reason": "because",
        "container_id": "c1",
        "lines": ("a line", LogEntry("another", LogSource.STDERR)),
        "first": 1,
        "follow": False,
        "container_port": 80,
        "deployment_url": "https://example.org",
        "status": DeploymentStatus.BUILDING,
        "issues": (ISSUE,),
        "score": 50,
        "summary": "text",
        "highlights": ("short",),
        "reviewer": "manual",
        "test_type": TestType.UNIT,
        "passed": 1,
        "failed": 0,
        "skipped": 0,
        "covered": 5,
        "coverable": 10,
        "framework": "pytest",
        "test_code": "assert True",
        "edge_cases": ("empty",),
        "coverage_goal": 80,
        "days": 1,
        "months": 1,
        "since": date(2024, 1, 1),
        "until": date(2026, 1, 1),
        "type": TYPE,
        "title": "Told",
        "message": "text",
        "data": DATA,
        "dedup_key": "k1",
        "user_ids": (house.member, house.guest),
        "notification_id": house.told,
        "notification_ids": (house.told,),
        "unread": True,
        "channel": "email",
        "schedule": Schedule.DAILY,
        "url": "https://example.org/other",
        "most": 10,
        "limit": 10,
        "cursor": None,
        "order_by": "created_at",
        "where": Field("created_at").ge(START),
    }


def _as_admin(house: House) -> dict[str, Any]:
    return {"actor": house.admin}


def _to_own_keys(house: House) -> dict[str, Any]:
    return {"actor": house.admin, "user_id": None}


def _as_system(house: House) -> dict[str, Any]:
    return {"actor": house.system}


_SPECIAL: Final[dict[tuple[str, str], Any]] = {
    ("auth", "register"): lambda house: {"actor": Actor.anonymous()},
    ("auth", "login"): lambda house: {"email": "ada@example.org"},
    **{("api_keys", name): _to_own_keys for name in ("create", "page", "revoke")},
    ("passwords", "reset"): lambda house: {"token": house.links["reset-password"], "ip_address": None},
    ("emails", "verify"): lambda house: {"token": house.links["verify-email"], "ip_address": None},
    ("emails", "change"): lambda house: {"token": house.links["change-email"], "ip_address": None},
    **{("sessions", name): _to_own_keys for name in ("page", "revoke", "revoke_all")},
    ("sessions", "reauthenticate"): lambda house: {"actor": house.theirs.actor},
    ("auth", "begin_enrolment"): lambda house: {"challenge": house.demand()},
    ("second_factors", "enrol"): lambda house: {"actor": house.enrolling},
    ("second_factors", "confirm"): lambda house: {"actor": house.enrolling, "code": house.code(house.pending)},
    ("second_factors", "disable"): lambda house: {"actor": house.guarded},
    ("second_factors", "new_recovery_codes"): lambda house: {"actor": house.guarded},
    **{("second_factors", name): _as_system for name in ("status", "reset", "rotate_keys")},
    **{
        ("notifications", name): _to_own_keys
        for name in (
            *("page", "unread_count", "mark_read", "mark_unread", "delete", "preferences", "set_preference"),
            *("find_webhook", "set_webhook", "remove_webhook"),
        )
    },
    ("notifications", "mark_all_read"): lambda house: {**_to_own_keys(house), "until": START},
    ("notifications", "tell"): _as_system,
    ("projects", "set_status"): lambda house: {"status": ProjectStatus.IN_PROGRESS},
    ("projects", "add_member"): lambda house: {"user_id": house.guest},
    ("projects", "archive"): lambda house: {"project_id": house.empty},
    ("files", "make_folder"): lambda house: {"path": "fresh/folder"},
    ("files", "rename"): lambda house: {"path": "src/a.py", "name": "renamed.py"},
    ("files", "search"): lambda house: {"text": "s", "folder": None},
    ("files", "children"): lambda house: {"folder": None},
    ("files", "copy"): lambda house: {"source": "src", "target": "copied/src"},
    ("reviews", "import_sarif"): lambda house: {"source": sarif(result("src/a.py", 1))},
    ("files", "import_tree"): lambda house: {"source": house.folder},
    ("files", "export_tree"): lambda house: {"target": house.folder.with_name(f"exported-{id(house)}")},
    ("deployments", "retry"): lambda house: {"deployment_id": house.mine.failed},
    ("deployments", "rollback"): lambda house: {"deployment_id": house.mine.running},
    ("analytics", "user_activity"): _as_admin,
    ("analytics", "system_health"): _as_admin,
    **{("users", name): _as_admin for name in ("get", "find", "page", "update", "set_role", "disable", "enable")},
    **{("users", name): _as_admin for name in ("delete", "unlock", "find_by_email")},
    ("users", "create_admin"): _as_admin,
    ("maintenance", "archive_deployments"): _as_admin,
    ("maintenance", "refresh_analytics"): _as_admin,
    ("maintenance", "index_contents"): _as_admin,
    ("maintenance", "prepare_audit"): _as_admin,
    ("maintenance", "purge_sign_in"): _as_admin,
    **{
        ("maintenance", name): _as_admin
        for name in ("deliver_notifications", "revive_deliveries", "purge_notifications")
    },
}
"""What a method needs instead of the usual; a project that has something in flight cannot be archived."""
