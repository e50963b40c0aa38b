"""Reading a JSON document piece by piece: what is iterated over is in memory one value at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, NoReturn

from vibecore.domain.errors import InvalidValue

MAX_VALUE_LENGTH: Final = 32 * 1024 * 1024
"""Characters of one value that is read as a whole."""

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_ENDS: Final = frozenset(",]}: \t\r\n")
_NEXT_OBJECT: Final = re.compile(r"[ \t\r\n]*,[ \t\r\n]*(?=\{)").match


class JsonReader:
    """A cursor over one JSON document (RFC 8259) that comes in chunks.

    The values themselves are read by the standard library's decoder in C: an event at a time in Python, as streaming
    parsers give them, is several times slower, and of a whole array of results none keeps only the present one while
    telling which run it is in. Raises InvalidValue with field "source", everywhere: no JSON, cut off, a value over
    `MAX_VALUE_LENGTH`, nested too deeply, NaN or an infinity.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._text = ""
        self._at = 0
        self._passed = 0
        self._ended = False
        self._decode = JSONDecoder(parse_constant=_no_number).raw_decode

    def value(self) -> Any:
        """The next value as a whole."""
        self.peek()
        while True:
            try:
                found, end = self._decode(self._text, self._at)
            except JSONDecodeError as error:
                if self._ended:
                    cut = error.pos >= len(self._text) or error.msg.startswith("Unterminated string")
                    self._fail("is cut off" if cut else "is no JSON", error.pos)
            except RecursionError:
                self._fail("is nested too deeply", self._at)
            except ValueError:
                self._fail("has a number that JSON or this library does not have", self._at)
            else:
                # A number at the end of a chunk may go on in the next one.
                if self._ended or isinstance(found, dict | list | str) or self._text[end : end + 1] in _ENDS:
                    self._at = end
                    return found
            if len(self._text) - self._at > MAX_VALUE_LENGTH:
                self._fail(f"has a value of more than {MAX_VALUE_LENGTH} characters", self._at)
            # Twice as much each time: the tries together cost no more than a few readings.
            self._more(max(2 * (len(self._text) - self._at), 1))

    def members(self) -> Iterator[str]:
        """The names of the object that is next; the value of each must be read before the next name is asked for."""
        self._expect("{", "an object")
        if self._passed_over("}"):
            return
        while True:
            if self.peek() != '"':
                self._fail("is no JSON", self._at)
            name = self.value()
            self._expect(":", "a colon")
            yield name
            if self._passed_over("}"):
                return
            self._expect(",", "a comma")

    def elements(self) -> Iterator[Any]:
        """The values of the array that is next, each read as a whole."""
        for _ in self.places():
            yield self.value()
            # What most arrays are made of, without the detours that the ends of chunks need: three times as fast.
            while (match := _NEXT_OBJECT(self._text, self._at)) is not None:
                try:
                    found, self._at = self._decode(self._text, match.end())
                except (ValueError, RecursionError):
                    break
                yield found

    def places(self) -> Iterator[int]:
        """The places of the array that is next; the value at each must be read before the next place is asked for."""
        self._expect("[", "an array")
        if self._passed_over("]"):
            return
        place = 0
        while True:
            yield place
            place += 1
            if self._passed_over("]"):
                return
            self._expect(",", "a comma")

    def peek(self) -> str:
        """The first character of what is next."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(1):
                self._fail("is cut off", self._at)

    def end(self) -> None:
        """Nothing but space may follow."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                self._fail("has something after its end", self._at)
            if not self._more(1):
                return

    def _expect(self, sign: str, name: str) -> None:
        if self.peek() != sign:
            self._fail(f"does not have {name}", self._at)
        self._at += 1

    def _passed_over(self, sign: str) -> bool:
        if self.peek() != sign:
            return False
        self._at += 1
        return True

    def _more(self, least: int) -> bool:
        """At least that many more characters, if there are any."""
        parts = [self._text[self._at :]]
        self._passed += self._at
        self._at = 0
        count = 0
        while count < least:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
                break
            parts.append(chunk)
            count += len(chunk)
        self._text = "".join(parts)
        return count > 0

    def _fail(self, what: str, at: int) -> NoReturn:
        raise InvalidValue("source", f"{what} (at character {self._passed + at + 1})") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
