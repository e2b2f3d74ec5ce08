"""Warnings about fields of containers that are valid Kubernetes but cannot act here."""

from __future__ import annotations

from collections.abc import Iterator

from nsorch.resources.container import Container, EphemeralContainer
from nsorch.resources.effects import NO_EFFECT
from nsorch.resources.security_warnings import confinement_warnings

LIMITED = ("cpu", "memory")
"""Resources that the kernel is told about."""


def container_warnings(container: Container, field: str, *, host_network: bool) -> Iterator[str]:
    """Texts for ``Warning:`` headers about a container or an init container."""
    yield from _shared(container, field)
    for index, port in enumerate(container.ports or ()):
        if host_network:
            continue
        if port.hostPort:
            yield f"{field}.ports[{index}].hostPort: {NO_EFFECT}: use a Service of type NodePort, or hostNetwork"
        if port.hostIP:
            yield f"{field}.ports[{index}].hostIP: {NO_EFFECT}: ports of the host are not forwarded"
    if container.resizePolicy:
        yield f"{field}.resizePolicy: {NO_EFFECT}: resources of running containers do not change"
    resources = container.resources
    if resources is None:
        return
    if resources.claims:
        yield f"{field}.resources.claims: {NO_EFFECT}: dynamic resource allocation needs device drivers"
    for side in ("limits", "requests"):
        for name in sorted(getattr(resources, side) or {}):
            if name not in LIMITED:
                yield f"{field}.resources.{side}[{name}]: {NO_EFFECT}: only cpu and memory are accounted for"


def ephemeral_warnings(container: EphemeralContainer, field: str, *, shared: bool) -> Iterator[str]:
    """Texts about an ephemeral container; ``shared``: its processes and those of the others see each other anyway."""
    yield from _shared(container, field)
    if container.targetContainerName and not shared:
        yield (
            f"{field}.targetContainerName: {NO_EFFECT}: the container sees its own processes only, unless the Pod has "
            "shareProcessNamespace"
        )


def _shared(container: Container | EphemeralContainer, field: str) -> Iterator[str]:
    for device in container.volumeDevices or ():
        yield f"{field}.volumeDevices: block device {device.devicePath} cannot be provided on this cluster"
    if container.securityContext is not None:
        yield from confinement_warnings(container.securityContext, f"{field}.securityContext")
