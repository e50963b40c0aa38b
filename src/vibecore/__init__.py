"""The data and domain core of a software-engineering platform.

`connect(url)` opens a platform in memory, on a server or on an embedded PostgreSQL, and gives its services.
Importing this package does no work and loads no database library; the names below are fetched on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibecore.aio import connect_async
    from vibecore.bootstrap.connect import connect
    from vibecore.bootstrap.migrations import check, migrate
    from vibecore.bootstrap.settings import Settings

__version__ = "0.1.0"

__all__ = ["Settings", "__version__", "check", "connect", "connect_async", "migrate"]

_HOMES = {
    "Settings": "vibecore.bootstrap.settings",
    "check": "vibecore.bootstrap.migrations",
    "connect": "vibecore.bootstrap.connect",
    "connect_async": "vibecore.aio",
    "migrate": "vibecore.bootstrap.migrations",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
