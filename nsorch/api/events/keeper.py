"""Keeping Events within bounds: each lives for a time after it was last seen, each namespace holds a number of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from nsorch.kit.clock import Clock
from nsorch.kit.logs import logger
from nsorch.store import Change, Missing, Store, StoreError

log = logger("events")
SLACK = 60.0
"""Seconds by which an Event may outlive its time, so that many go in one wake-up."""
AT_ONCE = 200
"""Events deleted in one turn of the event loop."""


class EventKeeper:
    """Deletes old Events. Ages count from the last change that this daemon saw, or from its start."""

    def __init__(self, store: Store, clock: Clock, *, ttl: float, per_namespace: int) -> None:
        self._store = store
        self._clock = clock
        self._ttl = ttl
        self._limit = per_namespace
        self._seen: dict[str, OrderedDict[str, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        now = clock.monotonic()
        for record in sorted(store.list("events"), key=lambda record: record.revision):
            self._seen.setdefault(record.namespace, OrderedDict())[record.name] = now
        self._unsubscribe = store.subscribe("events", self._changed)

    def start(self) -> None:
        """Begin to expire; needs the running event loop."""
        for namespace in list(self._seen):
            self._trim(namespace)
        self._arm()

    def close(self) -> None:
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _changed(self, change: Change) -> None:
        record = change.record
        if change.type == "DELETED":
            names = self._seen.get(record.namespace)
            if names is not None:
                names.pop(record.name, None)
                if not names:
                    del self._seen[record.namespace]
            return
        names = self._seen.setdefault(record.namespace, OrderedDict())
        names[record.name] = self._clock.monotonic()
        names.move_to_end(record.name)
        self._trim(record.namespace)
        self._arm()

    def _trim(self, namespace: str) -> None:
        names = self._seen[namespace]
        while len(names) > self._limit:
            name, _ = names.popitem(last=False)
            self._delete(namespace, name)

    def expire(self) -> None:
        """Delete what is past its time; a part of it at a time."""
        self._timer = None
        now = self._clock.monotonic()
        left = AT_ONCE
        for namespace, names in list(self._seen.items()):
            while names and left:
                name, seen = next(iter(names.items()))
                if seen + self._ttl > now:
                    break
                names.popitem(last=False)
                left -= 1
                self._delete(namespace, name)
            if not names:
                self._seen.pop(namespace, None)
        self._arm(soon=not left)

    def _arm(self, *, soon: bool = False) -> None:
        if self._timer is not None or not self._seen:
            return
        oldest = min(next(iter(names.values())) for names in self._seen.values() if names)
        delay = 0.05 if soon else max(0.0, oldest + self._ttl - self._clock.monotonic()) + SLACK
        self._timer = asyncio.get_running_loop().call_later(delay, self.expire)

    def _delete(self, namespace: str, name: str) -> None:
        try:
            self._store.delete("events", namespace, name).add_done_callback(_check)
        except Missing:
            pass


def _check(future: asyncio.Future[Any]) -> None:
    if future.cancelled():
        return
    error = future.exception()
    if isinstance(error, StoreError):
        log.warning("cannot delete an old event: %s", error)
