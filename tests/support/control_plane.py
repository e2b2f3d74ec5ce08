"""A control plane without a node, in process and without root: real store, real operations, real controllers.

A small kubelet stands in for the node: it gives Pods an address, makes them ready when told, and ends them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from nsorch.api.local_client import LocalClient
from nsorch.api.operations import Operations
from nsorch.api.settings import ApiSettings
from nsorch.controllers import Controllers, ControllerSettings
from nsorch.kit.clock import rfc3339
from nsorch.resources.apps import Deployment, ReplicaSet
from nsorch.resources.client import Change, ClientError
from nsorch.resources.event import Event
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.meta import ObjectMeta, Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod, PodCondition
from nsorch.store import Store

R = TypeVar("R", bound=Resource)
NODE = "box"
LIMIT = 20.0
"""Seconds after which waiting is a failure."""


class ShiftedClock:
    """The machine's clock, shifted forward by what a test wants to skip."""

    def __init__(self) -> None:
        self.shift = 0.0

    def time(self) -> float:
        return time.time() + self.shift

    def monotonic(self) -> float:
        return time.monotonic() + self.shift


class Kubelet:
    """Runs Pods in name only. ``ready(pod)`` decides who becomes ready, ``ends`` whether terminating Pods end."""

    def __init__(self, client: LocalClient, clock: ShiftedClock) -> None:
        self._client = client
        self._clock = clock
        self.ready: Callable[[Pod], bool] = lambda pod: True
        self.ends = True
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._addresses = 0
        self._stop = client.subscribe(Pod, self._changed)

    @property
    def idle(self) -> bool:
        return not self._tasks

    def close(self) -> None:
        self._stop()

    def look_again(self) -> None:
        """After ``ready`` or ``ends`` changed: treat every Pod as if it had just come."""
        for pod in self._client.list(Pod):
            self._changed(Change("ADDED", pod))

    def _changed(self, change: Change[Pod]) -> None:
        key = (change.object.namespace or "", change.object.name)
        if change.type == "DELETED":
            return
        self._dirty.add(key)
        if key not in self._tasks:
            self._tasks[key] = asyncio.get_running_loop().create_task(self._serve(key))

    async def _serve(self, key: tuple[str, str]) -> None:
        try:
            while key in self._dirty:
                self._dirty.discard(key)
                try:
                    await self._sync(*key)
                except ClientError as error:
                    if error.code == 409:
                        self._dirty.add(key)
                        await asyncio.sleep(0)  # the winner's write is on its way to the disk
                    elif error.code != 404:
                        raise
        finally:
            del self._tasks[key]

    async def _sync(self, namespace: str, name: str) -> None:
        pod = self._client.get(Pod, namespace, name)
        if pod is None or (pod.terminating and not self.ends):
            return
        if pod.terminating:
            await self._client.delete(Pod, namespace, name, uid=pod.uid, grace_seconds=0)
            return
        ready = self.ready(pod)
        state = next((c.status for c in pod.status.conditions or () if c.type == "Ready"), None)
        if pod.status.phase in ("Succeeded", "Failed") or (pod.status.phase == "Running" and state == str(ready)):
            return
        changed = pod.copy_deep()
        if not changed.status.podIP:
            self._addresses += 1
            changed.status.podIP = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
        changed.status.phase = "Running"
        others = [c for c in pod.status.conditions or () if c.type != "Ready"]
        stamp = rfc3339(self._clock.time())
        changed.status.conditions = [*others, PodCondition(type="Ready", status=str(ready), lastTransitionTime=stamp)]
        await self._client.update_status(changed)


class ControlPlane:
    """``async with ControlPlane(tmp_path) as plane``. Everything is settled when entered."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.clock = ShiftedClock()
        self.store = Store.open(root / "nsorch.db")
        api = ApiSettings(
            socket=root / "api.sock",
            pki=root / "pki",
            kubeconfig=root / "kubeconfig",
            node_name=NODE,
        )
        self.operations = Operations(self.store, REGISTRY, api, self.clock)
        self.client = LocalClient(self.operations)
        self.settings = ControllerSettings(
            ca_pem="PEM", service_address="10.96.0.1", api_address="192.0.2.1", **settings
        )
        self.controllers = Controllers(self.client, REGISTRY, self.clock, self.settings)

    async def __aenter__(self) -> Self:
        self.operations.start()
        await self.client.create(Node(metadata=ObjectMeta(name=NODE)))
        await self.controllers.start()
        self.kubelet = Kubelet(self.client, self.clock)
        await self.settle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kubelet.close()
        await self.controllers.stop()
        self.operations.stop()
        self.store.close()

    @property
    def settled(self) -> bool:
        return self.controllers.idle and not self.controllers.retrying and self.kubelet.idle

    async def settle(self) -> None:
        """Wait until nobody has anything to do before the next deadline."""
        await self.until(lambda: self.settled)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        give_up = time.monotonic() + LIMIT
        while not holds():
            if time.monotonic() > give_up:
                busy = [c.name for c in self.controllers.all if not c.queue.idle or c.queue.retrying]
                raise AssertionError(f"still not after {LIMIT} s; busy: {busy}")
            await asyncio.sleep(0.0002)  # not 0: spinning would keep the interpreter lock from the writer's thread

    async def advance(self, seconds: float) -> None:
        """Skip time, and let everything happen that was due."""
        self.clock.shift += seconds
        self.controllers.promote()
        await self.settle()

    async def restart_controllers(self) -> None:
        """New controllers over the same store, as after a restart of the daemon."""
        await self.controllers.stop()
        self.controllers = Controllers(self.client, REGISTRY, self.clock, self.settings)
        await self.controllers.start()
        await self.settle()

    async def create(self, model: type[R], document: dict[str, Any]) -> R:
        document.setdefault("metadata", {}).setdefault("namespace", "default" if model is not Namespace else None)
        return await self.client.create(model.from_dict(document))

    async def change(self, obj: R, alter: Callable[[R], object]) -> R:
        """Read, alter, write; again on conflict."""
        while True:
            current = self.client.get(type(obj), obj.namespace, obj.name)
            assert current is not None
            copy = current.copy_deep()
            alter(copy)
            try:
                return await self.client.update(copy)
            except ClientError as error:
                if error.code != 409:
                    raise
                await asyncio.sleep(0)  # the winner's write is on its way to the disk

    def get(self, model: type[R], name: str, namespace: str | None = "default") -> R:
        found = self.client.get(model, namespace, name)
        assert found is not None, f"{model.KIND} {namespace}/{name} does not exist"
        return found

    def pods(self, namespace: str = "default") -> list[Pod]:
        """Pods that are not being deleted."""
        return [pod for pod in self.client.list(Pod, namespace) if not pod.terminating]

    def sets(self, deployment: str, namespace: str = "default") -> dict[str, ReplicaSet]:
        """ReplicaSets of a Deployment by the image of their first container."""
        owner = self.get(Deployment, deployment, namespace)
        found = self.client.owned(ReplicaSet, owner.uid)
        return {rs.spec.template.spec.containers[0].image or "": rs for rs in found if rs.spec.template}

    async def events(self, reason: str) -> list[str]:
        """Messages of the Events with a reason, in the order of their creation."""
        await self.client.create(  # after this write is durable, so are all Events recorded before it
            Event.from_dict(
                {
                    "metadata": {"generateName": "mark-", "namespace": "default"},
                    "involvedObject": {"namespace": "default"},
                    "reason": "Mark",
                }
            )
        )
        found = [event for event in self.client.list(Event) if event.reason == reason]
        return [event.message or "" for event in sorted(found, key=lambda e: int(e.metadata.resourceVersion or 0))]


def deployment(name: str = "web", image: str = "web:1", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    """A Deployment document."""
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            **spec,
        },
    }


def image(text: str) -> Callable[[Deployment], None]:
    """Alter a Deployment to another image."""

    def alter(target: Deployment) -> None:
        target.spec.template.spec.containers[0].image = text

    return alter
