"""Defaults of Services, and what is kept or dropped when one changes.

Addresses and node ports are allocated by the API after these hooks; a client that sends an update without them keeps
what was allocated, and a change of type drops what the new type does not have.

Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/
"""

from __future__ import annotations

from nsorch.resources.service import (
    ClientIPConfig,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
    SessionAffinityConfig,
)

AFFINITY_SECONDS = 10800
WITH_CLUSTER_IP = ("ClusterIP", "NodePort", "LoadBalancer")
WITH_NODE_PORT = ("NodePort", "LoadBalancer")


def default_service(service: Service) -> None:
    """Type, affinity, protocols, target ports, traffic policies, IP family."""
    spec = service.spec
    spec.type = spec.type or "ClusterIP"
    spec.sessionAffinity = spec.sessionAffinity or "None"
    if spec.sessionAffinity == "None":
        spec.sessionAffinityConfig = None
    elif spec.sessionAffinity == "ClientIP" and _no_timeout(spec):
        spec.sessionAffinityConfig = SessionAffinityConfig(clientIP=ClientIPConfig(timeoutSeconds=AFFINITY_SECONDS))
    for port in spec.ports or ():
        port.protocol = port.protocol or "TCP"
        if port.targetPort in (None, 0, ""):
            port.targetPort = port.port
    if spec.type in WITH_NODE_PORT or spec.externalIPs:
        spec.externalTrafficPolicy = spec.externalTrafficPolicy or "Cluster"
    if spec.type in WITH_CLUSTER_IP:
        spec.internalTrafficPolicy = spec.internalTrafficPolicy or "Cluster"
        spec.ipFamilyPolicy = spec.ipFamilyPolicy or "SingleStack"
        spec.ipFamilies = spec.ipFamilies or ["IPv4"]
    if spec.type == "LoadBalancer" and spec.allocateLoadBalancerNodePorts is None:
        spec.allocateLoadBalancerNodePorts = True
    # Either of the two ways to name an address fills the other.
    if spec.clusterIP and not spec.clusterIPs:
        spec.clusterIPs = [spec.clusterIP]
    elif spec.clusterIPs and not spec.clusterIP:
        spec.clusterIP = spec.clusterIPs[0]


def prepare_create(service: Service) -> None:
    """A new Service has no load balancer yet."""
    service.status = ServiceStatus(loadBalancer=LoadBalancerStatus())


def prepare_update(new: Service, old: Service) -> None:
    """Keep the status and everything allocated; drop what the new type does not have."""
    new.status = old.status
    after, before = new.spec, old.spec
    if after.type in WITH_CLUSTER_IP and before.type in WITH_CLUSTER_IP:
        if not after.clusterIP and not after.clusterIPs:
            after.clusterIP, after.clusterIPs = before.clusterIP, before.clusterIPs
        elif after.clusterIP != before.clusterIP and after.clusterIPs == before.clusterIPs:
            after.clusterIPs = [after.clusterIP] if after.clusterIP else None
    if after.type == "ExternalName" and before.type != "ExternalName":
        _drop_address(after, before)
    if after.type in WITH_NODE_PORT and before.type in WITH_NODE_PORT:
        _keep_node_ports(after.ports or [], before.ports or [])
    elif before.type in WITH_NODE_PORT:
        _drop_node_ports(after.ports or [], before.ports or [])
        if after.externalTrafficPolicy == before.externalTrafficPolicy and not after.externalIPs:
            after.externalTrafficPolicy = None
    if before.type == "LoadBalancer" and after.type != "LoadBalancer":
        if after.allocateLoadBalancerNodePorts == before.allocateLoadBalancerNodePorts:
            after.allocateLoadBalancerNodePorts = None
        if after.loadBalancerClass == before.loadBalancerClass:
            after.loadBalancerClass = None
        new.status = ServiceStatus(loadBalancer=LoadBalancerStatus(), conditions=old.status.conditions)


def _no_timeout(spec: ServiceSpec) -> bool:
    config = spec.sessionAffinityConfig
    return config is None or config.clientIP is None or config.clientIP.timeoutSeconds is None


def _drop_address(after: ServiceSpec, before: ServiceSpec) -> None:
    if after.clusterIP == before.clusterIP:
        after.clusterIP = None
    if after.clusterIPs == before.clusterIPs:
        after.clusterIPs = None
    if after.ipFamilies == before.ipFamilies:
        after.ipFamilies = None
    if after.ipFamilyPolicy == before.ipFamilyPolicy:
        after.ipFamilyPolicy = None
    if after.internalTrafficPolicy == before.internalTrafficPolicy:
        after.internalTrafficPolicy = None


def _keep_node_ports(after: list[ServicePort], before: list[ServicePort]) -> None:
    known = {(port.protocol, port.port): port.nodePort for port in before if port.nodePort}
    taken = {port.nodePort for port in after if port.nodePort}
    for port in after:
        kept = known.get((port.protocol, port.port))
        if not port.nodePort and kept not in taken:
            port.nodePort = kept


def _drop_node_ports(after: list[ServicePort], before: list[ServicePort]) -> None:
    known = {(port.protocol, port.port): port.nodePort for port in before if port.nodePort}
    for port in after:
        if port.nodePort and port.nodePort in known.values():
            port.nodePort = None
