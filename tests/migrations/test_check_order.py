"""When one row breaks several rules, PostgreSQL reports the one that is declared first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from vibecore.bootstrap import migrations
from vibecore.domain.rules import Choice, Integer, Json, Member, Numeric, Text, TextArray, Timestamp, Uuid
from vibecore.domain.schema import Column, Table
from vibecore.domain.tables import TABLES
from vibecore.repositories.postgres.check import Drift, check

NOBODY: Final = UUID(int=404)
SEVERAL_UNIQUES: Final = [table for table in TABLES if table.uniques]
SEVERAL_REFERENCES: Final = [table for table in TABLES if len(table.references) > 1]


def filler(column: Column) -> Any:
    """A value that every row of the test has in this column; each id is that of the one row in its table."""
    rule = column.rule
    match rule:
        case Uuid():
            return UUID(int=1)
        case Choice(kind=kind) | Member(kind=kind):
            # A state in which the partial indexes hold.
            return next((label.value for label in kind if label.value == "running"), next(iter(kind)).value)
        case Text():
            return column.name
        case Integer() | Numeric():
            return 1
        case Timestamp():
            return "2024-05-01T12:00:00Z"
        case Json(root=root):
            return "{}" if root is dict else "[]"
        case TextArray():
            return ["line"]
        case _:
            return True


def insert(session: psycopg.Connection[Any], table: Table[Any], **changes: Any) -> None:
    row = {column.name: filler(column) for column in table.columns} | changes
    marks = ", ".join(["%s"] * len(row))
    session.execute(f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({marks})".encode(), list(row.values()))


def fill(session: psycopg.Connection[Any]) -> None:
    """One row in every table; a file is its own parent."""
    for table in TABLES:
        insert(session, table)


def violated(session: psycopg.Connection[Any], table: Table[Any], **changes: Any) -> str | None:
    """The rule that is reported when the row is inserted."""
    try:
        with session.transaction():
            insert(session, table, **changes)
    except psycopg.IntegrityError as error:
        return error.diag.constraint_name
    return None


@pytest.mark.parametrize("table", SEVERAL_UNIQUES, ids=lambda table: table.name)
def test_uniques_are_checked_as_declared(session: psycopg.Connection[Any], table: Table[Any]) -> None:
    """The primary key first, then each unique rule in its turn, once those before it hold."""
    fill(session)
    rules = [table.primary, *table.uniques]
    changed: dict[str, Any] = {}
    reported = []
    for rule in rules:
        reported.append(violated(session, table, **changed))
        # What satisfies this rule and no later one: its own field, or leaving the state in which it holds.
        others = {name for later in rules[rules.index(rule) + 1 :] for name in later.fields}
        free = [name for name in rule.fields if name not in others and name not in {"project_id", "user_id"}]
        if free:
            is_id = isinstance(table.by_name[free[-1]].rule, Uuid)
            changed[free[-1]] = NOBODY if is_id else "another"
        elif rule.only_field is not None:
            changed[rule.only_field] = "failed"
    expected: list[str | None] = [rule.name for rule in rules]
    if table.name == "deployments":
        expected = ["pk_deployments", "uq_deployments_running", None]  # a row is in one state at a time
    assert reported == expected


def test_unique_rules_come_before_references(session: psycopg.Connection[Any]) -> None:
    """A row that repeats a key and refers to nothing repeats a key."""
    fill(session)
    for table in TABLES:
        if table.references:
            missing = {reference.field: NOBODY for reference in table.references}
            assert violated(session, table, **missing) == table.primary.name


@pytest.mark.parametrize("table", SEVERAL_REFERENCES, ids=lambda table: table.name)
def test_references_are_checked_as_declared(session: psycopg.Connection[Any], table: Table[Any]) -> None:
    """With several references to nothing the first one declared is reported, on insert and on update."""
    fill(session)
    new: dict[str, Any] = {"id": UUID(int=2)}
    for unique in table.uniques:
        new |= {name: "other" for name in unique.fields if not isinstance(table.by_name[name].rule, Uuid)}
    missing = {reference.field: NOBODY for reference in table.references}
    for reference in table.references:
        assert violated(session, table, **new, **missing) == reference.name
        change = f"UPDATE {table.name} SET " + ", ".join(f"{name} = %s" for name in missing)
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused, session.transaction():
            session.execute(change.encode(), list(missing.values()))
        assert refused.value.diag.constraint_name == reference.name
        del missing[reference.field]


def test_foreign_keys_that_straddle_a_step_of_object_ids_are_made_again(superuser: sa.Connection) -> None:
    """At ...99999 the triggers' names sort against their age: the migration puts the order right."""
    superuser.exec_driver_sql(
        "UPDATE pg_trigger SET tgname = replace(tgname, '_c_', '_c_0') WHERE tgconstraint = "
        "(SELECT oid FROM pg_constraint WHERE conname = 'fk_files_parent' AND conrelid = 'files'::regclass)"
        " AND tgname LIKE '%%@_c@_%%' ESCAPE '@'",
        (),
    )
    straddling = Drift(
        "order of foreign keys", "files", "fk_files_project, fk_files_parent", "fk_files_parent, fk_files_project"
    )
    assert check(superuser) == [straddling]
    repair = (migrations._folder() / "sql" / "foreign_key_order.sql").read_text(encoding="utf-8")
    superuser.exec_driver_sql(repair, execution_options={"no_parameters": True})
    assert check(superuser) == []


@pytest.mark.parametrize("index", ["pk_users", "idx_users_email"])
def test_the_documented_cure_restores_the_order(database_url: str, index: str) -> None:
    """After an index was rebuilt alone, rebuilding all in the declared order puts them right, without an outage."""
    migrations.migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute(f"REINDEX INDEX CONCURRENTLY {index}".encode())
        assert [drift.kind for drift in migrations.check(database_url)] == ["order of unique rules"]
        for name in ("pk_users", "idx_users_email", "uq_users_email_key"):
            session.execute(f"REINDEX INDEX CONCURRENTLY {name}".encode())
    assert migrations.check(database_url) == []


def test_the_documented_cure_restores_the_order_of_foreign_keys(connection: sa.Connection) -> None:
    """A key that is made again, without a scan under lock, comes last."""
    connection.exec_driver_sql(
        "ALTER TABLE files DROP CONSTRAINT fk_files_project, ADD CONSTRAINT fk_files_project"
        " FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE"
    )
    assert [drift.kind for drift in check(connection)] == ["order of foreign keys"]
    page = Path(__file__).parents[2] / "docs" / "schema.md"
    cure = page.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    connection.exec_driver_sql(cure[cure.index("ALTER TABLE") :])
    assert check(connection) == []
