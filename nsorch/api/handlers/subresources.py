"""Subresources with a body of their own kind: scale, binding, eviction."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.content import body_type
from nsorch.api.handlers import answers
from nsorch.api.handlers.options import dry_run, of_options, read_body, validation, write_options
from nsorch.api.operations import Deletion
from nsorch.api.operations.scale import scale_of
from nsorch.api.parsing import check_type, decode, unknown_fields, validate
from nsorch.resources.meta import Resource
from nsorch.resources.requests import Binding, Eviction
from nsorch.resources.scale import Scale

R = TypeVar("R", bound=Resource)


async def read(call: Call, model: type[R], other_versions: tuple[str, ...] = ()) -> R:
    strictness = validation(call)
    document = decode(
        await read_body(call),
        body_type(call.request.headers.get("Content-Type")),
        depth_limit=call.api.settings.depth_limit,
        what=model.KIND,
    )
    if document.get("apiVersion") in other_versions:
        document["apiVersion"] = model.GROUP_VERSION
    check_type(document, model)
    obj = validate(model, document)
    if strictness != "Ignore" and (found := unknown_fields(obj, document)):
        if strictness == "Strict":
            raise failures.bad_request(f"{model.KIND} cannot be handled: strict decoding error: {', '.join(found)}")
        call.warnings += found
    return obj


async def get_scale(call: Call) -> web.StreamResponse:
    where = call.where
    return answers.of_model(call, call.api.operations.scale(where.kind, where.namespace, where.name))


async def update_scale(call: Call) -> web.StreamResponse:
    where = call.where
    options = write_options(call)
    wanted = await read(call, Scale)
    scale = await call.api.operations.update_scale(where.kind, where.namespace, where.name, wanted, options)
    return answers.of_model(call, scale)


async def patch_scale(call: Call) -> web.StreamResponse:
    where = call.where
    record = await call.api.operations.patch(
        where.kind,
        where.namespace,
        where.name,
        call.request.headers.get("Content-Type", ""),
        await read_body(call),
        write_options(call),
        subresource="scale",
        validation=validation(call),
        warnings=call.warnings,
    )
    return answers.of_model(call, scale_of(where.kind, record))


async def bind(call: Call) -> web.StreamResponse:
    """``pods/binding``."""
    where = call.where
    options = write_options(call)
    binding = await read(call, Binding)
    await call.api.operations.bind(where.kind, where.namespace, where.name, binding, options)
    return answers.of_document(call, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)


async def evict(call: Call) -> web.StreamResponse:
    """``pods/eviction``."""
    where = call.where
    eviction = await read(call, Eviction, ("policy/v1beta1", "v1"))
    if eviction.name and eviction.name != where.name:
        raise failures.bad_request("name in URL does not match name in Eviction object")
    dry = dry_run(call.request.query.getall("dryRun", []))
    options = of_options(eviction.deleteOptions, dry) if eviction.deleteOptions else Deletion(dry_run=dry)
    await call.api.operations.evict(where.kind, where.namespace, where.name, options)
    return answers.of_document(call, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)
