"""Throttles: tries that are counted where they are decided, in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from vibecore.domain.throttles import Limit, Taken, Throttle
from vibecore.repositories.tables import Roots


class Throttles(Roots[Throttle], Protocol):
    """The calls below are the writes that `Mode.SINGLE` accepts; a unit in `Mode.WRITE` takes them too."""

    def take(self, id: UUID, limit: Limit, /) -> Taken:
        """Let a try through and count it, or refuse it and change nothing.

        One statement decides and writes: of tries that come at once, from however many processes, no more are let
        through than `limit` has room for. `retry_at` of a refusal is as of the statement's start.
        """
        ...

    def refund(self, id: UUID, limit: Limit, /) -> None:
        """Give back one try that was let through; no effect where nothing is counted."""
        ...

    def forget(self, id: UUID, /) -> bool:
        """Remove what is counted, so that the whole burst is there again; whether there was anything."""
        ...

    def purge(self, moment: datetime, most: int | None = None, /) -> int:
        """Remove in one statement all that were `available_at` before `moment`; how many.

        Spared are those with at least `most` tries, which only `forget` makes anew. A throttle that is taken meanwhile
        stays. InvalidValue for a `most` below 1.
        """
        ...
