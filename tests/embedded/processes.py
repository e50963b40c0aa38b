"""Real processes that use an embedded server, driven line by line, and what can be seen of the server from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psycopg

PROGRAM = """
import sys
from vibecore.repositories.postgres.embedded import start
servers = []
for line in sys.stdin:
    command = line.strip()
    if command == "open":
        servers.append(start(sys.argv[1], durable=False))
        print(servers[-1].url, flush=True)
    elif command == "close":
        servers.pop().close()
        print("closed", flush=True)
"""


class UserProcess:
    """A separate interpreter that opens and closes the server of `folder` on command."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()

    def ask(self, command: str) -> None:
        """Send a command without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """Wait for the answer to the oldest command."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, f"the process ended with status {self._process.wait()}"
        return line

    def open(self) -> str:
        """Open the server and give its URL."""
        self.ask("open")
        return self.answer()

    def close(self) -> None:
        """Close what was opened last and wait for it."""
        self.ask("close")
        assert self.answer() == "closed"

    def leave(self) -> None:
        """Let the process end by itself, closing nothing, and wait for its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait() == 0

    def kill(self) -> None:
        """kill -9, and wait for the end; fine when it has ended."""
        self._process.kill()
        self._process.wait()


def server_pid(folder: Path) -> int:
    """The process id of the running server."""
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected by its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if sys.platform != "linux":
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def assert_stopped(folder: Path, pid: int) -> None:
    """The server said good-bye and has released its files; the system may take a moment more to drop the process."""
    assert not (folder / "data" / "postmaster.pid").exists()
    eventually(lambda: not alive(pid), seconds=5)


def eventually(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.002)


def scalar(url: str, query: str) -> object:
    """The first column of the query's only row."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def run(url: str, statement: str) -> None:
    """Run a statement outside of any transaction block."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
