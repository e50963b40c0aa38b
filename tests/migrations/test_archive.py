"""`archive_old_records`: what moves, what stays, and that it follows the words of docs/schema.md on random worlds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

NOW: Final = datetime(2024, 5, 1, 12, tzinfo=UTC)
PROJECTS: Final = (UUID(int=1), UUID(int=2))
ENDED: Final = ("failed", "stopped", "rolled_back")
Session = psycopg.Connection[Any]


@dataclass(kw_only=True)
class Row:
    """What the rule looks at in a deployment."""

    id: UUID
    project_id: UUID = PROJECTS[0]
    environment: str = "production"
    status: str = "stopped"
    live_at: datetime | None = None
    completed_at: datetime | None = None
    retry_of: UUID | None = None
    rollback_of: UUID | None = None
    updated_at: datetime = NOW


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def moved_by_the_rule(rows: Sequence[Row], days: int) -> set[UUID]:
    """The rule of docs/schema.md, word for word."""
    cutoff = NOW - timedelta(days=days)
    live = sorted((row for row in rows if row.live_at is not None), key=lambda row: (row.live_at, row.id), reverse=True)
    kept_for_rollback = set()
    for place in {(row.project_id, row.environment) for row in rows}:
        there = [row for row in live if (row.project_id, row.environment) == place]
        healthy = [row for row in there if row.status in ("running", "stopped")]
        kept_for_rollback |= {row.id for row in (*there[:2], *healthy[:2])}
    candidates = {
        row.id
        for row in rows
        if row.status in ENDED and (row.completed_at or row.updated_at) < cutoff and row.id not in kept_for_rollback
    }
    while True:
        named = {
            (row.project_id, name)
            for row in rows
            if row.id not in candidates
            for name in (row.retry_of, row.rollback_of)
        }
        stays = {row.id for row in rows if row.id in candidates and (row.project_id, row.id) in named}
        if not stays:
            return candidates
        candidates -= stays


@pytest.fixture
def world(session: Session) -> Session:
    session.execute(
        "INSERT INTO users (id, email, email_key, password_hash, name) VALUES (%s, 'a@b', 'a@b', 'x', 'Ada')",
        (PROJECTS[0],),
    )
    for project in PROJECTS:
        session.execute("INSERT INTO projects (id, name, owner_id) VALUES (%s, 'p', %s)", (project, PROJECTS[0]))
    return session


def write(session: Session, rows: Sequence[Row]) -> None:
    names = [field.name for field in fields(Row)]
    statement = f"INSERT INTO deployments ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
    with session.cursor() as cursor:
        cursor.executemany(statement.encode(), [[getattr(row, name) for name in names] for row in rows])


def archive(session: Session, days: int) -> set[UUID]:
    """Run the function and return the ids in the archive, after seeing that its count is right."""
    before = session.execute("SELECT count(*) FROM archived_deployments").fetchone()
    row = session.execute("SELECT archive_old_records(%s, %s)", (days, NOW)).fetchone()
    archived = {row[0] for row in session.execute("SELECT id FROM archived_deployments").fetchall()}
    remaining = {row[0] for row in session.execute("SELECT id FROM deployments").fetchall()}
    assert row is not None
    assert before is not None
    assert before[0] + row[0] == len(archived)
    assert not archived & remaining
    return archived


def test_an_old_ended_deployment_moves_unchanged(world: Session) -> None:
    """Every column is carried over; the moment of archiving is added."""
    world.execute(
        "INSERT INTO deployments (id, project_id, environment, status, version, container_id, container_port,"
        " deployment_url, config, logs, metrics, started_at, completed_at, retry_of, rollback_of, reason, created_at,"
        """ updated_at) VALUES (%s, %s, 'test', 'failed', '1', 'c', 80, 'u', '{"a": 1}', '{x,y}', '{"b": 2}', %s, %s,"""
        " %s, %s, 'why', %s, %s)",
        (UUID(int=9), PROJECTS[0], ago(101), ago(100), UUID(int=7), UUID(int=8), ago(102), ago(99)),
    )
    columns = (
        "id, project_id, environment, status, version, container_id, container_port, deployment_url, config, logs,"
        " metrics, started_at, live_at, completed_at, retry_of, rollback_of, reason, created_at, updated_at"
    )
    before = world.execute(f"SELECT {columns} FROM deployments".encode()).fetchall()
    assert archive(world, 90) == {UUID(int=9)}
    assert world.execute(f"SELECT {columns} FROM archived_deployments".encode()).fetchall() == before
    row = world.execute("SELECT archived_at FROM archived_deployments").fetchone()
    assert row == (NOW,)


def test_age_counts_from_the_end_and_strictly(world: Session) -> None:
    """`completed_at` decides, else `updated_at`; exactly N times 24 hours is not yet older."""
    second = timedelta(seconds=1)
    rows = [
        Row(id=UUID(int=1), completed_at=ago(90)),
        Row(id=UUID(int=2), completed_at=ago(90) - second),
        Row(id=UUID(int=3), completed_at=ago(1), updated_at=ago(200)),
        Row(id=UUID(int=4), updated_at=ago(90) - second),
        Row(id=UUID(int=5), updated_at=ago(89)),
    ]
    write(world, rows)
    assert archive(world, 90) == {UUID(int=2), UUID(int=4)}


def test_what_runs_and_what_a_rollback_needs_is_spared(world: Session) -> None:
    """Unfinished ones stay, and in each environment the two newest that were ever live and the two newest healthy."""
    old = ago(500)
    rows = [
        Row(id=UUID(int=1), status="pending", updated_at=old),
        Row(id=UUID(int=2), status="running", live_at=ago(400), updated_at=old),
        Row(id=UUID(int=3), status="stopped", live_at=ago(401), completed_at=old),
        Row(id=UUID(int=4), status="rolled_back", live_at=ago(402), completed_at=old),
        Row(id=UUID(int=5), status="failed", completed_at=old),
        Row(id=UUID(int=6), status="stopped", live_at=ago(900), completed_at=old, environment="staging"),
        Row(id=UUID(int=7), status="stopped", live_at=ago(900), completed_at=old, project_id=PROJECTS[1]),
        Row(id=UUID(int=8), status="rolled_back", live_at=ago(902), completed_at=old, project_id=PROJECTS[1]),
        Row(id=UUID(int=9), status="rolled_back", live_at=ago(901), completed_at=old, project_id=PROJECTS[1]),
        Row(id=UUID(int=10), status="failed", live_at=ago(899), completed_at=old, project_id=PROJECTS[1]),
        Row(id=UUID(int=11), status="stopped", live_at=ago(903), completed_at=old, project_id=PROJECTS[1]),
        Row(id=UUID(int=12), status="stopped", live_at=ago(904), completed_at=old, project_id=PROJECTS[1]),
    ]
    write(world, rows)
    assert archive(world, 90) == {UUID(int=n) for n in (4, 5, 8, 9, 12)}
    assert archive(world, 0) == {UUID(int=n) for n in (4, 5, 8, 9, 12)}


def test_what_a_remaining_deployment_names_stays(world: Session) -> None:
    """A chain of retries stays whole as long as its end stays; one whose end moves goes with it."""
    old = ago(500)
    rows = [
        Row(id=UUID(int=1), completed_at=old),
        Row(id=UUID(int=2), completed_at=old, retry_of=UUID(int=1)),
        Row(id=UUID(int=3), completed_at=ago(1), rollback_of=UUID(int=2)),
        Row(id=UUID(int=4), completed_at=old),
        Row(id=UUID(int=5), completed_at=old, retry_of=UUID(int=4)),
        Row(id=UUID(int=6), completed_at=old, retry_of=UUID(int=7)),
        Row(id=UUID(int=7), completed_at=old, retry_of=UUID(int=6)),
        Row(id=UUID(int=8), completed_at=old, retry_of=UUID(int=8)),
    ]
    write(world, rows)
    assert archive(world, 90) == {UUID(int=n) for n in (4, 5, 6, 7, 8)}


@pytest.mark.parametrize("seed", range(8))
def test_the_function_follows_the_rule_on_random_worlds(world: Session, seed: int) -> None:
    """Many small worlds with ties, chains, cycles and several environments: the same rows move."""
    chance = random.Random(seed)
    moved = 0
    for _ in range(40):
        rows, days = random_world(chance)
        expected = moved_by_the_rule(rows, days)
        with world.transaction(force_rollback=True):
            write(world, rows)
            assert archive(world, days) == expected
        moved += len(expected)
    assert moved > 20


def random_world(chance: random.Random) -> tuple[list[Row], int]:
    moments = [ago(days) for days in (0, 1, 2, 3, 4)]
    ids = chance.sample([UUID(int=n << 120 | n) for n in range(1, 30)], chance.randint(1, 14))
    taken: set[tuple[UUID, str, str]] = set()
    rows = []
    for key in ids:
        project, environment = chance.choice(PROJECTS), chance.choice(("production", "staging"))
        status = chance.choice((*ENDED, *ENDED, "pending", "building", "running"))
        state = "in flight" if status in ("pending", "building") else status
        if (project, environment, state) in taken:
            status = chance.choice(ENDED)
        taken.add((project, environment, state))
        rows.append(
            Row(
                id=key,
                project_id=project,
                environment=environment,
                status=status,
                live_at=chance.choice((None, *moments[:3])),
                completed_at=chance.choice((None, *moments)),
                retry_of=chance.choice((None, None, chance.choice(ids))),
                rollback_of=chance.choice((None, None, None, chance.choice(ids))),
                updated_at=chance.choice(moments),
            )
        )
    return rows, chance.choice((0, 1, 2, 3))


def test_as_the_documentation_calls_it(world: Session) -> None:
    """`SELECT archive_old_records(90)` counts from now; the days may be as many as an integer holds."""
    write(world, [Row(id=UUID(int=1), completed_at=datetime(2001, 1, 1, tzinfo=UTC))])
    for days, moved in ((2**31 - 1, 0), (1_000_000, 0), (90, 1), (90, 0)):
        row = world.execute(f"SELECT archive_old_records({days})".encode()).fetchone()
        assert row == (moved,)


@pytest.mark.parametrize("arguments", ["-1", "NULL", "90, NULL", "90, 'infinity'", "90, '-infinity'"])
def test_days_and_moment_are_checked(world: Session, arguments: str) -> None:
    """Negative or missing days, and moments that are none, are refused as invalid parameters."""
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        world.execute(f"SELECT archive_old_records({arguments})".encode())
