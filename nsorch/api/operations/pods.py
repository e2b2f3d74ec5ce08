"""What may be done to Pods beyond the generic verbs: bind to a Node, evict, add ephemeral containers."""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.operations import scheduling
from nsorch.api.operations.context import DEFAULT, Context, Deleted, Deletion, Write
from nsorch.api.operations.delete import delete
from nsorch.api.operations.update import change, check_current, finish, latest
from nsorch.kit.clock import rfc3339
from nsorch.resources.ephemeral_strategy import prepare_ephemeral, validate_ephemeral
from nsorch.resources.meta import Resource
from nsorch.resources.pod import Pod, PodCondition
from nsorch.resources.registry import Cause, Kind
from nsorch.resources.requests import Binding
from nsorch.store import Record


async def bind(
    ctx: Context, kind: Kind[Any], namespace: str | None, name: str, binding: Binding, write: Write = DEFAULT
) -> Record:
    """Assign a Pod to a Node, once."""
    node = binding.target.name or ""
    if binding.target.kind not in (None, "", "Node"):
        why = f'Unsupported value: "{binding.target.kind}": supported values: "Node", "<empty>"'
        raise failures.invalid(kind, name, [Cause("FieldValueNotSupported", "target.kind", why)])
    if not node:
        raise failures.invalid(kind, name, [Cause("FieldValueRequired", "target.name", "Required value")])
    pod = latest(ctx, kind, namespace, name).obj
    assert isinstance(pod, Pod)
    if pod.terminating:
        raise failures.conflict(kind, name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod.spec.nodeName:
        raise failures.conflict(kind, name, f'pod {name} is already assigned to node "{pod.spec.nodeName}"')
    if pod.spec.schedulingGates:
        raise failures.conflict(kind, name, f"pod {name} has non-empty .spec.schedulingGates")

    def assign(obj: Resource) -> None:
        assert isinstance(obj, Pod)
        obj.spec.nodeName = node
        if binding.metadata.annotations:
            obj.metadata.annotations = (obj.metadata.annotations or {}) | binding.metadata.annotations
        now = rfc3339(ctx.clock.time())
        scheduling.set_condition(obj, PodCondition(type="PodScheduled", status="True", lastTransitionTime=now))

    return await change(ctx, kind, namespace, name, assign, write)


async def add_containers(
    ctx: Context, kind: Kind[Any], namespace: str | None, name: str, obj: Resource, write: Write = DEFAULT
) -> Record:
    """Take the ephemeral containers of ``obj``, of which only new ones are allowed; everything else stays."""
    current = latest(ctx, kind, namespace, name)
    old = current.obj
    check_current(kind, namespace, name, obj, old)
    assert isinstance(obj, Pod)
    assert isinstance(old, Pod)
    pod = prepare_ephemeral(obj, old)
    if causes := validate_ephemeral(pod, old):
        raise failures.invalid(kind, name, causes)
    return await finish(ctx, kind, pod, current, write, "ephemeralcontainers")


async def evict(ctx: Context, kind: Kind[Any], namespace: str | None, name: str, options: Deletion) -> Deleted:
    """Delete a Pod by way of eviction. No disruption budgets are served yet, so none can stand against it."""
    return await delete(ctx, kind, namespace, name, options)
