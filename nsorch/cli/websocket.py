"""A WebSocket on the daemon's unix socket (RFC 6455, by wsproto), for the exec subresource.

wsproto only turns bytes into events, so it loads in a moment; an asyncio client would cost each command a fifth of a second.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from typing import Self

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto.utilities import RemoteProtocolError

from nsorch.cli.connection import Connection, refusal
from nsorch.cli.failure import CommandFailure


class WebSocket:
    """One connection; reading never blocks, what is sent waits in a buffer."""

    def __init__(self, link: socket.socket, path: str, protocol: str) -> None:
        """Shake hands on ``link``. ApiFailure if the server refuses."""
        self._socket = link
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._message = bytearray()
        self._out = bytearray()
        self._early: list[bytes] = []
        self.ended = False
        """Nothing more will come."""
        self._queue(Request(host="localhost", target=path, subprotocols=[protocol]))
        self._shake_hands()
        self._socket.setblocking(False)

    @classmethod
    def open(cls, connection: Connection, path: str, protocol: str) -> Self:
        """A new connection to the daemon. ApiFailure if it refuses."""
        return cls(connection.open(30).sock, path, protocol)

    def _shake_hands(self) -> None:
        rejected, body = 0, bytearray()
        try:
            self._socket.sendall(self._out)
            self._out.clear()
            while True:
                data = self._socket.recv(1 << 16)
                self._protocol.receive_data(data or None)
                for event in self._protocol.events():
                    if isinstance(event, AcceptConnection):
                        self._early += self._messages()
                        return
                    if isinstance(event, RejectConnection):
                        rejected = event.status_code
                    if isinstance(event, RejectData):
                        body += event.data
                        if event.body_finished:
                            raise refusal(rejected, bytes(body))
                if not data:
                    raise ConnectionResetError("closed during the handshake")
        except (OSError, RemoteProtocolError) as error:
            raise CommandFailure(f"cannot open a stream: the daemon broke the connection ({error})") from None

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the daemon to take them."""
        return len(self._out)

    def _queue(self, event: Event) -> None:
        self._out += self._protocol.send(event)

    def send(self, data: bytes) -> None:
        """Queue one message."""
        self._queue(BytesMessage(data))

    def flush(self) -> None:
        """Send what the socket takes now."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self._out.clear()
            self.ended = True

    def receive(self) -> Iterator[bytes]:
        """Messages that have arrived."""
        yield from self._early
        self._early.clear()
        try:
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return
        self._protocol.receive_data(data)
        yield from self._messages()

    def _messages(self) -> Iterator[bytes]:
        try:
            for event in self._protocol.events():
                if isinstance(event, Ping):
                    self._queue(event.response())
                elif isinstance(event, CloseConnection):
                    self.ended = True
                elif isinstance(event, Message):
                    self._message += event.data if isinstance(event.data, bytes | bytearray) else event.data.encode()
                    if event.message_finished:
                        yield bytes(self._message)
                        self._message.clear()
        except RemoteProtocolError:
            self.ended = True

    def close(self) -> None:
        if not self.ended:
            self._queue(CloseConnection(code=1000))
            self.flush()
        self._socket.close()

    def wait(self, *others: int) -> list[int]:
        """File descriptors, of this socket and ``others``, that can be read; what is queued is sent meanwhile."""
        if self._early:
            return [self.fileno()]
        self.flush()
        own = self.fileno()
        readable, writable, _ = select.select([own, *others], [own] if self._out else [], [])
        if writable:
            self.flush()
        return readable
