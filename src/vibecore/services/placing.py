"""Placing files in a real folder: each appears whole under its name or not at all, and no link is ever followed."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from typing import Final

FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS: Final = 100

AT_FAULT: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
)
"""Errors of the process or the disk, after which no other file would fare better."""
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


class NotPlacedError(Exception):
    """Nothing was placed, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def open_folder(root: int, names: Iterable[str], made: Callable[[], None]) -> int:
    """A new descriptor of the folder below `root`, made where it is missing, name by name and never through a link.

    `made` is called for each folder that was made. Raises NotPlacedError, OSError.
    """
    descriptor = os.dup(root)
    for name in names:
        try:
            following = _enter(descriptor, name, made)
        finally:
            os.close(descriptor)
        descriptor = following
    return descriptor


def _enter(folder: int, name: str, made: Callable[[], None]) -> int:
    flags = FOLDER_FLAGS | os.O_NOFOLLOW
    try:
        with suppress(FileNotFoundError):
            return os.open(name, flags, dir_fd=folder)
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
            made()
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            found = found_at(folder, name)
            raise NotPlacedError("is no folder in the target" if found is None else in_the_way(found)) from None
        raise


def found_at(folder: int, name: str) -> os.stat_result | None:
    """What stands under the name, a link as itself; None where nothing does."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def in_the_way(found: os.stat_result) -> str:
    """The reason for people why an entry of this kind was left alone."""
    kind = stat.S_IFMT(found.st_mode)
    named = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symbolic link", stat.S_IFREG: "another file"}
    return f"is {named.get(kind, 'neither a file nor a folder')} in the target"


@contextmanager
def placed(folder: int, name: str, *, overwrite: bool) -> Iterator[BufferedWriter]:
    """A file that stands under `name` once the block ends; left by an error, the folder is as before.

    It is written beside that place, and takes it in one step. With `overwrite` it replaces a file, or a link itself.

    Raises NotPlacedError, what the block raises, and OSError where the process or the disk is at fault.
    """
    try:
        draft, descriptor = _draft(folder)
    except OSError as error:
        raise NotPlacedError(why(error)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        _take(folder, draft, name, overwrite=overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)


def why(error: OSError) -> str:
    """The reason for people. Raises `error` where the process or the disk, not the file, is at fault."""
    if error.errno in AT_FAULT:
        raise error
    return f"cannot be written: {os.strerror(error.errno).lower() if error.errno else error}"


def _draft(folder: int) -> tuple[str, int]:
    """A new file beside the others; one that a killed process left behind is no obstacle."""
    for attempt in range(_ATTEMPTS):
        name = f".vibecore-{os.getpid()}-{threading.get_ident()}-{attempt}.tmp"
        with suppress(FileExistsError):
            return name, os.open(name, _NEW_FLAGS, 0o666, dir_fd=folder)
    raise FileExistsError(errno.EEXIST, "no name for a new file is free")


def _take(folder: int, draft: str, name: str, *, overwrite: bool) -> None:
    try:
        if overwrite:
            os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            _link(folder, draft, name)
    except FileExistsError:
        raise NotPlacedError("appeared in the target meanwhile") from None
    except OSError as error:
        raise NotPlacedError(why(error)) from None


def _link(folder: int, draft: str, name: str) -> None:
    try:
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without hard links: the name is taken by an empty file first, which the draft replaces.
        os.close(os.open(name, _NEW_FLAGS, 0o666, dir_fd=folder))
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
