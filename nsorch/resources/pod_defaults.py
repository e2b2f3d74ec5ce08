"""Defaults of Pods and of the Pod templates inside other kinds, exactly those of Kubernetes.

Templates get every default of the spec; only Pods themselves get ``enableServiceLinks``, host ports for
``hostNetwork`` and requests copied from limits, so that a later change of these rules reaches existing Deployments.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.resources.container import (
    Container,
    EphemeralContainer,
    ObjectFieldSelector,
    ResourceFieldSelector,
    ResourceRequirements,
)
from nsorch.resources.pod import Pod, PodSpec
from nsorch.resources.probe import HTTPGetAction, Lifecycle, Probe
from nsorch.resources.security import PodSecurityContext
from nsorch.resources.volume import DownwardAPIVolumeFile, EmptyDirVolumeSource, Volume

FILE_MODE = 0o644
TOKEN_SECONDS = 3600


def default_pod(pod: Pod) -> None:
    """All defaults of a Pod."""
    spec = pod.spec
    if spec.enableServiceLinks is None:
        spec.enableServiceLinks = True
    for container in _ordinary(spec):
        _requests_from_limits(container.resources)
        if spec.hostNetwork:
            for port in container.ports or ():
                port.hostPort = port.hostPort or port.containerPort
    _requests_from_limits(spec.resources)
    default_pod_spec(spec)


def default_pod_spec(spec: PodSpec) -> None:
    """The defaults that templates share with Pods."""
    spec.dnsPolicy = spec.dnsPolicy or "ClusterFirst"
    spec.restartPolicy = spec.restartPolicy or "Always"
    spec.schedulerName = spec.schedulerName or "default-scheduler"
    if spec.securityContext is None:
        spec.securityContext = PodSecurityContext()
    if spec.terminationGracePeriodSeconds is None:
        spec.terminationGracePeriodSeconds = 30
    if spec.serviceAccount and not spec.serviceAccountName:
        spec.serviceAccountName = spec.serviceAccount
    for volume in spec.volumes or ():
        _default_volume(volume)
    for container in _ordinary(spec):
        _default_container(container)
    for ephemeral in spec.ephemeralContainers or ():
        _default_container(ephemeral)


def image_pull_policy(image: str) -> str:
    """``Always`` for the tag ``latest`` (also when no tag is named), else ``IfNotPresent``."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].rpartition(":")
    return "IfNotPresent" if colon and tag != "latest" else "Always"


def _ordinary(spec: PodSpec) -> Iterator[Container]:
    yield from spec.initContainers or ()
    yield from spec.containers


def _requests_from_limits(resources: ResourceRequirements | None) -> None:
    if resources is None or not resources.limits:
        return
    requests = dict(resources.requests or {})
    for name, limit in resources.limits.items():
        requests.setdefault(name, limit)
    resources.requests = requests


def _default_container(container: Container | EphemeralContainer) -> None:
    if container.imagePullPolicy is None:
        container.imagePullPolicy = image_pull_policy(container.image or "")
    container.terminationMessagePath = container.terminationMessagePath or "/dev/termination-log"
    container.terminationMessagePolicy = container.terminationMessagePolicy or "File"
    if container.resources is None:
        container.resources = ResourceRequirements()
    for port in container.ports or ():
        port.protocol = port.protocol or "TCP"
    for variable in container.env or ():
        if variable.valueFrom is not None:
            _default_field(variable.valueFrom.fieldRef)
            _default_resource_field(variable.valueFrom.resourceFieldRef)
    for probe in (container.livenessProbe, container.readinessProbe, container.startupProbe):
        _default_probe(probe)
    _default_lifecycle(container.lifecycle)


def _default_field(field: ObjectFieldSelector | None) -> None:
    if field is not None:
        field.apiVersion = field.apiVersion or "v1"


def _default_resource_field(field: ResourceFieldSelector | None) -> None:
    if field is not None:
        field.divisor = field.divisor or "0"


def _default_probe(probe: Probe | None) -> None:
    if probe is None:
        return
    probe.timeoutSeconds = probe.timeoutSeconds or 1
    probe.periodSeconds = probe.periodSeconds or 10
    probe.successThreshold = probe.successThreshold or 1
    probe.failureThreshold = probe.failureThreshold or 3
    _default_http(probe.httpGet)
    if probe.grpc is not None and probe.grpc.service is None:
        probe.grpc.service = ""


def _default_lifecycle(lifecycle: Lifecycle | None) -> None:
    if lifecycle is None:
        return
    for handler in (lifecycle.postStart, lifecycle.preStop):
        if handler is not None:
            _default_http(handler.httpGet)


def _default_http(action: HTTPGetAction | None) -> None:
    if action is not None:
        action.path = action.path or "/"
        action.scheme = action.scheme or "HTTP"


def _default_volume(volume: Volume) -> None:
    if not any(getattr(volume, name) is not None for name in Volume.model_fields if name != "name"):
        volume.emptyDir = EmptyDirVolumeSource()
    if volume.configMap is not None and volume.configMap.defaultMode is None:
        volume.configMap.defaultMode = FILE_MODE
    if volume.secret is not None and volume.secret.defaultMode is None:
        volume.secret.defaultMode = FILE_MODE
    if volume.hostPath is not None and volume.hostPath.type is None:
        volume.hostPath.type = ""
    if volume.image is not None and not volume.image.pullPolicy:
        volume.image.pullPolicy = image_pull_policy(volume.image.reference or "")
    if volume.downwardAPI is not None:
        if volume.downwardAPI.defaultMode is None:
            volume.downwardAPI.defaultMode = FILE_MODE
        _default_files(volume.downwardAPI.items)
    if volume.projected is not None:
        if volume.projected.defaultMode is None:
            volume.projected.defaultMode = FILE_MODE
        for source in volume.projected.sources or ():
            if source.serviceAccountToken is not None and source.serviceAccountToken.expirationSeconds is None:
                source.serviceAccountToken.expirationSeconds = TOKEN_SECONDS
            if source.downwardAPI is not None:
                _default_files(source.downwardAPI.items)
    if volume.ephemeral is not None and volume.ephemeral.volumeClaimTemplate is not None:
        claim = volume.ephemeral.volumeClaimTemplate.spec
        claim.volumeMode = claim.volumeMode or "Filesystem"
    _default_remote(volume)


def _default_files(files: list[DownwardAPIVolumeFile] | None) -> None:
    for file in files or ():
        _default_field(file.fieldRef)
        _default_resource_field(file.resourceFieldRef)


def _default_remote(volume: Volume) -> None:
    if volume.iscsi is not None:
        volume.iscsi.iscsiInterface = volume.iscsi.iscsiInterface or "default"
    if volume.rbd is not None:
        volume.rbd.pool = volume.rbd.pool or "rbd"
        volume.rbd.user = volume.rbd.user or "admin"
        volume.rbd.keyring = volume.rbd.keyring or "/etc/ceph/keyring"
    if volume.azureDisk is not None:
        disk = volume.azureDisk
        disk.cachingMode = disk.cachingMode or "ReadWrite"
        disk.kind = disk.kind or "Shared"
        disk.fsType = disk.fsType or "ext4"
        disk.readOnly = bool(disk.readOnly)
    if volume.scaleIO is not None:
        volume.scaleIO.storageMode = volume.scaleIO.storageMode or "ThinProvisioned"
        volume.scaleIO.fsType = volume.scaleIO.fsType or "xfs"
