"""Mail that leaves behind the caller's back: at once for the caller, again after a failure, bounded in number."""

from __future__ import annotations

import atexit
import os
import weakref
from collections import deque
from threading import Condition, Event, Thread
from typing import Final

from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_any,
    stop_when_event_set,
    wait_exponential,
)

from vibecore.domain.errors import MailNotSent
from vibecore.services.mail.local import LOG
from vibecore.services.mail.messages import Mail, Mailer

LONGEST_PAUSE: Final = 60.0
"""Seconds at most between two tries."""


class BackgroundMailer:
    """Takes a mail in microseconds and delivers it through `inner` from one thread of its own, in order, so that the
    time of a request does not tell whether it sent one.

    At most `most` mails wait. One that fails for a passing reason (MailNotSent with `temporary`, OSError) is tried
    `attempts` times, `first_pause` seconds after the first try, then twice as long each time; the others wait for it.
    What cannot be delivered, or is too much, is logged under `vibecore.mail` by its purpose and the kind of failure,
    never with address or content; nothing is raised.

    `close` gives what waits `drain` seconds; the end of the program closes as well. A forked child begins with nothing
    waiting: its parent delivers what it had.
    """

    def __init__(
        self, inner: Mailer, *, most: int = 1000, attempts: int = 6, first_pause: float = 1.0, drain: float = 10.0
    ) -> None:
        self._most = most
        self._attempts = attempts
        self._first_pause = first_pause
        self._drain = drain
        self._begin()
        self.inner: Final = inner
        again = weakref.WeakMethod(self._begin)
        os.register_at_fork(after_in_child=lambda: (begin := again()) and begin())

    def _begin(self) -> None:
        self._waiting: deque[Mail] = deque()
        self._changed = Condition()
        self._stop = Event()
        self._closed = False
        self._busy = False
        self._thread: Thread | None = None

    def send(self, mail: Mail, /) -> None:
        with self._changed:
            if not self._closed and len(self._waiting) < self._most:
                self._waiting.append(mail)
                self._changed.notify()
                if self._thread is None:
                    self._start()
                return
            reason = "the mailer is closed" if self._closed else f"{self._most} mails wait already"
        LOG.error("mail dropped: %s: %s", mail.purpose.value, reason)

    def _start(self) -> None:
        """The thread, with the first mail: most processes send none."""
        thread = Thread(target=self._run, name="vibecore-mail", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            LOG.error("no thread delivers mails: they wait for the next one")
            return
        self._thread = thread
        atexit.register(self.close)

    def close(self) -> None:
        """Deliver what waits, for at most `drain` seconds; what is left is dropped, and its number logged. Repeating it
        is fine; mails sent later are dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is None:
            return
        atexit.unregister(self.close)
        thread.join(self._drain)
        with self._changed:
            # Ends pauses and further tries. A try that is under way may still succeed.
            self._stop.set()
            left = len(self._waiting) + self._busy
            self._waiting.clear()
            self._thread = None
        if left:
            LOG.error("the mailer was closed with %d mails not delivered", left)

    def _run(self) -> None:
        while (mail := self._next()) is not None:
            self._deliver(mail)

    def _next(self) -> Mail | None:
        """The next mail, or None when there will be none."""
        with self._changed:
            self._busy = False
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            self._busy = True
            return self._waiting.popleft()

    def _deliver(self, mail: Mail) -> None:
        retrying = Retrying(
            retry=retry_if_exception(_passing),
            stop=stop_any(stop_after_attempt(self._attempts), stop_when_event_set(self._stop)),
            wait=wait_exponential(multiplier=self._first_pause, max=LONGEST_PAUSE),
            sleep=sleep_using_event(self._stop),
            reraise=True,
        )
        try:
            retrying(self.inner.send, mail)
        except MailNotSent as error:
            # Its text tells neither address nor content.
            LOG.error("mail not delivered: %s: %s", mail.purpose.value, error)
        except Exception as error:  # noqa: BLE001  # the thread goes on with the next mail, whatever a mailer raises
            LOG.error("mail not delivered: %s: %s", mail.purpose.value, type(error).__name__)


def _passing(error: BaseException) -> bool:
    return error.temporary if isinstance(error, MailNotSent) else isinstance(error, OSError)
