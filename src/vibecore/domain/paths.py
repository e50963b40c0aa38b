"""The path rules of a project's files.

A path is relative and '/'-separated, in Unicode normal form C. Every function but `normalise_path` takes
paths that `normalise_path` returned, and returns such paths. No path names the root itself: where a parent is
asked for and there is none, the answer is None.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from typing import Final

from vibecore.domain.errors import InvalidValue

MAX_PATH_LENGTH: Final = 1000
"""Code points in a path: the length of the column `files.path`."""

MAX_NAME_LENGTH: Final = 255
"""Code points in one segment: the length of the column `files.name`."""

# A btree entry of PostgreSQL takes 2,704 bytes at most. Beside the path stand a tuple header (8 bytes), the
# project's uuid (16) and the length word of the text (4), all rounded up to a multiple of 8: 2,676 bytes
# would be left. The limit keeps 76 of them free, so that an index may carry one more uuid, timestamp or enum
# before the path. Compression is not counted on: it depends on the text and on how the server was built.
MAX_PATH_BYTES: Final = 2600
"""UTF-8 bytes in a path: what every index over (project, path) can hold."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def normalise_path(text: str) -> str:
    """`text` in normal form C, once it keeps every rule; the same path again for a path.

    Refused, never repaired: an absolute path, a trailing or doubled '/', a '.' or '..' segment, a control
    character (C0, DEL, C1), a lone surrogate, a segment over `MAX_NAME_LENGTH`, a path over `MAX_PATH_LENGTH`
    or `MAX_PATH_BYTES`. Lengths count after normalisation.

    Raises InvalidValue with field "path"; the reason gives the length found and the limit where a length is
    at fault.
    """
    if type(text) is not str:
        if not isinstance(text, str) or isinstance(text, Enum):
            raise InvalidValue("path", "must be text")
        text = str.__str__(text)
    # No canonical decomposition has more than 4 code points, so normalising cannot bring a longer text within
    # the limit.
    if len(text) > 4 * MAX_PATH_LENGTH:
        raise InvalidValue("path", f"has {len(text)} characters, at most {MAX_PATH_LENGTH} are allowed")
    path = text if text.isascii() else unicodedata.normalize("NFC", text)
    if _CONTROL.search(path):
        raise InvalidValue("path", "must not contain control characters")
    check_lengths(path)
    if path.startswith("/"):
        raise InvalidValue("path", "must be relative")
    for segment in path.split("/"):
        if not segment:
            raise InvalidValue("path", "must not contain an empty segment" if path else "must not be empty")
        if segment in (".", ".."):
            raise InvalidValue("path", f"must not contain a {segment!r} segment")
        if len(segment) > MAX_NAME_LENGTH:
            raise InvalidValue(
                "path", f"has a segment of {len(segment)} characters, at most {MAX_NAME_LENGTH} are allowed"
            )
    return path


def check_lengths(path: str) -> None:
    """Raises InvalidValue with field "path" where a joined or moved path is over a limit, or is not UTF-8."""
    if len(path) > MAX_PATH_LENGTH:
        raise InvalidValue("path", f"has {len(path)} characters, at most {MAX_PATH_LENGTH} are allowed")
    if path.isascii():
        return
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidValue("path", "must not contain lone surrogates") from None
    if size > MAX_PATH_BYTES:
        raise InvalidValue("path", f"has {size} bytes in UTF-8, at most {MAX_PATH_BYTES} are allowed")


def name_of(path: str) -> str:
    """The last segment."""
    return path.rpartition("/")[2]


def parent_of(path: str) -> str | None:
    """The folder that holds `path`; None at the top level."""
    return path.rpartition("/")[0] or None


def parents(path: str) -> tuple[str, ...]:
    """Every folder above `path`, the outermost first: the order in which missing ones are made."""
    found = []
    end = path.find("/")
    while end != -1:
        found.append(path[:end])
        end = path.find("/", end + 1)
    return tuple(found)


def depth(path: str) -> int:
    """The number of segments: 1 at the top level."""
    return path.count("/") + 1


def is_within(path: str, folder: str) -> bool:
    """Whether `path` lies below `folder`, at any depth. A folder is not within itself."""
    return path.startswith(folder + "/")


def moved(path: str, source: str, target: str) -> str:
    """What `path` is called once `source`, which is `path` itself or a folder above it, is called `target`.

    Raises InvalidValue: with field "path" where `path` is neither `source` nor within it, or where the new
    path is over a limit; with field "target" where `target` lies within `source`.
    """
    if is_within(target, source):
        raise InvalidValue("target", "must not lie within the source")
    if path == source:
        return target
    if not is_within(path, source):
        raise InvalidValue("path", "must be the source or lie within it")
    result = target + path[len(source) :]
    check_lengths(result)
    return result


def case_key(path: str) -> str:
    """Equal for two paths that a file system which ignores case and normal form takes for one.

    Unicode's canonical caseless matching: `Straße` and `STRASSE` are equal, as are all normal forms of a
    name.
    """
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
