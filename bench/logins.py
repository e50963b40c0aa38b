"""What a login costs, whether its time tells who has an account, and what it does to an event loop."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from uuid import uuid4

from bench.measure import Figure
from vibecore.aio import connect_async
from vibecore.bootstrap.connect import connect
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.logins import Authenticated, Denied
from vibecore.domain.policies import BCRYPT_COST, AuthPolicy
from vibecore.domain.throttles import Limit
from vibecore.services.hashing import BcryptHasher

PASSWORD = "correct horse battery staple"
WRONG = "incorrect horse battery staple"
POLICY = AuthPolicy(account_limit=Limit(timedelta(microseconds=1), 1000))
PAIRS = 41
LOGINS = 25
AT_ONCE, ROUNDS = 8, 5
TICK = 0.001


def figures(url: str) -> Iterator[Figure]:
    """At the default cost of bcrypt; `url` is a migrated database."""
    email = f"{uuid4().hex}@example.org"
    with connect(url, policy=POLICY) as vibe:
        vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name="Ada")
        yield enumeration(vibe, email)
        yield share(vibe, email)
    yield asyncio.run(stall(url, email))


def enumeration(vibe: Vibe, email: str) -> Figure:
    """Medians of a wrong password for an address without and with an account, measured in turn; the greater over the
    smaller, since either would tell."""
    unknown, known = [], []
    for _ in range(PAIRS):
        unknown.append(_wall(lambda: vibe.auth.login(email="nobody@example.org", password=WRONG)))
        known.append(_wall(lambda: vibe.auth.login(email=email, password=WRONG)))
    ours, reference = statistics.median(unknown), statistics.median(known)
    ratio = max(ours / reference, reference / ours)
    return Figure("login, unknown against known address", _milli(ours), _milli(reference), ratio, 1.2)


def share(vibe: Vibe, email: str) -> Figure:
    """Processor time of a login that succeeds, and of the one check of a hash in it: the medians, measured in turn."""
    hasher = BcryptHasher(BCRYPT_COST)
    stored = hasher.hash(PASSWORD)
    logins, checks = [], []
    for _ in range(LOGINS):
        start = time.process_time()
        found = vibe.auth.login(email=email, password=PASSWORD)
        logins.append(time.process_time() - start)
        assert isinstance(found, Authenticated)
        start = time.process_time()
        hasher.verify(PASSWORD, stored)
        checks.append(time.process_time() - start)
    check, login = statistics.median(checks), statistics.median(logins)
    return Figure(
        f"bcrypt of a login's CPU, cost {BCRYPT_COST}", _milli(check), _milli(login), check / login, 0.95, at_least=True
    )


async def stall(url: str, email: str) -> Figure:
    """The longest time for which `AT_ONCE` logins at once kept the loop from another task: of `ROUNDS` rounds the best,
    since what else the machine does only adds to it; beside it the same loop without logins."""
    async with await connect_async(url, policy=POLICY) as avibe:

        async def logins() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(avibe.auth.login(email=email, password=PASSWORD))

        assert isinstance(await avibe.auth.login(email=email, password=WRONG), Denied)
        await logins()
        busy = [await _longest(logins) for _ in range(ROUNDS)]
        idle = [await _longest(lambda: asyncio.sleep(0.3)) for _ in range(ROUNDS)]
    longest = min(busy)
    return Figure(
        f"stall of the loop, {AT_ONCE} logins at once",
        _milli(longest),
        f"goal 20 ms, idle {_milli(min(idle))}",
        longest / 0.020,
        1.0,
    )


async def _longest(work: Callable[[], Coroutine[None, None, None]]) -> float:
    """The longest gap between two turns of a task that asks for one every millisecond while `work` runs."""
    running = asyncio.create_task(work())
    longest, last = 0.0, time.perf_counter()
    while not running.done():
        await asyncio.sleep(TICK)
        now = time.perf_counter()
        longest, last = max(longest, now - last - TICK), now
    await running
    return longest


def _wall(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _milli(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
