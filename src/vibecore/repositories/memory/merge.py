"""Bringing the writes of a unit of work onto a state that others have changed since it began."""

from __future__ import annotations

from collections.abc import Iterable

from vibecore.repositories.memory.layout import MATERIALIZED, Key, Layout, layouts
from vibecore.repositories.memory.state import Change, Root, TableState, change, replaced

Log = Iterable[tuple[int, Key]]
"""Rows that were written, by position and key; some of them may have been undone since."""


def net_changes(log: Log, before: Root, after: Root) -> dict[int, list[Change]]:
    """What `after` has that `before` has not, by position, among the rows of `log`."""
    found: dict[int, list[Change]] = {}
    for position, key in dict.fromkeys(log):
        old, new = before[position].rows.get(key), after[position].rows.get(key)
        if old is not new:
            found.setdefault(position, []).append((old, new))
    return found


def replay(log: Log, before: Root, after: Root, now: Root) -> Root | None:
    """`now` with the writes that led from `before` to `after`; None if it does not admit them.

    It does not where a written row has changed, a unique key is taken, or a reference would name nothing.
    """
    changes = net_changes(log, before, after)
    result = now
    for position, rows in changes.items():
        if position == MATERIALIZED:
            if now[position] is not before[position]:
                return None
            result = replaced(result, position, after[position])
            continue
        layout = layouts()[position]
        if not (_unchanged(now[position], layout, rows) and _free(now[position], layout, rows)):
            return None
        result = replaced(result, position, change(now[position], layout, rows))
    tables = [(layouts()[position], rows) for position, rows in changes.items() if position != MATERIALIZED]
    return result if all(_references_hold(result, layout, rows) for layout, rows in tables) else None


def _unchanged(state: TableState, layout: Layout, rows: list[Change]) -> bool:
    return all(state.rows.get(layout.key(new if old is None else old)) is old for old, new in rows)


def _free(state: TableState, layout: Layout, rows: list[Change]) -> bool:
    for place, index in enumerate(layout.uniques):
        freed = {index.key(old) for old, _ in rows if old is not None}
        taken = state.uniques[place]
        for _, new in rows:
            key = None if new is None else index.key(new)
            if key is not None and key not in freed and taken.get(key) is not None:
                return False
    return True


def _references_hold(root: Root, layout: Layout, rows: list[Change]) -> bool:
    """Whether what was written names rows that exist, and nothing names what was removed."""
    for old, new in rows:
        if new is None:
            key = layout.key(old)
            if any(root[who.position].buckets[who.bucket].get(key) is not None for who in layout.referrers):
                return False
            continue
        for check in layout.references:
            key = check.key(new)
            if key is not None and root[check.target].rows.get(key) is None:
                return False
    return True
