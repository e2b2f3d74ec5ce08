"""The control plane alone, as a process: API server, store, controllers, and a node that only reports.

The hollow node says of every Pod bound to it that it runs and is ready, and lets go of Pods that are deleted: what the
control plane does can be tested without images or namespaces.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import itertools
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

from nsorch.api.local_client import LocalClient
from nsorch.api.operations import Operations
from nsorch.api.server import ApiServer
from nsorch.api.settings import ApiSettings
from nsorch.controllers.controllers import Controllers
from nsorch.controllers.settings import ControllerSettings
from nsorch.kit import logs
from nsorch.kit.clock import SystemClock, rfc3339
from nsorch.kit.paths import Paths
from nsorch.resources import Node, Pod
from nsorch.resources.client import Change, ClientError
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.runtime import ExecSession, LogOptions, RuntimeRefused
from nsorch.store import Store

NODE = "hollow"


class NoRuntime:
    """Nothing runs here."""

    async def logs(self, namespace: str, name: str, uid: str, options: LogOptions) -> AsyncIterator[bytes]:
        raise RuntimeRefused(503, "ServiceUnavailable", "this node runs nothing")
        yield b""

    async def exec(self, uid: str, container: str, argv: Sequence[str], *, stdin: bool, tty: bool) -> ExecSession:
        raise RuntimeRefused(503, "ServiceUnavailable", "this node runs nothing")

    async def attach(self, uid: str, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        raise RuntimeRefused(503, "ServiceUnavailable", "this node runs nothing")

    async def connect(self, uid: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise RuntimeRefused(503, "ServiceUnavailable", "this node runs nothing")


class HollowNode:
    """Reports every Pod as ready at once."""

    def __init__(self, client: LocalClient, address: str) -> None:
        self._client = client
        self._address = address
        self._addresses = (str(ipaddress.IPv4Address("10.244.0.2") + number) for number in itertools.count())
        self._running: set[asyncio.Task[None]] = set()
        self._seen: set[str] = set()

    async def start(self) -> None:
        now = rfc3339(SystemClock().time())
        node = Node.from_dict(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
                "spec": {},
                "status": {
                    "addresses": [{"type": "InternalIP", "address": self._address}],
                    "capacity": {"cpu": "2", "memory": "1Gi", "pods": "250"},
                    "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "250"},
                    "conditions": [
                        {
                            "type": "Ready",
                            "status": "True",
                            "reason": "Hollow",
                            "message": "reports only",
                            "lastHeartbeatTime": now,
                            "lastTransitionTime": now,
                        }
                    ],
                },
            }
        )
        if self._client.get(Node, None, NODE) is None:
            created = await self._client.create(node)
            node.metadata.resourceVersion = created.metadata.resourceVersion
            await self._client.update_status(node)
        self._client.subscribe(Pod, self._changed)

    def _changed(self, change: Change[Pod]) -> None:
        pod = change.object
        if change.type == "DELETED" or pod.spec.nodeName != NODE:
            return
        if pod.terminating:
            self._run(self._client.delete(Pod, pod.namespace, pod.name, uid=pod.uid, grace_seconds=0))
        elif pod.uid not in self._seen:
            self._seen.add(pod.uid)
            self._run(self._report(pod))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(self._tolerant(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _tolerant(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as error:
            if error.code not in (404, 409):
                raise

    async def _report(self, pod: Pod) -> None:
        now = rfc3339(SystemClock().time())
        address = next(self._addresses)
        conditions = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        containers = [
            {
                "name": container.name,
                "image": container.image,
                "imageID": "",
                "containerID": f"hollow://{pod.uid}",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            for container in pod.spec.containers
        ]
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": self._address,
            "startTime": now,
            "conditions": [{"type": name, "status": "True", "lastTransitionTime": now} for name in conditions],
            "containerStatuses": containers,
        }
        await self._client.patch(Pod, pod.namespace, pod.name, {"status": status}, subresource="status")


async def main(root: str, address: str) -> None:
    """Run until SIGTERM."""
    paths = Paths.at(root)
    paths.run.mkdir(parents=True, exist_ok=True)
    settings = ApiSettings(
        socket=paths.api_socket,
        pki=paths.pki,
        kubeconfig=paths.kubeconfig,
        node_name=NODE,
        node_address=address,
    )
    clock = SystemClock()
    store = Store.open(paths.database)
    operations = Operations(store, REGISTRY, settings, clock)
    client = LocalClient(operations)
    server = ApiServer(operations, NoRuntime(), settings)
    operations.start()
    await server.start()
    controllers = Controllers(
        client,
        REGISTRY,
        clock,
        ControllerSettings(ca_pem=(paths.pki / "ca.crt").read_text(), service_address="10.96.0.1", api_address=address),
    )
    await controllers.start()
    await HollowNode(client, address).start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await controllers.stop()
    await server.stop()
    operations.stop()
    store.close()


if __name__ == "__main__":
    logs.configure(os.environ.get("NSORCH_LOG", "INFO"))
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--node-address", required=True)
    told = parser.parse_args()
    asyncio.run(main(told.root, told.node_address))
