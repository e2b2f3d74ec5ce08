"""Scheduling, where there is one Node: a Pod is bound to it as it is created, unless the Node does not take it.

A Pod that cannot be bound stays Pending with the condition ``PodScheduled=False`` and is tried again whenever the
Node changes. Pods that name another scheduler are left to it (it binds through ``pods/binding``).
"""

from __future__ import annotations

from typing import Any

from nsorch.api.operations.context import Context
from nsorch.kit.clock import rfc3339
from nsorch.kit.logs import logger
from nsorch.resources.meta import Resource
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod, PodCondition
from nsorch.resources.scheduling import NodeSelectorTerm, Taint, Toleration
from nsorch.resources.selectors import Requirement
from nsorch.store import Change, Record

log = logger("scheduler")
DEFAULT_SCHEDULER = "default-scheduler"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


def assign(ctx: Context, pod: Pod) -> None:
    """Bind a Pod to the Node, or say in its conditions why not."""
    if pod.spec.nodeName or (pod.spec.schedulerName or DEFAULT_SCHEDULER) != DEFAULT_SCHEDULER:
        return
    why = refusal(ctx, pod)
    now = rfc3339(ctx.clock.time())
    if not why:
        pod.spec.nodeName = ctx.settings.node_name
        set_condition(pod, PodCondition(type="PodScheduled", status="True", lastTransitionTime=now))
    elif pod.spec.schedulingGates:
        set_condition(pod, PodCondition(type="PodScheduled", status="False", reason="SchedulingGated", message=why))
    else:
        set_condition(
            pod,
            PodCondition(
                type="PodScheduled", status="False", reason="Unschedulable", message=why, lastTransitionTime=now
            ),
        )


def announce(ctx: Context, record: Record) -> None:
    """Record the Event of what ``assign`` decided."""
    pod = record.obj
    if not isinstance(pod, Pod) or (pod.spec.schedulerName or DEFAULT_SCHEDULER) != DEFAULT_SCHEDULER:
        return
    condition = next((c for c in pod.status.conditions or () if c.type == "PodScheduled"), None)
    if condition is None:
        return
    if condition.status == "True":
        ctx.recorder.event(
            pod,
            type="Normal",
            reason="Scheduled",
            message=f"Successfully assigned {pod.key} to {pod.spec.nodeName}",
            component=DEFAULT_SCHEDULER,
        )
    elif condition.reason == "Unschedulable":
        ctx.recorder.event(
            pod,
            type="Warning",
            reason="FailedScheduling",
            message=condition.message or "",
            component=DEFAULT_SCHEDULER,
        )


def set_condition(pod: Pod, condition: PodCondition) -> None:
    """Replace the condition of this type, or add it."""
    others = [other for other in pod.status.conditions or () if other.type != condition.type]
    pod.status.conditions = [*others, condition]


def refusal(ctx: Context, pod: Pod) -> str:
    """Why the Node does not take the Pod, in the scheduler's words; "" if it does."""
    if pod.spec.schedulingGates:
        return "Scheduling is blocked due to non-empty scheduling gates"
    record = ctx.store.latest("nodes", None, ctx.settings.node_name)
    if record is None:
        return "no nodes available to schedule pods"
    node = record.obj
    assert isinstance(node, Node)
    why = ""
    tolerations = pod.spec.tolerations or []
    taint = untolerated(node, tolerations)
    if node.spec.unschedulable and not any(
        tolerates(toleration, Taint(key=UNSCHEDULABLE, effect="NoSchedule")) for toleration in tolerations
    ):
        why = "1 node(s) were unschedulable"
    elif taint is not None:
        why = f"1 node(s) had untolerated taint {{{taint.key}: {taint.value or ''}}}"
    elif not wanted(pod, node):
        why = "1 node(s) didn't match Pod's node affinity/selector"
    return f"0/1 nodes are available: {why}." if why else ""


def untolerated(node: Node, tolerations: list[Toleration]) -> Taint | None:
    """The first taint that keeps the Pod away."""
    for taint in node.spec.taints or ():
        if taint.effect in ("NoSchedule", "NoExecute") and not any(tolerates(t, taint) for t in tolerations):
            return taint
    return None


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration matches a taint."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and (toleration.value or "") == (taint.value or "")


def wanted(pod: Pod, node: Node) -> bool:
    """Whether the Pod's nodeSelector and required node affinity choose the Node."""
    labels = node.metadata.labels or {}
    if any(labels.get(key) != value for key, value in (pod.spec.nodeSelector or {}).items()):
        return False
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity else None
    return required is None or any(_term(term, node) for term in required.nodeSelectorTerms or ())


def _term(term: NodeSelectorTerm, node: Node) -> bool:
    """All requirements of one term; an empty term chooses nothing."""
    if not term.matchExpressions and not term.matchFields:
        return False
    labels = node.metadata.labels or {}
    fields = {"metadata.name": node.name}
    return all(
        Requirement(expression.key, expression.operator, tuple(expression.values or ())).matches(where)
        for expressions, where in ((term.matchExpressions, labels), (term.matchFields, fields))
        for expression in expressions or ()
    )


class Scheduler:
    """Tries Pods without a Node again when the Node, or the Pod, has changed."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._stop = [
            ctx.store.subscribe("nodes", self._node_changed),
            ctx.store.subscribe("pods", self._pod_changed),
        ]

    def close(self) -> None:
        for unsubscribe in self._stop:
            unsubscribe()

    def _node_changed(self, change: Change) -> None:
        node, before = change.record.obj, change.previous.obj if change.previous else None
        if not isinstance(node, Node) or change.type == "DELETED":
            return
        # A heartbeat or a status says nothing new about what the Node takes.
        if isinstance(before, Node) and _takes(node) == _takes(before):
            return
        for record in self._ctx.store.list("pods"):
            self._try(record.obj)

    def _pod_changed(self, change: Change) -> None:
        if change.type == "MODIFIED":
            before = change.previous.obj if change.previous else None
            pod = change.record.obj
            # Gates removed, tolerations added: only a change of the spec may help.
            if isinstance(pod, Pod) and isinstance(before, Pod) and pod.spec != before.spec:
                self._try(pod)

    def _try(self, seen: Resource) -> None:
        if not isinstance(seen, Pod) or seen.spec.nodeName or seen.terminating:
            return
        record = self._ctx.store.latest("pods", seen.namespace, seen.name)
        if record is None or not isinstance(record.obj, Pod) or record.obj.spec.nodeName:
            return
        pod = record.obj.copy_deep()
        assign(self._ctx, pod)
        if pod.spec.nodeName:
            self._ctx.store.update("pods", pod, expect=record.revision).add_done_callback(self._bound)

    def _bound(self, future: Any) -> None:
        if future.cancelled():
            return
        if error := future.exception():
            log.warning("cannot bind a Pod: %s", error)
        else:
            announce(self._ctx, future.result())


def _takes(node: Node) -> tuple[Any, ...]:
    return (node.spec.unschedulable, node.spec.taints, node.metadata.labels)
