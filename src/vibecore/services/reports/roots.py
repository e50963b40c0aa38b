"""Where the files that a report names lie in a project."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Set
from typing import Final
from urllib.parse import unquote, urlsplit

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paths import normalise_path

_DRIVE: Final = re.compile(r"/?[A-Za-z]:/")
MOST_VOTES: Final = 10_000
"""Absolute paths that are looked at to find the folder which they have in common with the project."""


class NotInProjectError(Exception):
    """What a report names is no path of a project, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def from_uri(uri: str) -> str:
    """The path that a relative reference or a `file:` URI names (RFC 3986, RFC 8089), '/'-separated and decoded.

    Raises NotInProjectError for another scheme or host, and for what is no URI.
    """
    if _DRIVE.match(uri.replace("\\", "/")):
        # Not a URI, but what tools on Windows write.
        return uri.replace("\\", "/")
    try:
        parts = urlsplit(uri.replace("\\", "/"))
    except ValueError:
        raise NotInProjectError("has a location that is no URI") from None
    if parts.scheme not in ("", "file"):
        raise NotInProjectError("has a location that is no file")
    if parts.netloc not in ("", "localhost"):
        raise NotInProjectError("lies on another machine")
    try:
        return unquote(parts.path, errors="strict")
    except UnicodeDecodeError:
        raise NotInProjectError("has a location that is not in UTF-8") from None


def is_absolute(path: str) -> bool:
    return path.startswith("/") or _DRIVE.match(path) is not None


def clean(path: str) -> str:
    """`path` without '.', '..' and empty segments; an absolute one stays absolute.

    Raises NotInProjectError where '..' leads out of a relative path.
    """
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        if segment == "..":
            if not segments:
                raise NotInProjectError("leads out of the project")
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return ("/" if path.startswith("/") else "") + "/".join(segments)


class Roots:
    """Turns the paths of a report into paths of a project.

    Absolute paths lie below `root`, the project's folder where the tool ran. Where it is not given, it is the folder
    below which most of `named` are files of the project; of several, the one nearest to the top.
    """

    def __init__(self, paths: Set[str], named: Iterable[str] = (), root: str | None = None) -> None:
        self._prefix = _as_folder(root) if root is not None else _found(paths, named)

    def locate(self, path: str) -> str:
        """The path in the project; raises NotInProjectError where it cannot be one."""
        cleaned = clean(path)
        if is_absolute(path):
            if self._prefix is None or not cleaned.startswith(self._prefix):
                raise NotInProjectError("lies outside of the project's folder")
            cleaned = cleaned[len(self._prefix) :]
        try:
            return normalise_path(cleaned)
        except InvalidValue as error:
            raise NotInProjectError(f"breaks a path rule: {error.reason}") from None


def checked_root(root: object) -> str | None:
    """`root` if it is None or an absolute path; InvalidValue with field "root"."""
    if root is None:
        return None
    if not isinstance(root, str) or "\0" in root:
        raise InvalidValue("root", "must be the path of a folder")
    if not is_absolute(root.replace("\\", "/")):
        raise InvalidValue("root", "must be absolute: the project's folder on the machine where the tool ran")
    return root


def _as_folder(root: str) -> str:
    folder = clean(root)
    return folder if folder.endswith("/") else f"{folder}/"


def _found(paths: Set[str], named: Iterable[str]) -> str | None:
    votes: Counter[str] = Counter()
    absolute = sorted({path for path in named if is_absolute(path)})[:MOST_VOTES]
    for path in absolute:
        try:
            cleaned = clean(path)
        except NotInProjectError:
            continue
        start = cleaned.find("/") + 1
        while start:
            if cleaned[start:] in paths:
                votes[cleaned[:start]] += 1
            start = cleaned.find("/", start) + 1
    if not votes:
        return None
    return min(votes, key=lambda prefix: (-votes[prefix], len(prefix), prefix))
