"""How a live database differs from the declared schema: every drift by name.

Alembic's comparison is not used: it sees no collation, CHECK condition, enum label, primary key, partial predicate,
partition, trigger, function or view. A test holds it against the same tables all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from vibecore.domain.rules import Choice, Member
from vibecore.domain.schema import Column, Table
from vibecore.repositories.postgres import _catalogue, _tables
from vibecore.repositories.postgres._catalogue import MONTHLY, Facts

TOUCHED: Final = ("users", "projects", "files", "deployments", "api_keys")
"""The tables whose trigger keeps `updated_at` for clients other than vibecore."""
FUNCTIONS: Final = {
    "archive_old_records(integer,timestamp with time zone)": "integer",
    "calculate_project_quality(uuid)": "numeric",
    "ensure_audit_partitions(integer,timestamp with time zone)": "integer",
    "log_audit_event(uuid,text,text,uuid,jsonb,text)": "uuid",
    "project_quality_inputs(uuid)": "record",
    "refresh_analytics(timestamp with time zone)": "record",
    "update_updated_at_column()": "trigger",
}
"""Result types by signature. `uuid_generate_v4()` is apart: an extension or an operator may have provided it."""
UUID_SOURCE: Final = "uuid_generate_v4()"
VIEWS: Final = ("v_recent_activity", "v_project_file_stats", "v_deployment_success_rate")
MATERIALIZED_VIEWS: Final = ("mv_daily_project_stats", "mv_user_activity", "mv_system_health")

_OWNERS: Final = {
    "type": ("column",),
    "length": ("column",),
    "collation": ("column",),
    "nullability": ("column",),
    "default": ("column",),
    "predicate": ("index", "unique index"),
    "settings": ("function",),
    "body": ("function",),
    "populated": ("materialized view",),
    "refresh index": ("materialized view",),
}
"""Facts that are a part of another one: told only where that one is on both sides."""
_STANDING: Final = frozenset({"table", "foreign table", "view", "materialized view", "function", "enum"})
"""Kinds of object that stand in the schema by themselves."""
_ORDER: Final = "order of "
_TYPE: Final = re.compile(
    r'(?P<base>[A-Za-z_ ]+?)(\((?P<length>[^)]*)\))?(?P<array>\[\])?( COLLATE "(?P<collation>\w+)")?'
)

_SPELLING: Final = {"VARCHAR": "character varying"}


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: `kind` of thing, `object` by name; None where it is not expected, or not found."""

    kind: str
    object: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.kind} {self.object} is missing: {self.expected}"
        if self.expected is None:
            return f"{self.kind} {self.object} is not declared: {self.found}"
        return f"{self.kind} of {self.object} is {self.found}, not {self.expected}"


def check(connection: sa.Connection, schema: str | None = None, *, own: bool = True) -> list[Drift]:
    """Every difference between the declared schema and what `schema` holds, in a stable order; changes nothing.

    None is the first schema of the search path. With `own` false, tables, views, functions and enums that are not
    declared are taken for the application's and left out; what is attached to a declared table never is.
    Runs inside the connection's transaction.
    """
    home = schema or connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    quoted = str(connection.exec_driver_sql("SELECT quote_ident(%s)", (home,)).scalar_one())
    with _reading(connection, quoted):
        facts = _catalogue.read(connection, quoted)
        found = {fact: said for fact, said in facts.items() if fact[1].partition(".")[0] != "alembic_version"}
        encoding = str(connection.exec_driver_sql("SELECT current_setting('server_encoding')").scalar_one())
        uuid_source = connection.exec_driver_sql("SELECT to_regprocedure('uuid_generate_v4()')").scalar()
    found["encoding", "database"] = encoding
    if uuid_source is not None:
        found["function", UUID_SOURCE] = "returns uuid"
    for part in ("settings", "body"):
        found.pop((part, UUID_SOURCE), None)
    expected = _declared(quoted)
    _settle_partitions(expected, found)
    drifts = [*_differences(expected, found, own), *_misordered(expected, found)]
    return sorted(drifts, key=lambda drift: (drift.object, drift.kind))


@contextmanager
def _reading(connection: sa.Connection, quoted: str) -> Iterator[None]:
    """The settings under which the catalogue speaks of this schema's objects without their schema, and in UTC."""
    change = "SELECT set_config('search_path', %s, true), set_config('TimeZone', %s, true)"
    before = connection.exec_driver_sql("SELECT current_setting('search_path'), current_setting('TimeZone')").one()
    connection.exec_driver_sql(change, (f"{quoted}, pg_temp", "UTC"))
    yield
    connection.exec_driver_sql(change, tuple(before))


def _differences(expected: Facts, found: Facts, own: bool) -> Iterator[Drift]:
    both = expected.keys() & found.keys()
    for fact in expected.keys() | found.keys():
        kind, name = fact
        if kind.startswith(_ORDER) or expected.get(fact) == found.get(fact):
            continue
        if kind == "column" and fact in both:
            continue  # told by its type or length
        if kind in _STANDING:
            if fact in expected or own:
                yield Drift(kind, name, expected.get(fact), found.get(fact))
            continue
        if ("table", name.partition(".")[0]) in expected.keys() ^ found.keys():
            continue
        if kind in _OWNERS and not any((owner, name) in both for owner in _OWNERS[kind]):
            continue
        yield Drift(kind, name, expected.get(fact), found.get(fact))


def _misordered(expected: Facts, found: Facts) -> Iterator[Drift]:
    """Rules that are checked in another order than declared: another one of several broken rules is reported."""
    for fact, names in expected.items():
        kind, table = fact
        if not kind.startswith(_ORDER):
            continue
        declared = names.split(", ")
        for order in found.get(fact, "").split(" / "):
            shown = [name for name in order.split(", ") if name in declared]
            if shown != declared and len(shown) == len(declared):
                yield Drift(kind, table, names, ", ".join(shown))
                break


def _settle_partitions(expected: Facts, found: Facts) -> None:
    """Which months have a partition is the maintenance job's affair; what a partition holds is not."""
    for fact in [fact for fact in found if fact[0] == "partition" and fact not in expected]:
        expected[fact] = MONTHLY


def _declared(quoted: str) -> Facts:
    meta = _tables.metadata()
    facts: Facts = {}
    for table in _tables.DECLARED:
        facts.update(_table(table, meta.tables[table.name]))
    for name, labels in _tables.enums().items():
        facts["enum", name] = ", ".join(labels)
    for table_name in TOUCHED:
        name = f"update_{table_name}_updated_at"
        facts["trigger", f"{table_name}.{name}"] = (
            f"CREATE TRIGGER {name} BEFORE UPDATE ON {table_name} FOR EACH ROW"
            " WHEN (NOT new.updated_at IS DISTINCT FROM old.updated_at) EXECUTE FUNCTION update_updated_at_column()"
        )
    for signature, result in FUNCTIONS.items():
        facts["function", signature] = f"returns {result}"
        facts["settings", signature] = f"search_path={quoted}, pg_temp"
        facts["body", signature] = "as migrated"
    facts["function", UUID_SOURCE] = "returns uuid"
    facts["encoding", "database"] = "UTF8"
    for name in VIEWS:
        facts["view", name] = "present"
    for name in MATERIALIZED_VIEWS:
        facts["materialized view", name] = "present"
        facts["refresh index", name] = "present"
        facts["populated", name] = "yes"
    return facts


def _table(table: Table[Any], made: sa.Table) -> Iterator[tuple[tuple[str, str], str]]:
    name = table.name
    yield ("table", name), "permanent"
    yield ("row security", name), "off"
    yield ("partitioning", name), "RANGE (created_at)" if table.partitioned else "none"
    if table.partitioned:
        yield ("partition", f"{name}.{name}_default"), "DEFAULT"
    for column in table.columns:
        yield from _column(f"{name}.{column.name}", made.c[column.name])
        if isinstance(column.rule, Choice):
            yield ("check", f"{name}.ck_{name}_{column.name}"), f"CHECK ({_one_of(column, column.rule)})"
    yield ("primary key", f"{name}.{table.primary.name}"), f"PRIMARY KEY ({', '.join(table.key)})"
    for unique in table.uniques:
        fields = ", ".join(unique.fields)
        if unique.only_field is None:
            yield ("unique", f"{name}.{unique.name}"), f"UNIQUE ({fields})"
        else:
            yield ("unique index", f"{name}.{unique.name}"), f"btree ({fields})"
            only = table.by_name[unique.only_field]
            labels = tuple(str(value.value) for value in unique.only_values)
            yield ("predicate", f"{name}.{unique.name}"), _among(only, labels)
    for reference in table.references:
        definition = f"FOREIGN KEY ({reference.field}) REFERENCES {reference.target}(id) ON DELETE CASCADE"
        yield ("foreign key", f"{name}.{reference.name}"), definition
    for index in table.indexes:
        yield ("index", f"{name}.{index.name}"), f"{'gin' if index.gin else 'btree'} ({', '.join(index.fields)})"
        if index.where is not None:
            yield ("predicate", f"{name}.{index.name}"), index.where
    yield ("order of unique rules", name), ", ".join([table.primary.name, *(u.name for u in table.uniques)])
    yield ("order of foreign keys", name), ", ".join(reference.name for reference in table.references)


def _column(name: str, column: sa.Column[Any]) -> Iterator[tuple[tuple[str, str], str]]:
    written = column.type.compile(dialect=pg.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy types it on instances only
    parts = _TYPE.fullmatch(written)
    if parts is None:
        raise TypeError(f"cannot read the type {written}")
    base = _SPELLING.get(parts["base"], parts["base"].lower()) + (parts["array"] or "")
    length = (parts["length"] or "").replace(" ", "")
    yield ("column", name), f"{base}({length})" if length else base
    yield ("type", name), base
    if length:
        yield ("length", name), length
    if parts["collation"]:
        yield ("collation", name), parts["collation"]
    yield ("nullability", name), "NULL" if column.nullable else "NOT NULL"
    if isinstance(column.server_default, sa.DefaultClause):
        default = str(column.server_default.arg)
        yield ("default", name), f"{default}::{base}" if default.startswith("'") else default


def _one_of(column: Column, rule: Choice) -> str:
    listed = ", ".join(f"'{label}'::character varying" for label in _tables.labels(rule.kind))
    return f"{column.name}::text = ANY (ARRAY[{listed}]::text[])"


def _among(column: Column, labels: tuple[str, ...]) -> str:
    """The predicate of a partial index in PostgreSQL's words."""
    if isinstance(column.rule, Choice):
        subject, kind, element = f"{column.name}::text", "text", "character varying"
    else:
        assert isinstance(column.rule, Member)
        subject, kind, element = column.name, column.rule.sql_name, column.rule.sql_name
    if len(labels) == 1:
        return f"{subject} = '{labels[0]}'::{kind}"
    array = ", ".join(f"'{label}'::{element}" for label in labels)
    return f"{subject} = ANY (ARRAY[{array}]{'' if element == kind else f'::{kind}[]'})"
