"""The route table: every request that the API answers, and who does it.

Paths of objects are not listed one by one: they follow from the registry.
``/api/VERSION`` and ``/apis/GROUP/VERSION``, then ``[/namespaces/NAMESPACE]/PLURAL[/NAME[/SUBRESOURCE]]``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from nsorch.api import failures
from nsorch.api.call import Call, Target
from nsorch.api.discovery import Discovery
from nsorch.api.handlers import logs, proxy, reading, reviews, streams, subresources, system, tokens, writing
from nsorch.api.handlers.system import Check
from nsorch.api.openapi import OpenApi
from nsorch.api.review_kinds import REVIEWS
from nsorch.resources.registry import Kind, Registry

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of request on objects. ``verb`` must be among the kind's verbs, unless a subresource is named."""

    verb: str
    handler: Handler
    writes: bool = False
    """Once begun it is carried through, even if the client goes away meanwhile."""


COLLECTION: Mapping[str, Row] = {
    "GET": Row("list", reading.list_or_watch),
    "POST": Row("create", writing.create, writes=True),
    "DELETE": Row("deletecollection", writing.delete_collection, writes=True),
}

OBJECT: Mapping[str, Row] = {
    "GET": Row("get", reading.get),
    "PUT": Row("update", writing.update, writes=True),
    "PATCH": Row("patch", writing.patch, writes=True),
    "DELETE": Row("delete", writing.delete, writes=True),
}

SUBRESOURCES: Mapping[tuple[str, str], Row] = {
    ("status", "GET"): Row("get", reading.get),
    ("status", "PUT"): Row("update", writing.update, writes=True),
    ("status", "PATCH"): Row("patch", writing.patch, writes=True),
    ("ephemeralcontainers", "GET"): Row("get", reading.get),
    ("ephemeralcontainers", "PUT"): Row("update", writing.update, writes=True),
    ("ephemeralcontainers", "PATCH"): Row("patch", writing.patch, writes=True),
    ("scale", "GET"): Row("get", subresources.get_scale),
    ("scale", "PUT"): Row("update", subresources.update_scale, writes=True),
    ("scale", "PATCH"): Row("patch", subresources.patch_scale, writes=True),
    ("finalize", "PUT"): Row("update", writing.update, writes=True),
    ("binding", "POST"): Row("create", subresources.bind, writes=True),
    ("token", "POST"): Row("create", tokens.request, writes=True),
    ("eviction", "POST"): Row("create", subresources.evict, writes=True),
    ("log", "GET"): Row("get", logs.log),
    ("exec", "GET"): Row("get", streams.exec_),
    ("exec", "POST"): Row("create", streams.exec_),
    ("attach", "GET"): Row("get", streams.attach),
    ("attach", "POST"): Row("create", streams.attach),
    ("portforward", "GET"): Row("get", streams.portforward),
    ("portforward", "POST"): Row("create", streams.portforward),
    ("proxy", "GET"): Row("get", proxy.proxy),
    ("proxy", "HEAD"): Row("get", proxy.proxy),
    ("proxy", "OPTIONS"): Row("get", proxy.proxy),
    ("proxy", "POST"): Row("create", proxy.proxy),
    ("proxy", "PUT"): Row("update", proxy.proxy),
    ("proxy", "PATCH"): Row("patch", proxy.proxy),
    ("proxy", "DELETE"): Row("delete", proxy.proxy),
}


class Routes:
    """Finds the handler of a request."""

    def __init__(self, registry: Registry, checks: Mapping[str, Check], metrics: Handler | None = None) -> None:
        self._registry = registry
        self._discovery = Discovery(registry, REVIEWS).handle
        self._openapi = OpenApi(registry, REVIEWS).handle
        self._reviews = {(kind.group_version, kind.plural): kind for kind in REVIEWS}
        self._plain: dict[str, Handler] = {
            "/": self._index,
            "/version": system.version,
            "/.well-known/openid-configuration": tokens.metadata,
            "/openid/v1/jwks": tokens.key_set,
        }
        self._below: dict[str, Handler] = {
            "/healthz": system.health("healthz", checks),
            "/livez": system.health("livez", {"ping": lambda: None}),
            "/readyz": system.health("readyz", checks),
            "/openapi": self._openapi,
        }
        if metrics is not None:
            self._plain["/metrics"] = metrics

    def find(self, method: str, path: str) -> tuple[Handler, Target | None, bool]:
        """Handler, target, and whether it writes; Failure 404 or 405."""
        parts = path.split("/")[1:]
        if parts[-1] == "" and len(parts) > 1:
            parts.pop()
        if parts[0] in ("api", "apis"):
            return self._api(method, parts)
        handler = self._plain.get("/" + "/".join(parts)) or self._below.get("/" + parts[0])
        if handler is None:
            raise failures.unknown_path()
        if method not in ("GET", "HEAD"):
            raise failures.method_not_allowed(allowed=("GET", "HEAD"))
        return handler, None, False

    def _api(self, method: str, parts: list[str]) -> tuple[Handler, Target | None, bool]:
        head = 2 if parts[0] == "api" else 3
        if len(parts) <= head:
            if method not in ("GET", "HEAD"):
                raise failures.method_not_allowed(allowed=("GET", "HEAD"))
            return self._discovery, None, False
        group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
        inside = parts[head + 1] if parts[head] == "namespaces" and len(parts) == head + 3 else None
        review = self._reviews.get((f"{group}/{version}", parts[-1]))
        if review is not None and (len(parts) - head != (3 if inside else 1) or review.namespaced != bool(inside)):
            review = None
        if review is not None:
            if method != "POST":
                raise failures.method_not_allowed(allowed=("POST",))
            return reviews.review, Target(review, inside), False
        target = self._target(group, version, parts[head:])
        row = _row(method, target)
        if row is None:
            raise failures.method_not_allowed(allowed=_methods(target))
        return row.handler, target, row.writes

    def _target(self, group: str, version: str, rest: list[str]) -> Target:
        namespace: str | None = None
        # /namespaces/NAME and its own subresources are the Namespace itself; anything else is within it.
        if rest[0] == "namespaces" and len(rest) > 2 and self._registry.at(group, version, rest[2]) is not None:
            namespace, rest = rest[1], rest[2:]
        kind = self._registry.at(group, version, rest[0])
        if kind is not None and rest[2:3] == ["proxy"] and "proxy" in kind.subresources:
            rest = rest[:3]  # any path may follow
        if kind is None or len(rest) > 3 or not all(rest) or namespace == "":
            raise failures.unknown_path()
        if (namespace is not None) != kind.namespaced and (len(rest) > 1 or namespace is not None):
            raise failures.unknown_path()
        target = Target(kind, namespace, *rest[1:])
        if target.subresource and target.subresource not in kind.subresources:
            raise failures.unknown_path()
        return target

    async def _index(self, call: Call) -> web.StreamResponse:
        paths = ["/api", "/apis", *self._plain, *self._below]
        paths += sorted({_base(kind) for kind in self._registry.kinds + REVIEWS})
        return web.json_response({"paths": sorted(set(paths) - {"/"})})


def _row(method: str, target: Target) -> Row | None:
    if target.subresource:
        return SUBRESOURCES.get((target.subresource, method))
    if target.kind.namespaced and target.namespace is None and method != "GET":
        return None  # all Namespaces at once can be read, never deleted
    row = (OBJECT if target.name else COLLECTION).get(method)
    return row if row is not None and row.verb in target.kind.verbs else None


def _methods(target: Target) -> list[str]:
    """HTTP methods that a path takes."""
    return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if _row(method, target) is not None]


def _base(kind: Kind[Any]) -> str:
    return f"/apis/{kind.group_version}" if kind.group else f"/api/{kind.version}"
