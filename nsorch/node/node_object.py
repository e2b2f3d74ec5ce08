"""The Node object of this host: made at start, written again only when something of it has changed."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from nsorch.kit import logs
from nsorch.kit.clock import Clock, rfc3339
from nsorch.node.ports import Images
from nsorch.node.settings import NodeSettings
from nsorch.resources.client import Change, Client, ClientError
from nsorch.resources.meta import ObjectMeta
from nsorch.resources.node import (
    ContainerImage,
    Node,
    NodeAddress,
    NodeCondition,
    NodeSpec,
    NodeStatus,
    NodeSystemInfo,
)
from nsorch.resources.quantity import canonical

log = logs.logger("node")
MAX_IMAGES = 50
SETTLE = 1.0
"""Seconds between a new image and the Node that lists it: several images often come together."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
PRESSURE = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class NodeObject:
    """Keeps ``nodes/NODE_NAME`` true."""

    def __init__(self, client: Client, images: Images, settings: NodeSettings, clock: Clock) -> None:
        self._client = client
        self._images = images
        self._settings = settings
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._gone = False
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Register, or bring an old object up to date; then refresh rarely."""
        await self._refresh()
        self._unsubscribe = self._client.subscribe(Node, self._changed)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _changed(self, change: Change[Node]) -> None:
        if change.type == "DELETED" and change.object.name == self._settings.node_name:
            log.warning("the Node %s was deleted: registering it again", change.object.name)
            self._gone = True
            self._wake.set()

    def images_changed(self) -> None:
        """The list of images on the Node is out of date."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), self._settings.heartbeat)
                self._wake.clear()
                if not self._gone:
                    await asyncio.sleep(SETTLE)
                    self._wake.clear()
                self._gone = False
            except TimeoutError:
                pass
            try:
                await self._refresh()
            except ClientError as error:
                log.warning("cannot refresh the Node: %s", error.message)

    async def _refresh(self) -> None:
        name = self._settings.node_name
        known = self._client.get(Node, None, name)
        if known is None:
            fresh = Node(
                apiVersion="v1",
                kind="Node",
                metadata=ObjectMeta(name=name, labels=self._labels()),
                spec=NodeSpec(podCIDR=self._settings.pod_cidr, podCIDRs=[self._settings.pod_cidr]),
            )
            known = await self._client.create(fresh)
        elif any((known.metadata.labels or {}).get(key) != value for key, value in self._labels().items()):
            known = await self._client.patch(Node, None, name, {"metadata": {"labels": self._labels()}})
        status = self._status(known.status)
        if status != known.status:
            changed = known.model_copy(update={"status": status, "metadata": known.metadata.model_copy()})
            await self._client.update_status(changed)

    def _labels(self) -> dict[str, str]:
        architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
        return {
            "kubernetes.io/hostname": self._settings.node_name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": architecture,
            "beta.kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": architecture,
            "node-role.kubernetes.io/control-plane": "",
        }

    def _status(self, old: NodeStatus | None) -> NodeStatus:
        settings = self._settings
        capacity = {
            "cpu": str(settings.cpu_milli // 1000),
            "memory": f"{settings.memory_bytes // 1024}Ki",
            "ephemeral-storage": f"{psutil.disk_usage('/').total // 1024}Ki",
            "pods": str(settings.max_pods),
        }
        # As the API stores them, so that an unchanged Node is seen as unchanged.
        capacity = {name: canonical(text) for name, text in capacity.items()}
        return NodeStatus(
            addresses=[
                NodeAddress(type="InternalIP", address=settings.node_address),
                NodeAddress(type="Hostname", address=settings.node_name),
            ],
            capacity=capacity,
            allocatable=capacity,
            conditions=self._conditions(old.conditions if old else None),
            images=self._image_list() or None,
            nodeInfo=_system_info(settings.version),
        )

    def _conditions(self, old: Sequence[NodeCondition] | None) -> list[NodeCondition]:
        before = {condition.type: condition for condition in old or ()}
        now = rfc3339(self._clock.time())
        fresh = []
        for type_, status, reason, message in PRESSURE:
            known = before.get(type_)
            same = known is not None and known.status == status
            fresh.append(
                NodeCondition(
                    type=type_,
                    status=status,
                    reason=reason,
                    message=message,
                    # Kept while nothing changes: a heartbeat alone is no reason to write to the disk.
                    lastHeartbeatTime=known.lastHeartbeatTime if known is not None and same else now,
                    lastTransitionTime=known.lastTransitionTime if known is not None and same else now,
                )
            )
        return fresh + [item for item in old or () if item.type not in {row[0] for row in PRESSURE}]

    def _image_list(self) -> list[ContainerImage]:
        found = sorted(self._images.list(), key=lambda image: image.size, reverse=True)[:MAX_IMAGES]
        return [ContainerImage(names=list(image.references), sizeBytes=image.size) for image in found]


def _system_info(version: str) -> NodeSystemInfo:
    return NodeSystemInfo(
        machineID=_first_line("/etc/machine-id"),
        systemUUID=_first_line("/sys/class/dmi/id/product_uuid") or _first_line("/etc/machine-id"),
        bootID=_first_line("/proc/sys/kernel/random/boot_id"),
        kernelVersion=os.uname().release,
        osImage=_os_image(),
        containerRuntimeVersion=f"nsorch://{version.partition('+')[0].removeprefix('v')}",
        kubeletVersion=version,
        kubeProxyVersion=version,
        operatingSystem="linux",
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
    )


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().split("\n", 1)[0].strip()
    except OSError:
        return ""
