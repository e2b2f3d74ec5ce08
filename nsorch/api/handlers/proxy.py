"""``pods/proxy``, ``services/proxy``, ``nodes/proxy``: with every method, and with any path behind them."""

from __future__ import annotations

from urllib.parse import unquote

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call
from nsorch.api.proxy import kubelet, locations
from nsorch.api.proxy.forward import forward
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


async def proxy(call: Call) -> web.StreamResponse:
    """Send the request on to a Pod, to one of a Service's endpoints, or to a Node."""
    where = call.where
    request = call.request
    prefix, path = split(request.raw_path, where.namespace is not None)
    text, _, query = path.partition("?")
    if not text and request.method in ("GET", "HEAD") and "Upgrade" not in request.headers:
        # Links that are relative to the directory need a directory.
        return web.Response(status=301, headers={"Location": f"{prefix}/" + (f"?{query}" if query else "")})
    if not text:
        path = "/" + path
    wanted = locations.parse(where.name, where.kind.plural.removesuffix("s"))
    obj = call.api.operations.get(where.kind, where.namespace, wanted.name).obj
    match obj:
        case Pod():
            location = locations.of_pod(obj, wanted)
        case Service():
            location = locations.of_service(call.api, where.kind, obj, wanted)
        case Node() if wanted.port in ("", locations.KUBELET_PORT):
            return await kubelet.answer(call, obj, unquote(text) or "/")
        case Node():
            location = locations.of_node(obj, wanted)
        case _:
            raise failures.unknown_path()
    return await forward(request, location, path, prefix)


def split(raw_path: str, namespaced: bool) -> tuple[str, str]:
    """The request's path up to ``/proxy``, and what is behind it as the client wrote it, query included.

    ``/api/v1/namespaces/NAMESPACE/pods/NAME/proxy`` or ``/api/v1/nodes/NAME/proxy``."""
    text, mark, query = raw_path.partition("?")
    parts = text.split("/")
    count = 8 if namespaced else 6
    rest = "/" + "/".join(parts[count:]) if len(parts) > count else ""
    return "/".join(parts[:count]), rest + mark + query
