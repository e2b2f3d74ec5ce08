"""Operations on kinds that are another form of a stored one: converted on the way in and out, kept once."""

from __future__ import annotations

import json
from typing import Any

from nsorch.api import failures
from nsorch.api.content import YAML
from nsorch.api.operations import apply as applying
from nsorch.api.operations import create as creating
from nsorch.api.operations import delete as deleting
from nsorch.api.operations import parts, read
from nsorch.api.operations import patch as patching
from nsorch.api.operations import update as updating
from nsorch.api.operations.context import DEFAULT, Context, Deleted, Deletion, ListOptions, Page, Write
from nsorch.api.parsing import Validation, check_type, decode, parse_document
from nsorch.api.patch import APPLY_PATCH, PATCH_TYPES, PatchRefused, apply_patch
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind, View
from nsorch.store import Record

PATCHES = tuple(name for name in PATCH_TYPES if name != APPLY_PATCH)
"""Not server-side apply: fields are owned in the stored form, whose paths are others."""


def shown(view: View[Any, Any], record: Record) -> Record:
    """A stored record in the form of the view."""
    obj: Resource = view.from_stored(record.obj)
    return Record(record.key, record.uid, record.revision, obj.to_json(), lambda *_: obj, obj)


def _page(view: View[Any, Any], page: Page) -> Page:
    page.records[:] = [shown(view, record) for record in page.records]
    return page


def get(ctx: Context, view: View[Any, Any], namespace: str | None, name: str) -> Record:
    return shown(view, read.get(ctx, view.of, namespace, name))


def list_page(ctx: Context, view: View[Any, Any], namespace: str | None, options: ListOptions) -> Page:
    return _page(view, read.list_page(ctx, view.of, namespace, options))


async def create(
    ctx: Context, kind: Kind[Any], view: View[Any, Any], namespace: str | None, obj: Resource, write: Write = DEFAULT
) -> Record:
    if not view.alike and (causes := kind.validate(obj)):
        raise failures.invalid(kind, obj.metadata.name or "", causes)
    return shown(view, await creating.create(ctx, view.of, namespace, view.to_stored(obj, None), write))


async def update(
    ctx: Context,
    kind: Kind[Any],
    view: View[Any, Any],
    namespace: str | None,
    name: str,
    obj: Resource,
    write: Write = DEFAULT,
) -> Record:
    old = updating.latest(ctx, view.of, namespace, name).obj
    updating.check_current(view.of, namespace, name, obj, old)
    given = obj.metadata.name, obj.metadata.generateName
    before = view.from_stored(old)
    obj.metadata.name, obj.metadata.generateName = old.metadata.name, old.metadata.generateName
    if causes := kind.validate_update(obj, before):
        raise failures.invalid(kind, name, causes)
    obj.metadata.name, obj.metadata.generateName = given
    stored = view.to_stored(obj, old)
    return shown(view, await updating.update(ctx, view.of, namespace, name, stored, write))


async def update_part(
    ctx: Context,
    kind: Kind[Any],
    view: View[Any, Any],
    namespace: str | None,
    name: str,
    obj: Resource,
    write: Write = DEFAULT,
    subresource: str = "",
) -> Record:
    """Update of the object or, where both forms are alike, of one of its subresources."""
    if not view.alike:
        return await update(ctx, kind, view, namespace, name, obj, write)
    old = updating.latest(ctx, view.of, namespace, name).obj
    stored_obj = view.to_stored(obj, old)
    return shown(view, await parts.update_part(ctx, view.of, namespace, name, stored_obj, write, subresource))


async def apply(
    ctx: Context,
    kind: Kind[Any],
    view: View[Any, Any],
    namespace: str | None,
    name: str,
    body: bytes,
    write: Write,
    **options: Any,
) -> tuple[Record, bool]:
    """Server-side apply of a form that is like the stored one but for its apiVersion."""
    document = decode(body, YAML, depth_limit=ctx.settings.depth_limit, what=kind.kind, nulls=True)
    check_type(document, kind.model)
    document["apiVersion"] = view.of.group_version
    body = json.dumps(document).encode()
    record, created = await applying.apply(ctx, view.of, namespace, name, body, write, **options)
    return shown(view, record), created


def stored(kind: Kind[Any]) -> Kind[Any]:
    """The row by which a kind's objects are written."""
    return kind.view.of if kind.view is not None else kind


async def patch(
    ctx: Context,
    kind: Kind[Any],
    view: View[Any, Any],
    namespace: str | None,
    name: str,
    content_type: str,
    body: bytes,
    write: Write = DEFAULT,
    *,
    subresource: str = "",
    validation: Validation = "Ignore",
    warnings: list[str] | None = None,
) -> Record:
    if kind.shape is not None:
        patching.refuse_strategic(content_type)
    if subresource == "scale":
        return shown(
            view,
            await patching.patch(
                ctx, view.of, namespace, name, content_type, body, write, subresource=subresource, validation=validation
            ),
        )
    current = shown(view, updating.latest(ctx, view.of, namespace, name))
    patched = apply_patch(kind.model, content_type, updating.document(current), body)
    obj, found = parse_document(kind, patched, validation)
    if warnings is not None:
        warnings.extend(found)
    return await update_part(ctx, kind, view, namespace, name, obj, write, subresource)


def refuse_apply() -> PatchRefused:
    """415 for server-side apply."""
    return PatchRefused.unsupported(APPLY_PATCH, PATCHES)


async def delete(ctx: Context, view: View[Any, Any], namespace: str | None, name: str, options: Deletion) -> Deleted:
    deleted = await deleting.delete(ctx, view.of, namespace, name, options)
    return Deleted(shown(view, deleted.record), deleted.gone)


async def delete_collection(
    ctx: Context, view: View[Any, Any], namespace: str | None, options: Deletion, selection: ListOptions
) -> Page:
    return _page(view, await deleting.delete_collection(ctx, view.of, namespace, options, selection))
