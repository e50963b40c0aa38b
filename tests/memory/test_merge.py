"""Replaying writes onto a state that others changed refuses by itself whatever the constraints forbid.

The comparison of reads finds such collisions first; these hold if a read should ever go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.memory import world
from vibecore.repositories.memory.database import Database
from vibecore.repositories.memory.layout import MATERIALIZED, layouts
from vibecore.repositories.memory.merge import Log, net_changes, replay
from vibecore.repositories.memory.state import Root
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork

Step = Callable[[MemoryUnitOfWork], object]
ADA = world.user(email="ada@example.org")
GRACE = world.user()
ENGINE = world.project(ADA)


@pytest.fixture
def base() -> Database:
    database = Database()
    world.committed(world.store(database=database), ADA, GRACE, ENGINE)
    return database


def after(base: Database, step: Step) -> Root:
    fork = base.fork()
    with world.store(database=fork).begin() as unit:
        step(unit)
        unit.commit()
    return fork.head.root


def log(before: Root, now: Root) -> Log:
    """All rows that differ."""
    found: list[tuple[int, object]] = []
    for position, (old, new) in enumerate(zip(before, now, strict=True)):
        keys = {*old.rows, *new.rows}
        found += [(position, key) for key in keys if old.rows.get(key) is not new.rows.get(key)]
    return found


def replayed(base: Database, mine: Step, theirs: Step) -> Root | None:
    before, later = base.head.root, after(base, mine)
    return replay(log(before, later), before, later, after(base, theirs))


def rename(unit: MemoryUnitOfWork) -> None:
    unit.projects.update(replace(ENGINE, name="x"))


def test_what_does_not_meet_is_merged(base: Database) -> None:
    path = world.file(ENGINE, "a.py")
    merged = replayed(base, lambda unit: unit.files.insert(path), rename)
    assert merged is not None
    files, projects = (next(one for one in layouts() if one.table.name == name) for name in ("files", "projects"))
    assert merged[files.position].records == (path,)
    assert [project.name for project in merged[projects.position].records] == ["x"]


def test_a_row_that_others_changed_is_not_overwritten(base: Database) -> None:
    assert replayed(base, rename, rename) is None
    assert replayed(base, rename, lambda unit: unit.projects.delete(ENGINE.id)) is None


def test_a_value_that_others_took_is_not_taken_again(base: Database) -> None:
    def insert(unit: MemoryUnitOfWork) -> None:
        unit.users.insert(world.user(email="new@example.org"))

    assert replayed(base, insert, insert) is None
    assert (
        replayed(base, lambda unit: unit.users.insert(GRACE_TWIN), lambda unit: unit.users.insert(GRACE_TWIN)) is None
    )


GRACE_TWIN = world.user()


def test_a_reference_to_what_others_removed_is_refused(base: Database) -> None:
    def insert(unit: MemoryUnitOfWork) -> None:
        unit.members.insert(world.member(ENGINE, GRACE))

    def remove(unit: MemoryUnitOfWork) -> None:
        unit.users.delete(GRACE.id)

    assert replayed(base, insert, remove) is None
    assert replayed(base, remove, insert) is None


def test_materialized_views_are_replaced_by_one_only(base: Database) -> None:
    def refresh(unit: MemoryUnitOfWork) -> None:
        unit.analytics.refresh()

    assert replayed(base, refresh, refresh) is None
    merged = replayed(base, refresh, rename)
    assert merged is not None
    assert merged[MATERIALIZED].rows.get(0) is not None


def test_what_was_undone_is_no_change(base: Database) -> None:
    root = base.head.root
    layout = layouts()[0]
    assert net_changes([(layout.position, ADA.id.int)], root, root) == {}
