"""Throttles in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from vibecore.domain.rules import INT_MAX, LATEST
from vibecore.domain.throttles import Limit, Taken, Throttle, is_allowed, refused
from vibecore.repositories import arguments
from vibecore.repositories.memory import writes
from vibecore.repositories.memory.tables import MemoryRoots


class MemoryThrottles(MemoryRoots[Throttle]):
    """See `vibecore.repositories.throttles.Throttles`."""

    __slots__ = ()

    def take(self, id: UUID, limit: Limit, /) -> Taken:
        tx = self.transaction
        with tx.deciding() as root:
            key = arguments.uuid("id", id)
            asked = arguments.limit(limit, tx.now)
            state: Throttle | None = self._locate(root, (key,))
            if state is None:
                first = tx.now + asked.interval
                new = Throttle(id=key, available_at=first, tries=1, created_at=tx.now, updated_at=tx.now)
                tx.put(self._layout, None, new)
            elif is_allowed(state, asked, tx.now):
                self._move(state, max(state.available_at, tx.now) + asked.interval, min(state.tries, INT_MAX - 1) + 1)
            else:
                return refused(state, asked, tx.now)
            return Taken(True)

    def refund(self, id: UUID, limit: Limit, /) -> None:
        tx = self.transaction
        with tx.deciding() as root:
            key = arguments.uuid("id", id)
            asked = arguments.limit(limit, tx.now)
            state: Throttle | None = self._locate(root, (key,))
            if state is not None:
                ahead = state.available_at > tx.now
                self._move(
                    state,
                    max(state.available_at - asked.interval, tx.now) if ahead else state.available_at,
                    max(state.tries - 1, 0),
                )

    def forget(self, id: UUID, /) -> bool:
        with self.transaction.deciding() as root:
            state: Throttle | None = self._locate(root, (arguments.uuid("id", id),))
            if state is not None:
                writes.delete(self.transaction, self._layout, [state])
            return state is not None

    def purge(self, moment: datetime, most: int | None = None, /) -> int:
        with self.transaction.deciding() as root:
            end, enough = arguments.moment(moment), arguments.optional_most(most)
            rows: Sequence[Throttle] = self._records(root, None)
            gone = [row for row in rows if row.available_at < end and (enough is None or row.tries < enough)]
            writes.delete(self.transaction, self._layout, gone)
            return len(gone)

    def _move(self, state: Throttle, available_at: datetime, tries: int) -> None:
        tx = self.transaction
        updated_at = max(tx.now, min(state.updated_at + arguments.TICK, LATEST))
        tx.put(self._layout, state, replace(state, available_at=available_at, tries=tries, updated_at=updated_at))
