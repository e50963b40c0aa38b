"""What every repository in memory is: a set of calls on one transaction."""

from __future__ import annotations

from vibecore.repositories.memory.transaction import Transaction


class Repository:
    """Calls that run on `transaction`, each one statement."""

    __slots__ = ("transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
