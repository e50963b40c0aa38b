"""The folder that holds a server: its layout, who may use it, its password and its socket's place."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vibecore.repositories.postgres.embedded.account import Owner, owner_of
from vibecore.repositories.postgres.embedded.errors import EmbeddedServerError, FolderRefused
from vibecore.repositories.postgres.embedded.locks import FileLock, acquire, try_acquire

# Part of the socket's name only; named everywhere, so that PGPORT in someone's environment does not count.
SOCKET_PORT = 5432
_SOCKET = f".s.PGSQL.{SOCKET_PORT}"
# sun_path without its closing zero byte: 107 on Linux, 103 on macOS and the BSDs.
_SOCKET_LIMIT = 103
_SOCKET_PREFIX = "vibecore-"
_MARKER = "vibecore.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """An opened folder: `root` is absolute, without symbolic links, and closed to everyone but `owner` (0700)."""

    root: Path
    owner: Owner

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory; it exists only when it is complete."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.root / "server.log"

    @property
    def users(self) -> Path:
        """The registry of the processes that use the server."""
        return self.root / "users"

    @property
    def sockets(self) -> Path:
        """The socket directory, where its path is short and plain enough."""
        return self.root / "run"

    def lock(self) -> FileLock:
        """Wait for the right to look at and change the folder's state."""
        return acquire(self.root / _MARKER, self.owner)

    def try_server_lock(self) -> FileLock | None:
        """The lock that every PostgreSQL program of this folder holds while it lives; None while one does."""
        return try_acquire(self.root / "server.lock", self.owner)

    def version(self) -> int | None:
        """The major version that made the data, or None before there is any."""
        try:
            text = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        if not text.isdecimal():
            raise FolderRefused(self.root, f"holds data of an unknown version of PostgreSQL: {text[:20]!r}")
        return int(text)

    def password(self) -> str:
        """The password of the role `vibecore`, made on first use and kept readable only for the owner."""
        path = self.root / "password"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            pass
        if self.data.exists():
            raise EmbeddedServerError(f"{path} is missing: put it back, the data cannot be opened without it")
        fresh = self.root / "password.new"
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        password = secrets.token_urlsafe(32)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            self.owner.own(fd)
            file.write(password + "\n")
            file.flush()
            os.fsync(fd)
        fresh.replace(path)
        return password

    def socket_directory(self) -> Path:
        """A private directory for the socket: in the folder, else a new one in the system's temporary folder.

        Elsewhere when the path is too long for a socket address, or holds characters with a meaning of their own in a
        connection string or in the server's setting.
        """
        try:
            plain = not set(',"') & set(str(self.sockets)) and str(self.sockets).encode("utf-8")
        except UnicodeEncodeError:
            plain = False
        if plain and len(plain) + 1 + len(_SOCKET) <= _SOCKET_LIMIT:
            self.make_private(self.sockets)
            for left_over in self.sockets.glob(_SOCKET + "*"):
                left_over.unlink()
            return self.sockets
        for place in (tempfile.gettempdir(), "/tmp"):
            if len(os.fsencode(place)) + len(_SOCKET_PREFIX) + len(_SOCKET) + 10 <= _SOCKET_LIMIT:
                directory = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=place))
                self.owner.own(directory)
                return directory
        raise EmbeddedServerError("the path of the temporary folder is too long for a socket: shorten TMPDIR")

    def drop_socket_directory(self, directory: Path) -> None:
        """Remove a temporary socket directory that no server uses any more; anything else is left alone."""
        try:
            ours = directory.lstat().st_uid == self.owner.uid
        except FileNotFoundError:
            return
        if ours and directory != self.sockets and directory.name.startswith(_SOCKET_PREFIX):
            for left_over in directory.glob(_SOCKET + "*"):
                left_over.unlink()
            directory.rmdir()

    def make_private(self, directory: Path) -> None:
        """Make a part of the folder where it is missing."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.is_symlink():
            # Root cleans up in here, and the folder may belong to someone who would like to choose where.
            raise FolderRefused(self.root, f"{directory.name} is a symbolic link")
        self.owner.own(directory)


def open_folder(path: str | os.PathLike[str]) -> Folder:
    """Open a folder for an embedded server, making it and its parents where they are missing.

    Raises FolderRefused when it is no folder, belongs to someone else, or holds something else.
    """
    root = Path(path).expanduser()
    if any(ord(character) < 32 for character in str(root)):
        raise FolderRefused(root, "the path holds control characters")
    try:
        root = root.resolve()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {entry.name for entry in root.iterdir()}
        if content and _MARKER not in content:
            raise FolderRefused(root, "is not empty and was not made by vibecore: name an empty or a new folder")
        owner = owner_of(root)
        root.chmod(0o700)
        owner.own(root)
        folder = Folder(root=root, owner=owner)
        # The marker comes before anything else, so a folder left at any point is still known as ours.
        folder.lock().release()
        folder.make_private(folder.users)
    except EmbeddedServerError:
        raise
    except FileExistsError as error:
        raise FolderRefused(root, "is not a folder") from error
    except (OSError, RuntimeError) as error:
        raise FolderRefused(root, f"cannot be used: {error}") from error
    return folder
