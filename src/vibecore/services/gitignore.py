"""The rules of one `.gitignore` file, as git itself applies them.

Names and patterns are bytes, since git's wildcards count bytes. The file comes with the tree, so it is not to
be trusted: for any pattern, matching takes time linear in the name times the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_STAR = b"*"

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t-\r",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}


class IgnoreRules:
    """What one `.gitignore` says of the paths below its folder. Lines that git cannot use match nothing."""

    def __init__(self, data: bytes) -> None:
        found = (_parse(line) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
        self._rules = tuple(rule for rule in found if rule is not None)[::-1]

    def decide(self, segments: Sequence[bytes], *, is_folder: bool) -> bool | None:
        """Whether the path is ignored, by the last rule that matches it; None where no rule does.

        `segments` is the path relative to the folder of the file. What lies in an ignored folder is not to be
        asked for: no rule brings it back.
        """
        for rule in self._rules:
            if (is_folder or not rule.folders_only) and rule.matches(segments):
                return not rule.negated
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    negated: bool
    folders_only: bool
    by_name: bool
    groups: tuple[tuple[re.Pattern[bytes], ...], ...]
    """The segments between `**` segments; an empty first or last one is a pattern that begins or ends so."""

    def matches(self, segments: Sequence[bytes]) -> bool:
        if self.by_name:
            return self.groups[0][0].fullmatch(segments[-1]) is not None
        first, *rest = self.groups
        if not rest:
            return len(first) == len(segments) and _fits(first, segments, 0)
        *middle, last = rest
        # A `**` at the end stands for one segment or more, elsewhere for none or more.
        end = len(segments) - (len(last) or 1)
        if len(first) > end or not _fits(first, segments, 0):
            return False
        if not _fits(last, segments, end):
            return False
        at = len(first)
        # Each group has a fixed length, so its leftmost place leaves the most room to the others.
        for group in middle:
            while at + len(group) <= end and not _fits(group, segments, at):
                at += 1
            at += len(group)
        return at <= end


def _fits(group: Sequence[re.Pattern[bytes]], segments: Sequence[bytes], at: int) -> bool:
    return all(pattern.fullmatch(segments[at + index]) for index, pattern in enumerate(group))


class _NeverMatches(Exception):
    """The pattern is malformed: git accepts the line, and no path ever matches it."""


def _parse(line: bytes) -> _Rule | None:
    """The rule of one line; None for a blank line, a comment, or a pattern that never matches."""
    line = _without_trailing_blanks(line.removesuffix(b"\r"))
    if not line or line.startswith(b"#"):
        return None
    negated = line.startswith(b"!")
    line = line[negated:]
    folders_only = line.endswith(b"/")
    line = line[: len(line) - folders_only]
    by_name = b"/" not in line
    try:
        groups = _groups(line.removeprefix(b"/"), by_name=by_name)
    except _NeverMatches:
        return None
    return _Rule(negated=negated, folders_only=folders_only, by_name=by_name, groups=groups)


def _without_trailing_blanks(line: bytes) -> bytes:
    end = len(line)
    while line[:end].endswith(b" "):
        rest = line[: end - 1]
        if (len(rest) - len(rest.rstrip(b"\\"))) % 2:
            break
        end -= 1
    return line[:end]


def _groups(pattern: bytes, *, by_name: bool) -> tuple[tuple[re.Pattern[bytes], ...], ...]:
    """The pattern's segments, in groups that `**` segments separate. Raises _NeverMatches."""
    groups: list[tuple[re.Pattern[bytes], ...]] = [()]
    tokens: list[bytes] = []
    after_folders = False
    for token in [*_tokens(pattern), b"/"]:
        if token != b"/":
            tokens.append(token)
            continue
        if not tokens:
            raise _NeverMatches
        any_folders = not by_name and len(tokens) > 1 and set(tokens) == {_STAR}
        if not any_folders:
            groups[-1] += (_compiled(tokens),)
        elif not after_folders:
            groups.append(())
        after_folders = any_folders
        tokens = []
    return tuple(groups)


def _compiled(tokens: Sequence[bytes]) -> re.Pattern[bytes]:
    first, *rest = b"".join(b"\0" if token is _STAR else token for token in tokens).split(b"\0")
    # Each piece between stars has a fixed length, so its leftmost place is as good as any: only the last star
    # may need another try, and the atomic groups keep the engine from retrying the others.
    if rest:
        first += b"".join(b"(?>.*?" + piece + b")" for piece in rest[:-1] if piece) + b".*" + rest[-1]
    return re.compile(first, re.DOTALL)


def _tokens(pattern: bytes) -> Iterator[bytes]:
    """In turn `_STAR`, "/", or a regular expression for exactly one byte. Raises _NeverMatches."""
    # No name holds a NUL byte.
    if b"\0" in pattern:
        raise _NeverMatches
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        at += 1
        if byte == b"*":
            yield _STAR
        elif byte == b"/":
            yield byte
        elif byte == b"?":
            yield b"."
        elif byte == b"[":
            token, at = _bracket(pattern, at)
            yield token
        else:
            member, at = _member(pattern, at - 1)
            yield b"/" if member == b"/" else re.escape(member)


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The set that begins at `at`, behind its "[", as a regular expression; and the place behind its "]"."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    start = at
    parts: list[bytes] = []
    low = b""  # where a range could begin
    while pattern[at : at + 1] != b"]" or at == start:
        if name := _CLASS.match(pattern, at):
            if name[1] not in _CLASSES:
                raise _NeverMatches
            parts.append(_CLASSES[name[1]])
            low, at = b"", name.end()
        elif low and pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"", b"]"):
            high, at = _member(pattern, at + 1)
            # A range with its ends the wrong way round holds its first byte only, which stands there already.
            if low <= high:
                parts.append(b"\\x%02x-\\x%02x" % (ord(low), ord(high)))
            low = b""
        else:
            low, at = _member(pattern, at)
            parts.append(b"\\x%02x" % ord(low))
    return b"[" + (b"^" if negated else b"") + b"".join(parts) + b"]", at + 1


_CLASS = re.compile(rb"\[:([^]]*):\]")


def _member(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The byte at `at`, or the one escaped there, and the place behind it. Raises _NeverMatches."""
    at += pattern[at : at + 1] == b"\\"
    if at >= len(pattern):
        raise _NeverMatches
    return pattern[at : at + 1], at + 1
