"""Round trips of every public service method, counted on the wire: what a call costs on a network.

A read is 1: one statement or one batch. A write is at most 3: a batch that reads, a batch that writes with the audit
row, and the COMMIT. What takes more has its reason below. A method that the table does not know fails the test, and so
does one that takes another number than the table says: a better one is written down, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from pyotp.totp import TOTP

from tests.reports_data import result as sarif_result
from tests.reports_data import sarif
from vibecore.bootstrap import stores
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.api_keys import CreatedKey
from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.errors import NotFound, PermissionDenied
from vibecore.domain.logins import Authenticated, Challenge
from vibecore.domain.notifications import Notification, Schedule
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Project, ProjectStatus
from vibecore.domain.tests import TestType
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode
from vibecore.services.challenges import Wants, make_challenge
from vibecore.services.channels.local import MemoryChannel
from vibecore.services.mail.local import OutboxMailer
from vibecore.services.reviewing import READ_AT_ONCE
from vibecore.testing.backends import SETTINGS, PostgresDatabase
from vibecore.testing.effects import START, FixedClock, fixed_effects
from vibecore.testing.wiretap import Wiretap

PASSWORD: Final = "correct horse battery staple 9"
SYSTEM: Final = Actor.system("nightly")
CODE: Final = '"""A module."""\n\nANSWER = 42\n'
Call = Callable[[], object]

READ: Final = 1
WRITE: Final = 3
DELIVERY: Final = 15


class World:
    """An installation behind a wiretap, with a user, a project, and something of everything in it."""

    def __init__(self, vibe: Vibe, folder: Path) -> None:
        self.vibe = vibe
        self._numbers = count(1)
        self._folder = folder
        self.admin = vibe.users.create_admin(SYSTEM, email="root@example.org", password=PASSWORD, name="Root")
        self.login = self.new_login()
        self.ada = self.login.actor
        assert self.ada.user_id is not None
        self.ada_id = self.ada.user_id
        self.root = vibe.auth.login(email="root@example.org", password=PASSWORD).actor
        self.key = self.new_key().key
        self.project = self.new_project()
        self.id = self.project.id
        self.path = self.new_file()
        self.file = vibe.files.read(self.ada, self.id, self.path)
        self.review = vibe.reviews.record(self.ada, self.id, self.path, score=90)
        self.result = vibe.tests.record(self.ada, self.id, self.path, test_type=TestType.UNIT, passed=1)
        self.deployment = self.running()
        self.logged = self.pending().id
        vibe.maintenance.refresh_analytics(SYSTEM)

    def name(self) -> str:
        return f"n{next(self._numbers)}"

    def new_user(self) -> UUID:
        email = f"{self.name()}@example.org"
        return self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name="Somebody").id

    def new_login(self) -> Authenticated:
        email = f"{self.name()}@example.org"
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name="Somebody")
        return self.vibe.auth.login(email=email, password=PASSWORD).authenticated

    def new_key(self) -> CreatedKey:
        return self.vibe.api_keys.create(self.ada, name=self.name(), permissions=[Action.PROJECT_READ])

    def link(self, address: str) -> str:
        """The token of the last mail to this address."""
        mailer = self.vibe.mailer
        assert isinstance(mailer, OutboxMailer)
        return mailer.to(address)[-1].values["token"]

    def tell(self) -> None:
        data = {"project_id": self.id, "project": "engine"}
        self.vibe.notifications.tell(SYSTEM, [self.ada_id], type="project.member.removed", title=self.name(), data=data)

    def told(self) -> Notification:
        """A new notification."""
        self.tell()
        return self.vibe.notifications.page(self.ada).items[0]

    def set_webhook(self) -> None:
        self.vibe.notifications.set_webhook(self.ada, url=f"https://example.org/{self.name()}")

    def new_project(self) -> Project:
        return self.vibe.projects.create(self.ada, name=self.name())

    def new_member(self) -> UUID:
        user_id = self.new_user()
        self.vibe.projects.add_member(self.ada, self.id, user_id)
        return user_id

    def new_file(self) -> str:
        path = f"src/{self.name()}/app.py"
        self.vibe.files.write(self.ada, self.id, path, CODE)
        return path

    def new_tree(self) -> Path:
        """A folder on this machine with changed files."""
        for number in range(3):
            (self._folder / f"m{number}.py").write_text(f"{CODE}# {self.name()}\n")
        return self._folder

    def new_target(self) -> Path:
        """A folder that is not there."""
        return self._folder.with_name(self.name())

    def pending(self) -> Deployment:
        return self.vibe.deployments.create(self.ada, self.id, environment=self.name(), version="1.0")

    def moved(self, deployment: Deployment, *statuses: DeploymentStatus) -> Deployment:
        for status in statuses:
            deployment = self.vibe.deployments.transition(self.ada, self.id, deployment.id, status, reason="go")
        return deployment

    def running(self) -> Deployment:
        return self.moved(self.pending(), DeploymentStatus.BUILDING, DeploymentStatus.RUNNING)

    def replaced(self) -> Deployment:
        """What runs after another version ran in the same place."""
        first = self.running()
        second = self.vibe.deployments.create(self.ada, self.id, environment=first.environment, version="2.0")
        return self.moved(second, DeploymentStatus.BUILDING, DeploymentStatus.RUNNING)


def _login(world: World) -> Call:
    email = world.vibe.users.get(world.ada, world.ada_id).email
    return lambda: world.vibe.auth.login(email=email, password=PASSWORD)


def _enrol(world: World) -> Call:
    actor = world.new_login().actor
    return lambda: world.vibe.second_factors.enrol(actor)


def _code(secret: str, step: int = 0) -> str:
    return TOTP(secret).at(START + timedelta(seconds=30 * step))


def _confirm(world: World) -> Call:
    actor = world.new_login().actor
    secret = world.vibe.second_factors.enrol(actor).secret
    return lambda: world.vibe.second_factors.confirm(actor, code=_code(secret))


def _guarded(world: World) -> tuple[Actor, str]:
    actor = world.new_login().actor
    secret = world.vibe.second_factors.enrol(actor).secret
    return world.vibe.second_factors.confirm(actor, code=_code(secret)).renewed.actor, secret


def _switch_off(world: World) -> Call:
    actor, secret = _guarded(world)
    return lambda: world.vibe.second_factors.disable(actor, code=_code(secret, 1))


def _new_codes(world: World) -> Call:
    actor, secret = _guarded(world)
    return lambda: world.vibe.second_factors.new_recovery_codes(actor, code=_code(secret, 1))


def _reset(world: World) -> Call:
    actor, _ = _guarded(world)
    assert actor.user_id is not None
    user_id = actor.user_id
    return lambda: world.vibe.second_factors.reset(SYSTEM, user_id)


def _challenge(world: World) -> Call:
    actor, secret = _guarded(world)
    assert actor.user_id is not None
    email = world.vibe.users.get(actor, actor.user_id).email
    login = world.vibe.auth.login(email=email, password=PASSWORD)
    assert isinstance(login, Challenge)
    return lambda: world.vibe.auth.complete_challenge(challenge=login.challenge, code=_code(secret, 1)).authenticated


def _demanded(world: World) -> str:
    """The challenge of somebody who has to enrol."""
    user_id = world.new_user()
    with world.vibe._work.store.begin(Mode.READ) as tx:
        user, now = tx.users.get(user_id), tx.now
    return make_challenge(world.vibe._work.effects, user, Wants.ENROLMENT, now)


def _begin_enrolment(world: World) -> Call:
    challenge = _demanded(world)
    return lambda: world.vibe.auth.begin_enrolment(challenge=challenge)


def _complete_enrolment(world: World) -> Call:
    challenge = _demanded(world)
    code = _code(world.vibe.auth.begin_enrolment(challenge=challenge).secret)
    return lambda: world.vibe.auth.complete_enrolment(challenge=challenge, code=code).authenticated


def _logout(world: World) -> Call:
    actor = world.new_login().actor
    return lambda: world.vibe.auth.logout(actor)


def _revoke(world: World) -> Call:
    login = world.new_login()
    return lambda: world.vibe.sessions.revoke(login.actor, login.session.id)


def _revoke_others(world: World) -> Call:
    login = world.new_login()
    world.vibe.auth.login(email=login.user.email, password=PASSWORD)
    return lambda: world.vibe.sessions.revoke_others(login.actor)


def _revoke_all(world: World) -> Call:
    actor = world.new_login().actor
    return lambda: world.vibe.sessions.revoke_all(actor)


def _rotate(world: World) -> Call:
    token = world.new_login().token
    return lambda: world.vibe.sessions.rotate(token)


def _reauthenticate(world: World) -> Call:
    actor = world.new_login().actor
    return lambda: world.vibe.sessions.reauthenticate(actor, password=PASSWORD)


def _revoke_key(world: World) -> Call:
    key_id = world.new_key().info.id
    return lambda: world.vibe.api_keys.revoke(world.ada, key_id)


def _change_password(world: World) -> Call:
    actor = world.new_login().actor
    return lambda: world.vibe.passwords.change(actor, current=PASSWORD, new="another long password")


def _reset_password(world: World) -> Call:
    email = world.vibe.users.get(world.root, world.new_user()).email
    world.vibe.passwords.request_reset(email=email)
    return lambda: world.vibe.passwords.reset(token=world.link(email), password="another long password")


def _verify(world: World) -> Call:
    email = world.vibe.users.get(world.root, world.new_user()).email
    return lambda: world.vibe.emails.verify(token=world.link(email))


def _change_email(world: World) -> Call:
    actor, new_email = world.new_login().actor, f"{world.name()}@example.net"
    world.vibe.emails.request_change(actor, new_email=new_email)
    return lambda: world.vibe.emails.change(token=world.link(new_email))


def _role(world: World) -> Call:
    user_id = world.new_user()
    return lambda: world.vibe.users.set_role(world.root, user_id, role=UserRole.VIEWER)


def _disable(world: World) -> Call:
    user_id = world.new_user()
    return lambda: world.vibe.users.disable(world.root, user_id)


def _enable(world: World) -> Call:
    user_id = world.new_user()
    world.vibe.users.disable(world.root, user_id)
    return lambda: world.vibe.users.enable(world.root, user_id)


def _delete_user(world: World) -> Call:
    user_id = world.new_user()
    return lambda: world.vibe.users.delete(world.root, user_id)


def _add_member(world: World) -> Call:
    user_id = world.new_user()
    return lambda: world.vibe.projects.add_member(world.ada, world.id, user_id)


def _member_role(world: World) -> Call:
    user_id = world.new_member()
    return lambda: world.vibe.projects.set_member_role(world.ada, world.id, user_id, role=UserRole.VIEWER)


def _remove_member(world: World) -> Call:
    user_id = world.new_member()
    return lambda: world.vibe.projects.remove_member(world.ada, world.id, user_id)


def _status(world: World) -> Call:
    project_id = world.new_project().id
    return lambda: world.vibe.projects.set_status(world.ada, project_id, status=ProjectStatus.IN_PROGRESS)


def _archive(world: World) -> Call:
    project_id = world.new_project().id
    return lambda: world.vibe.projects.archive(world.ada, project_id)


def _restore(world: World) -> Call:
    project_id = world.new_project().id
    world.vibe.projects.archive(world.ada, project_id)
    return lambda: world.vibe.projects.restore(world.ada, project_id)


def _transfer(world: World) -> Call:
    project_id, user_id = world.new_project().id, world.new_user()
    world.vibe.projects.add_member(world.ada, project_id, user_id)
    return lambda: world.vibe.projects.transfer(world.ada, project_id, user_id)


def _derive(world: World) -> Call:
    project_id = world.new_project().id
    world.vibe.files.write(world.ada, project_id, "pyproject.toml", '[project]\ndependencies = ["flask"]\n')
    return lambda: world.vibe.projects.derive_tech_stack(world.ada, project_id, apply=True)


def _prefer(world: World) -> Call:
    schedules = cycle((Schedule.DAILY, Schedule.NEVER))
    return lambda: world.vibe.notifications.set_preference(
        world.ada, type="quality.dropped", channel=world.name(), schedule=next(schedules)
    )


def _remove_webhook(world: World) -> Call:
    world.set_webhook()
    return lambda: world.vibe.notifications.remove_webhook(world.ada)


def _deliver(world: World) -> Call:
    world.vibe.maintenance.deliver_notifications(SYSTEM)
    world.tell()
    return lambda: world.vibe.maintenance.deliver_notifications(SYSTEM)


def _write(world: World) -> Call:
    path = world.new_file()
    return lambda: world.vibe.files.write(world.ada, world.id, path, f"# {world.name()}\n")


def _folder(world: World) -> Call:
    path = f"{world.name()}/{world.name()}/{world.name()}"
    return lambda: world.vibe.files.make_folder(world.ada, world.id, path)


def _move_folder(world: World) -> Call:
    source, target = world.new_file().rpartition("/")[0], f"{world.name()}/{world.name()}"
    return lambda: world.vibe.files.move(world.ada, world.id, source, target, refuse_case_collisions=True)


def _rename(world: World) -> Call:
    path, name = world.new_file(), world.name()
    return lambda: world.vibe.files.rename(world.ada, world.id, path, name)


def _copy(world: World) -> Call:
    source, target = world.new_file().rpartition("/")[0], f"{world.name()}/{world.name()}"
    return lambda: world.vibe.files.copy(world.ada, world.id, source, target, refuse_case_collisions=True)


def _delete(world: World) -> Call:
    path = world.new_file()
    return lambda: world.vibe.files.delete(world.ada, world.id, path)


def _import(world: World) -> Call:
    tree = world.new_tree()
    return lambda: world.vibe.files.import_tree(world.ada, world.id, tree)


def _sarif(world: World) -> Call:
    report = sarif(sarif_result(world.path, 1))
    return lambda: world.vibe.reviews.import_sarif(world.ada, world.id, report)


def _index(world: World) -> Call:
    world.new_file()
    return lambda: world.vibe.maintenance.index_contents(SYSTEM)


def _transition(world: World) -> Call:
    deployment = world.pending()
    return lambda: world.moved(deployment, DeploymentStatus.BUILDING)


def _retry(world: World) -> Call:
    failed = world.moved(world.pending(), DeploymentStatus.BUILDING, DeploymentStatus.FAILED)
    return lambda: world.vibe.deployments.retry(world.ada, world.id, failed.id)


def _rollback(world: World) -> Call:
    second = world.replaced()
    return lambda: world.vibe.deployments.rollback(world.ada, world.id, second.id, reason="worse")


def _metrics(world: World) -> Call:
    deployment, metrics = world.pending(), {world.name(): 1.5}
    return lambda: world.vibe.deployments.record_metrics(world.ada, world.id, deployment.id, metrics)


def _review(world: World) -> Call:
    world.new_file()
    return lambda: world.vibe.reviews.run(world.ada, world.id)


# Each entry: what the call prepares, uncounted, and the number of round trips of what it returns.
CALLS: Final[dict[str, tuple[int, Callable[[World], Call]]]] = {
    # The third is the limit of mails to an address, after the commit.
    "auth.register": (3, lambda w: lambda: w.new_user()),
    # Hashing a password takes 50 ms: no transaction stays open meanwhile. A try is counted with the look-up of the
    # account, then the session is written, then the tries are cleared.
    "auth.login": (4, _login),
    # The account, a try of the challenge, one of the account, the challenge marked as used; then as a login.
    "auth.complete_challenge": (7, _challenge),
    "auth.begin_enrolment": (4, _begin_enrolment),
    "auth.complete_enrolment": (7, _complete_enrolment),
    "second_factors.status": (READ, lambda w: lambda: w.vibe.second_factors.status(w.ada)),
    "second_factors.enrol": (WRITE, _enrol),
    # The account, a try, the change, and the try forgotten.
    "second_factors.confirm": (READ + 1 + WRITE + 1, _confirm),
    "second_factors.disable": (READ + 1 + WRITE + 1, _switch_off),
    "second_factors.new_recovery_codes": (READ + 1 + WRITE + 1, _new_codes),
    "second_factors.reset": (WRITE, _reset),
    # A page of the users that have a secret, one of the webhooks, and the audit row.
    "second_factors.rotate_keys": (2 * READ + 2, lambda w: lambda: w.vibe.second_factors.rotate_keys(w.root)),
    "auth.authenticate": (READ, lambda w: lambda: w.vibe.auth.authenticate(w.login.token)),
    "auth.logout": (WRITE, _logout),
    "api_keys.create": (WRITE, lambda w: lambda: w.new_key()),
    "api_keys.authenticate": (READ, lambda w: lambda: w.vibe.api_keys.authenticate(w.key)),
    "api_keys.page": (READ, lambda w: lambda: w.vibe.api_keys.page(w.ada)),
    "api_keys.revoke": (WRITE, _revoke_key),
    "sessions.page": (READ, lambda w: lambda: w.vibe.sessions.page(w.ada)),
    "sessions.revoke": (WRITE, _revoke),
    "sessions.revoke_others": (WRITE, _revoke_others),
    "sessions.revoke_all": (WRITE, _revoke_all),
    "sessions.rotate": (WRITE, _rotate),
    # Reading and counting the try before the password is checked, then a write, then forgetting the tries.
    "sessions.reauthenticate": (1 + 1 + WRITE + 1, _reauthenticate),
    "users.get": (READ, lambda w: lambda: w.vibe.users.get(w.ada, w.ada_id)),
    "users.find": (READ, lambda w: lambda: w.vibe.users.find(w.ada, w.ada_id)),
    "users.find_by_email": (READ, lambda w: lambda: w.vibe.users.find_by_email(w.root, w.admin.email)),
    # A look at account and session, the try, what is written with its COMMIT; after it the tries are forgotten.
    "passwords.change": (5, _change_password),
    # The try of the address, then a look-up, the audit row and its COMMIT, whether or not there is an account.
    "passwords.request_reset": (4, lambda w: lambda: w.vibe.passwords.request_reset(email=f"{w.name()}@example.org")),
    # The account, what is written with its COMMIT, and the tries forgotten after it.
    "passwords.reset": (4, _reset_password),
    "emails.request_verification": (
        4,
        lambda w: lambda: w.vibe.emails.request_verification(email=f"{w.name()}@example.org"),
    ),
    "emails.verify": (WRITE, _verify),
    # A look at account and session, the try of the address, then what is written with its COMMIT.
    "emails.request_change": (4, lambda w: lambda: w.vibe.emails.request_change(w.ada, new_email=f"{w.name()}@x.org")),
    "emails.change": (WRITE, _change_email),
    "users.page": (READ, lambda w: lambda: w.vibe.users.page(w.root)),
    "users.update": (WRITE, lambda w: lambda: w.vibe.users.update(w.ada, w.ada_id, name=w.name())),
    "users.set_role": (WRITE, _role),
    "users.disable": (WRITE, _disable),
    "users.enable": (WRITE, _enable),
    # After the commit, tries are forgotten in a transaction of its own.
    "users.delete": (WRITE + 1, _delete_user),
    # The user and the audit row in one batch, then the tries.
    "users.unlock": (WRITE, lambda w: lambda: w.vibe.users.unlock(w.root, w.ada_id)),
    "users.create_admin": (
        3,
        lambda w: lambda: w.vibe.users.create_admin(w.root, email=f"{w.name()}@x.org", password=PASSWORD, name="Root"),
    ),
    "projects.create": (2, lambda w: lambda: w.new_project()),
    "projects.get": (READ, lambda w: lambda: w.vibe.projects.get(w.ada, w.id)),
    "projects.find": (READ, lambda w: lambda: w.vibe.projects.find(w.ada, w.id)),
    "projects.page": (READ, lambda w: lambda: w.vibe.projects.page(w.ada)),
    "projects.update": (WRITE, lambda w: lambda: w.vibe.projects.update(w.ada, w.id, description=w.name())),
    "projects.set_status": (WRITE, _status),
    "projects.archive": (WRITE, _archive),
    "projects.restore": (WRITE, _restore),
    "projects.members": (READ, lambda w: lambda: w.vibe.projects.members(w.ada, w.id)),
    "projects.add_member": (WRITE, _add_member),
    "projects.search": (READ, lambda w: lambda: w.vibe.projects.search(w.ada, "engine")),
    "projects.transfer": (WRITE, _transfer),
    "projects.derive_tech_stack": (WRITE, _derive),
    "projects.set_member_role": (WRITE, _member_role),
    "projects.remove_member": (WRITE, _remove_member),
    "files.write": (WRITE, _write),
    "files.make_folder": (WRITE, _folder),
    "files.move": (WRITE, _move_folder),
    "files.rename": (WRITE, _rename),
    "files.copy": (WRITE, _copy),
    "files.search": (READ, lambda w: lambda: w.vibe.files.search(w.ada, w.id, "module", ignore_case=True)),
    "files.children": (READ, lambda w: lambda: w.vibe.files.children(w.ada, w.id, "src")),
    "files.delete": (WRITE, _delete),
    # Bulk: a look before the walk of the folder, then one transaction that compares, writes in bulk and counts anew.
    "files.import_tree": (7, _import),
    # A look at the tree, one for the contents of each thousand files or 8 MiB, and the end of the snapshot.
    "files.export_tree": (3, lambda w: lambda: w.vibe.files.export_tree(w.ada, w.id, w.new_target())),
    "files.read": (READ, lambda w: lambda: w.vibe.files.read(w.ada, w.id, w.path)),
    "files.get": (READ, lambda w: lambda: w.vibe.files.get(w.ada, w.id, w.file.id)),
    "files.find": (READ, lambda w: lambda: w.vibe.files.find(w.ada, w.id, w.file.id)),
    "files.tree": (READ, lambda w: lambda: w.vibe.files.tree(w.ada, w.id)),
    "files.page": (READ, lambda w: lambda: w.vibe.files.page(w.ada, w.id)),
    "deployments.create": (WRITE, lambda w: lambda: w.pending()),
    "deployments.transition": (WRITE, _transition),
    "deployments.retry": (WRITE, _retry),
    "deployments.rollback": (WRITE, _rollback),
    "deployments.get": (READ, lambda w: lambda: w.vibe.deployments.get(w.ada, w.id, w.deployment.id)),
    "deployments.find": (READ, lambda w: lambda: w.vibe.deployments.find(w.ada, w.id, w.deployment.id)),
    "deployments.running": (
        READ,
        lambda w: lambda: w.vibe.deployments.running(w.ada, w.id, environment=w.deployment.environment),
    ),
    "deployments.page_archived": (READ, lambda w: lambda: w.vibe.deployments.page_archived(w.ada, w.id)),
    "deployments.environments": (READ, lambda w: lambda: w.vibe.deployments.environments(w.ada, w.id)),
    "deployments.record_metrics": (WRITE, _metrics),
    "deployments.append_logs": (WRITE, lambda w: lambda: w.vibe.deployments.append_logs(w.ada, w.id, w.logged, ["x"])),
    "deployments.read_logs": (READ, lambda w: lambda: w.vibe.deployments.read_logs(w.ada, w.id, w.logged)),
    "deployments.stream_logs": (READ, lambda w: lambda: list(w.vibe.deployments.stream_logs(w.ada, w.id, w.logged))),
    "deployments.page": (READ, lambda w: lambda: w.vibe.deployments.page(w.ada, w.id)),
    "reviews.record": (WRITE, lambda w: lambda: w.vibe.reviews.record(w.ada, w.id, w.path, score=80)),
    # Bulk: what is known, the files page by page while no transaction is open, then one that records the findings.
    "reviews.run": (6, _review),
    # A look at the tree, one for the contents of each 500 files or 8 MiB that are named, and the unit that writes.
    "reviews.import_sarif": (6, _sarif),
    "reviews.export_sarif": (READ, lambda w: lambda: w.vibe.reviews.export_sarif(w.ada, w.id)),
    "reviews.latest": (READ, lambda w: lambda: w.vibe.reviews.latest(w.ada, w.id)),
    "reviews.get": (READ, lambda w: lambda: w.vibe.reviews.get(w.ada, w.id, w.review.id)),
    "reviews.find": (READ, lambda w: lambda: w.vibe.reviews.find(w.ada, w.id, w.review.id)),
    "reviews.page": (READ, lambda w: lambda: w.vibe.reviews.page(w.ada, w.id)),
    "tests.record": (WRITE, lambda w: lambda: w.vibe.tests.record(w.ada, w.id, w.path, test_type=TestType.UNIT)),
    "tests.get": (READ, lambda w: lambda: w.vibe.tests.get(w.ada, w.id, w.result.id)),
    "tests.find": (READ, lambda w: lambda: w.vibe.tests.find(w.ada, w.id, w.result.id)),
    "tests.page": (READ, lambda w: lambda: w.vibe.tests.page(w.ada, w.id)),
    "quality.assess": (WRITE, lambda w: lambda: w.vibe.quality.assess(w.ada, w.id)),
    "quality.history": (READ, lambda w: lambda: w.vibe.quality.history(w.ada, w.id)),
    "notifications.page": (READ, lambda w: lambda: w.vibe.notifications.page(w.ada)),
    "notifications.unread_count": (READ, lambda w: lambda: w.vibe.notifications.unread_count(w.ada)),
    # One statement, and the COMMIT.
    "notifications.mark_read": (2, lambda w: partial(w.vibe.notifications.mark_read, w.ada, [w.told().id])),
    "notifications.mark_unread": (2, lambda w: partial(w.vibe.notifications.mark_unread, w.ada, [w.told().id])),
    "notifications.mark_all_read": (2, lambda w: lambda: w.vibe.notifications.mark_all_read(w.ada)),
    "notifications.delete": (2, lambda w: partial(w.vibe.notifications.delete, w.ada, w.told().id)),
    "notifications.tell": (2, lambda w: lambda: w.tell()),
    "notifications.preferences": (READ, lambda w: lambda: w.vibe.notifications.preferences(w.ada)),
    "notifications.set_preference": (WRITE, _prefer),
    "notifications.find_webhook": (READ, lambda w: lambda: w.vibe.notifications.find_webhook(w.ada)),
    "notifications.set_webhook": (WRITE, lambda w: lambda: w.set_webhook()),
    "notifications.remove_webhook": (WRITE, _remove_webhook),
    # One notification to one channel: a look for users, three batches and the writes that make it a delivery, a last
    # look; then the claim, what is told, its end, a claim of nothing more, and the audit row.
    "maintenance.deliver_notifications": (DELIVERY, _deliver),
    "maintenance.revive_deliveries": (WRITE, lambda w: lambda: w.vibe.maintenance.revive_deliveries(SYSTEM, w.ada_id)),
    "maintenance.purge_notifications": (WRITE, lambda w: lambda: w.vibe.maintenance.purge_notifications(SYSTEM)),
    "audit.page": (READ, lambda w: lambda: w.vibe.audit.page(w.ada, project_id=w.id)),
    "analytics.recent_activity": (READ, lambda w: lambda: w.vibe.analytics.recent_activity(w.ada, project_id=w.id)),
    "analytics.project_file_stats": (
        READ,
        lambda w: lambda: w.vibe.analytics.project_file_stats(w.ada, project_id=w.id),
    ),
    "analytics.deployment_success_rate": (
        READ,
        lambda w: lambda: w.vibe.analytics.deployment_success_rate(w.ada, project_id=w.id),
    ),
    "analytics.daily_project_stats": (
        READ,
        lambda w: lambda: w.vibe.analytics.daily_project_stats(w.ada, project_id=w.id),
    ),
    "analytics.user_activity": (READ, lambda w: lambda: w.vibe.analytics.user_activity(w.root)),
    "analytics.system_health": (READ, lambda w: lambda: w.vibe.analytics.system_health(w.root)),
    "maintenance.archive_deployments": (
        WRITE,
        lambda w: lambda: w.vibe.maintenance.archive_deployments(SYSTEM, days=30),
    ),
    "maintenance.prepare_audit": (WRITE, lambda w: lambda: w.vibe.maintenance.prepare_audit(SYSTEM, months=1)),
    # Throttles in a transaction of their own; the audit row tells what the batch before it removed.
    "maintenance.purge_sign_in": (WRITE + 1, lambda w: lambda: w.vibe.maintenance.purge_sign_in(SYSTEM)),
    # A page of projects, then for each what is not indexed, the rows and their audit row, nothing more, and the purge.
    "maintenance.index_contents": (247, _index),
    "maintenance.refresh_analytics": (WRITE, lambda w: lambda: w.vibe.maintenance.refresh_analytics(SYSTEM)),
}
CODES: Final = {
    *(f"auth.{name}" for name in ("login", "complete_challenge", "begin_enrolment", "complete_enrolment")),
    *(f"second_factors.{name}" for name in ("confirm", "disable", "new_recovery_codes")),
}
"""Calls that count tries before they check a secret, in transactions of their own."""
BULK: Final = {
    *("files.import_tree", "reviews.run", "reviews.import_sarif"),
    *("maintenance.deliver_notifications", "maintenance.index_contents", "second_factors.rotate_keys"),
}
"""Calls that may take more than 3. How many does not depend on the rows that they write."""
FORGETTING: Final = {"users.delete", "maintenance.purge_sign_in"}
"""Writes that also forget throttles, which is a transaction of its own."""
TRIES: Final = {
    "sessions.reauthenticate",
    "passwords.change",
    "passwords.request_reset",
    "passwords.reset",
    "emails.request_verification",
    "emails.request_change",
}
"""Calls that count tries, each in a transaction of its own, or let them be forgotten after the commit."""


@pytest.fixture
def tap(database: PostgresDatabase) -> Iterator[Wiretap]:
    with Wiretap(database.engine.url.render_as_string(hide_password=False)) as tap:
        yield tap


@pytest.fixture
def world(tap: Wiretap, clock: FixedClock, tmp_path: Path) -> Iterator[World]:
    engine = stores.postgres_engine(tap.url, SETTINGS)
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
    vibe = Vibe(store, replace(fixed_effects(clock=clock), channels=(MemoryChannel(),)))
    yield World(vibe, tmp_path)
    vibe.close()


def counted(tap: Wiretap, call: Call) -> int:
    before = tap.round_trips
    call()
    return tap.round_trips - before


def methods(vibe: Vibe) -> set[str]:
    """Every public method of every service, by noun."""
    services = {noun: service for noun, service in vars(vibe).items() if not noun.startswith("_")}
    return {
        f"{noun}.{name}"
        for noun, service in services.items()
        for name, _ in inspect.getmembers(service, callable)
        if not name.startswith("_")
    }


def test_every_method_has_its_number(world: World, tap: Wiretap) -> None:
    """In the steady state: each call is made before, so that its connection is open and its statements are prepared."""
    assert methods(world.vibe) == set(CALLS)
    found = {}
    for name, (_, prepare) in CALLS.items():
        for _ in range(9):
            prepare(world)()
        found[name] = counted(tap, prepare(world))
    assert found == {name: number for name, (number, _) in CALLS.items()}


def test_the_numbers_keep_the_budget() -> None:
    """1 for a read and at most 3 for a write, but for bulk work, and where tries are counted or forgotten as well."""
    assert {name for name, (number, _) in CALLS.items() if number > WRITE} == BULK | FORGETTING | TRIES | CODES
    assert {CALLS[name][0] for name in FORGETTING} == {WRITE + 1}
    assert all(CALLS[name][0] <= WRITE + 3 for name in TRIES)


def test_the_first_call_costs_no_more_than_the_next(tap: Wiretap, database: PostgresDatabase, world: World) -> None:
    """On a connection that is open; no statement is prepared in a round trip of its own."""
    call = CALLS["projects.update"][1](world)
    assert [counted(tap, call) for _ in range(12)] == [WRITE] * 12


def test_asking_for_a_link_costs_the_same_for_every_address(world: World, tap: Wiretap) -> None:
    """On the wire: known, unknown, disabled, verified, and asked for too often."""
    disabled, often, known = (world.vibe.users.get(world.root, world.new_user()) for _ in range(3))
    world.vibe.users.disable(world.root, disabled.id)
    passwords, emails = world.vibe.passwords, world.vibe.emails
    for _ in range(6):
        passwords.request_reset(email=often.email, ip_address="192.0.2.1")
        emails.request_verification(email=often.email, ip_address="192.0.2.2")
    every = (known.email, "nobody@example.org", disabled.email, world.admin.email, often.email)
    addresses = list(enumerate(every))
    for call in (passwords.request_reset, emails.request_verification):
        found = [counted(tap, partial(call, email=email, ip_address=f"198.51.100.{n}")) for n, email in addresses]
        assert found == [5] * 5


def test_a_denied_call_pays_for_its_audit_row(world: World, tap: Wiretap) -> None:
    """A read that is denied is a read and a write; one that finds nothing is a read."""
    stranger = world.new_login().actor

    def denied() -> None:
        with pytest.raises(PermissionDenied):
            world.vibe.users.page(stranger)

    def hidden() -> None:
        with pytest.raises(NotFound):
            world.vibe.projects.get(stranger, world.id)

    assert counted(tap, denied) == 2
    assert counted(tap, hidden) == READ


def test_a_transaction_of_several_calls_shares_its_ends(world: World, tap: Wiretap) -> None:
    """Ten writes cost a savepoint, two batches and its release each, and one COMMIT for all of them."""

    def several() -> None:
        with world.vibe.transaction() as tx:
            for _ in range(10):
                tx.projects.update(world.ada, world.id, description=world.name())

    several()
    assert counted(tap, several) <= 10 * 4 + 1


def test_bulk_work_does_not_grow_with_its_rows(world: World, tap: Wiretap) -> None:
    """An import of 300 files takes no more round trips than one of 3, new or changed; their review one for each page
    of files that it reads."""
    tree = world.new_tree()
    for content in (CODE, f"{CODE}# changed\n"):
        for number in range(300):
            (tree / f"more{number}.py").write_text(content)
        trips = counted(tap, lambda: world.vibe.files.import_tree(world.ada, world.id, tree))
        assert trips <= CALLS["files.import_tree"][0]
    assert (
        counted(tap, lambda: world.vibe.reviews.run(world.ada, world.id))
        <= CALLS["reviews.run"][0] + 300 // READ_AT_ONCE + 2  # one more prepares what is sent for the sixth time
    )
