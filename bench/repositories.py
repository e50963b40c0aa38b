"""Repository calls against raw psycopg on the same server, in the same run."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from bench.measure import Figure, micro, paired, seconds
from vibecore.bootstrap.connect import connect
from vibecore.domain.json import JsonObject
from vibecore.domain.projects import PROJECTS, Project, ProjectStatus, Visibility
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import Mode, Store

ROWS = 2_000


def now() -> datetime:
    return datetime.now(UTC)


def make_user() -> User:
    key = uuid4().hex
    return User(
        id=uuid4(),
        email=f"{key}@example.org",
        email_key=f"{key}@example.org",
        password_hash="$2b$10$",
        name="Ada",
        created_at=now(),
        updated_at=now(),
    )


def make_project(owner: User, i: int) -> Project:
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=i)
    return Project(
        id=uuid4(),
        name=f"project {i}",
        description="A project as people describe it, in a sentence or two.",
        owner_id=owner.id,
        status=random.choice(list(ProjectStatus)),
        visibility=random.choice(list(Visibility)),
        tech_stack=JsonObject({"backend": ["Python", "PostgreSQL"], "frontend": ["TypeScript"]}),
        repository_url="https://example.org/ada/engine.git",
        created_at=created,
        updated_at=created,
    )


def fill(store: Store) -> tuple[User, list[Project]]:
    owner = make_user()
    projects = [make_project(owner, i) for i in range(ROWS)]
    with store.begin() as tx:
        tx.users.insert(owner)
        tx.projects.insert_many(projects)
        tx.commit()
    return owner, projects


def figures(url: str) -> Iterator[Figure]:
    """The repository's figures; `url` is a migrated database."""
    vibe = connect(url)
    store = vibe._work.store
    owner, projects = fill(store)
    names = ", ".join(PROJECTS.names)
    with psycopg.connect(url, autocommit=True) as raw, vibe:
        raw.execute("ANALYZE projects")
        with store.begin(Mode.SNAPSHOT) as tx, raw.transaction():
            yield point_reads(tx, raw, names, projects)
            yield pages(tx, raw, names)
        yield inserts(store, url, names, owner)
    yield memory_reads()


def point_reads(tx: Any, raw: psycopg.Connection[Any], names: str, projects: list[Project]) -> Figure:
    keys = [project.id for project in random.sample(projects, 500)]
    sql = f"SELECT {names} FROM projects WHERE id = %s"
    ours, theirs = iter(keys * 100), iter(keys * 100)
    return paired(
        "repository get by key",
        lambda: tx.projects.get(next(ours)),
        lambda: raw.execute(sql, (next(theirs),)).fetchone(),
        goal=1.5,
        number=200,
    )


def pages(tx: Any, raw: psycopg.Connection[Any], names: str) -> Figure:
    sql = f"SELECT {names} FROM projects WHERE (created_at, id) > (%s, %s) ORDER BY created_at, id LIMIT 51"
    first = tx.projects.page(limit=50)
    last = first.items[-1]
    return paired(
        "page of 50",
        lambda: tx.projects.page(limit=50, cursor=first.next_cursor),
        lambda: raw.execute(sql, (last.created_at, last.id)).fetchall(),
        goal=1.3,
        number=60,
    )


def inserts(store: Store, url: str, names: str, owner: User) -> Figure:
    sql = f"INSERT INTO projects ({names}) VALUES ({', '.join(['%s'] * len(PROJECTS.names))})"
    template = make_project(owner, 0)

    def ours() -> None:
        with store.begin() as tx:
            tx.projects.insert(dataclasses.replace(template, id=uuid4()))
            tx.commit()

    with psycopg.connect(url) as raw:
        raw.isolation_level = psycopg.IsolationLevel.SERIALIZABLE

        def theirs() -> None:
            project = dataclasses.replace(template, id=uuid4())
            values = [Jsonb(value) if isinstance(value, dict) else value for value in PROJECTS.values(project)]
            raw.execute(sql, values)
            raw.commit()

        return paired("committed insert", ours, theirs, goal=1.5, number=150)


def memory_reads() -> Figure:
    vibe = connect("memory://")
    store = vibe._work.store
    _, projects = fill(store)
    keys = [project.id for project in projects[:1000]]
    with store.begin(Mode.SNAPSHOT) as tx:
        get = tx.projects.get
        best = min(seconds(lambda: [get(key) for key in keys], 20) / len(keys) for _ in range(10))
    return Figure("memory repository get", micro(best), "goal 2 µs", best / 2e-6, 1.0)
