"""Pods and their surroundings for tests of the node's pure parts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsorch.kit.paths import Paths
from nsorch.node.compiler.inputs import Hold, Surroundings
from nsorch.node.compiler.layout import Layout
from nsorch.node.compiler.pod import Compiled, compile_pod
from nsorch.node.settings import NodeSettings
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service
from nsorch.supervisor.plan import ContainerPlan

SETTINGS = NodeSettings(node_name="host1", node_address="192.0.2.1", cpu_milli=4000, memory_bytes=1024 * 1024 * 1024)


@dataclass(frozen=True)
class FakeConfig:
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ("/bin/default",)
    env: tuple[str, ...] = ("PATH=/usr/bin", "FROM_IMAGE=yes")
    working_dir: str = "/srv"
    user: str = ""
    stop_signal: str = ""


@dataclass(frozen=True)
class FakeImage:
    id: str = "sha256:1"
    references: tuple[str, ...] = ("app:1",)
    layers: tuple[str, ...] = ("/layers/b", "/layers/a")
    size: int = 1
    config: FakeConfig = FakeConfig()


def a_pod(container: Mapping[str, Any] | None = None, *, name: str = "web", **spec: Any) -> Pod:
    """A Pod with one container ``main`` of image ``app:1``; ``meta`` among ``spec`` adds metadata."""
    meta = spec.pop("meta", {})
    status = spec.pop("status", {})
    main = {"name": "main", "image": "app:1", **(container or {})}
    return Pod.from_dict(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": "u-1", **meta},
            "spec": {"containers": [main], "restartPolicy": "Always", **spec},
            "status": status,
        }
    )


def a_config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap.from_dict({"metadata": {"name": name, "namespace": "shop"}, "data": data})


def a_secret(name: str, **data: str) -> Secret:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return Secret.from_dict({"metadata": {"name": name, "namespace": "shop"}, "data": encoded})


def a_service(name: str, address: str, *ports: dict[str, Any], namespace: str = "shop") -> Service:
    return Service.from_dict(
        {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": list(ports)}}
    )


def around(*objects: Any, image: FakeImage | Hold | None = None, config: FakeConfig | None = None) -> Surroundings:
    """Surroundings that hold ``objects`` (ConfigMaps, Secrets, Services)."""
    maps = {item.name: item for item in objects if isinstance(item, ConfigMap)}
    secrets = {item.name: item for item in objects if isinstance(item, Secret)}
    chosen: Any = image or FakeImage(config=config or FakeConfig())
    return Surroundings(
        settings=SETTINGS,
        config_map=maps.get,
        secret=secrets.get,
        services=[item for item in objects if isinstance(item, Service)],
        address="10.244.0.7",
        images=dict.fromkeys(("main", "init", "side", "debug"), chosen),
    )


def layout_of(pod: Pod) -> Layout:
    return Layout.of(Paths.at("/tmp/none"), pod)


def compiled(pod: Pod, surroundings: Surroundings | None = None) -> Compiled:
    return compile_pod(pod, surroundings or around(), layout_of(pod), host_interface="nsv1")


def main_plan(pod: Pod, surroundings: Surroundings | None = None) -> ContainerPlan:
    """The plan of the container ``main``."""
    return next(item for item in compiled(pod, surroundings).plan.containers if item.name == "main")
