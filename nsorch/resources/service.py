"""Service: a stable name and address over the Pods that a selector finds."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.common import Condition
from nsorch.resources.merging import ATOMIC, ATOMIC_MAP, MERGE_BY_PORT, MERGE_BY_TYPE
from nsorch.resources.meta import Resource
from nsorch.resources.scalars import Int32, IntOrString


class ServicePort(Model):
    """A port of a Service and where it leads."""

    port: Int32
    """The port of the Service."""
    appProtocol: str | None = None
    """The protocol spoken on the port, such as http or kubernetes.io/h2c."""
    name: str | None = None
    """The name of the port; needed if there are several."""
    nodePort: Int32 | None = None
    """The port of every node, for types NodePort and LoadBalancer; chosen if not set."""
    protocol: str | None = None
    """TCP (the default), UDP or SCTP."""
    targetPort: IntOrString | None = None
    """The port of the Pods, as a number or a name. Defaults to port."""


class ClientIPConfig(Model):
    """How long a client stays with the same Pod."""

    timeoutSeconds: Int32 | None = None
    """Seconds without traffic until the client may move. Defaults to 10800."""


class SessionAffinityConfig(Model):
    """Settings of session affinity."""

    clientIP: ClientIPConfig | None = None


class ServiceSpec(Model):
    """What a Service should look like."""

    allocateLoadBalancerNodePorts: bool | None = None
    """Whether a LoadBalancer gets node ports. Defaults to true."""
    clusterIP: str | None = None
    """The virtual address; None for a headless Service, chosen if not set."""
    clusterIPs: Annotated[list[str] | None, ATOMIC] = None
    """The virtual addresses, one per family."""
    externalIPs: Annotated[list[str] | None, ATOMIC] = None
    """Addresses of nodes where the Service is reached too."""
    externalName: str | None = None
    """The DNS name that an ExternalName Service stands for."""
    externalTrafficPolicy: str | None = None
    """Cluster (the default), or Local to keep outside traffic on the node."""
    healthCheckNodePort: Int32 | None = None
    """The port for health checks of the load balancer."""
    internalTrafficPolicy: str | None = None
    """Cluster (the default), or Local to keep inside traffic on the node."""
    ipFamilies: Annotated[list[str] | None, ATOMIC] = None
    """Families of the virtual addresses."""
    ipFamilyPolicy: str | None = None
    """SingleStack (the default), PreferDualStack or RequireDualStack."""
    loadBalancerClass: str | None = None
    """Which load balancer is to be used."""
    loadBalancerIP: str | None = None
    """Deprecated: the address that the load balancer should get."""
    loadBalancerSourceRanges: Annotated[list[str] | None, ATOMIC] = None
    """Clients that the load balancer lets in."""
    ports: Annotated[list[ServicePort] | None, MERGE_BY_PORT] = None
    """Ports of the Service."""
    publishNotReadyAddresses: bool | None = None
    """Whether Pods count as endpoints before they are ready."""
    selector: Annotated[dict[str, str] | None, ATOMIC_MAP] = None
    """Labels of the Pods behind the Service; without one, endpoints are managed by hand."""
    sessionAffinity: str | None = None
    """None (the default), or ClientIP to keep a client with one Pod."""
    sessionAffinityConfig: SessionAffinityConfig | None = None
    """Settings of session affinity."""
    trafficDistribution: str | None = None
    """Which endpoints are preferred, such as PreferClose."""
    type: str | None = None
    """ClusterIP (the default), NodePort, LoadBalancer or ExternalName."""


class PortStatus(Model):
    """The state of one port of a load balancer."""

    port: Int32
    protocol: str
    error: str | None = None


class LoadBalancerIngress(Model):
    """One point of entry of a load balancer."""

    hostname: str | None = None
    """The host name."""
    ip: str | None = None
    """Its address."""
    ipMode: str | None = None
    ports: Annotated[list[PortStatus] | None, ATOMIC] = None


class LoadBalancerStatus(Model):
    """The state of a Service's load balancer."""

    ingress: Annotated[list[LoadBalancerIngress] | None, ATOMIC] = None
    """Where the load balancer is reached."""


class ServiceStatus(Model):
    """What a Service looked like when last observed."""

    conditions: Annotated[list[Condition] | None, MERGE_BY_TYPE] = None
    """Observed facts, one per type."""
    loadBalancer: LoadBalancerStatus | None = None
    """The state of the load balancer."""


class Service(Resource):
    """A stable name and address in front of the Pods that a selector finds."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Service"

    spec: ServiceSpec = Field(default_factory=ServiceSpec)
    """The wanted state."""
    status: ServiceStatus = Field(default_factory=ServiceStatus)
    """The last observed state."""
