"""What the controllers must be told about the cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """Facts and bounds. Addresses are IPv4 text."""

    ca_pem: str
    """The cluster's CA certificate, published as ConfigMap kube-root-ca.crt in every namespace."""
    service_address: str
    """ClusterIP of Service default/kubernetes: the first address of the Service network."""
    api_address: str
    """Where the API server listens for HTTPS: the node's address."""
    api_port: int = 6443
    terminated_pods: int = 500
    """Ended Pods kept in the whole cluster; beyond, the oldest are deleted."""
    failed_pods_per_owner: int = 10
    """Failed Pods kept of one ReplicaSet or other controller; beyond, the oldest are deleted."""
