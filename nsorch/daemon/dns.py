"""The cluster DNS as objects: Service ``kube-dns`` and Deployment ``nsorch-dns`` in ``kube-system``.

The server itself (``nsorch.network.dns``) is a host-network Pod bound on the Service's address, so that a query is
never translated; as a Pod it is healed, updated and logged like any other and outlives the daemon.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from nsorch.daemon.settings import Settings
from nsorch.kit.paths import Paths
from nsorch.resources import Deployment, Service
from nsorch.resources.client import Client

NAMESPACE = "kube-system"
LABELS = {"k8s-app": "kube-dns"}
HOST_IMAGE = "nsorch.local/host"
"""The host's own root, read-only; the node agent allows it in kube-system only."""
PORT = 53


def service(settings: Settings) -> Service:
    """Service ``kube-dns``, under the name and labels by which everybody looks for it."""
    ports = [
        {"name": "dns", "port": PORT, "protocol": "UDP", "targetPort": PORT},
        {"name": "dns-tcp", "port": PORT, "protocol": "TCP", "targetPort": PORT},
    ]
    labels = {**LABELS, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    return Service.from_dict(
        {
            "metadata": {"name": "kube-dns", "namespace": NAMESPACE, "labels": labels},
            "spec": {"selector": LABELS, "clusterIP": settings.dns_address, "ports": ports},
        }
    )


def deployment(settings: Settings, paths: Paths) -> Deployment:
    """Deployment ``nsorch-dns``: one host-network Pod; the old one ends before the new one binds the address."""
    # A startup probe alone: ready when it answers, and nothing wakes up for it afterwards.
    probe = {"tcpSocket": {"host": settings.dns_address, "port": PORT}}
    container: dict[str, Any] = {
        "name": "dns",
        "image": HOST_IMAGE,
        "imagePullPolicy": "Never",
        "command": [sys.executable, "-m", "nsorch.network.dns"],
        "args": [
            *("--socket", str(paths.api_socket)),
            *("--address", settings.dns_address),
            *("--domain", settings.cluster_domain),
            *("--network", settings.pod_cidr),
            *("--network", settings.service_cidr),
        ],
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "ports": [
            {"name": "dns", "containerPort": PORT, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": PORT, "protocol": "TCP"},
        ],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        },
    }
    if path := os.environ.get("PYTHONPATH"):
        container["env"].append({"name": "PYTHONPATH", "value": path})
    template = {
        "metadata": {"labels": LABELS},
        "spec": {
            "hostNetwork": True,
            "dnsPolicy": "Default",
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }
    return Deployment.from_dict(
        {
            "metadata": {"name": "nsorch-dns", "namespace": NAMESPACE, "labels": LABELS},
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": LABELS},
                "template": template,
            },
        }
    )


async def ensure(client: Client, settings: Settings, paths: Paths) -> None:
    """Make both objects, or correct the Deployment when its program moved (an upgrade)."""
    if client.get(Service, NAMESPACE, "kube-dns") is None:
        await client.create(service(settings))
    wanted = deployment(settings, paths)
    found = client.get(Deployment, NAMESPACE, "nsorch-dns")
    if found is None:
        await client.create(wanted)
    elif _program(found) != _program(wanted):
        changed = found.copy_deep()
        changed.spec.template = wanted.spec.template
        await client.update(changed)


def _program(item: Deployment) -> tuple[Any, ...]:
    containers = item.spec.template.spec.containers if item.spec.template.spec else []
    return tuple((c.command, c.args, [(e.name, e.value) for e in c.env or ()]) for c in containers)
