"""``metadata.managedFields``: who wrote which fields, kept up to date by every write of a user.

Writes of the daemon's own parts own nothing. Source: k8s.io/apimachinery ``pkg/util/managedfields``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nsorch.api.operations.context import Context, Write
from nsorch.api.patch import fields, server_side
from nsorch.api.patch.server_side import Owner
from nsorch.kit.clock import rfc3339
from nsorch.resources.meta import ManagedFieldsEntry, Resource
from nsorch.resources.registry import Kind

MAX_UPDATERS = 10
"""Entries of ordinary writers kept: a client may call itself differently each time. Appliers are always kept."""

ANCIENT = "before-first-apply"
"""Owns what was there before anybody applied, as Kubernetes names it."""


def note(ctx: Context, kind: Kind[Any], obj: Resource, before: bytes, write: Write, subresource: str = "") -> None:
    """Bring ``managedFields`` of ``obj`` up to date; ``before`` is the stored body ({} for a new object).

    ``obj.metadata`` is changed in place. Sets that stay as they are keep their entry and its time.
    """
    if not write.manager and write.owners is None:
        return
    entries = obj.metadata.managedFields or []
    if write.owners is not None:
        owners: Sequence[Owner] = write.owners
    else:
        me = Owner(write.manager[:128], write.operation, kind.group_version, subresource, frozenset())
        owners = server_side.updated(kind.model, json.loads(before), obj.to_dict(), owners_of(entries), me)
    now = rfc3339(ctx.clock.time())
    known = {_identity(entry): entry for entry in entries}
    result = [_entry(owner, known.get(owner.identity), now) for owner in owners]
    updaters = [entry for entry in result if entry.operation != "Apply"]
    surplus = {id(entry) for entry in updaters[:-MAX_UPDATERS]}
    obj.metadata.managedFields = [entry for entry in result if id(entry) not in surplus] or None


def owners_of(entries: Sequence[ManagedFieldsEntry] | None) -> list[Owner]:
    """Entries as sets of fields."""
    return [
        Owner(
            entry.manager or "",
            entry.operation or "Update",
            entry.apiVersion or "",
            entry.subresource or "",
            fields.from_json(entry.fieldsV1),
        )
        for entry in entries or ()
    ]


def _identity(entry: ManagedFieldsEntry) -> tuple[str, str, str]:
    return entry.manager or "", entry.operation or "Update", entry.subresource or ""


def _entry(owner: Owner, known: ManagedFieldsEntry | None, now: str) -> ManagedFieldsEntry:
    if known is not None and known.fieldsV1 is not None and fields.from_json(known.fieldsV1) == owner.fields:
        return known
    return ManagedFieldsEntry(
        manager=owner.manager,
        operation=owner.operation,
        apiVersion=owner.api_version,
        time=now,
        fieldsType="FieldsV1",
        fieldsV1=fields.to_json(owner.fields),
        subresource=owner.subresource or None,
    )
