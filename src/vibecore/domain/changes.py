"""Changes: which fields an update was given, which of them differ, and what of that an audit row tells.

An audit row tells a change in `details`, always in the same three places:

- `changes`: of the row's resource, `{field: [before, after]}`;
- `others`: of further single rows, `{id: {field: [before, after]}}`;
- `rows`: how many rows besides, `{table: {"inserted" | "updated" | "deleted": number}}`; None where all that fitted
  were, uncounted.

A value is told as it is where it is short and harmless. Otherwise an object stands for it: `{"length": 812}` for text,
`{"entries": 3}` for JSON and lists, `{"hidden": true}` for what no trail may hold, which outlives what it tells of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from vibecore.domain import json
from vibecore.domain.rules import Text
from vibecore.domain.schema import Column, Table

Diff: TypeAlias = Mapping[str, object]
"""What changed of one row: field to [before, after]."""
Rows: TypeAlias = dict[str, dict[str, int | None]]
"""How many rows of which table were inserted, updated or deleted."""


class NotGiven(Enum):
    """The default of a field that an update leaves as it is; None is a value."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return self.name


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
LONGEST_TOLD: Final = 1000
"""Characters of a text that is told by value: a path's length. Fields without a limit are told by length alone."""
PERSONAL: Final = frozenset(
    {
        ("users", "email"),
        ("users", "email_key"),
        ("users", "name"),
        ("users", "avatar_url"),
        ("sessions", "ip_address"),
        ("notifications", "title"),
    }
)
"""Who somebody is: a deleted account leaves none of it behind."""
SHOWN_JSON: Final = frozenset({("projects", "tech_stack"), ("api_keys", "permissions")})
"""Documents of names alone, told by value where they are short."""
_UNTOLD: Final = frozenset({"id", "created_at", "updated_at"})


def changes(table: Table[Any], record: object, **fields: object) -> dict[str, Any]:
    """The given fields, in stored form, whose value differs from the record's. InvalidValue names a wrong one."""
    checked = {name: table.column(name).check(value) for name, value in fields.items() if value is not NOT_GIVEN}
    return {name: value for name, value in checked.items() if value != getattr(record, name)}


def diff(table: Table[Any], before: object, after: object) -> dict[str, object]:
    """What an audit row tells of a row's change: each field that differs, with its value before and after.

    None stands for the row before it was made and after it was deleted: then every field that holds something is told.
    Id, scope and the two timestamps of the row are told by the audit row itself.
    """
    found: dict[str, object] = {}
    for column, hidden in _told(table):
        old = None if before is None else getattr(before, column.name)
        new = None if after is None else getattr(after, column.name)
        if old != new and not (before is None and _is_empty(new)) and not (after is None and _is_empty(old)):
            found[column.name] = [_value(table, column, hidden, old), _value(table, column, hidden, new)]
    return found


def others(*diffs: tuple[UUID, Diff]) -> dict[str, object]:
    """The `others` of an audit row, without rows of which nothing differs."""
    return {str(key): told for key, told in diffs if told}


def _told(table: Table[Any]) -> Iterator[tuple[Column, bool]]:
    """The columns that are told, and whether their values are hidden: what `repr` leaves out, no trail holds either."""
    shown = {field.name for field in dataclasses.fields(table.record) if field.repr}
    for column in table.columns:
        if column.name not in _UNTOLD and column.name != table.scope:
            yield column, column.name not in shown or (table.name, column.name) in PERSONAL


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, (Mapping, list, tuple, str)) and not value)


def _value(table: Table[Any], column: Column, hidden: bool, value: object) -> object:
    if value is None:
        return None
    if hidden:
        return {"hidden": True}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value if _is_telling(column, value) else {"length": len(value)}
    assert isinstance(value, (Mapping, list, tuple))
    if (table.name, column.name) in SHOWN_JSON and len(json.dumps(value)) <= LONGEST_TOLD:
        return value
    return {"entries": len(value)}


def _is_telling(column: Column, value: str) -> bool:
    bounded = not isinstance(column.rule, Text) or column.rule.longest is not None
    if not bounded or len(value) > LONGEST_TOLD:
        return False
    return not column.name.endswith("_url") or _is_plain_address(value)


def _is_plain_address(value: str) -> bool:
    """Whether an address has neither user nor password, nor a query: tokens stand there."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return "@" not in value and not parts.query and not parts.fragment
