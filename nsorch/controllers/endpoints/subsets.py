"""The older Endpoints object of a Service: pure. Source: kubernetes ``pkg/controller/endpoint``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nsorch.controllers.endpoints.members import Member, Port, is_headless
from nsorch.controllers.endpoints.slices import HEADLESS
from nsorch.resources.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.service import Service

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
CAPACITY = 1000
"""Addresses in one Endpoints object at most."""
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"


def is_ours(found: Endpoints) -> bool:
    """Whether this controller manages the object."""
    return (found.metadata.labels or {}).get(MANAGED_BY) == MANAGER


def listed(service: Service, members: Sequence[Member]) -> list[Member]:
    """The members that Endpoints show: terminating ones only where unready ones are published."""
    publish = bool(service.spec.publishNotReadyAddresses)
    return [member for member in members if publish or not member.terminating]


@lru_cache(maxsize=4096)
def _address(member: Member) -> EndpointAddress:
    return EndpointAddress(
        ip=member.address, hostname=member.hostname, nodeName=member.node, targetRef=member.reference
    )


def subsets(service: Service, members: Sequence[Member]) -> list[EndpointSubset] | None:
    """Addresses grouped so that every subset's ports are served by all its addresses, in a stable order.

    Example: Pods a and b serve metrics on 9090; a serves http on 8080, b on 80: three subsets.
    """
    by_port: dict[Port | None, list[Member]] = {}
    for member in listed(service, members)[:CAPACITY]:
        ports: Sequence[Port | None] = member.ports
        if not service.spec.ports and is_headless(service):
            ports = (None,)
        for port in ports:
            by_port.setdefault(port, []).append(member)
    groups: dict[tuple[Member, ...], list[Port | None]] = {}
    for port, found in by_port.items():
        groups.setdefault(tuple(found), []).append(port)
    result = []
    for found_members, found_ports in sorted(groups.items(), key=lambda item: item[0][0].order):
        real = sorted((port for port in found_ports if port is not None), key=lambda port: (port.name, port.port))
        result.append(
            EndpointSubset(
                addresses=[_address(member) for member in found_members if member.ready] or None,
                notReadyAddresses=[_address(member) for member in found_members if not member.ready] or None,
                ports=[
                    EndpointPort(
                        name=port.name or None, port=port.port, protocol=port.protocol, appProtocol=port.app_protocol
                    )
                    for port in real
                ]
                or None,
            )
        )
    return result or None


def labels_of(service: Service) -> dict[str, str]:
    """The object's labels: the Service's own and the manager's."""
    labels = dict(service.metadata.labels or {})
    labels[MANAGED_BY] = MANAGER
    labels.pop(HEADLESS, None)
    if is_headless(service):
        labels[HEADLESS] = ""
    return labels


def wanted(service: Service, members: Sequence[Member], existing: Endpoints | None) -> Endpoints | None:
    """The object to write, or None if ``existing`` is right."""
    content = subsets(service, members)
    labels = labels_of(service)
    truncated = len(listed(service, members)) > CAPACITY
    annotations = {OVER_CAPACITY: "truncated"} if truncated else {}
    if existing is None:
        return Endpoints(
            metadata=ObjectMeta(
                name=service.name, namespace=service.namespace, labels=labels, annotations=annotations or None
            ),
            subsets=content,
        )
    marked = (existing.metadata.annotations or {}).get(OVER_CAPACITY) == "truncated"
    if (existing.subsets or None) == content and existing.metadata.labels == labels and marked == truncated:
        return None
    kept = {key: value for key, value in (existing.metadata.annotations or {}).items() if key != OVER_CAPACITY}
    changes = {"labels": labels, "annotations": {**kept, **annotations} or None}
    return existing.model_copy(update={"metadata": existing.metadata.model_copy(update=changes), "subsets": content})
