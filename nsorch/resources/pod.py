"""Pod and PodTemplateSpec: containers that share a network, and their status."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.common import LocalObjectReference
from nsorch.resources.container import Container, EphemeralContainer, ResourceRequirements
from nsorch.resources.container_status import ContainerStatus
from nsorch.resources.merging import (
    ATOMIC,
    ATOMIC_MAP,
    ATOMIC_MERGE_BY_IP,
    MERGE_BY_IP,
    MERGE_BY_NAME,
    MERGE_BY_TOPOLOGY_KEY,
    MERGE_BY_TYPE,
    MERGE_RETAIN_BY_NAME,
)
from nsorch.resources.meta import ObjectMeta, Resource, Time
from nsorch.resources.scalars import Int32, Int64, Quantity
from nsorch.resources.scheduling import Affinity, Toleration, TopologySpreadConstraint
from nsorch.resources.security import PodSecurityContext
from nsorch.resources.volume import Volume


class HostAlias(Model):
    """``HostAlias``."""

    ip: str
    hostnames: Annotated[list[str] | None, ATOMIC] = None


class PodDNSConfigOption(Model):
    """``PodDNSConfigOption``."""

    name: str | None = None
    value: str | None = None


class PodDNSConfig(Model):
    """``PodDNSConfig``."""

    nameservers: Annotated[list[str] | None, ATOMIC] = None
    options: Annotated[list[PodDNSConfigOption] | None, ATOMIC] = None
    searches: Annotated[list[str] | None, ATOMIC] = None


class PodOS(Model):
    """``PodOS``."""

    name: str


class PodReadinessGate(Model):
    """``PodReadinessGate``."""

    conditionType: str


class PodResourceClaim(Model):
    """``PodResourceClaim``."""

    name: str
    resourceClaimName: str | None = None
    resourceClaimTemplateName: str | None = None


class PodSchedulingGate(Model):
    """``PodSchedulingGate``."""

    name: str


class PodSpec(Model):
    """``PodSpec``."""

    containers: Annotated[list[Container], MERGE_BY_NAME]
    activeDeadlineSeconds: Int64 | None = None
    affinity: Affinity | None = None
    automountServiceAccountToken: bool | None = None
    dnsConfig: PodDNSConfig | None = None
    dnsPolicy: str | None = None
    enableServiceLinks: bool | None = None
    ephemeralContainers: Annotated[list[EphemeralContainer] | None, MERGE_BY_NAME] = None
    hostAliases: Annotated[list[HostAlias] | None, MERGE_BY_IP] = None
    hostIPC: bool | None = None
    hostNetwork: bool | None = None
    hostPID: bool | None = None
    hostUsers: bool | None = None
    hostname: str | None = None
    imagePullSecrets: Annotated[list[LocalObjectReference] | None, MERGE_BY_NAME] = None
    initContainers: Annotated[list[Container] | None, MERGE_BY_NAME] = None
    nodeName: str | None = None
    nodeSelector: Annotated[dict[str, str] | None, ATOMIC_MAP] = None
    os: PodOS | None = None
    overhead: dict[str, Quantity] | None = None
    preemptionPolicy: str | None = None
    priority: Int32 | None = None
    priorityClassName: str | None = None
    readinessGates: Annotated[list[PodReadinessGate] | None, ATOMIC] = None
    resourceClaims: Annotated[list[PodResourceClaim] | None, MERGE_RETAIN_BY_NAME] = None
    resources: ResourceRequirements | None = None
    restartPolicy: str | None = None
    runtimeClassName: str | None = None
    schedulerName: str | None = None
    schedulingGates: Annotated[list[PodSchedulingGate] | None, MERGE_BY_NAME] = None
    securityContext: PodSecurityContext | None = None
    serviceAccount: str | None = None
    serviceAccountName: str | None = None
    setHostnameAsFQDN: bool | None = None
    shareProcessNamespace: bool | None = None
    subdomain: str | None = None
    terminationGracePeriodSeconds: Int64 | None = None
    tolerations: Annotated[list[Toleration] | None, ATOMIC] = None
    topologySpreadConstraints: Annotated[list[TopologySpreadConstraint] | None, MERGE_BY_TOPOLOGY_KEY] = None
    volumes: Annotated[list[Volume] | None, MERGE_RETAIN_BY_NAME] = None


class HostIP(Model):
    """``HostIP``."""

    ip: str


class PodIP(Model):
    """``PodIP``."""

    ip: str


class PodResourceClaimStatus(Model):
    """``PodResourceClaimStatus``."""

    name: str
    resourceClaimName: str | None = None


class PodCondition(Model):
    """``PodCondition``."""

    status: str
    type: str
    lastProbeTime: Time | None = None
    lastTransitionTime: Time | None = None
    message: str | None = None
    observedGeneration: Int64 | None = None
    reason: str | None = None


class PodStatus(Model):
    """``PodStatus``."""

    conditions: Annotated[list[PodCondition] | None, MERGE_BY_TYPE] = None
    containerStatuses: Annotated[list[ContainerStatus] | None, ATOMIC] = None
    ephemeralContainerStatuses: Annotated[list[ContainerStatus] | None, ATOMIC] = None
    hostIP: str | None = None
    hostIPs: Annotated[list[HostIP] | None, ATOMIC_MERGE_BY_IP] = None
    initContainerStatuses: Annotated[list[ContainerStatus] | None, ATOMIC] = None
    message: str | None = None
    nominatedNodeName: str | None = None
    observedGeneration: Int64 | None = None
    phase: str | None = None
    podIP: str | None = None
    podIPs: Annotated[list[PodIP] | None, MERGE_BY_IP] = None
    qosClass: str | None = None
    reason: str | None = None
    resize: str | None = None
    resourceClaimStatuses: Annotated[list[PodResourceClaimStatus] | None, MERGE_RETAIN_BY_NAME] = None
    startTime: Time | None = None


class Pod(Resource):
    """``Pod``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Pod"

    spec: PodSpec
    status: PodStatus = Field(default_factory=PodStatus)


class PodTemplateSpec(Model):
    """``PodTemplateSpec``."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PodSpec
