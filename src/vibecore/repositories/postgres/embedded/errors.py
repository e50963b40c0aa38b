"""What goes wrong with an embedded server.

EmbeddedServerError        (a StoreUnavailable)
├── FolderRefused          the folder cannot be used: not a folder, not ours, not permitted
└── UnknownServerVersion   no binaries of that major version are installed
"""

from __future__ import annotations

from pathlib import Path

from vibecore.domain.errors import StoreUnavailable


class EmbeddedServerError(StoreUnavailable):
    """The embedded server could not be prepared, started, reached or stopped; the text says why."""


class FolderRefused(EmbeddedServerError):
    """`folder` cannot hold an embedded server for the stated `reason`; nothing in it was changed."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"{folder}: {reason}", folder=str(folder), reason=reason)


class UnknownServerVersion(EmbeddedServerError):
    """No binaries of PostgreSQL `version` are installed; `available` lists the major versions that are."""

    def __init__(self, version: int, available: tuple[int, ...]) -> None:
        self.version = version
        self.available = available
        listed = ", ".join(str(major) for major in available)
        super().__init__(
            f"no PostgreSQL {version} among the installed binaries (there are: {listed})",
            version=version,
            available=available,
        )
