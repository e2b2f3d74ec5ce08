"""Port-forward over WebSocket channels: one connection to each port named in the query.

Port n of the query has the channels 2n (data) and 2n+1 (errors); on each the server first sends the port as two bytes,
lowest first. Source: k8s.io/kubelet ``pkg/cri/streaming/portforward/websocket.go``.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from nsorch.api.streams.links import send
from nsorch.api.streams.portforward import CHUNK, Connect, close_gently
from nsorch.api.streams.session_websocket import decode
from nsorch.resources.runtime import RuntimeRefused

BINARY = "v4.channel.k8s.io"
BASE64 = "v4.base64.channel.k8s.io"
MAX_PORTS = 127
"""A channel's number is one byte."""
MAX_PORTS_BASE64 = 5
"""There it is one digit."""


@dataclass(slots=True)
class Port:
    """One forwarded port; ``writer`` is there once it is connected, and as long as it takes data."""

    number: int
    index: int
    connected: asyncio.Event
    writer: asyncio.StreamWriter | None = None


class ChannelForward:
    """The ports of one WebSocket. ``target`` is for messages."""

    def __init__(self, socket: web.WebSocketResponse, connect: Connect, ports: Sequence[int], target: str) -> None:
        self._socket = socket
        self._connect = connect
        self._target = target
        self._base64 = socket.ws_protocol == BASE64
        self._ports = [Port(number, index, asyncio.Event()) for index, number in enumerate(ports)]

    async def run(self) -> None:
        """Until the Pod has closed every connection, or the client has gone."""
        for port in self._ports:
            for error in (False, True):
                await self._send(port, port.number.to_bytes(2, "little"), error=error)
        forwards = [asyncio.create_task(self._forward(port)) for port in self._ports]
        receiver = asyncio.create_task(self._receive())
        finished = asyncio.gather(*forwards)
        try:
            both: set[asyncio.Future[Any]] = {finished, receiver}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if finished.done() and not receiver.done():
                finished.result()
                await self._socket.close(code=WSCloseCode.OK)
        except ConnectionError:
            pass
        finally:
            for task in (*forwards, receiver):
                task.cancel()
            await asyncio.gather(*forwards, receiver, finished, return_exceptions=True)
            for port in self._ports:
                if port.writer is not None:
                    port.writer.transport.abort()

    async def _forward(self, port: Port) -> None:
        try:
            reader, port.writer = await self._connect(port.number)
        except RuntimeRefused as refused:
            text = f"error forwarding port {port.number} to pod {self._target}: {refused.message}"
            await self._send(port, text.encode(), error=True)
            return
        finally:
            port.connected.set()
        try:
            while data := await _read(reader):
                await self._send(port, data)
            close_gently(port.writer)
        finally:
            writer, port.writer = port.writer, None
            if writer is not None and not writer.is_closing():
                writer.transport.abort()

    async def _receive(self) -> None:
        async for message in self._socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
                continue
            channel, data = decode(message.data, as_base64=self._base64)
            if channel % 2 or not 0 <= channel < 2 * len(self._ports):
                continue
            port = self._ports[channel // 2]
            await port.connected.wait()
            if port.writer is not None and not port.writer.is_closing():
                try:
                    port.writer.write(data)
                    await port.writer.drain()
                except ConnectionError:
                    continue  # the reading side tells the client

    async def _send(self, port: Port, data: bytes, *, error: bool = False) -> None:
        channel = 2 * port.index + error
        if self._base64:
            await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
        else:
            await send(self._socket, bytes((channel,)) + data)


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(CHUNK)
    except ConnectionError:
        return b""
