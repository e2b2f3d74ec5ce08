"""EndpointSlices of a Service: which to create, change and delete. Pure.

Endpoints stay in the slice they are in, so that one Pod's change is one small write; a slice that is no longer needed
is turned into one that is, so that no moment shows neither the old nor the new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nsorch.controllers.endpoints.members import Member, Port, is_headless
from nsorch.controllers.owners import controller_reference
from nsorch.resources.endpointslice import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.service import Service

CAPACITY = 100
"""Endpoints in one slice at most."""
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"


@dataclass(slots=True)
class Difference:
    """What must be written."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)


def is_ours(found: EndpointSlice) -> bool:
    """Whether this controller manages the slice."""
    return (found.metadata.labels or {}).get(MANAGED_BY) == MANAGER


def service_of(found: EndpointSlice) -> str | None:
    """The name of the Service a slice belongs to."""
    return (found.metadata.labels or {}).get(SERVICE_NAME)


def labels_of(service: Service) -> dict[str, str]:
    """A slice's labels: the Service's own and those that tell whose it is."""
    reserved = (SERVICE_NAME, MANAGED_BY, HEADLESS)
    labels = {key: value for key, value in (service.metadata.labels or {}).items() if key not in reserved}
    labels[SERVICE_NAME] = service.name
    labels[MANAGED_BY] = MANAGER
    if is_headless(service):
        labels[HEADLESS] = ""
    return labels


@lru_cache(maxsize=4096)
def endpoint(member: Member) -> Endpoint:
    """The member as it stands in a slice; the same object for the same facts, never changed."""
    return Endpoint(
        addresses=[member.address],
        conditions=EndpointConditions(ready=member.ready, serving=member.serving, terminating=member.terminating),
        hostname=member.hostname,
        nodeName=member.node,
        targetRef=member.reference,
    )


def _ports(ports: Sequence[Port]) -> list[EndpointPort] | None:
    return [
        EndpointPort(name=port.name, port=port.port, protocol=port.protocol, appProtocol=port.app_protocol)
        for port in ports
    ] or None


def _key(ports: Sequence[EndpointPort] | None) -> frozenset[tuple[object, ...]]:
    return frozenset((port.name or "", port.port, port.protocol, port.appProtocol) for port in ports or ())


def _target(found: Endpoint) -> str | None:
    return found.targetRef.uid if found.targetRef is not None else None


class _Draft:
    """A slice being put together: an existing one, or one to create."""

    def __init__(self, ports: list[EndpointPort] | None, origin: EndpointSlice | None = None) -> None:
        self.ports = ports
        self.origin = origin
        self.endpoints: list[Endpoint] = []


def difference(service: Service, members: Sequence[Member], existing: Sequence[EndpointSlice]) -> Difference:
    """The writes that make the slices show exactly ``members``. ``existing`` are the slices this controller manages."""
    wanted: dict[frozenset[tuple[object, ...]], tuple[list[EndpointPort] | None, dict[str, Member]]] = {}
    for member in members:
        ports = _ports(member.ports)
        wanted.setdefault(_key(ports), (ports, {}))[1][member.uid] = member
    drafts: list[_Draft] = []
    unused: list[EndpointSlice] = []
    by_ports: dict[frozenset[tuple[object, ...]], list[_Draft]] = {}
    for found in existing:
        key = _key(found.ports)
        if found.terminating:
            continue
        if key not in wanted or found.addressType != "IPv4":
            unused.append(found)
            continue
        draft = _Draft(wanted[key][0], found)
        group = wanted[key][1]
        for old in found.endpoints:
            member_here = group.pop(_target(old) or "", None)
            if member_here is not None:
                draft.endpoints.append(endpoint(member_here))
        by_ports.setdefault(key, []).append(draft)
    for key, (ports, left) in wanted.items():
        candidates = sorted(by_ports.get(key, []), key=lambda draft: -len(draft.endpoints))
        for member in left.values():
            room = next((draft for draft in candidates if len(draft.endpoints) < CAPACITY), None)
            if room is None:
                room = _Draft(ports)
                candidates.append(room)
            room.endpoints.append(endpoint(member))
        drafts.extend(candidates)
    full = [draft for draft in drafts if draft.endpoints]
    unused.extend(draft.origin for draft in drafts if not draft.endpoints and draft.origin is not None)
    if not full:  # one empty slice says: nobody is there (as opposed to: nobody has looked)
        full = [_Draft(None, unused.pop(0) if unused else None)]
    for draft in full:
        if draft.origin is None and unused:
            draft.origin = unused.pop(0)
    return _writes(service, full, unused)


def _writes(service: Service, drafts: Sequence[_Draft], unused: Sequence[EndpointSlice]) -> Difference:
    labels = labels_of(service)
    result = Difference(delete=list(unused))
    for draft in drafts:
        if draft.origin is None:
            result.create.append(
                EndpointSlice(
                    metadata=ObjectMeta(
                        generateName=f"{service.name}-",
                        namespace=service.namespace,
                        labels=dict(labels),
                        ownerReferences=[controller_reference(service)],
                    ),
                    addressType="IPv4",
                    endpoints=draft.endpoints,
                    ports=draft.ports,
                )
            )
            continue
        origin = draft.origin
        owned = any(reference.uid == service.uid for reference in origin.metadata.ownerReferences or ())
        same_ports = _key(origin.ports) == _key(draft.ports)
        if owned and same_ports and origin.endpoints == draft.endpoints and origin.metadata.labels == labels:
            continue
        meta = origin.metadata
        if not owned or meta.labels != labels:
            meta = meta.copy_deep()
            meta.labels = dict(labels)
            meta.ownerReferences = meta.ownerReferences if owned else [controller_reference(service)]
        ports = origin.ports if same_ports else draft.ports
        changed = origin.model_copy(update={"metadata": meta, "endpoints": draft.endpoints, "ports": ports})
        result.update.append(changed)
    return result
