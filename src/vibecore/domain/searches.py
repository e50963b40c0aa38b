"""Searches in a project's files: what is asked, what matches, and what is shown of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import File, FileType
from vibecore.domain.rules import Boolean, Text

LONGEST_TEXT: Final = 200
"""Characters of a text to search for."""
MOST_LINES: Final = 20
"""Lines that are shown of one file; all that match are counted."""
LONGEST_EXCERPT: Final = 200
"""Characters that are shown of one line."""
_BEFORE: Final = 60
"""Characters that are shown of a longer line before what matches."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Size of the contents of one page, but for its last file: a page is cut short where there are more."""
_TEXT: Final = Text(LONGEST_TEXT, shortest=1)
_FLAG: Final = Boolean()


@dataclass(frozen=True)
class Search:
    """A text of one line as it stands: no character is a wildcard. `folder` is a path, or None for everywhere.

    InvalidValue names what is wrong.
    """

    text: str
    names: bool = True
    contents: bool = True
    ignore_case: bool = False
    folder: str | None = None

    def __post_init__(self) -> None:
        _TEXT.check("text", self.text)
        if "\n" in self.text:
            raise InvalidValue("text", "must be one line")
        for name in ("names", "contents", "ignore_case"):
            _FLAG.check(name, getattr(self, name))
        if not self.names and not self.contents:
            raise InvalidValue("contents", "is left out as names are: nothing would be searched")

    @cached_property
    def folded(self) -> str:
        """The text case-folded."""
        return self.text.casefold()

    @property
    def in_paths(self) -> bool:
        """Whether names are searched as whole paths: no name holds a slash."""
        return "/" in self.text

    def fits_name(self, path: str, name: str) -> bool:
        """Whether the name, or the path, matches."""
        return self.names and self.occurs(path if self.in_paths else name)

    def occurs(self, text: str) -> bool:
        """Whether the text asked for stands in `text`."""
        return self.folded in text.casefold() if self.ignore_case else self.text in text

    def may_occur(self, text: str) -> bool:
        """What a store can tell without Python's tables of case: false only where `occurs` is. Both backends give the
        same, so that their pages end at the same rows."""
        if not self.ignore_case:
            return self.text in text
        return not text.isascii() or self.folded in text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLine:
    """A line that matches: its number, from 1, and the line without its end, or the part of it around the match."""

    number: int
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file or folder that matches: by its name, or by lines. `line_matches` counts all of them, `lines` are the first
    `MOST_LINES`."""

    id: UUID
    path: str
    type: FileType
    in_name: bool
    line_matches: int
    lines: tuple[FoundLine, ...]


def look(search: Search, file: File) -> FoundFile | None:
    """What matches in the file; None where nothing does. Folders and binary files have no lines."""
    in_name = search.fits_name(file.path, file.name)
    lines: list[FoundLine] = []
    matches = 0
    if search.contents and file.content is not None:
        for number, line in enumerate(file.content.split("\n"), 1):
            if search.occurs(line):
                matches += 1
                if len(lines) < MOST_LINES:
                    lines.append(FoundLine(number=number, excerpt=_excerpt(search, line.removesuffix("\r"))))
    if not in_name and not matches:
        return None
    return FoundFile(
        id=file.id, path=file.path, type=file.type, in_name=in_name, line_matches=matches, lines=tuple(lines)
    )


def _excerpt(search: Search, line: str) -> str:
    if len(line) <= LONGEST_EXCERPT:
        return line
    start = max(0, min(_place(search, line) - _BEFORE, len(line) - LONGEST_EXCERPT))
    return line[start : start + LONGEST_EXCERPT]


def _place(search: Search, line: str) -> int:
    """Where the text begins in the line; folding may make more characters of one."""
    if not search.ignore_case:
        return max(0, line.find(search.text))
    wanted = line.casefold().find(search.folded)
    length = 0
    for place, character in enumerate(line):
        length += len(character.casefold())
        if length > wanted:
            return place
    return 0
