"""A memory platform with two users and one project, whose round trips are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from tests.unit.services.counting import CountingStore
from vibecore.domain.actors import Actor
from vibecore.domain.audit import AuditEvent
from vibecore.domain.members import ProjectMember
from vibecore.domain.paging import Cursors
from vibecore.domain.projects import Project, ProjectStatus
from vibecore.domain.users import User, UserRole
from vibecore.repositories.memory.store import MemoryStore
from vibecore.repositories.unit_of_work import Mode
from vibecore.services.deployments import DeploymentService
from vibecore.services.files import FileService
from vibecore.services.quality import QualityService
from vibecore.services.reviews import ReviewService
from vibecore.services.tests import TestService
from vibecore.services.work import Work
from vibecore.testing.effects import START, fixed_effects

SESSION = UUID(int=99)


class Services:
    """The services under test, on one work."""

    def __init__(self, work: Work) -> None:
        self.files = FileService(work)
        self.deployments = DeploymentService(work)
        self.reviews = ReviewService(work)
        self.tests = TestService(work)
        self.quality = QualityService(work)


class Bench(Services):
    """The services under test, the actors who call them, and what they leave behind."""

    def __init__(self) -> None:
        self.effects = fixed_effects()
        self.memory = MemoryStore(self.effects.clock, Cursors(b"a key of the tests"))
        self.counted = CountingStore(self.memory)
        super().__init__(Work(self.counted, self.effects))  # type: ignore[arg-type]
        self.owner = self._user("owner", UserRole.DEVELOPER)
        self.viewer = self._user("viewer", UserRole.DEVELOPER)
        self.stranger = self._user("stranger", UserRole.DEVELOPER)
        self.id = self.new_project()

    @property
    def trips(self) -> int:
        """Round trips since the last time this was asked."""
        found, self.counted.trips = self.counted.trips, 0
        return found

    def interrupted(self, call: Callable[[], object]) -> Services:
        """The services once more; in the middle of the first unit of work that writes with them, `call` happens."""
        waiting = [call]

        def ids() -> UUID:
            if waiting:
                waiting.pop()()
            return self.effects.ids()

        return Services(Work(self.memory, replace(self.effects, ids=ids)))

    def new_project(self) -> UUID:
        """A private project of `owner` with `viewer` as a viewing member."""
        id = self.effects.ids()
        with self.memory.begin() as tx:
            assert self.owner.user_id is not None
            assert self.viewer.user_id is not None
            project = Project(id=id, name="engine", owner_id=self.owner.user_id, created_at=START, updated_at=START)
            tx.projects.insert(project)
            member = ProjectMember(
                id=self.effects.ids(),
                project_id=id,
                user_id=self.viewer.user_id,
                role=UserRole.VIEWER,
                joined_at=START,
                created_at=START,
                updated_at=START,
            )
            tx.members.insert(member)
            tx.commit()
        return id

    def project(self) -> Project:
        with self.memory.begin(Mode.READ) as tx:
            return tx.projects.get(self.id)

    def archive(self) -> None:
        with self.memory.begin() as tx:
            project = tx.projects.get(self.id)
            tx.projects.update(replace(project, status=ProjectStatus.ARCHIVED, archived_from=project.status))
            tx.commit()

    def trail(self) -> list[AuditEvent]:
        """All audit events, the oldest first."""
        with self.memory.begin(Mode.SNAPSHOT) as tx:
            return sorted(tx.audit.stream(), key=lambda event: event.id.int)

    def trail_names(self) -> list[str]:
        return [event.action for event in self.trail()]

    def counters(self) -> tuple[int, int]:
        project = self.project()
        return project.file_count, project.total_lines

    def recount(self) -> tuple[int, int]:
        with self.memory.begin(Mode.READ) as tx:
            totals = tx.files.totals(self.id)
            return totals.file_count, totals.total_lines

    def _user(self, name: str, role: UserRole) -> Actor:
        user = User(
            id=self.effects.ids(),
            email=f"{name}@example.org",
            email_key=f"{name}@example.org",
            password_hash="x",
            name=name,
            role=role,
            created_at=START,
            updated_at=START,
        )
        with self.memory.begin() as tx:
            tx.users.insert(user)
            tx.commit()
        return Actor.of_user(user, session_id=SESSION, ip_address="192.0.2.1")
