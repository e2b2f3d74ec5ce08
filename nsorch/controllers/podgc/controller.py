"""The Pod garbage collector. One key per rule; a rule is looked at when a Pod or a Node that it is about changes."""

from __future__ import annotations

from nsorch.controllers.controller import Controller
from nsorch.controllers.podgc import plan
from nsorch.controllers.pods import is_terminal
from nsorch.controllers.settings import ControllerSettings
from nsorch.controllers.writes import each, gone_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.client import Change, Client
from nsorch.resources.node import Node
from nsorch.resources.pod import Pod

_ENDED, _STRANDED, _UNBOUND = "ended", "stranded", "unbound"


class PodGCController(Controller):
    """Keys are rules."""

    name = "podgc"
    component = "pod-garbage-collector"
    workers = 1

    def __init__(self, client: Client, clock: Clock, settings: ControllerSettings) -> None:
        super().__init__(client, clock)
        self._settings = settings
        self._ended: set[str] = set()
        self._missing: dict[str, float] = {}

    def wire(self) -> None:
        self.on(Node, self._node_changed)
        self.on(Pod, self._pod_changed)

    def _node_changed(self, change: Change[Node]) -> None:
        if change.type != "MODIFIED":
            self.queue.add(_STRANDED)

    def _pod_changed(self, change: Change[Pod]) -> None:
        pod = change.object
        if change.type != "DELETED" and is_terminal(pod):
            if pod.key not in self._ended:
                self._ended.add(pod.key)
                self.queue.add(_ENDED)
        else:
            self._ended.discard(pod.key)
        if change.type == "DELETED":
            return
        if pod.terminating and not pod.spec.nodeName:
            self.queue.add(_UNBOUND)
        bound = pod.spec.nodeName
        if bound and change.type == "ADDED" and self.client.get(Node, None, bound) is None:
            self.queue.add(_STRANDED)

    async def reconcile(self, key: str) -> None:
        if key == _ENDED:
            names = (entry.partition("/") for entry in sorted(self._ended))
            found = (self.client.get(Pod, namespace, name) for namespace, _, name in names)
            ended = [pod for pod in found if pod is not None]
            await self._remove(
                plan.surplus(ended, self._settings.terminated_pods, self._settings.failed_pods_per_owner)
            )
        elif key == _STRANDED:
            await self._give_up_stranded()
        else:
            await self._remove(plan.never_bound(self.client.list(Pod)))

    async def _give_up_stranded(self) -> None:
        nodes = {node.name for node in self.client.list(Node)}
        stranded = plan.stranded(self.client.list(Pod), nodes)
        now = self.clock.monotonic()
        missing = {pod.spec.nodeName or "" for pod in stranded}
        self._missing = {name: self._missing.get(name, now) for name in missing}
        if not missing:
            return
        lost = {name for name, since in self._missing.items() if now - since >= plan.QUARANTINE}
        gone = [pod for pod in stranded if pod.spec.nodeName in lost]
        for pod in gone:
            self.log.warning("deleting Pod %s: its node %s does not exist", pod.key, pod.spec.nodeName)
        await self._remove(gone)
        waits = [plan.QUARANTINE - (now - since) for name, since in self._missing.items() if name not in lost]
        if waits:
            self.queue.add_after(_STRANDED, min(waits))

    async def _remove(self, pods: list[Pod]) -> None:
        async def remove(pod: Pod) -> None:
            await gone_is_fine(self.client.delete(Pod, pod.namespace, pod.name, uid=pod.uid, grace_seconds=0))

        refused = await each(pods, remove)
        if refused:
            raise refused[0]
