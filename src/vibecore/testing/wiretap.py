"""A wiretap between client and server that counts round trips: what users on a network feel.

It listens on a Unix socket, forwards every byte to the real server, and counts a round trip each time the
client speaks after the server said that it waits. `cut()` breaks all connections, as a network does; `cut_at` breaks
one when the client says certain words, before the server hears them or before the client hears the answer.
"""

from __future__ import annotations

import selectors
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

_CHUNK: Final = 1 << 16
_HEADER: Final = 5
_WAITS: Final = b"ZGR"
"""Types of messages after which it is the client's turn: ready, send rows, prove who you are."""
_FLUSH: Final = b"H\x00\x00\x00\x04"
"""Asks for what the server holds back. libpq sends one behind a pipeline, by itself; where the server has answered the
pipeline already, nothing is left to hand over, and no answer comes."""


class _Pair:
    """One client connection and its server connection."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.server_waits = True
        self.doomed = False
        self._header = b""
        self._left = 0

    def hear_server(self, data: bytes) -> None:
        """Follow the server's messages: one type byte, four of length, the rest. A part of an answer is not an answer:
        of a large one the server sends the beginning while the client still sends."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(_HEADER - len(self._header), len(data) - at)
                self._header += data[at : at + step]
                if len(self._header) < _HEADER:
                    return
                self._left = int.from_bytes(self._header[1:], "big") - 4
            at += step
            if not self._left:
                self.server_waits = self._header[:1] in _WAITS
                self._header = b""

    def close(self) -> None:
        self.client.close()
        self.server.close()


class Wiretap:
    """Use as a context manager; `url` leads through the tap. `round_trips` counts over all connections."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._target: str | tuple[str, int] = (parts.hostname or "localhost", parts.port or 5432)
        if "host" in query:
            self._target = str(Path(query["host"][0]) / f".s.PGSQL.{query.get('port', ['5432'])[0]}")
        self._folder = tempfile.TemporaryDirectory(prefix="vct")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(self._folder.name) / ".s.PGSQL.5432"))
        self._listener.listen()
        kept = {key: values[0] for key, values in query.items()}
        tapped = urlencode({**kept, "host": self._folder.name, "port": 5432})
        user = parts.netloc.rpartition("@")[0]
        self.url: str = urlunsplit(parts._replace(netloc=f"{user}@", query=tapped))
        self._count = 0
        self._pairs: set[_Pair] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector.register(self._wake_reader, selectors.EVENT_READ, "wake")
        self._command: str | None = None
        self._words: bytes | None = None
        self._delivered = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wiretap", daemon=True)
        self._thread.start()

    @property
    def round_trips(self) -> int:
        """Round trips so far. Read it when no call is under way."""
        return self._count

    def cut(self) -> None:
        """Break every connection that is open now; new ones are accepted."""
        self._tell("cut")

    def cut_at(self, words: bytes, *, delivered: bool) -> None:
        """Break the next connection on which the client says `words`. They still reach the server if `delivered`, and
        its answer, whatever it is, is lost."""
        self._delivered = delivered
        self._words = words

    def close(self) -> None:
        """Stop forwarding."""
        if self._thread.is_alive():
            self._tell("stop")
            self._thread.join()
            self._folder.cleanup()

    def _tell(self, command: str) -> None:
        self._done.clear()
        self._command = command
        self._wake_writer.send(b"x")
        self._done.wait()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._accept()
                elif key.data == "wake":
                    self._wake_reader.recv(1)
                    command, self._command = self._command, None
                    self._drop_all()
                    if command == "stop":
                        self._selector.close()
                        for each in (self._listener, self._wake_reader, self._wake_writer):
                            each.close()
                    self._done.set()
                    if command == "stop":
                        return
                    break
                else:
                    self._forward(*key.data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = self._reach()
        pair = _Pair(client, server)
        self._pairs.add(pair)
        self._selector.register(client, selectors.EVENT_READ, (pair, True))
        self._selector.register(server, selectors.EVENT_READ, (pair, False))

    def _reach(self) -> socket.socket:
        if isinstance(self._target, tuple):
            server = socket.create_connection(self._target)
            # Without it, what the client says in two pieces waits for an acknowledgement that is delayed by 40 ms.
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return server
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        return server

    def _forward(self, pair: _Pair, from_client: bool) -> None:
        if pair not in self._pairs:
            return
        source, target = (pair.client, pair.server) if from_client else (pair.server, pair.client)
        try:
            data = source.recv(_CHUNK)
            if data and not self._breaks(pair, data, from_client):
                target.sendall(data)
            elif data:
                data = b""
        except OSError:
            data = b""
        if not data:
            self._drop(pair)
        elif from_client and pair.server_waits and data != _FLUSH:
            self._count += 1
            pair.server_waits = False
        elif not from_client:
            pair.hear_server(data)

    def _breaks(self, pair: _Pair, data: bytes, from_client: bool) -> bool:
        if not from_client:
            return pair.doomed
        if self._words is None or self._words not in data:
            return False
        self._words = None
        pair.doomed = self._delivered
        return not self._delivered

    def _drop(self, pair: _Pair) -> None:
        self._pairs.discard(pair)
        self._selector.unregister(pair.client)
        self._selector.unregister(pair.server)
        pair.close()

    def _drop_all(self) -> None:
        for pair in list(self._pairs):
            self._drop(pair)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
