"""Logs of deployments: numbered lines with stream and time, a cap that keeps the newest, one rule for odd text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.fields import Count, Id, Moment
from vibecore.domain.rules import Choice, Integer, Text, Timestamp, check_member, plain_text
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index

MOST_LINES: Final = 100_000
"""Lines that one log keeps."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""UTF-8 bytes of text that one log keeps: four times what GitLab Runner collects of a job (`output_limit`, 4 MiB)."""
SPARED: Final = 0.875
"""The part of both caps that is left when one is passed: dropping an eighth at once, lines cost the same however many
came before."""
LINE_LENGTH: Final = 8192
"""Characters of one line; what is longer is cut, and says how much."""
AT_ONCE: Final = 10_000
"""Lines of one call."""
TAIL_LINES: Final = 200
TAIL_BYTES: Final = 64 * 1024
"""How much of the end of a log goes into `deployments.logs` when the deployment ends."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOMENT: Final = Timestamp()


class LogSource(StrEnum):
    """Where a line comes from: a stream of the process, or whoever runs it."""

    STDOUT = "stdout"
    STDERR = "stderr"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentLog:
    """How far the log of the deployment with the same id has come.

    Lines count from 1 without gaps. Kept are `first_line` to `last_line`, `size_bytes` of UTF-8 in all; those before
    `first_line` were dropped. `closed_at` is when the deployment ended: nothing follows.
    """

    id: Id
    project_id: Id
    first_line: Annotated[int, Integer(low=1)] = 1
    last_line: Count = 0
    size_bytes: Count = 0
    closed_at: Moment | None = None
    created_at: Moment
    updated_at: Moment


DEPLOYMENT_LOGS: Final = Table(
    DeploymentLog,
    "deployment_logs",
    "deployment_log",
    scope="project_id",
    # Not to deployments: an archived deployment keeps its log.
    references=(Reference("fk_deployment_logs_project", "project_id", "projects"),),
    indexes=(Index("idx_deployment_logs_project", ("project_id",)), updated_index("deployment_logs")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentLogLine:
    """One line as it is stored; `logged_at` is when it was written there."""

    id: Id
    project_id: Id
    deployment_id: Id
    number: Annotated[int, Integer(low=1)]
    stream: Annotated[LogSource, Choice(LogSource, 10)] = LogSource.STDOUT
    text: Annotated[str, Text(LINE_LENGTH)] = field(repr=False)
    logged_at: Moment
    created_at: Moment
    updated_at: Moment


DEPLOYMENT_LOG_LINES: Final = Table(
    DeploymentLogLine,
    "deployment_log_lines",
    "deployment_log_line",
    scope="project_id",
    uniques=(Unique("uq_deployment_log_lines_number", ("project_id", "deployment_id", "number")),),
    references=(Reference("fk_deployment_log_lines_project", "project_id", "projects"),),
    indexes=(updated_index("deployment_log_lines"),),
)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line to append. `time` is when it was written; None: when it is appended."""

    text: str = field(repr=False)
    stream: LogSource = LogSource.STDOUT
    time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a log, as it is read."""

    number: int
    stream: LogSource
    time: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Some lines of a log in order.

    `next` is the number to read on from; `dropped` is how many lines that were asked for are gone, since the log keeps
    only its newest. `more`: there are lines from `next` on. `ended`: the deployment has ended, so that no others come.
    """

    lines: tuple[LogLine, ...]
    next: int
    dropped: int
    more: bool
    ended: bool


def entries_of(lines: Iterable[str | LogEntry]) -> list[LogEntry]:
    """What `append_logs` stores of the lines it is given; InvalidValue that names the line.

    A line ending at the end of a line goes; a line break within it is refused, since lines are counted. NUL becomes
    U+2400, a lone surrogate U+FFFD. Everything else stays, escape sequences of terminals too: whoever shows a line
    decides about them. A line longer than LINE_LENGTH is cut, and ends in how many characters it lost.
    """
    if isinstance(lines, (str, bytes, bytearray, Mapping, Set)) or not isinstance(lines, Iterable):
        raise InvalidValue("lines", f"must be a list of lines, not {type(lines).__name__}")
    found: list[LogEntry] = []
    for line in lines:
        if len(found) == AT_ONCE:
            raise InvalidValue("lines", f"has more than {AT_ONCE} entries")
        found.append(_entry(f"lines[{len(found)}]", line))
    return found


def _entry(name: str, line: str | LogEntry) -> LogEntry:
    if isinstance(line, str):
        return LogEntry(_text(name, line))
    if type(line) is not LogEntry:
        raise InvalidValue(name, f"must be text or a LogEntry, not {type(line).__name__}")
    stream = check_member(LogSource, f"{name}.stream", line.stream)
    time = None if line.time is None else _MOMENT.check(f"{name}.time", line.time)
    assert isinstance(stream, LogSource)
    return LogEntry(_text(name, line.text), stream, time)


def _text(name: str, value: object) -> str:
    text = plain_text(name, value)
    if text.endswith("\n"):
        text = text[:-1].removesuffix("\r")
    if "\n" in text:
        raise InvalidValue(name, "holds a line break: give each line by itself")
    if "\0" in text:
        text = text.replace("\0", "\u2400")
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    return text if len(text) <= LINE_LENGTH else _cut(text)


def _cut(text: str) -> str:
    kept = LINE_LENGTH - len(f"[{len(text):,} characters dropped]")
    return f"{text[:kept]}[{len(text) - kept:,} characters dropped]"


def size_of(text: str) -> int:
    """What a line counts towards MOST_BYTES."""
    return len(text) if text.isascii() else len(text.encode())


def dropped_line(dropped: int, before: LogLine) -> LogLine:
    """The line that stands for `dropped` ones in front of `before`."""
    text = f"[{dropped:,} lines dropped]"
    return LogLine(number=before.number - 1, stream=LogSource.SYSTEM, time=before.time, text=text)


def tail_of(log: DeploymentLog, lines: Sequence[DeploymentLogLine]) -> tuple[str, ...]:
    """What `deployments.logs` keeps of `lines`, the last ones of `log`: as many as fit into TAIL_BYTES, after a line
    that tells how many went before."""
    kept: list[str] = []
    room = TAIL_BYTES
    for line in reversed(lines):
        room -= size_of(line.text)
        if room < 0:
            break
        kept.append(line.text)
    earlier = log.last_line - len(kept)
    if earlier:
        kept.append(f"[{earlier:,} earlier lines, {log.first_line - 1:,} of them dropped]")
    return tuple(reversed(kept))
