"""Which processes use a folder's server: one file each, named after the process id and locked while it lives.

The lock, not the process id, says that a user lives. A process id can be given to another process, belongs to a zombie,
or means nothing in another container; the kernel drops a lock in the moment its holder dies.
Every function here expects the caller to hold the folder's lock.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from vibecore.repositories.postgres.embedded.account import Owner
from vibecore.repositories.postgres.embedded.locks import FileLock, acquire, try_acquire

_ENTRY = re.compile(r"(\d+)-[0-9a-f]{8}")


def register(registry: Path, owner: Owner) -> FileLock:
    """Add this process; it counts as a user until `unregister` or its death."""
    return acquire(registry / f"{os.getpid()}-{secrets.token_hex(4)}", owner)


def unregister(entry: FileLock) -> None:
    """Take this process out of the registry."""
    entry.path.unlink(missing_ok=True)
    entry.release()


def living(registry: Path, owner: Owner) -> tuple[int, ...]:
    """The process ids of the users that live, ascending; entries of the dead are removed."""
    alive = []
    for path in registry.iterdir():
        entry = _ENTRY.fullmatch(path.name)
        if entry is None:
            continue
        probe = try_acquire(path, owner)
        if probe is None:
            alive.append(int(entry.group(1)))
        else:
            unregister(probe)
    return tuple(sorted(alive))
