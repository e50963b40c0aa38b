"""Memory that an import takes at its peak, in a process of its own, whatever the size of the tree."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure

GOAL_MIB = 200
SIZES = (20_000, 100_000)

PROGRAM = """\
import json, resource, sys
from vibecore.bootstrap.connect import connect
from vibecore.domain.actors import Actor
from uuid import UUID, uuid4

url, source, project = sys.argv[1], sys.argv[2], sys.argv[3]
actor = Actor.system("bench")
with connect(url) as vibe:
    report = vibe.files.import_tree(actor, UUID(project), source)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"created": report.created, "unchanged": report.unchanged, "peak": peak}))
"""


def figures(url: str) -> Iterator[Figure]:
    """The peak of the first import and of the second, which finds nothing changed, for each size."""
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="vibecore-bench-") as folder:
            plant(Path(folder), size)
            project = new_project(url)
            first, second = (run(url, folder, project) for _ in range(2))
        assert (first["created"], second["unchanged"]) == (size, size)
        for name, found in (("import_tree", first), ("import_tree again", second)):
            yield Figure(
                f"peak memory of {name}, {size:,} files",
                f"{found['peak']:,.0f} MiB",
                f"goal {GOAL_MIB} MiB",
                found["peak"] / GOAL_MIB,
                1.0,
            )


def plant(root: Path, size: int) -> None:
    """`size` files of source code, 3 KB on average, 50 in a folder."""
    line = "    value = compute(first, second)  # as the others\n"
    for number in range(size):
        folder = root / f"package{number // 5000:03}" / f"module{number // 50:05}"
        if number % 50 == 0:
            folder.mkdir(parents=True)
        (folder / f"file{number:06}.py").write_text(f"def f{number}():\n" + line * (number % 120))


def new_project(url: str) -> str:
    from uuid import uuid4

    from vibecore.bootstrap.connect import connect
    from vibecore.domain.actors import Actor

    with connect(url) as vibe:
        email = f"{uuid4().hex}@example.org"
        password = "correct horse battery staple"
        vibe.auth.register(Actor.anonymous(), email=email, password=password, name="Ada")
        owner = vibe.auth.login(email=email, password=password).actor
        return str(vibe.projects.create(owner, name="memory").id)


def run(url: str, folder: str, project: str) -> dict[str, float]:
    command = [sys.executable, "-c", PROGRAM, url, folder, project]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found
