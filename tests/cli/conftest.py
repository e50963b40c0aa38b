"""A server for the session, databases on it, and a small source tree whose figures are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.cli.commands import vibecore
from vibecore.repositories.postgres import embedded

PASSWORD: Final = "engine no. 9"
BAD: Final = b'''"""Runs what it is given."""

import os


def run(command):
    eval(command)
    os.system(command)
'''
_NUMBERS: Final = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """An embedded server that runs for the whole session, in a folder that `--url embedded://` may name as well."""
    with embedded.start(tmp_path_factory.mktemp("cli") / "server", durable=False) as server:
        yield server


@pytest.fixture
def new_database(server: embedded.Server) -> Callable[[], str]:
    """Makes an empty database and gives its URL."""
    return lambda: _create(server, "template0")


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """The name of a database that `vibecore migrate` has prepared, to be copied."""
    url = _create(server, "template0")
    vibecore("migrate", "--url", url).done()
    return str(make_url(url).database)


@pytest.fixture
def database(server: embedded.Server, template: str) -> str:
    """The URL of an empty database at the newest revision."""
    return _create(server, template)


def _create(server: embedded.Server, template: str) -> str:
    name = f"cli_{next(_NUMBERS)}"
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url_of(name)


@pytest.fixture
def ada(database: str) -> str:
    """The address of an administrator with the password `PASSWORD`."""
    made = ("create-admin", "--email", "ada@example.org", "--name", "Ada", "--url", database)
    vibecore(*made, given=f"{PASSWORD}\n").done()
    return "ada@example.org"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six files, one of them binary, one in Latin-1, one ignored; one Python file is bad, one is clean."""
    root = tmp_path / "engine"
    files: dict[str, bytes] = {
        ".gitignore": b"*.log\n",
        "[red]bad.py": BAD,
        "clean.py": b'"""Nothing to say."""\n\nANSWER = 42\n',
        "debug.log": b"noise\n" * 100,
        "docs/[bold]notes.md": b"# Notes\n\nWith brackets in the name.\n",
        "docs/latin.txt": b"caf\xe9\n",
        "logo.png": b"\x89PNG\r\n\x1a\n\0\0",
        "__pycache__/bad.cpython-311.pyc": b"\0\1\2",
    }
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root
