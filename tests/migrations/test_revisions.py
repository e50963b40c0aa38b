"""The revisions as files: one line of history, nothing of vibecore in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from vibecore.bootstrap import migrations

FOLDER: Final = Path(migrations._folder())
REVISIONS: Final = sorted((FOLDER / "versions").glob("*.py"))


def test_history_is_one_line_with_one_head() -> None:
    """V1, V2, V3, V4, V5, V6, V7: each revision follows the one before, and the last one is the head."""
    assert migrations._scripts().get_heads() == ["V7"]
    assert migrations._revisions() == ["V1", "V2", "V3", "V4", "V5", "V6", "V7"]
    assert migrations.head() == "V7"


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda path: path.stem)
def test_revisions_import_nothing_of_vibecore(revision: Path) -> None:
    """A released revision keeps working whatever becomes of the package."""
    imported = set()
    for node in ast.walk(ast.parse(revision.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= {"__future__", "alembic", "pathlib", "sqlalchemy"}


def test_every_sql_file_is_run_by_a_revision() -> None:
    """No SQL file is left over, and none is missing."""
    run = {name for path in REVISIONS for name in re.findall(r'_run\("([^"]+)"\)', path.read_text(encoding="utf-8"))}
    assert run == {path.name for path in (FOLDER / "sql").glob("*.sql")}


def test_revisions_name_no_schema() -> None:
    """The search path decides where objects go: nothing is created in, or taken from, a schema by name."""
    for path in (FOLDER / "sql").glob("*.sql"):
        assert not re.search(r"\bpublic\s*\.", path.read_text(encoding="utf-8")), path.name
