"""What a container is doing: its state, restarts, image and resources as last reported."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.container import ResourceRequirements
from nsorch.resources.merging import ATOMIC, LISTED_BY_RESOURCE_ID, MERGE_BY_MOUNT_PATH, MERGE_BY_NAME
from nsorch.resources.meta import Time
from nsorch.resources.scalars import Int32, Int64, Quantity


class ContainerStateWaiting(Model):
    """The container is not running yet: why."""

    message: str | None = None
    """Why, in a sentence for people."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""


class ContainerStateRunning(Model):
    """The container runs: since when."""

    startedAt: Time | None = None
    """When it was started."""


class ContainerStateTerminated(Model):
    """The container has ended: how and when."""

    exitCode: Int32
    """The exit code of its first process."""
    containerID: str | None = None
    """The id of the container that ended."""
    finishedAt: Time | None = None
    """When it ended."""
    message: str | None = None
    """Why, in a sentence for people."""
    reason: str | None = None
    """Why, in one CamelCase word for programs."""
    signal: Int32 | None = None
    """The signal that ended it."""
    startedAt: Time | None = None
    """When it was started."""


class ContainerState(Model):
    """What a container is doing; exactly one of its members is set."""

    running: ContainerStateRunning | None = None
    """Since when it runs."""
    terminated: ContainerStateTerminated | None = None
    """How it ended."""
    waiting: ContainerStateWaiting | None = None
    """Why it does not run yet."""


class LinuxContainerUser(Model):
    """User and group numbers of a container's first process."""

    gid: Int64
    uid: Int64
    supplementalGroups: Annotated[list[Int64] | None, ATOMIC] = None


class ContainerUser(Model):
    """Who a container's first process runs as."""

    linux: LinuxContainerUser | None = None


class VolumeMountStatus(Model):
    """How a volume is mounted in a container."""

    mountPath: str
    name: str
    readOnly: bool | None = None
    """Whether writing is refused."""
    recursiveReadOnly: str | None = None


class ResourceHealth(Model):
    """The health of one device given to a container."""

    resourceID: str
    health: str | None = None


class ResourceStatus(Model):
    """The health of a resource given to a container."""

    name: str
    resources: Annotated[list[ResourceHealth] | None, LISTED_BY_RESOURCE_ID] = None


class ContainerStatus(Model):
    """What a container looked like when last observed."""

    image: str
    """The image that it runs."""
    imageID: str
    """The digest of the image that it runs."""
    name: str
    """The name of the container in the spec."""
    ready: bool
    """Whether it takes traffic."""
    restartCount: Int32
    """How often it was restarted."""
    allocatedResources: dict[str, Quantity] | None = None
    allocatedResourcesStatus: Annotated[list[ResourceStatus] | None, MERGE_BY_NAME] = None
    containerID: str | None = None
    """Its id, as TYPE://ID."""
    lastState: ContainerState | None = None
    """How its previous run ended."""
    resources: ResourceRequirements | None = None
    started: bool | None = None
    """Whether its startup probe has succeeded."""
    state: ContainerState | None = None
    """What it is doing."""
    stopSignal: str | None = None
    user: ContainerUser | None = None
    volumeMounts: Annotated[list[VolumeMountStatus] | None, MERGE_BY_MOUNT_PATH] = None
    """Volumes shown inside the container."""
