"""Where the async face is tested: every backend by a URL of its own, a server where only a server can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vibecore.testing.backends import Backend, Backends, PostgresBackend


@contextmanager
def address(backend: Backend) -> Iterator[str]:
    """The URL of an empty installation."""
    if isinstance(backend, PostgresBackend):
        with backend.database() as database:
            yield database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    else:
        yield "memory://"


def server_of(backends: Backends) -> PostgresBackend:
    server = backends["postgres18"]
    assert isinstance(server, PostgresBackend)
    return server


@pytest.fixture
def url(backend: Backend) -> Iterator[str]:
    """An empty installation, on each backend in turn."""
    with address(backend) as url:
        yield url


@pytest.fixture
def server_url(vibe_backends: Backends) -> Iterator[str]:
    """An empty, migrated database on a server."""
    with address(server_of(vibe_backends)) as url:
        yield url


@pytest.fixture
def bare_url(vibe_backends: Backends) -> str:
    """A database that was never migrated."""
    return server_of(vibe_backends).fresh_url(migrated=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small source tree."""
    root = tmp_path / "source"
    (root / "package").mkdir(parents=True)
    (root / "package" / "__init__.py").write_text("")
    (root / "package" / "engine.py").write_text("def start(speed):\n    return speed\n")
    (root / "README.md").write_text("# engine\n")
    return root
