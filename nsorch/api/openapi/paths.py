"""Paths of one group version: every operation with its parameters, as Kubernetes publishes them.

Clients read here which kinds take ``fieldValidation`` and ``dryRun`` (kubectl decides by it whether the server or itself
validates), so the parameters are those that the handlers really honour.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from nsorch.api.discovery import Subresource, subresources
from nsorch.api.openapi import names
from nsorch.api.openapi.schemas import Components
from nsorch.api.patch import PATCH_TYPES, STRATEGIC_MERGE_PATCH
from nsorch.resources.registry import Kind
from nsorch.resources.requests import Binding, DeleteOptions, Eviction
from nsorch.resources.scale import Scale

Json = dict[str, Any]


def _query(name: str, kind: str, description: str) -> Json:
    schema = {"type": kind, "uniqueItems": True}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _in_path(name: str, description: str) -> Json:
    schema = {"type": "string", "uniqueItems": True}
    return {"name": name, "in": "path", "description": description, "required": True, "schema": schema}


_PRETTY = _query("pretty", "string", "Indented output if true.")
_DRY_RUN = _query("dryRun", "string", "All: go through every step but do not store the result.")
_MANAGER = _query("fieldManager", "string", "Name of the actor that makes this change.")
_VALIDATION = _query("fieldValidation", "string", "What to do with unknown fields: Ignore, Warn or Strict.")
_FORCE = _query("force", "boolean", "Take over fields that other managers own.")
_WRITE = [_DRY_RUN, _MANAGER, _VALIDATION]
_LIST = [
    _query("allowWatchBookmarks", "boolean", "Send bookmarks in a watch."),
    _query("continue", "string", "Token of the previous part of a list."),
    _query("fieldSelector", "string", "Only objects whose fields match."),
    _query("labelSelector", "string", "Only objects whose labels match."),
    _query("limit", "integer", "Most items in one answer."),
    _query("resourceVersion", "string", "State of the store to start from."),
    _query("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    _query("sendInitialEvents", "boolean", "Begin a watch with all present objects."),
    _query("timeoutSeconds", "integer", "End the list or watch after this time."),
    _query("watch", "boolean", "Send changes as they happen."),
]
_DELETE = [
    _DRY_RUN,
    _query("gracePeriodSeconds", "integer", "Time for the object to end by itself; 0 deletes at once."),
    _query("orphanDependents", "boolean", "Deprecated: use propagationPolicy."),
    _query("propagationPolicy", "string", "What happens to dependents: Orphan, Background or Foreground."),
]
_LOG = [
    _query("container", "string", "The container; needed if the Pod has several."),
    _query("follow", "boolean", "Keep sending new lines."),
    _query("limitBytes", "integer", "Most bytes to send."),
    _query("previous", "boolean", "Of the container's previous instance."),
    _query("sinceSeconds", "integer", "Only lines newer than this."),
    _query("tailLines", "integer", "Only this many lines from the end."),
    _query("timestamps", "boolean", "Begin each line with its time."),
]
_EXEC = [
    _query("command", "string", "The command and its arguments, one each."),
    _query("container", "string", "The container; needed if the Pod has several."),
    _query("stderr", "boolean", "Send standard error."),
    _query("stdin", "boolean", "Take standard input."),
    _query("stdout", "boolean", "Send standard output."),
    _query("tty", "boolean", "Allocate a terminal."),
]
_PORTS = [_query("ports", "integer", "Ports to forward, for WebSocket channels; SPDY names them for each stream.")]
_PROXY = [_query("path", "string", "Part of the address that the request goes to.")]
_PATH = _in_path("path", "The path that the request goes to.")
_NAMESPACE = _in_path("namespace", "The object's namespace.")
_NAME = _in_path("name", "The object's name.")

_MEDIA = ("application/json", "application/yaml")


class Paths:
    """Collects the paths of one group version."""

    def __init__(self, group_version: str, components: Components) -> None:
        self.paths: dict[str, Json] = {}
        self._components = components
        self._root = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
        group = group_version.rpartition("/")[0].split(".")[0] or "core"
        version = group_version.rpartition("/")[2]
        self._tag = f"{group}_{version}"
        self._id = f"{group[0].upper()}{group[1:]}{version[0].upper()}{version[1:]}"

    def add(self, kind: Kind[Any]) -> None:
        """Every path of a kind."""
        item, listed = self._components.kind(kind)
        identity = {"group": kind.group, "kind": kind.kind, "version": kind.version}
        scope = f"{self._root}/namespaces/{{namespace}}" if kind.namespaced else self._root
        shared = [_NAMESPACE] if kind.namespaced else []
        label = f"Namespaced{kind.kind}" if kind.namespaced else kind.kind

        collection: Json = {}
        if "list" in kind.verbs:
            collection["get"] = self._operation("list", label, identity, listed, _LIST)
        if "create" in kind.verbs:
            collection["post"] = self._operation("post", label, identity, item, _WRITE, body=item, created=True)
        if "deletecollection" in kind.verbs:
            status = self._components.add(f"{names.META}.Status")
            options = self._components.model(DeleteOptions)
            collection["delete"] = self._operation(
                "deletecollection", label, identity, status, _LIST + _DELETE, body=options
            )
        if collection:
            self.paths[f"{scope}/{kind.plural}"] = collection | {"parameters": [*shared, _PRETTY]}
        if kind.namespaced and "list" in kind.verbs:
            everywhere = self._operation("list", f"{kind.kind}ForAllNamespaces", identity, listed, _LIST)
            self.paths[f"{self._root}/{kind.plural}"] = {"get": everywhere, "parameters": [_PRETTY]}

        single = self._single(label, identity, item, kind.verbs, kind.shape is not None)
        path = f"{scope}/{kind.plural}/{{name}}"
        if single:
            self.paths[path] = single | {"parameters": [_NAME, *shared, _PRETTY]}
        for name, sub in subresources(kind):
            self._subresource(kind, name, sub, path, [_NAME, *shared, _PRETTY], label, identity, item)

    def _single(self, label: str, identity: Json, item: str, verbs: tuple[str, ...], custom: bool) -> Json:
        operations: Json = {}
        if "get" in verbs:
            operations["get"] = self._operation("get", label, identity, item, [])
        if "update" in verbs:
            operations["put"] = self._operation("put", label, identity, item, _WRITE, body=item)
        if "patch" in verbs:
            operations["patch"] = self._patch(label, identity, item, custom)
        if "delete" in verbs:
            status = self._components.add(f"{names.META}.Status")
            options = self._components.model(DeleteOptions)
            operations["delete"] = self._operation("delete", label, identity, status, _DELETE, body=options)
        return operations

    def _subresource(
        self,
        kind: Kind[Any],
        name: str,
        sub: Subresource,
        path: str,
        shared: list[Json],
        label: str,
        identity: Json,
        item: str,
    ) -> None:
        label = f"{label}{name[0].upper()}{name[1:]}"
        operations: Json = {}
        if name == "log":
            operations["get"] = self._operation("get", label, identity, "", _LOG)
        elif name in ("exec", "attach", "portforward"):
            about = identity | {"kind": sub.kind}
            query = _PORTS if name == "portforward" else _EXEC
            operations["get"] = self._operation("connect", f"Get{label}", about, "", query)
            operations["post"] = self._operation("connect", f"Post{label}", about, "", query)
        elif name == "proxy":
            about = identity | {"kind": sub.kind}
            methods = ("get", "post", "put", "patch", "delete", "head", "options")
            for suffix, more in (("", []), ("WithPath", [_PATH])):
                self.paths[f"{path}/proxy" + ("/{path}" if suffix else "")] = {
                    method: self._operation("connect", f"{method.title()}{label}{suffix}", about, "", _PROXY)
                    for method in methods
                } | {"parameters": [*shared, *more]}
            return
        else:
            about = {"group": sub.group, "kind": sub.kind, "version": sub.version} if sub.kind else identity
            model = _MODELS.get(sub.kind)
            body = self._components.model(model) if model else item
            if sub.kind and not model:
                return
            if model:
                about = {"group": sub.group, "kind": sub.kind, "version": sub.version or kind.version}
                self._components.schemas[names.component(model)]["x-kubernetes-group-version-kind"] = [about]
            if "get" in sub.verbs:
                operations["get"] = self._operation("get", label, about, body, [])
            if "update" in sub.verbs:
                operations["put"] = self._operation("put", label, about, body, _WRITE, body=body)
            if "patch" in sub.verbs:
                operations["patch"] = self._patch(label, about, body, kind.shape is not None)
            if "create" in sub.verbs:
                operations["post"] = self._operation("post", label, about, body, _WRITE, body=body, created=True)
        self.paths[f"{path}/{name}"] = operations | {"parameters": shared}

    def _patch(self, label: str, identity: Json, item: str, custom: bool) -> Json:
        body = self._components.add(f"{names.META}.Patch")
        operation = self._operation("patch", label, identity, item, [*_WRITE, _FORCE], body=body)
        schema = operation["requestBody"]["content"]["*/*"]
        operation["requestBody"]["content"] = {
            media: schema for media in PATCH_TYPES if not custom or media != STRATEGIC_MERGE_PATCH
        }
        return operation

    def _operation(
        self,
        action: str,
        label: str,
        identity: Json,
        answer: str,
        query: list[Json],
        *,
        body: str = "",
        created: bool = False,
    ) -> Json:
        """One operation; ``answer`` and ``body`` are references, ``answer`` "" is plain text."""
        content = {media: {"schema": {"$ref": answer}} for media in _MEDIA} if answer else {"*/*": {"schema": _TEXT}}
        responses: Json = {"200": {"description": "OK", "content": content}}
        if created:
            responses["201"] = {"description": "Created", "content": content}
        verb = _VERBS.get(action, action)
        operation: Json = {
            "tags": [self._tag],
            "description": f"{_WORDS.get(action, action)} {identity['kind']}",
            "operationId": f"{verb}{self._id}{label}",
            "parameters": query,
            "responses": responses | {"401": {"description": "Unauthorized"}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": identity,
        }
        if body:
            required = {} if action.startswith("delete") else {"required": True}
            operation["requestBody"] = {"content": {"*/*": {"schema": {"$ref": body}}}} | required
        return operation


_MODELS: dict[str, type[BaseModel]] = {"Scale": Scale, "Eviction": Eviction, "Binding": Binding}

_TEXT = {"type": "string"}

_VERBS = {"post": "create", "get": "read", "put": "replace", "deletecollection": "deleteCollection"}

_WORDS = {
    "list": "list or watch objects of kind",
    "post": "create",
    "get": "read the",
    "put": "replace the",
    "patch": "change parts of the",
    "delete": "delete the",
    "deletecollection": "delete a collection of",
    "connect": "connect to the",
}
