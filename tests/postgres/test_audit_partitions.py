"""The partitions of the audit trail: made ahead, and beside others who use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.postgres.test_races import Race
from vibecore.bootstrap import stores
from vibecore.bootstrap.migrations import migrate
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.audit import AUDIT_LOGS, AuditEvent
from vibecore.domain.errors import SerializationConflict
from vibecore.domain.filters import field
from vibecore.repositories.postgres import audit
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.repositories.unit_of_work import Mode
from vibecore.services.effects import Effects, ThreadRuntime
from vibecore.testing.backends import SETTINGS, PostgresBackend
from vibecore.testing.builders import make
from vibecore.testing.effects import FixedClock, PlainHasher

SYSTEM = Actor.system("monthly")


@pytest.fixture
def race(server: sa.Connection) -> Any:
    with ThreadPoolExecutor(2) as pool:
        yield Race(server, pool)


@pytest.fixture
def clock(server: sa.Connection) -> FixedClock:
    """In a month that has no partition yet, whoever used this database before."""
    taken = partitions(server)
    clock = FixedClock()
    while f"audit_logs_{clock():%Y_%m}" in taken:
        clock.move(days=31)
    return clock


def installation(store: PostgresStore, clock: FixedClock) -> Vibe:
    """Collisions are retried after a pause."""
    return Vibe(store, Effects(hasher=PlainHasher(), runtime=ThreadRuntime(), clock=clock))


def partitions(server: sa.Connection) -> set[str]:
    sql = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass")
    return set(server.execute(sql).scalars())


def appended(store: PostgresStore, **fields: Any) -> AuditEvent:
    with store.begin() as tx:
        event = make(tx, AUDIT_LOGS, **fields)
        tx.commit()
    return event


def kept_in(server: sa.Connection, event: AuditEvent) -> str:
    """The partition that holds the event."""
    sql = sa.text("SELECT tableoid::regclass::text FROM audit_logs WHERE id = :id")
    return str(server.execute(sql, {"id": event.id}).scalar_one())


def test_partitions_are_made_for_the_months_ahead(
    store: PostgresStore, clock: FixedClock, server: sa.Connection
) -> None:
    """By the store's clock; what waits in the partition for all other months moves in, and what comes goes there."""
    this, following = (f"audit_logs_{moment:%Y_%m}" for moment in (clock(), clock() + timedelta(days=31)))
    event, before = appended(store, created_at=clock()), partitions(server)
    assert kept_in(server, event) == "audit_logs_default"
    installation(store, clock).maintenance.prepare_audit(SYSTEM, months=1)
    assert partitions(server) == before | {this, following}
    assert kept_in(server, event) == this
    assert kept_in(server, appended(store, created_at=clock() + timedelta(days=31))) == following


def test_what_is_rolled_back_was_not_made(store: PostgresStore, clock: FixedClock, server: sa.Connection) -> None:
    """A partition is no exception to the unit of work, and the limit on waiting ends with the statement."""
    event, before = appended(store, created_at=clock()), partitions(server)
    with store.begin() as tx:
        usual = tx._tx.run("SHOW lock_timeout", (), lambda result: result.rows)
        tx.audit.prepare(months=0)
        assert tx._tx.run("SHOW lock_timeout", (), lambda result: result.rows) == usual
    assert partitions(server) == before
    assert kept_in(server, event) == "audit_logs_default"


def test_of_two_that_make_the_same_partition_one_collides(store: PostgresStore, clock: FixedClock, race: Race) -> None:
    """The second waits, finds it made, and does nothing when it is retried: a service call never shows it."""
    vibe = installation(store, clock)
    with store.begin() as first, store.begin() as second:
        until = first.audit.prepare(months=0)
        waiting = race.start(lambda: second.audit.prepare(months=0))
        patient = race.start(lambda: vibe.maintenance.prepare_audit(SYSTEM, months=0))
        first.commit()
        with pytest.raises(SerializationConflict):
            waiting.result()
    assert patient.result() == until


def test_events_that_are_appended_meanwhile_are_not_lost(
    store: PostgresStore, clock: FixedClock, race: Race, server: sa.Connection
) -> None:
    """Whoever makes room for them collides with their unit of work, and takes them along when it is retried."""
    vibe = installation(store, clock)
    with store.begin() as writer, store.begin() as maker:
        event = make(writer, AUDIT_LOGS, created_at=clock())
        waiting = race.start(lambda: maker.audit.prepare(months=0))
        patient = race.start(lambda: vibe.maintenance.prepare_audit(SYSTEM, months=0))
        writer.commit()
        with pytest.raises(SerializationConflict):
            waiting.result()
    patient.result()
    assert kept_in(server, event) == f"audit_logs_{clock():%Y_%m}"


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
def test_nobody_waits_long_behind_it(
    store: PostgresStore, clock: FixedClock, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that stays open makes it collide after its patience; what reads a statement at a time does not."""
    monkeypatch.setattr(audit, "PATIENCE", "20ms")
    with store.begin(mode) as beside:
        beside.audit.page()
        with store.begin() as tx:
            if mode in (Mode.READ, Mode.SINGLE):
                assert tx.audit.prepare(months=0)
                return
            with pytest.raises(SerializationConflict):
                tx.audit.prepare(months=0)
    with store.begin() as tx:
        assert tx.audit.prepare(months=0)


def test_where_room_is_there_nobody_is_waited_for(store: PostgresStore, clock: FixedClock) -> None:
    """Where nothing is to be made, no lock is taken."""
    with store.begin() as tx:
        tx.audit.prepare(months=1)
        tx.commit()
    with store.begin() as writer, store.begin(Mode.SNAPSHOT) as reader, store.begin() as tx:
        make(writer, AUDIT_LOGS)
        reader.audit.page()
        assert tx.audit.prepare(months=1)
        tx.commit()


@pytest.mark.parametrize("narrowed", [False, True])
def test_a_stream_goes_on_over_it(store: PostgresStore, clock: FixedClock, narrowed: bool) -> None:
    """It shows the rows as of its first one, wherever they have moved meanwhile."""
    with store.begin() as tx:
        events = [make(tx, AUDIT_LOGS, created_at=clock() + timedelta(seconds=second)) for second in range(1100)]
        stream = tx.audit.stream(where=field("created_at").ge(clock()) if narrowed else None)
        found = [next(stream)]
        tx.audit.prepare(months=0)
        assert tx.audit.count() == 1100
        found += stream
        assert found == events


def test_partitions_are_made_in_a_schema_of_its_own(backend: PostgresBackend, clock: FixedClock) -> None:
    """Beside the other tables, whatever the search path says."""
    url = backend.fresh_url(migrated=False)
    migrate(url, schema="house")
    engine = stores.postgres_engine(url, SETTINGS)
    store = stores.postgres_store(engine, SETTINGS, clock, "house", owned=True)
    installation(store, clock).maintenance.prepare_audit(SYSTEM, months=0)
    sql = sa.text("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = :name")
    with engine.connect() as connection:
        found = connection.execute(sql, {"name": f"audit_logs_{clock():%Y_%m}"})
        assert found.scalars().all() == ["house"]
    store.close()
