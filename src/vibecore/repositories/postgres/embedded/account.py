"""Who the server runs as: PostgreSQL refuses root, so root lends it an unprivileged account."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from vibecore.repositories.postgres.embedded.errors import EmbeddedServerError, FolderRefused

# In this order, for a folder that belongs to root; any other folder is served as its owner.
_ACCOUNTS = ("vibecore", "postgres", "nobody")
_DAC_READ_SEARCH = 2
# What root needs to lend an account and to work beside it; the bits of the kernel's capability sets.
_LENDING = {"chown": 0, "dac_override": 1, "kill": 5, "setgid": 6, "setuid": 7}


class SpawnOptions(TypedDict, total=False):
    """The arguments of `subprocess` that switch the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The account that owns the folder and runs the server; `lent` when root acts for it."""

    uid: int
    gid: int
    lent: bool

    def own(self, target: int | Path) -> None:
        """Hand a file that root made to this account; nothing to do for an ordinary user."""
        if self.lent:
            os.chown(target, self.uid, self.gid, follow_symlinks=isinstance(target, int))

    def command(self, argv: Sequence[str], needed: Iterable[Path]) -> tuple[list[str], SpawnOptions]:
        """How to run a program as this account when it must reach the `needed` paths.

        Raises EmbeddedServerError when a folder or file on the way is closed to the account and the system
        offers no way to let it pass.
        """
        if not self.lent:
            return list(argv), {}
        obstacles = self._obstacles(needed)
        if obstacles:
            return [*self._capable(obstacles), *argv], {}
        return list(argv), {"user": self.uid, "group": self.gid, "extra_groups": []}

    def _obstacles(self, needed: Iterable[Path]) -> list[Path]:
        """The folders that the account may not traverse and the files it may not read, judged by permission bits."""
        steps = dict.fromkeys(step for path in needed for step in (*reversed(path.parents), path))
        return [step for step in steps if not self._permitted(step)]

    def _permitted(self, path: Path) -> bool:
        facts = path.stat()
        if facts.st_uid == self.uid:
            shift = 6
        elif facts.st_gid == self.gid:
            shift = 3
        else:
            shift = 0
        mode = facts.st_mode >> shift
        if stat.S_ISDIR(facts.st_mode):
            return bool(mode & stat.S_IXOTH)
        executable = facts.st_mode & stat.S_IXUSR
        return bool(mode & stat.S_IROTH) and (not executable or bool(mode & stat.S_IXOTH))

    def _capable(self, obstacles: Sequence[Path]) -> list[str]:
        """A prefix that drops to the account but keeps the one capability that passes the obstacles.

        It matters because root's home is closed to others on most systems, and both the data folder and the Python
        environment may lie below it. Changing permissions on folders that are not ours would be worse.
        """
        program = shutil.which("setpriv")
        if program is None:
            raise EmbeddedServerError(
                f"PostgreSQL does not run as root and the account {_name(self.uid)} cannot reach {obstacles[0]}: "
                "open it with `chmod o+x`, use a folder elsewhere, or run as an ordinary user"
            )
        # The weaker one passes closed folders; it does not let a closed program run, and containers withhold it.
        searching = all(step.is_dir() for step in obstacles) and _effective_capabilities() >> _DAC_READ_SEARCH & 1
        kept = f"-all,+{'dac_read_search' if searching else 'dac_override'}"
        switch = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        return [program, *switch, f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"]


def owner_of(folder: Path) -> Owner:
    """The account for an existing folder.

    An ordinary user serves only folders of their own. Root serves a folder as its owner, and its own folders as
    the first that exists of the accounts vibecore, postgres and nobody. Raises FolderRefused, EmbeddedServerError.
    """
    facts = folder.stat()
    if os.geteuid() == 0:
        return _lent(facts.st_uid, facts.st_gid)
    if facts.st_uid != os.geteuid():
        raise FolderRefused(folder, f"belongs to {_name(facts.st_uid)}, not to you")
    return Owner(uid=os.geteuid(), gid=os.getegid(), lent=False)


def _lent(uid: int, gid: int) -> Owner:
    """The account that root lends to a folder of this owner."""
    if sys.platform == "linux":
        effective = _effective_capabilities()
        missing = [name for name, bit in _LENDING.items() if not effective >> bit & 1]
        if missing:
            raise EmbeddedServerError(
                "PostgreSQL does not run as root, and to lend it an account root lacks the capabilities "
                f"{', '.join(missing)}: run as an ordinary user"
            )
    if uid != 0:
        return Owner(uid=uid, gid=gid, lent=True)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(uid=entry.pw_uid, gid=entry.pw_gid, lent=True)
    raise EmbeddedServerError(
        f"PostgreSQL does not run as root and none of the accounts {', '.join(_ACCOUNTS)} exists: create one of them"
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"with user id {uid}"


def _effective_capabilities() -> int:
    """The capability set of this process as bits; none where the system has no such thing."""
    if sys.platform != "linux":
        return 0
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
