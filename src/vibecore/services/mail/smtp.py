"""Mail over SMTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from vibecore.domain.errors import MailNotSent
from vibecore.services.mail.messages import Mail
from vibecore.services.mail.senders import Sender
from vibecore.services.mail.servers import SmtpServer, Tls

if TYPE_CHECKING:
    import smtplib
    import ssl
    from email.message import EmailMessage


class SmtpMailer:
    """Hands each mail to a server, over a connection of its own. `send` waits for the server: put it into a
    `BackgroundMailer`. It raises MailNotSent, which says whether trying again may help.

    A mail counts as sent once the server took it. `context` replaces the system's certificates. An address outside of
    ASCII needs a server with SMTPUTF8 (RFC 6531); it is never changed into another spelling.
    """

    def __init__(
        self,
        server: SmtpServer,
        sender: Sender,
        *,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ids: Callable[[], UUID] = uuid4,
    ) -> None:
        self._server = server
        self._sender = sender
        self._context = context
        self._clock = clock
        self._ids = ids

    def send(self, mail: Mail, /) -> None:
        import smtplib
        import ssl

        reason, temporary, code = "the mail server cannot be reached", True, None
        try:
            self._deliver(mail)
        except smtplib.SMTPRecipientsRefused as error:
            (code, _), *_ = error.recipients.values()
            reason, temporary = "the mail server refused the recipient", code < 500
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
            reason, temporary = "the mail server refused the mail or the login", not 500 <= code < 600
        except smtplib.SMTPNotSupportedError:
            reason, temporary = "the mail server lacks what is needed (STARTTLS, a login or SMTPUTF8)", False
        except ssl.SSLCertVerificationError:
            reason, temporary = "the certificate of the mail server is not valid", False
        except (OSError, smtplib.SMTPException):
            pass
        else:
            return
        # Outside of the handlers: what the server said may quote address and content, and is not chained.
        raise MailNotSent(reason, temporary=temporary, code=code)

    def _deliver(self, mail: Mail) -> None:
        import smtplib

        message, recipient = self._message(mail), _address(mail.recipient)
        if smtplib.quoteaddr(recipient) != f"<{recipient}>":
            raise MailNotSent("the recipient cannot be written in SMTP", temporary=False)
        connection = self._connect()
        try:
            connection.send_message(message, from_addr=_address(self._sender.address), to_addrs=[recipient])
        except BaseException:
            connection.close()
            raise
        try:
            connection.quit()
        except (OSError, smtplib.SMTPException):
            # The server took the mail: sending it again for a lost farewell would deliver it twice.
            connection.close()

    def _connect(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in as the server asks for."""
        import smtplib
        import ssl

        server = self._server
        context = self._context or ssl.create_default_context()
        if server.tls is Tls.IMPLICIT:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=server.timeout, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
        try:
            if server.tls is Tls.STARTTLS:
                connection.starttls(context=context)
            if server.user is not None and server.password is not None:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _message(self, mail: Mail) -> EmailMessage:
        from email import policy
        from email.headerregistry import Address
        from email.message import EmailMessage

        local, _, domain = self._sender.address.rpartition("@")
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = Address(self._sender.name, local, domain)
        local, _, recipients = mail.recipient.rpartition("@")
        message["To"] = Address("", local, recipients)
        message["Subject"] = mail.subject
        message["Date"] = self._clock()
        message["Message-ID"] = f"<{self._ids().hex}@{domain if domain.isascii() else 'vibecore.invalid'}>"
        # No answers by machines (RFC 3834 5).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def _address(address: str) -> str:
    """In the form of an envelope: a local part that needs quotes has them."""
    from email.headerregistry import Address

    local, _, domain = address.rpartition("@")
    return Address("", local, domain).addr_spec
