"""Warnings about fields of Pods that are valid Kubernetes but cannot act here, or are almost certainly mistakes."""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.resources.container_warnings import container_warnings, ephemeral_warnings
from nsorch.resources.effects import NO_EFFECT
from nsorch.resources.pod import Pod, PodSpec, PodTemplateSpec
from nsorch.resources.security import PodSecurityContext
from nsorch.resources.security_warnings import confinement_warnings
from nsorch.resources.volume import Volume

MOUNTED = frozenset({"configMap", "downwardAPI", "emptyDir", "hostPath", "projected", "secret"})
"""Volume sources that one host can provide by itself."""


def pod_warnings(pod: Pod) -> list[str]:
    """Texts for ``Warning:`` headers about a Pod."""
    return spec_warnings(pod.spec, "spec")


def template_warnings(template: PodTemplateSpec, field: str) -> list[str]:
    """Texts for ``Warning:`` headers about a Pod template."""
    return spec_warnings(template.spec, f"{field}.spec")


def spec_warnings(spec: PodSpec, field: str) -> list[str]:
    """Texts for ``Warning:`` headers about a Pod's spec."""
    found: list[str] = []
    if spec.serviceAccount and not spec.serviceAccountName:
        found.append(f'{field}.serviceAccount: deprecated, use "serviceAccountName" instead')
    for name, effect in (
        ("runtimeClassName", "there is one runtime: plain processes in namespaces"),
        ("resourceClaims", "dynamic resource allocation needs device drivers"),
        ("overhead", "Pods have no overhead to account for"),
        ("imagePullSecrets", "images are not pulled from registries"),
        ("priorityClassName", "no PriorityClasses are served; nothing is preempted on one node"),
        ("topologySpreadConstraints", "there is one node to spread over"),
    ):
        if getattr(spec, name):
            found.append(f"{field}.{name}: {NO_EFFECT}: {effect}")
    if spec.preemptionPolicy == "Never":
        found.append(f"{field}.preemptionPolicy: {NO_EFFECT}: nothing is preempted on one node")
    if spec.hostUsers is False:
        found.append(f"{field}.hostUsers: false is {NO_EFFECT}: user namespaces are not used")
    for name in ("podAffinity", "podAntiAffinity"):
        if spec.affinity is not None and getattr(spec.affinity, name) is not None:
            found.append(f"{field}.affinity.{name}: {NO_EFFECT}: all Pods run on the one node")
    for index, toleration in enumerate(spec.tolerations or ()):
        if toleration.tolerationSeconds is not None:
            found.append(
                f"{field}.tolerations[{index}].tolerationSeconds: {NO_EFFECT}: taints do not evict Pods that run"
            )
    if spec.schedulerName not in (None, "default-scheduler"):
        found.append(f'{field}.schedulerName: no scheduler named "{spec.schedulerName}" runs on this one-node cluster')
    if spec.os is not None and spec.os.name == "windows":
        found.append(f"{field}.os.name: Pods of Windows cannot run on this Linux node")
    for index, volume in enumerate(spec.volumes or ()):
        for source in _unmountable(volume):
            found.append(
                f"{field}.volumes[{index}].{source}: this volume type cannot be mounted on this cluster; "
                "the Pod will wait for it"
            )
        found += _volume(volume, f"{field}.volumes[{index}]")
    if spec.securityContext is not None:
        found += _security(spec.securityContext, f"{field}.securityContext")
    for group in ("initContainers", "containers"):
        for index, container in enumerate(getattr(spec, group) or ()):
            path = f"{field}.{group}[{index}]"
            found += container_warnings(container, path, host_network=bool(spec.hostNetwork))
    for index, ephemeral in enumerate(spec.ephemeralContainers or ()):
        path = f"{field}.ephemeralContainers[{index}]"
        found += ephemeral_warnings(ephemeral, path, shared=bool(spec.shareProcessNamespace or spec.hostPID))
    found += _duplicates(spec, field)
    return found


def _volume(volume: Volume, field: str) -> Iterator[str]:
    folder = volume.emptyDir
    if folder is not None:
        medium = folder.medium or ""
        if folder.sizeLimit is not None and not medium:
            yield f"{field}.emptyDir.sizeLimit: {NO_EFFECT}: only volumes of medium Memory are limited"
        if medium.startswith("HugePages"):
            yield f"{field}.emptyDir.medium: {NO_EFFECT}: the volume is in ordinary memory"
    for index, source in enumerate((volume.projected.sources if volume.projected else None) or ()):
        path = f"{field}.projected.sources[{index}]"
        if source.clusterTrustBundle is not None:
            optional = bool(source.clusterTrustBundle.optional)
            effect = "there are none" if optional else "there are none; the Pod will wait for it"
            yield f"{path}.clusterTrustBundle: {NO_EFFECT}: {effect}"


def _security(context: PodSecurityContext, field: str) -> Iterator[str]:
    yield from confinement_warnings(context, field)
    if context.fsGroupChangePolicy == "OnRootMismatch":
        yield f"{field}.fsGroupChangePolicy: {NO_EFFECT}: only volumes that are made with the Pod get its fsGroup"
    if context.seLinuxChangePolicy:
        yield f"{field}.seLinuxChangePolicy: {NO_EFFECT}: SELinux labels are not set"
    if context.supplementalGroupsPolicy == "Strict":
        yield f"{field}.supplementalGroupsPolicy: {NO_EFFECT}: groups of the image's /etc/group are always added"


def _unmountable(volume: Volume) -> list[str]:
    return [
        name
        for name in Volume.model_fields
        if name != "name" and name not in MOUNTED and getattr(volume, name) is not None
    ]


def _duplicates(spec: PodSpec, field: str) -> list[str]:
    found: list[str] = []
    for group in ("initContainers", "containers"):
        for index, container in enumerate(getattr(spec, group) or ()):
            path = f"{field}.{group}[{index}]"
            names = set()
            for position, variable in enumerate(container.env or ()):
                if variable.name in names:
                    found.append(
                        f'{path}.env[{position}]: hides previous definition of "{variable.name}", '
                        "which may be dropped when using apply"
                    )
                names.add(variable.name)
            ports: dict[tuple[int, str | None], int] = {}
            for position, port in enumerate(container.ports or ()):
                first = ports.setdefault((port.containerPort, port.protocol), position)
                if first != position:
                    found.append(f"{path}.ports[{position}]: duplicate port definition with {path}.ports[{first}]")
    return found
