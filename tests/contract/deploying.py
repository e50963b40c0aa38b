"""A project whose owner deploys, and racers who all begin at the same moment."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.deployment_logs import DeploymentLog, LogEntry, LogPage
from vibecore.domain.deployments import Deployment, DeploymentStatus
from vibecore.domain.errors import VibecoreError
from vibecore.domain.projects import Project
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.effects import ThreadRuntime
from vibecore.testing.effects import FixedClock, fixed_effects

PASSWORD: Final = "engine no. 9"
TO: Final = DeploymentStatus
LIVE: Final = (TO.BUILDING, TO.RUNNING)


class Yard:
    """An installation with the project "engine" of Ada, who is signed in. Collisions wait for real."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store = store
        self.clock = clock
        self.effects = dataclasses.replace(fixed_effects(clock=clock), runtime=ThreadRuntime())
        self.vibe = Vibe(store, self.effects)
        self.deployments = self.vibe.deployments
        self.ada = self.person("ada")
        self.id = self.vibe.projects.create(self.ada, name="engine").id

    def person(self, name: str) -> Actor:
        email = f"{name}@example.org"
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
        return self.vibe.auth.login(email=email, password=PASSWORD).actor

    def create(self, version: str = "1.0", environment: str = "production", **more: Any) -> Deployment:
        return self.deployments.create(self.ada, self.id, environment=environment, version=version, **more)

    def step(self, deployment: Deployment, *statuses: DeploymentStatus, **more: Any) -> Deployment:
        for status in statuses:
            self.clock.move(seconds=1)
            deployment = self.deployments.transition(
                self.ada, self.id, deployment.id, status, reason="as planned", **more
            )
        return deployment

    def live(self, version: str, environment: str = "production", **more: Any) -> Deployment:
        return self.step(self.create(version, environment), *LIVE, **more)

    def rollback(self, bad: Deployment) -> Deployment:
        return self.deployments.rollback(self.ada, self.id, bad.id, reason="bad")

    def retry(self, ended: Deployment) -> Deployment:
        return self.deployments.retry(self.ada, self.id, ended.id)

    def fresh(self, deployment: Deployment) -> Deployment:
        found = self.deployments.get(self.ada, self.id, deployment.id)
        assert isinstance(found, Deployment)
        return found

    def append(
        self, deployment: Deployment, lines: Sequence[str | LogEntry], first: int | None = None
    ) -> DeploymentLog:
        return self.deployments.append_logs(self.ada, self.id, deployment.id, lines, first=first)

    def read(self, deployment: Deployment, first: int = 1, limit: int = 1000) -> LogPage:
        return self.deployments.read_logs(self.ada, self.id, deployment.id, first=first, limit=limit)

    def texts(self, deployment: Deployment, first: int = 1) -> list[str]:
        return [line.text for line in self.deployments.stream_logs(self.ada, self.id, deployment.id, first=first)]

    def project(self) -> Project:
        return self.vibe.projects.get(self.ada, self.id)

    def all(self) -> tuple[Deployment, ...]:
        return self.deployments.page(self.ada, self.id, limit=1000).items

    def trail(self) -> list[AuditEvent]:
        """All events of the project, the oldest first."""
        with self.store.begin(Mode.SNAPSHOT) as tx:
            events = [event for event in tx.audit.stream() if event.project_id == self.id]
        return sorted(events, key=lambda event: event.id.int)


def race(*calls: Callable[[], Any]) -> list[Any]:
    """What each call came to, its value or its error, when all of them begin at the same moment."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except VibecoreError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def won(outcomes: Sequence[Any]) -> list[Any]:
    return [each for each in outcomes if not isinstance(each, VibecoreError)]
