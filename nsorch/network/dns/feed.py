"""Lists and watches three kinds on the API's unix socket, with a few lines of HTTP: aiohttp would cost 20 MB.

While the daemon is away the names stay as they were; when it is back, everything is listed again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from nsorch.kit.logs import logger
from nsorch.network.dns.records import Names, key_of

PATHS = {
    "services": "/api/v1/services",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "namespaces": "/api/v1/namespaces",
}
RETRY_FIRST, RETRY_LAST = 0.1, 5.0
"""Seconds between attempts to reach the daemon; doubled each time."""
LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest watch event; a Kubernetes object may have 3 MiB."""

log = logger("dns")


class FeedError(Exception):
    """The API answered with something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    chunked: bool
    length: int | None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        if self.chunked:
            while size := int((await self.reader.readline()).split(b";")[0] or b"0", 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
        elif self.length is not None:
            yield await self.reader.readexactly(self.length)
        else:
            while piece := await self.reader.read(1 << 16):
                yield piece

    async def body(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])

    async def lines(self) -> AsyncIterator[bytes]:
        """The body line by line."""
        rest = b""
        async for piece in self.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    yield line


class Feed:
    """Keeps ``names`` in step with the API."""

    def __init__(self, socket_path: str, names: Names) -> None:
        self._path = socket_path
        self._names = names
        self._listed: set[str] = set()
        self._complete = asyncio.Event()

    async def run(self) -> None:
        """Follow all kinds until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in PATHS:
                group.create_task(self._follow(kind), name=f"feed-{kind}")

    async def complete(self) -> None:
        """Wait until every kind has been listed once."""
        await self._complete.wait()

    async def _follow(self, kind: str) -> None:
        delay, complained = RETRY_FIRST, False
        while True:
            try:
                version = await self._list(kind)
                if complained:
                    log.info("%s: the API is back", kind)
                delay, complained = RETRY_FIRST, False
                while True:
                    version = await self._watch(kind, version)
                    await asyncio.sleep(RETRY_FIRST)
            except (OSError, EOFError, ValueError, KeyError, FeedError) as error:
                if not complained:
                    log.warning("%s: answering from memory, cannot follow the API: %s", kind, error or "it went away")
                complained = True
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_LAST)

    async def _list(self, kind: str) -> str:
        response = await self._get(PATHS[kind])
        try:
            if response.status != 200:
                raise FeedError(f"GET {PATHS[kind]} answered {response.status}")
            listed = json.loads(await response.body())
        finally:
            response.writer.close()
        self._names.replace(kind, listed.get("items") or ())
        self._listed.add(kind)
        if len(self._listed) == len(PATHS):
            self._complete.set()
        return str(listed["metadata"]["resourceVersion"])

    async def _watch(self, kind: str, version: str) -> str:
        """Apply changes until the server ends the watch; the version reached. FeedError: list again."""
        query = f"?watch=1&allowWatchBookmarks=true&resourceVersion={version}"
        response = await self._get(PATHS[kind] + query)
        try:
            if response.status != 200:
                raise FeedError(f"watch of {kind} answered {response.status}")
            async for line in response.lines():
                version = self._apply(kind, json.loads(line))
        finally:
            response.writer.close()
        return version

    def _apply(self, kind: str, event: dict[str, Any]) -> str:
        obj = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._names.put(kind, obj)
            case "DELETED":
                self._names.remove(kind, key_of(obj))
            case "ERROR":
                raise FeedError(f"watch of {kind}: {obj.get('message')}")
        return str(obj["metadata"]["resourceVersion"])

    async def _get(self, path: str) -> Response:
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)
        try:
            request = f"GET {path} HTTP/1.1\r\nHost: nsorch\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            await writer.drain()
            status = int((await reader.readline()).split()[1:2][0])
            headers: dict[str, str] = {}
            while line := (await reader.readline()).decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
        except IndexError as error:
            writer.close()
            raise FeedError("the API closed the connection") from error
        except BaseException:
            writer.close()
            raise
        length = headers.get("content-length")
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        return Response(status, reader, writer, chunked, int(length) if length is not None else None)
