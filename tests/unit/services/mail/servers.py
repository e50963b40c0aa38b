"""A real mail server on this machine, and certificates for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Received:
    """What the server took: envelope and content of each mail, and the logins that it accepted."""

    mails: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    """What to answer to RCPT and DATA, each once, before the mail is taken."""

    async def handle_RCPT(  # the names are aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refused = self.answers.get("RCPT")
        if refused:
            return refused.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # as above
        refused = self.answers.get("DATA")
        if refused:
            return refused.pop(0)
        self.mails.append(envelope)
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = data.password == b"hunter2"
        if right:
            self.logins.append(data.login)
        return AuthResult(success=right, handled=False)


def plain(received: Received, **more: Any) -> SMTP:
    """The protocol of one connection, with addresses in UTF-8."""
    return SMTP(received, enable_SMTPUTF8=True, hostname="mail.test", **more)


@contextmanager
def listening(make: Callable[[], Any], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server with a protocol from `make` for each connection, on a free port of 127.0.0.1, in a thread."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0, ssl=context))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:

        async def end() -> None:
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def contexts(host: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `host`, and one of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
