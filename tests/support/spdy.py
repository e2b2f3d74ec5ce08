"""A SPDY/3.1 client on the API's unix socket: upgrades a request, opens streams, collects what comes."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from nsorch.api.streams.spdy.frames import Data, Decoder, Encoder, Frame, Ping, Reset, SynReply, SynStream

SECONDS = 20.0


class Refused(AssertionError):
    """The answer was not 101; ``code`` and ``body``."""

    def __init__(self, code: int, body: str) -> None:
        super().__init__(f"{code}: {body}")
        self.code = code
        self.body = body


class Spdy:
    """``with Spdy(socket, path, "v4.channel.k8s.io") as client:``"""

    def __init__(self, where: Path, path: str, *protocols: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(SECONDS)
        self.socket.connect(str(where))
        lines = [f"POST {path} HTTP/1.1", "Host: nsorch", "Connection: Upgrade", "Upgrade: SPDY/3.1"]
        lines += [f"X-Stream-Protocol-Version: {protocol}" for protocol in protocols]
        self.socket.sendall("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode())
        head, rest = b"", b""
        while b"\r\n\r\n" not in head:
            piece = self.socket.recv(65536)
            assert piece, head
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        code = int(head.split()[1])
        self.head = head.decode()
        if code != 101:
            self.socket.close()
            raise Refused(code, rest.decode())
        self.encoder, self.decoder = Encoder(), Decoder()
        self.next = 1
        self.received: dict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.reset: set[int] = set()
        self.replied: set[int] = set()
        self.pongs: list[int] = []
        self.closed = False
        self._take(rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def write(self, frame: Frame) -> None:
        self.socket.sendall(self.encoder.encode(frame))

    def open(self, **headers: str) -> int:
        """A new stream; waits until the server has answered for it."""
        stream = self.next
        self.next += 2
        self.write(SynStream(stream, headers))
        self.until(lambda: stream in self.replied | self.reset)
        return stream

    def send(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        self.write(Data(stream, data, fin))

    def until(self, holds: Callable[[], bool]) -> None:
        """Read until something is true. AssertionError if the connection ends before."""
        while not holds():
            piece = self.socket.recv(65536)
            if not piece:
                self.closed = True
                assert holds(), f"the connection has ended: {dict(self.received)}"
                return
            self._take(piece)

    def _take(self, data: bytes) -> None:
        for frame in self.decoder.decode(data):
            match frame:
                case SynReply():
                    self.replied.add(frame.stream)
                case Data():
                    self.received[frame.stream] += frame.data
                    if frame.fin:
                        self.ended.add(frame.stream)
                case Reset():
                    self.reset.add(frame.stream)
                case Ping():
                    self.pongs.append(frame.number)
