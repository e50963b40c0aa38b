"""Mail over SMTP, to a real server."""

from __future__ import annotations

import asyncio
import email
import socket
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

from tests.unit.services.mail.servers import Received, contexts, listening, plain
from vibecore.domain.errors import MailNotSent
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.services.mail.senders import Sender
from vibecore.services.mail.servers import SmtpServer, Tls
from vibecore.services.mail.smtp import SmtpMailer

NOW = datetime(2025, 1, 1, 12, 0, tzinfo=UTC)
SENDER = Sender("vibe@example.org", "Vibe, Inc.")
LINK = "https://example.org/reset-password?token=vcr_" + "x" * 500


def mail(recipient: str = "ada@example.org", subject: str = "Choose a new password", text: str = LINK + "\n") -> Mail:
    return Mail(recipient=recipient, subject=subject, text=text, purpose=MailPurpose.RESET_PASSWORD)


def mailer(port: int, tls: Tls = Tls.OFF, *, sender: Sender = SENDER, context: Any = None, **more: Any) -> SmtpMailer:
    server = SmtpServer(host="127.0.0.1", port=port, tls=tls, **{"timeout": 20.0, **more})
    return SmtpMailer(server, sender, context=context, clock=lambda: NOW, ids=lambda: UUID(int=7))


def content(received: Received, number: int = 0) -> EmailMessage:
    raw = received.mails[number].content
    assert isinstance(raw, bytes)
    message = email.message_from_bytes(raw, policy=policy.SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    text = message.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


def failure(sent: SmtpMailer, message: Mail | None = None) -> MailNotSent:
    """The error of a mail that does not leave; it says nothing of address or content, nor does what is behind it."""
    with pytest.raises(MailNotSent) as caught:
        sent.send(message or mail())
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert not any(word in f"{error} {error!r} {error.facts}" for word in ("ada", "vcr_", "hunter"))
    return error


def test_a_mail_arrives_as_it_was_written() -> None:
    """One recipient, complete headers, a text whose long link is whole."""
    received = Received()
    with listening(lambda: plain(received)) as port:
        mailer(port).send(mail())
    (envelope,) = received.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("vibe@example.org", ["ada@example.org"])
    message = content(received)
    assert message["From"] == '"Vibe, Inc." <vibe@example.org>'
    assert message["To"] == "ada@example.org"
    assert message["Subject"] == "Choose a new password"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<00000000000000000000000000000007@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert text_of(message) == LINK + "\n"
    assert message.defects == []


def test_other_languages() -> None:
    """In subject, text, name and address; the address is the one that was given, not another spelling of it."""
    received = Received()
    ours = mail("jörg@bücher.example", "Bitte bestätigen 確認", "Grüße\n.\n..\nFrom here\n")
    with listening(lambda: plain(received)) as port:
        mailer(port, sender=Sender("büro@straße.example", "Büro")).send(ours)
    (envelope,) = received.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("büro@straße.example", ["jörg@bücher.example"])
    message = content(received)
    assert (message["Subject"], message["To"]) == ("Bitte bestätigen 確認", "jörg@bücher.example")
    assert isinstance(envelope.content, bytes)
    assert "\r\nFrom: Büro <büro@straße.example>\r\n" in "\r\n" + envelope.content.decode()
    assert message["Message-ID"] == "<00000000000000000000000000000007@vibecore.invalid>"
    assert text_of(message) == "Grüße\n.\n..\nFrom here\n"


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a+b@example.org", "a+b@example.org"),
        ("a,b@example.org", '"a,b"@example.org'),
        ("eve(at)@example.org", '"eve(at)"@example.org'),
        ("a<b>@example.org", '"a<b>"@example.org'),
        ("a:b;c@example.org", '"a:b;c"@example.org'),
        (".a..b@example.org", ".a..b@example.org"),
    ],
)
def test_an_address_is_never_read_as_another_one(address: str, written: str) -> None:
    """What has a meaning in SMTP or in a header is quoted: the recipient is one, and that one."""
    received = Received()
    with listening(lambda: plain(received)) as port:
        mailer(port).send(mail(address))
    assert received.mails[0].rcpt_tos == [written]
    (found,) = content(received)["To"].addresses
    assert f"{found.username}@{found.domain}" == address


@pytest.mark.parametrize("address", ['a"b@example.org', "a\\b@example.org", "a@exa,mple.org", "a@b>c"])
def test_an_address_is_refused_or_kept(address: str) -> None:
    """Where quoting is doubtful no mail leaves, or it leaves to that address."""
    received = Received()
    with listening(lambda: plain(received)) as port:
        try:
            mailer(port).send(mail(address))
        except MailNotSent as error:
            assert not error.temporary  # either outcome is right
            assert received.mails == []
        else:
            (found,) = content(received)["To"].addresses
            assert f"{found.username}@{found.domain}" == address
            assert len(received.mails[0].rcpt_tos) == 1


def test_starttls() -> None:
    """Encrypted before login and mail, with a certificate that is checked."""
    server, client = contexts()
    received = Received()
    make = lambda: plain(  # noqa: E731  # one server, one line
        received, tls_context=server, require_starttls=True, auth_required=True, authenticator=received.authenticate
    )
    with listening(make) as port:
        mailer(port, Tls.STARTTLS, context=client, user="ada", password="hunter2").send(mail())
        error = failure(mailer(port, Tls.STARTTLS, context=client, user="ada", password="hunter3"))
        assert (error.temporary, error.code) == (False, 535)
        error = failure(mailer(port, Tls.STARTTLS, context=client))
        assert (error.temporary, error.code) == (False, 530)
    assert (received.encrypted, received.logins) == ([True], [b"ada"])


def test_tls_from_the_start() -> None:
    server, client = contexts()
    received = Received()
    with listening(lambda: plain(received), server) as port:
        mailer(port, Tls.IMPLICIT, context=client).send(mail())
    assert received.encrypted == [True]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_certificate_that_is_not_valid_gets_no_mail(tls: Tls) -> None:
    """Neither one that nobody vouches for, which is what the system's own trust says, nor one of another host."""
    server, client = contexts("mail.other.example")
    received = Received()
    implicit = tls is Tls.IMPLICIT
    make = lambda: plain(received, tls_context=None if implicit else server)  # noqa: E731  # as above
    with listening(make, server if implicit else None) as port:
        for context in (None, client):
            error = failure(mailer(port, tls, context=context))
            assert (error.reason, error.temporary) == ("the certificate of the mail server is not valid", False)
    assert received.mails == []


def test_a_server_without_starttls_gets_no_mail() -> None:
    """Whoever cuts the offer out of its greeting must not read the mail."""
    received = Received()
    with listening(lambda: plain(received)) as port:
        error = failure(mailer(port, Tls.STARTTLS))
    assert not error.temporary
    assert received.mails == []


def test_a_server_without_utf8_gets_no_such_address() -> None:
    """And no other spelling of it."""
    received = Received()
    with listening(lambda: SMTP(received, hostname="mail.test")) as port:
        assert not failure(mailer(port), mail("jörg@example.org")).temporary
        mailer(port).send(mail(subject="Grüße", text="Grüße\n"))
    assert content(received)["Subject"] == "Grüße"


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
@pytest.mark.parametrize(("code", "temporary"), [(451, True), (550, False)])
def test_the_servers_refusal(step: str, code: int, temporary: bool) -> None:
    """Whether it may pass; its words are not passed on."""
    received = Received(answers={step: [f"{code} <ada@example.org> said vcr_"]})
    with listening(lambda: plain(received)) as port:
        error = failure(mailer(port))
        assert (error.temporary, error.code) == (temporary, code)
        mailer(port).send(mail())
    assert len(received.mails) == 1


def test_a_server_that_is_away() -> None:
    """It may come back."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    error = failure(mailer(port))
    assert (error.temporary, error.code) == (True, None)


def test_a_server_that_says_nothing_is_given_up() -> None:
    """After the time that an answer may take."""
    with listening(asyncio.Protocol) as port:
        assert failure(mailer(port, timeout=0.05)).temporary


class Hasty(SMTP):
    """Hangs up without an answer to QUIT."""

    async def smtp_QUIT(self, arg: str) -> None:  # the name is aiosmtpd's
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.abort()


def test_a_lost_farewell_is_no_failure() -> None:
    """The server took the mail: another try would deliver it twice."""
    received = Received()
    with listening(lambda: Hasty(received, hostname="mail.test")) as port:
        mailer(port).send(mail())
    assert len(received.mails) == 1
