"""Where an export goes: a folder of this machine."""

from __future__ import annotations

import hashlib
import os
import stat
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paths import name_of, parent_of, parents
from vibecore.domain.text import digest
from vibecore.services.placing import (
    AT_FAULT,
    FOLDER_FLAGS,
    NotPlacedError,
    found_at,
    in_the_way,
    open_folder,
    placed,
    why,
)

_READ_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Placed(Enum):
    """What became of a file."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    """It stands there already, byte for byte."""
    WITHHELD = "withheld"
    """It is not there, and its bytes are not known."""


class FolderTarget:
    """A folder that files are placed in; made, with those above it, where it is missing. Close it after use.

    Nothing is written outside of it, whatever links it holds and whoever changes it meanwhile. The folder itself may be
    a link: the caller named it.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._path = path
        self._overwrite = overwrite
        self._root = -1
        self._at: tuple[str | None, int] | None = None
        self._blocked: set[str] = set()
        self._ours: set[tuple[int, int]] = set()
        self.folders = 0
        """How many folders were made."""

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._root = os.open(self._path, FOLDER_FLAGS)
        except (FileExistsError, NotADirectoryError):
            raise InvalidValue("target", "is not a folder") from None
        except OSError as error:
            raise InvalidValue("target", why(error)) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        os.close(self._root)

    def folder(self, path: str) -> None:
        """See that the folder is there. Raises NotPlacedError."""
        self._refuse_blocked(path)
        try:
            self._enter(path)
        except (NotPlacedError, OSError) as error:
            self._blocked.add(path)
            raise _not_placed(error) from None

    def file(self, path: str, data: bytes | None, size: int, sha256: str | None) -> Placed:
        """See that the file stands there with `data`; of None, whether one of this size and digest does.

        Raises NotPlacedError.
        """
        self._refuse_blocked(path)
        try:
            return self._place(self._enter(parent_of(path)), name_of(path), data, size, sha256)
        except (NotPlacedError, OSError) as error:
            raise _not_placed(error) from None

    def _place(self, folder: int, name: str, data: bytes | None, size: int, sha256: str | None) -> Placed:
        found = found_at(folder, name)
        if found is not None and self._is_equal(folder, name, found, data, size, sha256):
            return Placed.UNCHANGED
        if data is None:
            return Placed.WITHHELD
        if found is not None:
            if not self._overwrite or stat.S_ISDIR(found.st_mode):
                raise NotPlacedError(in_the_way(found))
            if (found.st_dev, found.st_ino) in self._ours:
                raise NotPlacedError("has the name of another file, but for case or spelling, in the target")
        with placed(folder, name, overwrite=found is not None) as file:
            file.write(data)
            written = os.fstat(file.fileno())
        if self._overwrite:
            self._ours.add((written.st_dev, written.st_ino))
        return Placed.CREATED if found is None else Placed.REPLACED

    def _is_equal(
        self, folder: int, name: str, found: os.stat_result, data: bytes | None, size: int, sha256: str | None
    ) -> bool:
        if not stat.S_ISREG(found.st_mode) or found.st_size != size or (data is None and sha256 is None):
            return False
        wanted = digest(data) if data is not None else sha256
        try:
            with os.fdopen(os.open(name, _READ_FLAGS, dir_fd=folder), "rb") as file:
                return (
                    stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                    and hashlib.file_digest(file, "sha256").hexdigest() == wanted
                )
        except OSError as error:
            if error.errno in AT_FAULT:
                raise
            return False

    def _refuse_blocked(self, path: str) -> None:
        above = next((folder for folder in parents(path) if folder in self._blocked), None)
        if above is not None:
            raise BelowError(above)

    def _enter(self, path: str | None) -> int:
        """The folder's descriptor; the last one is kept, since files come folder by folder."""
        if self._at is not None and self._at[0] == path:
            return self._at[1]
        self._leave()
        descriptor = open_folder(self._root, path.split("/") if path else (), self._made)
        self._at = (path, descriptor)
        return descriptor

    def _leave(self) -> None:
        if self._at is not None:
            os.close(self._at[1])
            self._at = None

    def _made(self) -> None:
        self.folders += 1


class BelowError(NotPlacedError):
    """It lies below the folder `path`, which could not be placed and was reported."""

    def __init__(self, path: str) -> None:
        super().__init__("lies below a folder that could not be placed")
        self.path = path


def _not_placed(error: NotPlacedError | OSError) -> NotPlacedError:
    """Raises `error` where the process or the disk, not the file, is at fault."""
    return error if isinstance(error, NotPlacedError) else NotPlacedError(why(error))
