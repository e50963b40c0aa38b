"""Guessing from many processes at once: the store decides how many passwords are looked at, not a process."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from multiprocessing import get_context
from typing import Final
from uuid import uuid4

from vibecore.bootstrap import stores
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.testing.backends import SETTINGS, PostgresBackend
from vibecore.testing.effects import FixedClock, PlainHasher, fixed_effects

PROCESSES: Final = 16
TRIES: Final = 25
PASSWORD: Final = "correct horse battery staple"


def opened(url: str) -> Vibe:
    """An installation whose clock stands still: no try becomes free while the test runs."""
    clock = FixedClock()
    engine = stores.postgres_engine(url, SETTINGS)
    store = stores.postgres_store(engine, SETTINGS, clock, None, owned=True)
    return Vibe(store, replace(fixed_effects(clock=clock), ids=uuid4))


def guess(url: str) -> tuple[list[str], int]:
    """What a process is told for its guesses, and how many passwords it computed."""
    vibe = opened(url)
    hasher = vibe._work.effects.hasher
    assert isinstance(hasher, PlainHasher)
    told = [type(vibe.auth.login(email="ada@example.org", password=f"guess {n}")).__name__ for n in range(TRIES)]
    vibe.close()
    return told, hasher.checks


def test_attack_guessing_from_16_processes(backend: PostgresBackend) -> None:
    """Of 400 wrong passwords exactly the five of the policy are evaluated, whichever process they come from."""
    url = backend.fresh_url()
    vibe = opened(url)
    vibe.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
    vibe.close()
    with get_context("spawn").Pool(PROCESSES) as pool:
        found = pool.map(guess, [url] * PROCESSES, chunksize=1)
    answers = Counter(answer for told, _ in found for answer in told)
    assert answers == {"Denied": 5, "Throttled": PROCESSES * TRIES - 5}
    assert sum(checks for _, checks in found) == 5
