"""`file_count` and `total_lines` after mixed calls of many threads: exact, whatever collided.

The long run of 10,000 calls: `VIBECORE_COUNTER_CALLS=10000 pytest tests/contract/test_project_counters.py`.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.contract.project_site import Site, id_of, together
from vibecore.domain.errors import AlreadyExists, InvalidValue, NotFound, ReadOnlyProject, SerializationConflict
from vibecore.domain.files import FileType
from vibecore.domain.text import count_lines
from vibecore.domain.totals import FileTotals
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.effects import FixedClock

THREADS: Final = 8
CALLS: Final = int(os.environ.get("VIBECORE_COUNTER_CALLS", "400"))
"""In all, shared by the threads and by the projects."""
PROJECTS: Final = 4
"""Threads meet in a project often, and work side by side in others."""
PATHS: Final = ("a", "a/b", "a/b/c.py", "a/d.md", "e", "e/f.py", "g.py", "h/i/j.py", "h/k.py", "l")
CONTENTS: Final = ("", "one\n", "one\ntwo", "x\n" * 50, b"bytes\n", b"\xff\x00\n")


@pytest.fixture
def site(store: Store, clock: FixedClock) -> Site:
    return Site(store, clock)


def test_counters_are_exact_after_mixed_calls_of_eight_threads(site: Site, tmp_path: Path) -> None:
    """Writes, folders, moves, copies, deletions, imports, archives and transactions that are rolled back, on four
    projects: each counter is what a count of the rows gives, and what the outcomes of the calls add up to."""
    trees = _trees(tmp_path)
    vibe = site.vibe
    projects = [vibe.projects.create(site.ada, name=f"p{number}").id for number in range(PROJECTS)]
    people = [site.ada, site.bob, site.cy]
    for project in projects:
        for actor in people[1:]:
            vibe.projects.add_member(site.ada, project, id_of(actor))
    outcomes = together(
        [lambda number=number: _many(site, number, projects, people, trees) for number in range(THREADS)]  # type: ignore[misc]
    )
    done: Counter[str] = sum(outcomes, Counter())
    assert done.total() == CALLS // THREADS * THREADS
    assert {"write", "move", "delete", "import_tree"} <= {name for name in done if done[name]}, done
    for project in projects:
        _assert_exact(site, project)


def _many(site: Site, number: int, projects: list[UUID], people: list[Any], trees: list[Path]) -> Counter[str]:
    """What one thread does, and which of its calls succeeded; `refused` and `collided` are the others."""
    chance = random.Random(number)
    done: Counter[str] = Counter()
    for _ in range(CALLS // THREADS):
        name = chance.choices(
            ["write", "make_folder", "move", "copy", "delete", "import_tree", "archive", "undone"],
            [30, 8, 15, 8, 15, 6, 3, 6],
        )[0]
        try:
            _one(site, name, chance, chance.choice(projects), chance.choice(people), trees)
            done[name] += 1
        except (AlreadyExists, InvalidValue, NotFound, ReadOnlyProject):
            done["refused"] += 1
        except SerializationConflict:
            done["collided"] += 1
    return done


class _Undone(Exception):
    pass


def _one(site: Site, name: str, chance: random.Random, project: UUID, actor: Any, trees: list[Path]) -> None:
    vibe, path, other = site.vibe, chance.choice(PATHS), chance.choice(PATHS)
    match name:
        case "write":
            vibe.files.write(actor, project, path, chance.choice(CONTENTS))
        case "make_folder":
            vibe.files.make_folder(actor, project, path)
        case "move":
            vibe.files.move(actor, project, path, other)
        case "copy":
            vibe.files.copy(actor, project, path, other)
        case "delete":
            vibe.files.delete(actor, project, path)
        case "import_tree":
            vibe.files.import_tree(actor, project, chance.choice(trees), delete_missing=chance.random() < 0.5)
        case "archive":
            vibe.projects.archive(site.ada, project)
            vibe.projects.restore(site.ada, project)
        case "undone":
            _undo(site, actor, project, path)


def _undo(site: Site, actor: Any, project: UUID, path: str) -> None:
    """Writes that a rollback takes back."""
    try:
        with site.vibe.transaction() as tx:
            tx.files.write(actor, project, path, "undone\n" * 7)
            tx.files.write(actor, project, "undone.py", "undone\n")
            raise _Undone
    except _Undone:
        pass


def _assert_exact(site: Site, project_id: UUID) -> None:
    with site.store.begin(Mode.SNAPSHOT) as tx:
        project = tx.projects.get(project_id)
        entries = list(tx.files.stream(project_id))
        totals = tx.files.totals(project_id)
    files = [entry for entry in entries if entry.type is FileType.FILE]
    lines = sum(count_lines(file.content) for file in files if file.content is not None)
    assert totals == FileTotals(file_count=len(files), folder_count=len(entries) - len(files), total_lines=lines)
    assert (project.file_count, project.total_lines) == (len(files), lines)


def _trees(folder: Path) -> list[Path]:
    """Folders to import, which have some paths in common with one another and with what is written."""
    found = []
    for number, paths in enumerate((("a/b/c.py", "m/n.py"), ("e/f.py", "g.py", "a/d.md"), ())):
        tree = folder / f"tree{number}"
        tree.mkdir()
        for path in paths:
            place = tree / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{number}\n" * (number + 3))
        found.append(tree)
    return found
