"""Arguments of repository calls: checked once for both backends, so that their errors are equal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from vibecore.domain import filters
from vibecore.domain.errors import InvalidValue
from vibecore.domain.filters import Filter
from vibecore.domain.paging import MAX_LIMIT, Cursors, Listing
from vibecore.domain.paths import MAX_PATH_BYTES, MAX_PATH_LENGTH, is_within, name_of
from vibecore.domain.rules import LATEST, Integer, Timestamp, Uuid
from vibecore.domain.schema import Table
from vibecore.domain.searches import Search
from vibecore.domain.throttles import Limit

R = TypeVar("R")
TICK: Final = timedelta(microseconds=1)
MOST_DAYS: Final = 1_000_000
"""An age in days counts up to this one; no storable moment is older."""
_UUID: Final = Uuid()
_MOMENT: Final = Timestamp()
_DAYS: Final = Integer(low=0)
_NUMBER: Final = Integer()
_LINES: Final = Integer(low=0, high=MAX_LIMIT)
_MOST: Final = Integer(low=1)


def uuid(field: str, value: object) -> UUID:
    """`value`, if it is a UUID."""
    return value if type(value) is UUID else _UUID.check(field, value)


def optional_uuid(field: str, value: object) -> UUID | None:
    """`value`, if it is a UUID or None."""
    return None if value is None else uuid(field, value)


def locator(table: Table[Any], key: tuple[object, ...]) -> tuple[UUID, ...]:
    """The scope (where the table has one) and the id that address a row."""
    return tuple(uuid(field, value) for field, value in zip(table.locator, key, strict=True))


def scope(table: Table[Any], value: object) -> UUID:
    """The scope that a listing of a child table stays in."""
    assert table.scope is not None
    return uuid(table.scope, value)


def limit(value: object, now: datetime) -> Limit:
    """A Limit, whose figures were checked when it was made, and which ends before time does."""
    if type(value) is not Limit:
        raise InvalidValue("limit", f"must be a Limit, not {type(value).__name__}")
    if value.interval * value.burst > LATEST - now:
        raise InvalidValue("limit", f"goes beyond {LATEST:%Y-%m-%d}")
    return value


def ids(values: Iterable[object]) -> list[UUID]:
    """Each id once, in the order of its first appearance."""
    return list(dict.fromkeys(uuid("id", value) for value in _iterable("id", values)))


def text(table: Table[Any], column: str, value: object) -> str:
    """A text to look for in `column`. It may be one that could not be stored, unless no database can take it."""
    found: str = table.by_name[column].rule.literal(column, value)
    return found


def texts(table: Table[Any], column: str, values: Iterable[object]) -> list[str]:
    """Each text to look for in `column` once, in order. One text is refused: its characters cannot be meant."""
    if isinstance(values, str):
        raise InvalidValue(column, "must be a list of texts, not str")
    return list(dict.fromkeys(text(table, column, value) for value in _iterable(column, values)))


def stored(table: Table[Any], column: str, value: object) -> Any:
    """`value` as it can stand in `column`."""
    return table.by_name[column].check(value)


def records(table: Table[R], values: Iterable[R]) -> list[R]:
    """The records in their stored form, in order."""
    return [table.checked(value) for value in _iterable(table.kind, values)]


def changes(table: Table[Any], values: Sequence[R]) -> list[R]:
    """What `update_many` takes: records of one scope, each key once, none with the last `updated_at` there is."""
    found: list[Any] = records(table, values)
    seen: set[UUID] = set()
    for record in found:
        if table.scope is not None and getattr(record, table.scope) != getattr(found[0], table.scope):
            raise InvalidValue(table.scope, "differs within the batch")
        if record.id in seen:
            raise InvalidValue("id", "is given twice")
        seen.add(record.id)
        next_version(record.updated_at, record.updated_at)
    return found


def next_version(now: datetime, updated_at: datetime) -> datetime:
    """The `updated_at` that follows `updated_at` in a unit of work whose time is `now`."""
    return now if now > updated_at else _MOMENT.check("updated_at", updated_at + TICK)


def condition(table: Table[Any], where: Filter) -> Filter:
    """A filter that must be there: removing every row is never what a missing one means."""
    found = filters.checked(table, where)
    if found is None:
        raise InvalidValue("where", "is missing")
    return found


def moment(value: object) -> datetime:
    """A moment as it could be stored."""
    return _MOMENT.check("moment", value)


def optional_most(value: object) -> int | None:
    """A number of tries, from 1, or None."""
    return None if value is None else _MOST.check("most", value)


def number(field: str, value: object) -> int:
    """A number of 32 bits."""
    return _NUMBER.check(field, value)


def most_lines(value: object) -> int:
    """How many lines to read, from 0."""
    return _LINES.check("limit", value)


def days(value: object) -> int:
    """An age in whole days, from 0."""
    return _DAYS.check("days", value)


def cutoff(now: datetime, age: int) -> datetime | None:
    """The moment `age` days of 24 hours before `now`; None where it lies before all that can be stored."""
    try:
        return now - timedelta(days=min(age, MOST_DAYS))
    except OverflowError:
        return None


def below(folder: str) -> str:
    """What every path within `folder` starts with."""
    return folder + "/"


def moved(column: str, path: str, source: str, target: str) -> str:
    """`path`, which is `source` or lies within it, once `source` is called `target`; InvalidValue names `column`."""
    assert path == source or is_within(path, source)
    result = target + path[len(source) :]
    if len(result) > MAX_PATH_LENGTH or len(result) * 4 > MAX_PATH_BYTES < len(result.encode()):
        raise too_long(column)
    return result


def too_long(column: str) -> InvalidValue:
    """The error for a move that would give some path more than a path can have."""
    return InvalidValue(
        column, f"would be longer than {MAX_PATH_LENGTH} characters or {MAX_PATH_BYTES} bytes of UTF-8 after the move"
    )


def target(table: Table[Any], value: object) -> str:
    """The path of a moved file and, as its last segment, a name that can be stored."""
    path: str = stored(table, "path", value)
    stored(table, "name", name_of(path))
    return path


def children(
    cursors: Cursors, table: Table[Any], project_id: object, folder: str | None, limit: int, cursor: str | None
) -> Listing:
    """The listing of what a folder holds; its cursors are this folder's."""
    project = uuid("project_id", project_id)
    held = None if folder is None else text(table, "path", folder)
    return cursors.listing(table, project, None, "name", limit, cursor, context=f"children of {held!r}")


def search(
    cursors: Cursors, table: Table[Any], project_id: object, asked: object, limit: int, cursor: str | None
) -> Listing:
    """The listing of what a search may find; its cursors are this search's."""
    project = uuid("project_id", project_id)
    if type(asked) is not Search:
        raise InvalidValue("search", f"must be a Search, not {type(asked).__name__}")
    if asked.folder is not None:
        text(table, "path", asked.folder)
    return cursors.listing(table, project, None, "path", limit, cursor, context=repr(asked))


def count(value: object) -> int:
    """How many rows are asked for, from 0."""
    return _DAYS.check("limit", value)


def _iterable(field: str, values: Any) -> Iterable[Any]:
    if not isinstance(values, Iterable):
        raise InvalidValue(field, f"must be a list, not {type(values).__name__}")
    return values
