"""What a container is doing: its state, restarts, image and resources as last reported."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.container import ResourceRequirements
from nsorch.resources.merging import ATOMIC, LISTED_BY_RESOURCE_ID, MERGE_BY_MOUNT_PATH, MERGE_BY_NAME
from nsorch.resources.meta import Time
from nsorch.resources.scalars import Int32, Int64, Quantity


class ContainerStateWaiting(Model):
    """``ContainerStateWaiting``."""

    message: str | None = None
    reason: str | None = None


class ContainerStateRunning(Model):
    """``ContainerStateRunning``."""

    startedAt: Time | None = None


class ContainerStateTerminated(Model):
    """``ContainerStateTerminated``."""

    exitCode: Int32
    containerID: str | None = None
    finishedAt: Time | None = None
    message: str | None = None
    reason: str | None = None
    signal: Int32 | None = None
    startedAt: Time | None = None


class ContainerState(Model):
    """``ContainerState``."""

    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None
    waiting: ContainerStateWaiting | None = None


class LinuxContainerUser(Model):
    """``LinuxContainerUser``."""

    gid: Int64
    uid: Int64
    supplementalGroups: Annotated[list[Int64] | None, ATOMIC] = None


class ContainerUser(Model):
    """``ContainerUser``."""

    linux: LinuxContainerUser | None = None


class VolumeMountStatus(Model):
    """``VolumeMountStatus``."""

    mountPath: str
    name: str
    readOnly: bool | None = None
    recursiveReadOnly: str | None = None


class ResourceHealth(Model):
    """``ResourceHealth``."""

    resourceID: str
    health: str | None = None


class ResourceStatus(Model):
    """``ResourceStatus``."""

    name: str
    resources: Annotated[list[ResourceHealth] | None, LISTED_BY_RESOURCE_ID] = None


class ContainerStatus(Model):
    """``ContainerStatus``."""

    image: str
    imageID: str
    name: str
    ready: bool
    restartCount: Int32
    allocatedResources: dict[str, Quantity] | None = None
    allocatedResourcesStatus: Annotated[list[ResourceStatus] | None, MERGE_BY_NAME] = None
    containerID: str | None = None
    lastState: ContainerState | None = None
    resources: ResourceRequirements | None = None
    started: bool | None = None
    state: ContainerState | None = None
    stopSignal: str | None = None
    user: ContainerUser | None = None
    volumeMounts: Annotated[list[VolumeMountStatus] | None, MERGE_BY_MOUNT_PATH] = None
