"""Pod conditions, with lastTransitionTime kept while a condition's status stays the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nsorch.kit.clock import rfc3339
from nsorch.resources.container_status import ContainerStatus
from nsorch.resources.pod import Pod, PodCondition

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
"""Conditions the agent writes; all others belong to someone else and are kept as they are."""


def conditions(
    pod: Pod,
    phase: str,
    init: Sequence[ContainerStatus],
    sidecars: Sequence[ContainerStatus],
    main: Sequence[ContainerStatus],
    *,
    sandbox: bool,
    now: float,
) -> list[PodCondition]:
    """All conditions in kubelet's order, foreign ones after them."""
    old = {condition.type: condition for condition in pod.status.conditions or ()}
    containers_ready = _containers_ready(phase, [*sidecars, *main])
    fresh = [
        PodCondition(type="PodReadyToStartContainers", status=_word(sandbox)),
        _initialized(phase, init, sidecars),
        _ready(pod, containers_ready, old),
        containers_ready,
        PodCondition(type="PodScheduled", status="True"),
    ]
    for condition in fresh:
        before = old.get(condition.type)
        kept = before.lastTransitionTime if before is not None and before.status == condition.status else None
        condition.lastTransitionTime = kept or rfc3339(now)
    return fresh + [condition for type_, condition in old.items() if type_ not in OWNED]


def _initialized(phase: str, init: Sequence[ContainerStatus], sidecars: Sequence[ContainerStatus]) -> PodCondition:
    if phase == "Succeeded":
        return PodCondition(type="Initialized", status="True", reason="PodCompleted" if init or sidecars else None)
    incomplete = [status.name for status in init if not status.ready]
    incomplete += [status.name for status in sidecars if not status.started and phase == "Pending"]
    if incomplete:
        return PodCondition(
            type="Initialized",
            status="False",
            reason="ContainersNotInitialized",
            message=f"containers with incomplete status: {_names(incomplete)}",
        )
    return PodCondition(type="Initialized", status="True")


def _containers_ready(phase: str, statuses: Sequence[ContainerStatus]) -> PodCondition:
    if phase == "Succeeded":
        return PodCondition(type="ContainersReady", status="False", reason="PodCompleted")
    if phase == "Failed":
        return PodCondition(type="ContainersReady", status="False", reason="PodFailed")
    unready = [status.name for status in statuses if not status.ready]
    if unready:
        return PodCondition(
            type="ContainersReady",
            status="False",
            reason="ContainersNotReady",
            message=f"containers with unready status: {_names(unready)}",
        )
    return PodCondition(type="ContainersReady", status="True")


def _ready(pod: Pod, containers_ready: PodCondition, old: dict[str, PodCondition]) -> PodCondition:
    if containers_ready.status != "True":
        return PodCondition(
            type="Ready", status="False", reason=containers_ready.reason, message=containers_ready.message
        )
    missing = []
    for gate in pod.spec.readinessGates or ():
        condition = old.get(gate.conditionType)
        if condition is None:
            missing.append(f'corresponding condition of pod readiness gate "{gate.conditionType}" does not exist.')
        elif condition.status != "True":
            missing.append(
                f'the status of pod readiness gate "{gate.conditionType}" is not "True", but {condition.status}'
            )
    if missing:
        return PodCondition(type="Ready", status="False", reason="ReadinessGatesNotReady", message=", ".join(missing))
    return PodCondition(type="Ready", status="True")


def _word(value: bool) -> str:
    return "True" if value else "False"


def _names(names: Iterable[str]) -> str:
    return "[" + " ".join(names) + "]"
