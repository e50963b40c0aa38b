"""A platform in memory with people in every standing to one private project, and a count of what would travel."""

from __future__ import annotations

import dataclasses
from typing import Any, Final
from uuid import UUID

from tests.unit.services.counting import CountingStore
from vibecore.bootstrap.services import Services
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.audit import AuditEvent
from vibecore.domain.members import ProjectMember
from vibecore.domain.paging import Cursors
from vibecore.domain.projects import Project
from vibecore.domain.users import User, UserRole, email_key
from vibecore.repositories.memory.store import MemoryStore
from vibecore.repositories.unit_of_work import Mode
from vibecore.services.effects import PasswordHasher
from vibecore.services.work import Work
from vibecore.testing.effects import fixed_effects

PASSWORD: Final = "engine no. 9"
SESSION: Final = UUID(int=2**100)


class House:
    """`owner` owns `project`; `manager`, `developer` and `viewer` are its members; `admin` administers the platform."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self.effects = fixed_effects(hasher=hasher)
        self.clock = self.effects.clock
        self.memory = MemoryStore(self.clock, Cursors(b"house"))
        self.store = CountingStore(self.memory)
        self.work = Work(self.store, self.effects)  # type: ignore[arg-type]
        self.vibe = Services(self.work)
        self.admin = self.user("admin", UserRole.ADMIN)
        self.owner = self.user("owner")
        self.manager = self.user("manager")
        self.developer = self.user("developer")
        self.viewer = self.user("viewer")
        self.stranger = self.user("stranger")
        self.project = self.make_project(self.owner)
        self.join(self.manager, UserRole.ADMIN)
        self.join(self.developer, UserRole.DEVELOPER)
        self.join(self.viewer, UserRole.VIEWER)

    @property
    def trips(self) -> int:
        """Round trips since the last time this was asked."""
        found, self.store.trips = self.store.trips, 0
        return found

    def user(self, name: str, role: UserRole = UserRole.DEVELOPER) -> Actor:
        address = f"{name}@example.org"
        with self.memory.begin() as tx:
            user = tx.users.insert(
                User(
                    id=self.effects.ids(),
                    email=address,
                    email_key=email_key(address),
                    password_hash=self.effects.hasher.hash(PASSWORD),
                    name=name.title(),
                    role=role,
                    created_at=tx.now,
                    updated_at=tx.now,
                )
            )
            tx.commit()
        return Actor.of_user(user, session_id=SESSION, ip_address="192.0.2.1")

    def key_of(self, actor: Actor, *scopes: str) -> Actor:
        """An API key of the same user."""
        return Actor(kind=ActorKind.API_KEY, user_id=actor.user_id, role=actor.role, scopes=frozenset(scopes))

    def make_project(self, owner: Actor, **fields: Any) -> UUID:
        assert owner.user_id is not None
        with self.memory.begin() as tx:
            project = Project(
                id=self.effects.ids(),
                owner_id=owner.user_id,
                created_at=tx.now,
                updated_at=tx.now,
                **{"name": "engine", **fields},
            )
            tx.projects.insert(project)
            tx.commit()
        return project.id

    def join(self, actor: Actor, role: UserRole, project: UUID | None = None) -> None:
        with self.memory.begin() as tx:
            tx.members.insert(
                ProjectMember(
                    id=self.effects.ids(),
                    project_id=project or self.project,
                    user_id=user_id(actor),
                    role=role,
                    joined_at=tx.now,
                    created_at=tx.now,
                    updated_at=tx.now,
                )
            )
            tx.commit()

    def stored(self, actor: Actor) -> User:
        with self.memory.begin(Mode.READ) as tx:
            return tx.users.get(user_id(actor))

    def change(self, actor: Actor, **fields: Any) -> None:
        """What somebody else does to the account meanwhile."""
        with self.memory.begin() as tx:
            tx.users.update(dataclasses.replace(tx.users.get(user_id(actor)), **fields))
            tx.commit()

    def sessions(self, actor: Actor) -> int:
        with self.memory.begin(Mode.READ) as tx:
            return tx.sessions.count(user_id(actor))

    def trail(self) -> list[AuditEvent]:
        """All audit events, the oldest first."""
        with self.memory.begin(Mode.SNAPSHOT) as tx:
            return sorted(tx.audit.stream(), key=lambda event: event.id)

    def actions(self) -> list[str]:
        return [event.action for event in self.trail()]

    def contents(self) -> dict[str, object]:
        """All that is stored about this project and these people, the audit trail aside."""
        people = (self.admin, self.owner, self.manager, self.developer, self.viewer, self.stranger)
        with self.memory.begin(Mode.SNAPSHOT) as tx:
            found: dict[str, object] = {
                "users": list(tx.users.stream()),
                "projects": list(tx.projects.stream()),
                "sessions": [list(tx.sessions.stream(user_id(actor))) for actor in people],
                "api_keys": [list(tx.api_keys.stream(user_id(actor))) for actor in people],
                "notifications": [list(tx.notifications.stream(user_id(actor))) for actor in people],
                "preferences": [list(tx.notification_preferences.stream(user_id(actor))) for actor in people],
                "webhooks": [list(tx.webhooks.stream(user_id(actor))) for actor in people],
            }
            for name in ("members", "files", "deployments", "reviews", "tests", "scores"):
                found[name] = list(getattr(tx, name).stream(self.project))
        return found

    def page_of(self, **named: Any) -> list[AuditEvent]:
        """Audit events with these fields."""
        return [event for event in self.trail() if all(getattr(event, name) == value for name, value in named.items())]


def user_id(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id
