"""What the exit code says, and the one line on stderr that goes with every code but 0."""

from __future__ import annotations

import sys
from typing import Final

from vibecore.domain.errors import InvalidValue, StoreError, VibecoreError

DONE: Final = 0
REFUSED: Final = 1
"""The command could not be done (no such project, sign-in failed, not permitted), or `check` found drift."""
USAGE: Final = 2
"""A wrong option or value."""
DATABASE: Final = 3
"""The database cannot be reached, is not migrated, or refused a statement; or an optional package or a setting is
missing."""
INTERRUPTED: Final = 130
TERMINATED: Final = 143
BROKEN_PIPE: Final = 141
"""As a shell reports SIGINT, SIGTERM and SIGPIPE."""


def code_of(error: VibecoreError) -> int:
    """The exit code for an error of the library."""
    if isinstance(error, InvalidValue):
        return USAGE
    return DATABASE if isinstance(error, StoreError) else REFUSED


def complain(message: object) -> None:
    """`message` as one line on stderr, whatever it holds."""
    print(f"vibecore: {printable(' '.join(str(message).split()))}", file=sys.stderr)  # noqa: T201


def printable(text: str) -> str:
    """`text` with control characters escaped: what a database or a file holds must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
