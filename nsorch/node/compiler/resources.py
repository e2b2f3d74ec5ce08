"""requests and limits -> cgroup limits and oom_score_adj.

oom_score_adj (kubelet ``pkg/kubelet/qos/policy.go``): Guaranteed -997, BestEffort 1000, Burstable
``1000 - 1000 * memoryRequest / memoryCapacity`` kept within 3..999, so that the process that asked for least goes
first. Example: 256 MiB requested of 1 GiB gives 750.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nsorch.node.compiler.quantities import bytes_of, milli_of
from nsorch.resources.container import Container, EphemeralContainer, ResourceRequirements
from nsorch.resources.pod import Pod
from nsorch.supervisor.plan import Limits

GUARANTEED_ADJ = -997
BEST_EFFORT_ADJ = 1000
SYSTEM_CRITICAL = 2_000_000_000


def container_limits(pod: Pod, container: Container | EphemeralContainer, qos: str, memory_capacity: int) -> Limits:
    """What this container's cgroup is set to."""
    request, limit = _pair(container.resources)
    return Limits(
        cpu_request_milli=request.get("cpu", limit.get("cpu")),
        cpu_limit_milli=limit.get("cpu"),
        memory_limit_bytes=limit.get("memory"),
        oom_score_adj=oom_score_adj(pod, request.get("memory", limit.get("memory", 0)), qos, memory_capacity),
    )


def pod_limits(pod: Pod) -> Limits:
    """The Pod's own group: sums, and a limit only where every container has one (kubelet ResourceConfigForPod)."""
    if pod.spec.resources:
        request, limit = _pair(pod.spec.resources)
        return Limits(
            cpu_request_milli=request.get("cpu", limit.get("cpu")),
            cpu_limit_milli=limit.get("cpu"),
            memory_limit_bytes=limit.get("memory"),
        )
    main = [*pod.spec.containers, *(item for item in pod.spec.initContainers or () if item.restartPolicy == "Always")]
    plain_init = [item for item in pod.spec.initContainers or () if item.restartPolicy != "Always"]
    pairs = [_pair(item.resources) for item in main]
    init_pairs = [_pair(item.resources) for item in plain_init]
    cpu = sum(request.get("cpu", limit.get("cpu", 0)) for request, limit in pairs)
    return Limits(
        cpu_request_milli=cpu or None,
        cpu_limit_milli=_summed("cpu", pairs, init_pairs),
        memory_limit_bytes=_summed("memory", pairs, init_pairs),
    )


def oom_score_adj(pod: Pod, memory_request: int, qos: str, memory_capacity: int) -> int:
    """The kernel's preference for killing this container first; -1000 (never) to 1000 (first)."""
    if (pod.spec.priority or 0) >= SYSTEM_CRITICAL:
        return GUARANTEED_ADJ
    if qos == "Guaranteed":
        return GUARANTEED_ADJ
    if qos == "BestEffort":
        return BEST_EFFORT_ADJ
    score = 1000 - (1000 * memory_request) // max(memory_capacity, 1)
    return max(1000 + GUARANTEED_ADJ, min(score, BEST_EFFORT_ADJ - 1))


def all_containers(pod: Pod) -> list[Container]:
    """Init containers, then main ones."""
    return [*(pod.spec.initContainers or ()), *pod.spec.containers]


def _pair(resources: ResourceRequirements | None) -> tuple[dict[str, int], dict[str, int]]:
    if resources is None:
        return {}, {}
    return _table(resources.requests), _table(resources.limits)


def _table(values: Mapping[str, str] | None) -> dict[str, int]:
    table: dict[str, int] = {}
    for name, value in (values or {}).items():
        if name in ("cpu", "memory"):
            amount = milli_of(value) if name == "cpu" else bytes_of(value)
            if amount > 0:
                table[name] = amount
    return table


def _summed(
    name: str,
    pairs: Iterable[tuple[dict[str, int], dict[str, int]]],
    init_pairs: Iterable[tuple[dict[str, int], dict[str, int]]],
) -> int | None:
    limits = [limit.get(name) for _, limit in pairs]
    init_limits = [limit.get(name) for _, limit in init_pairs]
    if not limits or None in limits or None in init_limits:
        return None
    return max(sum(value or 0 for value in limits), *[value or 0 for value in init_limits], 0)
