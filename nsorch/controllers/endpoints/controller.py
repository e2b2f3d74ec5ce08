"""The endpoints controller: keeps EndpointSlices and Endpoints of every Service with a selector."""

from __future__ import annotations

from nsorch.controllers.controller import Controller, split_key
from nsorch.controllers.endpoints import members, slices, subsets
from nsorch.controllers.endpoints.members import Member
from nsorch.controllers.index import LabelIndex
from nsorch.controllers.writes import all_of, gone_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.client import Change, Client
from nsorch.resources.endpoints import Endpoints
from nsorch.resources.endpointslice import EndpointSlice
from nsorch.resources.pod import Pod
from nsorch.resources.service import Service


class EndpointsController(Controller):
    """Keys are Services."""

    name = "endpoints"
    component = "endpoint-slice-controller"
    workers = 8

    def __init__(self, client: Client, clock: Clock) -> None:
        super().__init__(client, clock)
        self._pods: LabelIndex[Pod] = LabelIndex()
        self._slices: LabelIndex[EndpointSlice] = LabelIndex()
        self._rosters: dict[str, members.Roster] = {}

    def wire(self) -> None:
        self.on(Service, self.enqueue)
        self.on(EndpointSlice, self._slice_changed)
        self.on(Endpoints, self._endpoints_changed)
        self.on(Pod, self._pod_changed)

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        self._slices.observe(change)
        for found in (change.previous, change.object):
            service = slices.service_of(found) if found is not None and slices.is_ours(found) else None
            if service:
                self.queue.add(f"{change.object.namespace}/{service}")

    def _endpoints_changed(self, change: Change[Endpoints]) -> None:
        if any(subsets.is_ours(found) for found in (change.previous, change.object) if found is not None):
            self.queue.add(change.object.key)

    def _pod_changed(self, change: Change[Pod]) -> None:
        self._pods.observe(change)
        pod, before = change.object, change.previous
        labels = pod.metadata.labels
        old_labels = before.metadata.labels if before is not None else labels
        if (
            change.type == "MODIFIED"
            and before is not None
            and labels == old_labels
            and members.fingerprint(pod) == members.fingerprint(before)
        ):
            return
        for service in self.client.list(Service, pod.namespace):
            if members.selects(service, labels) or members.selects(service, old_labels):
                self.queue.add(service.key)

    async def reconcile(self, key: str) -> None:
        namespace, name = split_key(key)
        service = self.client.get(Service, namespace, name)
        if service is not None and not service.spec.selector and service.spec.type != "ExternalName":
            return  # somebody else says where its endpoints are
        existing = self._slices_of(namespace, name)
        endpoints = self.client.get(Endpoints, namespace, name)
        if service is None or not members.has_members(service) or service.terminating:
            self._rosters.pop(key, None)
            await self._remove(existing, endpoints)
            return
        found = self._rosters.setdefault(key, members.Roster()).members(service, self._selected(service))
        await all_of(
            self._write_slices(slices.difference(service, found, existing)),
            self._write_endpoints(service, found, endpoints),
        )

    def _slices_of(self, namespace: str, service: str) -> list[EndpointSlice]:
        labels = {slices.SERVICE_NAME: service, slices.MANAGED_BY: slices.MANAGER}
        found = (self.client.get(EndpointSlice, namespace, name) for name in self._slices.names(namespace, labels))
        return [one for one in found if one is not None]

    def _selected(self, service: Service) -> list[Pod]:
        namespace = service.namespace or ""
        names = self._pods.names(namespace, service.spec.selector or {})
        return [pod for name in names if (pod := self.client.get(Pod, namespace, name)) is not None]

    async def _write_slices(self, change: slices.Difference) -> None:
        await all_of(
            *(self.client.update(one) for one in change.update),
            *(self.client.create(one) for one in change.create),
        )
        await all_of(*(self._delete_slice(one) for one in change.delete))

    async def _write_endpoints(self, service: Service, found: list[Member], existing: Endpoints | None) -> None:
        wanted = subsets.wanted(service, found, existing)
        if wanted is None:
            return
        if existing is None:
            await self.client.create(wanted)
        else:
            await self.client.update(wanted)

    async def _remove(self, existing: list[EndpointSlice], endpoints: Endpoints | None) -> None:
        if endpoints is not None and subsets.is_ours(endpoints) and not endpoints.terminating:
            await gone_is_fine(self.client.delete(Endpoints, endpoints.namespace, endpoints.name, uid=endpoints.uid))
        await all_of(*(self._delete_slice(one) for one in existing if not one.terminating))

    async def _delete_slice(self, one: EndpointSlice) -> None:
        await gone_is_fine(self.client.delete(EndpointSlice, one.namespace, one.name, uid=one.uid))
