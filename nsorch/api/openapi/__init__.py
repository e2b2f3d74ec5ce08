"""OpenAPI, published from the models that really parse requests: ``/openapi/v3`` and, for old clients, ``/openapi/v2``.

A document is generated when first asked for and kept compressed: the whole schema is megabytes as Python data, but a
few tens of kilobytes as gzip. It is generated anew when the registry's kinds have changed.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from nsorch.api import content
from nsorch.api.call import Call
from nsorch.api.failures import unknown_path
from nsorch.api.openapi import v2, v2_protobuf
from nsorch.api.openapi.paths import Paths
from nsorch.api.openapi.schemas import Components, simplify
from nsorch.api.settings import GIT_VERSION
from nsorch.resources.registry import Kind, Registry


@dataclass(frozen=True, slots=True)
class Compressed:
    """One document: gzip bytes and the hash of what they hold."""

    data: bytes
    digest: str


class OpenApi:
    """Answers ``/openapi/v3``, ``/openapi/v3/...`` and ``/openapi/v2``."""

    def __init__(self, registry: Registry, more: tuple[Kind[Any], ...] = ()) -> None:
        """``more``: kinds that are served beside those of the registry (answered, not stored)."""
        self._registry = registry
        self._more = more
        self._kinds: tuple[Kind[Any], ...] = ()
        self._documents: dict[str, Compressed] = {}
        self._lock = asyncio.Lock()

    async def handle(self, call: Call) -> web.StreamResponse:
        """The handler of every path below ``/openapi``."""
        path = call.request.path.rstrip("/").removeprefix("/openapi/")
        accept = call.request.headers.get("Accept", "")
        protobuf = path == "v2" and accept.startswith(v2_protobuf.MEDIA_TYPE)
        if not protobuf:
            content.negotiate(accept)
        document = await self.document("v2.protobuf" if protobuf else path)
        headers = {"ETag": f'"{document.digest}"', "Vary": "Accept-Encoding, Accept"}
        if call.text("hash") == document.digest:
            headers["Cache-Control"] = "public, immutable, max-age=31536000"
        if call.request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = v2_protobuf.CONTENT_TYPE if protobuf else content.JSON
        if "gzip" in call.request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=document.data, headers=headers)
        return web.Response(body=await asyncio.to_thread(gzip.decompress, document.data), headers=headers)

    async def document(self, path: str) -> Compressed:
        """The document below ``/openapi/``: ``v3``, ``v3/apis/apps/v1``, ``v2``. Raises Failure 404 for others."""
        async with self._lock:
            if self._kinds is not self._registry.kinds:
                self._kinds = self._registry.kinds
                self._documents.clear()
            if path not in self._documents:
                if path not in ("v3", "v2", "v2.protobuf") and path not in self._group_versions():
                    raise unknown_path()
                await asyncio.to_thread(self._build, path)
            return self._documents[path]

    def _group_versions(self) -> dict[str, str]:
        """Group versions by their path: ``v3/api/v1`` -> ``v1``."""
        return {
            f"v3/{'apis' if kind.group else 'api'}/{kind.group_version}": kind.group_version
            for kind in self._kinds + self._more
        }

    def _build(self, path: str) -> None:
        if path == "v2.protobuf":
            self._keep(path, v2_protobuf.encode(v2.convert(generate(self._kinds + self._more, ""))))
            return
        if path == "v3":
            for below in self._group_versions():
                if below not in self._documents:
                    self._build(below)
            data: dict[str, Any] = {
                "paths": {
                    below.removeprefix("v3/"): {
                        "serverRelativeURL": f"/openapi/{below}?hash={self._documents[below].digest}"
                    }
                    for below in self._group_versions()
                }
            }
        elif path == "v2":
            data = v2.convert(generate(self._kinds + self._more, ""))
        else:
            data = generate(self._kinds + self._more, self._group_versions()[path])
        self._keep(path, json.dumps(data, separators=(",", ":")).encode())

    def _keep(self, path: str, body: bytes) -> None:
        digest = hashlib.sha256(body).hexdigest().upper()
        self._documents[path] = Compressed(gzip.compress(body, 6, mtime=0), digest)


def generate(kinds: tuple[Kind[Any], ...], group_version: str) -> dict[str, Any]:
    """The OpenAPI v3 document of one group version; "" is all of them in one."""
    components = Components()
    paths: dict[str, Any] = {}
    for served in sorted({kind.group_version for kind in kinds}):
        if group_version in ("", served):
            part = Paths(served, components)
            for kind in kinds:
                if kind.group_version == served:
                    part.add(kind)
            paths |= part.paths
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": simplify(components.sorted())},
    }
