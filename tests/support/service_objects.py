"""Services and EndpointSlices in few words, for tests of the network."""

from __future__ import annotations

from typing import Any

from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.service import Service


def service(
    name: str = "web", address: str = "10.96.0.50", ports: Any = 80, *, namespace: str = "default", **spec: Any
) -> Service:
    """A Service; ``ports`` a number or a list of port dictionaries, ``spec`` anything else."""
    labels = spec.pop("labels", None)
    status = spec.pop("status", {})
    listed = [{"port": ports, "protocol": "TCP"}] if isinstance(ports, int) else ports
    return Service.from_dict(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": labels, "uid": f"uid-{name}"},
            "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": listed, **spec},
            "status": status,
        }
    )


def endpoint(
    address: str,
    *,
    ready: bool | None = True,
    serving: bool | None = None,
    terminating: bool | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One endpoint."""
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    return {"addresses": [address], "conditions": conditions, **more}


def dying(address: str, *, serving: bool = True) -> dict[str, Any]:
    """The endpoint of a terminating Pod."""
    return endpoint(address, ready=False, serving=serving, terminating=True)


def endpoint_slice(
    endpoints: list[Any], ports: Any = 8080, *, of: str = "web", name: str = "", namespace: str = "default"
) -> EndpointSlice:
    """A slice of Service ``of``; endpoints as addresses or dictionaries, ``ports`` a number or a list."""
    listed = [{"port": ports, "protocol": "TCP", "name": ""}] if isinstance(ports, int) else ports
    return EndpointSlice.from_dict(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": name or f"{of}-abc",
                "namespace": namespace,
                "labels": {"kubernetes.io/service-name": of},
            },
            "addressType": "IPv4",
            "endpoints": [endpoint(item) if isinstance(item, str) else item for item in endpoints],
            "ports": listed,
        }
    )
