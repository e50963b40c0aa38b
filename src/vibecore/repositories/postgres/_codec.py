"""Between records and rows: how each kind of value travels to PostgreSQL and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from psycopg.types.json import Jsonb

from vibecore.domain import json
from vibecore.domain.rules import (
    Boolean,
    Choice,
    Integer,
    Json,
    Member,
    Numeric,
    Rule,
    Text,
    TextArray,
    Timestamp,
    Uuid,
)
from vibecore.domain.schema import Column, Table, row_builder

Encode = Callable[[Any], Any]


def sql_type(rule: Rule, prefix: str) -> str:
    """The type of a parameter that stands for a value under `rule`; `prefix` qualifies the enum types."""
    match rule:
        case Member():
            return prefix + rule.sql_name
        case Json():
            return "jsonb"
        case Text() | Choice():
            return "text"
        case TextArray():
            return "text[]"
        case Integer():
            return "integer"
        case Numeric():
            return "numeric"
        case Boolean():
            return "boolean"
        case Timestamp():
            return "timestamptz"
        case Uuid():
            return "uuid"
    raise TypeError(f"no SQL type for {rule}")


def copy_type(rule: Rule) -> str:
    """The built-in type whose binary form COPY takes for the column: an enum's is its label as text."""
    match rule:
        case Member() | Choice() | Text():
            return "text"
        case Integer():
            return "int4"
        case Boolean():
            return "bool"
        case _:
            return sql_type(rule, "")


def encoder(rule: Rule) -> Encode | None:
    """From a stored form to a parameter; None where psycopg takes the value as it is."""
    match rule:
        case Json():
            return json.dumps
        case Member() | Choice():
            return _label
        case TextArray():
            return list
    return None


def _label(value: Enum) -> Any:
    return value.value


def copy_encoder(rule: Rule) -> Encode | None:
    """From a stored form to a value of COPY, which types values itself: JSON text would become a JSON string."""
    return _as_jsonb if isinstance(rule, Json) else encoder(rule)


def _as_jsonb(value: Any) -> Jsonb:
    return Jsonb(value, dumps=json.dumps)


def encoders(
    columns: Sequence[Column], choose: Callable[[Rule], Encode | None] = encoder
) -> Callable[[Sequence[Any]], list[Any]]:
    """Parameters from the stored forms of `columns`."""
    steps = [(i, step) for i, column in enumerate(columns) if (step := choose(column.rule)) is not None]

    def run(values: Sequence[Any]) -> list[Any]:
        row = list(values)
        for i, step in steps:
            if row[i] is not None:
                row[i] = step(row[i])
        return row

    return run


def array_literal(value: Sequence[str]) -> str:
    """A text array as PostgreSQL writes it, for travelling inside an array of such arrays."""
    quoted = (item.replace("\\", "\\\\").replace('"', '\\"') for item in value)
    return "{" + ",".join(f'"{item}"' for item in quoted) + "}"


def selected(column: Column, alias: str = "") -> str:
    """The select expression of a column: JSON as text, since numbers keep their kind only under our own decoder."""
    name = f"{alias}{column.name}"
    return f"{name}::text" if isinstance(column.rule, Json) else name


def decoder(rule: Rule) -> Callable[[Any], Any] | None:
    """From what psycopg returns to the stored form; None where they are the same."""
    match rule:
        case Json():
            return _parsed
        case Member() | Choice():
            return {str(member.value): member for member in rule.kind}.__getitem__
        case TextArray():
            return tuple
        case Timestamp():
            return in_utc
    return None


_EMPTY: Final = {"{}": json.EMPTY_OBJECT, "[]": json.EMPTY_ARRAY}


def _parsed(text: str) -> Any:
    empty = _EMPTY.get(text)
    return json.loads(text) if empty is None else empty


def in_utc(value: datetime) -> datetime:
    """The same moment in UTC, whatever time zone the session shows it in."""
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def row_decoder(table: Table[Any]) -> Callable[[Sequence[Any]], Any]:
    """From a row of all columns, in order, to a record."""
    steps = {column.name: step for column in table.columns if (step := decoder(column.rule)) is not None}
    nullable = {column.name for column in table.columns if column.nullable}
    return row_builder(table.record, table.names, steps, nullable)
