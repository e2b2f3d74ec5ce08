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
    """An extra line of the Pod's /etc/hosts."""

    ip: str
    """The address."""
    hostnames: Annotated[list[str] | None, ATOMIC] = None
    """Names of the address."""


class PodDNSConfigOption(Model):
    """One option of the resolver."""

    name: str | None = None
    value: str | None = None


class PodDNSConfig(Model):
    """Settings of the Pod's resolver, merged with those of its dnsPolicy."""

    nameservers: Annotated[list[str] | None, ATOMIC] = None
    """Servers to ask, at most 3."""
    options: Annotated[list[PodDNSConfigOption] | None, ATOMIC] = None
    """Options of the resolver, such as ndots."""
    searches: Annotated[list[str] | None, ATOMIC] = None
    """Domains to try for short names, at most 32."""


class PodOS(Model):
    """The operating system that a Pod needs."""

    name: str


class PodReadinessGate(Model):
    """An extra condition that must be True before the Pod is ready."""

    conditionType: str


class PodResourceClaim(Model):
    """A claim of devices that the Pod's containers may name."""

    name: str
    resourceClaimName: str | None = None
    resourceClaimTemplateName: str | None = None


class PodSchedulingGate(Model):
    """A reason not to schedule the Pod yet."""

    name: str


class PodSpec(Model):
    """What a Pod should look like: its containers, volumes, network and life."""

    containers: Annotated[list[Container], MERGE_BY_NAME]
    """The containers; at least one, and none can be added or removed later."""
    activeDeadlineSeconds: Int64 | None = None
    """Seconds after which the Pod is ended and counts as failed."""
    affinity: Affinity | None = None
    """Where the Pod must or would rather run."""
    automountServiceAccountToken: bool | None = None
    """Whether a token of the ServiceAccount is mounted."""
    dnsConfig: PodDNSConfig | None = None
    """Settings of the resolver."""
    dnsPolicy: str | None = None
    """ClusterFirst (the default), ClusterFirstWithHostNet, Default or None."""
    enableServiceLinks: bool | None = None
    """Whether Services become environment variables. Defaults to true."""
    ephemeralContainers: Annotated[list[EphemeralContainer] | None, MERGE_BY_NAME] = None
    """Containers added for debugging, through their own subresource."""
    hostAliases: Annotated[list[HostAlias] | None, MERGE_BY_IP] = None
    """Extra lines of /etc/hosts."""
    hostIPC: bool | None = None
    """Whether the Pod uses the IPC namespace of the host."""
    hostNetwork: bool | None = None
    """Whether the Pod uses the network of the host."""
    hostPID: bool | None = None
    """Whether the Pod sees the processes of the host."""
    hostUsers: bool | None = None
    """Whether the Pod uses the user namespace of the host. Defaults to true."""
    hostname: str | None = None
    """The host name; the Pod's name if not set."""
    imagePullSecrets: Annotated[list[LocalObjectReference] | None, MERGE_BY_NAME] = None
    """Secrets for pulling images."""
    initContainers: Annotated[list[Container] | None, MERGE_BY_NAME] = None
    """Containers that run one after the other before the others start."""
    nodeName: str | None = None
    """The node that the Pod runs on."""
    nodeSelector: Annotated[dict[str, str] | None, ATOMIC_MAP] = None
    """Labels that the node must have."""
    os: PodOS | None = None
    """The operating system that the Pod needs."""
    overhead: dict[str, Quantity] | None = None
    """Resources that the sandbox itself needs."""
    preemptionPolicy: str | None = None
    """Whether the Pod may displace others: PreemptLowerPriority or Never."""
    priority: Int32 | None = None
    """The priority; higher is more important."""
    priorityClassName: str | None = None
    """The class that gives the Pod its priority."""
    readinessGates: Annotated[list[PodReadinessGate] | None, ATOMIC] = None
    """Extra conditions that must be True before the Pod is ready."""
    resourceClaims: Annotated[list[PodResourceClaim] | None, MERGE_RETAIN_BY_NAME] = None
    """Claims of devices."""
    resources: ResourceRequirements | None = None
    """What all containers together ask for and may use at most."""
    restartPolicy: str | None = None
    """What happens when a container ends: Always (the default), OnFailure or Never."""
    runtimeClassName: str | None = None
    """The runtime to use; stored only."""
    schedulerName: str | None = None
    """Who places the Pod. Defaults to default-scheduler."""
    schedulingGates: Annotated[list[PodSchedulingGate] | None, MERGE_BY_NAME] = None
    """Reasons not to place the Pod yet."""
    securityContext: PodSecurityContext | None = None
    """Privileges that all containers share."""
    serviceAccount: str | None = None
    """Deprecated name of serviceAccountName."""
    serviceAccountName: str | None = None
    """The identity of the Pod's processes. Defaults to default."""
    setHostnameAsFQDN: bool | None = None
    """Whether the host name is the full domain name."""
    shareProcessNamespace: bool | None = None
    """Whether the containers see each other's processes."""
    subdomain: str | None = None
    """The headless Service under whose name the Pod has its own DNS name."""
    terminationGracePeriodSeconds: Int64 | None = None
    """Seconds between the stop signal and the kill. Defaults to 30."""
    tolerations: Annotated[list[Toleration] | None, ATOMIC] = None
    """Taints that the Pod tolerates."""
    topologySpreadConstraints: Annotated[list[TopologySpreadConstraint] | None, MERGE_BY_TOPOLOGY_KEY] = None
    """How the Pod is spread with others like it."""
    volumes: Annotated[list[Volume] | None, MERGE_RETAIN_BY_NAME] = None
    """Volumes that the containers may mount."""


class HostIP(Model):
    """One address of the Pod's host."""

    ip: str


class PodIP(Model):
    """One address of the Pod."""

    ip: str


class PodResourceClaimStatus(Model):
    """Which claim was made for one of the Pod's resource claims."""

    name: str
    resourceClaimName: str | None = None


class PodCondition(Model):
    """One observed fact about a Pod: PodScheduled, Initialized, ContainersReady, Ready."""

    status: str
    """True, False or Unknown."""
    type: str
    """What the fact is about, such as Ready."""
    lastProbeTime: Time | None = None
    """When it was last looked at."""
    lastTransitionTime: Time | None = None
    """When the status last changed."""
    message: str | None = None
    """Why, in a sentence for people."""
    observedGeneration: Int64 | None = None
    """The metadata.generation that this was observed at."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""


class PodStatus(Model):
    """What a Pod looked like when last observed."""

    conditions: Annotated[list[PodCondition] | None, MERGE_BY_TYPE] = None
    """Observed facts, one per type."""
    containerStatuses: Annotated[list[ContainerStatus] | None, ATOMIC] = None
    """What each container is doing."""
    ephemeralContainerStatuses: Annotated[list[ContainerStatus] | None, ATOMIC] = None
    """What each ephemeral container is doing."""
    hostIP: str | None = None
    """The address of the Pod's host."""
    hostIPs: Annotated[list[HostIP] | None, ATOMIC_MERGE_BY_IP] = None
    """The addresses of the Pod's host."""
    initContainerStatuses: Annotated[list[ContainerStatus] | None, ATOMIC] = None
    """What each init container is doing."""
    message: str | None = None
    """Why, in a sentence for people."""
    nominatedNodeName: str | None = None
    """The node where others were displaced for this Pod."""
    observedGeneration: Int64 | None = None
    """The metadata.generation that this was observed at."""
    phase: str | None = None
    """Pending, Running, Succeeded, Failed or Unknown."""
    podIP: str | None = None
    """The address of the Pod."""
    podIPs: Annotated[list[PodIP] | None, MERGE_BY_IP] = None
    """The addresses of the Pod, one per family."""
    qosClass: str | None = None
    """Guaranteed, Burstable or BestEffort; follows from the resources."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""
    resize: str | None = None
    resourceClaimStatuses: Annotated[list[PodResourceClaimStatus] | None, MERGE_RETAIN_BY_NAME] = None
    startTime: Time | None = None
    """When the node accepted the Pod."""


class Pod(Resource):
    """Containers that are placed together and share a network, an IPC namespace and volumes."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Pod"

    spec: PodSpec
    """The wanted state."""
    status: PodStatus = Field(default_factory=PodStatus)
    """The last observed state; written by the node."""


class PodTemplateSpec(Model):
    """Metadata and spec of the Pods that a controller makes."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    """Labels and annotations of the Pods."""
    spec: PodSpec
    """The spec of the Pods."""
