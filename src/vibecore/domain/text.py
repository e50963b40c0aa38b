"""The content of a file: the one line rule, sizes, digests, and what is text and what is binary."""

from __future__ import annotations

from hashlib import sha256

from vibecore.domain.errors import InvalidValue


def count_lines(text: str) -> int:
    """The number of '\\n', plus one if the last line is not empty.

    So "" has no line, "a" and "a\\n" have one, "\\n" has one. A lone carriage return ends no line.
    """
    if not text:
        return 0
    return text.count("\n") + (text[-1] != "\n")


def size_bytes(text: str) -> int:
    """The length in UTF-8 bytes. Raises InvalidValue with field "content" for a lone surrogate."""
    if text.isascii():
        return len(text)
    return len(encode(text))


def encode(text: str) -> bytes:
    """The UTF-8 bytes: the inverse of `decode`, byte for byte.

    Raises InvalidValue with field "content" for a lone surrogate, which has no UTF-8 form.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("content", "must not contain lone surrogates") from None


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, as 64 lower-case hexadecimal digits."""
    return sha256(data).hexdigest()


def decode(data: bytes) -> str | None:
    """The text of `data` if it is strict UTF-8 that a text column can hold, else None: the content is binary.

    A NUL byte makes it binary: PostgreSQL stores no NUL in text, and UTF-16 and UTF-32 are told apart from
    text by it. A byte order mark and carriage returns are kept, so that encoding the text again gives the
    same bytes.
    """
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
