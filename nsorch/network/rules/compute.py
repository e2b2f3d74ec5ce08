"""Services and EndpointSlices -> rules, one Service at a time.

Follows kube-proxy (pkg/proxy/servicechangetracker.go, endpointslicecache.go, topology.go) where it is visible from
outside. On one node every endpoint is local, so the Local and Cluster traffic policies choose the same endpoints, and
client addresses are always kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

from nsorch.network.rules.value import PortRule, Target
from nsorch.resources.endpointslice import EndpointConditions, EndpointSlice
from nsorch.resources.service import Service

SERVICE_NAME = "kubernetes.io/service-name"
FOREIGN_PROXY = "service.kubernetes.io/service-proxy-name"
"""A Service with this label is somebody else's to serve."""
DEFAULT_AFFINITY_SECONDS = 10800
PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
SERVES_ITSELF = EndpointConditions()


def service_of(piece: EndpointSlice) -> str | None:
    """``NAMESPACE/NAME`` of the Service a slice belongs to; None for a stray slice."""
    name = (piece.metadata.labels or {}).get(SERVICE_NAME)
    return f"{piece.namespace}/{name}" if name else None


def port_rules(
    service: Service, slices: Iterable[EndpointSlice], local_addresses: frozenset[str] = frozenset()
) -> tuple[PortRule, ...]:
    """The rules of one Service. Nothing for headless, ExternalName and foreign Services.

    ``local_addresses``: Service addresses that a process on this host binds itself (the DNS server): they get no rules.
    """
    spec = service.spec
    if spec.type == "ExternalName" or FOREIGN_PROXY in (service.metadata.labels or {}):
        return ()
    addresses = ipv4(spec.clusterIPs or ([spec.clusterIP] if spec.clusterIP else []))
    if not addresses:
        return ()
    cluster = tuple(address for address in addresses if address not in local_addresses)
    external = ipv4(spec.externalIPs or ())
    ingress = (service.status.loadBalancer.ingress if service.status.loadBalancer else None) or ()
    balancer = ipv4(item.ip for item in ingress if item.ip and item.ipMode in (None, "VIP"))
    with_node_port = spec.type in ("NodePort", "LoadBalancer")
    affinity = 0
    if spec.sessionAffinity == "ClientIP":
        client = spec.sessionAffinityConfig.clientIP if spec.sessionAffinityConfig else None
        affinity = (client.timeoutSeconds if client else None) or DEFAULT_AFFINITY_SECONDS
    pieces = [piece for piece in slices if piece.addressType == "IPv4"]
    rules = []
    for port in spec.ports or ():
        protocol = port.protocol or "TCP"
        if protocol not in PROTOCOLS:
            continue
        targets, fallback = choose_targets(pieces, port.name or "", protocol)
        rules.append(
            PortRule(
                name=f"{service.key}:{port.name}" if port.name else service.key,
                protocol=PROTOCOLS[protocol],
                port=port.port,
                cluster_addresses=cluster,
                external_addresses=external,
                balancer_addresses=balancer,
                balancer_sources=ipv4_networks(spec.loadBalancerSourceRanges or ()),
                node_port=(port.nodePort or 0) if with_node_port else 0,
                affinity_seconds=affinity,
                targets=targets,
                fallback=fallback,
            )
        )
    return tuple(rules)


def choose_targets(slices: Iterable[EndpointSlice], port_name: str, protocol: str) -> tuple[tuple[Target, ...], bool]:
    """Ready endpoints; failing those, terminating ones that still serve (second value: True).

    Two ready and one terminating: the ready two. None ready, one terminating that still serves: that one, as
    fallback. None ready, one terminating that fails its readiness probe: none.
    """
    ready: set[Target] = set()
    dying: set[Target] = set()
    for piece in slices:
        for port in piece.ports or ():
            if (port.name or "") != port_name or (port.protocol or "TCP") != protocol or port.port is None:
                continue
            for endpoint in piece.endpoints:
                if not endpoint.addresses:
                    continue
                target = Target(endpoint.addresses[0], port.port)
                conditions = endpoint.conditions or SERVES_ITSELF
                if conditions.ready is None or conditions.ready:
                    ready.add(target)
                elif conditions.terminating and (conditions.serving is None or conditions.serving):
                    dying.add(target)
    if ready or not dying:
        return tuple(sorted(ready)), False
    return tuple(sorted(dying)), True


def ipv4(addresses: Iterable[str]) -> tuple[str, ...]:
    """The IPv4 ones, in order ("None" of headless Services and IPv6 fall out)."""
    kept = []
    for address in addresses:
        try:
            kept.append(str(IPv4Address(address)))
        except AddressValueError:
            continue
    return tuple(kept)


def ipv4_networks(ranges: Iterable[str]) -> tuple[str, ...]:
    """The IPv4 CIDRs; Kubernetes allows spaces around them. Given ranges of which none is IPv4 admit nobody."""
    kept = []
    ranges = list(ranges)
    for text in ranges:
        try:
            kept.append(str(IPv4Network(text.strip(), strict=False)))
        except (AddressValueError, NetmaskValueError, ValueError):
            continue
    return tuple(kept) or (("0.0.0.0/32",) if ranges else ())
