"""Port-forward over SPDY/3.1: for each connection the client opens a stream for data and one for errors.

Their headers: ``streamType`` (data or error), ``port``, and ``requestID``, which makes two streams a pair. The same
bytes come over a bare connection, or (``SPDY/3.1+portforward.k8s.io``) as binary messages of a WebSocket.
Source: k8s.io/kubelet ``pkg/cri/streaming/portforward/httpstream.go``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nsorch.api.streams.links import Link
from nsorch.api.streams.spdy.connection import Connection, Stream
from nsorch.kit.logs import logger
from nsorch.resources.runtime import RuntimeRefused

log = logger("api")

PROTOCOL = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{PROTOCOL}"
PAIR_SECONDS = 30.0
"""How long the second stream of a pair may take to come."""
LINGER = 10.0
"""Seconds for a Pod to take what a client has sent before it went."""
CHUNK = 64 * 1024

Connect = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Connects to a port inside the Pod; RuntimeRefused if that fails."""


def port_number(text: str) -> int:
    """A port of 1 to 65535; ValueError for anything else."""
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise ValueError(f'unable to parse "{text}" as a port: must be 1 to 65535')


@dataclass(slots=True)
class Pair:
    """The two streams of one forwarded connection."""

    port: int
    timer: asyncio.TimerHandle
    data: Stream | None = None
    error: Stream | None = None


class PortForward:
    """Any number of connections to any ports of one Pod over one link. ``target`` is for messages."""

    def __init__(self, link: Link, connect: Connect, target: str) -> None:
        self._connection = Connection(link, self._accept)
        self._connect = connect
        self._target = target
        self._pairs: dict[str, Pair] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the client has gone; then all connections to the Pod are closed."""
        try:
            await self._connection.run()
        finally:
            for pair in self._pairs.values():
                pair.timer.cancel()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, stream: Stream) -> bool:
        kind = stream.headers.get("streamtype", "")
        if kind not in ("data", "error"):
            return False
        try:
            port = port_number(stream.headers.get("port", ""))
        except ValueError:
            return False
        # Clients of old send no id; their streams come in turn, errors first.
        request = stream.headers.get("requestid") or str(stream.number - (2 if kind == "data" else 0))
        pair = self._pairs.get(request)
        if pair is None:
            timer = asyncio.get_running_loop().call_later(PAIR_SECONDS, self._expire, request)
            pair = self._pairs[request] = Pair(port, timer)
        if getattr(pair, kind) is not None:
            return False
        setattr(pair, kind, stream)
        if kind == "error":
            stream.discard()
        if pair.data is not None and pair.error is not None:
            pair.timer.cancel()
            del self._pairs[request]
            self._start(self._forward(port_number(pair.data.headers["port"]), pair.data, pair.error))
        return True

    def _expire(self, request: str) -> None:
        pair = self._pairs.pop(request)
        log.info("port-forward to %s: a pair of streams is not complete after %g s", self._target, PAIR_SECONDS)
        for stream in (pair.data, pair.error):
            if stream is not None:
                self._start(stream.reset())

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except ConnectionError:
                pass  # the client has gone or has reset the stream

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, port: int, data: Stream, error: Stream) -> None:
        try:
            reader, writer = await self._connect(port)
        except RuntimeRefused as refused:
            await error.write(f"error forwarding port {port} to pod {self._target}: {refused.message}".encode())
            await error.close()
            await data.close()
            data.discard()
            return
        try:
            upstream = asyncio.create_task(_upstream(data, writer))
            downstream = asyncio.create_task(_downstream(reader, data, error))
            try:
                # The client may have ended its half and still be waiting for the answer; not the other way round.
                await asyncio.wait({upstream, downstream}, return_when=asyncio.FIRST_COMPLETED)
                if not downstream.done() and not data.was_reset and upstream.exception() is None:
                    await asyncio.wait({downstream})
                elif downstream.done() and not data.was_reset:
                    await asyncio.wait({upstream})
            finally:
                for task in (upstream, downstream):
                    task.cancel()
                await asyncio.gather(upstream, downstream, return_exceptions=True)
            await data.close()
            await error.close()
            if not data.was_reset:
                close_gently(writer)
        finally:
            if not writer.is_closing():
                writer.transport.abort()


def close_gently(writer: asyncio.StreamWriter) -> None:
    """Close when what was written is sent, for which there is some time."""
    writer.close()
    if writer.transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(LINGER, writer.transport.abort)


async def _upstream(data: Stream, writer: asyncio.StreamWriter) -> None:
    """From the client to the Pod."""
    try:
        while piece := await data.read():
            writer.write(piece)
            await writer.drain()
        if not data.was_reset:
            writer.write_eof()
    except ConnectionError:
        data.discard()


async def _downstream(reader: asyncio.StreamReader, data: Stream, error: Stream) -> None:
    """From the Pod to the client."""
    try:
        while piece := await reader.read(CHUNK):
            await data.write(piece)
    except BrokenPipeError:
        return  # the client has reset the stream
    except ConnectionResetError:
        await data.reset()
    await data.close()
    await error.close()
