"""The metadata that the server owns: names, uids, times, managed fields. Generations are counted by the kinds' own
strategies (``nsorch.resources.strategy``), which know what counts as a change.

Source: k8s.io/apiserver ``pkg/registry/rest/{create,update,meta}.go``.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from nsorch.api import failures
from nsorch.api.operations.context import Context
from nsorch.kit.clock import rfc3339
from nsorch.resources.meta import ObjectMeta, Resource
from nsorch.resources.registry import Cause, Kind

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels and no look-alikes, as k8s.io/apimachinery ``rand.String``."""
SUFFIX = 5
LONGEST_BASE = 63 - SUFFIX
ATTEMPTS = 8
"""Generated names tried before giving up."""


def generated_name(base: str) -> str:
    """A name for ``generateName``: the base and five random letters."""
    return base[:LONGEST_BASE] + "".join(secrets.choice(ALPHABET) for _ in range(SUFFIX))


def place(kind: Kind[Any], namespace: str | None, obj: Resource) -> None:
    """Put the object into the namespace of the request; Failure 400 if it names another one."""
    given = obj.metadata.namespace
    if not kind.namespaced:
        obj.metadata.namespace = None
        return
    if given and given != namespace:
        raise failures.bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request: "
            f'"{given}" is not "{namespace}"'
        )
    obj.metadata.namespace = namespace


def begin(ctx: Context, kind: Kind[Any], obj: Resource) -> None:
    """Give a new object its name, uid and time."""
    meta = obj.metadata
    if meta.resourceVersion not in (None, "", "0"):
        raise failures.bad_request("resourceVersion should not be set on objects to be created")
    if not meta.name:
        if not meta.generateName:
            why = "Required value: name or generateName is required"
            raise failures.invalid(kind, "", [Cause("FieldValueRequired", "metadata.name", why)])
        for _ in range(ATTEMPTS):
            meta.name = generated_name(meta.generateName)
            if ctx.store.latest(kind.resource, meta.namespace, meta.name) is None:
                break
        else:
            raise failures.already_exists(kind, meta.name or "")
    meta.resourceVersion = meta.selfLink = None
    meta.deletionTimestamp = meta.deletionGracePeriodSeconds = None
    meta.uid = str(uuid.uuid4())
    meta.creationTimestamp = rfc3339(ctx.clock.time())
    meta.generation = None
    meta.managedFields = None
    if not meta.finalizers:
        meta.finalizers = None


def carry_over(new: Resource, old: Resource) -> None:
    """On update: what only the server sets stays as it was."""
    meta, before = new.metadata, old.metadata
    meta.name, meta.namespace, meta.uid = before.name, before.namespace, before.uid
    meta.generateName = before.generateName
    meta.creationTimestamp = before.creationTimestamp
    meta.deletionTimestamp = before.deletionTimestamp
    meta.deletionGracePeriodSeconds = before.deletionGracePeriodSeconds
    meta.generation = before.generation
    meta.resourceVersion = before.resourceVersion
    meta.selfLink = None
    if meta.managedFields is None:  # whoever sends them sets them: so clients move from one manager to another
        meta.managedFields = before.managedFields
    meta.labels = meta.labels or None
    meta.annotations = meta.annotations or None
    meta.finalizers = meta.finalizers or None
    meta.ownerReferences = meta.ownerReferences or None


def own_metadata(obj: Resource) -> ObjectMeta:
    """Give the object a copy of its metadata that may be changed, its lists and maps too."""
    obj.metadata = obj.metadata.copy_deep()
    return obj.metadata


def check_preconditions(kind: Kind[Any], current: Resource, uid: str | None, version: str | None) -> None:
    """Failure 409 unless the object has this uid and resourceVersion (None: any)."""
    if uid is not None and uid != current.uid:
        raise failures.conflict(
            kind,
            current.name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {current.uid}",
        )
    if version is not None and version != current.metadata.resourceVersion:
        raise failures.conflict(
            kind,
            current.name,
            f"Precondition failed: ResourceVersion in precondition: {version}, "
            f"ResourceVersion in object meta: {current.metadata.resourceVersion}",
        )
