"""The objects themselves: pure. Source: kubernetes ``pkg/controlplane/controller/kubernetesservice``."""

from __future__ import annotations

from nsorch.controllers.settings import ControllerSettings
from nsorch.resources.endpoints import EndpointAddress, Endpoints, EndpointSubset
from nsorch.resources.endpoints import EndpointPort as SubsetPort
from nsorch.resources.endpointslice import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.namespace import Namespace
from nsorch.resources.service import Service, ServicePort, ServiceSpec

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
NAME = "kubernetes"
"""Name of the Service, the Endpoints and the EndpointSlice of the API server, all in namespace default."""
_PORT = "https"


def namespace(name: str) -> Namespace:
    return Namespace(metadata=ObjectMeta(name=name))


def service(settings: ControllerSettings) -> Service:
    """Service ``kubernetes``: port 443 of the first Service address leads to the API server."""
    return Service(
        metadata=ObjectMeta(
            name=NAME, namespace="default", labels={"component": "apiserver", "provider": "kubernetes"}
        ),
        spec=ServiceSpec(
            type="ClusterIP",
            clusterIP=settings.service_address,
            ports=[ServicePort(name=_PORT, port=443, protocol="TCP", targetPort=settings.api_port)],
            sessionAffinity="None",
        ),
    )


def endpoints(settings: ControllerSettings) -> Endpoints:
    return Endpoints(
        metadata=ObjectMeta(name=NAME, namespace="default", labels={"endpointslice.kubernetes.io/skip-mirror": "true"}),
        subsets=[
            EndpointSubset(
                addresses=[EndpointAddress(ip=settings.api_address)],
                ports=[SubsetPort(name=_PORT, port=settings.api_port, protocol="TCP")],
            )
        ],
    )


def endpoint_slice(settings: ControllerSettings) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name=NAME, namespace="default", labels={"kubernetes.io/service-name": NAME}),
        addressType="IPv4",
        endpoints=[Endpoint(addresses=[settings.api_address], conditions=EndpointConditions(ready=True))],
        ports=[EndpointPort(name=_PORT, port=settings.api_port, protocol="TCP")],
    )
