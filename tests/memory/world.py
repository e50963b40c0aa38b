"""Records and stores for the tests of the memory backend."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from vibecore.domain.audit import AuditEvent
from vibecore.domain.deployments import Deployment
from vibecore.domain.files import File, FileType
from vibecore.domain.members import ProjectMember
from vibecore.domain.paging import Cursors
from vibecore.domain.paths import name_of
from vibecore.domain.pipelines import Execution, Pipeline
from vibecore.domain.projects import Project
from vibecore.domain.reviews import CodeReview
from vibecore.domain.users import User
from vibecore.repositories.memory import MemoryStore
from vibecore.repositories.memory.database import Database
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)


def new_id() -> UUID:
    return UUID(int=next(_numbers) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def tick(self, step: timedelta = MINUTE) -> None:
        self.now += step


def store(clock: Callable[[], datetime] | None = None, database: Database | None = None) -> MemoryStore:
    return MemoryStore(clock or Clock(), Cursors(b"k" * 32), database)


def user(**values: Any) -> User:
    id = values.pop("id", None) or new_id()
    email = values.pop("email", f"{id.hex[:12]}@example.org")
    given = {"email_key": email, "password_hash": "-", "name": "Ada", "created_at": START, "updated_at": START}
    return User(id=id, email=email, **{**given, **values})


def project(owner: User, **values: Any) -> Project:
    given = {"id": new_id(), "name": "engine", "created_at": START, "updated_at": START}
    return Project(owner_id=owner.id, **{**given, **values})


def member(of: Project, who: User, **values: Any) -> ProjectMember:
    given = {"id": new_id(), "joined_at": START, "created_at": START, "updated_at": START}
    return ProjectMember(project_id=of.id, user_id=who.id, **{**given, **values})


def file(of: Project, path: str, **values: Any) -> File:
    given = {"id": new_id(), "name": name_of(path), "type": FileType.FILE, "created_at": START, "updated_at": START}
    return File(project_id=of.id, path=path, **{**given, **values})


def deployment(of: Project, **values: Any) -> Deployment:
    given = {"id": new_id(), "environment": "production", "created_at": START, "updated_at": START}
    return Deployment(project_id=of.id, **{**given, **values})


def review(of: Project, path: str, **values: Any) -> CodeReview:
    given = {"id": new_id(), "score": 80, "created_at": START, "updated_at": START}
    return CodeReview(project_id=of.id, file_path=path, **{**given, **values})


def pipeline(of: Project, **values: Any) -> Pipeline:
    given = {"id": new_id(), "name": "ci", "created_at": START, "updated_at": START}
    return Pipeline(project_id=of.id, **{**given, **values})


def execution(of: Pipeline, **values: Any) -> Execution:
    given = {"id": new_id(), "created_at": START, "updated_at": START}
    return Execution(project_id=of.project_id, pipeline_id=of.id, **{**given, **values})


def event(**values: Any) -> AuditEvent:
    given = {"id": new_id(), "action": "x.done", "created_at": START, "updated_at": START}
    return AuditEvent(**{**given, **values})


def committed(into: MemoryStore, *rows: Any) -> None:
    """Store rows in a unit of work of their own."""
    with into.begin() as unit:
        for row in rows:
            table(unit, row).insert(row)
        unit.commit()


def table(unit: MemoryUnitOfWork, row: Any) -> Any:
    tables = {
        User: unit.users,
        Project: unit.projects,
        ProjectMember: unit.members,
        File: unit.files,
        Deployment: unit.deployments,
        CodeReview: unit.reviews,
        Pipeline: unit.pipelines,
        Execution: unit.executions,
    }
    return tables[type(row)]
