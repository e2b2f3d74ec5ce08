"""Two-way byte streams that HTTP requests have been turned into: the bare connection, or messages of a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, cast

from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol

LIMIT = 256 * 1024
"""Bytes that wait to be read before the other side is made to wait."""


class Link(Protocol):
    """Bytes both ways. Writing waits while the other side does not read."""

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """All of ``data``, in the order of calls. ConnectionError if the other side has gone."""
        ...


class Inlet:
    """Bytes that a transport pushes, to be read at the reader's own pace. The parser that aiohttp feeds."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    def take_from(self, transport: asyncio.Transport | None) -> None:
        """Whom to hold up; nobody: everything has arrived."""
        self._transport = transport
        if transport is None:
            self.feed_eof()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp's protocols, which expect to hear: not ended, nothing left over."""
        if data:
            self._pieces.append(data)
            self._size += len(data)
            if self._size >= LIMIT and self._transport is not None and not self._paused:
                self._paused = True
                self._transport.pause_reading()
            self._wake()
        return False, b""

    def feed_eof(self) -> None:
        """Called when the connection is lost."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def read(self) -> bytes:
        """Everything that has come; waits if that is nothing, b"" at the end."""
        while not self._pieces and not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        if self._paused and not self._ended and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data


class Bare:
    """A connection that an aiohttp protocol has given up: ``inlet`` is what that feeds, ``writer`` knows when it drains."""

    def __init__(self, protocol: BaseProtocol, writer: AbstractStreamWriter, inlet: Inlet) -> None:
        self._protocol = protocol
        self._writer = writer
        self._inlet = inlet
        self._draining: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        return await self._inlet.read()

    async def write(self, data: bytes) -> None:
        transport = self._protocol.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the other side has gone")
        transport.write(data)
        if self._protocol.writing_paused:
            # All writers wait for the same moment, and one that is cancelled must not end the others' waiting.
            if self._draining is None or self._draining.done():
                self._draining = asyncio.ensure_future(self._writer.drain())
                self._draining.add_done_callback(_heard)
            await asyncio.shield(self._draining)


class Upgraded(Bare):
    """The connection under a request that has been answered with 101."""

    def __init__(self, request: web.Request) -> None:
        inlet = Inlet()
        inlet.take_from(request.transport)
        super().__init__(request.protocol, request.writer, inlet)
        request.protocol.set_parser(cast(Any, inlet))

    @classmethod
    async def answer(cls, request: web.Request, headers: Mapping[str, str]) -> tuple[web.StreamResponse, Upgraded]:
        """Send 101 with ``headers`` (Upgrade among them); the response and what the connection is now."""
        response = web.StreamResponse(status=101, headers=headers)
        response.headers["Connection"] = "Upgrade"
        response.force_close()  # it is no HTTP connection any more
        await response.prepare(request)
        return response, cls(request)


class Messages:
    """The binary messages of a WebSocket, one after the other."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY:
                if message.data:
                    return bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                if message.data:
                    return str(message.data).encode()
            else:
                return b""

    async def write(self, data: bytes) -> None:
        await send(self._socket, data)


async def send(socket: web.WebSocketResponse, data: bytes) -> None:
    """One binary message. Cancelling it leaves the socket usable for others who send."""
    sending = asyncio.ensure_future(socket.send_bytes(data))
    sending.add_done_callback(_heard)
    await asyncio.shield(sending)


def _heard(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()  # told to whoever waits; when nobody does, the connection is gone anyway
