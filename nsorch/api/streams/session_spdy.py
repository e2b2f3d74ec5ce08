"""exec and attach over SPDY/3.1: the client opens one stream for each of standard input, output, error output, the
outcome ("error") and terminal sizes ("resize"), named by the header ``streamType``.

Protocols: v4 tells the outcome as ``metav1.Status``, v3 knows terminal sizes, v2 and the unnamed v1 neither.
Source: k8s.io/kubelet ``pkg/cri/streaming/remotecommand/httpstream.go``.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nsorch.api.streams.links import Link
from nsorch.api.streams.session import Wanted, log, outcome_bytes, resize, write_input
from nsorch.api.streams.spdy.connection import Connection, Stream
from nsorch.resources.runtime import ExecSession

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
"""v5 is v4 here: what it adds, SPDY has always had."""
STREAMS_SECONDS = 30.0
"""How long a client may take to open its streams."""
CLOSE_SECONDS = 3.0
"""How long a client may take to close the connection after it has been told everything."""
MAX_SIZES = 4096
"""Bytes of terminal sizes that are not yet whole."""


class SpdyClient:
    """``session.Client`` on a link. ``await open()`` first, ``await close()`` at last."""

    def __init__(self, link: Link, protocol: str, wanted: Wanted) -> None:
        self._connection = Connection(link, self._accept)
        self._as_status = protocol.startswith(("v4", "v5"))
        self._streams: dict[str, Stream] = {}
        self._expected = {"error"}
        for name in ("stdin", "stdout", "stderr"):
            if getattr(wanted, name):
                self._expected.add(name)
        if wanted.tty and protocol.startswith(("v3", "v4", "v5")):
            self._expected.add("resize")
        self._complete = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def _accept(self, stream: Stream) -> bool:
        kind = stream.headers.get("streamtype", "")
        if kind not in ("stdin", "stdout", "stderr", "error", "resize") or kind in self._streams:
            return False
        self._streams[kind] = stream
        if kind not in ("stdin", "resize"):
            stream.discard()
        if self._expected <= self._streams.keys():
            self._complete.set()
        return True

    async def open(self) -> bool:
        """Wait for the client's streams. False if it has gone or has not opened them in time."""
        self._running = asyncio.create_task(self._connection.run())
        complete = asyncio.create_task(self._complete.wait())
        try:
            await asyncio.wait({self._running, complete}, timeout=STREAMS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            complete.cancel()
        if not self._complete.is_set() and not self._running.done():
            log.info("a client has not opened its streams within %g s", STREAMS_SECONDS)
            await self._connection.go_away()
        return self._complete.is_set()

    async def close(self) -> None:
        """Stop reading."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def send(self, stream: int, data: bytes) -> None:
        await self._streams["stdout" if stream == 1 else "stderr"].write(data)

    async def finish(self, outcome: dict[str, Any]) -> None:
        for name in ("stdout", "stderr"):
            if name in self._streams:
                await self._streams[name].close()
        error = self._streams["error"]
        if data := outcome_bytes(outcome, as_status=self._as_status):
            await error.write(data)
        await error.close()
        await self._connection.go_away()
        assert self._running is not None
        # Closing first could cut off what is still on its way.
        await asyncio.wait({self._running}, timeout=CLOSE_SECONDS)

    async def receive(self, session: ExecSession) -> None:
        assert self._running is not None
        tasks = [
            asyncio.create_task(work(session, self._streams[name]))
            for name, work in (("stdin", _input), ("resize", _sizes))
            if name in self._streams
        ]
        try:
            await asyncio.shield(self._running)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _input(session: ExecSession, stream: Stream) -> None:
    while data := await stream.read():
        if not await write_input(session, data):
            stream.discard()
            return
    if not stream.was_reset:
        await session.close_stdin()


async def _sizes(session: ExecSession, stream: Stream) -> None:
    decoder, text = json.JSONDecoder(), ""
    while data := await stream.read():
        text += data.decode(errors="replace")
        while text := text.lstrip():
            try:
                size, end = decoder.raw_decode(text)
            except ValueError:
                if len(text) > MAX_SIZES:
                    log.info("a client sends terminal sizes that cannot be read")
                    stream.discard()
                    return
                break
            text = text[end:]
            await resize(session, size)
