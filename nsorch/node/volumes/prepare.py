"""Put the volumes of a Pod on disk, and bring agent-written ones up to date."""

from __future__ import annotations

import os
from pathlib import Path

from nsorch.linux.beneath import make_beneath
from nsorch.node.compiler.failures import MountError
from nsorch.node.compiler.inputs import Surroundings
from nsorch.node.compiler.layout import Layout
from nsorch.node.compiler.mounts import is_agent_written, is_memory
from nsorch.node.ports import TokenSource
from nsorch.node.volumes.atomic import write_payload
from nsorch.node.volumes.hostpath import prepare_host_path
from nsorch.node.volumes.payload import payload
from nsorch.resources.pod import Pod
from nsorch.resources.volume import Volume

SUPPORTED = ("emptyDir", "configMap", "secret", "projected", "downwardAPI", "hostPath")


def prepare_volumes(pod: Pod, around: Surroundings, layout: Layout, tokens: TokenSource | None = None) -> None:
    """Make every volume ready to be mounted; MountError names the first that cannot be."""
    for volume in pod.spec.volumes or ():
        check_supported(volume)
    if not pod.spec.volumes:
        return
    Path(layout.volumes).mkdir(mode=0o755, parents=True, exist_ok=True)
    group = fs_group(pod)
    for volume in pod.spec.volumes:
        if is_agent_written(volume):
            write_payload(Path(layout.volume(volume.name)), payload(pod, volume, around, tokens), group=group)
        elif volume.hostPath:
            prepare_host_path(volume.name, volume.hostPath.path, volume.hostPath.type or "")
        else:
            _empty_dir(volume, layout, group)
        if not is_agent_written(volume) and not is_memory(volume):
            _sub_paths(pod, volume, layout)


def refresh_volumes(pod: Pod, around: Surroundings, layout: Layout, tokens: TokenSource | None = None) -> list[str]:
    """Rewrite agent-written volumes whose objects changed; names of those that did. A missing object changes nothing."""
    changed = []
    for volume in pod.spec.volumes or ():
        if not is_agent_written(volume):
            continue
        folder = Path(layout.volume(volume.name))
        try:
            files = payload(pod, volume, around, tokens)
        except MountError:
            continue
        if write_payload(folder, files, group=fs_group(pod)):
            changed.append(volume.name)
    return changed


def check_supported(volume: Volume) -> None:
    """MountError for kinds of volumes that this host cannot provide, with what to use instead."""
    for kind in type(volume).model_fields:
        if kind == "name" or getattr(volume, kind) is None or kind in SUPPORTED:
            continue
        raise MountError(
            volume.name, f"volumes of kind {kind} are not supported on this host: use one of {', '.join(SUPPORTED)}"
        )


def fs_group(pod: Pod) -> int | None:
    """securityContext.fsGroup, or None."""
    return pod.spec.securityContext.fsGroup if pod.spec.securityContext else None


def references(pod: Pod) -> set[tuple[str, str]]:
    """("ConfigMap" | "Secret", name) of everything the Pod reads, to know which changes concern it."""
    found: set[tuple[str, str]] = set()
    for volume in pod.spec.volumes or ():
        if volume.configMap:
            found.add(("ConfigMap", volume.configMap.name or ""))
        if volume.secret:
            found.add(("Secret", volume.secret.secretName or ""))
        for source in (volume.projected.sources if volume.projected else None) or ():
            if source.configMap:
                found.add(("ConfigMap", source.configMap.name or ""))
            if source.secret:
                found.add(("Secret", source.secret.name or ""))
    containers = [*(pod.spec.initContainers or ()), *pod.spec.containers, *(pod.spec.ephemeralContainers or ())]
    for container in containers:
        for origin in container.envFrom or ():
            if origin.configMapRef:
                found.add(("ConfigMap", origin.configMapRef.name or ""))
            if origin.secretRef:
                found.add(("Secret", origin.secretRef.name or ""))
        for variable in container.env or ():
            if variable.valueFrom and variable.valueFrom.configMapKeyRef:
                found.add(("ConfigMap", variable.valueFrom.configMapKeyRef.name or ""))
            if variable.valueFrom and variable.valueFrom.secretKeyRef:
                found.add(("Secret", variable.valueFrom.secretKeyRef.name or ""))
    return found


def _empty_dir(volume: Volume, layout: Layout, group: int | None) -> None:
    folder = layout.volume(volume.name)
    os.makedirs(folder, mode=0o777, exist_ok=True)
    if group is not None:
        os.chown(folder, -1, group)
    os.chmod(folder, 0o777 if group is None else 0o2777)


def _sub_paths(pod: Pod, volume: Volume, layout: Layout) -> None:
    base = volume.hostPath.path if volume.hostPath else layout.volume(volume.name)
    if not os.path.isdir(base):
        return
    for container in [*(pod.spec.initContainers or ()), *pod.spec.containers]:
        for mount in container.volumeMounts or ():
            relative = mount.subPath or ""
            if (
                mount.name == volume.name
                and relative
                and not relative.startswith("/")
                and ".." not in relative.split("/")
            ):
                make_beneath(base, os.path.normpath(relative))
