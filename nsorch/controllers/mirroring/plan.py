"""EndpointSlices that say the same as an Endpoints object: pure.

Source: kubernetes ``pkg/controller/endpointslicemirroring``.
"""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.controllers.endpoints.slices import CAPACITY, MANAGED_BY, SERVICE_NAME, Difference
from nsorch.controllers.owners import controller_reference
from nsorch.resources.endpoints import EndpointAddress, Endpoints
from nsorch.resources.endpointslice import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.service import Service

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
_NOT_COPIED = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", "endpoints.kubernetes.io/last-change-trigger-time"}
)


def is_ours(found: EndpointSlice) -> bool:
    """Whether the slice is a mirror."""
    return (found.metadata.labels or {}).get(MANAGED_BY) == MANAGER


def is_mirrored(endpoints: Endpoints | None, service: Service | None) -> bool:
    """Whether an Endpoints object needs slices made from it: its Service lives and has no selector."""
    if endpoints is None or service is None or service.spec.selector or endpoints.terminating:
        return False
    skipped = (endpoints.metadata.labels or {}).get(SKIP) == "true"
    return not skipped and LEADER not in (endpoints.metadata.annotations or {})


def _endpoint(address: EndpointAddress, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=[address.ip],
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        nodeName=address.nodeName,
        targetRef=address.targetRef,
    )


def _contents(endpoints: Endpoints) -> list[tuple[str, list[EndpointPort] | None, list[Endpoint]]]:
    """Address type, ports and endpoints of every slice needed, in the order of the subsets."""
    result: list[tuple[str, list[EndpointPort] | None, list[Endpoint]]] = []
    for subset in endpoints.subsets or ():
        ports = [
            EndpointPort(
                name=port.name or "", port=port.port, protocol=port.protocol or "TCP", appProtocol=port.appProtocol
            )
            for port in subset.ports or ()
        ] or None
        found = [_endpoint(address, True) for address in subset.addresses or ()]
        found += [_endpoint(address, False) for address in subset.notReadyAddresses or ()]
        for family, colon in (("IPv4", False), ("IPv6", True)):
            of_family = [one for one in found if (":" in one.addresses[0]) == colon]
            for start in range(0, len(of_family), CAPACITY):
                result.append((family, ports, of_family[start : start + CAPACITY]))
    return result


def difference(endpoints: Endpoints, existing: Sequence[EndpointSlice]) -> Difference:
    """The writes that make the mirrors say what ``endpoints`` say. Slices are taken in turn, so that one whose content
    moved is changed in place."""
    labels = {key: value for key, value in (endpoints.metadata.labels or {}).items() if key != SKIP}
    labels |= {SERVICE_NAME: endpoints.name, MANAGED_BY: MANAGER}
    annotations = {
        key: value for key, value in (endpoints.metadata.annotations or {}).items() if key not in _NOT_COPIED
    } or None
    left = sorted((one for one in existing if not one.terminating), key=lambda one: one.name)
    result = Difference()
    for family, ports, found in _contents(endpoints):
        origin = next((one for one in left if one.addressType == family), None)
        if origin is None:
            meta = ObjectMeta(
                generateName=f"{endpoints.name}-",
                namespace=endpoints.namespace,
                labels=labels,
                annotations=annotations,
                ownerReferences=[controller_reference(endpoints)],
            )
            result.create.append(EndpointSlice(metadata=meta, addressType=family, endpoints=found, ports=ports))
            continue
        left.remove(origin)
        meta = origin.metadata.model_copy(
            update={
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": [controller_reference(endpoints)],
            }
        )
        wanted = origin.model_copy(update={"metadata": meta, "endpoints": found, "ports": ports})
        if wanted != origin:
            result.update.append(wanted)
    result.delete.extend(left)
    return result
