"""An installation with people and a project, for tests of what becomes of projects."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.errors import VibecoreError
from vibecore.domain.members import ProjectMember
from vibecore.domain.projects import Project
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.effects import ThreadRuntime
from vibecore.testing.effects import FixedClock, fixed_effects

PASSWORD: Final = "engine no. 9"
SYSTEM: Final = Actor.system("the tests")
NOBODY: Final = UUID(int=2**100)


class Site:
    """Root administers, Ada owns the project `engine`, Bob and Cy are developers without a part in it."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store = store
        self.clock = clock
        # Threads that collide wait for one another, as in life.
        self.vibe = Vibe(store, dataclasses.replace(fixed_effects(clock=clock), runtime=ThreadRuntime()))
        self.vibe.users.create_admin(SYSTEM, email="root@example.org", password=PASSWORD, name="root")
        self.root = self.sign_in("root")
        self.ada, self.bob, self.cy = (self.person(name) for name in ("ada", "bob", "cy"))
        self.id = self.vibe.projects.create(self.ada, name="engine").id

    def person(self, name: str) -> Actor:
        self.vibe.auth.register(Actor.anonymous(), email=f"{name}@example.org", password=PASSWORD, name=name)
        return self.sign_in(name)

    def sign_in(self, name: str) -> Actor:
        return self.vibe.auth.login(email=f"{name}@example.org", password=PASSWORD).actor

    def project(self, project_id: UUID | None = None) -> Project:
        with self.store.begin(Mode.READ) as tx:
            return tx.projects.get(project_id or self.id)

    def members(self) -> dict[UUID, ProjectMember]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return {member.user_id: member for member in tx.members.stream(self.id)}

    def trail(self, prefix: str = "project.") -> list[AuditEvent]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            found = [event for event in tx.audit.stream() if event.action.startswith(prefix)]
        return sorted(found, key=lambda event: event.id)


def id_of(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What the calls give that begin at one moment in threads of their own: values, or errors of vibecore."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except VibecoreError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
