"""Making the data directory: complete or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from vibecore.repositories.postgres.embedded.binaries import Installation
from vibecore.repositories.postgres.embedded.errors import EmbeddedServerError
from vibecore.repositories.postgres.embedded.folder import Folder
from vibecore.repositories.postgres.embedded.locks import FileLock

DATABASE = "vibecore"
ROLE = "vibecore"
_STAGING = "init-"
_HBA = """\
# Local sockets only, with the password kept beside the data. The superuser has no password, so nobody logs in as it.
local all all scram-sha-256
"""


def initialise(
    folder: Folder, installation: Installation, *, password: str, durable: bool, server_lock: FileLock
) -> None:
    """Make the data directory with the role and the database; a process killed in between leaves nothing in use.

    The caller holds both locks of the folder. Raises EmbeddedServerError with the program's own words.
    """
    for left_over in folder.root.glob(_STAGING + "*"):
        shutil.rmtree(left_over)
    staging = folder.root / f"{_STAGING}{secrets.token_hex(4)}"
    run = _Runner(folder, installation, server_lock)
    try:
        _initdb(run, staging, installation.version)
        _bootstrap_sql(run, staging, password)
        hba = staging / "pg_hba.conf"
        hba.write_text(_HBA, encoding="ascii")
        if durable:
            run("initdb", "--sync-only", "-D", str(staging))
        staging.replace(folder.data)
        _sync_directory(folder.root)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def environment() -> dict[str, str]:
    """The caller's environment without what PostgreSQL would take settings from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


class _Runner:
    """Runs an installed program as the folder's owner; the program holds the server lock as long as it lives."""

    def __init__(self, folder: Folder, installation: Installation, server_lock: FileLock) -> None:
        self._folder = folder
        self._installation = installation
        self._server_lock = server_lock

    def __call__(self, program: str, *arguments: str, stdin: str = "") -> None:
        argv, options = self._folder.owner.command(
            [str(self._installation.program(program)), *arguments], (*self._installation.needed, self._folder.root)
        )
        done = subprocess.run(
            argv,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            cwd="/",
            # Ctrl-C reaches this process, which then ends the program; it must not race with that.
            start_new_session=True,
            pass_fds=(self._server_lock.fd,),
            check=False,
            **options,
        )
        if done.returncode:
            said = done.stdout.decode("utf-8", "replace").strip()
            raise EmbeddedServerError(f"{program} failed with status {done.returncode}: {said[-2000:]}")


def _initdb(run: _Runner, staging: Path, version: int) -> None:
    arguments = [
        *("-D", str(staging), "--username=postgres", "--auth=reject", "--encoding=UTF8", "--data-checksums"),
        # Synced once at the end instead, or not at all.
        *("--no-sync", "--no-instructions", "--locale=C", "--set=timezone=UTC", "--set=log_timezone=UTC"),
    ]
    if version >= 17:
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        run("initdb", *arguments, "--lc-ctype=C.UTF-8")
    except EmbeddedServerError:
        # Not every system offers C.UTF-8. When that was not the cause, the same error comes again.
        run("initdb", *arguments)


def _bootstrap_sql(run: _Runner, staging: Path, password: str) -> None:
    """Create the role and the database without a server: nothing has to listen before there is a password."""
    statements: Sequence[str] = (
        f"CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'",
        f"GRANT pg_monitor TO {ROLE}",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE} TEMPLATE template0",
    )
    settings: Mapping[str, str] = {
        "exit_on_error": "on",
        "fsync": "off",
        "password_encryption": "scram-sha-256",
        # A failed statement is repeated in the error text otherwise, and one of them holds the password.
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    script = "".join(f"{statement}\n" for statement in statements)
    run("postgres", "--single", *options, "-D", str(staging), "template1", stdin=script)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
