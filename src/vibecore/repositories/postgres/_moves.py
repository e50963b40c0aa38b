"""Giving a subtree of paths another root, as one statement that refuses before it writes."""

from __future__ import annotations

from typing import Any, Final

from vibecore.domain.paths import MAX_PATH_BYTES, MAX_PATH_LENGTH
from vibecore.repositories import arguments
from vibecore.repositories.postgres._wire import Result

LIMITS: Final = (MAX_PATH_LENGTH, MAX_PATH_BYTES)
"""Characters and UTF-8 bytes that a path may have."""

INSIDE: Final = "({column} = %s OR {column} >= %s AND {column} < %s)"
"""At a path, or below it: `/` is followed by `0` in code point order, so that the range is an index's."""

NEXT_TICK: Final = (
    "greatest(%s::timestamptz, (updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') AT TIME ZONE 'UTC')"
)
"""max(tx.now, updated_at + 1 µs) by immutable functions only, as a sharded table needs."""


def inside(column: str, path: str) -> tuple[str, list[Any]]:
    """The condition that `column` is `path` or below it, and its parameters."""
    return INSIDE.format(column=column), [path, path + "/", path + "0"]


def moved(column: str, source: str, target: str) -> tuple[str, list[Any]]:
    """The expression for the path that `column` has after the move, and its parameters."""
    return f"%s::text || substr({column}, %s::integer)", [target, len(source) + 1]


def check_limits(column: str, result: Result) -> None:
    """InvalidValue where the longest new path breaks the limits; the row begins with its characters and bytes."""
    if (result.rows[0][0] or 0) > MAX_PATH_LENGTH or (result.rows[0][1] or 0) > MAX_PATH_BYTES:
        raise arguments.too_long(column)
