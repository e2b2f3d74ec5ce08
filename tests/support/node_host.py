"""A real node in a private network namespace: real store, API operations, controllers, images, spawner, supervisors.

Everything runs in the test's own process (in a thread that has moved into the namespace), except what has to be a
process of its own: the spawner and the Pods.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nsorch.api.local_client import LocalClient
from nsorch.api.operations import Operations
from nsorch.api.settings import ApiSettings
from nsorch.controllers import Controllers, ControllerSettings
from nsorch.images.store import ImageStore
from nsorch.kit.clock import SystemClock
from nsorch.kit.paths import Paths
from nsorch.network.addresses import PodAddresses
from nsorch.network.host import HostNetwork
from nsorch.network.settings import NetworkSettings
from nsorch.node.agent import NodeAgent
from nsorch.node.settings import NodeSettings
from nsorch.node.teardown import stop_everything
from nsorch.resources.account import ServiceAccount
from nsorch.resources.container_status import ContainerStatus
from nsorch.resources.event import Event
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.pod import Pod
from nsorch.resources.runtime import LogOptions
from nsorch.store import Leases, Store
from tests.support.layers import docker_archive, entry, folder, link, tar
from tests.support.leftovers import groups_of, mounts_below
from tests.support.netns import NetworkNamespace
from tests.support.pods import inside

NODE = "box"
LIMIT = 20.0
LOOP = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.05; done"]
"""Ends at once when asked to."""


class RecordingProxy:
    """Service rules that are always right; remembers who was drained, and when ``hold`` lets go."""

    def __init__(self) -> None:
        self.drained: list[str] = []
        self.hold: asyncio.Event | None = None

    async def without(self, address: str, timeout: float) -> bool:
        self.drained.append(address)
        if self.hold is not None:
            await asyncio.wait_for(self.hold.wait(), timeout)
        return True


class NodeHost:
    """``async with NodeHost(root, images)`` inside the namespace. ``restart_agent`` is a restart of the daemon."""

    def __init__(self, root: Path, images: Path) -> None:
        self.paths = Paths.at(root)
        self._image_root = images

    async def __aenter__(self) -> Self:
        for path in (self.paths.root, self.paths.run):
            path.mkdir(parents=True, exist_ok=True)
        self.store = Store.open(self.paths.database)
        self.host = HostNetwork(NetworkSettings(), self.paths.run / "network.json")
        network = await self.host.prepare()
        api = ApiSettings(
            socket=self.paths.api_socket,
            pki=self.paths.pki,
            kubeconfig=self.paths.kubeconfig,
            node_name=NODE,
            node_address=network.node_address,
        )
        self.operations = Operations(self.store, REGISTRY, api, SystemClock())
        self.operations.start()
        self.client = LocalClient(self.operations)
        self.images = ImageStore(self._image_root)
        self.proxy = RecordingProxy()
        self.addresses = PodAddresses(Leases(self.store), network)
        self.settings = NodeSettings(node_name=NODE, node_address=network.node_address, image_backoff_base=0.2)
        self.agent = self._new_agent()
        await self.agent.start()
        controller_settings = ControllerSettings(
            ca_pem="PEM", service_address="10.96.0.1", api_address=network.node_address
        )
        self.controllers = Controllers(self.client, REGISTRY, SystemClock(), controller_settings)
        await self.controllers.start()
        await self.until(ServiceAccount, lambda: self.client.get(ServiceAccount, "default", "default"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for event in self.client.list(Event):
                print(event.involvedObject.name, event.reason, event.message)
        await self.controllers.stop()
        await self.agent.stop()
        await stop_everything(self.paths, 1)
        await self.agent.stop()
        self.operations.stop()
        await self.images.close()
        await self.host.teardown()
        self.store.close()

    def _new_agent(self) -> NodeAgent:
        return NodeAgent(self.client, self.images, self.addresses, self.proxy, self.paths, self.settings)

    async def restart_agent(self, *, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        """Stop the agent as a daemon that stops does, and start a new one; Pods go on."""
        await self.agent.stop()
        if meanwhile is not None:
            await meanwhile()
        self.agent = self._new_agent()
        await self.agent.start()

    async def until(self, model: type[Any], holds: Callable[[], Any]) -> Any:
        """Wait until ``holds`` is true; looked at after every change of an object of ``model``."""
        changed = asyncio.Event()
        stop = self.client.subscribe(model, lambda change: changed.set())
        try:
            async with asyncio.timeout(LIMIT):
                while not (answer := holds()):
                    changed.clear()
                    await changed.wait()
                return answer
        finally:
            stop()

    async def create(self, name: str, container: dict[str, Any] | None = None, **spec: Any) -> Pod:
        """A Pod with one busybox container ``main`` that loops until it is stopped, unless told otherwise."""
        meta = spec.pop("meta", {})
        main = {"name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": LOOP}
        return await self.client.create(
            Pod.from_dict(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": name, "namespace": "default", **meta},
                    "spec": {"containers": [{**main, **(container or {})}], **spec},
                }
            )
        )

    def pod(self, name: str) -> Pod:
        found = self.client.get(Pod, "default", name)
        assert found is not None, f"Pod {name} does not exist"
        return found

    async def when(self, name: str, holds: Callable[[Pod], Any]) -> Pod:
        """The Pod as soon as ``holds`` is true of it."""

        def look() -> Pod | None:
            pod = self.client.get(Pod, "default", name)
            return pod if pod is not None and holds(pod) else None

        found = await self.until(Pod, look)
        assert isinstance(found, Pod)
        return found

    async def running(self, name: str) -> Pod:
        return await self.when(name, lambda pod: pod.status.phase == "Running" and is_running(pod))

    async def gone(self, name: str) -> None:
        """Wait until the Pod is gone from the API and from the disk."""
        workers = [worker for worker in self.agent.workers.values() if worker.pod.name == name]
        await self.until(Pod, lambda: self.client.get(Pod, "default", name) is None)
        await asyncio.gather(*(worker.finished.wait() for worker in workers))

    async def eventually(self, holds: Callable[[], object]) -> None:
        """Wait for something that no object tells about."""
        async with asyncio.timeout(LIMIT):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def sh(self, pod: Pod, script: str, container: str = "main") -> tuple[int, str]:
        """Run a shell script inside; its exit code and output."""
        session = await self.agent.exec(pod.uid, container, ["sh", "-c", script], stdin=False, tty=False)
        output = b""
        while (item := await session.read()) is not None:
            output += item[1]
        code = await session.wait()
        await session.close()
        return code, output.decode()

    async def log(self, pod: Pod, **options: Any) -> str:
        given = LogOptions(**{"container": "main", **options})
        stream = self.agent.logs("default", pod.name, pod.uid, given)
        return b"".join([data async for data in stream]).decode()

    def events(self, name: str, reason: str) -> list[str]:
        """Messages of the Events about a Pod with this reason."""
        return [
            event.message or ""
            for event in self.client.list(Event, "default")
            if event.involvedObject.name == name and event.reason == reason
        ]


def status_of(pod: Pod, container: str = "main") -> ContainerStatus:
    every: list[ContainerStatus] = [*(pod.status.initContainerStatuses or ()), *(pod.status.containerStatuses or ())]
    return next(item for item in every if item.name == container)


def is_running(pod: Pod, container: str = "main") -> bool:
    every = (*(pod.status.initContainerStatuses or ()), *(pod.status.containerStatuses or ()))
    return any(item.name == container and item.state and item.state.running for item in every)


def waits_for(pod: Pod, *reasons: str, container: str = "main") -> bool:
    """Whether the container is waiting with one of these reasons."""
    every = (*(pod.status.initContainerStatuses or ()), *(pod.status.containerStatuses or ()))
    return any(
        item.name == container and item.state and item.state.waiting and item.state.waiting.reason in reasons
        for item in every
    )


def is_ready(pod: Pod) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or ())


def busybox_archive(path: Path, tags: Sequence[str]) -> Path:
    """A docker archive of busybox with its applets."""
    program = Path("/bin/busybox").read_bytes()
    applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    layer = tar(
        folder("bin"),
        folder("etc"),
        folder("tmp", mode=0o1777),
        folder("root"),
        entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        entry("etc/group", b"root:x:0:\n"),
        entry("bin/busybox", program, mode=0o755),
        *(link(f"bin/{name}", "busybox") for name in applets if name != "busybox"),
    )
    return docker_archive(path, [layer], list(tags), Cmd=["/bin/sh"])


def run_node(images: Path, scenario: Callable[[NodeHost], Coroutine[Any, Any, None]]) -> None:
    """Run ``scenario`` on a node of its own, and check that nothing of it is left."""
    root = Path(tempfile.mkdtemp(prefix="nsorch-node-", dir="/var/tmp"))

    async def play() -> None:
        async with NodeHost(root, images) as node:
            await scenario(node)

    try:
        with NetworkNamespace() as namespace:
            inside(namespace, lambda: asyncio.run(play()))
        assert mounts_below(root) == []
        assert groups_of(Paths.at(root).instance) == []
        assert list(Paths.at(root).pod_sockets.iterdir()) == []
    finally:
        shutil.rmtree(root, ignore_errors=True)
