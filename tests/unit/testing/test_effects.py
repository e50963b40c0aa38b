from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread
from uuid import UUID

import pytest

from vibecore.domain.errors import InvalidValue
from vibecore.testing.effects import FixedClock, PlainHasher, SequentialIds, SequentialTokens, fixed_effects


def test_the_clock_stands_until_it_is_moved() -> None:
    """Forwards and backwards, and never out of what can be stored."""
    clock = FixedClock(datetime(2025, 1, 1, tzinfo=UTC))
    assert clock() == clock()
    assert clock.move(days=1, hours=1, microseconds=-1) == datetime(2025, 1, 2, 0, 59, 59, 999999, tzinfo=UTC)
    for days in (4_000_000, -4_000_000, 10**12):
        with pytest.raises(InvalidValue):
            clock.move(days=days)
    assert clock() == datetime(2025, 1, 2, 0, 59, 59, 999999, tzinfo=UTC)
    with pytest.raises(InvalidValue, match="naive"):
        FixedClock(datetime(2025, 1, 1))  # noqa: DTZ001


def test_ids_count_and_are_never_given_twice() -> None:
    """By however many threads they are asked for."""
    ids, seen = SequentialIds(), list[UUID]()
    threads = [Thread(target=lambda: seen.extend(ids() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(id.int for id in seen) == list(range(1, 2001))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 100])
def test_tokens_have_their_size_and_differ(size: int) -> None:
    """The same in every run, another for every call and seed."""
    tokens, again, other = SequentialTokens(), SequentialTokens(), SequentialTokens("other")
    first, second = tokens(size), tokens(size)
    assert len(first) == len(second) == size
    assert (again(size), again(size)) == (first, second)
    if size > 1:
        assert len({first, second, other(size)}) == 3


def test_the_plain_hasher_tells_right_from_wrong() -> None:
    """And counts the work that a real one would have done."""
    hasher = PlainHasher()
    stored = hasher.hash("engine no. 9")
    assert hasher.verify("engine no. 9", stored)
    assert not hasher.verify("engine no. 8", stored)
    hasher.verify_nothing("engine no. 9")
    assert hasher.checks == 3
    assert not hasher.outdated(stored)
    assert hasher.outdated("$2b$04$" + "a" * 53)


def test_two_sets_of_effects_share_nothing() -> None:
    """Moving one clock leaves the other."""
    one, two = fixed_effects(), fixed_effects()
    one.clock.move(days=1)
    assert one.clock() != two.clock()
    assert one.ids() == two.ids()
