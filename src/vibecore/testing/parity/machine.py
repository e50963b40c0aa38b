"""The machine: rules that make the same call on both sides and compare what came of it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from inspect import Signature
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import TransactionError
from vibecore.domain.schema import Table
from vibecore.domain.tables import TABLES
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.services.channels.email import EmailChannel
from vibecore.services.channels.protocol import Message
from vibecore.services.mail.messages import Mail
from vibecore.testing.backends import Backend, Database
from vibecore.testing.channels import TroubledChannel, moody
from vibecore.testing.effects import FixedClock, fixed_effects
from vibecore.testing.parity.arguments import EMAILS, PASSWORDS
from vibecore.testing.parity.calls import (
    FURNITURE,
    REPOSITORIES,
    Call,
    Known,
    a_call,
    a_record,
    a_whole_listing,
    a_wrong_call,
)
from vibecore.testing.parity.outcomes import Outcome, difference, outcome
from vibecore.testing.parity.services import WAITING, a_service_call, public_methods
from vibecore.testing.parity.settlers import SETTLEMENTS, settle
from vibecore.testing.parity.world import World, make_folders

LEAPS: Final = (30.0, 60.0, 300.0, 299.999999, 600.0, 3600.0, 3600.000001, 86_400.0, 7 * 86_400.0)
"""Seconds: a step of an authenticator, the periods of throttles, the lives of challenges, links and sessions."""
SAVEPOINTS: Final = 3
"""Levels of nesting that the machine goes to."""


class _Undone(Exception):
    """Leaves a savepoint so that it is undone."""


class Side:
    """One backend: its store, the services on it and the unit of work that is open."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database = database
        self.clock = clock
        self.effects = fixed_effects(clock=clock)
        self.channels = (TroubledChannel(moody), TroubledChannel(moody, "webhook", webhooks=True))
        channels = (EmailChannel(self.effects.mailer), *self.channels)
        self.effects = dataclasses.replace(self.effects, channels=channels)
        self.store: Store = database.store(clock)
        self.vibe = Vibe(self.store, self.effects)
        self.unit: UnitOfWork | None = None
        self.reader: UnitOfWork | None = None
        self.savepoints: list[AbstractContextManager[None]] = []

    def demand_second_factors(self, roles: frozenset[UserRole]) -> None:
        policy = dataclasses.replace(self.effects.policy, second_factor_roles=roles)
        self.effects = dataclasses.replace(self.effects, policy=policy)
        self.vibe = Vibe(self.store, self.effects)

    def begin(self, mode: Mode) -> None:
        self.unit = self.store.begin(mode)

    def end(self, how: str) -> None:
        assert self.unit is not None
        unit = self.unit
        getattr(unit, how)()
        self.unit = None
        self.savepoints.clear()

    def drop(self) -> None:
        """Leave everything that is open."""
        for unit in (self.unit, self.reader):
            if unit is not None:
                unit.rollback()
        self.unit = self.reader = None
        self.savepoints.clear()

    def reopen(self) -> None:
        self.drop()
        self.store.close()
        self.store = self.database.store(self.clock)
        self.vibe = Vibe(self.store, self.effects)

    def enter_savepoint(self) -> None:
        assert self.unit is not None
        manager = self.unit.savepoint()
        manager.__enter__()
        self.savepoints.append(manager)

    def leave_savepoint(self, undo: bool) -> None:
        manager = self.savepoints.pop()
        if not undo:
            manager.__exit__(None, None, None)
            return
        try:
            manager.__exit__(_Undone, _Undone(), None)
        except _Undone:
            return

    def batch(self, calls: list[Call]) -> list[Any]:
        assert self.unit is not None
        with self.unit.batch() as batch:
            pending = [batch.add(call.target(self.unit), *call.args, **call.kwargs) for call in calls]
        return [each.value for each in pending]

    def told(self) -> list[tuple[Message, ...]]:
        """The messages that channels took since the last time this was asked."""
        found = [channel.messages for channel in self.channels]
        for channel in self.channels:
            channel.clear()
        return found

    def sent(self) -> tuple[Mail, ...]:
        """The mails since the last time this was asked."""
        mails = self.effects.mailer.mails
        self.effects.mailer.clear()
        return mails

    def rows(self) -> dict[str, list[Any]]:
        """Every committed row of every table."""
        with self.store.begin(Mode.SNAPSHOT) as unit:
            return {table.name: everything(unit, table.name, table.scope) for table in TABLES}


def everything(unit: UnitOfWork, table: str, scope: str | None) -> list[Any]:
    """The rows of one table by (created_at, id), whatever their scope."""
    repository = getattr(unit, REPOSITORIES[table])
    if scope is None:
        return list(repository.stream())
    owners: list[Any] = list(unit.projects.stream() if scope == "project_id" else unit.users.stream())
    return [row for owner in owners for row in repository.stream(owner.id)]


class Parity(RuleBasedStateMachine):
    """Set `backends` to the reference and the backend under test before running."""

    backends: ClassVar[tuple[Backend, Backend]]
    steps: ClassVar[int] = 0
    """How many steps all runs of the machine have made."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock()
        self._opened = [backend.database() for backend in self.backends]
        self.sides = [Side(database.__enter__(), self.clock) for database in self._opened]
        self.known = Known()
        self._folder = tempfile.TemporaryDirectory(prefix="vibecore-parity-")
        self.world = World(Path(self._folder.name), self.clock)
        make_folders(self.world.folder)
        self._methods = public_methods(self.sides[0].vibe)
        self.writing = False
        self.by_services = False

    def methods(self) -> list[tuple[str, str, Signature]]:
        """The service methods that can be called now."""
        return [each for each in self._methods if self.sides[0].reader is None or each[:2] not in WAITING]

    def both(self, call: Callable[[Side], Any], what: str) -> Outcome:
        """Make the call on both sides; the outcomes must not differ."""
        type(self).steps += 1
        first, second = (outcome(lambda side=side: call(side)) for side in self.sides)  # type: ignore[misc]
        found = difference(first, second)
        if found is not None:
            note(f"{what}\n  {self.backends[0].name}: {first}\n  {self.backends[1].name}: {second}")
        assert found is None, f"{what}: {found}"
        self.known.learn(first.value)
        self.world.learn(first.value)
        mails, others = (side.sent() for side in self.sides)
        assert difference(mails, others) is None, f"{what}: other mails"
        told, messages = (side.told() for side in self.sides)
        assert difference(told, messages) is None, f"{what}: other messages"
        for mail in mails:
            self.world.learn(mail)
        return first

    @initialize(
        demanded=st.sampled_from((frozenset[UserRole](), frozenset({UserRole.ADMIN}))),
        settlement=st.sampled_from(SETTLEMENTS),
        by_services=st.booleans(),
        data=st.data(),
    )
    def begin_run(
        self, demanded: frozenset[UserRole], settlement: tuple[str, ...], by_services: bool, data: st.DataObject
    ) -> None:
        """With people who can act, and with some rows in most tables: listings have something to order, rules something
        to break. Half of the runs go on through services alone: whoever begins to write to the store seldom gets back
        to them."""
        self.by_services = by_services
        for side in self.sides:
            side.demand_second_factors(demanded)
        for each in settle(self.world, settlement):
            self.both(lambda side, each=each: each(side.vibe), str(each))  # type: ignore[misc]
        self.both(lambda side: side.begin(Mode.WRITE), "begin")
        for table in data.draw(st.sampled_from(FURNITURE)):
            self.furnish(data, table)
        self.both(lambda side: side.end("commit"), "commit")

    def furnish(self, data: st.DataObject, table: Table[Any]) -> None:
        record = data.draw(a_record(self.known, table))
        call = Call(REPOSITORIES[table.name], "append" if table.partitioned else "insert", (record,))

        def run(side: Side) -> Any:
            assert side.unit is not None
            with side.unit.savepoint():
                return call(side.unit)

        self.both(run, str(call))

    # -- calls

    @precondition(lambda self: self.sides[0].unit is not None)
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        call = data.draw(a_call(self.known), label="call")
        self.both(lambda side: call(side.unit), str(call))  # type: ignore[arg-type]

    @precondition(lambda self: self.sides[0].unit is not None)
    @rule(data=st.data())
    def call_again(self, data: st.DataObject) -> None:
        self.call(data)

    @precondition(lambda self: self.sides[0].unit is not None and any(self.known.records.values()))
    @rule(data=st.data())
    def list_all(self, data: st.DataObject) -> None:
        call = data.draw(a_whole_listing(self.known), label="call")
        self.both(lambda side: call(side.unit), str(call))  # type: ignore[arg-type]

    @precondition(lambda self: self.sides[0].unit is not None)
    @rule(data=st.data())
    def wrong_call(self, data: st.DataObject) -> None:
        call = data.draw(a_wrong_call(self.known), label="call")
        self.both(lambda side: call(side.unit), str(call))  # type: ignore[arg-type]

    @precondition(lambda self: self.sides[0].unit is not None and self.sides[0].savepoints)
    @rule(data=st.data())
    def batch(self, data: st.DataObject) -> None:
        """In a savepoint that is undone when the batch fails: what its later calls did is then open."""
        calls = [call for call in data.draw(st.lists(a_call(self.known), max_size=4)) if call.batchable]

        def run(side: Side) -> Any:
            assert side.unit is not None
            with side.unit.savepoint():
                return side.batch(calls)

        self.both(run, f"batch of {calls}")

    # -- service calls

    @precondition(lambda self: self.sides[0].unit is None)
    @rule(data=st.data())
    def service_call(self, data: st.DataObject) -> None:
        call = data.draw(a_service_call(self.world, data.draw(st.sampled_from(self.methods()))), label="call")
        self.both(lambda side: call(side.vibe), str(call))

    @precondition(lambda self: self.sides[0].unit is None)
    @rule(data=st.data())
    def service_call_again(self, data: st.DataObject) -> None:
        self.service_call(data)

    @precondition(lambda self: self.sides[0].unit is None)
    @rule(data=st.data(), swallow=st.booleans())
    def transaction_of_services(self, data: st.DataObject, swallow: bool) -> None:
        """Several service calls in one transaction, whose errors the application catches or not."""
        chosen = data.draw(st.lists(st.sampled_from(self.methods()), max_size=4))
        calls = [data.draw(a_service_call(self.world, each), label="call") for each in chosen]

        def run(side: Side) -> Any:
            with side.vibe.transaction() as tx:
                return [outcome(lambda call=call: call(tx)) if swallow else call(tx) for call in calls]  # type: ignore[misc]

        self.both(run, f"transaction of {calls}")

    @precondition(lambda self: self.sides[0].unit is None)
    @rule(person=st.sampled_from(EMAILS[:4:2]))
    def sign_in(self, person: str) -> None:
        """Somebody who can act, without waiting for chance to register and sign in."""
        self.both(
            lambda side: side.vibe.auth.register(
                Actor.anonymous(), email=person, password=PASSWORDS[0], name=person[:3]
            ),
            f"register {person}",
        )
        self.both(lambda side: side.vibe.auth.login(email=person, password=PASSWORDS[0]), f"sign in {person}")

    @precondition(lambda self: self.sides[0].unit is None and len(self.world.actors) > 2 and not self.world.projects)
    @rule(data=st.data())
    def begin_project(self, data: st.DataObject) -> None:
        actor = data.draw(st.sampled_from(self.world.actors[2:]))
        self.both(lambda side: side.vibe.projects.create(actor, name="engine"), "create a project")

    # -- transactions

    @precondition(lambda self: self.sides[0].unit is None and not self.by_services)
    @rule(mode=st.sampled_from([Mode.WRITE] * 6 + [Mode.SNAPSHOT, Mode.READ, Mode.SINGLE]))
    def begin(self, mode: Mode) -> None:
        self.writing = mode is Mode.WRITE
        self.both(lambda side: side.begin(mode), f"begin {mode}")

    @precondition(lambda self: self.sides[0].unit is not None)
    @rule(how=st.sampled_from(("commit", "commit", "rollback")))
    def end(self, how: str) -> None:
        ended = self.both(lambda side: side.end(how), how)
        if ended.error is not None:
            assert issubclass(ended.error, TransactionError)
            self.both(lambda side: side.end("rollback"), "rollback")

    @precondition(lambda self: self.writing and self.sides[0].unit and len(self.sides[0].savepoints) < SAVEPOINTS)
    @rule()
    def enter_savepoint(self) -> None:
        self.both(lambda side: side.enter_savepoint(), "enter savepoint")

    @precondition(lambda self: self.sides[0].savepoints)
    @rule(undo=st.booleans())
    def leave_savepoint(self, undo: bool) -> None:
        self.both(lambda side: side.leave_savepoint(undo), f"leave savepoint, undo={undo}")

    @precondition(lambda self: self.sides[0].unit is None)
    @rule()
    def reopen(self) -> None:
        self.both(lambda side: side.reopen(), "reopen")

    @rule(microseconds=st.sampled_from((0, 1, 1, 1000, 10**6, -5)))
    def move_clock(self, microseconds: int) -> None:
        self.clock.move(microseconds=microseconds)

    @rule(seconds=st.sampled_from(LEAPS))
    def wait(self, seconds: float) -> None:
        """To where the rules of sign-in change, or a moment before or after."""
        self.clock.move(seconds=seconds)

    # -- a second unit of work that reads while the first writes

    @precondition(lambda self: self.sides[0].reader is None)
    @rule(mode=st.sampled_from((Mode.SNAPSHOT, Mode.READ)), data=st.data())
    def open_reader(self, mode: Mode, data: st.DataObject) -> None:
        def run(side: Side) -> None:
            side.reader = side.store.begin(mode)

        self.both(run, f"open reader {mode}")
        self.read_beside(data)

    @precondition(lambda self: self.sides[0].reader is not None)
    @rule(data=st.data())
    def read_beside(self, data: st.DataObject) -> None:
        call = data.draw(a_call(self.known).filter(lambda call: call.method in _READS), label="beside")
        self.both(lambda side: call(side.reader), f"beside: {call}")  # type: ignore[arg-type]

    @precondition(lambda self: self.sides[0].reader is not None)
    @rule()
    def close_reader(self) -> None:
        def run(side: Side) -> None:
            assert side.reader is not None
            side.reader.rollback()
            side.reader = None

        self.both(run, "close reader")

    # -- the whole state

    @precondition(lambda self: self.sides[0].unit is None)
    @rule()
    def compare_everything(self) -> None:
        self.both(lambda side: side.rows(), "all rows")

    @invariant()
    def both_are_open_alike(self) -> None:
        assert (self.sides[0].unit is None) == (self.sides[1].unit is None)

    def teardown(self) -> None:
        for side in self.sides:
            side.drop()
        try:
            self.both(lambda side: side.rows(), "all rows at the end")
        finally:
            self._folder.cleanup()
            for side, database in zip(self.sides, self._opened, strict=True):
                side.store.close()
                database.__exit__(None, None, None)


_READS: Final = frozenset(
    ("get", "find", "find_many", "page", "count", "access", "latest", "find_path", "stamps", "subtree", "totals")
) | {"inputs", "running", "active", "environments", "read", "tail"}
"""Calls that can be made beside a writing unit without waiting for it."""


def between(reference: Backend, tested: Backend) -> type[Parity]:
    """The machine between two backends, as a class that Hypothesis can run."""
    return type("Parity", (Parity,), {"backends": (reference, tested), "steps": 0})
