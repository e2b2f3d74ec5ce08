"""``pods/exec``, ``pods/attach`` and ``pods/portforward``: which protocol the client speaks, and the refusals before
anything is streamed. The protocols are in ``nsorch.api.streams``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.failures import Failure
from nsorch.api.handlers.logs import find_container, find_pod
from nsorch.api.streams import portforward_websocket, session_spdy
from nsorch.api.streams.hangup import HangupWatch
from nsorch.api.streams.links import Messages, Upgraded
from nsorch.api.streams.portforward import PROTOCOL, TUNNEL, PortForward, port_number
from nsorch.api.streams.portforward_websocket import ChannelForward
from nsorch.api.streams.session import Wanted, join
from nsorch.api.streams.session_spdy import SpdyClient
from nsorch.api.streams.session_websocket import BASE64, BINARY, MAX_MESSAGE, WebSocketClient
from nsorch.resources.runtime import ExecSession

SPDY = "SPDY/3.1"
VERSION_HEADER = "X-Stream-Protocol-Version"


async def exec_(call: Call) -> web.StreamResponse:
    """Run a command in a container."""
    pod = find_pod(call)
    container = find_container(pod, call.text("container"))
    argv = call.request.query.getall("command", [])
    if not argv:
        raise failures.bad_request("you must specify at least one command for the container")
    _check_phase(pod.status.phase)
    wanted = _wanted(call)

    async def begin() -> ExecSession:
        return await call.api.runtime.exec(pod.uid, container, argv, stdin=wanted.stdin, tty=wanted.tty)

    return await _session(call, begin, wanted)


async def attach(call: Call) -> web.StreamResponse:
    """Join the streams of a container's first process."""
    pod = find_pod(call)
    container = find_container(pod, call.text("container"))
    _check_phase(pod.status.phase)
    wanted = _wanted(call)

    async def begin() -> ExecSession:
        return await call.api.runtime.attach(pod.uid, container, stdin=wanted.stdin, tty=wanted.tty)

    return await _session(call, begin, wanted)


async def portforward(call: Call) -> web.StreamResponse:
    """Connections to ports inside a Pod."""
    pod = find_pod(call)
    request = call.request
    target = f"{pod.name}, uid {pod.uid}"

    async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await call.api.runtime.connect(pod.uid, port)

    if _upgrade(call) == SPDY:
        protocol = _negotiate(call, (PROTOCOL,), PROTOCOL)
        with HangupWatch(request.transport):
            response, link = await Upgraded.answer(request, {"Upgrade": SPDY, VERSION_HEADER: protocol})
            await PortForward(link, connect, target).run()
        return response

    socket = _websocket(call, (TUNNEL, portforward_websocket.BINARY, portforward_websocket.BASE64))
    tunnel = TUNNEL in _offered(call)
    ports = () if tunnel else _ports(call)
    with HangupWatch(request.transport):
        await socket.prepare(request)
        if socket.ws_protocol == TUNNEL:
            await PortForward(Messages(socket), connect, target).run()
        else:
            await ChannelForward(socket, connect, ports, target).run()
    return socket


def _ports(call: Call) -> list[int]:
    texts = call.request.query.getall("ports", [])
    if not texts:
        raise failures.bad_request('query parameter "ports" is required')
    try:
        ports = [port_number(part) for text in texts for part in text.split(",")]
    except ValueError as error:
        raise failures.bad_request(str(error)) from None
    wide = portforward_websocket.BINARY in _offered(call) or not _offered(call)
    limit = portforward_websocket.MAX_PORTS if wide else portforward_websocket.MAX_PORTS_BASE64
    if len(ports) > limit:
        raise failures.bad_request(f"at most {limit} ports can be forwarded over one such connection")
    return ports


def _check_phase(phase: str | None) -> None:
    if phase in ("Succeeded", "Failed"):
        raise failures.bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")


def _wanted(call: Call) -> Wanted:
    tty = call.flag("tty")
    wanted = Wanted(call.flag("stdin"), call.flag("stdout"), call.flag("stderr") and not tty, tty)
    if not (wanted.stdin or wanted.stdout or call.flag("stderr")):
        raise failures.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    return wanted


Begin = Callable[[], Awaitable[ExecSession]]
"""Starts the session. What it refuses is still an ordinary answer, so it comes before the upgrade."""


async def _session(call: Call, begin: Begin, wanted: Wanted) -> web.StreamResponse:
    if _upgrade(call) == SPDY:
        return await _over_spdy(call, begin, wanted)
    return await _over_websocket(call, begin, wanted)


async def _over_spdy(call: Call, begin: Begin, wanted: Wanted) -> web.StreamResponse:
    request = call.request
    protocol = _negotiate(call, session_spdy.PROTOCOLS, session_spdy.PROTOCOLS[-1])
    session = await begin()
    try:
        with HangupWatch(request.transport):
            response, link = await Upgraded.answer(request, {"Upgrade": SPDY, VERSION_HEADER: protocol})
            client = SpdyClient(link, protocol, wanted)
            try:
                if await client.open():
                    await join(session, client, wanted)
            finally:
                await client.close()
    finally:
        await session.close()
    return response


async def _over_websocket(call: Call, begin: Begin, wanted: Wanted) -> web.StreamResponse:
    socket = _websocket(call, (*BINARY, *BASE64))
    session = await begin()
    try:
        with HangupWatch(call.request.transport):
            await socket.prepare(call.request)
            client = WebSocketClient(socket, wanted)
            await client.greet()
            await join(session, client, wanted)
    finally:
        await session.close()
    return socket


def _upgrade(call: Call) -> str:
    """``websocket`` or ``SPDY/3.1``; Failure 400 if the client asks for neither."""
    headers = call.request.headers
    if "upgrade" in headers.get("Connection", "").lower():
        match headers.get("Upgrade", "").lower():
            case "websocket":
                return "websocket"
            case "spdy/3.1":
                return SPDY
    raise failures.bad_request("Upgrade request required: streams are served over WebSocket and SPDY/3.1")


def _websocket(call: Call, protocols: Sequence[str]) -> web.WebSocketResponse:
    """A WebSocket that is not yet answered; Failure 400 if the client offers none of ``protocols``."""
    offered = _offered(call)
    if offered and not set(offered) & set(protocols):
        raise failures.bad_request(f"unable to upgrade: unsupported subprotocols {', '.join(offered)}")
    return web.WebSocketResponse(protocols=protocols, max_msg_size=MAX_MESSAGE, heartbeat=None, compress=False)


def _offered(call: Call) -> list[str]:
    text = ",".join(call.request.headers.getall("Sec-WebSocket-Protocol", []))
    return [name.strip() for name in text.split(",") if name.strip()]


def _negotiate(call: Call, protocols: Sequence[str], unnamed: str) -> str:
    """The client's first protocol that is among ``protocols``; clients of old name none."""
    text = ",".join(call.request.headers.getall(VERSION_HEADER, []))
    offered = [name.strip() for name in text.split(",") if name.strip()]
    if not offered:
        return unnamed
    for name in offered:
        if name in protocols:
            return name
    message = (
        f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], "
        f"server accepts [{' '.join(protocols)}]"
    )
    raise Failure(403, "Forbidden", message)
