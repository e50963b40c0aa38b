"""Channels that reach nobody outside: for tests, notebooks and development."""

from __future__ import annotations

import sys
from collections import deque
from threading import Lock
from typing import Final, TextIO

from vibecore.services.channels.protocol import Message, Recipient
from vibecore.services.mail.messages import one_line


class MemoryChannel:
    """Keeps the last `most` messages. Any number of threads may use it."""

    def __init__(self, name: str = "memory", *, most: int = 1000) -> None:
        self.name: Final = name
        self._messages: deque[Message] = deque(maxlen=most)
        self._lock = Lock()

    def reaches(self, recipient: Recipient, /) -> bool:
        return True

    def deliver(self, message: Message, /) -> None:
        with self._lock:
            self._messages.append(message)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that was delivered, the oldest first."""
        with self._lock:
            return tuple(self._messages)

    def clear(self) -> None:
        with self._lock:
            self._messages.clear()


class ConsoleChannel:
    """Writes one line for each notification to a stream (standard output)."""

    def __init__(self, stream: TextIO | None = None, *, name: str = "console") -> None:
        self.name: Final = name
        self._stream = stream
        self._lock = Lock()

    def reaches(self, recipient: Recipient, /) -> bool:
        return True

    def deliver(self, message: Message, /) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        lines = [f"{message.recipient.user.id} {item.type}: {one_line(item.title)}\n" for item in message.items]
        with self._lock:
            stream.write("".join(lines))
            stream.flush()
