"""The namespace controller: default content while a namespace lives, removal of all content when it ends.

Pods end first, gracefully, with everything they use still there; then the rest goes (Kubernetes calls this ordered
namespace deletion). Nothing is polled: every object that disappears wakes its namespace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nsorch.controllers.controller import Controller
from nsorch.controllers.namespace import content, status
from nsorch.controllers.settings import ControllerSettings
from nsorch.controllers.writes import each, gone_is_fine, there_is_fine
from nsorch.kit.clock import Clock
from nsorch.resources.account import ServiceAccount
from nsorch.resources.client import Change, Client
from nsorch.resources.config import ConfigMap
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.pod import Pod
from nsorch.resources.registry import Kind, Registry

FINALIZER = "kubernetes"
"""In ``spec.finalizers``: holds a namespace until its content is gone."""


async def fill(client: Client, namespace: str, settings: ControllerSettings) -> None:
    """Make what every namespace contains, where it is missing or wrong."""
    found = client.get(ConfigMap, namespace, content.ROOT_CA)
    wanted = content.root_ca(namespace, settings.ca_pem)
    if found is None:
        await there_is_fine(client.create(wanted))
    elif not content.root_ca_is_right(found, settings.ca_pem) and not found.terminating:
        changed = found.copy_deep()
        changed.data = wanted.data
        changed.binaryData = None
        await client.update(changed)
    # After the certificate, which the volume of every Pod's token needs: Pods are taken once there is an account.
    if client.get(ServiceAccount, namespace, "default") is None:
        await there_is_fine(client.create(content.default_account(namespace)))


class NamespaceController(Controller):
    """Keys are namespaces."""

    name = "namespace"
    component = "namespace-controller"

    def __init__(self, client: Client, clock: Clock, registry: Registry, settings: ControllerSettings) -> None:
        super().__init__(client, clock)
        self._settings = settings
        self._registry = registry
        self._pods = [registry.of(Pod)]

    @property
    def _others(self) -> list[Kind[Any]]:
        """The kinds of all other content."""
        return [kind for kind in self._registry.stored if _is_content(kind) and kind.model is not Pod]

    def wire(self) -> None:
        self.on(Namespace, self.enqueue)
        self.on_every(self._registry, _is_content, self._content_changed)

    def _content_changed(self, kind: Kind[Any], change: Change[Any]) -> None:
        obj: Resource = change.object
        namespace = self.client.get(Namespace, None, obj.namespace or "")
        if namespace is None:
            return
        ours = (isinstance(obj, ServiceAccount) and obj.name == "default") or (
            isinstance(obj, ConfigMap) and obj.name == content.ROOT_CA
        )
        if ours or (namespace.terminating and change.type != "MODIFIED"):
            self.queue.add(namespace.name)

    async def reconcile(self, key: str) -> None:
        namespace = self.client.get(Namespace, None, key)
        if namespace is None:
            return
        if namespace.terminating:
            await self._end(namespace)
        else:
            await fill(self.client, key, self._settings)

    async def _end(self, namespace: Namespace) -> None:
        if FINALIZER not in (namespace.spec.finalizers or ()):
            return  # its content has gone already; other finalizers hold it
        failures = await self._delete(self._pods, namespace.name)
        if not any(self.client.list(kind.model, namespace.name) for kind in self._pods):
            failures += await self._delete(self._others, namespace.name)
        listed = ((kind, self.client.list(kind.model, namespace.name)) for kind in [*self._pods, *self._others])
        left = [(kind, objects) for kind, objects in listed if objects]
        if not left:
            finalizers = [name for name in namespace.spec.finalizers or () if name != FINALIZER]
            await gone_is_fine(
                self.client.patch(
                    Namespace, None, namespace.name, {"spec": {"finalizers": finalizers}}, subresource="finalize"
                )
            )
            return
        await self._publish(namespace, left, failures)
        if failures:
            self.queue.add_rate_limited(namespace.name)

    async def _delete(self, kinds: Sequence[Kind[Any]], namespace: str) -> list[str]:
        failures: list[str] = []
        for kind in kinds:
            living = [obj for obj in self.client.list(kind.model, namespace) if not obj.terminating]

            async def delete(obj: Resource, model: type[Resource] = kind.model) -> None:
                deletion = self.client.delete(model, namespace, obj.name, uid=obj.uid, propagation="Background")
                await gone_is_fine(deletion)

            failures += [f"cannot delete {kind.resource}: {error.message}" for error in await each(living, delete)]
        return failures

    async def _publish(
        self, namespace: Namespace, left: Sequence[tuple[Kind[Any], list[Any]]], failures: Sequence[str]
    ) -> None:
        current = self.client.get(Namespace, None, namespace.name)
        if current is None or current.uid != namespace.uid:
            return
        remaining = {f"{kind.plural}.{kind.group}": len(objects) for kind, objects in left}
        waiting = Counter(
            finalizer for _, objects in left for obj in objects for finalizer in obj.metadata.finalizers or ()
        )
        wanted = status.terminating(current, remaining, waiting, failures, self.clock.time())
        if wanted == current.status:
            return
        await self.client.update_status(current.model_copy(update={"status": wanted}))


def _is_content(kind: Kind[Any]) -> bool:
    return kind.namespaced and "delete" in kind.verbs
