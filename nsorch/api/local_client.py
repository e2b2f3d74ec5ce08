"""The client protocol in process: what controllers and the node agent see of the API, without HTTP."""

from __future__ import annotations

import asyncio
import builtins
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal, cast

from nsorch.api import failures
from nsorch.api.operations import Deletion, Operations
from nsorch.api.patch import MERGE_PATCH
from nsorch.resources.client import Change, ClientError, Propagation, T
from nsorch.resources.meta import Resource
from nsorch.resources.namespace import Namespace
from nsorch.store import Change as StoreChange
from nsorch.store import Record, StoreError


class LocalClient:
    """Implements ``nsorch.resources.client.Client``. A disk that refuses a write is ClientError 500."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._store = operations.store
        self._registry = operations.registry

    def get(self, model: type[T], namespace: str | None, name: str) -> T | None:
        record = self._store.get(self._registry.of(model).resource, namespace, name)
        return None if record is None else cast(T, record.obj)

    def list(self, model: type[T], namespace: str | None = None) -> list[T]:
        return [cast(T, record.obj) for record in self._store.list(self._registry.of(model).resource, namespace)]

    def owned(self, model: type[T], owner_uid: str) -> builtins.list[T]:
        return [cast(T, record.obj) for record in self._store.owned(self._registry.of(model).resource, owner_uid)]

    def subscribe(self, model: type[T], handler: Callable[[Change[T]], None]) -> Callable[[], None]:
        resource = self._registry.of(model).resource
        for record in self._store.list(resource):
            handler(Change("ADDED", cast(T, record.obj)))
        return self._store.subscribe(resource, lambda change: handler(_change(change)))

    async def watch(self, model: type[T]) -> AsyncIterator[Change[T]]:
        resource = self._registry.of(model).resource
        watcher = self._store.watch(resource)
        for record in self._store.list(resource):
            yield Change("ADDED", cast(T, record.obj))
        async for change in watcher:
            yield _change(change)

    async def create(self, obj: T) -> T:
        kind = self._registry.of(type(obj))
        mine = obj.copy_deep()
        return await _durable(self._operations.create(kind, obj.namespace, mine), type(obj))

    async def update(self, obj: T) -> T:
        kind = self._registry.of(type(obj))
        return await _durable(self._operations.update(kind, obj.namespace, obj.name, obj.copy_deep()), type(obj))

    async def update_status(self, obj: T) -> T:
        kind = self._registry.of(type(obj))
        return await _durable(self._operations.update_status(kind, obj.namespace, obj.name, obj.copy_deep()), type(obj))

    async def patch(
        self,
        model: type[T],
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
    ) -> T:
        kind = self._registry.of(model)
        if subresource == "finalize" and model is Namespace:
            given = Namespace.from_dict({**patch, "metadata": patch.get("metadata") or {}})
            return await _durable(self._operations.finalize(kind, name, given), model)
        body = json.dumps(patch).encode()
        return await _durable(
            self._operations.patch(kind, namespace, name, MERGE_PATCH, body, subresource=subresource), model
        )

    async def delete(
        self,
        model: type[T],
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace_seconds: int | None = None,
        propagation: Propagation | None = None,
    ) -> None:
        kind = self._registry.of(model)
        options = Deletion(uid=uid, grace_seconds=grace_seconds, propagation=propagation or "")
        try:
            await self._operations.delete(kind, namespace, name, options)
        except StoreError as error:
            raise failures.internal(str(error)) from error

    def event(
        self,
        about: Resource,
        *,
        type: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        component: str,
        field_path: str = "",
    ) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        self._operations.recorder.event(
            about, type=type, reason=reason, message=message, component=component, field_path=field_path
        )


async def _durable(operation: Any, model: type[T]) -> T:
    try:
        record: Record = await operation
    except StoreError as error:
        raise failures.internal(str(error)) from error
    return cast(T, record.obj)


def _change(change: StoreChange) -> Change[Any]:
    previous = change.previous.obj if change.previous is not None else None
    return Change(change.type, change.record.obj, previous)


__all__ = ["ClientError", "LocalClient"]
