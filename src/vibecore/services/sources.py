"""What is imported: a folder of this machine, or a zip or tar, as a file or through an open one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final, cast

from vibecore.services.archives import read_archive
from vibecore.services.gitignore import IgnoreRules
from vibecore.services.limits import ImportLimits
from vibecore.services.trees import Entry, Skipped, exclusions, shown, source_path, walk
from vibecore.services.unpacking import refused

# Without O_NONBLOCK, opening a pipe that took the file's place would wait for a writer.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class ImportSource:
    """What was given as a source; it can be read again and again.

    An open file is read from where it stands, and has to be one of bytes that can seek. It is not closed.
    """

    def __init__(self, given: str | Path | BinaryIO) -> None:
        self._file: BinaryIO | None = None
        self._start = 0
        if isinstance(given, (str, Path, Enum)) or not callable(getattr(given, "read", None)):
            self._path = source_path(cast("str | Path", given))
            return
        self._file = given
        if not isinstance(given.read(0), bytes):
            raise refused("is an open file of text, not of bytes")
        try:
            self._start = given.seek(0, os.SEEK_CUR)
        except (OSError, ValueError, AttributeError):
            raise refused("is an open file that cannot seek") from None

    @property
    def name(self) -> str:
        """The folder's or the archive's own name, for people."""
        if self._file is None:
            return shown(os.fsencode(self._path.name)) or "/"
        return "an open file"

    def read(self, *, gitignore: bool, exclude: Sequence[str], limits: ImportLimits) -> Iterator[Entry | Skipped]:
        """See `trees.walk` and `archives.read_archive`. Raises InvalidValue with field "source" or "exclude"."""
        excluded = exclusions(exclude)
        if self._file is not None:
            self._file.seek(self._start)
            return read_archive(self._file, gitignore=gitignore, excluded=excluded, limits=limits)
        if self._is_file():
            return self._packed(gitignore=gitignore, excluded=excluded, limits=limits)
        return walk(self._path, gitignore=gitignore, exclude=exclude, max_file_bytes=limits.max_file_bytes)

    def _is_file(self) -> bool:
        try:
            return self._path.is_file()
        except (OSError, ValueError):
            return False

    def _packed(
        self, *, gitignore: bool, excluded: IgnoreRules | None, limits: ImportLimits
    ) -> Iterator[Entry | Skipped]:
        try:
            descriptor = os.open(self._path, _FLAGS)
        except OSError as error:
            raise refused(f"cannot be read: {os.strerror(error.errno or 0).lower()}") from None
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise refused("was replaced while it was opened")
            yield from read_archive(file, gitignore=gitignore, excluded=excluded, limits=limits)
            after = os.fstat(descriptor)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise refused("changed while it was read")
