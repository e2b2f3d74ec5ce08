"""Facts about Pods that several controllers ask for. Source: kubernetes ``pkg/api/v1/pod/util.go``."""

from __future__ import annotations

from nsorch.kit.clock import parse_rfc3339
from nsorch.resources.pod import Pod, PodCondition


def condition(pod: Pod, type: str) -> PodCondition | None:
    """The Pod's condition of a type."""
    for found in pod.status.conditions or ():
        if found.type == type:
            return found
    return None


def is_ready(pod: Pod) -> bool:
    """Whether condition Ready is True."""
    found = condition(pod, "Ready")
    return found is not None and found.status == "True"


def ready_since(pod: Pod) -> float | None:
    """Since when (seconds) the Pod is ready; None if it is not. 0.0 if its condition does not say when."""
    found = condition(pod, "Ready")
    if found is None or found.status != "True":
        return None
    return parse_rfc3339(found.lastTransitionTime) if found.lastTransitionTime else 0.0


def available_in(pod: Pod, min_ready_seconds: int, now: float) -> float | None:
    """Seconds until the Pod is available: ready for ``min_ready_seconds``. 0 if it is, None if it is not ready."""
    since = ready_since(pod)
    if since is None:
        return None
    if min_ready_seconds <= 0:
        return 0.0
    return max(0.0, since + min_ready_seconds - now)


def is_available(pod: Pod, min_ready_seconds: int, now: float) -> bool:
    """Whether the Pod has been ready for at least ``min_ready_seconds``."""
    return available_in(pod, min_ready_seconds, now) == 0.0


def is_terminal(pod: Pod) -> bool:
    """Whether the Pod has run to its end and will never run again."""
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: Pod) -> bool:
    """Whether the Pod counts as a replica: neither ended nor being deleted."""
    return not is_terminal(pod) and not pod.terminating


def replica_facts(pod: Pod) -> tuple[object, ...]:
    """Everything about a Pod that its ReplicaSet counts by."""
    owner = pod.controller()
    return is_active(pod), ready_since(pod), pod.metadata.labels, owner.uid if owner is not None else None


def restarts(pod: Pod) -> int:
    """The restarts of the container that restarted most."""
    return max((status.restartCount for status in pod.status.containerStatuses or ()), default=0)


def created_at(created: str | None) -> float:
    """``creationTimestamp`` in seconds; 0.0 if absent."""
    return parse_rfc3339(created) if created else 0.0
