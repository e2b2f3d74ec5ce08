"""How controllers and the node agent see objects: a small client protocol.

Reads are served from memory and return SHARED objects: never change what ``get``/``list``/``watch`` hand out;
take ``obj.model_copy(deep=True)`` first. Writes are acknowledged when durable. In process the daemon implements
this over the API's own operations (defaults, validation and admission apply); later the same agent can talk to
a real Kubernetes control plane through another implementation.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from nsorch.resources.meta import Resource

T = TypeVar("T", bound=Resource)
Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One change of one object. For ``DELETED``, ``object`` is its last state."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: T
    previous: T | None = None


class ClientError(Exception):
    """A refused write. ``reason`` is a ``metav1.StatusReason`` (NotFound, AlreadyExists, Conflict, Invalid...)."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class Client(Protocol):
    """Everything controllers and the node agent may do with objects."""

    def get(self, model: type[T], namespace: str | None, name: str) -> T | None:
        """The object, or None. ``namespace`` is None for cluster-scoped kinds."""
        ...

    def list(self, model: type[T], namespace: str | None = None) -> list[T]:
        """All objects of a kind, of one namespace or of all, ordered by namespace and name."""
        ...

    def owned(self, model: type[T], owner_uid: str) -> builtins.list[T]:
        """Objects of a kind whose controller ownerReference has this uid (indexed, not a scan)."""
        ...

    def subscribe(self, model: type[T], handler: Callable[[Change[T]], None]) -> Callable[[], None]:
        """Call ``handler`` for every existing object (ADDED) and then for every durable change, in order, on the
        event loop. ``handler`` must be quick (put a key on a queue). Returns the unsubscribe function."""
        ...

    def watch(self, model: type[T]) -> AsyncIterator[Change[T]]:
        """The same as an async iterator."""
        ...

    async def create(self, obj: T) -> T: ...

    async def update(self, obj: T) -> T:
        """Replace; raises ClientError 409 Conflict if ``obj.metadata.resourceVersion`` is not the current one."""
        ...

    async def update_status(self, obj: T) -> T:
        """Replace only ``status`` (and what the kind's status strategy allows), with the same conflict check."""
        ...

    async def patch(
        self,
        model: type[T],
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
    ) -> T:
        """JSON merge patch (RFC 7386). ``subresource``: "" or "status"."""
        ...

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
        """Delete as the API does (grace for Pods, finalizers, propagation). ``uid`` is a precondition.
        NotFound raises ClientError 404."""
        ...

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
        """Record an Event about an object: deduplicated (count, lastTimestamp), never blocks, never raises."""
        ...
