"""The garbage collector, for every kind served.

Background: when an owner is gone its dependents are looked at, and one that has no living owner left is deleted.
Foreground: an owner that terminates with finalizer ``foregroundDeletion`` has its dependents deleted first, and
loses the finalizer when none with ``blockOwnerDeletion`` is left. Orphan: finalizer ``orphan``, the references of
the dependents are removed first. All driven by changes, nothing scans. Source: kubernetes
``pkg/controller/garbagecollector``; https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from typing import Any

from nsorch.controllers.controller import Controller
from nsorch.controllers.garbage import graph
from nsorch.controllers.garbage.graph import Dependents, Item, Owners
from nsorch.controllers.owners import release
from nsorch.controllers.writes import each, gone_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.client import Change, Client, ClientError, Propagation
from nsorch.resources.event import Event
from nsorch.resources.meta import OwnerReference, Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.registry import Kind, Registry


class GarbageController(Controller):
    """Keys are objects of any kind: ``RESOURCE|NAMESPACE/NAME``."""

    name = "garbage"
    component = "garbage-collector-controller"
    workers = 16

    def __init__(self, client: Client, clock: Clock, registry: Registry) -> None:
        super().__init__(client, clock)
        self._registry = registry
        self._dependents = Dependents()

    def wire(self) -> None:
        self.on_every(self._registry, lambda kind: kind.model is not Event and "delete" in kind.verbs, self._changed)

    def _changed(self, kind: Kind[Any], change: Change[Any]) -> None:
        obj: Resource = change.object
        before: Resource | None = change.previous
        item = Item(kind.resource, obj.namespace or "", obj.name)
        if change.type == "DELETED":
            self._dependents.put(item, graph.owner_uids(obj) | graph.owner_uids(before), set())
            for dependent in self._dependents.of(obj.uid):
                self.queue.add(dependent.key)
            self._wake_owners(obj, graph.references(obj))
            return
        references = graph.references(obj)
        old = graph.references(before) if before is not None else []
        if references or old:
            self._dependents.put(item, graph.owner_uids(before), graph.owner_uids(obj))
            if references != old:
                self.queue.add(item.key)
                self._wake_owners(obj, old)
        if graph.waits_for_dependents(obj) or graph.orphans_dependents(obj):
            self.queue.add(item.key)

    def _wake_owners(self, obj: Resource, references: list[OwnerReference]) -> None:
        """Owners that may have waited for this dependent."""
        for reference in references:
            kind = self._registry.named(reference.apiVersion, reference.kind)
            if kind is not None:
                namespace = (obj.namespace or "") if kind.namespaced else ""
                self.queue.add(Item(kind.resource, namespace, reference.name).key)

    def _find(self, item: Item) -> Any:
        kind = self._registry.resource(item.resource)
        return self.client.get(kind.model, item.namespace or None, item.name) if kind is not None else None

    async def reconcile(self, key: str) -> None:
        item = Item.of_key(key)
        obj: Resource | None = self._find(item)
        if obj is None:
            return
        if graph.orphans_dependents(obj):
            await self._orphan(obj)
        elif graph.waits_for_dependents(obj):
            await self._foreground(obj)
        elif not obj.terminating:
            await self._check_owners(obj)

    async def _orphan(self, owner: Resource) -> None:
        dependents = [obj for item in self._dependents.of(owner.uid) if (obj := self._find(item)) is not None]
        refused = await each(dependents, lambda obj: release(self.client, obj, owner.uid))
        if refused:
            raise refused[0]
        if self._dependents.of(owner.uid):
            raise ClientError(409, "Conflict", f"dependents of {owner.key} changed while they were let go")
        await self._drop_finalizer(owner, graph.ORPHAN)

    async def _foreground(self, owner: Resource) -> None:
        blocking = False
        for item in self._dependents.of(owner.uid):
            dependent = self._find(item)
            if dependent is None:
                continue
            blocking = blocking or graph.blocks(dependent, owner.uid)
            if not dependent.terminating:
                self.queue.add(item.key)
        if not blocking:
            await self._drop_finalizer(owner, graph.FOREGROUND)

    async def _drop_finalizer(self, obj: Resource, finalizer: str) -> None:
        changed = obj.copy_deep()
        changed.metadata.finalizers = [name for name in changed.metadata.finalizers or () if name != finalizer] or None
        try:
            await self.client.update(changed)
        except ClientError as error:
            if error.code != 404:
                raise

    async def _check_owners(self, obj: Resource) -> None:
        references = graph.references(obj)
        if not references:
            return
        owners = self._sort(obj, references)
        if owners.solid:
            useless = {reference.uid for reference in [*owners.absent, *owners.waiting]}
            if useless:
                changed = obj.copy_deep()
                changed.metadata.ownerReferences = [
                    reference for reference in graph.references(changed) if reference.uid not in useless
                ]
                await self._update(changed)
            return
        dependents = self._dependents.of(obj.uid)
        if owners.waiting and dependents:
            if any(
                (found := self._find(item)) is not None and graph.waits_for_dependents(found) for item in dependents
            ):
                obj = await self._unblock(obj)  # a circle of owners: one of them must not wait
            await self._delete(obj, "Foreground")
        elif graph.has_finalizer(obj, graph.ORPHAN):
            await self._delete(obj, "Orphan")
        elif graph.has_finalizer(obj, graph.FOREGROUND):
            await self._delete(obj, "Foreground")
        else:
            await self._delete(obj, "Background")

    def _sort(self, obj: Resource, references: list[OwnerReference]) -> Owners:
        owners = Owners([], [], [])
        for reference in references:
            kind = self._registry.named(reference.apiVersion, reference.kind)
            if kind is None:
                owners.solid.append(reference)  # not a kind that can be looked up here: leave it alone
                continue
            if kind.namespaced and obj.namespace is None:
                owners.solid.append(reference)
                self._invalid(obj, reference, "")
                continue
            owner = self.client.get(kind.model, obj.namespace if kind.namespaced else None, reference.name)
            if owner is None or owner.uid != reference.uid:
                owners.absent.append(reference)
                if kind.namespaced and self._lives_elsewhere(kind, reference):
                    self._invalid(obj, reference, obj.namespace or "")
            elif graph.waits_for_dependents(owner):
                owners.waiting.append(reference)
            else:
                owners.solid.append(reference)
        return owners

    def _lives_elsewhere(self, kind: Kind[Any], reference: OwnerReference) -> bool:
        for namespace in self.client.list(Namespace):
            found = self.client.get(kind.model, namespace.name, reference.name)
            if found is not None and found.uid == reference.uid:
                return True
        return False

    def _invalid(self, obj: Resource, reference: OwnerReference, namespace: str) -> None:
        named = f"[{reference.apiVersion}/{reference.kind}, name: {reference.name}, uid: {reference.uid}]"
        message = f'ownerRef {named} does not exist in namespace "{namespace}"'
        self.event(obj, "OwnerRefInvalidNamespace", message, warning=True)

    async def _unblock(self, obj: Resource) -> Resource:
        changed = obj.copy_deep()
        for reference in graph.references(changed):
            if reference.blockOwnerDeletion:
                reference.blockOwnerDeletion = False
        return await self._update(changed)

    async def _update(self, obj: Resource) -> Resource:
        try:
            return await self.client.update(obj)
        except ClientError as error:
            if error.code == 404:
                return obj
            raise

    async def _delete(self, obj: Resource, propagation: Propagation) -> None:
        await gone_is_fine(self.client.delete(type(obj), obj.namespace, obj.name, uid=obj.uid, propagation=propagation))
