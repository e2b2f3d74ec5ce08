"""The node agent: one worker per Pod uid, woken by changes of Pods, ConfigMaps, Secrets and images. Nothing polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from nsorch.kit import logs
from nsorch.kit.clock import Clock, SystemClock
from nsorch.kit.paths import Paths
from nsorch.linux.placement import spread_subfolders
from nsorch.node import disk
from nsorch.node.adoption import sweep
from nsorch.node.context import NodeContext
from nsorch.node.node_object import NodeObject
from nsorch.node.ports import Addresses, Image, Images, Proxy, TokenSource
from nsorch.node.probes.http import new_session
from nsorch.node.runtime import NodeRuntime
from nsorch.node.settings import NodeSettings
from nsorch.node.spawner import Spawner
from nsorch.node.tokens import PodTokens
from nsorch.node.volumes.prepare import references
from nsorch.node.worker import PodWorker
from nsorch.resources.client import Change, Client
from nsorch.resources.config import ConfigMap, Secret
from nsorch.resources.pod import Pod
from nsorch.resources.runtime import ExecSession, LogOptions

log = logs.logger("node")
Reference = tuple[str, str, str]
"""(kind, namespace, name)."""


class NodeAgent:
    """Runs every Pod bound to this node. Implements ``resources.runtime.Runtime``."""

    def __init__(
        self,
        client: Client,
        images: Images,
        addresses: Addresses,
        proxy: Proxy,
        paths: Paths,
        settings: NodeSettings,
        *,
        tokens: TokenSource | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._images = images
        self._addresses = addresses
        self._proxy = proxy
        self._paths = paths
        self._settings = settings
        self._clock = clock or SystemClock()
        self._tokens = PodTokens(tokens, self._clock, self._poke_pod) if tokens is not None else None
        self.workers: dict[str, PodWorker] = {}
        self._by_reference: dict[Reference, set[str]] = {}
        self._referenced: dict[str, set[Reference]] = {}
        self._unsubscribe: list[Callable[[], None]] = []
        self._starting = False
        self._sweeping: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._context: NodeContext | None = None
        self._node = NodeObject(client, images, settings, self._clock)
        self._runtime = NodeRuntime(self._paths, self.workers)

    async def start(self) -> None:
        """Have the spawner running, adopt what lives, start what should, sweep what nobody wants."""
        for folder, mode in ((self._paths.pods, 0o711), (self._paths.logs, 0o755), (self._paths.pod_sockets, 0o700)):
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
            spread_subfolders(folder)
        spawner = Spawner(self._paths)
        self._context = NodeContext(
            client=self._client,
            images=self._images,
            addresses=self._addresses,
            proxy=self._proxy,
            paths=self._paths,
            settings=self._settings,
            spawner=spawner,
            session=new_session(),
            boot_id=disk.current_boot_id(),
            tokens=self._tokens,
            clock=self._clock,
        )
        warming = asyncio.create_task(spawner.ready())  # adopting needs no spawner; the first start waits for it
        warming.add_done_callback(_report_spawner)
        self._warming = warming
        await self._node.start()
        self._starting = True
        self._unsubscribe = [
            self._client.subscribe(Pod, self._pod_changed),
            self._client.subscribe(ConfigMap, self._config_map_changed),
            self._client.subscribe(Secret, self._secret_changed),
            self._images.subscribe(self._image_appeared),
        ]
        self._starting = False
        known = set(self.workers)
        self._sweeping = asyncio.create_task(sweep(self._context, known))
        self._sweeping.add_done_callback(_report)

    async def stop(self) -> None:
        """Let go of every Pod; they all live on."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        for task in (self._sweeping, self._warming):
            if task is not None:
                task.cancel()
        if self._tokens is not None:
            self._tokens.close()
        await self._node.stop()
        await asyncio.gather(*(worker.shutdown() for worker in self.workers.values()))
        self.workers.clear()
        if self._context is not None:
            self._context.spawner.disconnect()
            await self._context.session.close()

    # resources.runtime.Runtime

    def logs(self, namespace: str, name: str, uid: str, options: LogOptions) -> AsyncIterator[bytes]:
        return self._runtime.logs(namespace, name, uid, options)

    async def exec(self, uid: str, container: str, argv: Sequence[str], *, stdin: bool, tty: bool) -> ExecSession:
        return await self._runtime.exec(uid, container, argv, stdin=stdin, tty=tty)

    async def attach(self, uid: str, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        return await self._runtime.attach(uid, container, stdin=stdin, tty=tty)

    async def connect(self, uid: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await self._runtime.connect(uid, port)

    # Changes

    def _pod_changed(self, change: Change[Pod]) -> None:
        pod = change.object
        worker = self.workers.get(pod.uid)
        if change.type == "DELETED":
            if worker is not None:
                worker.pod = pod
                worker.removed()
            self._index(pod.uid, set())
            return
        if worker is not None:
            if not worker.ended:
                worker.update(pod)
                self._index_pod(pod)
            return
        if not self._is_mine(pod) or (not self._starting and _only_finalizers_left(pod)):
            return
        assert self._context is not None
        worker = self.workers[pod.uid] = PodWorker(
            self._context, pod, existed=self._starting, on_ended=self._worker_ended
        )
        self._index_pod(pod)
        worker.poke()

    def _is_mine(self, pod: Pod) -> bool:
        return pod.spec.nodeName == self._settings.node_name

    def _worker_ended(self, worker: PodWorker) -> None:
        self.workers.pop(worker.pod.uid, None)
        if self._tokens is not None:
            self._tokens.forget(worker.pod.uid)
        self._index(worker.pod.uid, set())

    def _config_map_changed(self, change: Change[ConfigMap]) -> None:
        self._poke_readers("ConfigMap", change.object.namespace or "", change.object.name)

    def _secret_changed(self, change: Change[Secret]) -> None:
        self._poke_readers("Secret", change.object.namespace or "", change.object.name)

    def _poke_pod(self, uid: str) -> None:
        if (worker := self.workers.get(uid)) is not None:
            worker.poke()

    def _poke_readers(self, kind: str, namespace: str, name: str) -> None:
        if self._starting:
            return
        for uid in tuple(self._by_reference.get((kind, namespace, name), ())):
            self.workers[uid].poke()

    def _image_appeared(self, image: Image) -> None:
        for worker in self.workers.values():
            if worker.images.waiting:
                worker.poke()
        self._node.images_changed()

    def _index_pod(self, pod: Pod) -> None:
        self._index(pod.uid, {(kind, pod.namespace or "", name) for kind, name in references(pod)})

    def _index(self, uid: str, wanted: set[Reference]) -> None:
        known = self._referenced.get(uid, set())
        if known == wanted:
            return
        for reference in known - wanted:
            readers = self._by_reference[reference]
            readers.discard(uid)
            if not readers:
                del self._by_reference[reference]
        for reference in wanted - known:
            self._by_reference.setdefault(reference, set()).add(uid)
        if wanted:
            self._referenced[uid] = wanted
        else:
            self._referenced.pop(uid, None)


def _only_finalizers_left(pod: Pod) -> bool:
    """The node is done with this Pod; only its finalizers keep the object."""
    return pod.terminating and pod.metadata.deletionGracePeriodSeconds == 0 and bool(pod.metadata.finalizers)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("cannot sweep leftovers: %s", error, exc_info=error)


def _report_spawner(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("no Pod can be started: %s", error)
