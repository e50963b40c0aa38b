"""Records for tests: valid, each different from all others, together with the rows that they refer to.

    project = make(tx, PROJECTS, name="engine")     # stored, with an owner
    file = make(tx, FILES, project_id=project.id)   # stored, in that project
    user = build(USERS)                             # not stored

Every field that has no default gets a value of its own; fields in `changes` get theirs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import uuid4

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
from vibecore.domain.schema import NO_DEFAULT, Column, Table
from vibecore.domain.tables import TABLES
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.testing.rows import Rows

R = TypeVar("R")

MOMENT: Final = datetime(2024, 6, 1, 12, tzinfo=UTC)
"""When records are made and changed last, unless told otherwise: before a fixed clock begins."""
_BY_NAME: Final = {table.name: table for table in TABLES}


def build(table: Table[R], **changes: Any) -> R:
    """A record that can be stored where the rows that it refers to exist."""
    values = {column.name: fresh(column.rule) for column in table.columns if column.default is NO_DEFAULT}
    if "email" in values:
        values["email"] = values["email_key"] = f"{values['email']}@example.org"
    return table.record(**{**values, **changes})


def make(tx: UnitOfWork, table: Table[R], **changes: Any) -> R:
    """A stored record; rows that it must refer to and that `changes` does not name are stored first."""
    return Rows(tx, table).insert(prepare(tx, table, **changes))


def prepare(tx: UnitOfWork, table: Table[R], **changes: Any) -> R:
    """As `make`, with the record itself not stored."""
    return build(table, **{**_parents(tx, table, changes), **changes})


def _parents(tx: UnitOfWork, table: Table[Any], given: dict[str, Any]) -> dict[str, Any]:
    """The ids of new rows for the references that `given` leaves open. One scope is shared by all of them."""
    found: dict[str, Any] = {}
    for reference in table.references:
        column = table.by_name[reference.field]
        if reference.field in given or column.nullable:
            continue
        target = _BY_NAME[reference.target]
        known = {**given, **found}
        scope = {target.scope: known[target.scope]} if target.scope in known else {}
        parent: Any = make(tx, target, **scope)
        found[reference.field] = parent.id
    return found


def altered(table: Table[R], record: R) -> R:
    """`record` with another value in one field: one that no constraint concerns, else one that must be unique."""
    fixed = {*table.key, *table.locator, "created_at", "updated_at"}
    fixed.update(reference.field for reference in table.references)
    unique = {field for rule in table.uniques for field in (*rule.fields, rule.only_field or "")}
    free = [column for column in table.columns if column.name not in fixed]
    column = next((column for column in free if column.name not in unique), free[0])
    return changed(record, **{column.name: other(column, getattr(record, column.name))})


def changed(record: R, **changes: Any) -> R:
    """A copy of `record` with `changes`."""
    copy: Any = record
    return replace(copy, **changes)  # type: ignore[no-any-return]


def other(column: Column, value: Any) -> Any:
    """A valid value that differs from `value`."""
    match column.rule:
        case Member(kind=kind) | Choice(kind=kind):
            return next(member for member in kind if member is not value)
        case Integer(low=low):
            start = max(low, 0)
            return start if value != start else start + 1
        case Numeric(low=low):
            return low if value != low else low + Decimal(1)
        case Boolean():
            return not value
        case Timestamp():
            return MOMENT if value != MOMENT else MOMENT + timedelta(seconds=1)
        case Json(root=root):
            return {"other": uuid4().hex} if root is dict else [uuid4().hex]
    return fresh(column.rule)


def fresh(rule: Rule) -> Any:
    """A valid value, different from all others where the rule leaves room."""
    match rule:
        case Uuid():
            return uuid4()
        case Timestamp():
            return MOMENT
        case Text(longest=longest):
            return uuid4().hex[: longest or 32]
        case Member(kind=kind) | Choice(kind=kind):
            return next(iter(kind))
        case Integer(low=low):
            return max(low, 0)
        case Numeric(low=low):
            return low
        case Boolean():
            return False
        case Json(root=root):
            return {} if root is dict else []
        case TextArray():
            return ()
    raise TypeError(f"no value for {rule}")
