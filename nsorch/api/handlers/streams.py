"""``pods/exec`` and ``pods/attach`` over WebSocket: each message is one byte of channel and data.

Channels: 0 standard input, 1 output, 2 error output, 3 the outcome as ``metav1.Status``, 4 terminal size. Version 5 of
the protocol adds 255: the client has closed the channel named by the next byte.
Source: k8s.io/apimachinery ``pkg/util/remotecommand``, k8s.io/kubelet ``pkg/cri/streaming/remotecommand/websocket.go``.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.failures import Failure
from nsorch.api.handlers.logs import find_container, find_pod
from nsorch.kit.logs import logger
from nsorch.resources.runtime import ExecSession, RuntimeRefused

log = logger("api")

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
BINARY = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
BASE64 = ("v4.base64.channel.k8s.io", "base64.channel.k8s.io")
MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one message from the client."""


async def exec_(call: Call) -> web.StreamResponse:
    """Run a command in a container."""
    pod = find_pod(call)
    container = find_container(pod, call.text("container"))
    argv = call.request.query.getall("command", [])
    if not argv:
        raise failures.bad_request("you must specify at least one command for the container")
    _check_phase(pod.status.phase, pod.name)
    stdin, tty = call.flag("stdin"), call.flag("tty")
    _check_streams(call)

    async def begin() -> ExecSession:
        return await call.api.runtime.exec(pod.uid, container, argv, stdin=stdin, tty=tty)

    return await _serve(call, begin, stdin=stdin, tty=tty)


async def attach(call: Call) -> web.StreamResponse:
    """Join the streams of a container's first process."""
    pod = find_pod(call)
    container = find_container(pod, call.text("container"))
    _check_phase(pod.status.phase, pod.name)
    stdin, tty = call.flag("stdin"), call.flag("tty")
    _check_streams(call)

    async def begin() -> ExecSession:
        return await call.api.runtime.attach(pod.uid, container, stdin=stdin, tty=tty)

    return await _serve(call, begin, stdin=stdin, tty=tty)


def _check_phase(phase: str | None, name: str) -> None:
    if phase in ("Succeeded", "Failed"):
        raise failures.bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")


def _check_streams(call: Call) -> None:
    if not any(call.flag(name) for name in ("stdin", "stdout", "stderr")):
        raise failures.bad_request("you must specify at least 1 of stdin, stdout, stderr")


async def _serve(
    call: Call, begin: Callable[[], Awaitable[ExecSession]], *, stdin: bool, tty: bool
) -> web.StreamResponse:
    request = call.request
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise failures.bad_request(
            "Upgrade request required: this server streams over WebSocket (kubectl 1.31 and newer do by default)"
        )
    socket = web.WebSocketResponse(protocols=(*BINARY, *BASE64), max_msg_size=MAX_MESSAGE, heartbeat=None)
    offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
    if offered and not set(offered) & {*BINARY, *BASE64}:
        raise failures.bad_request(f"unable to upgrade: unsupported subprotocols {', '.join(offered)}")
    session = await begin()
    try:
        await socket.prepare(request)
        await Channels(socket, session, call, stdin=stdin, tty=tty).run()
    finally:
        await session.close()
    return socket


class Channels:
    """One session joined to one WebSocket."""

    def __init__(
        self, socket: web.WebSocketResponse, session: ExecSession, call: Call, *, stdin: bool, tty: bool
    ) -> None:
        self._socket = socket
        self._session = session
        self._stdin = stdin
        self._stdout = call.flag("stdout")
        self._stderr = call.flag("stderr") and not tty
        protocol = socket.ws_protocol or "channel.k8s.io"
        self._base64 = "base64" in protocol
        # Before version 4 the outcome was plain text.
        self._status = protocol.startswith(("v4", "v5"))
        self._send_lock = asyncio.Lock()

    async def run(self) -> None:
        """Until the process has ended and everything is sent, or the client has gone."""
        # An empty message tells clients that the streams stand.
        await self._send(STDOUT if self._stdout else STDERR if self._stderr else ERROR, b"")
        output = asyncio.create_task(self._output())
        receiver = asyncio.create_task(self._receive())
        try:
            await asyncio.wait({output, receiver}, return_when=asyncio.FIRST_COMPLETED)
            if not output.done():
                return  # the client has gone
            output.result()
            await self._outcome()
            await self._socket.close(code=WSCloseCode.OK)
        except ConnectionError:
            pass
        finally:
            for task in (output, receiver):
                task.cancel()
            await asyncio.gather(output, receiver, return_exceptions=True)

    async def _output(self) -> None:
        while (item := await self._session.read()) is not None:
            stream, data = item
            if (stream == 1 and self._stdout) or (stream == 2 and self._stderr):
                await self._send(STDOUT if stream == 1 else STDERR, data)

    async def _outcome(self) -> None:
        try:
            code = await self._session.wait()
        except RuntimeRefused as refused:
            await self._send_status(Failure(refused.code, refused.reason, refused.message).status())
            return
        if code == 0:
            await self._send_status({"metadata": {}, "status": "Success"})
            return
        await self._send_status(
            {
                "metadata": {},
                "status": "Failure",
                "message": f"command terminated with non-zero exit code: exit status {code}",
                "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
            }
        )

    async def _send_status(self, status: dict[str, Any]) -> None:
        if self._status:
            await self._send(ERROR, json.dumps(status).encode())
        elif status["status"] != "Success":
            await self._send(ERROR, str(status.get("message", "")).encode())

    async def _send(self, channel: int, data: bytes) -> None:
        async with self._send_lock:
            if self._base64:
                await self._socket.send_str(f"{channel}{base64.b64encode(data).decode()}")
            else:
                await self._socket.send_bytes(bytes((channel,)) + data)

    async def _receive(self) -> None:
        async for message in self._socket:
            if message.type == WSMsgType.BINARY and message.data:
                channel, data = message.data[0], bytes(message.data[1:])
            elif message.type == WSMsgType.TEXT and message.data:
                channel, data = _decode(message.data)
            else:
                continue
            if channel == STDIN and self._stdin:
                try:
                    await self._session.write(data)
                except (BrokenPipeError, ConnectionError):
                    self._stdin = False  # the process does not read any more; its output still matters
            elif channel == RESIZE:
                await self._resize(data)
            elif channel == CLOSE and data[:1] == bytes((STDIN,)):
                await self._session.close_stdin()

    async def _resize(self, data: bytes) -> None:
        try:
            size = json.loads(data)
            await self._session.resize(int(size["Height"]), int(size["Width"]))
        except (ValueError, KeyError, TypeError) as error:
            log.info("a client sent a terminal size that cannot be read: %s", error)


def _decode(text: str) -> tuple[int, bytes]:
    try:
        return int(text[0]), base64.b64decode(text[1:])
    except ValueError:
        return -1, b""
