"""The ``scale`` subresource: the replicas of a workload behind one common kind, ``autoscaling/v1`` Scale."""

from __future__ import annotations

from typing import Any

from nsorch.api import failures
from nsorch.api.operations import metadata
from nsorch.api.operations.context import DEFAULT, Context, Write
from nsorch.api.operations.update import latest, update
from nsorch.resources.meta import ObjectMeta, Resource
from nsorch.resources.registry import Cause, Kind
from nsorch.resources.scale import Scale, ScaleSpec, ScaleStatus
from nsorch.resources.selectors import of_selector
from nsorch.store import Record


def scale_of(kind: Kind[Any], record: Record) -> Scale:
    """The Scale of a workload."""
    obj: Any = record.obj
    meta = obj.metadata
    if kind.scaling is not None:
        wanted, present, selector = kind.scaling.read(obj)
    else:
        wanted, present = obj.spec.replicas or 0, obj.status.replicas or 0
        selector = _selector(obj.spec.selector)
    return Scale(
        apiVersion=Scale.GROUP_VERSION,
        kind=Scale.KIND,
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            resourceVersion=meta.resourceVersion,
            creationTimestamp=meta.creationTimestamp,
        ),
        spec=ScaleSpec(replicas=wanted),
        status=ScaleStatus(replicas=present, selector=selector),
    )


def _selector(selector: Any) -> str:
    if isinstance(selector, dict):  # ReplicationController: labels alone
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return str(of_selector(selector))


async def update_scale(
    ctx: Context, kind: Kind[Any], namespace: str | None, name: str, scale: Scale, write: Write = DEFAULT
) -> Record:
    """Set the replicas; the record is that of the workload."""
    replicas = scale.spec.replicas or 0
    if replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise failures.invalid(kind, name, [Cause("FieldValueInvalid", "spec.replicas", why)])
    current = latest(ctx, kind, namespace, name)
    given = scale.metadata
    if given.name and given.name != name:
        raise failures.bad_request(f"the name of the object ({given.name}) does not match the name on the URL ({name})")
    if given.resourceVersion and given.resourceVersion != current.obj.metadata.resourceVersion:
        raise failures.conflict(kind, name)
    if given.uid:
        metadata.check_preconditions(kind, current.obj, given.uid, None)
    obj: Any = current.obj.copy_deep()
    if kind.scaling is not None:
        kind.scaling.write(obj, replicas)
    else:
        obj.spec.replicas = replicas
    workload: Resource = obj
    return await update(ctx, kind, namespace, name, workload, write)
