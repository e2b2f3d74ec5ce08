"""Create: default, prepare, validate, admit, store."""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.access import escalation
from nsorch.api.operations import admission, managed, metadata
from nsorch.api.operations.context import DEFAULT, Context, Write, dry_record
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind
from nsorch.store import Record


async def create(ctx: Context, kind: Kind[Any], namespace: str | None, obj: Resource, write: Write = DEFAULT) -> Record:
    """Store a new object, which now belongs to the store; returns when it is durable."""
    obj.apiVersion, obj.kind = kind.group_version, kind.kind
    metadata.place(kind, namespace, obj)
    metadata.begin(ctx, kind, obj)
    managed.note(ctx, kind, obj, b"{}", write)
    kind.default(obj)
    kind.prepare_create(obj)
    admission.mutate_create(ctx, kind, obj)
    if causes := kind.validate(obj):
        raise failures.invalid(kind, obj.name, causes)
    if write.user is not None:
        escalation.check(ctx.authorizer, write.user, kind, obj, None)
    if ctx.store.latest(kind.resource, obj.namespace, obj.name) is not None:
        raise failures.already_exists(kind, obj.name)
    admission.admit_create(ctx, kind, obj, dry_run=write.dry_run)
    if write.dry_run:
        return dry_record(kind, obj)
    future = ctx.store.create(kind.resource, obj)
    admission.decided(ctx, kind, future, new=True)
    return await future
