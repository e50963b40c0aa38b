"""A private PostgreSQL server kept in a folder, from the binaries of the extra `embedded`; see docs/embedded.md."""

from __future__ import annotations

from vibecore.repositories.postgres.embedded.binaries import DEFAULT_VERSION, available_versions
from vibecore.repositories.postgres.embedded.errors import (
    EmbeddedServerError,
    FolderRefused,
    UnknownServerVersion,
)
from vibecore.repositories.postgres.embedded.server import Server, start

__all__ = [
    "DEFAULT_VERSION",
    "EmbeddedServerError",
    "FolderRefused",
    "Server",
    "UnknownServerVersion",
    "available_versions",
    "start",
]
