"""Everything about the cluster's network that a person may choose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network


@dataclass(frozen=True)
class NetworkSettings:
    """Address ranges and names of one cluster. IPv4 throughout; every value as text, as Kubernetes writes it."""

    pod_cidr: str = "10.244.0.0/16"
    service_cidr: str = "10.96.0.0/16"
    dns_address: str = "10.96.0.10"
    """ClusterIP of kube-system/kube-dns; the DNS server binds this very address, so it is never translated."""
    cluster_domain: str = "cluster.local"
    node_address: str = ""
    """The host's own address as Pods and other hosts see it; empty: found by ``HostNetwork.prepare()``."""
    node_port_first: int = 30000
    node_port_last: int = 32767

    def __post_init__(self) -> None:
        pods, services = self.pods, self.services
        if pods.prefixlen > 29:
            raise ValueError(f"cannot use pod_cidr {self.pod_cidr}: it holds too few addresses; use /29 or larger")
        if services.prefixlen > 29:
            raise ValueError(f"cannot use service_cidr {self.service_cidr}: too few addresses; use /29 or larger")
        if pods.overlaps(services):
            raise ValueError(f"cannot use pod_cidr {self.pod_cidr} with service_cidr {self.service_cidr}: they overlap")
        if IPv4Address(self.dns_address) not in services:
            raise ValueError(f"cannot use dns_address {self.dns_address}: it must lie in {self.service_cidr}")
        if self.node_address:
            node = IPv4Address(self.node_address)
            if node in services or node.is_loopback or node.is_multicast or node.is_unspecified:
                raise ValueError(f"cannot use node_address {self.node_address}: it must be a unicast host address")
        if not 1 <= self.node_port_first <= self.node_port_last <= 65535:
            raise ValueError(f"cannot use NodePorts {self.node_port_first}-{self.node_port_last}: not a range of ports")

    @cached_property
    def pods(self) -> IPv4Network:
        """``pod_cidr`` parsed; ValueError if it is none."""
        return IPv4Network(self.pod_cidr)

    @cached_property
    def services(self) -> IPv4Network:
        """``service_cidr`` parsed; ValueError if it is none."""
        return IPv4Network(self.service_cidr)

    @property
    def pod_gateway(self) -> str:
        """First address of the Pod range: never a Pod's; the node's own where the host has no other address."""
        return str(self.pods[1])

    @property
    def kubernetes_address(self) -> str:
        """ClusterIP of Service default/kubernetes: the first address of the Service range."""
        return str(self.services[1])
