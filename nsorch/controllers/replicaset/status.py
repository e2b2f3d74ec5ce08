"""``ReplicaSetStatus`` as a pure function of the ReplicaSet, its Pods and the last failure."""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.controllers.pods import available_in, is_ready
from nsorch.kit.clock import rfc3339
from nsorch.resources.apps import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from nsorch.resources.pod import Pod

REPLICA_FAILURE = "ReplicaFailure"


def calculate(rs: ReplicaSet, pods: Sequence[Pod], failure: str | None, now: float) -> ReplicaSetStatus:
    """The status to publish. ``pods`` are the active Pods it controls; ``failure`` why creating or deleting failed."""
    template = (rs.spec.template.metadata.labels or {}) if rs.spec.template else {}
    min_ready = rs.spec.minReadySeconds or 0
    labelled = ready = available = 0
    for pod in pods:
        labels = pod.metadata.labels or {}
        if all(labels.get(key) == value for key, value in template.items()):
            labelled += 1
        if is_ready(pod):
            ready += 1
            if available_in(pod, min_ready, now) == 0.0:
                available += 1
    return ReplicaSetStatus(
        replicas=len(pods),
        fullyLabeledReplicas=labelled or None,
        readyReplicas=ready or None,
        availableReplicas=available or None,
        observedGeneration=rs.metadata.generation,
        conditions=_conditions(rs, len(pods), failure, now),
    )


def _conditions(rs: ReplicaSet, count: int, failure: str | None, now: float) -> list[ReplicaSetCondition] | None:
    existing = rs.status.conditions or []
    others = [condition for condition in existing if condition.type != REPLICA_FAILURE]
    if failure is None:
        return others or None
    if len(others) != len(existing):
        return existing  # the first failure stays until it is over
    wanted = rs.spec.replicas or 0
    reason = "FailedCreate" if count < wanted else "FailedDelete"
    return [
        *others,
        ReplicaSetCondition(
            type=REPLICA_FAILURE, status="True", reason=reason, message=failure, lastTransitionTime=rfc3339(now)
        ),
    ]


def next_available_in(rs: ReplicaSet, pods: Sequence[Pod], now: float) -> float | None:
    """Seconds until the next ready Pod becomes available by minReadySeconds; None if none is waiting."""
    min_ready = rs.spec.minReadySeconds or 0
    waits = [wait for pod in pods if (wait := available_in(pod, min_ready, now))]
    return min(waits, default=None)
