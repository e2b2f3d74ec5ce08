"""A Pod's surroundings as the client sees them now."""

from __future__ import annotations

from collections.abc import Mapping

from nsorch.node.compiler.inputs import Hold, Surroundings
from nsorch.node.context import NodeContext
from nsorch.node.ports import Image
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service


def surroundings(
    context: NodeContext, pod: Pod, address: str, images: Mapping[str, Image | Hold] | None = None
) -> Surroundings:
    """Everything the compiler and the volumes read. ConfigMaps and Secrets are looked up when they are needed."""
    client, namespace = context.client, pod.namespace
    services = client.list(Service, namespace) if pod.spec.enableServiceLinks is not False else []
    if namespace != "default" or not services:
        master = client.get(Service, "default", "kubernetes")
        services = [*services, master] if master is not None else services
    return Surroundings(
        settings=context.settings,
        config_map=lambda name: client.get(ConfigMap, namespace, name),
        secret=lambda name: client.get(Secret, namespace, name),
        services=services,
        address=address,
        images=images or {},
    )
