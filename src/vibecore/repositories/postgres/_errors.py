"""The only place where a PostgreSQL error becomes a domain error: by SQLSTATE and constraint name, never by its text.

The original error is not chained where its text may quote a row: a failing row holds hashes and addresses.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import psycopg

from vibecore.domain.errors import (
    AlreadyExists,
    MissingReference,
    NotMigrated,
    ReadOnlyTransaction,
    SerializationConflict,
    StoreRejected,
    StoreUnavailable,
    TransactionAborted,
    VibecoreError,
)
from vibecore.domain.schema import Reference, Table, Unique
from vibecore.domain.tables import TABLES

UNIQUE_VIOLATION: Final = "23505"
FOREIGN_KEY_VIOLATIONS: Final = frozenset({"23503", "23001"})
"""PostgreSQL 18 reports what RESTRICT refuses as 23001; 15 to 17 as 23503."""
CONFLICTS: Final = frozenset({"40001", "40P01", "55P03", "42P07"})
"""Collisions and deadlocks; a lock that was not to be had in the time that a setting allows; and, of the one statement
that makes tables, a table that somebody else has just made."""
UNDEFINED: Final = frozenset({"42P01", "42703", "42883", "42704", "3F000"})
CHECK_VIOLATION: Final = "23514"
CANCELED: Final = "57014"
"""A timeout or an administrator ended the statement; the connection is well."""
DEFAULT_PARTITION: Final = "audit_logs_default"
NEEDED_SCHEMA: Final = "head"
_SHARD: Final = re.compile(r'"([a-z_]+?)(?:_\d+)?"')


@cache
def constraints() -> dict[str, tuple[Table[Any], Unique | Reference]]:
    """Every constraint that can fail, by its name."""
    found: dict[str, tuple[Table[Any], Unique | Reference]] = {}
    for table in TABLES:
        rules: list[Unique | Reference] = [table.primary, *table.uniques, *table.references]
        found.update({rule.name: (table, rule) for rule in rules})
    return found


def translate(error: psycopg.Error, *, broken: bool = False) -> VibecoreError:
    """The domain error for `error`; `broken` says that the connection is gone."""
    state = error.sqlstate
    if state in (UNIQUE_VIOLATION, CHECK_VIOLATION) and _met_another_maker(error):
        return SerializationConflict()
    if state == UNIQUE_VIOLATION or state in FOREIGN_KEY_VIOLATIONS:
        return _violation(error, state)
    if state in CONFLICTS:
        return SerializationConflict()
    if state == "25P02":
        return TransactionAborted()
    if state == "25006":
        return ReadOnlyTransaction()
    if state in UNDEFINED:
        return NotMigrated(None, NEEDED_SCHEMA)
    if broken or state is None or state[:2] == "08" or (state[:2] == "57" and state != CANCELED):
        return StoreUnavailable("the database cannot be reached or closed the connection")
    return StoreRejected(state)


def _violation(error: psycopg.Error, state: str) -> VibecoreError:
    found = constraints().get(_constraint_name(error))
    if found is None:
        return StoreRejected(state)
    table, rule = found
    if isinstance(rule, Unique):
        return AlreadyExists(table.kind, rule.name, rule.fields)
    return MissingReference(table.kind, rule.name, rule.field)


def _met_another_maker(error: psycopg.Error) -> bool:
    """Whether a partition could not be made because somebody else makes it, or appended what it would hold: the server
    then reports a unique rule of its catalogue, or its check of the partition for all other months."""
    diag = error.diag
    return diag.schema_name == "pg_catalog" or (diag.constraint_name is None and diag.table_name == DEFAULT_PARTITION)


def _constraint_name(error: psycopg.Error) -> str:
    """The constraint, of the parent table where PostgreSQL names a partition's copy.

    A Citus worker reports no constraint field; there the name in the message is all there is, with the shard's number.
    """
    name = error.diag.constraint_name
    if name is None:
        quoted = [match[1] for match in _SHARD.finditer(error.diag.message_primary or "")]
        return next((candidate for candidate in quoted if candidate in constraints()), "")
    if name not in constraints() and (error.diag.table_name or "").startswith("audit_logs"):
        return "pk_audit_logs"
    return name
