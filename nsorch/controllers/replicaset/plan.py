"""Which Pods to delete, how fast to create: pure.

Source: kubernetes ``pkg/controller/controller_utils.go`` (ActivePodsWithRanks) and ``replica_set.go``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from nsorch.controllers.pods import created_at, is_ready, ready_since, restarts
from nsorch.resources.pod import Pod

BURST = 500
"""Pods created or deleted in one pass at most."""

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COST = re.compile(r"0|[1-9][0-9]{0,9}|-[0-9]{1,10}")
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def batches(count: int, first: int = 1) -> Iterator[int]:
    """Sizes of the batches in which ``count`` Pods are created: 1, 2, 4, ... so that an error that hits every
    creation (a quota, an invalid template) costs one refused write, not hundreds.

    >>> list(batches(10))
    [1, 2, 4, 3]
    """
    left = count
    size = min(left, first)
    while size > 0:
        yield size
        left -= size
        size = min(2 * size, left)


def deletion_cost(pod: Pod) -> int:
    """The Pod's deletion cost annotation; 0 if absent or not a plain 32-bit number (``+1`` and ``007`` are none)."""
    text = (pod.metadata.annotations or {}).get(DELETION_COST, "")
    if _COST.fullmatch(text) is None:
        return 0
    cost = int(text)
    return cost if -(2**31) <= cost < 2**31 else 0


def _age_rank(since: float, now: float) -> int:
    """Ages compare on a logarithmic scale, so that Pods of about the same age are equally likely to go first."""
    age = now - since
    return int(math.log2(age * 1e9)) if age * 1e9 >= 1 else -1


def deletion_rank(pod: Pod, now: float) -> tuple[int | str, ...]:
    """Sort key: the smaller, the sooner the Pod goes when there are too many.

    Unassigned before assigned, pending before running, not ready before ready, low deletion cost before high, ready
    for a short time before ready for long, more restarts before fewer, younger before older; then by uid. (Kubernetes
    also prefers nodes with more Pods of the same owner; here there is one node.)
    """
    assigned = 1 if pod.spec.nodeName else 0
    phase = _PHASES.get(pod.status.phase or "Pending", 0)
    since = ready_since(pod)
    ready_rank = _age_rank(since, now) if since is not None else 0
    return (
        assigned,
        phase,
        1 if is_ready(pod) else 0,
        deletion_cost(pod),
        ready_rank,
        -restarts(pod),
        _age_rank(created_at(pod.metadata.creationTimestamp), now),
        pod.uid,
    )


def pods_to_delete(pods: Sequence[Pod], surplus: int, now: float) -> list[Pod]:
    """The ``surplus`` Pods that matter least."""
    if surplus >= len(pods):
        return list(pods)
    return sorted(pods, key=lambda pod: deletion_rank(pod, now))[:surplus]
