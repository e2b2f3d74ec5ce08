"""The face of the operations: one object that the HTTP handlers and the local client share."""

from __future__ import annotations

from typing import Any

from nsorch.api.access.authorizer import Authorizer
from nsorch.api.access.pki import ACCOUNT_KEY
from nsorch.api.access.tokens import Tokens
from nsorch.api.definitions import Definitions
from nsorch.api.events.keeper import EventKeeper
from nsorch.api.events.recorder import Recorder
from nsorch.api.operations import apply as applying
from nsorch.api.operations import create as creating
from nsorch.api.operations import delete as deleting
from nsorch.api.operations import namespaces, parts, pods, read, scale, views
from nsorch.api.operations import patch as patching
from nsorch.api.operations import update as updating
from nsorch.api.operations.context import Context, Deleted, Deletion, ListOptions, Page, Write
from nsorch.api.operations.scheduling import Scheduler
from nsorch.api.operations.services import ServiceAllocator
from nsorch.api.parsing import Validation
from nsorch.api.settings import ApiSettings
from nsorch.kit.clock import Clock, SystemClock
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.resources.registry import Kind, Registry
from nsorch.resources.requests import Binding
from nsorch.resources.scale import Scale
from nsorch.store import Record, Store


class Operations:
    """Reads come from memory; writes return when durable. Objects passed in belong to the store afterwards.

    Refusals are ``Failure``; what the disk refuses is ``StoreError``. ``start`` needs a running event loop.
    """

    def __init__(self, store: Store, registry: Registry, settings: ApiSettings, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.context = Context(
            store=store,
            registry=registry,
            settings=settings,
            clock=self.clock,
            services=ServiceAllocator(store, settings),
            recorder=Recorder(store, self.clock, settings.node_name),
            authorizer=Authorizer(store),
            tokens=Tokens(store, self.clock, settings.pki / ACCOUNT_KEY, settings.cluster_domain),
        )
        self._keeper = EventKeeper(
            store, self.clock, ttl=settings.event_ttl, per_namespace=settings.events_per_namespace
        )
        self._scheduler = Scheduler(self.context)
        self._definitions = Definitions(store, registry)

    @property
    def store(self) -> Store:
        return self.context.store

    @property
    def registry(self) -> Registry:
        return self.context.registry

    @property
    def recorder(self) -> Recorder:
        return self.context.recorder

    def start(self) -> None:
        """Begin what runs by itself: the kinds of definitions, the expiry of Events."""
        self._definitions.start()
        self._keeper.start()

    def stop(self) -> None:
        self._definitions.stop()
        self._keeper.close()
        self._scheduler.close()
        self.context.services.close()
        self.context.authorizer.close()

    def get(self, kind: Kind[Any], namespace: str | None, name: str) -> Record:
        if kind.view is not None:
            return views.get(self.context, kind.view, namespace, name)
        return read.get(self.context, kind, namespace, name)

    def list(self, kind: Kind[Any], namespace: str | None = None, options: ListOptions | None = None) -> Page:
        if kind.view is not None:
            return views.list_page(self.context, kind.view, namespace, options or ListOptions())
        return read.list_page(self.context, kind, namespace, options or ListOptions())

    async def create(self, kind: Kind[Any], namespace: str | None, obj: Resource, write: Write | None = None) -> Record:
        if kind.view is not None:
            return await views.create(self.context, kind, kind.view, namespace, obj, write or Write())
        return await creating.create(self.context, kind, namespace, obj, write or Write())

    async def update(
        self, kind: Kind[Any], namespace: str | None, name: str, obj: Resource, write: Write | None = None
    ) -> Record:
        if kind.view is not None:
            return await views.update(self.context, kind, kind.view, namespace, name, obj, write or Write())
        return await updating.update(self.context, kind, namespace, name, obj, write or Write())

    async def update_status(
        self, kind: Kind[Any], namespace: str | None, name: str, obj: Resource, write: Write | None = None
    ) -> Record:
        return await updating.update_status(self.context, kind, namespace, name, obj, write or Write())

    async def update_part(
        self,
        kind: Kind[Any],
        namespace: str | None,
        name: str,
        obj: Resource,
        write: Write | None = None,
        *,
        subresource: str,
    ) -> Record:
        if kind.view is not None:
            return await views.update_part(
                self.context, kind, kind.view, namespace, name, obj, write or Write(), subresource
            )
        return await parts.update_part(self.context, kind, namespace, name, obj, write or Write(), subresource)

    async def patch(
        self,
        kind: Kind[Any],
        namespace: str | None,
        name: str,
        content_type: str,
        body: bytes,
        write: Write | None = None,
        *,
        subresource: str = "",
        validation: Validation = "Ignore",
        warnings: list[str] | None = None,  # type: ignore[valid-type]
    ) -> Record:
        if kind.view is not None:
            return await views.patch(
                self.context,
                kind,
                kind.view,
                namespace,
                name,
                content_type,
                body,
                write or Write(),
                subresource=subresource,
                validation=validation,
                warnings=warnings,
            )
        return await patching.patch(
            self.context,
            kind,
            namespace,
            name,
            content_type,
            body,
            write or Write(),
            subresource=subresource,
            validation=validation,
            warnings=warnings,
        )

    async def apply(
        self,
        kind: Kind[Any],
        namespace: str | None,
        name: str,
        body: bytes,
        write: Write,
        *,
        force: bool = False,
        subresource: str = "",
        validation: Validation = "Ignore",
        warnings: list[str] | None = None,  # type: ignore[valid-type]
    ) -> tuple[Record, bool]:
        if kind.view is not None and not kind.view.alike:
            raise views.refuse_apply()
        if kind.view is not None:
            return await views.apply(
                self.context,
                kind,
                kind.view,
                namespace,
                name,
                body,
                write,
                force=force,
                subresource=subresource,
                validation=validation,
                warnings=warnings,
            )
        return await applying.apply(
            self.context,
            kind,
            namespace,
            name,
            body,
            write,
            force=force,
            subresource=subresource,
            validation=validation,
            warnings=warnings,
        )

    async def delete(
        self, kind: Kind[Any], namespace: str | None, name: str, options: Deletion | None = None
    ) -> Deleted:
        if kind.view is not None:
            return await views.delete(self.context, kind.view, namespace, name, options or Deletion())
        return await deleting.delete(self.context, kind, namespace, name, options or Deletion())

    async def delete_collection(
        self, kind: Kind[Any], namespace: str | None, options: Deletion, selection: ListOptions
    ) -> Page:
        if kind.view is not None:
            return await views.delete_collection(self.context, kind.view, namespace, options, selection)
        return await deleting.delete_collection(self.context, kind, namespace, options, selection)

    def scale(self, kind: Kind[Any], namespace: str | None, name: str) -> Scale:
        return scale.scale_of(kind, self.get(kind, namespace, name))

    async def update_scale(
        self, kind: Kind[Any], namespace: str | None, name: str, wanted: Scale, write: Write | None = None
    ) -> Scale:
        stored = views.stored(kind)
        record = await scale.update_scale(self.context, stored, namespace, name, wanted, write or Write())
        return scale.scale_of(stored, record)

    async def bind(
        self, kind: Kind[Any], namespace: str | None, name: str, binding: Binding, write: Write | None = None
    ) -> Record:
        return await pods.bind(self.context, kind, namespace, name, binding, write or Write())

    async def evict(self, kind: Kind[Any], namespace: str | None, name: str, options: Deletion) -> Deleted:
        return await pods.evict(self.context, kind, namespace, name, options)

    async def finalize(self, kind: Kind[Any], name: str, given: Namespace, write: Write | None = None) -> Record:
        return await namespaces.finalize(self.context, kind, name, given, write or Write())
