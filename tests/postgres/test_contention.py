"""Many threads on the same rows: collisions are retried, and nothing else surfaces."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import SerializationConflict
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.throttles import Limit
from vibecore.repositories.unit_of_work import Store
from vibecore.services.effects import Effects, ThreadRuntime
from vibecore.testing.effects import PlainHasher

THREADS = 8
PASSWORD = "correct horse battery staple"


def together(call: Callable[[int], object]) -> list[BaseException]:
    """Run `call` in all threads from the same moment on; the errors."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> BaseException | None:
        start.wait()
        try:
            call(number)
        except Exception as error:  # noqa: BLE001  # which errors surface is what is tested
            return error
        return None

    with ThreadPoolExecutor(THREADS) as pool:
        return [error for error in pool.map(run, range(THREADS)) if error is not None]


def installation(store: Store) -> Vibe:
    """Real time and real waiting: collisions are retried after a pause."""
    policy = AuthPolicy(account_limit=Limit(timedelta(microseconds=1), 1000))
    return Vibe(store, Effects(hasher=PlainHasher(), runtime=ThreadRuntime(), policy=policy))


def test_concurrent_logins_of_one_user_only_ever_collide(store: Store) -> None:
    """All succeed, or give up as collisions; statements that an aborted pipeline never prepared are not missed."""
    vibe = installation(store)
    vibe.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")

    def many(_: int) -> None:
        for _ in range(12):
            assert vibe.auth.login(email="ada@example.org", password=PASSWORD).actor

    errors = together(many)
    assert {type(error) for error in errors} <= {SerializationConflict}


def test_counters_are_exact_after_concurrent_writes(store: Store) -> None:
    """Every acknowledged write is counted once, whatever collided on the way."""
    vibe = installation(store)
    vibe.auth.register(Actor.anonymous(), email="ada@example.org", password=PASSWORD, name="Ada")
    ada = vibe.auth.login(email="ada@example.org", password=PASSWORD).actor
    project = vibe.projects.create(ada, name="engine")
    written: list[str] = []

    def many(number: int) -> None:
        for i in range(6):
            path = f"f{number}/{i}"
            vibe.files.write(ada, project.id, path, "one\ntwo\n")
            written.append(path)

    errors = together(many)
    assert {type(error) for error in errors} <= {SerializationConflict}
    now = vibe.projects.get(ada, project.id)
    assert (now.file_count, now.total_lines) == (len(written), 2 * len(written))
    assert {stamp.path for stamp in vibe.files.tree(ada, project.id) if stamp.digest} == set(written)
