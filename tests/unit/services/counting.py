"""A store that counts the round trips of what is done on it, as a network would feel them."""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any, Final, Self

from vibecore.repositories.memory.store import MemoryStore
from vibecore.repositories.unit_of_work import Mode

NO_REPOSITORIES: Final = frozenset({"now", "rollback", "savepoint"})
"""What a unit of work has beside its repositories, its batches and its commit."""


class CountingStore:
    """A store that counts what would travel: each call alone, each batch, each commit; and the units that are open."""

    joined = False

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.trips = 0
        self.open = 0

    def begin(self, mode: Mode = Mode.WRITE) -> CountingUnit:
        return CountingUnit(self, self._store.begin(mode))


class CountingUnit:
    def __init__(self, store: CountingStore, tx: Any) -> None:
        self._store = store
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        return found if name in NO_REPOSITORIES else CountingRepository(self._store, found)

    def batch(self) -> CountingBatch:
        self._store.trips += 1
        return CountingBatch(self._tx.batch())

    def commit(self) -> None:
        self._store.trips += 1
        self._tx.commit()

    def __enter__(self) -> Self:
        self._store.open += 1
        self._tx.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._store.open -= 1
        self._tx.__exit__(kind, error, traceback)


class CountingRepository:
    def __init__(self, store: CountingStore, repository: Any) -> None:
        self._store = store
        self._repository = repository

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._repository, name)

        @functools.wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._store.trips += 1
            return call(*args, **kwargs)

        return counted


class CountingBatch:
    def __init__(self, batch: Any) -> None:
        self._manager = batch

    def __enter__(self) -> Self:
        self._batch = self._manager.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        return self._manager.__exit__(kind, error, traceback)

    def add(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        return self._batch.add(call.__wrapped__, *args, **kwargs)
