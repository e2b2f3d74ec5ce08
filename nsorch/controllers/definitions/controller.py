"""The controller of CustomResourceDefinitions: conditions while one lives, the end of its objects when it goes.

Source: k8s.io/apiextensions-apiserver ``pkg/controller/{status,establish,finalizer}``.
"""

from __future__ import annotations

from typing import Any

from nsorch.controllers.controller import Controller
from nsorch.controllers.writes import each, gone_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.client import Change, Client
from nsorch.resources.custom import names
from nsorch.resources.custom.object import CustomObject
from nsorch.resources.definition import CustomResourceDefinition
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind, Registry


class DefinitionController(Controller):
    """Keys are definitions."""

    name = "definitions"
    component = "customresource-definition-controller"
    workers = 1

    def __init__(self, client: Client, clock: Clock, registry: Registry) -> None:
        super().__init__(client, clock)
        self._registry = registry

    def wire(self) -> None:
        self.on(CustomResourceDefinition, self._changed)
        self.on_every(self._registry, _is_custom, self._object_changed)

    def _changed(self, change: Change[CustomResourceDefinition]) -> None:
        self.queue.add(change.object.name)
        if change.type == "DELETED":
            # Names are free again that others of the group may have waited for.
            for other in self.client.list(CustomResourceDefinition):
                if other.spec.group == change.object.spec.group and not other.holds(names.ACCEPTED):
                    self.queue.add(other.name)

    def _object_changed(self, kind: Kind[Any], change: Change[Any]) -> None:
        if change.type == "DELETED" and "create" not in kind.verbs:
            self.queue.add(kind.resource)

    async def reconcile(self, key: str) -> None:
        definition = self.client.get(CustomResourceDefinition, None, key)
        if definition is None:
            return
        if definition.terminating:
            await self._end(definition)
            return
        status = names.decide(definition, self.client.list(CustomResourceDefinition), self.clock.time())
        if status != definition.status:
            await self.client.update_status(definition.model_copy(update={"status": status}))

    async def _end(self, definition: CustomResourceDefinition) -> None:
        if names.CLEANUP not in (definition.metadata.finalizers or ()):
            return
        kind = self._registry.resource(definition.name)
        objects: list[Resource] = self.client.list(kind.model) if kind is not None and _is_custom(kind) else []

        async def delete(obj: Resource) -> None:
            await gone_is_fine(self.client.delete(type(obj), obj.namespace, obj.name, uid=obj.uid))

        refused = await each([obj for obj in objects if not obj.terminating], delete)
        if refused:
            raise refused[0]
        if kind is not None and objects and self.client.list(kind.model):
            return  # the last one that goes comes back here
        changed = definition.copy_deep()
        changed.metadata.finalizers = [
            name for name in changed.metadata.finalizers or () if name != names.CLEANUP
        ] or None
        await gone_is_fine(self.client.update(changed))


def _is_custom(kind: Kind[Any]) -> bool:
    return issubclass(kind.model, CustomObject)
