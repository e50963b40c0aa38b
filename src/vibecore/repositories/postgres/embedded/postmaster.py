"""The server process: starting it apart from this process, waiting for it, stopping it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from vibecore.repositories.postgres.embedded.binaries import Installation
from vibecore.repositories.postgres.embedded.cluster import environment
from vibecore.repositories.postgres.embedded.errors import EmbeddedServerError
from vibecore.repositories.postgres.embedded.folder import SOCKET_PORT, Folder
from vibecore.repositories.postgres.embedded.locks import FileLock

# Long enough for the recovery of a busy database after a crash.
_START_SECONDS = 180.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.005
_LOG_LIMIT = 10_000_000
# The shell returns at once and leaves the server to the system, so that no process of ours has to reap it.
_DETACH = '"$@" &'


@dataclass(frozen=True, slots=True, kw_only=True)
class PidFile:
    """What the server says of itself in postmaster.pid."""

    pid: int
    data: Path
    socket_directory: Path
    ready: bool


def read_pid_file(data: Path) -> PidFile | None:
    """The content of postmaster.pid, or None while it is missing or incomplete."""
    try:
        lines = [os.fsdecode(line).strip() for line in (data / "postmaster.pid").read_bytes().split(b"\n")]
    except FileNotFoundError:
        return None
    if len(lines) < 5 or not lines[0].isdecimal():
        return None
    status = lines[7] if len(lines) > 7 else ""
    return PidFile(pid=int(lines[0]), data=Path(lines[1]), socket_directory=Path(lines[4]), ready=status == "ready")


def ready_server(folder: Folder) -> PidFile | None:
    """The server, when it accepts connections at this moment."""
    running = read_pid_file(folder.data)
    # After a kill -9 the file still says ready, and orphaned processes hold the lock for a moment.
    return running if running is not None and running.ready and is_server(running.pid, folder.data) else None


def launch(folder: Folder, installation: Installation, *, durable: bool, server_lock: FileLock) -> None:
    """Start the server and return while it starts; the caller holds both locks, the server keeps `server_lock`.

    Raises EmbeddedServerError when a server that vibecore did not start works on the data.
    """
    _clear_remains(folder)
    settings = {
        "listen_addresses": "",
        "port": str(SOCKET_PORT),
        "unix_socket_directories": f'"{folder.socket_directory()}"',
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    argv, spawn = folder.owner.command(
        [str(installation.program("postgres")), "-D", str(folder.data), *options],
        (*installation.needed, folder.data),
    )
    if folder.log.exists() and folder.log.stat().st_size > _LOG_LIMIT:
        folder.log.replace(folder.log.with_suffix(".log.1"))
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        folder.owner.own(log)
        subprocess.run(
            ["/bin/sh", "-c", _DETACH, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
            cwd="/",
            start_new_session=True,
            pass_fds=(server_lock.fd,),
            check=True,
            **spawn,
        )
    finally:
        os.close(log)


def await_ready(folder: Folder) -> PidFile | None:
    """Wait until the server accepts connections; None when it ended instead.

    Raises EmbeddedServerError when it does neither in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        running = ready_server(folder)
        if running is not None:
            return running
        if _ended(folder):
            return None
        time.sleep(_POLL_SECONDS)
    raise EmbeddedServerError(f"the server in {folder.root} did not get ready in time; its log is {folder.log}")


def stop(folder: Folder) -> None:
    """Stop the server and wait for the end of its last process; fine when none runs. The caller holds the lock.

    Clients are disconnected and what they did not commit is rolled back.
    """
    for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, _STOP_SECONDS)):
        running = read_pid_file(folder.data)
        if running is not None and is_server(running.pid, folder.data):
            os.kill(running.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if _ended(folder):
                if running is not None:
                    folder.drop_socket_directory(running.socket_directory)
                return
            time.sleep(_POLL_SECONDS)
    raise EmbeddedServerError(f"the server in {folder.root} did not stop; its log is {folder.log}")


def is_server(pid: int, data: Path) -> bool:
    """Whether the process with this id is a PostgreSQL server on this data and not a later process of that number."""
    if sys.platform == "linux":
        try:
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
            return name == "postgres" and Path(f"/proc/{pid}/cwd").samefile(data)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
    listed = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], stdout=subprocess.PIPE, check=False)
    return Path(os.fsdecode(listed.stdout).strip()).name == "postgres"


def log_tail(folder: Folder, offset: int) -> str:
    """What the server wrote after `offset` bytes, at most its last 2,000 characters."""
    try:
        return folder.log.read_bytes()[offset:].decode("utf-8", "replace").strip()[-2000:]
    except FileNotFoundError:
        return ""


def _ended(folder: Folder) -> bool:
    lock = folder.try_server_lock()
    if lock is None:
        return False
    lock.release()
    return True


def _clear_remains(folder: Folder) -> None:
    """Remove what a killed server left; the server lock is ours, so no server of vibecore is behind it."""
    left_over = read_pid_file(folder.data)
    if left_over is not None:
        if is_server(left_over.pid, folder.data):
            raise EmbeddedServerError(
                f"{folder.data} is in use by a PostgreSQL server that vibecore did not start: "
                f"stop process {left_over.pid}"
            )
        folder.drop_socket_directory(left_over.socket_directory)
    # PostgreSQL would refuse to start when another process of the same account has got the old process id.
    (folder.data / "postmaster.pid").unlink(missing_ok=True)
