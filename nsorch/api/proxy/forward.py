"""One proxied request: sent on, its answer streamed back, or its connection joined to the client's when it upgrades."""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from typing import Any, cast

import aiohttp
from aiohttp import ClientResponse, web
from aiohttp.http import StreamWriter
from yarl import URL

from nsorch.api import failures
from nsorch.api.proxy import headers as proxied
from nsorch.api.proxy.locations import Location
from nsorch.api.proxy.rewrite import rewrite_html, rewrite_url
from nsorch.api.streams.hangup import HangupWatch
from nsorch.api.streams.links import Bare, Inlet, Link, Upgraded
from nsorch.kit.logs import logger

log = logger("api")

CONNECT_SECONDS = 10.0
MAX_HEADER = 64 * 1024
MAX_HTML = 4 * 1024 * 1024
"""Bytes of a page whose links are still changed; larger ones pass as they are."""


async def forward(request: web.Request, location: Location, path: str, prefix: str) -> web.StreamResponse:
    """``path`` begins with ``/`` and is as the client wrote it, query included. ``prefix``: the path before it."""
    upgrade = proxied.is_upgrade(request.headers.items())
    sent = proxied.of_request(
        request.headers.items(), request.remote or "", prefix + path.partition("?")[0], upgrade=upgrade
    )
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=False, force_close=True, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER,
    ) as session:
        with HangupWatch(request.transport):
            try:
                answer = await session.request(
                    request.method,
                    URL(location.origin + path, encoded=True),
                    headers=sent,
                    data=request.content if request.can_read_body else None,
                    allow_redirects=False,
                )
            except (aiohttp.ClientError, TimeoutError) as error:
                raise failures.unavailable(f"error trying to reach service: {_why(error, location)}") from None
            async with answer:
                if answer.status == 101:
                    return await _upgraded(request, answer)
                return await _answered(request, answer, location, prefix)


def _why(error: Exception, location: Location) -> str:
    where = f"{location.host}:{location.port}"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"tls: {where}: {error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error}"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return f"dial tcp {where}: connect: {os.strerror(error.os_error.errno).lower()}"
    if isinstance(error, TimeoutError):
        return f"dial tcp {where}: i/o timeout"
    return f"{where}: {error or type(error).__name__}"


async def _answered(
    request: web.Request, answer: ClientResponse, location: Location, prefix: str
) -> web.StreamResponse:
    kept = proxied.passed_on(answer.headers.items())
    hosts = (f"{location.host}:{location.port}", request.host)
    if target := kept.get("Location"):
        kept["Location"] = rewrite_url(target, prefix, hosts)
    body = b""
    if answer.content_type == "text/html" and "Location" not in kept and request.method != "HEAD":
        body = await _beginning(answer)
        if len(body) <= MAX_HTML:
            encoding = kept.get("Content-Encoding", "")
            body = await asyncio.to_thread(_rewritten, body, encoding, answer.charset or "utf-8", prefix, hosts)
            kept["Content-Length"] = str(len(body))
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
    await response.prepare(request)
    try:
        if body:
            await response.write(body)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    except aiohttp.ClientError as error:
        # The client must not take half an answer for the whole.
        log.info("%s %s: the answer broke off: %s", request.method, request.path, error)
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


async def _beginning(answer: ClientResponse) -> bytes:
    """All of a page, or somewhat more than MAX_HTML of it."""
    parts, size = [], 0
    try:
        while size <= MAX_HTML and (chunk := await answer.content.readany()):
            parts.append(chunk)
            size += len(chunk)
    except aiohttp.ClientError as error:
        raise failures.unavailable(f"error trying to reach service: {error}") from None
    return b"".join(parts)


def _rewritten(body: bytes, encoding: str, charset: str, prefix: str, hosts: tuple[str, ...]) -> bytes:
    """A page with its links changed; as it is if it cannot be read."""
    try:
        match encoding:
            case "":
                text = body.decode(charset)
            case "gzip":
                unpacker = zlib.decompressobj(wbits=31)
                plain = unpacker.decompress(body, 4 * MAX_HTML)
                if unpacker.unconsumed_tail:
                    return body
                text = plain.decode(charset)
            case _:
                return body
        changed = rewrite_html(text, prefix, hosts)
        if changed == text:
            return body
        result = changed.encode(charset)
    except (UnicodeError, LookupError, zlib.error):
        return body
    return gzip.compress(result) if encoding == "gzip" else result


async def _upgraded(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    connection = answer.connection
    protocol = connection.protocol if connection is not None else None
    if protocol is None or protocol.transport is None:
        raise failures.unavailable("error trying to reach service: the connection was lost")
    inlet = Inlet()
    inlet.take_from(protocol.transport)
    protocol.set_parser(inlet, answer.content)
    backend = Bare(protocol, StreamWriter(protocol, asyncio.get_running_loop()), inlet)
    granted = proxied.passed_on(answer.headers.items(), upgrade=True)
    response, client = await Upgraded.answer(request, cast(Any, granted))
    tasks = {asyncio.create_task(_copy(client, backend)), asyncio.create_task(_copy(backend, client))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return response


async def _copy(source: Link, target: Link) -> None:
    try:
        while data := await source.read():
            await target.write(data)
    except ConnectionError:
        pass
