"""Walking a real folder for import: every file and folder below it, or the reason why not.

Nothing outside the folder is ever read. Folders and files are opened name by name from their parent's
descriptor and never through a symbolic link, so that a folder which is swapped for a link during the walk
leads nowhere.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paths import case_key, normalise_path
from vibecore.domain.rules import check_text
from vibecore.services.gitignore import IgnoreRules

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
"""The default limit of one file's size."""

MAX_RULES_BYTES: Final = 1024 * 1024
"""A larger `.gitignore` is imported as any other file, and its rules are not applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file with its bytes, or a folder, whose `data` is empty. `path` keeps the path rules."""

    path: str
    is_folder: bool = False
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What was left out, with everything below it, and why.

    `path` is for people: what cannot be shown in it (undecodable bytes, control characters) is escaped.
    """

    path: str
    reason: str


def walk(
    root: str | os.PathLike[str],
    *,
    gitignore: bool = False,
    exclude: Sequence[str] = (),
    max_file_bytes: int = MAX_FILE_BYTES,
) -> Iterator[Entry | Skipped]:
    """Every file and folder below `root`: an Entry, or a Skipped where it cannot or must not be imported.

    The order is the same for the same tree: a folder before what it holds, its files before its folders, both
    by name in code point order. Empty folders are entries. `root` itself is none, and may be a symbolic link.

    Skipped: symbolic links; sockets, pipes and devices; what cannot be read; names that are not UTF-8 or
    break the path rules; a second spelling of a path that is the same in normal form C; files over
    `max_file_bytes`; files that change while they are read; `.git`, in whatever case; what the patterns of
    `exclude` say, written as in a `.gitignore` in `root`; and, with `gitignore`, what the `.gitignore` files of
    the tree say (no others: neither those above `root` nor the user's own). Where both say something of a path,
    `exclude` holds.

    Raises InvalidValue at once: with field "source" where `root` is not a folder that can be read, with field
    "exclude" where that is not a list of patterns of one line, with field "max_file_bytes" where that is not a
    positive number. Running out of descriptors or memory raises OSError.
    """
    excluded = exclusions(exclude)
    if type(max_file_bytes) is not int or max_file_bytes < 1:
        raise InvalidValue("max_file_bytes", "must be a positive integer")
    source = source_path(root)
    with _opened_root(source):
        pass
    return _Walk(source, gitignore=gitignore, excluded=excluded, max_file_bytes=max_file_bytes).run()


def exclusions(patterns: object) -> IgnoreRules | None:
    """The rules that the caller's own patterns make. Raises InvalidValue with field "exclude"."""
    if isinstance(patterns, (str, bytes)) or not isinstance(patterns, Sequence):
        raise InvalidValue("exclude", f"must be a list of patterns, not {type(patterns).__name__}")
    lines = [check_text(f"exclude[{place}]", pattern) for place, pattern in enumerate(patterns)]
    for place, line in enumerate(lines):
        if "\n" in line:
            raise InvalidValue(f"exclude[{place}]", "must be one line")
    return IgnoreRules("\n".join(lines).encode()) if lines else None


def source_path(root: str | os.PathLike[str]) -> Path:
    """The place that was given, absolute. Raises InvalidValue with field "source"."""
    if isinstance(root, Enum):
        raise InvalidValue("source", "must be a path in text")
    if root == "":
        # Path would take it for the working directory, which nobody means who has an empty variable.
        raise InvalidValue("source", "is empty")
    try:
        source = Path(root)
        # Made absolute now, so that the walk does not follow a later change of the working directory.
        return source.absolute()
    except TypeError:
        raise InvalidValue("source", "must be a path in text") from None
    except OSError as error:
        raise InvalidValue("source", "no such folder") from error


@contextmanager
def _opened_root(source: Path) -> Iterator[int]:
    try:
        descriptor = os.open(source, _FOLDER_FLAGS)
    except (FileNotFoundError, ValueError):
        # ValueError: a NUL character, or one that no file name can hold.
        raise InvalidValue("source", "no such folder") from None
    except NotADirectoryError:
        raise InvalidValue("source", "is not a folder") from None
    except OSError as error:
        raise InvalidValue("source", _why(error)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe that took a file's place would wait for a writer.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_REPLACED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})

KINDS: Final = {
    stat.S_IFLNK: "is a symbolic link",
    stat.S_IFIFO: "is a named pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


_Rules = tuple[tuple[int, IgnoreRules], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """A folder still to be listed."""

    path: str = ""
    names: tuple[str, ...] = ()
    """The names that lead to it, as the system spells them."""
    rules: _Rules = ()
    """The depth and the rules of each folder above it that has some, the outermost first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    name: str
    """As the system spells it."""
    text: str
    path: str
    is_folder: bool


class _Walk:
    def __init__(self, source: Path, *, gitignore: bool, excluded: IgnoreRules | None, max_file_bytes: int) -> None:
        self._source = source
        self._gitignore = gitignore
        self._excluded = excluded
        self._limit = max_file_bytes

    def run(self) -> Iterator[Entry | Skipped]:
        with _opened_root(self._source) as root:
            waiting = [_Folder()]
            while waiting:
                folder = waiting.pop()
                below: list[_Folder] = []
                yield from self._folder(root, folder, below)
                waiting += reversed(below)

    def _folder(self, root: int, folder: _Folder, below: list[_Folder]) -> Iterator[Entry | Skipped]:
        """The folder itself and its files; appends its folders to `below`."""
        try:
            descriptor = _open_folder(root, folder.names)
        except OSError as error:
            yield _unread(folder.path, error)
            return
        try:
            try:
                children = _children(descriptor, folder.path)
            except OSError as error:
                yield _unread(folder.path, error)
                return
            if folder.path:
                yield Entry(path=folder.path, is_folder=True)
            rules = folder.rules
            if self._gitignore:
                rules += yield from _own_rules(descriptor, folder, children)
            for child in children:
                if isinstance(child, Skipped):
                    yield child
                    continue
                names = (*folder.names, child.name)
                reason = self._left_out(rules, names, is_folder=child.is_folder)
                if reason is not None:
                    yield Skipped(path=child.path, reason=reason)
                elif child.is_folder:
                    below.append(_Folder(path=child.path, names=names, rules=rules))
                else:
                    yield _entry(descriptor, child, self._limit)
        finally:
            os.close(descriptor)

    def _left_out(self, rules: _Rules, names: tuple[str, ...], *, is_folder: bool) -> str | None:
        """Why the rules leave it out, or None."""
        if self._excluded is None and not rules:
            return None
        segments = [os.fsencode(name) for name in names]
        if self._excluded is not None:
            decision = self._excluded.decide(segments, is_folder=is_folder)
            if decision is not None:
                return "is excluded" if decision else None
        return "is ignored by .gitignore" if is_ignored(rules, segments, is_folder=is_folder) else None


def _open_folder(root: int, names: Iterable[str]) -> int:
    """A new descriptor of the folder, reached from `root` name by name and never through a link."""
    descriptor = os.dup(root)
    for name in names:
        try:
            following = os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def _children(descriptor: int, folder: str) -> list[_Child | Skipped]:
    """What the folder holds, in order; of two spellings of one path the one in normal form C goes first."""
    with os.scandir(descriptor) as items:
        found = [_child(item, folder) for item in items]
    found.sort(key=_order)
    taken: set[str] = set()
    children: list[_Child | Skipped] = []
    for child in found:
        if isinstance(child, _Child) and child.path in taken:
            child = Skipped(path=child.path, reason="is a second spelling of the same path")
        elif isinstance(child, _Child):
            taken.add(child.path)
        children.append(child)
    return children


def _order(child: _Child | Skipped) -> tuple[str, bool, str]:
    if isinstance(child, Skipped):
        return child.path, True, ""
    return child.path, not unicodedata.is_normalized("NFC", child.text), child.text


def _child(item: os.DirEntry[str], folder: str) -> _Child | Skipped:
    prefix = f"{folder}/" if folder else ""
    raw = os.fsencode(item.name)
    named = prefix + shown(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Skipped(path=named, reason="has a name that is not UTF-8")
    if belongs_to_git(text):
        return Skipped(path=named, reason="belongs to git")
    try:
        is_folder = item.is_dir(follow_symlinks=False)
        if not is_folder and not item.is_file(follow_symlinks=False):
            kind = stat.S_IFMT(item.stat(follow_symlinks=False).st_mode)
            return Skipped(path=named, reason=KINDS.get(kind, "is neither a file nor a folder"))
        path = normalise_path(prefix + text)
    except InvalidValue as error:
        return Skipped(path=named, reason=f"breaks a path rule: {error.reason}")
    except OSError as error:
        return _unread(named, error)
    return _Child(name=item.name, text=text, path=path, is_folder=is_folder)


def belongs_to_git(name: str) -> bool:
    """Whether git, on a file system that ignores case too, takes what has this name for its own."""
    return case_key(name) == ".git"


def shown(name: bytes) -> str:
    """A name for people: what cannot be shown is escaped."""
    text = name.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _own_rules(
    descriptor: int, folder: _Folder, children: Iterable[_Child | Skipped]
) -> Generator[Skipped, None, _Rules]:
    """The rules of the folder's own `.gitignore`; none where it has none, or where it cannot be read."""
    for child in children:
        if not isinstance(child, _Child) or child.text != ".gitignore" or child.is_folder:
            continue
        try:
            data = _read(descriptor, child.name, MAX_RULES_BYTES)
        except _NotReadError as error:
            yield Skipped(path=child.path, reason=f"has rules that are not applied: {error.reason}")
        except OSError as error:
            yield Skipped(path=child.path, reason=f"has rules that are not applied: {_why(error)}")
        else:
            return ((len(folder.names), IgnoreRules(data)),)
    return ()


def is_ignored(rules: _Rules, segments: Sequence[bytes], *, is_folder: bool) -> bool:
    """Whether the path is ignored; of the rules of several folders the innermost that say something hold."""
    for depth, found in reversed(rules):
        decision = found.decide(segments[depth:], is_folder=is_folder)
        if decision is not None:
            return decision
    return False


def _entry(descriptor: int, child: _Child, limit: int) -> Entry | Skipped:
    try:
        return Entry(path=child.path, data=_read(descriptor, child.name, limit))
    except _NotReadError as error:
        return Skipped(path=child.path, reason=error.reason)
    except OSError as error:
        return _unread(child.path, error)


class _NotReadError(Exception):
    """The file was left alone for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _read(folder: int, name: str, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes. Raises _NotReadError or OSError."""
    descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise _NotReadError("was replaced during the walk")
        if before.st_size > limit:
            raise _NotReadError(f"is larger than {limit} bytes")
        data = _up_to(descriptor, before.st_size + 1)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not len(data) == before.st_size == after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise _NotReadError("changed while it was read")
    return data


def _up_to(descriptor: int, most: int) -> bytes:
    parts = []
    while most > 0 and (part := os.read(descriptor, most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _unread(path: str, error: OSError) -> Skipped:
    return Skipped(path=path or ".", reason=_why(error))


def _why(error: OSError) -> str:
    """The reason for people. Raises `error` where the process, not the file, is at fault."""
    if error.errno in _EXHAUSTED:
        raise error
    if error.errno in _REPLACED:
        return "was replaced during the walk"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "cannot be read: permission denied"
    return f"cannot be read: {os.strerror(error.errno) if error.errno else error}"
