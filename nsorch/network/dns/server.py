"""The server: UDP and TCP on one address."""

from __future__ import annotations

import asyncio
import socket
import struct

from nsorch.kit.logs import logger
from nsorch.network.dns.resolver import Resolver

IDLE = 10.0
"""Seconds a TCP connection may be silent (RFC 7766)."""
IP_FREEBIND = 15

log = logger("dns")


class DnsServer:
    """Serves a resolver on one address and port; TCP accepts only while it can answer, so it can be probed."""

    def __init__(self, resolver: Resolver, address: str, port: int = 53) -> None:
        self._resolver = resolver
        self._address, self._port = address, port
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bind; OSError if somebody else has the port."""
        loop = asyncio.get_running_loop()
        udp = bound(self._address, self._port, socket.SOCK_DGRAM)
        port = udp.getsockname()[1]
        tcp = bound(self._address, port, socket.SOCK_STREAM)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self), sock=udp)
        self._server = await asyncio.start_server(self._serve_tcp, sock=tcp)
        self._port = port

    @property
    def port(self) -> int:
        return self._port

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()

    def received(self, message: bytes, client: tuple[str, int]) -> None:
        """One UDP request."""
        task = asyncio.create_task(self._answer_udp(message, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_udp(self, message: bytes, client: tuple[str, int]) -> None:
        response = await self._respond(message, tcp=False)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, client)

    async def _respond(self, message: bytes, *, tcp: bool) -> bytes | None:
        try:
            return await self._resolver.respond(message, tcp=tcp)
        except Exception:  # one bad request must not end the service of all others
            log.exception("cannot answer %s", message.hex())
            return None

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    message = await reader.readexactly(length)
                response = await self._respond(message, tcp=True)
                if response is None:
                    return
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        except (TimeoutError, OSError, EOFError):
            return
        finally:
            writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.received(data, addr)


def bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket bound even if the address is not (yet, or for a moment) on the host."""
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"cannot serve DNS on {address}:{port}: {error.strerror}") from error
    made.setblocking(False)
    return made
