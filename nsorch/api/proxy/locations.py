"""Where a proxied request goes: from a Pod's, Service's or Node's name in the path to an address.

Names are ``NAME``, ``NAME:PORT`` or ``SCHEME:NAME:PORT``.
Source: ``pkg/registry/core/{pod,service,node}`` and k8s.io/apimachinery ``pkg/util/net/port_split.go``.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass
from typing import Any

from nsorch.api import failures
from nsorch.api.call import Api
from nsorch.resources.endpoints import EndpointAddress, Endpoints
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod
from nsorch.resources.registry import Kind
from nsorch.resources.service import Service

SCHEMES = ("http", "https")
KUBELET_PORT = "10250"


@dataclass(frozen=True, slots=True)
class Location:
    """An HTTP server."""

    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """``http://10.244.0.2:8080``"""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the name in the path says; "" for what it leaves open."""

    scheme: str
    name: str
    port: str


def parse(text: str, kind: str) -> Wanted:
    """Take a name apart. Failure 400 if it has no such form."""
    parts = text.split(":")
    match parts:
        case [name]:
            wanted = Wanted("", name, "")
        case [name, port]:
            wanted = Wanted("", name, port)
        case [scheme, name, port] if scheme in ("", *SCHEMES):
            wanted = Wanted(scheme, name, port)
        case _:
            raise failures.bad_request(f'invalid {kind} request "{text}"')
    if not wanted.name:
        raise failures.bad_request(f'invalid {kind} request "{text}"')
    return wanted


def of_pod(pod: Pod, wanted: Wanted) -> Location:
    """A port of a Pod; the first that a container declares if none is named."""
    declared = [port for container in pod.spec.containers for port in container.ports or ()]
    port: int | None = None
    if not wanted.port:
        port = declared[0].containerPort if declared else None
    elif wanted.port.isdigit():
        port = int(wanted.port)
    else:
        port = next((one.containerPort for one in declared if one.name == wanted.port), None)
        if port is None:
            raise failures.bad_request(f'pod "{pod.name}" has no port named "{wanted.port}"')
    return _checked(wanted.scheme, pod.status.podIP or "", port)


def of_node(node: Node, wanted: Wanted) -> Location:
    """A port of a Node."""
    addresses = node.status.addresses or []
    address = next((one.address for one in addresses if one.type == "InternalIP"), "")
    if not wanted.port.isdigit():
        raise failures.bad_request(f'invalid node request: "{wanted.port}" is not a port')
    return _checked(wanted.scheme, address, int(wanted.port))


def of_service(api: Api, kind: Kind[Any], service: Service, wanted: Wanted) -> Location:
    """One of a Service's endpoints, chosen by chance. Failure 503 if it has none."""
    port = wanted.port
    if port.isdigit():
        found = next((one for one in service.spec.ports or () if one.port == int(port)), None)
        if found is None:
            raise failures.unavailable(f'no service port {port} found for service "{service.name}"')
        port = found.name or ""
    endpoints = _endpoints(api, service)
    subsets = list(endpoints.subsets or ()) if endpoints is not None else []
    random.shuffle(subsets)
    for subset in subsets:
        for one in subset.ports or ():
            if (one.name or "") != port:
                continue
            addresses = list(subset.addresses or ())
            random.shuffle(addresses)
            for address in addresses:
                if _is_a_pods(api, service, address):
                    return _checked(wanted.scheme, address.ip, one.port)
    raise failures.unavailable(f'no endpoints available for service "{service.name}"')


def _endpoints(api: Api, service: Service) -> Endpoints | None:
    kind = api.registry.at("", "v1", "endpoints")
    assert kind is not None
    try:
        found = api.operations.get(kind, service.namespace, service.name).obj
    except failures.Failure:
        return None
    return found if isinstance(found, Endpoints) else None


def _is_a_pods(api: Api, service: Service, address: EndpointAddress) -> bool:
    """Whoever may write Endpoints must not be able to send requests anywhere: they go to Pods of the namespace alone."""
    target = address.targetRef
    if target is None or target.namespace != service.namespace:
        return False
    kind = api.registry.at("", "v1", "pods")
    assert kind is not None
    try:
        pod = api.operations.get(kind, target.namespace, target.name or "").obj
    except failures.Failure:
        return False
    if not isinstance(pod, Pod):
        return False
    return address.ip == pod.status.podIP or any(one.ip == address.ip for one in pod.status.podIPs or ())


def _checked(scheme: str, host: str, port: int | None) -> Location:
    """A status is data that its writer chose: it must not lead to this machine's own loopback services."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise failures.bad_request("address not allowed") from None
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        raise failures.bad_request("address not allowed")
    scheme = scheme or "http"
    if port is None:
        port = 443 if scheme == "https" else 80
    if not 0 < port < 65536:
        raise failures.bad_request(f"port {port} is not one of 1 to 65535")
    return Location(scheme, host, port)
