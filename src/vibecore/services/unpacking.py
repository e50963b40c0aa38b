"""Reading an archive's bytes within bounds: nothing that a stranger's archive says of itself is taken at its word."""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from vibecore.domain.errors import InvalidValue
from vibecore.services.limits import MIB, ImportLimits

PIECE: Final = 256 * 1024
"""Bytes that are unpacked at once."""
LONGEST_HEADER: Final = MIB
"""A header of a tar that is longer than any name or attribute can be."""
DICTIONARY: Final = 128 * MIB
"""Memory that unpacking an xz may take: `xz -9` needs 65 MiB."""
FLOOR: Final = 64 * MIB
"""What an unpacked tar may have before its ratio counts."""

BLOCK: Final = 512


def refused(reason: str) -> InvalidValue:
    """The error of an archive that is not imported."""
    return InvalidValue("source", reason)


class Raw:
    """The bytes of an archive's file, from where it began: what `zipfile` reads from."""

    def __init__(self, file: BinaryIO, limits: ImportLimits) -> None:
        self._file = file
        self._start = file.tell()
        self._limits = limits
        self.size = file.seek(0, os.SEEK_END) - self._start
        file.seek(self._start)

    def read(self, size: int = -1) -> bytes:
        """Also of a zip's directory, which is read at once: hence only as long as its entries may be."""
        most = self.size - self.tell()
        wanted = most if size < 0 else min(size, max(most, 0))
        if wanted > max(PIECE, self._limits.max_entries * BLOCK):
            raise refused("has a directory that is too long")
        data = self._file.read(wanted)
        if wanted > PIECE and data.count(b"PK\1\2") > self._limits.max_entries:
            raise refused(f"holds more than {self._limits.max_entries} entries")
        return data

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}[whence]
        if base + place < 0:
            raise refused("is damaged")
        return self._file.seek(self._start + base + place) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the file closes it."""


class Decoder(Protocol):
    """As the decompressors of `bz2` and `lzma` are."""

    def decompress(self, data: bytes, max_length: int) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


class Gunzip:
    """`zlib` with the face of the other two."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = len(out) < max_length
        return out

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


def _unxz() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY)


DECODERS: Final[dict[bytes, Callable[[], Decoder]]] = {
    b"\x1f\x8b": Gunzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": _unxz,
}
"""By the first bytes of what they read."""


class Unpacked:
    """A tar's own bytes, unpacked where it is compressed, read forwards only: what `tarfile` reads from."""

    def __init__(self, raw: Raw, limits: ImportLimits) -> None:
        self._raw = raw
        self._limits = limits
        raw.seek(0)
        self._decode = decoder_of(raw.read(6))
        raw.seek(0)
        self._decoder = None if self._decode is None else self._decode()
        self._input = b""
        self._waiting = b""
        self._place = 0
        self.last = b""
        """What was read last, if that was a block."""

    def read(self, size: int) -> bytes:
        if size > LONGEST_HEADER:
            raise refused("has a header that is too long")
        parts = []
        left = size
        while left > 0 and (part := self._some(left)):
            parts.append(part)
            left -= len(part)
        data = b"".join(parts)
        self._advance(len(data))
        if size == BLOCK:
            self.last = data
        return data

    def seek(self, place: int) -> int:
        if place < self._place:
            raise refused("is damaged")
        if self._decoder is None:
            self._advance(place - self._place)
            self._raw.seek(self._place)
            return place
        while self._place < place:
            part = self._some(min(place - self._place, PIECE))
            if not part:
                break
            self._advance(len(part))
        return self._place

    def tell(self) -> int:
        return self._place

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the file closes it."""

    def _advance(self, count: int) -> None:
        self._place += count
        if self._place > self._limits.max_total_bytes:
            raise refused(f"holds more than {self._limits.max_total_bytes} bytes")
        if self._place > FLOOR and self._place > self._limits.max_ratio * self._raw.tell():
            raise refused(f"unpacks to more than {self._limits.max_ratio} times its size")

    def _some(self, most: int) -> bytes:
        """Some bytes, at most so many; none at the end."""
        if self._decoder is None:
            return self._raw.read(min(most, PIECE))
        if not self._waiting:
            self._waiting = self._unpack()
        part, self._waiting = self._waiting[:most], self._waiting[most:]
        return part

    def _unpack(self) -> bytes:
        assert self._decode is not None
        assert self._decoder is not None
        while True:
            if self._decoder.eof:
                # Several compressed pieces in a row are one: the parallel packers write such files.
                rest = self._decoder.unused_data.lstrip(b"\0") or self._raw.read(PIECE).lstrip(b"\0")
                if decoder_of(rest[:6]) is not self._decode:
                    return b""
                self._decoder, self._input = self._decode(), rest
            elif self._decoder.needs_input and not self._input:
                self._input = self._raw.read(PIECE)
                if not self._input:
                    raise refused("is cut off")
            try:
                out = self._decoder.decompress(self._input, PIECE)
            except (zlib.error, lzma.LZMAError, OSError, EOFError):
                raise refused("is damaged, or needs more memory to be unpacked than it may have") from None
            self._input = b""
            if out:
                return out


def decoder_of(start: bytes) -> Callable[[], Decoder] | None:
    """What unpacks a file that begins so; None where that is nothing known."""
    return next((decoder for magic, decoder in DECODERS.items() if start.startswith(magic)), None)
