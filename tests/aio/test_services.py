"""Every service method, awaited, does what it does on the sync face, on every backend."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.aio.story import alive, live, story
from tests.aio.test_face import METHODS
from tests.aio.world import SETTINGS, assert_clean
from vibecore import connect, connect_async
from vibecore.testing.backends import Backend, PostgresBackend
from vibecore.testing.effects import fixed_effects


def test_both_faces_live_the_same_story(backend: Backend, source: Path) -> None:
    """Same values, same errors with the same facts, same audit trail; ids and times are those of fixed effects."""

    def url() -> str:
        return backend.fresh_url() if isinstance(backend, PostgresBackend) else "memory://"

    async def awaited() -> list[tuple[str, str, object]]:
        async with await connect_async(url(), settings=SETTINGS, effects=fixed_effects()) as avibe:
            lived = await alive(avibe, story(source))
            assert_clean(avibe)
            return lived.outcomes

    with connect(url(), settings=SETTINGS, effects=fixed_effects()) as vibe:
        expected = live(vibe, story(source)).outcomes
    found = asyncio.run(awaited())
    for here, there in zip(found, expected, strict=True):
        assert here == there


def test_the_story_leaves_out_no_method(source: Path) -> None:
    """Whoever adds a method to a service gives it a part in the story."""
    with connect("memory://", settings=SETTINGS, effects=fixed_effects()) as vibe:
        told = {(noun, method) for noun, method, _ in live(vibe, story(source)).outcomes}
    assert told == set(METHODS)
