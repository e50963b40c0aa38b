"""Batches in memory: calls run at once, their results appear when the batch is left."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from vibecore.domain.errors import TransactionError
from vibecore.repositories.memory.repository import Repository
from vibecore.repositories.memory.transaction import Transaction
from vibecore.repositories.unit_of_work import Pending

P = ParamSpec("P")
T = TypeVar("T")
ALONE: Final = frozenset({"stream", "insert_many", "update_many", "upsert"})
"""Calls that are several statements on a server, each needing the answer to the one before."""


class MemoryBatch:
    """See `vibecore.repositories.unit_of_work.Batch`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._open = False
        self._results: list[tuple[Pending[Any], Any]] = []

    def add(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        owner = getattr(call, "__self__", None)
        if not isinstance(owner, Repository) or owner.transaction is not self._transaction:
            raise TransactionError("only calls of this unit of work's own repositories can be part of a batch")
        name = getattr(call, "__name__", "")
        if name in ALONE:
            raise TransactionError(f"{name} cannot be part of a batch")
        if not self._open:
            raise TransactionError("the batch is not open")
        pending: Pending[T] = Pending()
        self._results.append((pending, self._transaction.in_batch(call, *args, **kwargs)))
        return pending

    def __enter__(self) -> MemoryBatch:
        self._transaction.start_batch()
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self._open = False
        self._transaction.end_batch()
        if error is None:
            self._transaction.check()
            for pending, value in self._results:
                pending.resolve(value)
        else:
            self._transaction.fail_batch()
