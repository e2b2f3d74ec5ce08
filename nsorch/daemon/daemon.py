"""The composition root: builds the parts of the daemon, starts them in order, stops them in reverse.

Order of start, and why:

1. lock, folders, store        nothing else may touch the database
2. host network, node address  everything below names the node's address
3. operations, local client    the objects, without HTTP
4. node agent                  adopts the Pods that outlived the last daemon before anybody judges them
5. controllers                 desired state -> desired state
6. service rules               the first rules stand in the kernel before anybody may ask
7. API server                  unix socket and HTTPS; ``/readyz`` answers from here on
8. cluster DNS                 a Pod like any other

Stopping (SIGTERM, SIGINT) leaves Pods and rules as they are: the next daemon adopts them.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

from nsorch.api.access.aggregation import Aggregation
from nsorch.api.access.bootstrap import bootstrap
from nsorch.api.access.pki import Pki, PkiError
from nsorch.api.local_client import LocalClient
from nsorch.api.operations import Operations
from nsorch.api.server import ApiServer
from nsorch.api.settings import ApiSettings
from nsorch.controllers import Controllers, ControllerSettings
from nsorch.daemon import dns
from nsorch.daemon.lock import StartFailure, only_daemon
from nsorch.daemon.native.apply import ApplyRoutes
from nsorch.daemon.native.images import ImageRoutes
from nsorch.daemon.native.pods import PodRoutes
from nsorch.daemon.native.shutdown import ShutdownRoute
from nsorch.daemon.notify import keep_alive, notify
from nsorch.daemon.settings import Settings, Start, remember
from nsorch.daemon.tokens import AccountTokens
from nsorch.images.store import ImageStore
from nsorch.kit.clock import SystemClock
from nsorch.kit.logs import logger
from nsorch.kit.paths import Paths
from nsorch.linux.memory import malloc_trim
from nsorch.network.addresses import PodAddresses
from nsorch.network.host import HostNetwork, NetworkError
from nsorch.network.proxy import ServiceProxy
from nsorch.network.settings import NetworkSettings
from nsorch.network.watch import HostWatch
from nsorch.node.agent import NodeAgent
from nsorch.node.settings import NodeSettings
from nsorch.node.teardown import stop_everything
from nsorch.resources.building import build
from nsorch.resources.kinds import REGISTRY
from nsorch.store import Leases, Store, StoreError

log = logger("daemon")
RULES_PATIENCE = 10.0
"""Seconds in which the first Service rules must stand: without them no Service would answer, and nobody would know why."""


class Daemon:
    """One nsorch daemon."""

    def __init__(self, start: Start) -> None:
        self._paths = start.paths
        self._settings = start.settings
        self._clock = SystemClock()
        self._leave = asyncio.Event()

    async def run(self) -> None:
        """Start, serve until told to leave, stop. StartFailure if it cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave.set)
        async with AsyncExitStack() as stack:
            try:
                await self._start(stack)
            except (StoreError, NetworkError, PkiError, OSError) as error:
                raise StartFailure(str(error)) from error
            log.info(
                "ready: %s, https://%s:%s", self._paths.api_socket, self._settings.node_address, self._settings.api_port
            )
            notify(f"READY=1\nSTATUS=serving {self._paths.root}")
            _settle_memory()
            watchdog = asyncio.create_task(keep_alive())
            await self._leave.wait()
            notify("STOPPING=1")
            watchdog.cancel()
            log.info("stopping; Pods go on")

    async def _start(self, stack: AsyncExitStack) -> None:
        paths = self._paths
        for folder in (paths.root, paths.run, paths.pods, paths.logs, paths.pod_sockets):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (paths.root, paths.run):
            folder.chmod(0o700)  # Secrets lie below: in the database, in plans, in volumes
        stack.enter_context(only_daemon(paths))
        remember(paths, self._settings)
        store = Store.open(paths.database)
        stack.callback(store.close)

        network = NetworkSettings(
            pod_cidr=self._settings.pod_cidr,
            service_cidr=self._settings.service_cidr,
            dns_address=self._settings.dns_address,
            cluster_domain=self._settings.cluster_domain,
            node_address=self._settings.node_address,
        )
        self._host = HostNetwork(network, paths.run / "network.json")
        # A program of its own on another core, while this one builds the models' validators.
        network, _ = await asyncio.gather(self._host.prepare(), asyncio.to_thread(build, REGISTRY.models))
        log.info("the node's address is %s", network.node_address)
        self._watch = HostWatch(self._host)
        self._watch.start()
        stack.push_async_callback(self._watch.stop)
        self._settings = settings = replace(self._settings, node_address=network.node_address)

        api_settings = _api_settings(paths, settings)
        pki = Pki(api_settings, self._clock)
        certified = asyncio.create_task(asyncio.to_thread(pki.ensure))
        operations = Operations(store, REGISTRY, api_settings, self._clock)
        operations.start()
        stack.callback(operations.stop)
        client = LocalClient(operations)

        images = ImageStore(paths.images)
        stack.push_async_callback(images.close)
        self._proxy = ServiceProxy(client, network)
        addresses = PodAddresses(Leases(store), network)
        if not pki.account_key.exists():
            await certified  # the first Pods need it for their tokens
        tokens = AccountTokens(store, operations.context.tokens)
        node_settings = _node_settings(settings)
        self._agent = NodeAgent(client, images, addresses, self._proxy, paths, node_settings, tokens=tokens)
        await self._agent.start()
        stack.push_async_callback(self._agent.stop)
        await self._host.sweep(self._agent.workers)

        await certified
        controller_settings = ControllerSettings(
            ca_pem=pki.ca_pem,
            service_address=settings.kubernetes_address,
            api_address=settings.node_address,
            api_port=settings.api_port,
        )
        self._controllers = Controllers(client, REGISTRY, self._clock, controller_settings)
        await self._controllers.start()
        stack.push_async_callback(self._controllers.stop)

        await bootstrap(client)
        aggregation = Aggregation(client)
        aggregation.start()
        stack.push_async_callback(aggregation.stop)

        self._proxy.start()
        stack.push_async_callback(self._proxy.stop)
        if not await self._proxy.applied(RULES_PATIENCE):
            raise StartFailure(self._proxy.last_error or "cannot write Service rules: the kernel does not answer")

        routes = [
            *ApplyRoutes(operations, REGISTRY).routes(),
            *ImageRoutes(images).routes(),
            *PodRoutes(client, images, paths, settings).routes(),
            *ShutdownRoute(self._stop_pods, self._leave.set).routes(),
        ]
        server = ApiServer(operations, self._agent, api_settings, routes, pki=pki)
        await server.start()
        stack.push_async_callback(server.stop)
        await dns.ensure(client, settings, paths)

    async def _stop_pods(self, grace: int) -> AsyncIterator[str]:
        """Stop every Pod and remove everything that nsorch made on this host; objects and images stay."""
        yield "stopping Pods"
        await self._controllers.stop()
        await self._agent.stop()
        count = await stop_everything(self._paths, grace)
        yield f"stopped {count} Pods; removing rules, routes and addresses"
        await self._watch.stop()
        await self._proxy.teardown()
        await self._host.teardown()


def _settle_memory() -> None:
    """What the start made lives for ever: the garbage collector need not look at it again (a full collection would hold
    the event loop for tens of milliseconds), and what the start freed goes back to the kernel."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 50, 1_000)
    malloc_trim()


def _api_settings(paths: Paths, settings: Settings) -> ApiSettings:
    return ApiSettings(
        socket=paths.api_socket,
        pki=paths.pki,
        kubeconfig=paths.kubeconfig,
        node_name=settings.node_name,
        node_address=settings.node_address,
        secure_port=settings.api_port,
        service_cidr=settings.service_cidr,
        dns_address=settings.dns_address,
        cluster_domain=settings.cluster_domain,
    )


def _node_settings(settings: Settings) -> NodeSettings:
    return NodeSettings(
        node_name=settings.node_name,
        node_address=settings.node_address,
        cluster_domain=settings.cluster_domain,
        dns_address=settings.dns_address,
        pod_cidr=settings.pod_cidr,
    )
