"""A log line by line, while it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from vibecore.domain.deployment_logs import LogLine, LogPage, dropped_line

SOONEST: Final = 0.25
LATEST: Final = 2.0
"""Seconds between two looks at a log that does not grow: the wait doubles from the first to the second."""


class ReadLog(Protocol):
    def __call__(self, number: int, /, *, again: bool) -> LogPage:
        """A page of the log from this number on; `again` tells a further look from the first."""
        ...


class LogStream:
    """The lines of a log in order: what `stream_logs` returns. Iterate over it once."""

    def __init__(self, read: ReadLog, sleep: Callable[[float], None], first: int, *, follow: bool) -> None:
        self._read = read
        self._sleep = sleep
        self._follow = follow
        self._page: LogPage | None = read(first, again=False)
        self._next = first
        self._ended = False

    def advance(self) -> tuple[LogLine, ...]:
        """The next lines, at least one; none at the end. Waits for them where the log is followed."""
        wait = SOONEST
        while not self._ended:
            page = self._read(self._next, again=True) if self._page is None else self._page
            self._page, self._next = None, page.next
            self._ended = not page.more and (page.ended or not self._follow)
            if page.lines:
                gone = (dropped_line(page.dropped, page.lines[0]),) if page.dropped else ()
                return (*gone, *page.lines)
            if not self._ended and not page.more:
                self._sleep(wait)
                wait = min(wait * 2, LATEST)
        return ()

    def __iter__(self) -> Iterator[LogLine]:
        while lines := self.advance():
            yield from lines
