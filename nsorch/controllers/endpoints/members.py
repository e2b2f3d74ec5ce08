"""The Pods behind a Service, as endpoints: pure.

Source: kubernetes ``staging/src/k8s.io/endpointslice/{reconciler,utils}.go``.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from nsorch.controllers.pods import is_ready, is_terminal
from nsorch.resources.common import ObjectReference
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service, ServicePort


@dataclass(frozen=True, slots=True)
class Port:
    """One port of an endpoint: the Service's name and protocol, the Pod's number."""

    name: str
    port: int
    protocol: str
    app_protocol: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One Pod behind a Service."""

    address: str
    ports: tuple[Port, ...]
    ready: bool
    serving: bool
    terminating: bool
    namespace: str
    name: str
    uid: str
    node: str | None
    hostname: str | None

    @property
    def reference(self) -> ObjectReference:
        return ObjectReference(kind="Pod", namespace=self.namespace, name=self.name, uid=self.uid)

    @property
    def order(self) -> tuple[bytes, str]:
        """Sort key: by address as a number."""
        return socket.inet_aton(self.address), self.uid


def has_members(service: Service) -> bool:
    """Whether the endpoints of a Service are made from Pods: it has a selector and is no alias."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def is_headless(service: Service) -> bool:
    return service.spec.clusterIP in (None, "", "None")


def selects(service: Service, labels: dict[str, str] | None) -> bool:
    """Whether the Service's selector matches; one without a selector selects nothing."""
    selector = service.spec.selector
    if not selector or not labels:
        return False
    return all(labels.get(key) == value for key, value in selector.items())


def fingerprint(pod: Pod) -> tuple[object, ...]:
    """Everything about a Pod that its endpoints depend on, except labels and what cannot change."""
    return pod.status.podIP, is_ready(pod), pod.terminating, is_terminal(pod), pod.spec.nodeName


def target_port(pod: Pod, port: ServicePort) -> int | None:
    """The number in this Pod of a Service port; None if the Pod has no port of that name and protocol."""
    target = port.targetPort
    if target is None or target == 0:
        return port.port
    if isinstance(target, int):
        return target
    sidecars = [container for container in pod.spec.initContainers or () if container.restartPolicy == "Always"]
    for container in [*pod.spec.containers, *sidecars]:
        for candidate in container.ports or ():
            if candidate.name == target and (candidate.protocol or "TCP") == (port.protocol or "TCP"):
                return candidate.containerPort
    return int(target) if target.isdigit() else None


def ports_of(service: Service, pod: Pod) -> tuple[Port, ...]:
    """The ports of a Service that this Pod serves."""
    found = []
    for port in service.spec.ports or ():
        number = target_port(pod, port)
        if number is not None:
            found.append(Port(port.name or "", number, port.protocol or "TCP", port.appProtocol))
    return tuple(found)


def member(service: Service, pod: Pod) -> Member | None:
    """The Pod as an endpoint; None if it is none: without an address, or ended. Terminating ones are."""
    address = pod.status.podIP
    if not address or ":" in address or is_terminal(pod):
        return None  # (slices are of type IPv4)
    serving = is_ready(pod)
    named = bool(pod.spec.hostname) and pod.spec.subdomain == service.name
    return Member(
        address=address,
        ports=ports_of(service, pod),
        ready=bool(service.spec.publishNotReadyAddresses) or (serving and not pod.terminating),
        serving=serving,
        terminating=pod.terminating,
        namespace=pod.namespace or "",
        name=pod.name,
        uid=pod.uid,
        node=pod.spec.nodeName,
        hostname=pod.spec.hostname if named else None,
    )


def members(service: Service, pods: Iterable[Pod]) -> list[Member]:
    """The Pods (already selected) that are endpoints, by address."""
    found = (member(service, pod) for pod in pods)
    return sorted((one for one in found if one is not None), key=lambda one: one.order)


class Roster:
    """``members`` of one Service with a memory: the change of one Pod costs the work of one Pod."""

    def __init__(self) -> None:
        self._service: str | None = None
        self._known: dict[str, tuple[str | None, Member | None]] = {}

    def members(self, service: Service, pods: Iterable[Pod]) -> list[Member]:
        version = service.metadata.resourceVersion
        before = self._known if version == self._service else {}
        self._service, self._known = version, {}
        for pod in pods:
            state = pod.metadata.resourceVersion
            known = before.get(pod.uid)
            self._known[pod.uid] = known if known and known[0] == state else (state, member(service, pod))
        found = (one for _, one in self._known.values() if one is not None)
        return sorted(found, key=lambda one: one.order)
