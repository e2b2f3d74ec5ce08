"""volumes and volumeMounts -> bind mounts and shared tmpfs.

Volumes written by the agent (configMap, secret, downwardAPI, projected) are always read-only and are named by their
stable path, so that a restarted container sees today's content. Volumes that containers write to (emptyDir,
hostPath) may hold symbolic links of their making: a subPath below them carries ``beneath``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Literal

from nsorch.node.compiler.expand import expand, unknown_references
from nsorch.node.compiler.failures import ConfigError
from nsorch.node.compiler.layout import Layout
from nsorch.node.compiler.quantities import bytes_of
from nsorch.resources.container import Container, EphemeralContainer, VolumeMount
from nsorch.resources.pod import Pod
from nsorch.resources.volume import Volume
from nsorch.supervisor.plan import Mount, SharedTmpfs

SHM_BYTES = 64 * 1024 * 1024
AGENT_WRITTEN = ("configMap", "secret", "downwardAPI", "projected")


def is_agent_written(volume: Volume) -> bool:
    """Whether the agent writes this volume's files (so containers only read them)."""
    return any(getattr(volume, kind) is not None for kind in AGENT_WRITTEN)


def is_memory(volume: Volume) -> bool:
    """Whether the volume is an emptyDir on tmpfs."""
    return volume.emptyDir is not None and (volume.emptyDir.medium or "").startswith(("Memory", "HugePages"))


def shared_tmpfs(pod: Pod, layout: Layout) -> tuple[SharedTmpfs, ...]:
    """/dev/shm of the Pod and its emptyDirs with medium Memory."""
    mounts = [] if pod.spec.hostIPC else [SharedTmpfs(path=layout.shm, size_bytes=SHM_BYTES, mode=0o1777)]
    for volume in pod.spec.volumes or ():
        if is_memory(volume) and volume.emptyDir:
            limit = volume.emptyDir.sizeLimit
            mounts.append(
                SharedTmpfs(
                    path=layout.volume(volume.name),
                    size_bytes=bytes_of(limit) if limit is not None else None,
                    mode=0o777,
                )
            )
    return tuple(mounts)


def volume_source(volume: Volume, layout: Layout) -> str:
    """Host path of a volume's root."""
    return volume.hostPath.path if volume.hostPath else layout.volume(volume.name)


def container_mounts(
    pod: Pod,
    container: Container | EphemeralContainer,
    layout: Layout,
    env: Mapping[str, str],
    *,
    host_root: bool,
    read_only_root: bool,
) -> tuple[Mount, ...]:
    """All mounts of one container, parents before children."""
    volumes = {volume.name: volume for volume in pod.spec.volumes or ()}
    if container.volumeDevices:
        raise ConfigError(
            f'container "{container.name}" asks for block device volumes, which this host cannot provide',
            reason="CreateContainerError",
        )
    mounts: list[Mount] = []
    for wanted in container.volumeMounts or ():
        volume = volumes.get(wanted.name)
        if volume is None:
            raise ConfigError(
                f'container "{container.name}" mounts volume "{wanted.name}", which the Pod does not have'
            )
        mounts.append(_volume_mount(volume, wanted, layout, env))
    taken = {mount.target for mount in mounts}
    own = [Mount(target="/dev/shm", source="/dev/shm" if pod.spec.hostIPC else layout.shm)]
    if not host_root:
        own += [
            Mount(target="/etc/hosts", source=layout.hosts, read_only=read_only_root),
            Mount(target="/etc/resolv.conf", source=layout.resolv_conf, read_only=read_only_root),
            Mount(target="/etc/hostname", source=layout.hostname, read_only=read_only_root),
        ]
    mounts += [mount for mount in own if mount.target not in taken]
    return tuple(sorted(mounts, key=lambda mount: mount.target.count("/") if mount.target != "/" else 0))


def sub_path(wanted: VolumeMount, env: Mapping[str, str]) -> str:
    """The relative path below the volume, "" for all of it; ConfigError if it leaves the volume."""
    path = wanted.subPath or ""
    if wanted.subPathExpr:
        if missing := unknown_references(wanted.subPathExpr, env):
            raise ConfigError(f'missing value for "{missing[0]}" in subPathExpr of volume "{wanted.name}"')
        path = expand(wanted.subPathExpr, env)
    if not path:
        return ""
    if path.startswith("/") or ".." in path.split("/"):
        raise ConfigError(f'subPath "{path}" of volume "{wanted.name}" must be relative and without ".."')
    clean = posixpath.normpath(path)
    return "" if clean == "." else clean


def _volume_mount(volume: Volume, wanted: VolumeMount, layout: Layout, env: Mapping[str, str]) -> Mount:
    source = volume_source(volume, layout)
    below = sub_path(wanted, env)
    target = posixpath.normpath("/" + wanted.mountPath)
    return Mount(
        target="/" + target.lstrip("/"),
        source=f"{source}/{below}" if below else source,
        read_only=bool(wanted.readOnly) or is_agent_written(volume),
        propagation=_propagation(wanted.mountPropagation),
        beneath=source if below and not is_agent_written(volume) else "",
    )


def _propagation(name: str | None) -> Literal["private", "rslave", "rshared"]:
    if name == "HostToContainer":
        return "rslave"
    return "rshared" if name == "Bidirectional" else "private"
