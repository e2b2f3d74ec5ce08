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
    """``ContainerPort``."""

    containerPort: Int32
    hostIP: str | None = None
    hostPort: Int32 | None = None
    name: str | None = None
    protocol: str | None = None


class ConfigMapKeySelector(Model):
    """``ConfigMapKeySelector``."""

    key: str
    name: str | None = None
    optional: bool | None = None


class SecretKeySelector(Model):
    """``SecretKeySelector``."""

    key: str
    name: str | None = None
    optional: bool | None = None


class ObjectFieldSelector(Model):
    """``ObjectFieldSelector``."""

    fieldPath: str
    apiVersion: str | None = None


class ResourceFieldSelector(Model):
    """``ResourceFieldSelector``."""

    resource: str
    containerName: str | None = None
    divisor: Quantity | None = None


class EnvVarSource(Model):
    """``EnvVarSource``."""

    configMapKeyRef: ConfigMapKeySelector | None = None
    fieldRef: ObjectFieldSelector | None = None
    resourceFieldRef: ResourceFieldSelector | None = None
    secretKeyRef: SecretKeySelector | None = None


class EnvVar(Model):
    """``EnvVar``."""

    name: str
    value: str | None = None
    valueFrom: EnvVarSource | None = None


class ConfigMapEnvSource(Model):
    """``ConfigMapEnvSource``."""

    name: str | None = None
    optional: bool | None = None


class SecretEnvSource(Model):
    """``SecretEnvSource``."""

    name: str | None = None
    optional: bool | None = None


class EnvFromSource(Model):
    """``EnvFromSource``."""

    configMapRef: ConfigMapEnvSource | None = None
    prefix: str | None = None
    secretRef: SecretEnvSource | None = None


class ResourceClaim(Model):
    """``ResourceClaim``."""

    name: str
    request: str | None = None


class ResourceRequirements(Model):
    """``ResourceRequirements``."""

    claims: Annotated[list[ResourceClaim] | None, LISTED_BY_NAME] = None
    limits: dict[str, Quantity] | None = None
    requests: dict[str, Quantity] | None = None


class ContainerResizePolicy(Model):
    """``ContainerResizePolicy``."""

    resourceName: str
    restartPolicy: str


class VolumeMount(Model):
    """``VolumeMount``."""

    mountPath: str
    name: str
    mountPropagation: str | None = None
    readOnly: bool | None = None
    recursiveReadOnly: str | None = None
    subPath: str | None = None
    subPathExpr: str | None = None


class VolumeDevice(Model):
    """``VolumeDevice``."""

    devicePath: str
    name: str


class Container(Model):
    """``Container``."""

    name: str
    args: Annotated[list[str] | None, ATOMIC] = None
    command: Annotated[list[str] | None, ATOMIC] = None
    env: Annotated[list[EnvVar] | None, MERGE_BY_NAME] = None
    envFrom: Annotated[list[EnvFromSource] | None, ATOMIC] = None
    image: str | None = None
    imagePullPolicy: str | None = None
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    ports: Annotated[list[ContainerPort] | None, MERGE_BY_CONTAINER_PORT] = None
    readinessProbe: Probe | None = None
    resizePolicy: Annotated[list[ContainerResizePolicy] | None, ATOMIC] = None
    resources: ResourceRequirements | None = None
    restartPolicy: str | None = None
    securityContext: SecurityContext | None = None
    startupProbe: Probe | None = None
    stdin: bool | None = None
    stdinOnce: bool | None = None
    terminationMessagePath: str | None = None
    terminationMessagePolicy: str | None = None
    tty: bool | None = None
    volumeDevices: Annotated[list[VolumeDevice] | None, MERGE_BY_DEVICE_PATH] = None
    volumeMounts: Annotated[list[VolumeMount] | None, MERGE_BY_MOUNT_PATH] = None
    workingDir: str | None = None


class EphemeralContainer(Model):
    """``EphemeralContainer``."""

    name: str
    args: Annotated[list[str] | None, ATOMIC] = None
    command: Annotated[list[str] | None, ATOMIC] = None
    env: Annotated[list[EnvVar] | None, MERGE_BY_NAME] = None
    envFrom: Annotated[list[EnvFromSource] | None, ATOMIC] = None
    image: str | None = None
    imagePullPolicy: str | None = None
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    ports: Annotated[list[ContainerPort] | None, MERGE_BY_CONTAINER_PORT] = None
    readinessProbe: Probe | None = None
    resizePolicy: Annotated[list[ContainerResizePolicy] | None, ATOMIC] = None
    resources: ResourceRequirements | None = None
    restartPolicy: str | None = None
    securityContext: SecurityContext | None = None
    startupProbe: Probe | None = None
    stdin: bool | None = None
    stdinOnce: bool | None = None
    targetContainerName: str | None = None
    terminationMessagePath: str | None = None
    terminationMessagePolicy: str | None = None
    tty: bool | None = None
    volumeDevices: Annotated[list[VolumeDevice] | None, MERGE_BY_DEVICE_PATH] = None
    volumeMounts: Annotated[list[VolumeMount] | None, MERGE_BY_MOUNT_PATH] = None
    workingDir: str | None = None
