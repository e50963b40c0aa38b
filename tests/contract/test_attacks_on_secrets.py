"""Canaries through every flow of identity, and ids of other projects, on both backends."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.doors import ADA, STEP, SYSTEM, Door
from vibecore.domain.actors import Actor
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import NotFound, VibecoreError
from vibecore.domain.logins import Authenticated, Challenge
from vibecore.domain.projects import Visibility
from vibecore.domain.tests import TestType
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.hashing import BcryptHasher
from vibecore.services.mail.messages import MailPurpose
from vibecore.testing.effects import FixedClock

FIRST, SECOND, THIRD = "canary-the-first 1", "canary-the-second 2", "canary-the-third 3"
WRONG_ONE = "canary-a-wrong-one"


class Flow:
    """Every flow once, done right and done wrong; what came back, what was raised, and every secret that was in it."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.vibe = door.vibe
        self.secrets: set[str] = {FIRST, SECOND, THIRD, WRONG_ONE}
        self.results: list[Any] = []
        self.tracebacks: list[str] = []

    def kept(self, result: Any, *names: str) -> Any:
        """A result, whose attributes `names` are secrets."""
        self.results.append(result)
        for name in names:
            value = getattr(result, name)
            self.secrets.update((value,) if isinstance(value, str) else value)
        return result

    def fails(self, call: Callable[[], object]) -> None:
        try:
            call()
        except VibecoreError as error:
            self.results += [error, error.facts, error.args]
            self.tracebacks.append("".join(traceback.format_exception(error)))
        else:
            raise AssertionError("it worked")

    def link(self, purpose: MailPurpose) -> str:
        token: str = [mail for mail in self.door.effects.mailer.mails if mail.purpose is purpose][-1].values["token"]
        self.secrets.add(token)
        return token

    def run(self) -> None:
        vibe, door = self.vibe, self.door
        self.kept(vibe.auth.register(Actor.anonymous(), email="eve@example.org", password=FIRST, name="Eve"))
        self.kept(vibe.emails.verify(token=self.link(MailPurpose.VERIFY_EMAIL)))
        self.kept(vibe.auth.login(email="eve@example.org", password=WRONG_ONE))
        entered = self.kept(vibe.auth.login(email="eve@example.org", password=FIRST), "token", "device_token")
        actor = entered.actor
        self.fails(lambda: vibe.passwords.change(actor, current=WRONG_ONE, new=SECOND))
        self.fails(lambda: vibe.passwords.change(actor, current=FIRST, new="canary" * 40))
        actor = self.kept(vibe.passwords.change(actor, current=FIRST, new=SECOND), "token").actor
        enrolment = self.kept(vibe.second_factors.enrol(actor), "secret", "uri", "qr_svg", "qr_terminal")
        door.secret = enrolment.secret
        self.fails(lambda: vibe.second_factors.confirm(actor, code="000000"))
        confirmed = self.kept(vibe.second_factors.confirm(actor, code=door.code()), "recovery_codes")
        actor = self.kept(confirmed.renewed, "token").actor
        door.clock.move(seconds=STEP)
        pending = self.kept(vibe.auth.login(email="eve@example.org", password=SECOND), "challenge")
        assert isinstance(pending, Challenge)
        self.kept(vibe.auth.complete_challenge(challenge=pending.challenge, code="999999"))
        opened = vibe.auth.complete_challenge(challenge=pending.challenge, code=door.code())
        assert isinstance(opened, Authenticated)
        actor = self.kept(opened, "token", "device_token").actor
        renewed = self.kept(vibe.sessions.rotate(opened.token), "token")
        self.fails(lambda: vibe.sessions.rotate(renewed.token[:-1]))
        door.clock.move(seconds=STEP)
        self.fails(lambda: vibe.sessions.reauthenticate(actor, password=WRONG_ONE, code=door.code()))
        actor = self.kept(vibe.sessions.reauthenticate(actor, password=SECOND, code=door.code()), "token").actor
        key = self.kept(vibe.api_keys.create(actor, name="ci", permissions=["project.read"]), "key").key
        self.kept(vibe.api_keys.authenticate(key))
        self.fails(lambda: vibe.api_keys.authenticate(key[:-1] + "0"))
        self.kept(vibe.second_factors.new_recovery_codes(actor, code=confirmed.recovery_codes[0]), "codes")
        vibe.emails.request_change(actor, new_email="eve@example.net")
        change = self.link(MailPurpose.CHANGE_EMAIL)
        self.fails(lambda: vibe.emails.change(token=change[:-4] + "AAAA"))
        self.kept(vibe.emails.change(token=change))
        vibe.passwords.request_reset(email="eve@example.net")
        reset = self.link(MailPurpose.RESET_PASSWORD)
        self.fails(lambda: vibe.passwords.reset(token=reset, password="canary" * 40))
        vibe.passwords.reset(token=reset, password=THIRD)
        self.fails(lambda: vibe.passwords.reset(token=reset, password=THIRD))
        self.kept(vibe.users.find_by_email(SYSTEM, "eve@example.net"))
        self.kept(vibe.sessions.page(SYSTEM, user_id=actor.user_id))
        self.kept(vibe.api_keys.page(SYSTEM, user_id=actor.user_id))
        self.kept(vibe.second_factors.rotate_keys(SYSTEM))


@pytest.fixture
def flow(store: Store, clock: FixedClock, caplog: pytest.LogCaptureFixture) -> Iterator[Flow]:
    with caplog.at_level(logging.DEBUG):
        found = Flow(Door(store, clock, hasher=BcryptHasher(4)))
        found.run()
        assert len(found.secrets) > 40
        yield found


def leaks(flow: Flow, texts: list[str]) -> list[str]:
    """What is told that must not be; the first characters of it."""
    return sorted({secret[:12] for secret in flow.secrets for text in texts if secret in text})


def test_attack_canaries_in_reprs_and_texts(flow: Flow) -> None:
    """Of every result, every error and its facts, every actor and page."""
    assert leaks(flow, [f"{each!r}\n{each}" for each in flow.results]) == []


def test_attack_canaries_in_logs(flow: Flow, caplog: pytest.LogCaptureFixture) -> None:
    """At the finest level, of every logger."""
    assert leaks(flow, [caplog.text, *(repr(record.__dict__) for record in caplog.records)]) == []


def test_attack_canaries_in_tracebacks(flow: Flow) -> None:
    """Of every error with its causes and contexts."""
    assert len(flow.tracebacks) >= 9
    assert leaks(flow, flow.tracebacks) == []


def test_attack_canaries_in_pickles_and_copies(flow: Flow) -> None:
    """What holds a secret is not pickled or copied at all; what is holds none."""
    refused = 0
    for each in flow.results:
        try:
            found = pickle.dumps(each)
        except TypeError:
            refused += 1
            for leave in (copy.copy, copy.deepcopy):
                with pytest.raises(TypeError):
                    leave(each)
            continue
        assert leaks(flow, [found.decode("latin-1")]) == []
    assert refused >= 10


def test_attack_canaries_in_json(flow: Flow) -> None:
    """Neither as it is nor by what people write for `default=`: text, repr, or the public facts."""
    for each in flow.results:
        for default in (str, repr, lambda value: getattr(value, "facts", str(value))):
            assert leaks(flow, [json.dumps(each, default=default)]) == []


def test_attack_canaries_in_the_database(flow: Flow) -> None:
    """Of users, sessions, keys, codes, tokens, throttles and the trail: each column as it is stored."""
    with flow.door.store.begin(Mode.SNAPSHOT) as tx:
        users = list(tx.users.stream())
        rows: list[Any] = [*users, *tx.throttles.stream(), *tx.audit.stream()]
        for user in users:
            for name in ("sessions", "superseded_tokens", "api_keys", "recovery_codes"):
                rows += getattr(tx, name).stream(user.id)
    stored = [repr([getattr(row, field.name) for field in dataclasses.fields(row)]) for row in rows]
    assert len(stored) > 40
    assert leaks(flow, stored) == []
    trail = [text for row, text in zip(rows, stored, strict=True) if type(row).__name__ == "AuditEvent"]
    hashes = [user.password_hash for user in users]
    assert not [text for text in trail for secret in (*hashes, "eve@example", ADA) if secret in text]


def test_attack_mails_hold_the_link_and_no_other_secret(flow: Flow) -> None:
    """No password, no session, no code; a mail's repr has not even its link."""
    links = {mail.values["token"] for mail in flow.door.effects.mailer.mails if "token" in mail.values}
    for mail in flow.door.effects.mailer.mails:
        found = {secret for secret in flow.secrets if secret in f"{mail.subject}{mail.text}{dict(mail.values)}"}
        assert found <= links
        assert len(found) <= 1
        assert leaks(flow, [f"{mail!r}{mail}"]) == []


# -- ids of other projects


class Neighbours:
    """Two projects of two people, with one of everything in each."""

    def __init__(self, door: Door) -> None:
        self.vibe = door.vibe
        self.eve = self.arrive("eve@example.org")
        self.mine, self.theirs = self.furnish(self.eve), self.furnish(self.arrive("bob@example.org"))

    def arrive(self, email: str) -> Actor:
        self.vibe.auth.register(Actor.anonymous(), email=email, password=FIRST, name="Somebody")
        return self.vibe.auth.login(email=email, password=FIRST).actor

    def furnish(self, actor: Actor) -> dict[str, Any]:
        vibe = self.vibe
        project = vibe.projects.create(actor, name="p", visibility=Visibility.PRIVATE)
        file = vibe.files.write(actor, project.id, "a.py", "x = 1\n")
        deployment = vibe.deployments.create(actor, project.id, environment="production", version="1.0")
        vibe.deployments.transition(actor, project.id, deployment.id, DeploymentStatus.FAILED, reason="go")
        return {
            "project_id": project.id,
            "file_id": file.id,
            "deployment_id": deployment.id,
            "review_id": vibe.reviews.record(actor, project.id, "a.py", score=90).id,
            "result_id": vibe.tests.record(actor, project.id, "a.py", test_type=TestType.UNIT, passed=1).id,
        }


CALLS: dict[str, tuple[str, Callable[[Neighbours, Any, Any], object]]] = {
    "deployments.get": ("deployment_id", lambda n, project, key: n.vibe.deployments.get(n.eve, project, key)),
    "deployments.retry": ("deployment_id", lambda n, project, key: n.vibe.deployments.retry(n.eve, project, key)),
    "deployments.transition": (
        "deployment_id",
        lambda n, project, key: n.vibe.deployments.transition(
            n.eve, project, key, DeploymentStatus.STOPPED, reason="x"
        ),
    ),
    "deployments.rollback": (
        "deployment_id",
        lambda n, project, key: n.vibe.deployments.rollback(n.eve, project, key, reason="x"),
    ),
    "reviews.get": ("review_id", lambda n, project, key: n.vibe.reviews.get(n.eve, project, key)),
    "tests.get": ("result_id", lambda n, project, key: n.vibe.tests.get(n.eve, project, key)),
}


@pytest.mark.parametrize("name", CALLS)
def test_attack_an_id_of_another_project(store: Store, clock: FixedClock, name: str) -> None:
    """Under the own project it is not found, under the other's the project is not: nothing tells that either exists."""
    neighbours = Neighbours(Door(store, clock))
    kind, call = CALLS[name]
    foreign, project = neighbours.theirs[kind], neighbours.theirs["project_id"]
    for named, key in ((neighbours.mine["project_id"], foreign), (project, foreign)):
        with pytest.raises(NotFound) as caught:
            call(neighbours, named, key)
        assert caught.value.facts["kind"] == ("project" if named == project else caught.value.facts["kind"])
        assert caught.value.facts["key"] == (project if named == project else foreign)


def test_attack_files_of_another_project_by_path(store: Store, clock: FixedClock) -> None:
    """Reading, listing, writing, moving and deleting: the project does not exist for whoever is no member."""
    neighbours = Neighbours(Door(store, clock))
    files, eve, project = neighbours.vibe.files, neighbours.eve, neighbours.theirs["project_id"]
    for call in (
        lambda: files.read(eve, project, "a.py"),
        lambda: files.page(eve, project),
        lambda: files.write(eve, project, "a.py", "x = 2\n"),
        lambda: files.move(eve, project, "a.py", "b.py"),
        lambda: files.delete(eve, project, "a.py"),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.facts == {"kind": "project", "key": project}
