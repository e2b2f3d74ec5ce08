"""Just enough of the API for a program that lists and watches over the unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import Any

Objects = list[dict[str, Any]]


class TinyApi:
    """Serves lists and a watch on a unix socket; ``events`` are what the watches send."""

    def __init__(self, path: str, services: Objects, slices: Objects, namespaces: Objects) -> None:
        self.path = path
        self.lists: dict[str, Objects] = {
            "/api/v1/services": services,
            "/apis/discovery.k8s.io/v1/endpointslices": slices,
            "/api/v1/namespaces": namespaces,
        }
        self.watchers: dict[str, asyncio.StreamWriter] = {}
        self.watching = asyncio.Event()

    async def __aenter__(self) -> TinyApi:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.watchers.clear()
        self.watching.clear()
        self.server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for writer in self.watchers.values():
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).split()[1].decode()
        while (await reader.readline()).strip():
            pass
        path, _, query = target.partition("?")
        if not query:
            body = json.dumps({"metadata": {"resourceVersion": "7"}, "items": self.lists[path]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            writer.close()
            return
        assert "resourceVersion=7" in query
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.watchers[path] = writer
        if len(self.watchers) == 3:
            self.watching.set()

    def send(self, path: str, kind: str, obj: dict[str, Any]) -> None:
        metadata = {**obj["metadata"], "resourceVersion": "8"}
        line = json.dumps({"type": kind, "object": {**obj, "metadata": metadata}}).encode() + b"\n"
        for piece in (line[:20], line[20:]):
            self.watchers[path].write(b"%x\r\n" % len(piece) + piece + b"\r\n")
