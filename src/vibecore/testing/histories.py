"""Histories: what concurrent transactions read and appended, recorded while they run, for `serialisability.check`.

    history = History()
    attempt = history.begin()
    attempt.read("k", [1, 2])
    attempt.append("k", 3)
    attempt.committed()

Objects are lists that only grow, or sets. Each value is appended to an object once in a whole history, so that a read
tells which transactions it saw. An attempt that is run again after a collision is another transaction, which aborted.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import TypeAlias

Key: TypeAlias = Hashable
Value: TypeAlias = Hashable


class Outcome(StrEnum):
    COMMITTED = "committed"
    ABORTED = "aborted"
    UNKNOWN = "unknown"
    """The COMMIT got no answer: it happened if anybody saw it."""


@dataclass(frozen=True, slots=True)
class Append:
    """`value` was added to the object at `key`."""

    key: Key
    value: Value


@dataclass(frozen=True, slots=True)
class Read:
    """The object at `key` held these values: in this order where it is a list, in none where it is a set."""

    key: Key
    values: tuple[Value, ...]
    ordered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What one transaction did, in its order. `began` and `ended` count moments of the whole history."""

    number: int
    operations: tuple[Append | Read, ...]
    outcome: Outcome
    began: int
    ended: int


class Attempt:
    """A transaction that is under way, in one thread or task."""

    def __init__(self, history: History, number: int, began: int) -> None:
        self._history = history
        self._number = number
        self._began = began
        self._operations: list[Append | Read] = []

    def append(self, key: Key, value: Value) -> None:
        """Before the call that appends: what fails half-way may have been seen."""
        self._operations.append(Append(key, value))

    def read(self, key: Key, values: Iterable[Value], *, ordered: bool = True) -> None:
        """After the call that reads."""
        self._operations.append(Read(key, tuple(values), ordered))

    def committed(self) -> None:
        self._end(Outcome.COMMITTED)

    def aborted(self) -> None:
        self._end(Outcome.ABORTED)

    def unknown(self) -> None:
        self._end(Outcome.UNKNOWN)

    def _end(self, outcome: Outcome) -> None:
        self._history.add(self._number, tuple(self._operations), outcome, self._began)


class History:
    """Transactions of any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moments = count()
        self._numbers = count()
        self._values = count(1)
        self._transactions: list[Transaction] = []

    def begin(self) -> Attempt:
        """A transaction begins now."""
        with self._lock:
            return Attempt(self, next(self._numbers), next(self._moments))

    def value(self) -> int:
        """A value that nobody has appended yet."""
        with self._lock:
            return next(self._values)

    def add(self, number: int, operations: tuple[Append | Read, ...], outcome: Outcome, began: int) -> None:
        """A transaction ends now."""
        with self._lock:
            self._transactions.append(
                Transaction(
                    number=number, operations=operations, outcome=outcome, began=began, ended=next(self._moments)
                )
            )

    @property
    def transactions(self) -> tuple[Transaction, ...]:
        """Those that have ended, as they ended."""
        with self._lock:
            return tuple(self._transactions)
