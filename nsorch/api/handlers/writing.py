"""POST, PUT, PATCH and DELETE of objects."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.content import body_type
from nsorch.api.handlers import answers
from nsorch.api.handlers.options import deletion, list_options, read_body, validation, write_options
from nsorch.api.parsing import parse_object
from nsorch.api.patch import APPLY_PATCH, PATCH_TYPES, PatchRefused
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.registry import Kind
from nsorch.store import Record


async def read_object(call: Call) -> Resource:
    """The object in the body; what is odd about it becomes warnings."""
    kind: Kind[Any] = call.where.kind
    strictness = validation(call)
    media_type = body_type(call.request.headers.get("Content-Type"))
    raw = await read_body(call)
    obj, warnings = parse_object(kind, raw, media_type, strictness, depth_limit=call.api.settings.depth_limit)
    call.warnings += warnings
    call.warnings += kind.warnings(obj)
    return obj


async def create(call: Call) -> web.StreamResponse:
    """A new object."""
    where = call.where
    if where.kind.namespaced and where.namespace is None:
        raise failures.method_not_allowed("an object is created in its namespace: POST to .../namespaces/NAMESPACE/...")
    options = write_options(call)
    obj = await read_object(call)
    record = await call.api.operations.create(where.kind, where.namespace, obj, options)
    return answers.of_record(call, where.kind, record, 201)


async def update(call: Call) -> web.StreamResponse:
    """An object, its status, a Pod's ephemeral containers, or the finalizers of a Namespace."""
    where, operations = call.where, call.api.operations
    options = write_options(call)
    obj = await read_object(call)
    if not obj.metadata.name:
        raise failures.bad_request(
            f"the name of the object ({where.name} based on URL) was undeterminable: name must be provided"
        )
    record: Record
    if where.subresource == "finalize" and isinstance(obj, Namespace):
        record = await operations.finalize(where.kind, where.name, obj, options)
    else:
        record = await operations.update_part(
            where.kind, where.namespace, where.name, obj, options, subresource=where.subresource
        )
    return answers.of_record(call, where.kind, record)


async def patch(call: Call) -> web.StreamResponse:
    """JSON Patch, merge patch or strategic merge patch of an object or its status."""
    where = call.where
    if call.request.content_type not in PATCH_TYPES:
        raise PatchRefused.unsupported(call.request.headers.get("Content-Type", ""), PATCH_TYPES)
    if call.request.content_type == APPLY_PATCH:
        return await apply(call)
    options = write_options(call)
    record = await call.api.operations.patch(
        where.kind,
        where.namespace,
        where.name,
        call.request.headers.get("Content-Type", ""),
        await read_body(call),
        options,
        subresource=where.subresource,
        validation=validation(call),
        warnings=call.warnings,
    )
    call.warnings += where.kind.warnings(record.obj)
    return answers.of_record(call, where.kind, record)


async def apply(call: Call) -> web.StreamResponse:
    """Server-side apply of an object or its status: made if it is not there."""
    where = call.where
    record, created = await call.api.operations.apply(
        where.kind,
        where.namespace,
        where.name,
        await read_body(call),
        write_options(call),
        force=call.flag("force"),
        subresource=where.subresource,
        validation=validation(call),
        warnings=call.warnings,
    )
    call.warnings += where.kind.warnings(record.obj)
    return answers.of_record(call, where.kind, record, 201 if created else 200)


async def delete(call: Call) -> web.StreamResponse:
    """An object: a Status where it is gone, the object where its deletion goes on."""
    where = call.where
    deleted = await call.api.operations.delete(where.kind, where.namespace, where.name, await deletion(call))
    record = deleted.record
    if deleted.gone and where.kind.grace_seconds is None:
        return answers.of_document(call, failures.success(where.kind, record.name, record.uid))
    return answers.of_record(call, where.kind, record)


async def delete_collection(call: Call) -> web.StreamResponse:
    """Everything selected; answers with what was there."""
    where = call.where
    page = await call.api.operations.delete_collection(
        where.kind, where.namespace, await deletion(call), list_options(call)
    )
    return await answers.of_page(call, where.kind, page)
