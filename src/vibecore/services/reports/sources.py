"""Where a report is read from: a file, bytes, or an open binary file such as standard input."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, cast

from vibecore.domain.errors import InvalidValue

Source = bytes | str | os.PathLike[str] | BinaryIO
"""The report itself as bytes, the path of its file, or a file that is open for reading bytes."""

MAX_REPORT_BYTES: Final = 1024 * 1024 * 1024
"""The largest report that is read; never all of it is in memory."""

CHUNK_BYTES: Final = 256 * 1024


class Bounded:
    """A binary file of which at most `limit` bytes are read: one more is InvalidValue with field "source"."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size` of them; without a size `CHUNK_BYTES`."""
        try:
            data = self._file.read(CHUNK_BYTES if size < 0 else size)
        except (OSError, ValueError) as error:
            # ValueError: the file has been closed.
            raise InvalidValue("source", f"cannot be read: {type(error).__name__}") from None
        if not isinstance(data, bytes):
            raise InvalidValue("source", "must be a file that is open for reading bytes")
        self._read += len(data)
        if self._read > self._limit:
            raise InvalidValue("source", f"is larger than {self._limit} bytes")
        return data


@contextmanager
def opened(source: Source, *, limit: int = MAX_REPORT_BYTES) -> Iterator[Bounded]:
    """The report for reading; a file that was opened here is closed with the block.

    Raises InvalidValue with field "source": not one of the three, no such file, one that cannot be read, over `limit`.
    """
    if isinstance(source, bytes):
        yield Bounded(BytesIO(source), limit)
    elif isinstance(source, str | os.PathLike) and not isinstance(source, Enum):
        if source == "":
            raise InvalidValue("source", "is empty")
        try:
            file = Path(source).open("rb")  # noqa: SIM115  # closed below, where errors are those of the block
        except (FileNotFoundError, NotADirectoryError, ValueError):
            # ValueError: a NUL character, or one that no file name can hold.
            raise InvalidValue("source", "no such file") from None
        except IsADirectoryError:
            raise InvalidValue("source", "is a folder") from None
        except (OSError, TypeError) as error:
            raise InvalidValue("source", f"cannot be read: {type(error).__name__}") from None
        with file:
            yield Bounded(cast("BinaryIO", file), limit)
    elif callable(getattr(source, "read", None)):
        yield Bounded(cast("BinaryIO", source), limit)
    else:
        raise InvalidValue("source", f"must be bytes, a path or an open file, not {type(source).__name__}")


def decoded(file: Bounded) -> Iterator[str]:
    """The text of a UTF-8 report by chunks, without a byte order mark. Raises InvalidValue with field "source"."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    while True:
        data = file.read()
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            raise InvalidValue("source", "is not in UTF-8") from None
        if text:
            yield text
        if not data:
            return
