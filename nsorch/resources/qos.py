"""The quality-of-service class of a Pod: who is sacrificed first when memory runs out.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
"""

from __future__ import annotations

from typing import Literal

from nsorch.resources.container import ResourceRequirements
from nsorch.resources.pod import PodSpec
from nsorch.resources.quantity import compare, parse

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
_COUNTED = ("cpu", "memory")


def qos_class(spec: PodSpec) -> QosClass:
    """``Guaranteed``: every container limits CPU and memory to what it requests; ``BestEffort``: nobody says anything."""
    if spec.resources is not None and (_set(spec.resources.requests) or _set(spec.resources.limits)):
        return "Guaranteed" if _guaranteed(spec.resources) else "Burstable"
    resources = [container.resources for container in (*(spec.initContainers or ()), *spec.containers)]
    if not any(one is not None and (_set(one.requests) or _set(one.limits)) for one in resources):
        return "BestEffort"
    if all(one is not None and _guaranteed(one) for one in resources):
        return "Guaranteed"
    return "Burstable"


def _set(amounts: dict[str, str] | None) -> dict[str, str]:
    return {name: text for name, text in (amounts or {}).items() if name in _COUNTED and parse(text).value > 0}


def _guaranteed(resources: ResourceRequirements) -> bool:
    limits = _set(resources.limits)
    requests = _set(resources.requests) or limits
    return all(name in limits and name in requests and compare(limits[name], requests[name]) == 0 for name in _COUNTED)
