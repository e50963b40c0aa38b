"""Trees of files under tasks: calls in flight at once leave them whole."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from tests.aio.world import opened, with_project
from vibecore.aio.vibe import AsyncVibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AlreadyExists, InvalidValue, NotFound
from vibecore.domain.files import File, FileType
from vibecore.domain.paths import parent_of

EXPECTED: Final = (File, int, NotFound, AlreadyExists, InvalidValue)
"""What a call may end with that another one overtook."""


async def whole(avibe: AsyncVibe, actor: Actor, project_id: UUID) -> None:
    """Every parent is there, at the path above; the counters are those of the files."""
    files = {file.id: file for file in (await avibe.files.page(actor, project_id, limit=1000)).items}
    for file in files.values():
        parent = None if file.parent_id is None else files[file.parent_id].path
        assert parent == parent_of(file.path)
    counted = [file for file in files.values() if file.type is FileType.FILE]
    project = await avibe.projects.get(actor, project_id)
    assert (project.file_count, project.total_lines) == (len(counted), sum(file.line_count for file in counted))


def test_mixed_calls_from_tasks_keep_the_tree_whole(url: str) -> None:
    """A move, a write into the moved folder, a copy and a delete at the same moment, again and again."""

    async def story() -> None:
        async with opened(url) as avibe:
            ada, project = await with_project(avibe)
            id = project.id
            for number in range(5):
                await avibe.files.write(ada, id, f"a/{number}.py", "x\n")
                outcomes = await asyncio.gather(
                    avibe.files.move(ada, id, "a", f"b/m{number}"),
                    avibe.files.write(ada, id, "a/new.py", "y\n"),
                    avibe.files.copy(ada, id, "a", f"c{number}"),
                    avibe.files.delete(ada, id, f"a/{number}.py"),
                    avibe.files.move(ada, id, "b", f"a/b{number}"),
                    return_exceptions=True,
                )
                assert [found for found in outcomes if not isinstance(found, EXPECTED)] == []
                await whole(avibe, ada, id)

    asyncio.run(story())
