"""Folders and archives named on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from vibecore.cli.exits import printable
from vibecore.domain.errors import InvalidValue

LONGEST_NAME: Final = 100


def checked_source(given: str) -> Path:
    """`given` as a folder or an archive that can be read; InvalidValue names it."""
    from vibecore.services.archive_members import open_archive
    from vibecore.services.limits import ImportLimits

    try:
        is_file = bool(given) and Path(given).is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        return checked_folder(given)
    place = Path(given)
    try:
        with place.open("rb") as file:
            open_archive(file, ImportLimits())
    except InvalidValue as error:
        raise InvalidValue("path", f"{error.reason}: {given}") from None
    except OSError:
        raise InvalidValue("path", f"may not be read: {given}") from None
    return place


def checked_folder(given: str) -> Path:
    """`given` as a folder that can be read, before anything is opened for it; InvalidValue names it."""
    if not given:
        raise InvalidValue("path", "is empty")
    folder = Path(given)
    try:
        if not folder.exists():
            raise InvalidValue("path", f"no such folder: {given}")
        if not folder.is_dir():
            raise InvalidValue("path", f"is not a folder: {given}")
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue("path", f"cannot be a folder: {given}") from None
    if not os.access(folder, os.R_OK | os.X_OK):
        raise InvalidValue("path", f"may not be read: {given}")
    return folder


def shown_name(folder: Path) -> str:
    """The folder's own name, for people."""
    name = os.fsencode(folder.absolute().resolve().name).decode(errors="backslashreplace")
    return printable(name)[:LONGEST_NAME] or "/"
