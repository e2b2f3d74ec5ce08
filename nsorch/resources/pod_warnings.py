"""Warnings about fields of Pods that are valid Kubernetes but cannot act here, or are almost certainly mistakes."""

from __future__ import annotations

from nsorch.resources.pod import Pod, PodSpec, PodTemplateSpec
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
    ):
        if getattr(spec, name):
            found.append(f"{field}.{name}: stored but has no effect on this cluster: {effect}")
    if spec.hostUsers is False:
        found.append(
            f"{field}.hostUsers: false is stored but has no effect on this cluster: user namespaces are not used"
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
    found += _duplicates(spec, field)
    return found


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
            for device in container.volumeDevices or ():
                found.append(
                    f"{path}.volumeDevices: block device {device.devicePath} cannot be provided on this cluster"
                )
    return found
