"""Node: the host that runs the Pods."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nsorch.resources.base import Model
from nsorch.resources.merging import ATOMIC, MERGE_BY_TYPE, SET_MERGE
from nsorch.resources.meta import Resource, Time
from nsorch.resources.scalars import Int32, Int64, Quantity
from nsorch.resources.scheduling import Taint


class ConfigMapNodeConfigSource(Model):
    """A ConfigMap with a node's configuration (historic)."""

    kubeletConfigKey: str
    name: str
    namespace: str
    resourceVersion: str | None = None
    uid: str | None = None


class NodeConfigSource(Model):
    """Where a node's configuration comes from (historic)."""

    configMap: ConfigMapNodeConfigSource | None = None


class NodeSpec(Model):
    """What a node should be like."""

    configSource: NodeConfigSource | None = None
    externalID: str | None = None
    podCIDR: str | None = None
    """The addresses of the node's Pods."""
    podCIDRs: Annotated[list[str] | None, SET_MERGE] = None
    """The addresses of the node's Pods, one range per family."""
    providerID: str | None = None
    """The machine's identity at its cloud provider."""
    taints: Annotated[list[Taint] | None, ATOMIC] = None
    """Taints that keep Pods away."""
    unschedulable: bool | None = None
    """Whether new Pods are kept away (cordon)."""


class AttachedVolume(Model):
    """A volume attached to a node."""

    devicePath: str
    name: str


class ContainerImage(Model):
    """An image that a node has."""

    names: Annotated[list[str] | None, ATOMIC] = None
    """All names of the image."""
    sizeBytes: Int64 | None = None
    """Its size in bytes."""


class DaemonEndpoint(Model):
    """The port of a daemon on the node."""

    Port: Int32


class NodeDaemonEndpoints(Model):
    """The ports of the daemons on the node."""

    kubeletEndpoint: DaemonEndpoint | None = None


class NodeAddress(Model):
    """One address of a node."""

    address: str
    """The address."""
    type: str
    """InternalIP, ExternalIP, Hostname and others."""


class NodeCondition(Model):
    """One observed fact about a node: Ready, MemoryPressure, DiskPressure, PIDPressure."""

    status: str
    """True, False or Unknown."""
    type: str
    """What the fact is about, such as Ready."""
    lastHeartbeatTime: Time | None = None
    """When it was last reported."""
    lastTransitionTime: Time | None = None
    """When the status last changed."""
    message: str | None = None
    """Why, in a sentence for people."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""


class NodeConfigStatus(Model):
    """Which configuration a node uses (historic)."""

    active: NodeConfigSource | None = None
    assigned: NodeConfigSource | None = None
    error: str | None = None
    lastKnownGood: NodeConfigSource | None = None


class NodeFeatures(Model):
    """Optional features that a node has."""

    supplementalGroupsPolicy: bool | None = None


class NodeRuntimeHandlerFeatures(Model):
    """Optional features of one runtime of a node."""

    recursiveReadOnlyMounts: bool | None = None
    userNamespaces: bool | None = None


class NodeRuntimeHandler(Model):
    """One runtime of a node."""

    features: NodeRuntimeHandlerFeatures | None = None
    name: str | None = None


class NodeSwapStatus(Model):
    """The swap memory of a node."""

    capacity: Int64 | None = None


class NodeSystemInfo(Model):
    """Identity and versions of a node."""

    architecture: str
    """The architecture, such as amd64."""
    bootID: str
    """Changes with every boot."""
    containerRuntimeVersion: str
    """What runs the containers, with its version."""
    kernelVersion: str
    """The version of the kernel."""
    kubeProxyVersion: str
    kubeletVersion: str
    """The version of the node agent."""
    machineID: str
    """The identity of the installation."""
    operatingSystem: str
    osImage: str
    """The name of the operating system."""
    systemUUID: str
    swap: NodeSwapStatus | None = None


class NodeStatus(Model):
    """What a node looked like when last observed."""

    addresses: Annotated[list[NodeAddress] | None, MERGE_BY_TYPE] = None
    """How the node is reached."""
    allocatable: dict[str, Quantity] | None = None
    """What Pods may use of it."""
    capacity: dict[str, Quantity] | None = None
    """What the machine has."""
    conditions: Annotated[list[NodeCondition] | None, MERGE_BY_TYPE] = None
    """Observed facts, one per type."""
    config: NodeConfigStatus | None = None
    daemonEndpoints: NodeDaemonEndpoints | None = None
    """Ports of the node's daemons."""
    features: NodeFeatures | None = None
    images: Annotated[list[ContainerImage] | None, ATOMIC] = None
    """Images that are present."""
    nodeInfo: NodeSystemInfo | None = None
    """Identity and versions."""
    phase: str | None = None
    runtimeHandlers: Annotated[list[NodeRuntimeHandler] | None, ATOMIC] = None
    volumesAttached: Annotated[list[AttachedVolume] | None, ATOMIC] = None
    volumesInUse: Annotated[list[str] | None, ATOMIC] = None


class Node(Resource):
    """A machine that runs Pods."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Node"

    spec: NodeSpec = Field(default_factory=NodeSpec)
    """The wanted state."""
    status: NodeStatus = Field(default_factory=NodeStatus)
    """The last observed state; written by the node agent."""
