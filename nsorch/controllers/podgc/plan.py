"""Which Pods to remove: pure. Source: kubernetes ``pkg/controller/podgc``."""

from __future__ import annotations

from collections.abc import Iterable

from nsorch.controllers.pods import created_at, is_terminal
from nsorch.resources.pod import Pod

QUARANTINE = 40.0
"""Seconds a node may be missing before its Pods are given up."""


def _age(pod: Pod) -> tuple[float, str]:
    return created_at(pod.metadata.creationTimestamp), pod.key


def surplus(pods: Iterable[Pod], total: int, per_owner: int) -> list[Pod]:
    """Ended Pods beyond the bounds, oldest first: Failed ones beyond ``per_owner`` of one controller, then any beyond
    ``total``. A bound of 0 or less means: keep all."""
    ended = sorted((pod for pod in pods if is_terminal(pod) and not pod.terminating), key=_age)
    chosen: dict[str, Pod] = {}
    if per_owner > 0:
        failed: dict[str, list[Pod]] = {}
        for pod in ended:
            owner = pod.controller()
            if owner is not None and pod.status.phase == "Failed":
                failed.setdefault(owner.uid, []).append(pod)
        for group in failed.values():
            chosen.update((pod.uid, pod) for pod in group[: max(0, len(group) - per_owner)])
    if total > 0:
        kept = [pod for pod in ended if pod.uid not in chosen]
        chosen.update((pod.uid, pod) for pod in kept[: max(0, len(kept) - total)])
    return sorted(chosen.values(), key=_age)


def stranded(pods: Iterable[Pod], nodes: set[str]) -> list[Pod]:
    """Pods bound to a node that does not exist."""
    return [pod for pod in pods if pod.spec.nodeName and pod.spec.nodeName not in nodes]


def never_bound(pods: Iterable[Pod]) -> list[Pod]:
    """Terminating Pods that no node was given: no node will ever confirm that they ended."""
    return [pod for pod in pods if pod.terminating and not pod.spec.nodeName]
