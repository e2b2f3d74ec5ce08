"""exec and attach over WebSocket: each message is one byte of channel, then data.

Channels: 0 standard input, 1 output, 2 error output, 3 the outcome as ``metav1.Status``, 4 terminal size. Version 5 of
the protocol adds 255: the client has closed the channel named by the next byte. The base64 protocols write the
channel as a digit and the data as base64, in text messages.
Source: k8s.io/apimachinery ``pkg/util/remotecommand``, k8s.io/kubelet ``pkg/cri/streaming/remotecommand/websocket.go``.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from nsorch.api.streams.links import send
from nsorch.api.streams.session import Wanted, log, outcome_bytes, resize, write_input
from nsorch.resources.runtime import ExecSession

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
BINARY = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
BASE64 = ("v4.base64.channel.k8s.io", "base64.channel.k8s.io")
MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one message from the client."""


class WebSocketClient:
    """``session.Client`` on a prepared WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, wanted: Wanted) -> None:
        self._socket = socket
        self._wanted = wanted
        protocol = socket.ws_protocol or "channel.k8s.io"
        self._base64 = "base64" in protocol
        self._as_status = protocol.startswith(("v4", "v5"))

    async def greet(self) -> None:
        """An empty message tells clients that the streams stand."""
        await self._send(STDOUT if self._wanted.stdout else STDERR if self._wanted.stderr else ERROR, b"")

    async def send(self, stream: int, data: bytes) -> None:
        await self._send(stream, data)

    async def finish(self, outcome: dict[str, Any]) -> None:
        if data := outcome_bytes(outcome, as_status=self._as_status):
            await self._send(ERROR, data)
        await self._socket.close(code=WSCloseCode.OK)

    async def receive(self, session: ExecSession) -> None:
        reading = self._wanted.stdin
        async for message in self._socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
                continue
            channel, data = decode(message.data, as_base64=self._base64)
            if channel == STDIN and reading:
                reading = await write_input(session, data)
            elif channel == RESIZE:
                await self._resize(session, data)
            elif channel == CLOSE and data[:1] == bytes((STDIN,)):
                await session.close_stdin()

    async def _resize(self, session: ExecSession, data: bytes) -> None:
        try:
            size = json.loads(data)
        except ValueError as error:
            log.info("a client sent a terminal size that cannot be read: %s", error)
            return
        await resize(session, size)

    async def _send(self, channel: int, data: bytes) -> None:
        if self._base64:
            await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
        else:
            await send(self._socket, bytes((channel,)) + data)


def decode(data: str | bytes, *, as_base64: bool) -> tuple[int, bytes]:
    """Channel and data of a message; channel -1 if it cannot be read.

    The protocol decides, not the type of the message: some clients put binary protocols into text messages.
    """
    if as_base64:
        text = data if isinstance(data, str) else data.decode("latin-1")
        try:
            return int(text[:1]), base64.b64decode(text[1:])
        except ValueError:
            return -1, b""
    raw = data.encode() if isinstance(data, str) else data
    return raw[0], raw[1:]
