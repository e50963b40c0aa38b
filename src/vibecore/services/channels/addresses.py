"""Connections to where a user says: the name is resolved once, every address is judged, and the one that was judged is
the one that is connected to, so that a name cannot answer differently the second time (DNS rebinding)."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from threading import Timer
from typing import Final

from vibecore.domain.webhooks import WebhookPolicy, is_public
from vibecore.services.channels.protocol import DeliveryFailed

STREAM: Final = socket.SOCK_STREAM


def resolve(host: str, port: int, policy: WebhookPolicy) -> Sequence[tuple[int, tuple[object, ...]]]:
    """Family and address of each that may be connected to. DeliveryFailed where the name has none, or one that is not
    public: a name with both is an attempt to be let through with the wrong one."""
    try:
        found = socket.getaddrinfo(host, port, type=STREAM)
    except (OSError, UnicodeError):
        raise DeliveryFailed("the host of the webhook cannot be resolved") from None
    addresses = [(int(family), address) for family, _, _, _, address in found]
    if not policy.private_addresses and not all(is_public(ip_address(str(address[0]))) for _, address in addresses):
        raise DeliveryFailed("the host of the webhook has an address that is not public")
    return addresses


class JudgedConnection(http.client.HTTPConnection):
    """HTTP, over TLS where there is a context, to an address that was judged, for `seconds` altogether.

    A receiver that answers one byte at a time meets no timeout of a socket: when the time is up, the connection is
    shut down, whoever reads from it.
    """

    def __init__(
        self, host: str, port: int, *, policy: WebhookPolicy, context: ssl.SSLContext | None, seconds: float
    ) -> None:
        super().__init__(host, port, timeout=seconds)
        self.default_port = http.client.HTTP_PORT if context is None else http.client.HTTPS_PORT
        self._policy = policy
        self._context = context
        self._seconds = seconds
        self._timer: Timer | None = None

    def connect(self) -> None:
        raw = self._open()
        if self._context is None:
            self.sock = raw
        else:
            self.sock = self._context.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)
        self._timer = Timer(self._seconds, _shut, (self.sock,))
        self._timer.daemon = True
        self._timer.start()
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def _open(self) -> socket.socket:
        problem: OSError = OSError("no address")
        for family, address in resolve(self.host, self.port, self._policy):
            one = socket.socket(family, STREAM)
            try:
                one.settimeout(self.timeout)
                one.connect(address)
            except OSError as error:
                one.close()
                problem = error
            else:
                return one
        raise problem

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().close()


def _shut(one: socket.socket) -> None:
    try:
        # Below TLS: its own shutdown would change the object that another thread reads from.
        socket.socket.shutdown(one, socket.SHUT_RDWR)
    except OSError:
        # It was closed in time.
        return
