"""What a kubelet answers on its own port, for ``nodes/NAME/proxy/...``: there is no such server here, the API answers.

Source: ``pkg/kubelet/server/server.go`` (paths), documentation of ``kubectl get --raw``.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from yarl import URL

from nsorch.api import failures
from nsorch.api.call import Call, Target
from nsorch.api.handlers.logs import log
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod

Handler = Callable[[Call, Node, str], Awaitable[web.StreamResponse]]
"""Gets the path below its own, without the leading slash."""


async def answer(call: Call, node: Node, path: str) -> web.StreamResponse:
    """The answer to ``path``, which begins with a slash and has no query."""
    first, _, rest = path.strip("/").partition("/")
    handler = PATHS.get(first)
    if handler is None:
        return web.Response(status=404, text="404 page not found\n")
    if call.request.method not in ("GET", "HEAD"):
        return web.Response(status=405, text="405: Method Not Allowed")
    return await handler(call, node, rest)


async def healthz(call: Call, node: Node, rest: str) -> web.StreamResponse:
    """Reached at all, the node is well."""
    return web.Response(text="ok")


async def pods(call: Call, node: Node, rest: str) -> web.StreamResponse:
    """A PodList of the node's Pods."""
    return _list([pod for pod in _of(call, node) if pod.status.phase is not None])


async def running_pods(call: Call, node: Node, rest: str) -> web.StreamResponse:
    """A PodList of those that run."""
    return _list([pod for pod in _of(call, node) if pod.status.phase == "Running"])


async def container_logs(call: Call, node: Node, rest: str) -> web.StreamResponse:
    """``containerLogs/NAMESPACE/POD/CONTAINER``: as ``pods/log``."""
    match rest.split("/"):
        case [namespace, name, container]:
            kind = call.api.registry.at("", "v1", "pods")
            assert kind is not None
            url = URL.build(path=call.request.path, query={**call.request.query, "container": container})
            request = call.request.clone(rel_url=url)
            return await log(Call(request, call.api, call.user, Target(kind, namespace, name, "log")))
    raise failures.bad_request("containerLogs are at containerLogs/NAMESPACE/POD/CONTAINER")


PATHS: Mapping[str, Handler] = {
    "healthz": healthz,
    "pods": pods,
    "runningpods": running_pods,
    "containerLogs": container_logs,
}
"""By the first part of the path."""


def _of(call: Call, node: Node) -> list[Pod]:
    kind = call.api.registry.at("", "v1", "pods")
    assert kind is not None
    found = [record.obj for record in call.api.operations.list(kind).records]
    return [pod for pod in found if isinstance(pod, Pod) and pod.spec.nodeName == node.name]


def _list(found: list[Pod]) -> web.Response:
    items = [pod.to_dict() for pod in found]
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}
    return web.Response(body=json.dumps(body).encode(), content_type="application/json")
