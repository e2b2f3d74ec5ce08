"""The whole PodStatus."""

from __future__ import annotations

from nsorch.kit.clock import rfc3339
from nsorch.node.compiler.pod import roles
from nsorch.node.settings import NodeSettings
from nsorch.node.status.conditions import conditions
from nsorch.node.status.containers import container_status
from nsorch.node.status.facts import Facts
from nsorch.node.status.phase import phase_of
from nsorch.resources.container_status import ContainerStatus
from nsorch.resources.pod import HostIP, Pod, PodIP, PodStatus
from nsorch.resources.qos import qos_class

LOST = ("SandboxChanged", "The Pod's supervisor ended, and its namespaces and containers with it")
TERMINAL = ("Succeeded", "Failed")


def compute_status(pod: Pod, facts: Facts, settings: NodeSettings, now: float) -> PodStatus:
    """What the API should show. A terminal phase never changes again."""
    old = pod.status
    found = {state.name: state for state in facts.state.containers} if facts.state else {}
    previous = {
        status.name: status
        for status in (
            *(old.initContainerStatuses or ()),
            *(old.containerStatuses or ()),
            *(old.ephemeralContainerStatuses or ()),
        )
    }
    has_init = bool(pod.spec.initContainers)
    groups: dict[str, list[ContainerStatus]] = {"init": [], "sidecar": [], "main": [], "ephemeral": []}
    init_order: list[ContainerStatus] = []
    for role, container in roles(pod):
        status = container_status(
            container, role, found.get(container.name), facts, previous.get(container.name), has_init=has_init
        )
        groups[role].append(status)
        if role in ("init", "sidecar"):
            init_order.append(status)
    policy = pod.spec.restartPolicy or "Always"
    if old.phase in TERMINAL:
        phase = old.phase or ""
    elif facts.failure is not None or facts.lost:
        phase = "Failed"
    else:
        phase = phase_of(groups["init"], groups["sidecar"], groups["main"], policy, over=facts.over)
    reason, message = old.reason, old.message
    if facts.failure is not None:
        reason, message = facts.failure
    elif facts.lost and old.phase not in TERMINAL:
        reason, message = LOST
    sandbox = facts.state is not None and not facts.lost and facts.state.phase in ("running", "stopping")
    address = facts.address or old.podIP
    return PodStatus(
        phase=phase,
        conditions=conditions(pod, phase, groups["init"], groups["sidecar"], groups["main"], sandbox=sandbox, now=now),
        containerStatuses=groups["main"] or None,
        initContainerStatuses=init_order or None,
        ephemeralContainerStatuses=groups["ephemeral"] or None,
        hostIP=settings.node_address,
        hostIPs=[HostIP(ip=settings.node_address)],
        podIP=address or None,
        podIPs=[PodIP(ip=address)] if address else None,
        qosClass=old.qosClass or qos_class(pod.spec),
        startTime=old.startTime or (rfc3339(facts.started_at) if facts.started_at else None),
        reason=reason,
        message=message,
        nominatedNodeName=old.nominatedNodeName,
        resize=old.resize,
        resourceClaimStatuses=old.resourceClaimStatuses,
        observedGeneration=old.observedGeneration,
    )
