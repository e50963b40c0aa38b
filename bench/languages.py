"""How often the language of a file is the one that GitHub Linguist gives it, on real source trees.

    python -m bench.languages TREE...

needs Linguist itself: Debian's package `ruby-github-linguist`. Trees are any folders of source code. Of each tree and
extension at most 60 files are taken, so that no large project outweighs the others. Binary and empty files, which
Linguist does not name, are left out. A table by language, the least agreed first, and the share in all.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from vibecore.domain import text
from vibecore.services.languages import detect

GOAL: Final = 97.0
OF_EACH: Final = 60
LARGEST: Final = 400_000

TRUTH: Final = """\
require 'linguist'
require 'json'
STDIN.each_line(chomp: true) do |path|
  blob = Linguist::FileBlob.new(path, '/')
  next if blob.size == 0 || blob.binary?
  language = blob.language
  puts JSON.generate([path, language && language.name])
end
"""

RENAMED: Final = {"Coq": "Rocq Prover"}
"""What Linguist has called otherwise since the version in Debian (7.22)."""


def sample(roots: Iterable[Path]) -> Iterator[Path]:
    """Files of the trees, the same ones each time."""
    chance = random.Random(1)
    for root in roots:
        groups: dict[str, list[Path]] = defaultdict(list)
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name).absolute()
                if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST and "\n" not in name:
                    groups[path.suffix or name].append(path)
        for group in groups.values():
            yield from chance.sample(group, min(len(group), OF_EACH))


def truth(paths: Iterable[Path]) -> dict[Path, str | None]:
    """What Linguist calls each file; None where it has no name for it."""
    given = "\n".join(map(str, paths)) + "\n"
    ran = subprocess.run(["ruby", "-e", TRUTH], input=given, capture_output=True, text=True, check=True)
    found = (json.loads(line) for line in ran.stdout.splitlines())
    return {Path(path): RENAMED.get(name, name) for path, name in found}


def ours(path: Path) -> str | None:
    return detect(path.name, text.decode(path.read_bytes())).name


def main() -> None:
    expected = truth(sample(map(Path, sys.argv[1:])))
    files: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    instead: dict[str, Counter[str]] = defaultdict(Counter)
    for path, name in expected.items():
        if name is None:
            continue
        answer = ours(path)
        files[name] += 1
        agreed[name] += answer == name
        if answer != name:
            instead[name][f"{answer} ({path.suffix or path.name})"] += 1
    table = Table("language", "files", "agreed", "instead")
    for name in sorted(files, key=lambda name: (agreed[name] - files[name], name)):
        others = ", ".join(f"{count}x {other}" for other, count in instead[name].most_common(4))
        table.add_row(name, str(files[name]), f"{100 * agreed[name] / files[name]:.1f} %", others)
    share = 100 * agreed.total() / files.total()
    console = Console()
    console.print(table)
    console.print(f"{files.total():,} files in {len(files)} languages: {share:.2f} % agreed, goal {GOAL} %")
    sys.exit(share < GOAL)


if __name__ == "__main__":
    main()
