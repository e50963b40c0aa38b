"""Mailers that reach nobody: for tests, for development, and for installations without mail."""

from __future__ import annotations

import logging
import sys
from collections import deque
from threading import Lock
from typing import Final, TextIO

from vibecore.services.mail.messages import Mail, MailPurpose

LOG: Final = logging.getLogger("vibecore.mail")


class OutboxMailer:
    """Keeps the last `most` mails, for tests and notebooks. Any number of threads may use it."""

    def __init__(self, most: int = 1000) -> None:
        self._mails: deque[Mail] = deque(maxlen=most)
        self._lock = Lock()

    def send(self, mail: Mail, /) -> None:
        with self._lock:
            self._mails.append(mail)

    @property
    def mails(self) -> tuple[Mail, ...]:
        """All that was sent, the oldest first."""
        with self._lock:
            return tuple(self._mails)

    def to(self, recipient: str) -> tuple[Mail, ...]:
        """What was sent to one address, spelt exactly so."""
        return tuple(mail for mail in self.mails if mail.recipient == recipient)

    def clear(self) -> None:
        with self._lock:
            self._mails.clear()


class ConsoleMailer:
    """Writes mails, with their links, to a stream (standard output): for development only."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = Lock()

    def send(self, mail: Mail, /) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        with self._lock:
            stream.write(f"To: {mail.recipient}\nSubject: {mail.subject}\n\n{mail.text.rstrip()}\n\n")
            stream.flush()


class NoMailer:
    """Drops mails, for installations that configured none. The first of each purpose is a warning in the log of
    `vibecore.mail`, the others are not: one for every account that registers would hide all else."""

    def __init__(self) -> None:
        self._warned: set[MailPurpose] = set()
        self._lock = Lock()

    def send(self, mail: Mail, /) -> None:
        with self._lock:
            if mail.purpose in self._warned:
                return
            self._warned.add(mail.purpose)
        LOG.warning("mail is not configured: no %s is sent", mail.purpose.value)
