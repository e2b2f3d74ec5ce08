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
    """``ServicePort``."""

    port: Int32
    appProtocol: str | None = None
    name: str | None = None
    nodePort: Int32 | None = None
    protocol: str | None = None
    targetPort: IntOrString | None = None


class ClientIPConfig(Model):
    """``ClientIPConfig``."""

    timeoutSeconds: Int32 | None = None


class SessionAffinityConfig(Model):
    """``SessionAffinityConfig``."""

    clientIP: ClientIPConfig | None = None


class ServiceSpec(Model):
    """``ServiceSpec``."""

    allocateLoadBalancerNodePorts: bool | None = None
    clusterIP: str | None = None
    clusterIPs: Annotated[list[str] | None, ATOMIC] = None
    externalIPs: Annotated[list[str] | None, ATOMIC] = None
    externalName: str | None = None
    externalTrafficPolicy: str | None = None
    healthCheckNodePort: Int32 | None = None
    internalTrafficPolicy: str | None = None
    ipFamilies: Annotated[list[str] | None, ATOMIC] = None
    ipFamilyPolicy: str | None = None
    loadBalancerClass: str | None = None
    loadBalancerIP: str | None = None
    loadBalancerSourceRanges: Annotated[list[str] | None, ATOMIC] = None
    ports: Annotated[list[ServicePort] | None, MERGE_BY_PORT] = None
    publishNotReadyAddresses: bool | None = None
    selector: Annotated[dict[str, str] | None, ATOMIC_MAP] = None
    sessionAffinity: str | None = None
    sessionAffinityConfig: SessionAffinityConfig | None = None
    trafficDistribution: str | None = None
    type: str | None = None


class PortStatus(Model):
    """``PortStatus``."""

    port: Int32
    protocol: str
    error: str | None = None


class LoadBalancerIngress(Model):
    """``LoadBalancerIngress``."""

    hostname: str | None = None
    ip: str | None = None
    ipMode: str | None = None
    ports: Annotated[list[PortStatus] | None, ATOMIC] = None


class LoadBalancerStatus(Model):
    """``LoadBalancerStatus``."""

    ingress: Annotated[list[LoadBalancerIngress] | None, ATOMIC] = None


class ServiceStatus(Model):
    """``ServiceStatus``."""

    conditions: Annotated[list[Condition] | None, MERGE_BY_TYPE] = None
    loadBalancer: LoadBalancerStatus | None = None


class Service(Resource):
    """``Service``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Service"

    spec: ServiceSpec = Field(default_factory=ServiceSpec)
    status: ServiceStatus = Field(default_factory=ServiceStatus)
