"""Changes: which fields an update was given, which of them differ, and what of that an audit row tells."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from vibecore.domain.schema import Table


class NotGiven(Enum):
    """The default of a field that an update leaves as it is; None is a value."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return self.name


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
_LONGEST_TOLD: Final = 255


def changes(table: Table[Any], record: object, **fields: object) -> dict[str, Any]:
    """The given fields, in stored form, whose value differs from the record's. InvalidValue names a wrong one."""
    checked = {name: table.column(name).check(value) for name, value in fields.items() if value is not NOT_GIVEN}
    return {name: value for name, value in checked.items() if value != getattr(record, name)}


def told(record: object, changed: dict[str, Any], *, values: Iterable[str] = ()) -> dict[str, object]:
    """Audit details of a change: the names of the fields, and old and new value of those in `values` if short."""
    details: dict[str, object] = {"fields": sorted(changed)}
    short = {name: (getattr(record, name), changed[name]) for name in values if name in changed}
    shown = {name: pair for name, pair in short.items() if all(_is_short(value) for value in pair)}
    if shown:
        details["before"] = {name: _plain(old) for name, (old, _) in shown.items()}
        details["after"] = {name: _plain(new) for name, (_, new) in shown.items()}
    return details


def _is_short(value: object) -> bool:
    return isinstance(value, (bool, int, Enum, type(None))) or (isinstance(value, str) and len(value) <= _LONGEST_TOLD)


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
