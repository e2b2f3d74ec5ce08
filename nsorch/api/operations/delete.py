"""Delete: preconditions, propagation as finalizers, grace of Pods, and collections.

Source: k8s.io/apiserver ``pkg/registry/rest/delete.go`` and ``pkg/registry/generic/registry/store.go``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nsorch.api import failures
from nsorch.api.operations import admission, metadata
from nsorch.api.operations.context import Context, Deleted, Deletion, ListOptions, Page, dry_record
from nsorch.api.operations.read import list_page
from nsorch.api.operations.update import ended, latest
from nsorch.kit.clock import parse_rfc3339, rfc3339
from nsorch.resources.meta import ObjectMeta, Resource
from nsorch.resources.registry import Kind

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
"""Finalizers through which the garbage collector is told what to do with dependents first."""

AT_ONCE = 64
"""Objects of a collection deleted at a time: they share a commit, and other requests come in between."""

DEFAULT = Deletion()


async def delete(
    ctx: Context, kind: Kind[Any], namespace: str | None, name: str, options: Deletion = DEFAULT
) -> Deleted:
    """Delete an object, or set its deletion in motion where grace or finalizers keep it."""
    current = latest(ctx, kind, namespace, name)
    old = current.obj
    metadata.check_preconditions(kind, old, options.uid, options.resource_version)
    admission.admit_delete(kind, old)
    obj = old.model_copy()
    meta = metadata.own_metadata(obj)
    _propagate(meta, options)
    grace = _grace(kind, old, options)
    if not _mark(ctx, kind, obj, grace) and meta == old.metadata:
        # Already terminating, and this call neither shortens its grace nor changes its finalizers.
        await ctx.store.settled(current.key)
        return Deleted(current, gone=False)
    if options.dry_run:
        return Deleted(dry_record(kind, obj), gone=ended(obj))
    if ended(obj):
        record = await ctx.store.delete(kind.resource, namespace, name, expect=current.revision)
        return Deleted(record, gone=True)
    record = await ctx.store.update(kind.resource, obj, expect=current.revision)
    return Deleted(record, gone=False)


def _propagate(meta: ObjectMeta, options: Deletion) -> None:
    if not options.propagation:
        return
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(options.propagation)
    finalizers = [name for name in meta.finalizers or () if name not in (ORPHAN, FOREGROUND)]
    if wanted:
        finalizers.append(wanted)
    meta.finalizers = finalizers or None


def _grace(kind: Kind[Any], obj: Resource, options: Deletion) -> int:
    """Seconds that the object is given: as asked, else its own; none where nothing of it runs."""
    if kind.grace_seconds is None:
        return 0
    grace = options.grace_seconds if options.grace_seconds is not None else kind.grace_seconds(obj)
    spec, status = getattr(obj, "spec", None), getattr(obj, "status", None)
    if not getattr(spec, "nodeName", None) or getattr(status, "phase", None) in ("Succeeded", "Failed"):
        return 0
    return max(grace, 1) if grace else 0


def _mark(ctx: Context, kind: Kind[Any], obj: Resource, grace: int) -> bool:
    """Set deletion time and grace; False if an earlier deletion stands as it is. Grace can only be shortened."""
    meta = obj.metadata
    now = ctx.clock.time()
    if meta.deletionTimestamp is not None:
        left = meta.deletionGracePeriodSeconds or 0
        if grace >= left:
            return False
        asked = parse_rfc3339(meta.deletionTimestamp) - left
        meta.deletionTimestamp = rfc3339(max(now, asked + grace))
        meta.deletionGracePeriodSeconds = grace
        return True
    meta.deletionTimestamp = rfc3339(now + grace)
    meta.deletionGracePeriodSeconds = grace
    if meta.generation is not None:
        meta.generation += 1
    admission.mark_terminating(ctx, kind, obj)
    return True


async def delete_collection(
    ctx: Context, kind: Kind[Any], namespace: str | None, options: Deletion, selection: ListOptions
) -> Page:
    """Delete everything selected; the result is the list of what was there."""
    page = list_page(ctx, kind, namespace, selection)

    async def one(record_namespace: str, name: str) -> None:
        try:
            await delete(ctx, kind, record_namespace or None, name, options)
        except failures.Failure as failure:
            if failure.code != 404:
                raise

    for first in range(0, len(page.records), AT_ONCE):
        part = page.records[first : first + AT_ONCE]
        outcomes = await asyncio.gather(
            *(one(record.namespace, record.name) for record in part), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
    return page
