"""Where the async face is tested: every backend by a URL of its own, a server where only a server can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from vibecore.testing.backends import Backend, Backends, PostgresBackend


@pytest.fixture
def url(backend: Backend) -> str:
    """An empty installation, on each backend in turn."""
    return backend.fresh_url() if isinstance(backend, PostgresBackend) else "memory://"


@pytest.fixture
def server_url(vibe_backends: Backends) -> str:
    """An empty, migrated database on a server."""
    server = vibe_backends["postgres18"]
    assert isinstance(server, PostgresBackend)
    return server.fresh_url()


@pytest.fixture
def bare_url(vibe_backends: Backends) -> str:
    """A database that was never migrated."""
    server = vibe_backends["postgres18"]
    assert isinstance(server, PostgresBackend)
    return server.fresh_url(migrated=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small source tree."""
    root = tmp_path / "source"
    (root / "package").mkdir(parents=True)
    (root / "package" / "__init__.py").write_text("")
    (root / "package" / "engine.py").write_text("def start(speed):\n    return speed\n")
    (root / "README.md").write_text("# engine\n")
    return root
