"""Recording Events: deduplicated by a name made from what they say, never waiting, never failing.

The same thing about the same object is one Event whose ``count`` and ``lastTimestamp`` move on; because its name
follows from its content, that also holds over a restart of the daemon, and no cache is needed.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Literal

from nsorch.kit.clock import Clock, rfc3339
from nsorch.kit.logs import logger
from nsorch.resources.common import ObjectReference
from nsorch.resources.event import Event, EventSource
from nsorch.resources.meta import ObjectMeta, Resource
from nsorch.store import Record, Store, StoreError

log = logger("events")
MAX_MESSAGE = 1024
"""Characters, as Kubernetes' validation allows."""


class Recorder:
    """Writes Events to the store."""

    def __init__(self, store: Store, clock: Clock, host: str) -> None:
        self._store = store
        self._clock = clock
        self._host = host

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
        """Record it; must be called on the event loop."""
        try:
            future = self._record(about, type, reason, message[:MAX_MESSAGE], component, field_path)
        except (StoreError, ValueError) as error:
            log.warning("cannot record an event about %s: %s", about.key, error)
        else:
            if future is not None:
                future.add_done_callback(_check)

    def _record(
        self, about: Resource, type: str, reason: str, message: str, component: str, field_path: str
    ) -> asyncio.Future[Record] | None:
        namespace = about.namespace or "default"
        content = "\0".join((about.KIND, about.uid, type, reason, message, component, field_path))
        name = f"{about.name[:200]}.{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        now = rfc3339(self._clock.time())
        known = self._store.latest("events", namespace, name)
        if known is not None and isinstance(known.obj, Event):
            event = known.obj.model_copy()
            event.metadata = event.metadata.model_copy()
            event.count = (event.count or 1) + 1
            event.lastTimestamp = now
            return self._store.update("events", event)
        if not self._living(namespace):
            return None
        event = Event(
            apiVersion="v1",
            kind="Event",
            metadata=ObjectMeta(name=name, namespace=namespace, uid=str(uuid.uuid4()), creationTimestamp=now),
            involvedObject=ObjectReference(
                apiVersion=about.GROUP_VERSION,
                kind=about.KIND,
                namespace=about.namespace,
                name=about.name,
                uid=about.uid,
                resourceVersion=about.metadata.resourceVersion,
                fieldPath=field_path or None,
            ),
            type=type,
            reason=reason,
            message=message,
            source=EventSource(component=component, host=self._host if component == "kubelet" else None),
            reportingComponent=component,
            reportingInstance=self._host if component == "kubelet" else "",
            count=1,
            firstTimestamp=now,
            lastTimestamp=now,
        )
        return self._store.create("events", event)

    def _living(self, namespace: str) -> bool:
        """Nothing new comes into a Namespace that ends: its Events would outlive it."""
        record = self._store.latest("namespaces", None, namespace)
        return record is not None and not record.obj.terminating


def _check(future: asyncio.Future[Record]) -> None:
    if future.cancelled():
        return
    if error := future.exception():
        log.warning("cannot record an event: %s", error)
    else:
        future.result().forget()  # Events are many, and served as bytes: their models (5 KiB each) need not stay
