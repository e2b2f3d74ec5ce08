"""A WebSocket client on the daemon's unix socket, as much of RFC 6455 as the exec subresource needs.

Standard library only: an asyncio client would cost a fifth of a second to import.
"""

from __future__ import annotations

import base64
import http.client
import os
import select
import socket
from collections.abc import Iterator

from nsorch.cli.connection import Connection, refusal
from nsorch.cli.failure import CommandFailure

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
NO_MASK = bytes(4)
"""Masking guards against proxies between; on a unix socket there are none, and this key leaves the bytes as they are."""


class WebSocket:
    """One connection; reading never blocks, what is sent waits in a buffer."""

    def __init__(self, connection: Connection, path: str, protocol: str) -> None:
        """ApiFailure if the server refuses."""
        opened = connection.open(30)
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Protocol": protocol,
            "User-Agent": "nsorch",
        }
        try:
            opened.request("GET", path, headers=headers)
            # unbuffered: what follows the header belongs to the WebSocket
            response = http.client.HTTPResponse(_Unbuffered(opened.sock), method="GET")  # type: ignore[arg-type]
            response.begin()
            if response.status != 101:
                raise refusal(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise CommandFailure(f"cannot open a stream: the daemon broke the connection ({error})") from None
        self._socket = opened.sock
        self._socket.setblocking(False)
        self._in = bytearray()
        self._message = bytearray()
        self._out = bytearray()
        self.ended = False
        """Nothing more will come."""

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the daemon to take them."""
        return len(self._out)

    def send(self, data: bytes, opcode: int = BINARY) -> None:
        """Queue one message."""
        size = len(data)
        if size < 126:
            head = bytes((FINAL | opcode, MASKED | size))
        elif size < 1 << 16:
            head = bytes((FINAL | opcode, MASKED | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((FINAL | opcode, MASKED | 127)) + size.to_bytes(8, "big")
        self._out += head + NO_MASK + data

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
        try:
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
        self._in += data
        while (frame := self._frame()) is not None:
            opcode, final, payload = frame
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == CLOSE:
                self.ended = True
            elif opcode in (CONTINUATION, TEXT, BINARY):
                self._message += payload
                if final:
                    yield bytes(self._message)
                    self._message.clear()

    def _frame(self) -> tuple[int, bool, bytes] | None:
        """The next whole frame (a server's is never masked)."""
        have = self._in
        if len(have) < 2:
            return None
        size, start = have[1] & 0x7F, 2
        if size > 125:
            start = 4 if size == 126 else 10
            if len(have) < start:
                return None
            size = int.from_bytes(have[2:start], "big")
        if len(have) < start + size:
            return None
        opcode, final, payload = have[0] & 0x0F, bool(have[0] & FINAL), bytes(have[start : start + size])
        del have[: start + size]
        return opcode, final, payload

    def close(self) -> None:
        self.send(b"", CLOSE)
        self.flush()
        self._socket.close()

    def wait(self, *others: int) -> list[int]:
        """File descriptors, of this socket and ``others``, that can be read; what is queued is sent meanwhile."""
        self.flush()
        own = self.fileno()
        readable, writable, _ = select.select([own, *others], [own] if self._out else [], [])
        if writable:
            self.flush()
        return readable


class _Unbuffered:
    """Lets ``http.client`` read the header and not a byte more."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real

    def makefile(self, *_args: object, **_options: object) -> socket.SocketIO:
        return socket.SocketIO(self._real, "r")
