"""What only a store in memory can do, and what its states share."""

from __future__ import annotations

import gc
import weakref
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.errors import InvalidValue, SerializationConflict, StoreUnavailable, TransactionClosed
from vibecore.repositories.memory.database import Database
from vibecore.repositories.memory.layout import layout_of
from vibecore.repositories.unit_of_work import Mode


def test_a_fork_starts_from_what_is_committed_and_goes_its_own_way(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    unit.users.insert(world.user())
    fork = seeded.store.fork()
    unit.commit()
    world.committed(fork, world.user(), world.user())
    assert fork.begin(Mode.READ).users.count() == 3
    assert seeded.store.begin(Mode.READ).users.count() == 2


def test_a_fork_copies_nothing() -> None:
    """Constant time: both hold the same state."""
    database = Database()
    assert database.fork().head.root is database.head.root


def test_a_change_shares_what_it_does_not_touch(seeded: Seeded) -> None:
    database = Database()
    store = world.store(database=database)
    world.committed(store, seeded.ada, seeded.engine, world.file(seeded.engine, "a.py"))
    before = database.head.root
    with store.begin() as unit:
        unit.projects.update(replace(seeded.engine, name="x"))
        unit.commit()
    after = database.head.root
    changed = [old is not new for old, new in zip(before, after, strict=True)]
    assert [place for place, differs in enumerate(changed) if differs] == [layout_of("projects").position]


def test_a_reset_removes_everything(seeded: Seeded) -> None:
    reader, writer, idle = seeded.store.begin(Mode.SNAPSHOT), seeded.store.begin(), seeded.store.begin()
    assert reader.users.count() == writer.users.count() == 1
    writer.audit.append(world.event())
    seeded.store.reset()
    assert seeded.store.begin(Mode.READ).users.count() == 0
    assert reader.users.count() == 1
    reader.commit()
    idle.commit()
    with pytest.raises(SerializationConflict):
        writer.commit()
    assert seeded.store.begin(Mode.READ).audit.count() == 0


def test_a_unit_of_an_emptier_past_cannot_write_after_a_reset() -> None:
    """What it read is unchanged, and yet the database is another one."""
    store = world.store()
    unit = store.begin()
    unit.users.insert(world.user())
    store.reset()
    with pytest.raises(SerializationConflict):
        unit.commit()


def test_stores_can_share_a_database() -> None:
    database, user = Database(), world.user()
    world.committed(world.store(database=database), user)
    assert world.store(database=database).begin(Mode.READ).users.get(user.id) == user


def test_closing_ends_what_is_open(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    unit.users.insert(world.user())
    fork = seeded.store.fork()
    seeded.store.close()
    seeded.store.close()
    with pytest.raises(TransactionClosed):
        unit.commit()
    unit.rollback()
    with pytest.raises(StoreUnavailable):
        seeded.store.begin()
    assert fork.begin(Mode.READ).users.count() == 1
    assert not seeded.store.joined


def test_a_finished_unit_is_freed_without_the_garbage_collector(seeded: Seeded) -> None:
    """States may be large: no cycle may keep one alive."""
    unit = seeded.store.begin()
    unit.users.insert(world.user())
    with unit.savepoint(), unit.batch() as batch:
        batch.add(unit.projects.count)
    freed = weakref.ref(unit)
    gc.disable()
    try:
        unit.commit()
        del unit, batch
        assert freed() is None
    finally:
        gc.enable()


def test_nothing_that_is_stored_or_returned_can_be_changed(seeded: Seeded) -> None:
    given: dict[str, Any] = {"frontend": ["react"]}
    mine = world.project(seeded.ada, tech_stack=given)
    with seeded.store.begin() as unit:
        returned = unit.projects.insert(mine)
        given["frontend"].append("vue")
        given["backend"] = []
        assert returned.tech_stack == {"frontend": ["react"]}
        with pytest.raises(TypeError):
            returned.tech_stack["frontend"].append("vue")
        with pytest.raises(FrozenInstanceError):
            returned.name = "x"  # type: ignore[misc]
        unit.commit()
    stored = seeded.store.begin(Mode.READ).projects.get(mine.id)
    assert stored.tech_stack == {"frontend": ["react"]}


def test_the_time_is_one_moment_in_utc(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    moment = unit.now
    seeded.clock.tick()
    assert unit.now is moment
    with pytest.raises(InvalidValue):
        world.store(lambda: world.START.replace(tzinfo=None)).begin()


def test_a_mode_is_a_mode(seeded: Seeded) -> None:
    wrong: Any = "write"
    with pytest.raises(InvalidValue) as refused:
        seeded.store.begin(wrong)
    assert refused.value.field == "mode"
