"""The columns of ``kubectl get pods``, with the words users know for a Pod's state.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from nsorch.resources.ages import seconds_of, since
from nsorch.resources.columns import AGE, NAME, or_none
from nsorch.resources.container_status import ContainerStateTerminated, ContainerStatus
from nsorch.resources.pod import Pod
from nsorch.resources.registry import Column


def state(pod: Pod) -> str:
    """The STATUS column: ``Running``, ``Init:0/1``, ``CrashLoopBackOff``, ``Completed``, ``Terminating``..."""
    text = pod.status.reason or pod.status.phase or ""
    if any(
        condition.type == "PodScheduled" and condition.reason == "SchedulingGated"
        for condition in pod.status.conditions or ()
    ):
        text = "SchedulingGated"
    starting = _starting(pod)
    if starting is not None:
        text = starting
    else:
        text = _running(pod, text)
    if pod.metadata.deletionTimestamp is not None:
        if pod.status.reason == "NodeLost":
            return "Unknown"
        if pod.status.phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return text


def ready(pod: Pod) -> str:
    """The READY column: ready containers of all that stay."""
    sidecars = {container.name for container in pod.spec.initContainers or () if container.restartPolicy == "Always"}
    count = sum(
        1
        for status in pod.status.initContainerStatuses or ()
        if status.name in sidecars and status.started and status.ready
    )
    if _starting(pod) is None:
        count += sum(
            1
            for status in pod.status.containerStatuses or ()
            if status.ready and status.state is not None and status.state.running is not None
        )
    return f"{count}/{len(pod.spec.containers) + len(sidecars)}"


def restarts(pod: Pod, now: float) -> str:
    """The RESTARTS column: ``3 (5m ago)``."""
    sidecars = {container.name for container in pod.spec.initContainers or () if container.restartPolicy == "Always"}
    counted: list[ContainerStatus] = list(pod.status.initContainerStatuses or ())
    if _starting(pod) is None:
        counted = [status for status in counted if status.name in sidecars] + list(pod.status.containerStatuses or ())
    count = sum(status.restartCount for status in counted)
    ended = [
        status.lastState.terminated.finishedAt
        for status in counted
        if status.lastState is not None
        and status.lastState.terminated is not None
        and status.lastState.terminated.finishedAt
    ]
    if count and ended:
        return f"{count} ({since(max(ended, key=seconds_of), now)} ago)"
    return str(count)


def _starting(pod: Pod) -> str | None:
    """``Init:...`` while init containers keep the Pod from starting; None afterwards."""
    if any(condition.type == "Initialized" and condition.status == "True" for condition in pod.status.conditions or ()):
        return None
    sidecars = {container.name for container in pod.spec.initContainers or () if container.restartPolicy == "Always"}
    total = len(pod.spec.initContainers or ())
    for index, status in enumerate(pod.status.initContainerStatuses or ()):
        if status.state is not None and status.state.terminated is not None:
            if status.state.terminated.exitCode == 0:
                continue
            return f"Init:{_ended(status.state.terminated)}"
        if status.name in sidecars and status.started:
            continue
        waiting = status.state.waiting if status.state is not None else None
        if waiting is not None and waiting.reason and waiting.reason != "PodInitializing":
            return f"Init:{waiting.reason}"
        return f"Init:{index}/{total}"
    return None


def _running(pod: Pod, text: str) -> str:
    running = False
    for status in reversed(pod.status.containerStatuses or ()):
        if status.state is None:
            continue
        if status.state.waiting is not None and status.state.waiting.reason:
            text = status.state.waiting.reason
        elif status.state.terminated is not None:
            text = _ended(status.state.terminated)
        elif status.ready and status.state.running is not None:
            running = True
    if text == "Completed" and running:
        whole = any(
            condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions or ()
        )
        return "Running" if whole else "NotReady"
    return text


def _ended(terminated: ContainerStateTerminated) -> str:
    if terminated.reason:
        return terminated.reason
    if terminated.signal:
        return f"Signal:{terminated.signal}"
    return f"ExitCode:{terminated.exitCode}"


def _gates(pod: Pod) -> str:
    gates = [gate.conditionType for gate in pod.spec.readinessGates or ()]
    if not gates:
        return "<none>"
    true = {condition.type for condition in pod.status.conditions or () if condition.status == "True"}
    return f"{sum(1 for gate in gates if gate in true)}/{len(gates)}"


def _address(pod: Pod) -> str:
    if pod.status.podIPs:
        return or_none(pod.status.podIPs[0].ip)
    return or_none(pod.status.podIP)


POD_COLUMNS: tuple[Column[Pod], ...] = (
    NAME,
    Column("Ready", lambda pod, now: ready(pod), description="Containers that are ready, of all."),
    Column("Status", lambda pod, now: state(pod), description="What the Pod is doing, in one word."),
    Column("Restarts", restarts, description="How often its containers were restarted, and when last."),
    AGE,
    Column("IP", lambda pod, now: _address(pod), priority=1, description="The address of the Pod."),
    Column("Node", lambda pod, now: or_none(pod.spec.nodeName), priority=1, description="The node it runs on."),
    Column(
        "Nominated Node",
        lambda pod, now: or_none(pod.status.nominatedNodeName),
        priority=1,
        description="The node it may run on once others have been preempted.",
    ),
    Column(
        "Readiness Gates",
        lambda pod, now: _gates(pod),
        priority=1,
        description="Extra conditions for readiness that are true, of all.",
    ),
)
