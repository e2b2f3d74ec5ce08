"""All controllers together: what the daemon starts and stops."""

from __future__ import annotations

import asyncio

from nsorch.controllers.cluster.controller import ClusterController, bootstrap
from nsorch.controllers.controller import Controller
from nsorch.controllers.definitions.controller import DefinitionController
from nsorch.controllers.deployment.controller import DeploymentController
from nsorch.controllers.endpoints.controller import EndpointsController
from nsorch.controllers.garbage.controller import GarbageController
from nsorch.controllers.mirroring.controller import MirroringController
from nsorch.controllers.namespace.controller import NamespaceController
from nsorch.controllers.podgc.controller import PodGCController
from nsorch.controllers.replicaset.controller import ReplicaSetController
from nsorch.controllers.settings import ControllerSettings
from nsorch.kit.clock import Clock
from nsorch.resources.client import Client
from nsorch.resources.registry import Registry


class Controllers:
    """Every controller of the cluster, over one client."""

    def __init__(self, client: Client, registry: Registry, clock: Clock, settings: ControllerSettings) -> None:
        self._client = client
        self._settings = settings
        self.all: tuple[Controller, ...] = (
            NamespaceController(client, clock, registry, settings),
            ClusterController(client, clock, settings),
            EndpointsController(client, clock),
            MirroringController(client, clock),
            ReplicaSetController(client, clock),
            DeploymentController(client, clock),
            DefinitionController(client, clock, registry),
            GarbageController(client, clock, registry),
            PodGCController(client, clock, settings),
        )

    @property
    def idle(self) -> bool:
        """Whether no controller has anything to do before its next deadline or the next change."""
        return all(controller.queue.idle for controller in self.all)

    @property
    def retrying(self) -> bool:
        """Whether something has failed and is being tried again."""
        return any(controller.queue.retrying for controller in self.all)

    def promote(self) -> None:
        """Look at all deadlines now; for tests that move the clock."""
        for controller in self.all:
            controller.queue.promote()

    async def start(self) -> None:
        """Make the cluster's own objects, then start all controllers."""
        await bootstrap(self._client, self._settings)
        for controller in self.all:
            await controller.start()

    async def stop(self) -> None:
        """Stop all controllers; safe to call twice."""
        await asyncio.gather(*(controller.stop() for controller in self.all))
