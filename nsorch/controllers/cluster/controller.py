"""The cluster controller makes the cluster's own objects and makes them again when somebody removes them."""

from __future__ import annotations

from typing import Any

from nsorch.controllers.cluster import objects
from nsorch.controllers.controller import Controller
from nsorch.controllers.namespace.controller import fill
from nsorch.controllers.settings import ControllerSettings
from nsorch.controllers.writes import gone_is_fine, there_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.client import Change, Client
from nsorch.resources.endpoints import Endpoints
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.service import Service

_KEY = "cluster"


async def bootstrap(client: Client, settings: ControllerSettings) -> None:
    """Make what is missing and correct what is wrong of the cluster's own objects. Safe to call at any time."""
    for name in objects.NAMESPACES:
        if client.get(Namespace, None, name) is None:
            await there_is_fine(client.create(objects.namespace(name)))
            await fill(client, name, settings)  # so that Pods can be made as soon as this returns
    default = client.get(Namespace, None, "default")
    if default is None or default.terminating:
        return  # comes again when it has gone
    await _service(client, settings)
    endpoints = client.get(Endpoints, "default", objects.NAME)
    wanted = objects.endpoints(settings)
    if endpoints is None:
        await there_is_fine(client.create(wanted))
    elif endpoints.subsets != wanted.subsets and not endpoints.terminating:
        changed = endpoints.copy_deep()
        changed.subsets = wanted.subsets
        await client.update(changed)
    await _slice(client, settings)


async def _service(client: Client, settings: ControllerSettings) -> None:
    found = client.get(Service, "default", objects.NAME)
    wanted = objects.service(settings)
    if found is not None and not found.terminating and found.spec.clusterIP != settings.service_address:
        # The Service network was changed: a ClusterIP cannot be, so the Service is made anew.
        await gone_is_fine(client.delete(Service, "default", objects.NAME, uid=found.uid))
        found = client.get(Service, "default", objects.NAME)
    if found is None:
        await there_is_fine(client.create(wanted))
    elif not found.terminating and _ports(found) != _ports(wanted):
        changed = found.copy_deep()
        changed.spec.ports = wanted.spec.ports
        await client.update(changed)


def _ports(service: Service) -> list[tuple[object, ...]]:
    return [(port.name, port.port, port.protocol, port.targetPort) for port in service.spec.ports or ()]


async def _slice(client: Client, settings: ControllerSettings) -> None:
    found = client.get(EndpointSlice, "default", objects.NAME)
    wanted = objects.endpoint_slice(settings)
    if found is None:
        await there_is_fine(client.create(wanted))
        return
    addresses = [endpoint.addresses for endpoint in found.endpoints]
    right = addresses == [[settings.api_address]] and (found.ports or []) == wanted.ports
    if not right and not found.terminating:
        changed = found.copy_deep()
        changed.endpoints, changed.ports = wanted.endpoints, wanted.ports
        await client.update(changed)


class ClusterController(Controller):
    """There is one key: the cluster."""

    name = "cluster"
    component = "cluster-controller"
    workers = 1

    def __init__(self, client: Client, clock: Clock, settings: ControllerSettings) -> None:
        super().__init__(client, clock)
        self._settings = settings

    def wire(self) -> None:
        self.queue.add(_KEY)
        self.on(Namespace, self._changed)
        for model in (Service, Endpoints, EndpointSlice):
            self.on(model, self._changed)

    def _changed(self, change: Change[Any]) -> None:
        obj: Resource = change.object
        ours = obj.name in objects.NAMESPACES if isinstance(obj, Namespace) else obj.key == f"default/{objects.NAME}"
        if ours and change.type != "ADDED":
            self.queue.add(_KEY)

    async def reconcile(self, key: str) -> None:
        await bootstrap(self.client, self._settings)
