"""Streams: one snapshot, noticed ends."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidValue,
    SerializationConflict,
    TransactionAborted,
    TransactionClosed,
    TransactionError,
)
from vibecore.domain.paging import desc
from vibecore.repositories.unit_of_work import Mode


def fill(seeded: Seeded, count: int) -> list[str]:
    paths = [f"{number:05}" for number in range(count)]
    with seeded.store.begin() as unit:
        unit.files.insert_many([world.file(seeded.engine, path) for path in paths])
        unit.commit()
    return paths


def test_a_stream_shows_the_state_of_its_first_row(seeded: Seeded) -> None:
    paths = fill(seeded, 5)
    with seeded.store.begin() as unit:
        stream = unit.files.stream(seeded.engine.id, order_by=desc("path"))
        unit.files.insert(world.file(seeded.engine, "zz"))
        assert next(stream).path == "zz"
        unit.files.insert(world.file(seeded.engine, "00000a"))
        unit.users.delete(seeded.ada.id)
        assert [row.path for row in stream] == paths[::-1]


def test_the_end_of_the_unit_is_noticed_at_the_next_batch(seeded: Seeded) -> None:
    fill(seeded, 1500)
    unit = seeded.store.begin()
    stream = unit.files.stream(seeded.engine.id, order_by="path")
    next(stream)
    unit.commit()
    assert len(list(islice(stream, 999))) == 999
    with pytest.raises(TransactionClosed):
        next(stream)


def test_a_failure_is_noticed_at_the_next_batch_also_where_it_is_empty(seeded: Seeded) -> None:
    fill(seeded, 1000)
    unit = seeded.store.begin()
    stream = unit.files.stream(seeded.engine.id)
    next(stream)
    with pytest.raises(AlreadyExists):
        unit.users.insert(seeded.ada)
    assert len(list(islice(stream, 999))) == 999
    with pytest.raises(TransactionAborted):
        next(stream)


def test_a_short_stream_outlives_its_unit(seeded: Seeded) -> None:
    fill(seeded, 999)
    unit = seeded.store.begin()
    stream = unit.files.stream(seeded.engine.id)
    next(stream)
    unit.rollback()
    assert len(list(stream)) == 998


def test_arguments_are_checked_by_the_call_and_the_state_again_by_the_first_row(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    with pytest.raises(InvalidValue):
        unit.files.stream(seeded.engine.id, order_by="content")
    stream = unit.files.stream(seeded.engine.id)
    unit.commit()
    with pytest.raises(TransactionClosed):
        next(stream)
    with pytest.raises(TransactionError):
        seeded.store.begin(Mode.READ).projects.stream()


def test_other_calls_may_run_between_two_rows(seeded: Seeded) -> None:
    fill(seeded, 1200)
    with seeded.store.begin() as unit:
        for row in unit.files.stream(seeded.engine.id):
            unit.files.update(replace(row, language="Python"))
        unit.commit()
    assert seeded.store.begin(Mode.READ).files.count(seeded.engine.id) == 1200


def test_a_streamed_scope_is_read(seeded: Seeded) -> None:
    unit = seeded.store.begin()
    assert list(unit.files.stream(seeded.engine.id)) == []
    unit.audit.append(world.event())
    fill(seeded, 1)
    with pytest.raises(SerializationConflict):
        unit.commit()
