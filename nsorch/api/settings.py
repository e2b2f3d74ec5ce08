"""What the API must be told: addresses, names, limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GIT_VERSION = "v1.33.1+nsorch"
"""The Kubernetes version whose API is served, as ``/version`` reports it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Settings of the API server and its operations."""

    socket: Path
    """Unix socket on which root is trusted (mode 0600)."""
    pki: Path
    """Folder of the cluster's CA, server and admin certificates (0700)."""
    kubeconfig: Path
    """Written with embedded admin certificate, mode 0600."""
    node_name: str
    """The Node to which every Pod is bound."""
    node_address: str = "127.0.0.1"
    secure_address: str = "0.0.0.0"
    """Address on which HTTPS listens; "" switches HTTPS off (unix socket only)."""
    secure_port: int = 6443
    service_cidr: str = "10.96.0.0/16"
    dns_address: str = "10.96.0.10"
    """Reserved in the Service CIDR: only ``kube-system/kube-dns`` may ask for it."""
    cluster_domain: str = "cluster.local"
    nodeport_first: int = 30000
    nodeport_last: int = 32767
    body_limit: int = 3 * 1024 * 1024
    """Largest request body in bytes."""
    depth_limit: int = 200
    """Deepest nesting of a request body."""
    event_ttl: float = 3600.0
    """Seconds after which an Event is deleted."""
    events_per_namespace: int = 1000
    """Oldest Events of a namespace go beyond this number."""
