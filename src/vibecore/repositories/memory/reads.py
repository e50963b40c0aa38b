"""What a unit of work has read: places, whose contents at its beginning are compared with those at its commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.tables import TABLES
from vibecore.repositories.memory.layout import Key
from vibecore.repositories.memory.state import Root, TableState

APPEND_ONLY: Final = frozenset(position for position, table in enumerate(TABLES) if table is AUDIT_LOGS)
"""Tables whose scans are not compared: nothing in them changes, and no rule is decided by what they lack.

A denial inside a transaction leaves its audit row from a unit of work of its own; a transaction that has scanned the
trail, as a refresh of the statistics does, would collide with its own denials each time. A server sees one dependency
there and lets it pass.
"""


class Reads:
    """Places that were read, by the position of their table (and the place of the index within it)."""

    __slots__ = ("buckets", "existence", "points", "scans", "uniques")

    def __init__(self, places: Callable[[], set[Key]] = set) -> None:
        self.points: defaultdict[int, set[Key]] = defaultdict(places)
        """Rows: any change matters, absence too."""
        self.existence: defaultdict[int, set[Key]] = defaultdict(places)
        """Rows of which only was asked whether they exist: what a foreign key asks."""
        self.uniques: defaultdict[tuple[int, int], set[Key]] = defaultdict(places)
        """Keys of a unique constraint: who holds them."""
        self.buckets: defaultdict[tuple[int, int], set[Key]] = defaultdict(places)
        """Whole buckets."""
        self.scans: defaultdict[int, set[Key]] = defaultdict(places)
        """Whole tables: the set is not empty."""

    def still_hold(self, before: Root, now: Root) -> bool:
        """Whether every place has the same content in both states, so that the reads could have happened now."""
        changed = [after is not old for old, after in zip(before, now, strict=True)]
        return (
            not any(keys and changed[at] and at not in APPEND_ONLY for at, keys in self.scans.items())
            and all(_same_rows(before[at], now[at], keys) for at, keys in self.points.items() if changed[at])
            and all(_same_existence(before[at], now[at], keys) for at, keys in self.existence.items() if changed[at])
            and all(
                _same_holders(before[at], now[at], place, keys)
                for (at, place), keys in self.uniques.items()
                if changed[at]
            )
            and all(
                _same_buckets(before[at], now[at], place, keys)
                for (at, place), keys in self.buckets.items()
                if changed[at]
            )
        )


class Untracked(set[Key]):
    """The places of a unit of work that will never be compared."""

    __slots__ = ()

    def add(self, key: Key, /) -> None:
        """Forget it."""


def untracked() -> Reads:
    """For units of work that read one snapshot and write nothing: nothing they read can be outdated."""
    return Reads(Untracked)


def _same_rows(before: TableState, now: TableState, keys: set[Key]) -> bool:
    old, new = before.rows.get, now.rows.get
    return all(old(key) is new(key) for key in keys)


def _same_existence(before: TableState, now: TableState, keys: set[Key]) -> bool:
    old, new = before.rows.get, now.rows.get
    return all((old(key) is None) is (new(key) is None) for key in keys)


def _same_holders(before: TableState, now: TableState, place: int, keys: set[Key]) -> bool:
    old, new = before.uniques[place].get, now.uniques[place].get
    return all(old(key) == new(key) for key in keys)


def _same_buckets(before: TableState, now: TableState, place: int, keys: set[Key]) -> bool:
    old, new = before.buckets[place].get, now.buckets[place].get
    return all(old(key) is new(key) for key in keys)
