"""Update of a whole object, of its status, and what an update may end: the removal of the last finalizer.

Everything up to the store's decision happens in one turn of the event loop, upon the latest state, so that a
read-modify-write within the server never loses a race.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nsorch.api import failures
from nsorch.api.access import escalation
from nsorch.api.operations import admission, managed, metadata
from nsorch.api.operations.context import DEFAULT, Context, Write, dry_record
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.registry import Kind
from nsorch.store import Record

MODIFIED_STATUS = ("", "status")


def latest(ctx: Context, kind: Kind[Any], namespace: str | None, name: str) -> Record:
    """The state that a write is decided upon; Failure 404 if there is none."""
    record = ctx.store.latest(kind.resource, namespace, name)
    if record is None:
        raise failures.not_found(kind, name)
    return record


async def update(
    ctx: Context, kind: Kind[Any], namespace: str | None, name: str, obj: Resource, write: Write = DEFAULT
) -> Record:
    """Replace an object; 409 if ``obj`` carries another resourceVersion or uid than the current one."""
    current = latest(ctx, kind, namespace, name)
    old = current.obj
    check_current(kind, namespace, name, obj, old)
    metadata.carry_over(obj, old)
    obj.apiVersion, obj.kind = kind.group_version, kind.kind
    kind.default(obj)
    kind.prepare_update(obj, old)
    admission.mutate_update(ctx, kind, obj, old)
    if causes := kind.validate_update(obj, old):
        raise failures.invalid(kind, name, causes)
    if write.user is not None:
        escalation.check(ctx.authorizer, write.user, kind, obj, old)
    admission.admit_update(ctx, kind, obj, old, dry_run=write.dry_run)
    return await finish(ctx, kind, obj, current, write)


async def update_status(
    ctx: Context, kind: Kind[Any], namespace: str | None, name: str, obj: Resource, write: Write = DEFAULT
) -> Record:
    """Replace the status of an object, with the same conflict check; everything else stays."""
    current = latest(ctx, kind, namespace, name)
    old = current.obj
    check_current(kind, namespace, name, obj, old)
    merged = merge_status(kind, obj, old)
    if causes := kind.validate_status(merged, old):
        raise failures.invalid(kind, name, causes)
    return await finish(ctx, kind, merged, current, write, "status")


def merge_status(kind: Kind[Any], new: Resource, old: Resource) -> Resource:
    """The old object with the status of the new one, and with what else the kind's strategy lets through."""
    merged = new.model_copy()
    for name in type(old).model_fields:
        if name not in ("metadata", "status"):
            setattr(merged, name, getattr(old, name))
    merged.metadata = new.metadata.copy_deep()
    metadata.carry_over(merged, old)
    if kind.prepare_status is not None:
        kind.prepare_status(merged, old)
    else:
        merged.metadata = old.metadata.copy_deep()
    return merged


def check_current(kind: Kind[Any], namespace: str | None, name: str, obj: Resource, old: Resource) -> None:
    """Failure 400 if the body is about another object, 409 if about an earlier state of it."""
    given = obj.metadata
    if given.name and given.name != name:
        raise failures.bad_request(f"the name of the object ({given.name}) does not match the name on the URL ({name})")
    metadata.place(kind, namespace, obj)
    if given.resourceVersion not in (None, "", "0") and given.resourceVersion != old.metadata.resourceVersion:
        raise failures.conflict(kind, name)
    if given.uid and given.uid != old.uid:
        metadata.check_preconditions(kind, old, given.uid, None)


async def change(
    ctx: Context,
    kind: Kind[Any],
    namespace: str | None,
    name: str,
    mutate: Callable[[Resource], None],
    write: Write = DEFAULT,
    subresource: str = "",
) -> Record:
    """Apply the server's own small change to the latest state: no conflict, no user's validation."""
    current = latest(ctx, kind, namespace, name)
    obj = current.obj.copy_deep()
    mutate(obj)
    return await finish(ctx, kind, obj, current, write, subresource)


async def finish(
    ctx: Context, kind: Kind[Any], obj: Resource, current: Record, write: Write, subresource: str = ""
) -> Record:
    """Store the outcome of an update, unless it changes nothing; remove the object if that is what it waited for."""
    metadata.own_metadata(obj).resourceVersion = str(current.revision)
    if write.owners is None and obj.to_json() == current.body:
        return await settled(ctx, kind, current)
    managed.note(ctx, kind, obj, current.body, write, subresource)
    if write.owners is not None and obj.to_json() == current.body:
        return await settled(ctx, kind, current)
    if write.dry_run:
        return dry_record(kind, obj)
    if ended(obj):
        return await ctx.store.delete(kind.resource, obj.namespace, obj.name, expect=current.revision)
    future = ctx.store.update(kind.resource, obj, expect=current.revision)
    admission.decided(ctx, kind, future)
    return await future


async def settled(ctx: Context, kind: Kind[Any], record: Record) -> Record:
    """The record, once it is durable: an answer must not tell of what may still fail."""
    await ctx.store.settled(record.key)
    return record


def ended(obj: Resource) -> bool:
    """Whether nothing keeps a terminating object any more: no finalizer, no grace, no content of a Namespace."""
    meta = obj.metadata
    if meta.deletionTimestamp is None or meta.finalizers or meta.deletionGracePeriodSeconds:
        return False
    return not (isinstance(obj, Namespace) and obj.spec.finalizers)


def document(record: Record) -> dict[str, Any]:
    """A record's body as data of one's own."""
    found: dict[str, Any] = json.loads(record.body)
    return found
