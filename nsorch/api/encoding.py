"""How an answer travels: indented for people, gzipped where it is large and the client takes it so.

Whatever takes more than a moment is done in a thread. Source: k8s.io/apiserver
``pkg/endpoints/handlers/responsewriters/writers.go`` and ``pkg/endpoints/handlers/negotiation/negotiate.go``.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable

from aiohttp import hdrs, web

from nsorch.api.content import JSON, parse_accept

GZIP_ABOVE = 128 * 1024
"""Bytes; smaller bodies travel as they are."""
GZIP_LEVEL = 1
"""Nine tenths of what the best level saves, for a fifth of its time."""
THREAD_ABOVE = 32 * 1024
"""Bytes of JSON that may be indented on the event loop: a third of a millisecond."""
BROWSERS = ("curl", "Wget", "Mozilla/")
"""User agents behind which a person sits."""


def takes_gzip(request: web.Request) -> bool:
    """Whether the client accepts gzip."""
    return any(
        clause.media_type in ("gzip", "*") for clause in parse_accept(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
    )


def wants_pretty(request: web.Request) -> bool:
    """``?pretty=true``, a ``pretty=1`` in Accept, or a program by which a person looks."""
    asked = request.query.get("pretty")
    if asked is not None:
        return asked in ("1", "true")
    accept = request.headers.get(hdrs.ACCEPT, "")
    if "pretty" in accept and any(clause.parameter("pretty") == "1" for clause in parse_accept(accept)):
        return True
    return request.headers.get(hdrs.USER_AGENT, "").startswith(BROWSERS)


async def encoded(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The response as this client wants it. Streams go as they are: see ``Gzip``."""
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-cache, private")
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if response.content_type == JSON and wants_pretty(request):
        await _replace(response, indented, THREAD_ABOVE)
    if len(response.body) > GZIP_ABOVE and takes_gzip(request) and request.method == "GET":
        announce_gzip(response)
        await _replace(response, gzipped, 0)
    return response


async def _replace(response: web.Response, change: Callable[[bytes], bytes], thread_above: int) -> None:
    body = response.body
    assert isinstance(body, bytes)
    response.body = await asyncio.to_thread(change, body) if len(body) > thread_above else change(body)


def indented(body: bytes) -> bytes:
    """JSON with two spaces for each level."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode() + b"\n"


def gzipped(body: bytes) -> bytes:
    return Gzip().whole(body)


def announce_gzip(response: web.StreamResponse) -> None:
    """The headers of a gzipped response."""
    response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    response.headers.add(hdrs.VARY, hdrs.ACCEPT_ENCODING)


class Gzip:
    """gzip of a body that is made piece by piece."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def whole(self, body: bytes) -> bytes:
        return self._packer.compress(body) + self._packer.flush()

    async def piece(self, data: bytes) -> bytes:
        return await asyncio.to_thread(self._packer.compress, data)

    def end(self) -> bytes:
        return self._packer.flush()
