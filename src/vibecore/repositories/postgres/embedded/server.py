"""`start`: one server for a folder, however many processes and threads open it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from vibecore.repositories.postgres.embedded import postmaster, users
from vibecore.repositories.postgres.embedded.binaries import DEFAULT_VERSION, installation
from vibecore.repositories.postgres.embedded.cluster import DATABASE, ROLE, initialise
from vibecore.repositories.postgres.embedded.errors import EmbeddedServerError
from vibecore.repositories.postgres.embedded.folder import SOCKET_PORT, Folder, open_folder
from vibecore.repositories.postgres.embedded.locks import FileLock


class Server:
    """One use of the running server in `folder`; the server stops when the last use ends, in whatever process.

    `version` is the major version. Close it, leave its `with` block or let the process exit: all three end the use.
    Thread-safe. In a forked child it is not a use of its own and `close` does nothing: the child calls `start`.
    """

    def __init__(self, shared: _Shared, *, version: int, socket_directory: Path, password: str) -> None:
        self._shared = shared
        self._open = True
        self._process = os.getpid()
        self._authority = f"postgresql://{ROLE}:{quote(password, safe='')}@"
        self._host = quote(str(socket_directory))
        self.folder = shared.root
        self.version = version

    @property
    def url(self) -> str:
        """The URL of the database `vibecore`; it holds the password, so keep it out of logs."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of another database on this server; the role may create and drop databases."""
        return f"{self._authority}/{quote(database, safe='')}?host={self._host}&port={SOCKET_PORT}"

    def close(self) -> None:
        """End this use and, when it was the last one, stop the server and wait for its end. Repeating it is fine.

        Raises EmbeddedServerError when the server does not stop.
        """
        if self._process != os.getpid():
            return
        with self._shared.mutex:
            if self._open:
                self._open = False
                with _told(self.folder):
                    self._shared.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "open" if self._open else "closed"
        return f"<Server {self.version} in {str(self.folder)!r}, {state}>"


def start(folder: str | os.PathLike[str], *, version: int = DEFAULT_VERSION, durable: bool = True) -> Server:
    """Use the server in `folder`, making the folder and starting the server where needed; ready when this returns.

    `version` is the major version for a new folder; an existing one is opened with the version that made it.
    `durable=False` trades safety at a crash of the system for speed: for tests. It counts when this call starts the
    server, not when it finds one running.

    Raises FolderRefused, UnknownServerVersion or, with the reason, EmbeddedServerError; MissingExtra without the
    binaries.
    """
    with _told(folder):
        opened = open_folder(folder)
        shared = _share(opened.root)
        with shared.mutex:
            return shared.join(opened, version=version, durable=durable)


@contextmanager
def _told(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system refuses into the package's error."""
    try:
        yield
    except EmbeddedServerError:
        raise
    except OSError as error:
        raise EmbeddedServerError(f"the embedded server in {os.fspath(folder)} cannot be used: {error}") from error


class _Shared:
    """This process's part in one folder: a single registry entry for all uses. `mutex` guards everything in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mutex = threading.Lock()
        self._uses = 0
        self._folder: Folder | None = None
        self._entry: FileLock | None = None

    def join(self, folder: Folder, *, version: int, durable: bool) -> Server:
        with folder.lock():
            self._folder = folder
            # Clears the entries of the dead; the server they left behind is ours from here on.
            users.living(folder.users, folder.owner)
            if self._entry is not None and not self._entry.in_place():
                # The folder was replaced by a new one while this process had uses of the old one.
                self._entry.release()
                self._entry = None
            if self._entry is None:
                self._entry = users.register(folder.users, folder.owner)
            self._uses += 1
            try:
                return self._use(folder, version=folder.version() or version, durable=durable)
            except BaseException:
                self._leave_locked(folder)
                raise

    def _use(self, folder: Folder, *, version: int, durable: bool) -> Server:
        password = folder.password()
        while True:
            running = _ensure_running(folder, version=version, durable=durable, password=password)
            if running.data != folder.data:
                self._stop_moved(folder, running)
                continue
            server = Server(self, version=version, socket_directory=running.socket_directory, password=password)
            try:
                _ensure_database(server)
            except EmbeddedServerError:
                # A killed process may have told the server to stop; then the next round waits for that and starts it.
                if postmaster.ready_server(folder) == running:
                    raise
            else:
                return server

    def _stop_moved(self, folder: Folder, running: postmaster.PidFile) -> None:
        """Stop a server whose folder was moved under it: its socket is where nobody finds it."""
        others = [pid for pid in users.living(folder.users, folder.owner) if pid != os.getpid()]
        if others:
            listed = ", ".join(map(str, others))
            raise EmbeddedServerError(
                f"{folder.root} was {running.data.parent} when it was opened by processes {listed}"
            )
        postmaster.stop(folder)

    def leave(self) -> None:
        folder = self._folder
        if folder is not None and folder.users.exists():
            with folder.lock():
                self._leave_locked(folder)
            return
        # Someone removed the folder under the server, which notices and ends by itself.
        self._uses -= 1
        if self._uses == 0 and self._entry is not None:
            self._entry.release()
            self._entry = None

    def leave_all(self) -> None:
        with self.mutex:
            if self._uses:
                self._uses = 1
                self.leave()

    def _leave_locked(self, folder: Folder) -> None:
        self._uses -= 1
        if self._uses == 0 and self._entry is not None:
            entry, self._entry = self._entry, None
            users.unregister(entry)
            if not users.living(folder.users, folder.owner):
                postmaster.stop(folder)


def _ensure_running(folder: Folder, *, version: int, durable: bool, password: str) -> postmaster.PidFile:
    while True:
        offset = folder.log.stat().st_size if folder.log.exists() else 0
        server_lock = folder.try_server_lock()
        if server_lock is not None:
            with server_lock:
                programs = installation(version)
                if not folder.data.exists():
                    initialise(folder, programs, password=password, durable=durable, server_lock=server_lock)
                postmaster.launch(folder, programs, durable=durable, server_lock=server_lock)
        running = postmaster.await_ready(folder)
        if running is not None:
            return running
        if server_lock is not None:
            said = postmaster.log_tail(folder, offset)
            raise EmbeddedServerError(f"the server in {folder.root} did not start: {said or folder.log}")
        # What held the lock has ended: a server on its way down, or a set-up whose process was killed.


def _ensure_database(server: Server) -> None:
    """Create the database where it is missing; this also shows that the server accepts our password."""
    import psycopg

    try:
        with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if not known.rowcount:
                connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")
    except psycopg.Error as error:
        raise EmbeddedServerError(f"the server in {server.folder} does not let us in: {error}") from error


# What a process may hold only once: its registry entries.
_guard = threading.Lock()
_all_shared: dict[Path, _Shared] = {}
_forks_watched = False
_exit_watched = False


def _share(root: Path) -> _Shared:
    global _forks_watched, _exit_watched
    with _guard:
        if not _forks_watched:
            _forks_watched = True
            os.register_at_fork(after_in_child=_forget_parent)
        if not _exit_watched:
            _exit_watched = True
            atexit.register(_leave_everything)
            if "multiprocessing.util" in sys.modules:
                # The children of multiprocessing end without running what `atexit` holds.
                sys.modules["multiprocessing.util"].Finalize(None, _leave_everything, exitpriority=0)
        return _all_shared.setdefault(root, _Shared(root))


def _leave_everything() -> None:
    with ExitStack() as stack:
        for shared in list(_all_shared.values()):
            stack.callback(shared.leave_all)


def _forget_parent() -> None:
    global _guard, _exit_watched
    _guard = threading.Lock()
    _all_shared.clear()
    _exit_watched = False
