"""Discovery: which groups, versions, kinds, verbs and subresources are served, from the registry alone.

Two forms of the same facts: one document per group version (``/api/v1``, ``/apis/apps/v1``), and the aggregated form
that today's clients ask for first on ``/api`` and ``/apis`` (``apidiscovery.k8s.io`` ``APIGroupDiscoveryList``).
Documents are built on first use, kept as bytes, and built anew when the registry's kinds have changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from nsorch.api import content
from nsorch.api.call import Call
from nsorch.api.failures import unknown_path
from nsorch.resources.registry import Kind, Registry


@dataclass(frozen=True, slots=True)
class Subresource:
    """What is served below an object: its kind and verbs. An empty ``kind`` means the kind of the parent, and
    ``{kind}`` within it stands for that."""

    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


SUBRESOURCES = {
    "status": Subresource(("get", "patch", "update")),
    "scale": Subresource(("get", "patch", "update"), "Scale", "autoscaling", "v1"),
    "log": Subresource(("get",)),
    "exec": Subresource(("create", "get"), "PodExecOptions"),
    "attach": Subresource(("create", "get"), "PodAttachOptions"),
    "portforward": Subresource(("create", "get"), "PodPortForwardOptions"),
    "proxy": Subresource(("create", "delete", "get", "patch", "update"), "{kind}ProxyOptions"),
    "ephemeralcontainers": Subresource(("get", "patch", "update")),
    "token": Subresource(("create",), "TokenRequest", "authentication.k8s.io", "v1"),
    "eviction": Subresource(("create",), "Eviction", "policy", "v1"),
    "binding": Subresource(("create",), "Binding"),
    "finalize": Subresource(("update",)),
}
"""What the route table serves; a kind's row may name others, which are not told of until they are."""

AGGREGATED = "APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Document:
    """One answer: JSON bytes and their ETag."""

    body: bytes
    etag: str


class Discovery:
    """Answers every discovery path below ``/api`` and ``/apis``."""

    def __init__(self, registry: Registry, more: tuple[Kind[Any], ...] = ()) -> None:
        """``more``: kinds that are served beside those of the registry (answered, not stored)."""
        self._registry = registry
        self._more = more
        self._kinds: tuple[Kind[Any], ...] = ()
        self._documents: dict[tuple[str, str], Document] = {}

    async def handle(self, call: Call) -> web.StreamResponse:
        """The handler of ``/api``, ``/apis``, ``/api/v1``, ``/apis/GROUP`` and ``/apis/GROUP/VERSION``."""
        path = call.request.path.rstrip("/")
        shapes = (AGGREGATED,) if path in ("/api", "/apis") else ()
        form = content.negotiate(call.request.headers.get("Accept"), shapes)
        document = self.document(path, form.api_version if form.shape else "", str(call.request.host))
        headers = {"ETag": document.etag, "Vary": "Accept", "Cache-Control": "public"} if form.shape else {}
        if form.shape and call.request.headers.get("If-None-Match") == document.etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = form.content_type
        return web.Response(body=content.render(document.body, form), headers=headers)

    def document(self, path: str, aggregated: str = "", address: str = "") -> Document:
        """The document of ``path``; ``aggregated`` is the apiVersion of the aggregated form, or "". ``address`` is
        ``HOST:PORT`` as the client sees the server. Raises Failure 404 if nothing is served there."""
        if self._kinds is not self._registry.kinds:
            self._kinds = self._registry.kinds
            self._documents.clear()
        key = (path, aggregated)
        document = self._documents.get(key)
        if document is None:
            data = self._aggregated(path, aggregated) if aggregated else self._plain(path, address)
            if data is None:
                raise unknown_path()
            body = json.dumps(data, separators=(",", ":")).encode() + b"\n"
            document = Document(body, '"' + hashlib.sha256(body).hexdigest().upper() + '"')
            if path != "/api" or aggregated:  # the plain /api names the address, which differs between clients
                self._documents[key] = document
        return document

    def _plain(self, path: str, address: str) -> dict[str, Any] | None:
        match path.split("/")[1:]:
            case ["api"]:
                clients = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
                return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": clients}
            case ["apis"]:
                groups = [_group(name, versions) for name, versions in self._groups().items() if name]
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
            case ["api", version]:
                return self._resources("", version)
            case ["apis", group]:
                versions = self._groups().get(group)
                return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)} if versions else None
            case ["apis", group, version]:
                return self._resources(group, version)
        return None

    def _resources(self, group: str, version: str) -> dict[str, Any] | None:
        kinds = self._groups().get(group, {}).get(version)
        if not kinds:
            return None
        rows = [row for kind in kinds for row in _rows(kind)]
        head: dict[str, Any] = {"kind": "APIResourceList"}
        if group:
            head["apiVersion"] = "v1"
        return head | {"groupVersion": f"{group}/{version}" if group else version, "resources": rows}

    def _aggregated(self, path: str, api_version: str) -> dict[str, Any]:
        items = [
            {
                "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated_row(kind) for kind in kinds],
                        "freshness": "Current",
                    }
                    for version, kinds in versions.items()
                ],
            }
            for name, versions in self._groups().items()
            if bool(name) == (path == "/apis")
        ]
        return {"kind": AGGREGATED, "apiVersion": api_version, "metadata": {}, "items": items}

    def _groups(self) -> dict[str, dict[str, list[Kind[Any]]]]:
        """Kinds by group and version: groups in the registry's order, each group's preferred version first."""
        groups: dict[str, dict[str, list[Kind[Any]]]] = {}
        for kind in self._registry.kinds + self._more:
            groups.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
        return {
            name: {
                version: sorted(versions[version], key=lambda kind: kind.plural) for version in by_priority(versions)
            }
            for name, versions in groups.items()
        }


def by_priority(versions: Iterable[str]) -> list[str]:
    """Versions with the preferred one first: v2, v1, v2beta1, v1beta2, v1alpha1, then anything else by name."""
    return sorted(versions, key=_priority)


def _priority(version: str) -> tuple[int, int, int, str]:
    for rank, stage in enumerate(("", "beta", "alpha")):
        major, found, minor = version[1:].partition(stage) if stage else (version[1:], "x", "0")
        if version[:1] == "v" and found and major.isdigit() and minor.isdigit():
            return rank, -int(major), -int(minor), version
    return 3, 0, 0, version


def singular(kind: Kind[Any]) -> str:
    """``pod`` of ``Pod``: what people may type for one object."""
    return kind.singular or kind.kind.lower()


def subresources(kind: Kind[Any]) -> list[tuple[str, Subresource]]:
    """The served subresources of a kind, by name."""
    found = [(name, SUBRESOURCES[name]) for name in sorted(kind.subresources) if name in SUBRESOURCES]
    return [(name, replace(sub, kind=sub.kind.format(kind=kind.kind))) for name, sub in found]


def storage_version_hash(kind: Kind[Any]) -> str:
    """Opaque value that changes when the stored version of a kind does."""
    identity = f"{kind.group}/{kind.version}/{kind.kind}".encode()
    return base64.b64encode(hashlib.sha256(identity).digest()[:8]).decode()


def _group(name: str, versions: dict[str, list[Kind[Any]]]) -> dict[str, Any]:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def _rows(kind: Kind[Any]) -> list[dict[str, Any]]:
    """``APIResource`` rows of a kind and its subresources."""
    row: dict[str, Any] = {
        "name": kind.plural,
        "singularName": singular(kind),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if "get" in kind.verbs:
        row["storageVersionHash"] = storage_version_hash(kind)
    rows = [row]
    for name, sub in subresources(kind):
        child: dict[str, Any] = {
            "name": f"{kind.plural}/{name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": sub.kind or kind.kind,
            "verbs": list(sub.verbs),
        }
        if sub.group:
            child |= {"group": sub.group, "version": sub.version}
        rows.append(child)
    return rows


def _aggregated_row(kind: Kind[Any]) -> dict[str, Any]:
    """``APIResourceDiscovery`` of a kind."""
    row: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": singular(kind),
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    children = []
    for name, sub in subresources(kind):
        response = {
            "group": sub.group if sub.kind else kind.group,
            "version": sub.version or kind.version,
            "kind": sub.kind or kind.kind,
        }
        children.append({"subresource": name, "responseKind": response, "verbs": list(sub.verbs)})
    if children:
        row["subresources"] = children
    return row
