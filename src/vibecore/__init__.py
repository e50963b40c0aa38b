"""The data and domain core of a software-engineering platform.

`connect(url)` opens a platform in memory, on a server or on an embedded PostgreSQL, and gives its services.
Importing this package does no work and loads no database library; the names below are fetched on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibecore.aio import AsyncVibe, connect_async
    from vibecore.bootstrap.connect import connect
    from vibecore.bootstrap.migrations import check, migrate
    from vibecore.bootstrap.settings import Settings
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.domain import errors
    from vibecore.domain.actors import Actor
    from vibecore.domain.deployments import DeploymentStatus
    from vibecore.domain.errors import VibecoreError
    from vibecore.domain.filters import field
    from vibecore.domain.paging import asc, desc
    from vibecore.domain.projects import ProjectStatus, Visibility
    from vibecore.domain.tests import TestType
    from vibecore.domain.users import UserRole

__version__ = "0.1.0"

__all__ = [
    "Actor",
    "AsyncVibe",
    "DeploymentStatus",
    "ProjectStatus",
    "Settings",
    "TestType",
    "UserRole",
    "Vibe",
    "VibecoreError",
    "Visibility",
    "__version__",
    "asc",
    "check",
    "connect",
    "connect_async",
    "desc",
    "errors",
    "field",
    "migrate",
]

_HOMES = {
    "Actor": "vibecore.domain.actors",
    "AsyncVibe": "vibecore.aio",
    "DeploymentStatus": "vibecore.domain.deployments",
    "ProjectStatus": "vibecore.domain.projects",
    "Settings": "vibecore.bootstrap.settings",
    "TestType": "vibecore.domain.tests",
    "UserRole": "vibecore.domain.users",
    "Vibe": "vibecore.bootstrap.vibe",
    "VibecoreError": "vibecore.domain.errors",
    "Visibility": "vibecore.domain.projects",
    "asc": "vibecore.domain.paging",
    "check": "vibecore.bootstrap.migrations",
    "connect": "vibecore.bootstrap.connect",
    "connect_async": "vibecore.aio",
    "desc": "vibecore.domain.paging",
    "errors": "vibecore.domain",
    "field": "vibecore.domain.filters",
    "migrate": "vibecore.bootstrap.migrations",
}
"""Where each public name lives."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = import_module(f"{home}.{name}") if name == "errors" else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
