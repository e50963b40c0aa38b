"""What the documentation says is so: its code runs, its links lead somewhere, its tables are complete."""

from __future__ import annotations

import inspect
import os
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from typer.main import get_command

import vibecore
from vibecore.cli import exits
from vibecore.cli.app import app
from vibecore.domain.errors import VibecoreError
from vibecore.testing.backends import Backends, PostgresBackend

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text())]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a folder `src`."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text('"""An application."""\n\nimport os\n\nANSWER = eval("42")\n')
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("VIBECORE_")]:
        monkeypatch.delenv(variable)
    return tmp_path


@pytest.mark.parametrize("page", WITH_CODE, ids=_name)
def test_the_code_of_a_page_runs(
    page: Path, place: Path, vibe_backends: Backends, request: pytest.FixtureRequest
) -> None:
    """All blocks of a page, one after the other, as they stand; only addresses become those of a real database."""
    text = page.read_text()
    server = vibe_backends["postgres18"]
    assert isinstance(server, PostgresBackend)
    url = server.fresh_url(migrated=False)
    addresses = {
        "postgresql://host/db": url,
        "postgresql+psycopg://host/db": _with_driver(url),
        "/path/to/folder": str(place / "server"),
    }
    space: dict[str, Any] = {"url": url, "__name__": "documentation"}
    for block in BLOCK.finditer(text):
        code = block[1]
        for shown, real in addresses.items():
            code = code.replace(f'"{shown}"', repr(real))
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + code, str(page), "exec"), space)
    for name, value in space.items():
        if name.startswith("test_") and inspect.isfunction(value):
            value(**{given: request.getfixturevalue(given) for given in inspect.signature(value).parameters})


def _with_driver(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links to other pages and files of the project; headings included."""
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", page.read_text()):
        if target and "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_index_names_every_page() -> None:
    """A page that nobody finds is not there. Decisions are found in their folder."""
    linked = set(re.findall(r"\]\(([^)]+)\)", (DOCS / "index.md").read_text()))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked
    assert "decisions/" in linked


def _errors(root: type[VibecoreError], depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, root.__name__
    for below in root.__subclasses__():
        if below.__module__.startswith("vibecore."):
            yield from _errors(below, depth + 1)


def test_the_page_of_errors_is_the_tree() -> None:
    """Every error once, at its place, and with its attributes explained unless it is only a branch."""
    for module in pkgutil.walk_packages(vibecore.__path__, "vibecore."):
        if not module.name.startswith(("vibecore.__main__", "vibecore.testing")):
            import_module(module.name)
    text = (DOCS / "errors.md").read_text()
    tree, _, table = text.partition("## What to do with them")
    drawn = re.findall(
        r"^([ │├└─]*)([A-Z]\w+)(?= |$)", tree.partition("```text\n")[2].partition("```")[0], re.MULTILINE
    )
    assert sorted((len(indent) // 4, name) for indent, name in drawn) == sorted(_errors(VibecoreError))
    explained = set(re.findall(r"`([A-Z]\w+)`", "".join(line for line in table.splitlines() if line.startswith("| `"))))
    branches = {"VibecoreError", "TransactionError", "StoreError"}
    assert {name for _, name in drawn} == explained | branches


def _section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def test_the_page_of_the_command_line_names_every_option() -> None:
    """Each command has a section with the options that not all commands have, and no others; a group of commands
    has one for all of them, which names each."""
    text = (DOCS / "cli.md").read_text()
    shared = set(re.findall(r"^\| `(--[\w-]+)`", _section(text, "Options of every command"), re.MULTILINE))
    commands: Any = get_command(app)
    assert set(re.findall(r"^\| `([\w-]+)` \|", text.partition("## Options of every command")[0], re.MULTILINE)) == set(
        commands.commands
    )
    for name, command in commands.commands.items():
        told: set[str] = set()
        section = _section(text, name)
        for row in re.findall(r"^\| (`--.*?) \|", section, re.MULTILINE):
            told |= set(re.findall(r"--[\w-]+", row))
        below = getattr(command, "commands", {})
        assert set(re.findall(rf"^\| `{name} ([\w-]+)", section, re.MULTILINE)) == set(below)
        params = [parameter for each in (command, *below.values()) for parameter in each.params]
        options = {flag for parameter in params for flag in (*parameter.opts, *parameter.secondary_opts)}
        assert {flag for flag in options if flag.startswith("--")} == told | shared - {"--help"}


def test_the_page_of_the_command_line_names_every_exit_code() -> None:
    """The codes of `vibecore.cli.exits`, and no others."""
    rows = re.findall(r"^\| ([\d, ]+) \|", _section((DOCS / "cli.md").read_text(), "Exit codes"), re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    assert told == {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
