"""Admission: what an object's surroundings allow, and what they fill in.

Three moments: ``mutate_*`` before validation, ``admit_*`` after it (may reserve scarce things), ``decided`` when the
store has taken the write.
"""

from __future__ import annotations

import asyncio
import copy
import functools
from typing import Any

from nsorch.api import failures
from nsorch.api.access import account_secrets
from nsorch.api.operations import account_volume, scheduling
from nsorch.api.operations.context import Context
from nsorch.resources.account import ServiceAccount
from nsorch.resources.config import Secret
from nsorch.resources.custom import names as definition_names
from nsorch.resources.definition import CustomResourceDefinition
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.pod import Pod
from nsorch.resources.registry import Kind
from nsorch.resources.service import Service
from nsorch.store import Record

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
"""Namespaces that may not be deleted."""


def mutate_create(ctx: Context, kind: Kind[Any], obj: Resource) -> None:
    """Fill in what the surroundings decide."""
    if kind.namespaced:
        _living_namespace(ctx, kind, obj)
    if isinstance(obj, Pod):
        _service_account(ctx, kind, obj)
        scheduling.assign(ctx, obj)
    elif isinstance(obj, Secret) and obj.type == account_secrets.TYPE:
        authority = ctx.settings.pki / "ca.crt"
        account_secrets.fill(ctx.store, ctx.tokens, kind, obj, authority.read_bytes())
    elif isinstance(obj, Namespace):
        obj.metadata.labels = (obj.metadata.labels or {}) | {"kubernetes.io/metadata.name": obj.name}
        obj.spec.finalizers = list(dict.fromkeys([*(obj.spec.finalizers or ()), "kubernetes"]))
        obj.status.phase = "Active"
    elif isinstance(obj, CustomResourceDefinition):
        _accept_names(ctx, kind, obj)


def mutate_update(ctx: Context, kind: Kind[Any], obj: Resource, old: Resource) -> None:
    """Fill in what an update leaves out."""
    if isinstance(obj, Namespace) and isinstance(old, Namespace):
        # Finalizers of the content change through the finalize subresource only.
        obj.spec.finalizers = old.spec.finalizers
        obj.metadata.labels = (obj.metadata.labels or {}) | {"kubernetes.io/metadata.name": obj.name}
    elif isinstance(obj, CustomResourceDefinition):
        _accept_names(ctx, kind, obj)


def admit_create(ctx: Context, kind: Kind[Any], obj: Resource, *, dry_run: bool) -> None:
    """Last word before the store."""
    if isinstance(obj, Service):
        ctx.services.allocate(kind, obj, None, dry_run=dry_run)


def admit_update(ctx: Context, kind: Kind[Any], obj: Resource, old: Resource, *, dry_run: bool) -> None:
    """Last word before the store. While an object terminates, its finalizers only become fewer."""
    if old.terminating:
        added = set(obj.metadata.finalizers or ()) - set(old.metadata.finalizers or ())
        if added:
            raise failures.forbidden(
                kind,
                obj.name,
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                + str(sorted(added)),
            )
    if isinstance(obj, Service) and isinstance(old, Service):
        ctx.services.allocate(kind, obj, old, dry_run=dry_run)


def admit_delete(kind: Kind[Any], obj: Resource) -> None:
    """What may not be deleted."""
    if isinstance(obj, Namespace) and obj.name in IMMORTAL:
        raise failures.forbidden(kind, obj.name, "this namespace may not be deleted")


def mark_terminating(ctx: Context, kind: Kind[Any], obj: Resource) -> None:
    """Show in the status that deletion has begun, where the kind has a phase for it."""
    if isinstance(obj, Namespace):
        obj.status = copy.deepcopy(obj.status)
        obj.status.phase = "Terminating"
    elif isinstance(obj, CustomResourceDefinition):
        definition_names.mark_terminating(obj, ctx.clock.time())


def decided(ctx: Context, kind: Kind[Any], future: asyncio.Future[Record], *, new: bool = False) -> None:
    """The store has taken the write: see to it that its outcome is followed up, whoever still waits for it."""
    if kind.model is Service:
        # Should the disk refuse it, what was reserved for it is free again.
        future.add_done_callback(ctx.services.settle_after)
    elif kind.model is Pod and new:
        future.add_done_callback(functools.partial(_announce, ctx))


def _announce(ctx: Context, future: asyncio.Future[Record]) -> None:
    if not future.cancelled() and future.exception() is None:
        scheduling.announce(ctx, future.result())


def _accept_names(ctx: Context, kind: Kind[Any], definition: CustomResourceDefinition) -> None:
    """At once, so that the kind can be used by whoever has the answer; the controller looks again when others go."""
    others = [record.obj for record in ctx.store.list(kind.resource)]
    known = [other for other in others if isinstance(other, CustomResourceDefinition)]
    definition.status = definition_names.decide(definition, known, ctx.clock.time())


def _living_namespace(ctx: Context, kind: Kind[Any], obj: Resource) -> None:
    record = ctx.store.latest("namespaces", None, obj.namespace or "")
    if record is None:
        raise failures.not_found(ctx.registry.of(Namespace), obj.namespace or "")
    if record.obj.terminating:
        failure = failures.forbidden(
            kind,
            obj.name,
            f"unable to create new content in namespace {obj.namespace} because it is being terminated",
        )
        failure.details["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {obj.namespace} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise failure


def _service_account(ctx: Context, kind: Kind[Any], pod: Pod) -> None:
    """Every Pod runs as a ServiceAccount that exists. Source: plugin/pkg/admission/serviceaccount."""
    if (pod.metadata.annotations or {}).get("kubernetes.io/config.mirror"):
        return
    name = pod.spec.serviceAccountName or pod.spec.serviceAccount or "default"
    pod.spec.serviceAccountName = pod.spec.serviceAccount = name
    record = ctx.store.latest("serviceaccounts", pod.namespace, name)
    if record is None:
        raise failures.forbidden(
            kind,
            pod.name,
            f"error looking up service account {pod.namespace}/{name}: " + f'serviceaccount "{name}" not found',
        )
    account = record.obj
    assert isinstance(account, ServiceAccount)
    if not pod.spec.imagePullSecrets and account.imagePullSecrets:
        pod.spec.imagePullSecrets = [secret.copy_deep() for secret in account.imagePullSecrets]
    account_volume.add(pod, account)
