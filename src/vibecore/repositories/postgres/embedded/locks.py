"""File locks that the kernel drops when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from vibecore.repositories.postgres.embedded.account import Owner

_held: set[FileLock] = set()
_watching_forks = False


class FileLock:
    """An exclusive lock on a file, held until `release` or the death of every process that has the descriptor.

    A fork does not share it: the child closes its copy. Only a program started with `pass_fds=(lock.fd,)` holds it too.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd

    def release(self) -> None:
        """Let go of the lock here; a program that inherited the descriptor keeps it."""
        if self in _held:
            _held.discard(self)
            os.close(self.fd)

    def in_place(self) -> bool:
        """Whether the locked file is still the one at `path`."""
        try:
            return os.path.samestat(os.fstat(self.fd), self.path.lstat())
        except FileNotFoundError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(path: Path, owner: Owner) -> FileLock:
    """Wait for the lock; the file is made for `owner` where it is missing."""
    return _take(path, owner, fcntl.LOCK_EX)


def try_acquire(path: Path, owner: Owner) -> FileLock | None:
    """The lock, or None while another holder lives; the file is made for `owner` where it is missing."""
    try:
        return _take(path, owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _take(path: Path, owner: Owner, operation: int) -> FileLock:
    _watch_forks()
    lock = FileLock(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    _held.add(lock)
    try:
        owner.own(lock.fd)
        fcntl.flock(lock.fd, operation)
    except BaseException:
        lock.release()
        raise
    return lock


def _watch_forks() -> None:
    global _watching_forks
    if not _watching_forks:
        _watching_forks = True
        os.register_at_fork(after_in_child=_close_inherited)


def _close_inherited() -> None:
    # A lock belongs to the open file, which a fork shares: without this a child would keep its parent's lock.
    for lock in _held:
        os.close(lock.fd)
    _held.clear()
