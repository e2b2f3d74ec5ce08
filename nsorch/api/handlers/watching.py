"""Watch: every change once, in order, as one JSON document per line.

A selector sees an object appear when it begins to match (ADDED) and vanish when it ceases to (DELETED). Bookmarks are
not sent by the clock: one goes out when the journal has moved far on without a change for this watcher, so that the
client's resourceVersion stays resumable, and one at the end of the watch.
Source: k8s.io/apiserver ``pkg/storage/cacher`` and ``pkg/endpoints/handlers/watch.go``.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any

from aiohttp import web

from nsorch.api import content, failures, tables
from nsorch.api.call import Call
from nsorch.api.content import Format
from nsorch.api.failures import Failure
from nsorch.api.operations import read, views
from nsorch.api.operations.read import Selects
from nsorch.resources.registry import Cause, Kind
from nsorch.store import Change, Expired, NotYet, Record
from nsorch.store.journal import PROGRESS, Watcher

MIN_TIMEOUT = 1800
"""Seconds; a watch without ``timeoutSeconds`` ends at random between this and twice this, as in Kubernetes."""
NOT_OLDER = "NotOlderThan"
SLOW_SECONDS = 60.0
"""A client that has taken nothing for so long, with changes waiting for it, is cut off."""
INITIAL_END = "k8s.io/initial-events-end"


async def watch(call: Call) -> web.StreamResponse:
    """Stream the changes of a collection until its timeout, or until the client goes."""
    where = call.where
    kind: Kind[Any] = where.kind
    form = content.negotiate_object(call.request.headers.get("Accept"))
    stored = kind.view.of if kind.view else kind
    selected = read.selects(stored, call.text("labelSelector"), call.text("fieldSelector"))
    bookmarks = call.flag("allowWatchBookmarks")
    since = read.version(call.text("resourceVersion"))
    streaming = _streaming(call)
    seconds = call.number("timeoutSeconds")
    timeout = float(seconds) if seconds else random.uniform(MIN_TIMEOUT, 2 * MIN_TIMEOUT)
    store = call.api.operations.store

    initial: list[Record] = []
    gone: Failure | None = None
    if streaming is True or (streaming is None and since in (None, 0)):
        if since:
            read.check_not_ahead(call.api.operations.context, since)
        watcher = store.watch(stored.resource, where.namespace)
        initial = store.list(stored.resource, where.namespace)
    elif since in (None, 0):
        watcher = store.watch(stored.resource, where.namespace)
    else:
        try:
            watcher = _resume(call, stored, since)
        except Expired as error:
            # As Kubernetes: the request was understood, so the refusal is the first and last event.
            gone, watcher = failures.expired(str(error)), store.watch(stored.resource, where.namespace)
    stream = Stream(call, kind, form, selected)
    start = store.revision

    async with stream:
        if gone is not None:
            await stream.error(gone)
            return stream.response
        for record in initial:
            if selected is None or selected(record.obj):
                await stream.send("ADDED", record)
        if streaming and bookmarks:
            await stream.bookmark(start, initial_end=True)
        await stream.flush()
        try:
            await _follow(stream, watcher, start, bookmarks, asyncio.get_running_loop().time() + timeout)
        except Expired as error:
            await stream.error(failures.expired(str(error)))
    return stream.response


def _streaming(call: Call) -> bool | None:
    """``sendInitialEvents``: None where absent. Source: ``meta/internalversion/validation``."""
    match, given = call.text("resourceVersionMatch"), bool(call.text("sendInitialEvents"))
    causes: list[Cause] = []

    def forbidden(why: str) -> None:
        causes.append(Cause("FieldValueForbidden", "resourceVersionMatch", f"Forbidden: {why}"))

    if given and match != NOT_OLDER:
        forbidden(f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}")
    if match and not given:
        forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
    if match and match != NOT_OLDER:
        why = f'Unsupported value: {json.dumps(match)}: supported values: "{NOT_OLDER}"'
        causes.append(Cause("FieldValueNotSupported", "resourceVersionMatch", why))
    if match and call.text("continue"):
        forbidden("resourceVersionMatch is forbidden when continue is provided")
    if causes:
        raise failures.invalid_options("ListOptions", causes)
    return call.flag("sendInitialEvents") if given else None


def _resume(call: Call, kind: Kind[Any], since: int | None) -> Watcher:
    context = call.api.operations.context
    try:
        return context.store.watch(kind.resource, call.where.namespace, since)
    except NotYet:
        read.check_not_ahead(context, since or 0)
        raise


async def _follow(stream: Stream, watcher: Watcher, sent: int, bookmarks: bool, deadline: float) -> None:
    while True:
        changes = watcher.take()
        for change in changes:
            if await stream.change(change):
                sent = change.revision
        if changes:
            await stream.flush()
            continue
        if watcher.ended:
            return
        if bookmarks and watcher.revision - sent >= PROGRESS:
            sent = watcher.revision
            await stream.bookmark(sent)
            await stream.flush()
        try:
            async with asyncio.timeout_at(deadline):
                await watcher.wait()
        except TimeoutError:
            if bookmarks and not watcher.take(1):
                await stream.bookmark(watcher.revision)
                await stream.flush()
            return


class Stream:
    """The response of a watch."""

    def __init__(self, call: Call, kind: Kind[Any], form: Format, selected: Selects | None) -> None:
        self._call = call
        self._kind = kind
        self._form = form
        self._selected = selected
        self._columns = True
        self._buffer: list[bytes] = []
        self._include = tables.include_object(call.text("includeObject"))
        self.response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        self._encode: Callable[[Record], bytes] = lambda record: record.body
        if form.shape == content.TABLE:
            self._encode = self._table
        elif form.shape == content.PARTIAL:
            self._encode = lambda record: tables.partial(record.obj, form.api_version)

    async def __aenter__(self) -> Stream:
        self.response.enable_chunked_encoding()
        self._call.announce(self.response)
        await self.response.prepare(self._call.request)
        return self

    async def __aexit__(self, type_: Any, error: Any, trace: Any) -> None:
        if error is None:
            await self.flush()
            await self.response.write_eof()

    async def change(self, change: Change) -> bool:
        """Send a change, as the selector sees it; whether it sees it at all."""
        selected = self._selected
        if selected is None:
            await self.send(change.type, change.record)
            return True
        was = change.previous is not None and selected(change.previous.obj)
        if change.type == "DELETED":
            if was:
                await self.send("DELETED", change.record)
            return was
        matches = selected(change.record.obj)
        if matches:
            await self.send("MODIFIED" if was else "ADDED", change.record)
        elif was and change.previous is not None:
            await self.send("DELETED", change.previous.at(change.revision))
        return was or matches

    async def send(self, type_: str, record: Record) -> None:
        if self._kind.view is not None:
            record = views.shown(self._kind.view, record)
        await self._write(b'{"type":"%b","object":%b}\n' % (type_.encode(), self._encode(record).rstrip()))

    async def bookmark(self, revision: int, *, initial_end: bool = False) -> None:
        """Tell that everything up to ``revision`` has been sent."""
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if initial_end:
            metadata["annotations"] = {INITIAL_END: "true"}
        document: dict[str, Any] = {
            "kind": self._kind.kind,
            "apiVersion": self._kind.group_version,
            "metadata": metadata,
        }
        if self._form.shape == content.TABLE:
            inner = document | {"kind": "PartialObjectMetadata", "apiVersion": self._form.api_version}
            document = {
                "kind": "Table",
                "apiVersion": self._form.api_version,
                "metadata": {"resourceVersion": str(revision)},
                "columnDefinitions": None,
                "rows": [{"cells": [None] * len(self._kind.columns), "object": inner}],
            }
        elif self._form.shape == content.PARTIAL:
            document |= {"kind": "PartialObjectMetadata", "apiVersion": self._form.api_version}
        body = json.dumps({"type": "BOOKMARK", "object": document}, separators=(",", ":")).encode()
        await self._write(body + b"\n")

    async def error(self, failure: Failure) -> None:
        """The last event of a watch that cannot go on."""
        await self._write(json.dumps({"type": "ERROR", "object": failure.status()}).encode() + b"\n")

    async def _write(self, line: bytes) -> None:
        self._buffer.append(line)
        if len(self._buffer) >= 128:
            await self.flush()

    async def flush(self) -> None:
        """Send what has gathered: one write for many changes."""
        if self._buffer:
            data = b"".join(self._buffer)
            self._buffer.clear()
            try:
                async with asyncio.timeout(SLOW_SECONDS):
                    await self.response.write(data)
            except TimeoutError:
                self._cut_off()
                raise ConnectionResetError("the client of a watch does not read") from None

    def _cut_off(self) -> None:
        transport = self._call.request.transport
        if transport is not None:
            transport.abort()

    def _table(self, record: Record) -> bytes:
        body = tables.table_of_one(
            self._kind,
            record.obj,
            self._call.api.clock.time(),
            include=self._include,
            with_columns=self._columns,
            api_version=self._form.api_version,
        )
        self._columns = False
        return body
