"""Random worlds for the analytics: small pools of values, so that ties, gaps and equal days are common."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from vibecore.domain.api_keys import ApiKey
from vibecore.domain.audit import AuditEvent
from vibecore.domain.deployments import IN_FLIGHT, ArchivedDeployment, Deployment, DeploymentStatus
from vibecore.domain.files import File, FileType
from vibecore.domain.json import JsonArray, JsonObject
from vibecore.domain.members import ProjectMember
from vibecore.domain.notifications import Notification
from vibecore.domain.pipelines import Execution, ExecutionStatus, Pipeline
from vibecore.domain.projects import Project, ProjectStatus
from vibecore.domain.reviews import CodeReview
from vibecore.domain.rules import EARLIEST, LATEST
from vibecore.domain.scores import QualityScore
from vibecore.domain.sessions import Session
from vibecore.domain.tests import TestResult, TestType
from vibecore.domain.users import User, UserRole

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
MOMENTS = [
    MIDNIGHT + timedelta(days=days, microseconds=micros)
    for days in (0, 1, 2, 30)
    for micros in (0, 1, -1, 1_499_999, 3_600_000_000)
]
MOMENTS += [EARLIEST, LATEST]
LANGUAGES = [None, "Python", "python", "C", "Ünïcode", "😀", "", 'J"S\\\n']
NAMES = ["Ada", "ada", "Zoë", "😀", "A"]


@dataclass
class World:
    """Every record of a database, by kind."""

    users: list[User] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    api_keys: list[ApiKey] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    members: list[ProjectMember] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    archived: list[ArchivedDeployment] = field(default_factory=list)
    reviews: list[CodeReview] = field(default_factory=list)
    tests: list[TestResult] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    scores: list[QualityScore] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)


class Maker:
    """Draws the records of one world."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World()

    def make(self, size: int) -> World:
        """About `size` records of each kind that there are many of."""
        world, random = self.world, self.random
        world.users = [self._user(i) for i in range(random.randint(0, 6))]
        if world.users:
            world.projects = [self._project() for _ in range(random.randint(0, 5))]
            self._of_users(size)
        if world.projects:
            self._of_projects(size)
        world.events = [self._event() for _ in range(random.randint(0, size))]
        return world

    def _of_users(self, size: int) -> None:
        world, random = self.world, self.random
        for _ in range(random.randint(0, size // 4)):
            user_id = random.choice(world.users).id
            world.sessions.append(
                Session(
                    token=str(self.id()),
                    user_id=user_id,
                    expires_at=self.moment(),
                    idle_expires_at=self.moment(),
                    authenticated_at=self.moment(),
                    **self.stamps(),
                )
            )
            world.api_keys.append(
                ApiKey(
                    user_id=user_id,
                    name="key",
                    key_hash="x",
                    key_prefix=str(self.id())[:20],
                    expires_at=self.maybe(self.moment()),
                    **self.stamps(),
                )
            )
            world.notifications.append(
                Notification(
                    user_id=user_id,
                    type="t",
                    title="t",
                    read_at=self.maybe(self.moment()),
                    occurred_at=self.moment(),
                    **self.stamps(),
                )
            )

    def _of_projects(self, size: int) -> None:
        world, random = self.world, self.random
        for project in world.projects:
            for user in random.sample(world.users, random.randint(0, len(world.users))):
                world.members.append(
                    ProjectMember(project_id=project.id, user_id=user.id, joined_at=self.moment(), **self.stamps())
                )
        world.files = [self._file(i) for i in range(random.randint(0, size))]
        taken: set[tuple[object, ...]] = set()
        for _ in range(random.randint(0, size)):
            deployment = self._deployment(Deployment)
            in_flight, running = deployment.status in IN_FLIGHT, deployment.status is DeploymentStatus.RUNNING
            key = (deployment.project_id, deployment.environment, in_flight)
            if in_flight or running:
                if key in taken:
                    continue
                taken.add(key)
            world.deployments.append(deployment)
        world.archived = [
            self._deployment(ArchivedDeployment, archived_at=self.moment()) for _ in range(random.randint(0, size // 2))
        ]
        world.reviews = [self._review() for _ in range(random.randint(0, size))]
        world.tests = [self._test() for _ in range(random.randint(0, size))]
        world.scores = [self._score() for _ in range(random.randint(0, size // 2))]
        world.pipelines = [Pipeline(project_id=project.id, name="build", **self.stamps()) for project in world.projects]
        world.executions = [
            Execution(
                project_id=pipeline.project_id,
                pipeline_id=pipeline.id,
                status=random.choice(list(ExecutionStatus)),
                **self.stamps(),
            )
            for pipeline in random.choices(world.pipelines, k=random.randint(0, size // 4))
        ]

    def id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def moment(self) -> datetime:
        return self.random.choice(MOMENTS)

    def maybe(self, value: Any) -> Any:
        return None if self.random.random() < 0.3 else value

    def stamps(self) -> dict[str, Any]:
        return {"id": self.id(), "created_at": self.moment(), "updated_at": self.moment()}

    def project_id(self) -> UUID:
        return self.random.choice(self.world.projects).id

    def _user(self, i: int) -> User:
        return User(
            email=f"u{i}@example.org",
            email_key=f"u{i}@example.org",
            password_hash="x",
            name=self.random.choice(NAMES),
            role=self.random.choice(list(UserRole)),
            disabled_at=self.maybe(self.moment()),
            **self.stamps(),
        )

    def _project(self) -> Project:
        return Project(
            name=self.random.choice(NAMES),
            owner_id=self.random.choice(self.world.users).id,
            status=self.random.choice(list(ProjectStatus)),
            quality_score=self.maybe(Decimal(self.random.randint(0, 10_000)).scaleb(-2)),
            **self.stamps(),
        )

    def _file(self, i: int) -> File:
        random = self.random
        kind = random.choice([FileType.FILE, FileType.FILE, FileType.FOLDER])
        return File(
            project_id=self.project_id(),
            name="f",
            path=f"{random.choice(['a', 'B', 'é', '😀', 'z'])}/{i}",
            type=kind,
            language=random.choice(LANGUAGES),
            size_bytes=random.choice([0, 1, 7, 2**31 - 1]),
            line_count=random.choice([0, 1, 7, 2**31 - 1]),
            **self.stamps(),
        )

    def _deployment(self, kind: Any, **more: Any) -> Any:
        random = self.random
        others: list[Deployment | ArchivedDeployment] = [*self.world.deployments, *self.world.archived]
        return kind(
            project_id=self.project_id(),
            environment=random.choice(["production", "Production", "staging"]),
            status=random.choice(list(DeploymentStatus)),
            version=self.maybe(random.choice(["1", "2"])),
            started_at=self.maybe(self.moment()),
            live_at=self.maybe(self.moment()),
            completed_at=self.maybe(self.moment()),
            rollback_of=self.maybe(random.choice(others).id) if others else None,
            **self.stamps(),
            **more,
        )

    def _review(self) -> CodeReview:
        random = self.random
        return CodeReview(
            project_id=self.project_id(),
            file_path="a.py",
            score=random.randint(0, 100),
            issues=JsonArray([JsonObject()] * random.randint(0, 3)),
            **self.stamps(),
        )

    def _test(self) -> TestResult:
        return TestResult(
            project_id=self.project_id(),
            file_path="a.py",
            test_type=TestType.UNIT,
            passed=self.random.choice([0, 1, 2**31 - 1]),
            failed=self.random.randint(0, 3),
            **self.stamps(),
        )

    def _score(self) -> QualityScore:
        return QualityScore(
            project_id=self.project_id(),
            score=self.maybe(Decimal(self.random.randint(0, 10_000)).scaleb(-2)),
            lower=Decimal("0.00"),
            upper=Decimal("100.00"),
            confidence=50,
            model="m",
            **self.stamps(),
        )

    def _event(self) -> AuditEvent:
        """Also by users and on projects that never were."""
        random, world = self.random, self.world
        return AuditEvent(
            user_id=self.maybe(random.choice([*(user.id for user in world.users), UUID(int=1)])),
            project_id=self.maybe(random.choice([*(project.id for project in world.projects), UUID(int=2)])),
            action=random.choice(["create", "update"]),
            resource_type=self.maybe("projects"),
            resource_id=self.maybe(UUID(int=3)),
            details=JsonObject({"secret": "s"}),
            **self.stamps(),
        )
