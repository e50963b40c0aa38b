"""The committed state of one database, shared by all that work on it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from vibecore.repositories.memory.merge import Log, replay
from vibecore.repositories.memory.reads import Reads
from vibecore.repositories.memory.state import Root, empty


class Epoch:
    """The time between two resets, as an identity."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A committed state and the epoch it belongs to."""

    root: Root
    epoch: Epoch


class Database:
    """Where units of work begin and where their writes arrive, one at a time."""

    def __init__(self, root: Root | None = None) -> None:
        self.head = Head(empty() if root is None else root, Epoch())
        # Held by a statement that decides, which then commits.
        self._lock = threading.RLock()

    def hold(self) -> None:
        """Let nobody else commit until `release`."""
        self._lock.acquire()

    def release(self) -> None:
        self._lock.release()

    def commit(self, base: Head, root: Root, log: Log, reads: Reads) -> bool:
        """Make the step from `base` to `root` permanent. False, and nothing was written, where it no longer fits.

        True means that the unit of work might as well have run as a whole at this moment: what it read is unchanged,
        and its writes keep every constraint beside those of the others.
        """
        with self._lock:
            head = self.head
            if head is base:
                self.head = Head(root, base.epoch)
                return True
            if head.epoch is not base.epoch or not reads.still_hold(base.root, head.root):
                return False
            merged = replay(log, base.root, root, head.root)
            if merged is None:
                return False
            self.head = Head(merged, head.epoch)
            return True

    def reset(self) -> None:
        """Remove everything. What is open keeps what it sees, and cannot commit writes."""
        with self._lock:
            self.head = Head(empty(), Epoch())

    def fork(self) -> Database:
        """Another database with the same committed state; neither sees what the other does from now on."""
        return Database(self.head.root)
