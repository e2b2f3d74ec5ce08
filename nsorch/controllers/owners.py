"""Ownership: who controls an object, adopting orphans and releasing strays.

A controller owns an object through the one ownerReference with ``controller: true``. Objects that match its
selector and have no controller are adopted; owned ones that match no longer are released. Source:
kubernetes ``pkg/controller/controller_ref_manager.go``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Generic

from nsorch.resources.client import Change, Client, ClientError, T
from nsorch.resources.meta import OwnerReference, Resource


def controller_reference(owner: Resource) -> OwnerReference:
    """The ownerReference by which ``owner`` controls another object."""
    return OwnerReference(
        apiVersion=owner.GROUP_VERSION,
        kind=owner.KIND,
        name=owner.name,
        uid=owner.uid,
        controller=True,
        blockOwnerDeletion=True,
    )


def is_controlled_by(obj: Resource, owner: Resource) -> bool:
    """Whether ``owner`` is the controller of ``obj``."""
    found = obj.controller()
    return found is not None and found.uid == owner.uid


class Orphans(Generic[T]):
    """The objects of one kind that have no controller, by namespace: candidates for adoption, without scanning."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def observe(self, change: Change[T]) -> None:
        """Note a change; call with every one."""
        namespace = change.object.namespace or ""
        names = self._names.setdefault(namespace, set())
        if change.type != "DELETED" and change.object.controller() is None:
            names.add(change.object.name)
            return
        names.discard(change.object.name)
        if not names:
            del self._names[namespace]

    def names(self, namespace: str) -> list[str]:
        """Names of the orphans in a namespace, sorted."""
        return sorted(self._names.get(namespace, ()))


async def adopt(client: Client, obj: T, owner: Resource) -> T | None:
    """Make ``owner`` the controller of ``obj``; None if the object has gone or found another controller meanwhile."""
    changed = obj.copy_deep()
    changed.metadata.ownerReferences = [*(changed.metadata.ownerReferences or ()), controller_reference(owner)]
    return await _update_unless_gone(client, changed)


async def release(client: Client, obj: T, owner_uid: str) -> T | None:
    """Drop the references of ``obj`` to an owner; None if the object has gone or changed meanwhile."""
    changed = obj.copy_deep()
    left = [reference for reference in changed.metadata.ownerReferences or () if reference.uid != owner_uid]
    changed.metadata.ownerReferences = left or None
    return await _update_unless_gone(client, changed)


async def _update_unless_gone(client: Client, obj: T) -> T | None:
    try:
        return await client.update(obj)
    except ClientError as error:
        if error.code in (404, 409):
            return None  # its change queues the owner again
        raise


async def claim(
    client: Client,
    owner: Resource,
    owned: Iterable[T],
    orphans: Iterable[T],
    matches: Callable[[T], bool],
) -> list[T]:
    """Settle who is owned: matching ``orphans`` are adopted, ``owned`` ones that match no longer are released.

    Returns what the owner controls now. An owner that is being deleted neither adopts nor releases, and an object
    that is being deleted is never adopted.
    """
    kept: list[T] = []
    strays: list[T] = []
    for obj in owned:
        (kept if matches(obj) else strays).append(obj)
    if owner.terminating:
        return kept
    if strays:
        await asyncio.gather(*(release(client, obj, owner.uid) for obj in strays if not obj.terminating))
    wanted = [obj for obj in orphans if not obj.terminating and matches(obj)]
    if wanted:
        adopted = await asyncio.gather(*(adopt(client, obj, owner) for obj in wanted))
        kept.extend(obj for obj in adopted if obj is not None)
    return kept
