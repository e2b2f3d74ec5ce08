"""GET of one object and of a collection."""

from __future__ import annotations

from aiohttp import web

from nsorch.api import content, failures
from nsorch.api.call import Call
from nsorch.api.handlers import answers
from nsorch.api.handlers.options import list_options
from nsorch.api.handlers.watching import watch
from nsorch.api.operations import read
from nsorch.resources.registry import Cause


async def get(call: Call) -> web.StreamResponse:
    """One object."""
    where = call.where
    if asked := read.version(call.text("resourceVersion")):
        read.check_not_ahead(call.api.operations.context, asked)
    record = call.api.operations.get(where.kind, where.namespace, where.name)
    return answers.of_record(call, where.kind, record)


async def list_or_watch(call: Call) -> web.StreamResponse:
    """A collection, or its changes with ``watch=true``."""
    if call.flag("watch"):
        return await watch(call)
    where = call.where
    if call.text("sendInitialEvents"):
        why = "Forbidden: sendInitialEvents is forbidden for list"
        raise failures.invalid_options("ListOptions", [Cause("FieldValueForbidden", "sendInitialEvents", why)])
    content.negotiate_list(call.request.headers.get("Accept"))
    page = call.api.operations.list(where.kind, where.namespace, list_options(call))
    return await answers.of_page(call, where.kind, page)
