"""Where an export goes: a zip or tar, as a file of this machine or into an open one.

The same files give the same bytes, whenever and by whom they are exported: entries come by path, with one fixed time
and one owner.
"""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, StrEnum
from io import BytesIO, UnsupportedOperation
from pathlib import Path
from typing import BinaryIO, Final, Protocol, cast

from vibecore.domain.errors import InvalidValue
from vibecore.services.export_folder import Placed
from vibecore.services.placing import FOLDER_FLAGS, NotPlacedError, found_at, placed, why

LEVEL: Final = 6
"""Of Deflate, as zip and gzip have it."""


class ArchiveFormat(StrEnum):
    """The archives that can be written."""

    ZIP = "zip"
    TAR = "tar"
    TAR_GZ = "tar.gz"


class _Sink:
    """The file that an archive is written into, until it is given up: what its writer leaves behind goes nowhere."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file
        self._written = 0
        self._seekable = file.seekable()

    def write(self, data: bytes) -> int:
        self._written += len(data)
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def tell(self) -> int:
        return self._file.tell() if self._seekable and self._file is not None else self._written

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, place: int, whence: int = 0) -> int:
        if not self._seekable:
            raise UnsupportedOperation("seek")
        return self._file.seek(place, whence) if self._file is not None else 0

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Whoever opened the file closes it."""

    def give_up(self) -> None:
        self._file = None


class _Writer(Protocol):
    def folder(self, path: str) -> None: ...

    def file(self, path: str, data: bytes) -> None: ...

    def close(self) -> None: ...


class _Zip:
    def __init__(self, file: _Sink) -> None:
        self._zip = zipfile.ZipFile(cast(BinaryIO, file), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def folder(self, path: str) -> None:
        entry = self._entry(path + "/", stat.S_IFDIR | 0o755)
        entry.external_attr |= 0x10
        entry.compress_type = zipfile.ZIP_STORED
        self._zip.writestr(entry, b"")

    def file(self, path: str, data: bytes) -> None:
        entry = self._entry(path, stat.S_IFREG | 0o644)
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, data)

    def close(self) -> None:
        self._zip.close()

    @staticmethod
    def _entry(name: str, mode: int) -> zipfile.ZipInfo:
        # The default time is the format's first: 1980-01-01.
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3
        entry.external_attr = mode << 16
        return entry


class _Tar:
    def __init__(self, file: _Sink | gzip.GzipFile) -> None:
        self._tar = tarfile.TarFile(
            fileobj=cast(BinaryIO, file), mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="strict"
        )

    def folder(self, path: str) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        self._add(entry, b"")

    def file(self, path: str, data: bytes) -> None:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(data), 0o644
        self._add(entry, data)

    def close(self) -> None:
        self._tar.close()

    def _add(self, entry: tarfile.TarInfo, data: bytes) -> None:
        self._tar.addfile(entry, BytesIO(data))
        # It remembers every entry, which nobody asks for: memory would grow with the tree.
        self._tar.members = []  # type: ignore[attr-defined]  # typeshed leaves it out


class _TarGz(_Tar):
    def __init__(self, file: _Sink) -> None:
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=cast(BinaryIO, file), mtime=0)
        super().__init__(self._gzip)

    def close(self) -> None:
        super().close()
        self._gzip.close()


_WRITERS: Final[dict[ArchiveFormat, Callable[[_Sink], _Writer]]] = {
    ArchiveFormat.ZIP: _Zip,
    ArchiveFormat.TAR: _Tar,
    ArchiveFormat.TAR_GZ: _TarGz,
}


class ArchiveTarget:
    """An archive that is being written."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer
        self.folders = 0
        """How many folders it holds."""

    def folder(self, path: str) -> None:
        self._writer.folder(path)
        self.folders += 1

    def file(self, path: str, data: bytes | None, size: int, sha256: str | None) -> Placed:
        if data is None:
            return Placed.WITHHELD
        self._writer.file(path, data)
        return Placed.CREATED


@contextmanager
def open_archive(target: Path | BinaryIO, form: ArchiveFormat, *, overwrite: bool) -> Iterator[ArchiveTarget]:
    """An archive that stands under its name once the block ends without an error, or was written into an open file.

    Raises InvalidValue with field "target".
    """
    with _file(target, overwrite=overwrite) as file:
        sink = _Sink(file)
        writer = _WRITERS[form](sink)
        try:
            yield ArchiveTarget(writer)
            writer.close()
        except BaseException:
            sink.give_up()
            raise


@contextmanager
def _file(target: Path | BinaryIO, *, overwrite: bool) -> Iterator[BinaryIO]:
    if not isinstance(target, Path):
        yield target
        return
    folder = _folder_of(target)
    try:
        try:
            found = found_at(folder, target.name)
        except OSError as error:
            raise InvalidValue("target", why(error)) from None
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise InvalidValue("target", "is a folder")
        if found is not None and not overwrite:
            raise InvalidValue("target", "exists already")
        with placed(folder, target.name, overwrite=overwrite) as file:
            yield file
    except NotPlacedError as error:
        raise InvalidValue("target", error.reason) from None
    finally:
        os.close(folder)


def _folder_of(path: Path) -> int:
    if path.name in ("", ".."):
        raise InvalidValue("target", "is a folder")
    try:
        return os.open(path.parent, FOLDER_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidValue("target", "lies in no folder") from None
    except OSError as error:
        raise InvalidValue("target", why(error)) from None


def checked_target(value: object, form: object) -> tuple[Path | BinaryIO, ArchiveFormat | None]:
    """What `export_tree` was given. Raises InvalidValue with field "target" or "archive"."""
    if form is not None and type(form) is not ArchiveFormat:
        choices = ", ".join(each.value for each in ArchiveFormat)
        raise InvalidValue("archive", f"must be one of {choices}, as a member of {ArchiveFormat.__name__}, or None")
    if isinstance(value, (str, Path)) and not isinstance(value, Enum):
        return _path(value), form
    if not callable(getattr(value, "write", None)):
        raise InvalidValue("target", "must be a path in text, or an open binary file")
    if form is None:
        raise InvalidValue("archive", "is needed where the target is an open file")
    return cast(BinaryIO, value), form


def _path(value: str | Path) -> Path:
    try:
        usable = value != "" and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise InvalidValue("target", "cannot be a path")
    # Made absolute now, so that a later change of the working directory changes nothing.
    return Path(value).absolute()
