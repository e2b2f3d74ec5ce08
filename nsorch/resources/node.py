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
    """``ConfigMapNodeConfigSource``."""

    kubeletConfigKey: str
    name: str
    namespace: str
    resourceVersion: str | None = None
    uid: str | None = None


class NodeConfigSource(Model):
    """``NodeConfigSource``."""

    configMap: ConfigMapNodeConfigSource | None = None


class NodeSpec(Model):
    """``NodeSpec``."""

    configSource: NodeConfigSource | None = None
    externalID: str | None = None
    podCIDR: str | None = None
    podCIDRs: Annotated[list[str] | None, SET_MERGE] = None
    providerID: str | None = None
    taints: Annotated[list[Taint] | None, ATOMIC] = None
    unschedulable: bool | None = None


class AttachedVolume(Model):
    """``AttachedVolume``."""

    devicePath: str
    name: str


class ContainerImage(Model):
    """``ContainerImage``."""

    names: Annotated[list[str] | None, ATOMIC] = None
    sizeBytes: Int64 | None = None


class DaemonEndpoint(Model):
    """``DaemonEndpoint``."""

    Port: Int32


class NodeDaemonEndpoints(Model):
    """``NodeDaemonEndpoints``."""

    kubeletEndpoint: DaemonEndpoint | None = None


class NodeAddress(Model):
    """``NodeAddress``."""

    address: str
    type: str


class NodeCondition(Model):
    """``NodeCondition``."""

    status: str
    type: str
    lastHeartbeatTime: Time | None = None
    lastTransitionTime: Time | None = None
    message: str | None = None
    reason: str | None = None


class NodeConfigStatus(Model):
    """``NodeConfigStatus``."""

    active: NodeConfigSource | None = None
    assigned: NodeConfigSource | None = None
    error: str | None = None
    lastKnownGood: NodeConfigSource | None = None


class NodeFeatures(Model):
    """``NodeFeatures``."""

    supplementalGroupsPolicy: bool | None = None


class NodeRuntimeHandlerFeatures(Model):
    """``NodeRuntimeHandlerFeatures``."""

    recursiveReadOnlyMounts: bool | None = None
    userNamespaces: bool | None = None


class NodeRuntimeHandler(Model):
    """``NodeRuntimeHandler``."""

    features: NodeRuntimeHandlerFeatures | None = None
    name: str | None = None


class NodeSwapStatus(Model):
    """``NodeSwapStatus``."""

    capacity: Int64 | None = None


class NodeSystemInfo(Model):
    """``NodeSystemInfo``."""

    architecture: str
    bootID: str
    containerRuntimeVersion: str
    kernelVersion: str
    kubeProxyVersion: str
    kubeletVersion: str
    machineID: str
    operatingSystem: str
    osImage: str
    systemUUID: str
    swap: NodeSwapStatus | None = None


class NodeStatus(Model):
    """``NodeStatus``."""

    addresses: Annotated[list[NodeAddress] | None, MERGE_BY_TYPE] = None
    allocatable: dict[str, Quantity] | None = None
    capacity: dict[str, Quantity] | None = None
    conditions: Annotated[list[NodeCondition] | None, MERGE_BY_TYPE] = None
    config: NodeConfigStatus | None = None
    daemonEndpoints: NodeDaemonEndpoints | None = None
    features: NodeFeatures | None = None
    images: Annotated[list[ContainerImage] | None, ATOMIC] = None
    nodeInfo: NodeSystemInfo | None = None
    phase: str | None = None
    runtimeHandlers: Annotated[list[NodeRuntimeHandler] | None, ATOMIC] = None
    volumesAttached: Annotated[list[AttachedVolume] | None, ATOMIC] = None
    volumesInUse: Annotated[list[str] | None, ATOMIC] = None


class Node(Resource):
    """``Node``."""

    GROUP_VERSION: ClassVar[str] = "v1"
    KIND: ClassVar[str] = "Node"

    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)
