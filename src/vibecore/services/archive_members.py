"""What archives say they hold, entry by entry, and the bytes of those that are wanted."""

from __future__ import annotations

import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, cast

from vibecore.domain.errors import InvalidValue
from vibecore.services.limits import MIB, ImportLimits
from vibecore.services.trees import KINDS
from vibecore.services.unpacking import BLOCK, PIECE, Raw, Unpacked, decoder_of, refused

RATIO_FROM: Final = MIB
"""What a file of a zip may have before its ratio counts."""


@dataclass(frozen=True, slots=True)
class Member:
    """An entry as the archive names it. `refusal` says why it cannot be imported, whatever its name."""

    name: bytes
    is_folder: bool
    size: int
    refusal: str | None


class Archive(Protocol):
    def members(self) -> Iterator[Member]:
        """All entries, in an order that stays. Raises InvalidValue with field "source" where the archive is damaged."""
        ...

    def contents(self, wanted: Mapping[int, object], /) -> Iterator[tuple[int, bytes | str]]:
        """The bytes of the members with these numbers, or why they cannot be read, in an order of its own."""
        ...


class ZipArchive:
    """A zip; its entries are told by the directory at its end."""

    def __init__(self, raw: Raw, limits: ImportLimits) -> None:
        self._limits = limits
        with _damage_of("zip"):
            self._zip = zipfile.ZipFile(cast(BinaryIO, raw))
        self._entries = sorted(self._zip.infolist(), key=lambda entry: entry.header_offset)

    def members(self) -> Iterator[Member]:
        for entry in self._entries:
            # Without the flag for UTF-8 names are in a code page, which is a byte for each of 256 characters; programs
            # that leave the flag out and write UTF-8 are far more common than those who mean the code page.
            name = entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")
            yield Member(name, name.endswith(b"/"), entry.file_size, self._refusal(entry))

    def contents(self, wanted: Mapping[int, object], /) -> Iterator[tuple[int, bytes | str]]:
        for number, entry in enumerate(self._entries):
            if number in wanted:
                yield number, self._read(entry)

    def _refusal(self, entry: zipfile.ZipInfo) -> str | None:
        kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            return KINDS.get(kind, "is neither a file nor a folder")
        if entry.flag_bits & (0x1 | 0x40 | 0x2000):
            return "is encrypted"
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return f"is compressed by a method that is not supported ({entry.compress_type})"
        if entry.file_size > RATIO_FROM and entry.file_size > self._limits.max_ratio * entry.compress_size:
            return f"unpacks to more than {self._limits.max_ratio} times its size"
        return None

    def _read(self, entry: zipfile.ZipInfo) -> bytes | str:
        try:
            with self._zip.open(entry) as file:
                data = file.read(entry.file_size + 1)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error, zlib.error):
            return "is damaged"
        return data if len(data) == entry.file_size else "is damaged"


_TAR_KINDS: Final = {
    tarfile.SYMTYPE: "is a symbolic link",
    tarfile.LNKTYPE: "is a hard link",
    tarfile.CHRTYPE: "is a device",
    tarfile.BLKTYPE: "is a device",
    tarfile.FIFOTYPE: "is a named pipe",
}


class TarArchive:
    """A tar, which has to be read from its start to its end: for the names, and again for the bytes."""

    def __init__(self, raw: Raw, limits: ImportLimits) -> None:
        self._raw = raw
        self._limits = limits

    def members(self) -> Iterator[Member]:
        for _, entry in self._read():
            name = entry.name.encode("utf-8", "surrogateescape")
            yield Member(name, entry.isdir(), entry.size, _refusal(entry))

    def contents(self, wanted: Mapping[int, object], /) -> Iterator[tuple[int, bytes | str]]:
        for number, (unpacked, entry) in enumerate(self._read()):
            if number not in wanted:
                continue
            unpacked.seek(entry.offset_data)
            parts = []
            left = entry.size
            while left > 0 and (part := unpacked.read(min(left, PIECE))):
                parts.append(part)
                left -= len(part)
            if left:
                raise refused("is cut off")
            yield number, b"".join(parts)

    def _read(self) -> Iterator[tuple[Unpacked, tarfile.TarInfo]]:
        unpacked = Unpacked(self._raw, self._limits)
        with _damage_of("tar"):
            tar = tarfile.TarFile(
                fileobj=cast(BinaryIO, unpacked), mode="r", encoding="utf-8", errors="surrogateescape"
            )
        count = 0
        while True:
            with _damage_of("tar"):
                entry = tar.next()
            if entry is None:
                break
            count += 1
            # It remembers every entry, which nobody asks for: memory would grow with the archive.
            tar.members = []  # type: ignore[attr-defined]  # typeshed leaves it out
            yield unpacked, entry
        # The reader takes whatever is no header for the end. A whole archive ends with blocks of zeros.
        if unpacked.last != bytes(BLOCK):
            raise refused(f"is cut off or damaged after {count} entries")
        # Only at its own end a compressed file proves to be whole.
        while unpacked.read(PIECE):
            pass


def _refusal(entry: tarfile.TarInfo) -> str | None:
    if entry.issparse():
        return "is stored as a sparse file"
    if entry.isdir() or entry.isreg():
        return None
    return _TAR_KINDS.get(entry.type, "is neither a file nor a folder")


# RecursionError: the reader calls itself for each long name, and an archive may have any number in a row.
_DAMAGE: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    struct.error,
    EOFError,
    OverflowError,
    RecursionError,
)


@contextmanager
def _damage_of(form: str) -> Iterator[None]:
    """What the readers raise for a damaged archive, as InvalidValue with field "source"."""
    try:
        yield
    except _DAMAGE:
        raise refused(f"is no whole {form}") from None
    except InvalidValue:
        raise
    except ValueError:
        raise refused(f"is no whole {form}") from None


def open_archive(file: BinaryIO, limits: ImportLimits) -> Archive:
    """The archive in the open file, from where that stands. Raises InvalidValue with field "source"."""
    raw = Raw(file, limits)
    start = raw.read(BLOCK)
    raw.seek(0)
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return ZipArchive(raw, limits)
    if decoder_of(start[:6]) is not None or _is_header(start):
        return TarArchive(raw, limits)
    raise refused("is neither a folder nor a zip or tar archive")


def _is_header(block: bytes) -> bool:
    """Whether it begins a tar: a header with the right checksum, or the zeros of an empty one."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # typeshed leaves it out
        return True
    except tarfile.HeaderError:
        return False
    return True
