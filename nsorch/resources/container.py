"""A container of a Pod: image, command, environment, ports, mounts, resources."""

from __future__ import annotations

from typing import Annotated

from nsorch.resources.base import Model
from nsorch.resources.merging import (
    ATOMIC,
    LISTED_BY_NAME,
    MERGE_BY_CONTAINER_PORT,
    MERGE_BY_DEVICE_PATH,
    MERGE_BY_MOUNT_PATH,
    MERGE_BY_NAME,
)
from nsorch.resources.probe import Lifecycle, Probe
from nsorch.resources.scalars import Int32, Quantity
from nsorch.resources.security import SecurityContext


class ContainerPort(Model):
    """A port that a container listens on."""

    containerPort: Int32
    """The port that the container listens on, 1 to 65535."""
    hostIP: str | None = None
    """The address of the host to bind hostPort to."""
    hostPort: Int32 | None = None
    """The port of the host that leads to it."""
    name: str | None = None
    """A name for Services and probes, unique within the Pod."""
    protocol: str | None = None
    """TCP (the default), UDP or SCTP."""


class ConfigMapKeySelector(Model):
    """Names one key of a ConfigMap."""

    key: str
    """The key to take."""
    name: str | None = None
    """The name of the ConfigMap."""
    optional: bool | None = None
    """Whether it may be missing."""


class SecretKeySelector(Model):
    """Names one key of a Secret."""

    key: str
    """The key to take."""
    name: str | None = None
    """The name of the Secret."""
    optional: bool | None = None
    """Whether it may be missing."""


class ObjectFieldSelector(Model):
    """Names a field of the Pod itself."""

    fieldPath: str
    """The field, such as status.podIP or metadata.labels['app']."""
    apiVersion: str | None = None
    """The API version of the path. Defaults to v1."""


class ResourceFieldSelector(Model):
    """Names a resource limit or request of a container."""

    resource: str
    """The amount, such as limits.cpu."""
    containerName: str | None = None
    """The container; its own for environment variables."""
    divisor: Quantity | None = None
    """The unit to express the amount in. Defaults to 1."""


class EnvVarSource(Model):
    """Where the value of an environment variable comes from; exactly one source."""

    configMapKeyRef: ConfigMapKeySelector | None = None
    """A key of a ConfigMap."""
    fieldRef: ObjectFieldSelector | None = None
    """A field of the Pod."""
    resourceFieldRef: ResourceFieldSelector | None = None
    """A limit or request of the container."""
    secretKeyRef: SecretKeySelector | None = None
    """A key of a Secret."""


class EnvVar(Model):
    """One environment variable of a container."""

    name: str
    """The name of the variable."""
    value: str | None = None
    """Its value; $(NAME) stands for an earlier variable, $$(NAME) for the text itself."""
    valueFrom: EnvVarSource | None = None
    """Where its value comes from; not together with value."""


class ConfigMapEnvSource(Model):
    """A ConfigMap whose keys all become environment variables."""

    name: str | None = None
    """The name of the ConfigMap."""
    optional: bool | None = None
    """Whether it may be missing."""


class SecretEnvSource(Model):
    """A Secret whose keys all become environment variables."""

    name: str | None = None
    """The name of the Secret."""
    optional: bool | None = None
    """Whether it may be missing."""


class EnvFromSource(Model):
    """A set of environment variables taken from one ConfigMap or Secret."""

    configMapRef: ConfigMapEnvSource | None = None
    """The ConfigMap to take all keys from."""
    prefix: str | None = None
    """Text put before every key."""
    secretRef: SecretEnvSource | None = None
    """The Secret to take all keys from."""


class ResourceClaim(Model):
    """Names one of the Pod's resource claims."""

    name: str
    request: str | None = None


class ResourceRequirements(Model):
    """What a container asks for and what it may use at most."""

    claims: Annotated[list[ResourceClaim] | None, LISTED_BY_NAME] = None
    """Resource claims of the Pod that are used."""
    limits: dict[str, Quantity] | None = None
    """The most that may be used, by resource name."""
    requests: dict[str, Quantity] | None = None
    """What is set aside, by resource name. Defaults to the limits."""


class ContainerResizePolicy(Model):
    """Whether a container restarts when one of its resources is resized."""

    resourceName: str
    restartPolicy: str


class VolumeMount(Model):
    """Shows a volume of the Pod at a path inside the container."""

    mountPath: str
    """The path inside the container."""
    name: str
    """The volume of the Pod."""
    mountPropagation: str | None = None
    """Which later mounts pass through: None (the default), HostToContainer or Bidirectional."""
    readOnly: bool | None = None
    """Whether writing is refused."""
    recursiveReadOnly: str | None = None
    """Whether mounts below are read-only too: Disabled, IfPossible or Enabled."""
    subPath: str | None = None
    """The path inside the volume to mount instead of its root."""
    subPathExpr: str | None = None
    """As subPath, with $(NAME) replaced by environment variables."""


class VolumeDevice(Model):
    """Shows a raw block device inside the container."""

    devicePath: str
    """The path of the device inside the container."""
    name: str
    """The volume of the Pod."""


class Container(Model):
    """One application container that runs inside a Pod."""

    name: str
    """The name, unique within the Pod; never changes."""
    args: Annotated[list[str] | None, ATOMIC] = None
    """Arguments, instead of the image's command; $(NAME) is expanded."""
    command: Annotated[list[str] | None, ATOMIC] = None
    """The program and its first arguments, instead of the image's entrypoint; $(NAME) is expanded."""
    env: Annotated[list[EnvVar] | None, MERGE_BY_NAME] = None
    """Environment variables, in order."""
    envFrom: Annotated[list[EnvFromSource] | None, ATOMIC] = None
    """ConfigMaps and Secrets whose keys become environment variables; env wins over them."""
    image: str | None = None
    """The image to run."""
    imagePullPolicy: str | None = None
    """Always, IfNotPresent or Never. Defaults to Always for the tag latest, else IfNotPresent."""
    lifecycle: Lifecycle | None = None
    """What is done after start and before stop."""
    livenessProbe: Probe | None = None
    """The container is restarted when this fails."""
    ports: Annotated[list[ContainerPort] | None, MERGE_BY_CONTAINER_PORT] = None
    """Ports that the container listens on, for information and for names."""
    readinessProbe: Probe | None = None
    """The container takes no traffic while this fails."""
    resizePolicy: Annotated[list[ContainerResizePolicy] | None, ATOMIC] = None
    """What a change of resources does to the running container."""
    resources: ResourceRequirements | None = None
    """What the container asks for and may use at most."""
    restartPolicy: str | None = None
    """Always makes an init container a sidecar that keeps running."""
    securityContext: SecurityContext | None = None
    """Privileges of the container."""
    startupProbe: Probe | None = None
    """The other probes wait until this has succeeded; the container is restarted when it never does."""
    stdin: bool | None = None
    """Whether standard input stays open for attaching."""
    stdinOnce: bool | None = None
    """Whether standard input closes after the first client has gone."""
    terminationMessagePath: str | None = None
    """The file whose content becomes the message of the container's end. Defaults to /dev/termination-log."""
    terminationMessagePolicy: str | None = None
    """File (the default), or FallbackToLogsOnError to use the end of the log."""
    tty: bool | None = None
    """Whether the container gets a terminal."""
    volumeDevices: Annotated[list[VolumeDevice] | None, MERGE_BY_DEVICE_PATH] = None
    """Block devices shown inside the container."""
    volumeMounts: Annotated[list[VolumeMount] | None, MERGE_BY_MOUNT_PATH] = None
    """Volumes shown inside the container."""
    workingDir: str | None = None
    """The folder to start in; the image's own if not set."""


class EphemeralContainer(Model):
    """A container added to a running Pod for debugging; it never restarts and has no guarantees."""

    name: str
    """The name, unique among all containers of the Pod."""
    args: Annotated[list[str] | None, ATOMIC] = None
    """Arguments, instead of the image's command; $(NAME) is expanded."""
    command: Annotated[list[str] | None, ATOMIC] = None
    """The program and its first arguments, instead of the image's entrypoint; $(NAME) is expanded."""
    env: Annotated[list[EnvVar] | None, MERGE_BY_NAME] = None
    """Environment variables, in order."""
    envFrom: Annotated[list[EnvFromSource] | None, ATOMIC] = None
    """ConfigMaps and Secrets whose keys become environment variables; env wins over them."""
    image: str | None = None
    """The image to run."""
    imagePullPolicy: str | None = None
    """Always, IfNotPresent or Never. Defaults to Always for the tag latest, else IfNotPresent."""
    lifecycle: Lifecycle | None = None
    """What is done after start and before stop."""
    livenessProbe: Probe | None = None
    """The container is restarted when this fails."""
    ports: Annotated[list[ContainerPort] | None, MERGE_BY_CONTAINER_PORT] = None
    """Not allowed for ephemeral containers."""
    readinessProbe: Probe | None = None
    """The container takes no traffic while this fails."""
    resizePolicy: Annotated[list[ContainerResizePolicy] | None, ATOMIC] = None
    """What a change of resources does to the running container."""
    resources: ResourceRequirements | None = None
    """Not allowed for ephemeral containers; they use what the Pod has left."""
    restartPolicy: str | None = None
    """Not allowed for ephemeral containers."""
    securityContext: SecurityContext | None = None
    """Privileges of the container."""
    startupProbe: Probe | None = None
    """The other probes wait until this has succeeded; the container is restarted when it never does."""
    stdin: bool | None = None
    """Whether standard input stays open for attaching."""
    stdinOnce: bool | None = None
    """Whether standard input closes after the first client has gone."""
    targetContainerName: str | None = None
    """The container whose process namespace is shared."""
    terminationMessagePath: str | None = None
    """The file whose content becomes the message of the container's end. Defaults to /dev/termination-log."""
    terminationMessagePolicy: str | None = None
    """File (the default), or FallbackToLogsOnError to use the end of the log."""
    tty: bool | None = None
    """Whether the container gets a terminal."""
    volumeDevices: Annotated[list[VolumeDevice] | None, MERGE_BY_DEVICE_PATH] = None
    """Block devices shown inside the container."""
    volumeMounts: Annotated[list[VolumeMount] | None, MERGE_BY_MOUNT_PATH] = None
    """Volumes shown inside the container."""
    workingDir: str | None = None
    """The folder to start in; the image's own if not set."""
