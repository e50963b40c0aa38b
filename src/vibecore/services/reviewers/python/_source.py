"""A module's text as Python counts its lines, and the comments in it that silence rules."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from vibecore.services.reviewers.python._rules import Rule

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SILENCER: Final = re.compile(
    r"#\s*(?P<file>(?:ruff|flake8)\s*:\s*)?(?P<kind>noqa|nosec|pylint\s*:\s*disable)\b"
    r"(?:\s*[:=]?\s*(?P<codes>[A-Z]{1,8}\d+(?:[\s,]+[A-Z]{1,8}\d+)*))?",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"[A-Z]+\d+")

_Codes = frozenset[str]
_ALL: Final[_Codes] = frozenset()
"""Stands for every rule of the comment's tool."""


class Source:
    """The text of a module. `text` is what Python parses: without a byte order mark."""

    def __init__(self, content: str) -> None:
        self.text = content.removeprefix("\ufeff")
        self._mark = len(content) - len(self.text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines as Python counts them: a lone carriage return ends one too."""
        return _LINE_END.split(self.text) if "\r" in self.text else self.text.split("\n")

    def line(self, number: int) -> str:
        """The line with this number of Python's, from 1; the nearest where there is none."""
        return self.lines[min(max(number, 1), len(self.lines)) - 1]

    def position(self, number: int, offset: int) -> tuple[int, int]:
        """Line and column, both from 1 and within the file, of `offset` UTF-8 bytes into Python's line `number`.

        Lines are counted as everywhere else, by line feeds alone; columns in code points.
        """
        number = min(max(number, 1), len(self.lines))
        text = self.line(number)
        if not text.isascii():
            offset = len(text.encode()[:offset].decode(errors="ignore"))
        column = min(offset, max(len(text) - 1, 0)) + 1
        if number == 1:
            column += self._mark
        if self._starts is None:
            return number, column
        line, before = self._starts[number - 1]
        return line, before + column

    @cached_property
    def _starts(self) -> list[tuple[int, int]] | None:
        """For each of Python's lines the line by line feeds and the code points before it there; None if the same."""
        if "\r" not in self.text.replace("\r\n", ""):
            return None
        starts = [(1, 0)]
        line, begin = 1, 0
        for end in _LINE_END.finditer(self.text):
            if end[0] != "\r":
                line, begin = line + 1, end.end()
            starts.append((line, end.end() - begin + (self._mark if line == 1 else 0)))
        return starts

    def silenced(self, rule: Rule, first: int, last: int) -> bool:
        """Whether a comment on one of Python's lines from `first` to `last`, or one for the file, silences `rule`."""
        if not self._silencers:
            return False
        found = (self._silencers.get(number) for number in (0, *range(first, last + 1)))
        return any(_covers(kind, codes, rule) for entries in found if entries for kind, codes in entries)

    @cached_property
    def _silencers(self) -> dict[int, list[tuple[str, _Codes]]]:
        """By line, 0 for the whole file: which tool's comment it is, and its codes."""
        found: dict[int, list[tuple[str, _Codes]]] = {}
        lowered = self.text.lower()
        if "noqa" not in lowered and "nosec" not in lowered and "pylint" not in lowered:
            return found
        for number, comment in self._comments():
            for match in _SILENCER.finditer(comment):
                kind = match["kind"].lower()[:5]
                codes = frozenset(_CODE.findall((match["codes"] or "").upper()))
                if kind == "pylin" and not codes:
                    continue
                found.setdefault(0 if match["file"] else number, []).append((kind, codes or _ALL))
        return found

    def _comments(self) -> Iterator[tuple[int, str]]:
        supply = iter([line + "\n" for line in self.lines])
        try:
            for token in tokenize.generate_tokens(lambda: next(supply, "")):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.string
        except (tokenize.TokenError, SyntaxError):
            # What the parser took and the tokenizer does not is too odd for comments to be told from strings.
            return


def _covers(kind: str, codes: _Codes, rule: Rule) -> bool:
    if codes:
        return not codes.isdisjoint(rule.codes)
    return kind == "noqa" or rule.category == "security"
