"""Mail behind the caller's back: nothing of what a server does reaches whoever sends."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from threading import Event, Thread

import pytest

from vibecore.domain.errors import MailNotSent
from vibecore.services.mail.background import BackgroundMailer
from vibecore.services.mail.local import OutboxMailer
from vibecore.services.mail.messages import Mail, MailPurpose

PATIENCE = 30.0
PASSING = MailNotSent("the mail server cannot be reached", temporary=True)
LASTING = MailNotSent("the mail server refused the recipient", temporary=False, code=550)


def mail(number: int = 0) -> Mail:
    return Mail(
        recipient="ada@example.org",
        subject=str(number),
        text="https://example.org/?token=vcr_secret",
        purpose=MailPurpose.RESET_PASSWORD,
    )


class Server:
    """Fails as it is told, one failure for each try, then takes mails; can be made to hold a try up."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.tries = 0
        self.outbox = OutboxMailer(most=100_000)
        self.entered = Event()
        self.released = Event()
        self.released.set()

    def send(self, mail: Mail, /) -> None:
        self.tries += 1
        self.entered.set()
        assert self.released.wait(PATIENCE)
        if self.failures:
            raise self.failures.pop(0)
        self.outbox.send(mail)

    @property
    def taken(self) -> list[str]:
        return [mail.subject for mail in self.outbox.mails]


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The log's lines; none tells an address or a link."""
    found = [f"{record.getMessage()} {record.exc_text or ''}".strip() for record in caplog.records]
    assert not any(word in line for line in found for word in ("ada@", "secret"))
    assert all(record.name == "vibecore.mail" and record.levelno == logging.ERROR for record in caplog.records)
    return found


def test_mails_are_delivered_in_order() -> None:
    """All of them, before `close` returns."""
    server = Server()
    mailer = BackgroundMailer(server)
    for number in range(100):
        mailer.send(mail(number))
    mailer.close()
    assert server.taken == [str(number) for number in range(100)]


def test_sending_does_not_wait_for_the_server() -> None:
    """It returns while the server holds the first mail up."""
    server = Server()
    server.released.clear()
    mailer = BackgroundMailer(server)
    mailer.send(mail(1))
    assert server.entered.wait(PATIENCE)
    mailer.send(mail(2))
    assert server.taken == []
    server.released.set()
    mailer.close()
    assert server.taken == ["1", "2"]


def test_many_threads_send_at_once() -> None:
    """No mail is lost or doubled."""
    server = Server()
    mailer = BackgroundMailer(server, most=10_000)

    def send() -> None:
        for number in range(500):
            mailer.send(mail(number))

    threads = [Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mailer.close()
    assert sorted(map(int, server.taken)) == sorted(list(range(500)) * 8)


@pytest.mark.parametrize("failure", [PASSING, ConnectionResetError("ada@example.org"), TimeoutError()])
def test_a_passing_failure_is_tried_again(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Until it has passed; the next mail waits for it."""
    server = Server(failure, failure)
    mailer = BackgroundMailer(server, first_pause=0)
    mailer.send(mail(1))
    mailer.send(mail(2))
    mailer.close()
    assert (server.tries, server.taken) == (4, ["1", "2"])
    assert messages(caplog) == []


def test_it_gives_up_after_its_tries(caplog: pytest.LogCaptureFixture) -> None:
    """And tells the log why, by the mail's purpose; the next mail has all its tries."""
    server = Server(*[PASSING] * 5)
    mailer = BackgroundMailer(server, attempts=3, first_pause=0)
    mailer.send(mail(1))
    mailer.send(mail(2))
    mailer.close()
    assert (server.tries, server.taken) == (6, ["2"])
    assert messages(caplog) == ["mail not delivered: reset-password: the mail server cannot be reached"]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (LASTING, "the mail server refused the recipient (550)"),
        (ValueError("ada@example.org vcr_secret"), "ValueError"),
    ],
)
def test_a_lasting_failure_is_not_tried_again(failure: Exception, told: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a mailer raises, the next mail is delivered."""
    server = Server(failure)
    mailer = BackgroundMailer(server)
    mailer.send(mail(1))
    mailer.send(mail(2))
    mailer.close()
    assert (server.tries, server.taken) == (2, ["2"])
    assert messages(caplog) == [f"mail not delivered: reset-password: {told}"]


def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as long each time, a minute at most; the stop can end each of them."""
    paused: list[float | None] = []
    mailer = BackgroundMailer(Server(*[PASSING] * 9), attempts=10, first_pause=1.0)

    def wait(timeout: float | None = None) -> None:
        paused.append(timeout)

    monkeypatch.setattr(mailer._stop, "wait", wait)
    mailer.send(mail())
    mailer.close()
    assert paused == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_too_many_mails_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """The newest, with a line in the log: memory stays bounded while a server is away."""
    server = Server()
    server.released.clear()
    mailer = BackgroundMailer(server, most=2)
    mailer.send(mail(0))
    assert server.entered.wait(PATIENCE)
    for number in (1, 2, 3):
        mailer.send(mail(number))
    assert messages(caplog) == ["mail dropped: reset-password: 2 mails wait already"]
    server.released.set()
    mailer.close()
    assert server.taken == ["0", "1", "2"]


def test_closing_has_a_time_limit(caplog: pytest.LogCaptureFixture) -> None:
    """A server that holds a mail up holds nobody else up; how many were not delivered is told."""
    server = Server()
    server.released.clear()
    mailer = BackgroundMailer(server, drain=0.01)
    for number in range(3):
        mailer.send(mail(number))
    assert server.entered.wait(PATIENCE)
    mailer.close()
    assert messages(caplog) == ["the mailer was closed with 3 mails not delivered"]
    server.released.set()


def test_closing_ends_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    """And the tries after it: its thread ends."""
    server = Server(PASSING, PASSING)
    mailer = BackgroundMailer(server, first_pause=3600, drain=0.01)
    mailer.send(mail())
    assert server.entered.wait(PATIENCE)
    thread = mailer._thread
    assert thread is not None
    mailer.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert server.taken == []
    assert "the mailer was closed with 1 mails not delivered" in messages(caplog)


def test_a_closed_mailer_drops(caplog: pytest.LogCaptureFixture) -> None:
    """Closing again is fine, also where nothing was ever sent."""
    server = Server()
    mailer = BackgroundMailer(server)
    mailer.close()
    mailer.close()
    mailer.send(mail())
    assert messages(caplog) == ["mail dropped: reset-password: the mailer is closed"]
    assert server.tries == 0


def ran(code: str) -> str:
    """What a program prints that has `mailer`, with an inner one that prints, and `mail`."""
    program = "\n".join(
        [
            "import os, sys",
            "from vibecore.services.mail.background import BackgroundMailer",
            "from vibecore.services.mail.messages import Mail, MailPurpose",
            "class Printer:",
            "    def send(self, mail): os.write(1, f'{os.getpid() == parent} {mail.subject}\\n'.encode())",
            "def mail(s): return Mail(recipient='a@b', subject=s, text='', purpose=MailPurpose.NEW_DEVICE)",
            "parent, mailer = os.getpid(), BackgroundMailer(Printer())",
            code,
        ]
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_the_end_of_the_program_delivers_what_waits() -> None:
    """Although nobody closed the mailer."""
    assert ran("for n in range(50): mailer.send(mail(str(n)))") == "".join(f"True {n}\n" for n in range(50))


def test_a_forked_child_has_a_thread_of_its_own_and_no_mail_of_its_parent() -> None:
    """What waits in the parent is delivered by the parent alone."""
    code = """
from threading import Event
held = Event()
class Held(Printer):
    def send(self, mail):
        held.wait()
        super().send(mail)
mailer = BackgroundMailer(Held())
mailer.send(mail("before"))
child = os.fork()
held.set()
mailer.send(mail("after"))
mailer.close()
if child:
    os.waitpid(child, 0)
"""
    assert sorted(ran(code).splitlines()) == ["False after", "True after", "True before"]


def test_a_mailer_that_is_gone_does_not_live_on_in_children() -> None:
    """It is not kept alive for the sake of forks."""
    code = """
import gc, weakref
gone = weakref.ref(mailer)
del mailer
gc.collect()
print(gone())
sys.stdout.flush()
if os.fork() == 0:
    os._exit(0)
os.wait()
"""
    assert ran(code) == "None\n"


def test_a_thread_that_cannot_be_started_is_started_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The mail waits for it, and whoever sends does not learn of it."""
    server = Server()
    mailer = BackgroundMailer(server)
    real: Callable[[Thread], None] = Thread.start

    def fail(self: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", fail)
    mailer.send(mail(1))
    assert messages(caplog) == ["no thread delivers mails: they wait for the next one"]
    monkeypatch.setattr(Thread, "start", real)
    mailer.send(mail(2))
    mailer.close()
    assert server.taken == ["1", "2"]
