"""The constant statements of one table, written once per table and schema."""

from __future__ import annotations

from functools import cache
from typing import Any

from vibecore.domain.rules import TextArray
from vibecore.domain.schema import Table
from vibecore.domain.tables import TABLES
from vibecore.repositories.postgres._codec import copy_encoder, copy_type, encoders, row_decoder, selected, sql_type

KEPT = ("id", "created_at", "updated_at")
"""Columns that an update does not take from the record; the scope is another."""


class Statements:
    """SQL text and converters for `table` in the schema that `prefix` names (`''` or `'"name".'`)."""

    def __init__(self, table: Table[Any], prefix: str) -> None:
        self.table = table
        self.prefix = prefix
        self.name = prefix + table.name
        self.columns = ", ".join(selected(column) for column in table.columns)
        self.encode = encoders(table.columns)
        self.encode_copy = encoders(table.columns, copy_encoder)
        self.decode = row_decoder(table)
        self.locator = " AND ".join(f"{field} = %s" for field in table.locator)
        self.changed = tuple(
            column for column in table.columns if column.name not in KEPT and column.name != table.scope
        )
        self.encode_changed = encoders(self.changed)
        self.select = f"SELECT {self.columns} FROM {self.name}"
        self.get = f"{self.select} WHERE {self.locator}"
        names = ", ".join(table.names)
        values = ", ".join(f"%s::{sql_type(column.rule, prefix)}" for column in table.columns)
        self.insert = f"INSERT INTO {self.name} ({names}) VALUES ({values})"
        self.copy = f"COPY {self.name} ({names}) FROM STDIN (FORMAT BINARY)"
        self.copy_types = [copy_type(column.rule) for column in table.columns]
        changes = ", ".join(f"{column.name} = %s::{sql_type(column.rule, prefix)}" for column in self.changed)
        # One statement also where nothing matches: a second one to tell why could not run behind a failed batch.
        self.update = (
            f"WITH changed AS (UPDATE {self.name} SET {changes}, updated_at = %s "
            f"WHERE {self.locator} AND updated_at = %s RETURNING created_at) "
            f"SELECT (SELECT created_at FROM changed), EXISTS (SELECT 1 FROM {self.name} WHERE {self.locator})"
        )
        self.delete = f"DELETE FROM {self.name} WHERE {self.locator}"
        scope = f"{table.scope} = %s AND " if table.scope else ""
        self.find_many = f"{self.select} WHERE {scope}id = ANY (%s::uuid[])"
        self.versions = f"SELECT id, updated_at, created_at FROM {self.name} WHERE {scope}id = ANY (%s::uuid[])"
        self.update_many = self._update_many(scope)

    def _update_many(self, scope: str) -> str:
        """Columns arrive as arrays; an array of arrays would be flattened, so text arrays arrive as literals."""
        arrays = ["%s::uuid[]", "%s::timestamptz[]"]
        arrays += [f"%s::{_carrier(sql_type(column.rule, self.prefix))}[]" for column in self.changed]
        names = ["row_id", "row_updated_at", *(f"v_{column.name}" for column in self.changed)]
        changes = ", ".join(
            f"{column.name} = v_{column.name}" + ("::text[]" if isinstance(column.rule, TextArray) else "")
            for column in self.changed
        )
        return (
            f"UPDATE {self.name} SET {changes}, updated_at = row_updated_at "
            f"FROM unnest({', '.join(arrays)}) AS given({', '.join(names)}) WHERE {scope}id = row_id"
        )


def _carrier(kind: str) -> str:
    return "text" if kind == "text[]" else kind


@cache
def statements(prefix: str) -> dict[str, Statements]:
    """All tables' statements for one schema, by table name."""
    return {table.name: Statements(table, prefix) for table in TABLES}
