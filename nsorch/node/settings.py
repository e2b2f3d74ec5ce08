"""Settings of the node agent."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path


def default_node_name() -> str:
    """The host's name in lower case, as kubelet takes it."""
    return socket.gethostname().lower()


def default_pod_pids_limit() -> int:
    """A quarter of what the host can have: a Pod that forks without end leaves the others enough."""
    return min(int(Path("/proc/sys/kernel", name).read_text()) for name in ("pid_max", "threads-max")) // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """What the agent must know about its host and cluster. Sizes in bytes, times in seconds."""

    node_name: str = field(default_factory=default_node_name)
    node_address: str = "127.0.0.1"
    cluster_domain: str = "cluster.local"
    dns_address: str = "10.96.0.10"
    pod_cidr: str = "10.244.0.0/16"
    version: str = "v1.33.1+nsorch"
    mtu: int = 1500
    host_resolv_conf: str = "/etc/resolv.conf"
    host_hosts: str = "/etc/hosts"
    cpu_milli: int = field(default_factory=lambda: (os.cpu_count() or 1) * 1000)
    memory_bytes: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    max_pods: int = 1000
    pod_pids_limit: int = field(default_factory=default_pod_pids_limit)
    """Processes and threads that one Pod may have (kubelet ``podPidsLimit``)."""
    drain_timeout: float = 5.0
    """How long a terminating Pod waits at most for the service rules to let go of it."""
    restart_backoff_base: float = 10.0
    restart_backoff_max: float = 300.0
    image_backoff_base: float = 10.0
    image_backoff_max: float = 300.0
    log_max_bytes: int = 10 * 1024 * 1024
    log_max_files: int = 5
    heartbeat: float = 300.0
    """Between refreshes of the Node's facts; the object is written only when they differ."""
