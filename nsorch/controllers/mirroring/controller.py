"""The mirroring controller: who writes Endpoints by hand gets the slices that the Service rules are made from."""

from __future__ import annotations

from nsorch.controllers.controller import Controller, split_key
from nsorch.controllers.endpoints.slices import MANAGED_BY, SERVICE_NAME, service_of
from nsorch.controllers.index import LabelIndex
from nsorch.controllers.mirroring import plan
from nsorch.controllers.writes import all_of, gone_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.client import Change, Client
from nsorch.resources.endpoints import Endpoints
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.service import Service


class MirroringController(Controller):
    """Keys are Services, which are also the names of their Endpoints."""

    name = "mirroring"
    component = "endpoint-slice-mirroring-controller"
    workers = 2

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._slices: LabelIndex[EndpointSlice] = LabelIndex()

    def wire(self) -> None:
        self.on(Endpoints, self.enqueue)
        self.on(Service, self.enqueue)
        self.on(EndpointSlice, self._slice_changed)

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        self._slices.observe(change)
        service = service_of(change.object)
        if service and plan.is_ours(change.object):
            self.queue.add(f"{change.object.namespace}/{service}")

    async def reconcile(self, key: str) -> None:
        namespace, name = split_key(key)
        endpoints = self.client.get(Endpoints, namespace, name)
        names = self._slices.names(namespace, {SERVICE_NAME: name, MANAGED_BY: plan.MANAGER})
        found = (self.client.get(EndpointSlice, namespace, one) for one in names)
        existing = [one for one in found if one is not None]
        if endpoints is None or not plan.is_mirrored(endpoints, self.client.get(Service, namespace, name)):
            await self._delete(existing)
            return
        change = plan.difference(endpoints, existing)
        await all_of(
            *(self.client.update(one) for one in change.update),
            *(self.client.create(one) for one in change.create),
        )
        await self._delete(change.delete)

    async def _delete(self, slices: list[EndpointSlice]) -> None:
        await all_of(
            *(
                gone_is_fine(self.client.delete(EndpointSlice, one.namespace, one.name, uid=one.uid))
                for one in slices
                if not one.terminating
            )
        )
