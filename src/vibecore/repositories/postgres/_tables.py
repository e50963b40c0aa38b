"""The declared tables as SQLAlchemy Core objects: what the migrations must arrive at.

Column types carry the DDL only. Values go in and come out in the driver's form (text for enums and choices); turning
them into records is the repositories' work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from vibecore.domain import rules
from vibecore.domain.fields import Moment
from vibecore.domain.schema import NO_DEFAULT, Column, Index, Table, Unique, updated_index
from vibecore.domain.tables import TABLES

COLLATION: Final = "C"
"""Code point order, which is Python's: every text column has it, so that both backends order alike."""

_SERVER_CLOCK: Final = frozenset({"created_at", "updated_at", "joined_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsRefresh:
    """When the materialized views were last refreshed, and the lock that lets one refresh run at a time."""

    name: Annotated[str, rules.Text(50)]
    refreshed_at: Moment
    created_at: Moment
    updated_at: Moment


DECLARED: Final[tuple[Table[Any], ...]] = (
    *TABLES,
    Table(
        AnalyticsRefresh,
        "analytics_refreshes",
        "analytics_refresh",
        key=("name",),
        indexes=(updated_index("analytics_refreshes"),),
    ),
)
"""The domain's tables and the one that only this backend has."""


def metadata(schema: str | None = None) -> sa.MetaData:
    """A new MetaData with every declared table, in the PostgreSQL schema `schema` (None: the search path decides)."""
    meta = sa.MetaData(schema=schema)
    for table in DECLARED:
        _table(meta, table)
    return meta


def enums() -> dict[str, tuple[str, ...]]:
    """The labels of every PostgreSQL enum in declaration order, by the enum's name."""
    members = [column.rule for table in TABLES for column in table.columns if isinstance(column.rule, rules.Member)]
    return {rule.sql_name: labels(rule.kind) for rule in members}


def labels(kind: type[Enum]) -> tuple[str, ...]:
    """The stored texts of an enum's members in declaration order."""
    return tuple(str(member.value) for member in kind)


def server_default(table: Table[Any], column: Column) -> str | None:
    """The SQL expression that fills `column` for clients other than vibecore; None where there is none."""
    given = table.server_defaults.get(column.name)
    if given is not None:
        return given
    if column.name == "id":
        return "uuid_generate_v4()"
    if column.name in _SERVER_CLOCK:
        return "now()"
    if column.default is NO_DEFAULT or column.default is None:
        return None
    return _literal(column.rule, column.default)


def check_condition(column: Column) -> str | None:
    """The condition of `ck_<table>_<column>`; None where the column needs none."""
    if not isinstance(column.rule, rules.Choice):
        return None
    return f"{column.name} IN ({_quoted(labels(column.rule.kind))})"


def predicate(unique: Unique) -> str | None:
    """The condition of a partial unique index; None where `unique` covers every row."""
    if unique.only_field is None:
        return None
    return f"{unique.only_field} IN ({_quoted(tuple(str(value.value) for value in unique.only_values))})"


def _table(meta: sa.MetaData, table: Table[Any]) -> sa.Table:
    columns = [
        sa.Column(
            column.name,
            _type(meta, column.rule),
            nullable=column.nullable,
            server_default=_text(server_default(table, column)),
        )
        for column in table.columns
    ]
    made = sa.Table(
        table.name,
        meta,
        *columns,
        sa.PrimaryKeyConstraint(*table.primary.fields, name=table.primary.name),
        postgresql_partition_by="RANGE (created_at)" if table.partitioned else None,
    )
    for unique in table.uniques:
        _unique(made, unique)
    for reference in table.references:
        target = reference.target if meta.schema is None else f"{meta.schema}.{reference.target}"
        made.append_constraint(
            sa.ForeignKeyConstraint([reference.field], [f"{target}.id"], name=reference.name, ondelete="CASCADE")
        )
    for column in table.columns:
        condition = check_condition(column)
        if condition is not None:
            made.append_constraint(sa.CheckConstraint(condition, name=f"ck_{table.name}_{column.name}"))
    for index in table.indexes:
        _index(made, index)
    return made


def _unique(table: sa.Table, unique: Unique) -> None:
    condition = predicate(unique)
    if condition is None:
        table.append_constraint(sa.UniqueConstraint(*unique.fields, name=unique.name))
    else:
        fields = [table.c[name] for name in unique.fields]
        sa.Index(unique.name, *fields, unique=True, postgresql_where=sa.text(condition))


def _index(table: sa.Table, index: Index) -> None:
    method = "gin" if index.gin else "btree"
    condition = None if index.where is None else sa.text(index.where)
    sa.Index(
        index.name,
        *(table.c[name] for name in index.fields),
        postgresql_using=method,
        postgresql_where=condition,
    )


def _type(meta: sa.MetaData, rule: rules.Rule) -> sa.types.TypeEngine[Any]:
    match rule:
        case rules.Text(longest=None):
            return sa.TEXT(collation=COLLATION)
        case rules.Text(longest=longest) | rules.Choice(longest=longest):
            return sa.VARCHAR(longest, collation=COLLATION)
        case rules.Integer():
            return sa.INTEGER()
        case rules.Boolean():
            return sa.BOOLEAN()
        case rules.Numeric(precision=precision, scale=scale):
            return sa.NUMERIC(precision, scale)
        case rules.Timestamp():
            return pg.TIMESTAMP(timezone=True)
        case rules.Uuid():
            return pg.UUID(as_uuid=True)
        case rules.Member(kind=kind, sql_name=name):
            return pg.ENUM(*labels(kind), name=name, metadata=meta, schema=meta.schema)
        case rules.Json():
            return pg.JSONB()
        case rules.TextArray():
            return pg.ARRAY(sa.TEXT(collation=COLLATION))
    raise TypeError(f"no column type for {type(rule).__name__}")


def _literal(rule: rules.Rule, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return _quoted((str(value.value),))
        case int() | Decimal():
            return str(value)
        case str():
            return _quoted((value,))
        case Mapping():
            text = "{}"
        case _:
            text = "[]"
    if not isinstance(rule, rules.Json) or len(value):
        raise TypeError(f"no SQL default for {value!r}")
    return f"'{text}'"


def _text(expression: str | None) -> sa.TextClause | None:
    return None if expression is None else sa.text(expression)


def _quoted(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
