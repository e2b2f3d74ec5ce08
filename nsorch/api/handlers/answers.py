"""Answers: one object, a list, a Status, in the shape that the client accepts."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

from aiohttp import web

from nsorch.api import content, encoding, tables
from nsorch.api.call import Call
from nsorch.api.content import Format
from nsorch.api.operations import Page
from nsorch.resources.base import Model
from nsorch.resources.registry import Kind
from nsorch.store import Record

STREAM_ABOVE = 1 << 20
"""Bytes above which a list is written piece by piece."""
PIECE = 256
"""Objects written at a time."""


def of_bytes(body: bytes, form: Format, status: int = 200) -> web.Response:
    """JSON bytes in the chosen media type."""
    return web.Response(body=content.render(body, form), status=status, headers={"Content-Type": form.content_type})


def of_document(call: Call, document: dict[str, Any], status: int = 200) -> web.Response:
    """A document that has no other shape: a Status, a Scale."""
    form = content.negotiate(call.request.headers.get("Accept"), (content.TABLE, content.PARTIAL))
    return of_bytes(json.dumps(document).encode() + b"\n", Format(form.media_type), status)


def of_model(call: Call, model: Model, status: int = 200) -> web.Response:
    return of_document(call, model.to_dict(), status)


def of_record(call: Call, kind: Kind[Any], record: Record, status: int = 200) -> web.Response:
    """One object."""
    form = content.negotiate_object(call.request.headers.get("Accept"))
    if form.shape == content.TABLE:
        body = tables.table_of_one(
            kind,
            record.obj,
            call.api.clock.time(),
            include=tables.include_object(call.text("includeObject")),
            api_version=form.api_version,
        )
    elif form.shape == content.PARTIAL:
        body = tables.partial(record.obj, form.api_version)
    else:
        body = record.body
    return of_bytes(body, form, status)


async def of_page(call: Call, kind: Kind[Any], page: Page) -> web.StreamResponse:
    """A list of objects."""
    form = content.negotiate_list(call.request.headers.get("Accept"))
    meta = tables.ListMeta(resource_version=str(page.revision), continue_=page.continue_, remaining=page.remaining)
    if form.shape or form.yaml:
        # Built from models, some 30 us an object: beyond a few hundred that is nothing for the event loop.
        include = tables.include_object(call.text("includeObject"))
        build = functools.partial(_shaped, kind, page.records, call.api.clock.time(), include, meta, form)
        body = build() if len(page.records) <= PIECE else await asyncio.to_thread(build)
        return web.Response(body=body, headers={"Content-Type": form.content_type})
    head = _head(kind, meta)
    if sum(len(record.body) for record in page.records) <= STREAM_ABOVE:
        return of_bytes(head + b",".join(record.body for record in page.records) + b"]}\n", form)
    return await _stream(call, head, page.records, form)


def _head(kind: Kind[Any], meta: tables.ListMeta) -> bytes:
    return b'{"kind":"%bList","apiVersion":"%b","metadata":%b,"items":[' % (
        kind.kind.encode(),
        kind.group_version.encode(),
        meta.to_json(),
    )


def _shaped(
    kind: Kind[Any], records: list[Record], now: float, include: tables.Include, meta: tables.ListMeta, form: Format
) -> bytes:
    """A list in another shape or media type; touches nothing but the records, so any thread may do it."""
    if form.shape == content.TABLE:
        objects = [record.obj for record in records]
        body = tables.table(kind, objects, now, include=include, meta=meta, api_version=form.api_version)
    elif form.shape == content.PARTIAL_LIST:
        body = tables.partial_list((record.obj for record in records), meta, form.api_version)
    else:
        body = _head(kind, meta) + b",".join(record.body for record in records) + b"]}\n"
    return content.render(body, form)


async def _stream(call: Call, head: bytes, records: list[Record], form: Format) -> web.StreamResponse:
    if encoding.wants_pretty(call.request):
        return of_bytes(head + b",".join(record.body for record in records) + b"]}\n", form)
    response = web.StreamResponse(headers={"Content-Type": form.content_type})
    gzip = encoding.Gzip() if encoding.takes_gzip(call.request) else None
    if gzip is not None:
        encoding.announce_gzip(response)
    call.announce(response)
    await response.prepare(call.request)

    async def write(data: bytes) -> None:
        await response.write(await gzip.piece(data) if gzip is not None else data)

    await write(head)
    for first in range(0, len(records), PIECE):
        piece = b",".join(record.body for record in records[first : first + PIECE])
        await write(b"," + piece if first else piece)
    await write(b"]}\n")
    await response.write_eof(gzip.end() if gzip is not None else b"")
    return response
