"""Places in a file's text: lines by the project's line rule, columns in code points."""

from __future__ import annotations

from bisect import bisect_right


class Lines:
    """The lines of a text, without their ends; a carriage return before a line's end is part of the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        self._lines = lines
        self._starts: list[int] | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def text(self, line: int) -> str:
        """What stands on the line, from 1; "" in an empty file, whose line 1 findings about the whole file name."""
        return self._lines[line - 1].removesuffix("\r") if self._lines else ""

    def column(self, line: int, column: int, *, utf16: bool) -> int:
        """`column`, from 1, as one in code points of that line: at most the one after its last character."""
        text = self.text(line)
        if utf16 and not text.isascii():
            # Half a pair belongs to the character whose half it is.
            head = text.encode("utf-16-le", "surrogatepass")[: 2 * (column - 1)]
            column = len(head.decode("utf-16-le", "ignore")) + 1
        return min(column, len(text) + 1)

    def place(self, offset: int, *, utf16: bool) -> tuple[int, int] | None:
        """(line, column) of the character with this offset from 0; None beyond the end of the text."""
        if utf16 and not self._text.isascii():
            head = self._text.encode("utf-16-le", "surrogatepass")[: 2 * offset]
            if len(head) < 2 * offset:
                return None
            offset = len(head.decode("utf-16-le", "ignore"))
        if offset > len(self._text) or not self._lines:
            return None
        if self._starts is None:
            self._starts = [0]
            for text in self._lines:
                self._starts.append(self._starts[-1] + len(text) + 1)
        line = min(bisect_right(self._starts, offset), len(self._lines))
        return line, offset - self._starts[line - 1] + 1
