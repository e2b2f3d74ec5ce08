"""Server-side apply: PATCH with ``application/apply-patch+yaml``. Creates the object if there is none."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from nsorch.api import failures
from nsorch.api.access.attributes import Attributes
from nsorch.api.access.refusals import forbidden
from nsorch.api.access.user import User
from nsorch.api.content import YAML
from nsorch.api.operations import managed
from nsorch.api.operations.context import Context, Write
from nsorch.api.operations.create import create
from nsorch.api.operations.parts import update_part
from nsorch.api.operations.update import document
from nsorch.api.parsing import Validation, decode, parse_document
from nsorch.api.patch import fields, server_side
from nsorch.api.patch.json_patch import equal
from nsorch.api.patch.server_side import Owner
from nsorch.api.patch.three_way import LAST_APPLIED, annotated, last_applied
from nsorch.resources.registry import Kind
from nsorch.store import Record

KUBECTL = "kubectl"
"""The manager of ``kubectl apply --server-side``, which takes over what ``kubectl apply`` did before."""


async def apply(
    ctx: Context,
    kind: Kind[Any],
    namespace: str | None,
    name: str,
    body: bytes,
    write: Write,
    *,
    force: bool = False,
    subresource: str = "",
    validation: Validation = "Ignore",
    warnings: list[str] | None = None,
) -> tuple[Record, bool]:
    """Apply what ``body`` declares for ``write.manager``; the record, and whether it is a new object.

    Failure 409 with one cause for each field that another manager holds with another value, unless ``force``.
    """
    nulls = kind.shape is not None
    wanted = decode(body, YAML, depth_limit=ctx.settings.depth_limit, what=kind.kind, nulls=nulls)
    _check(kind, namespace, name, wanted)
    current = ctx.store.latest(kind.resource, namespace, name)
    if current is None and subresource:
        raise failures.not_found(kind, name)
    if current is None and "create" not in kind.verbs:
        raise failures.method_not_allowed("create not allowed while custom resource definition is terminating")
    live = document(current) if current else {}
    owners = managed.owners_of(current.obj.metadata.managedFields if current else None)
    if current and not owners:
        present = frozenset(fields.of(kind.model, live))
        owners = [Owner(managed.ANCIENT, "Update", kind.group_version, "", present)]

    def canonical(merged: dict[str, Any]) -> dict[str, Any]:
        # Settling a custom object changes the document in place.
        return parse_document(kind, copy.deepcopy(merged) if nulls else dict(merged))[0].to_dict()

    me = Owner(write.manager[:128], "Apply", kind.group_version, subresource, frozenset())
    yielded = _applied_by_kubectl(kind, live) if write.manager == KUBECTL else frozenset()
    applied = server_side.apply(kind.model, live, wanted, owners, me, canonical, force=force, yielded=yielded)
    merged = dict(applied.document)
    if write.manager == KUBECTL and last_applied(live):
        # Whoever goes back to client-side apply must not undo what was applied on the server's side meanwhile.
        text = annotated(wanted)["metadata"]["annotations"][LAST_APPLIED]
        merged["metadata"] = merged["metadata"] | {
            "annotations": merged["metadata"].get("annotations", {}) | {LAST_APPLIED: text}
        }
    obj, found = parse_document(kind, copy.deepcopy(merged) if nulls else merged, validation)
    if warnings is not None:
        warnings.extend(found)
    write = replace(write, operation="Apply", owners=tuple(applied.owners))
    if current is None:
        if write.user is not None:
            _may_create(ctx, kind, namespace, name, write.user)
        return await create(ctx, kind, namespace, obj, write), True
    return await update_part(ctx, kind, namespace, name, obj, write, subresource), False


def _may_create(ctx: Context, kind: Kind[Any], namespace: str | None, name: str, user: User) -> None:
    """Failure 403 unless who may patch may also create."""
    asked = Attributes("create", "", kind.group, kind.plural, "", namespace or "", name)
    if not ctx.authorizer.allows(user, asked):
        raise forbidden(user, asked)


def _applied_by_kubectl(kind: Kind[Any], live: dict[str, Any]) -> fields.Fields:
    """Fields that kubectl applied on the client's side and nobody changed since: they are kubectl's own."""
    before = fields.of(kind.model, last_applied(live))
    present = fields.of(kind.model, live)
    return frozenset(path for path, value in before.items() if path in present and equal(present[path], value))


def _check(kind: Kind[Any], namespace: str | None, name: str, wanted: dict[str, Any]) -> None:
    """The body names its type and the object of the URL."""
    if not wanted.get("apiVersion") or not wanted.get("kind"):
        raise failures.bad_request("an applied object must state its apiVersion and kind")
    meta = wanted.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise failures.bad_request("metadata: expected object")
    if meta.get("managedFields"):
        raise failures.bad_request("metadata.managedFields must be nil")
    if meta.setdefault("name", name) != name:
        raise failures.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )
    if namespace is not None and meta.setdefault("namespace", namespace) != namespace:
        raise failures.bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request: "
            f'"{meta["namespace"]}" is not "{namespace}"'
        )
