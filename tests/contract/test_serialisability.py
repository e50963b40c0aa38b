"""Histories of concurrent transactions, over services and units of work: each backend's have an order."""

from __future__ import annotations

import dataclasses
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

import pytest

from tests.contract.project_site import Site, together
from vibecore.bootstrap.services import Services
from vibecore.domain.errors import SerializationConflict
from vibecore.domain.filters import field
from vibecore.domain.json import JsonObject
from vibecore.domain.tests import TestType
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.effects import FixedClock
from vibecore.testing.histories import Attempt, History, Outcome
from vibecore.testing.serialisability import Kind, check

THREADS: Final = 6
EACH: Final = 20
"""Transactions of each thread."""
KEYS: Final = ("a.txt", "b.txt", "c.txt")


class _Undone(Exception):
    """Somebody changes their mind."""


class Lists:
    """Objects that grow through services: a file's lines, in a project of their own."""

    ordered = True

    def __init__(self, site: Site) -> None:
        self.site = site
        for key in KEYS:
            site.vibe.files.write(site.ada, site.id, key, "")

    def read(self, tx: Services, key: str) -> list[int]:
        content = tx.files.read(self.site.ada, self.site.id, key).content
        return [int(line) for line in (content or "").split()]

    def append(self, tx: Services, key: str, value: int) -> None:
        lines = [*self.read(tx, key), value]
        tx.files.write(self.site.ada, self.site.id, key, "".join(f"{line}\n" for line in lines))


class Rows:
    """Sets that grow by rows, and are read by a predicate: what a phantom would be missing from."""

    ordered = False

    def __init__(self, site: Site) -> None:
        self.site = site
        for key in KEYS:
            site.vibe.files.write(site.ada, site.id, key, "x\n")

    def read(self, tx: Services, key: str) -> list[int]:
        where = field("file_path").eq(key)
        page = tx.tests.page(self.site.ada, self.site.id, where=where, limit=1000)
        return [result.passed for result in page.items]

    def append(self, tx: Services, key: str, value: int) -> None:
        tx.tests.record(self.site.ada, self.site.id, key, test_type=TestType.UNIT, passed=value)


def transact(site: Site, history: History, objects: Lists | Rows, chance: random.Random) -> None:
    """One transaction of some reads and appends; each time it is run again it is another one, which aborted."""
    plan = [(chance.choice(("read", "append")), chance.choice(KEYS)) for _ in range(chance.randint(1, 4))]
    undone = chance.random() < 0.1
    attempts: list[Attempt] = []

    def run(tx: Services) -> None:
        if attempts:
            attempts[-1].aborted()
        attempts.append(history.begin())
        for what, key in plan:
            if what == "read":
                attempts[-1].read(key, objects.read(tx, key), ordered=objects.ordered)
            else:
                value = history.value()
                attempts[-1].append(key, value)
                objects.append(tx, key, value)
        if undone:
            raise _Undone

    try:
        site.vibe.atomic(run)
    except (SerializationConflict, _Undone):
        attempts[-1].aborted()
    else:
        attempts[-1].committed()


@pytest.fixture
def site(store: Store, clock: FixedClock) -> Site:
    return Site(store, clock)


@pytest.mark.parametrize("kind", [Lists, Rows], ids=["lists in files", "rows by a predicate"])
@pytest.mark.parametrize("seed", range(2))
def test_transactions_over_services_have_an_order(site: Site, kind: Callable[[Site], Lists | Rows], seed: int) -> None:
    """Six threads read and append, collide, run again and change their minds. In the end every value that was
    committed is there, and no other."""
    objects, history = kind(site), History()

    def many(number: int) -> None:
        chance = random.Random(seed * 100 + number)
        for _ in range(EACH):
            transact(site, history, objects, chance)

    together([lambda number=number: many(number) for number in range(THREADS)])  # type: ignore[misc]
    last = history.begin()
    for key in KEYS:
        last.read(key, objects.read(site.vibe, key), ordered=objects.ordered)
    last.committed()
    assert check(history.transactions) == ()
    _assert_something_happened(history)


@pytest.fixture(autouse=True)
def _threads_that_alternate() -> Iterator[None]:
    """Memory is so fast that a whole transaction fits into the time for which a thread holds the interpreter."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def _assert_something_happened(history: History) -> None:
    """Otherwise the check proves nothing: transactions overlapped, some were undone, and most were not."""
    done = [each for each in history.transactions if each.outcome is Outcome.COMMITTED]
    assert len(done) > THREADS * EACH / 2
    assert any(each.outcome is Outcome.ABORTED for each in history.transactions)
    assert any(first.began < second.began < first.ended for first in done for second in done)


def test_units_of_work_have_an_order(site: Site) -> None:
    """Without a service and without its retry: documents in rows of different scopes, read and replaced."""
    places = [site.id, *(site.vibe.projects.create(site.bob, name=f"p{number}").id for number in range(2))]
    history = History()

    def once(chance: random.Random) -> None:
        attempt = history.begin()
        try:
            with site.store.begin() as tx:
                for _ in range(chance.randint(1, 3)):
                    _step(tx, attempt, history, chance.choice(places), append=chance.random() < 0.5)
                tx.commit()
        except SerializationConflict:
            attempt.aborted()
        else:
            attempt.committed()

    def many(number: int) -> None:
        chance = random.Random(number)
        for _ in range(EACH * 2):
            once(chance)

    together([lambda number=number: many(number) for number in range(THREADS)])  # type: ignore[misc]
    last = history.begin()
    for place in places:
        last.read(place, site.project(place).architecture.get("values", []))
    last.committed()
    assert check(history.transactions) == ()
    assert sum(each.outcome is Outcome.COMMITTED for each in history.transactions) > EACH


def _step(tx: UnitOfWork, attempt: Attempt, history: History, place: UUID, *, append: bool) -> None:
    project = tx.projects.get(place)
    values = list(project.architecture.get("values", []))
    attempt.read(place, values)
    if append:
        value = history.value()
        attempt.append(place, value)
        document = JsonObject({"values": [*values, value]})
        tx.projects.update(dataclasses.replace(project, architecture=document))


def test_without_a_transaction_the_same_calls_lose_an_update(site: Site) -> None:
    """Two threads that read, wait for one another, and write: the check is one that can fail."""
    objects, history, met = Lists(site), History(), threading.Barrier(2)

    def careless() -> None:
        attempt, value = history.begin(), history.value()
        values = objects.read(site.vibe, KEYS[0])
        attempt.read(KEYS[0], values)
        attempt.append(KEYS[0], value)
        met.wait()
        site.vibe.files.write(site.ada, site.id, KEYS[0], "".join(f"{line}\n" for line in [*values, value]))
        attempt.committed()

    together([careless, careless])
    last: Any = history.begin()
    last.read(KEYS[0], objects.read(site.vibe, KEYS[0]))
    last.committed()
    assert Kind.LOST_UPDATE in {anomaly.kind for anomaly in check(history.transactions)}
