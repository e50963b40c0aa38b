"""docs/schema.md says what is declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy.dialects import postgresql

from vibecore.domain.schema import Table
from vibecore.repositories.postgres import _tables
from vibecore.repositories.postgres.check import FUNCTIONS, MATERIALIZED_VIEWS, VIEWS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types it on instances only
SPELLING: Final = {"VARCHAR": "varchar", "TIMESTAMP WITH TIME ZONE": "timestamptz"}


def section(table: str) -> str:
    return PAGE.partition(f"\n### {table}\n")[2].partition("\n##")[0]


def documented(table: Table[Any]) -> list[str]:
    """The rows that the page must have for the table's columns."""
    made = _tables.metadata().tables[table.name]
    rows = []
    for column in table.columns:
        written = made.c[column.name].type.compile(dialect=DIALECT).partition(" COLLATE")[0].replace(", ", ",")
        base, bracket, length = written.partition("(")
        default = _tables.server_default(table, column)
        shown = "" if default is None else f"`{default}`"
        null = "yes" if column.nullable else "no"
        rows.append(f"| {column.name} | {SPELLING.get(base, base.lower())}{bracket}{length} | {null} | {shown} |")
    return rows


@pytest.mark.parametrize("table", _tables.DECLARED, ids=lambda table: table.name)
def test_each_table_is_documented_as_declared(table: Table[Any]) -> None:
    """Columns with type, NULL and default in order, and every rule and index by name, in the order of checks."""
    text = section(table.name)
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows == documented(table)
    names = [table.primary.name, *(unique.name for unique in table.uniques)]
    names += [reference.name for reference in table.references] + [index.name for index in table.indexes]
    places = [text.index(f"`{name}`") for name in names]
    assert places == sorted(places)


def test_enums_functions_and_views_are_documented() -> None:
    """Every enum with its labels in order, every function and every view."""
    for name, labels in _tables.enums().items():
        assert f"| {name} | {', '.join(labels)} |" in PAGE
    for signature in FUNCTIONS:
        assert f"`{signature.partition('(')[0]}(" in PAGE
    for view in (*VIEWS, *MATERIALIZED_VIEWS):
        assert f"`{view}`" in PAGE
