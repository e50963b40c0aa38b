"""Archives for imports: whole ones in every form, and those that nobody who means well makes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Final

Files = Mapping[str, bytes | None]


def zipped(files: Files | Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these files, and folders where the content is None."""
    pairs = files.items() if isinstance(files, Mapping) else files
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names that are there twice, which are meant
        for name, data in pairs:
            if data is None:
                archive.writestr(f"{name}/", b"")
            else:
                archive.writestr(name, data)
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def tarred(files: Files | Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar with these files, and folders where the content is None."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for entry, data in files.items() if isinstance(files, Mapping) else files:
            if not isinstance(entry, tarfile.TarInfo):
                entry = member(entry, tarfile.DIRTYPE if data is None else tarfile.REGTYPE)
            if data is not None and not entry.size:
                entry.size = len(data)
            archive.addfile(entry, None if data is None else io.BytesIO(data))
    return out.getvalue()


PACKERS: Final[dict[str, Callable[[Files], bytes]]] = {
    "zip": zipped,
    "zip-stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "tar": tarred,
    "tar-gnu": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
}


def zip_entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """An entry with the mode of a file on Unix."""
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def patched(archive: bytes, changes: Mapping[int, int], *, width: int = 2) -> bytes:
    """A zip of one entry whose directory and header have other values at these places of the directory's record.

    A header lacks the directory's second field, hence the distance of two.
    """
    data = bytearray(archive)
    directory = data.rindex(b"PK\1\2")
    for place, value in changes.items():
        data[directory + place : directory + place + width] = value.to_bytes(width, "little")
        data[place - 2 : place - 2 + width] = value.to_bytes(width, "little")
    return bytes(data)
