"""The last changes, kept so that a watch resumes where it stopped, and the cursors that read them.

A watcher owns no queue: it is a position in the journal of its resource. So a slow watcher costs nothing and
blocks nobody; one that falls behind the journal's bound gets ``Expired`` and lists again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from nsorch.store.errors import Expired, NotYet
from nsorch.store.record import Change

MAX_CHANGES = 4096
"""Changes kept, over all resources."""
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of bodies kept, over all resources."""


PROGRESS = 512
"""Revisions after which even watchers of quiet resources are woken, so that they can tell how far they are."""


class Log:
    """Changes of one resource. ``start`` is the absolute number of the first one still kept."""

    __slots__ = ("changes", "ended", "start", "waiting")

    def __init__(self) -> None:
        self.changes: deque[Change] = deque()
        self.start = 0
        self.waiting: set[asyncio.Future[None]] = set()
        self.ended = False
        """The kind is no more: nothing will come."""

    @property
    def end(self) -> int:
        return self.start + len(self.changes)

    def wake(self) -> None:
        """Let those who wait look again."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)
        self.waiting.clear()

    def after(self, revision: int) -> int:
        """Absolute number of the first change newer than ``revision``; searched from the newest."""
        number = self.end
        for change in reversed(self.changes):
            if change.revision <= revision:
                break
            number -= 1
        return number


class Journal:
    """All logs, with one bound."""

    def __init__(self, max_changes: int = MAX_CHANGES, max_bytes: int = MAX_BYTES) -> None:
        self.max_changes = max_changes
        self.max_bytes = max_bytes
        self.compacted = 0
        """Revision of the newest change that is no longer kept."""
        self.revision = 0
        """Revision of the newest durable change."""
        self._logs: dict[str, Log] = {}
        self._order: deque[Log] = deque()
        self._bytes = 0
        self._told = 0

    def __len__(self) -> int:
        return len(self._order)

    def log(self, resource: str) -> Log:
        log = self._logs.get(resource)
        if log is None:
            log = self._logs[resource] = Log()
        return log

    def end(self, resource: str) -> None:
        """Let the watchers of a resource come to their end; later ones begin anew."""
        log = self._logs.pop(resource, None)
        if log is not None:
            log.ended = True
            log.wake()

    def append(self, change: Change) -> None:
        """Take in the newest change and wake those who wait for its resource."""
        log = self.log(change.record.resource)
        log.changes.append(change)
        self._order.append(log)
        self._bytes += change.size
        self.revision = change.revision
        while len(self._order) > self.max_changes or (self._bytes > self.max_bytes and len(self._order) > 1):
            self._drop()
        log.wake()
        if change.revision - self._told >= PROGRESS:
            self._told = change.revision
            for other in self._logs.values():
                other.wake()

    def _drop(self) -> None:
        log = self._order.popleft()
        change = log.changes.popleft()
        log.start += 1
        self._bytes -= change.size
        self.compacted = change.revision

    def watcher(self, resource: str, namespace: str | None, since: int | None) -> Watcher:
        """A cursor behind ``since`` (None: behind everything so far)."""
        log = self.log(resource)
        if since is None:
            return Watcher(self, log, namespace, log.end)
        if since > self.revision:
            raise NotYet(f"Too large resource version: {since}, current: {self.revision}")
        if since < self.compacted:
            raise Expired(f"too old resource version: {since} ({self.compacted})")
        return Watcher(self, log, namespace, log.after(since))


class Watcher:
    """A position in the changes of one resource; reads them in order, each once."""

    __slots__ = ("_journal", "_log", "_namespace", "_next")

    def __init__(self, journal: Journal, log: Log, namespace: str | None, start: int) -> None:
        self._journal = journal
        self._log = log
        self._namespace = namespace
        self._next = start

    @property
    def revision(self) -> int:
        """Everything up to this revision has been taken; true only straight after ``take``."""
        return self._journal.revision

    @property
    def ended(self) -> bool:
        """Whether the resource has gone: what has been taken was all."""
        return self._log.ended

    def take(self, limit: int = 500) -> list[Change]:
        """The next changes, at most about ``limit``; empty if there are none. ``Expired`` if some were lost."""
        log = self._log
        if self._next < log.start:
            raise Expired("the watcher was too slow: changes that it had not read were compacted")
        found: list[Change] = []
        while self._next < log.end and len(found) < limit:
            change = log.changes[self._next - log.start]
            self._next += 1
            if self._namespace is None or change.record.namespace == self._namespace:
                found.append(change)
        return found

    async def wait(self) -> None:
        """Return when ``take`` may have something."""
        if self._next < self._log.end or self._log.ended:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._log.waiting.add(waiter)
        try:
            await waiter
        finally:
            self._log.waiting.discard(waiter)

    async def __aiter__(self) -> AsyncIterator[Change]:
        while True:
            changes = self.take()
            for change in changes:
                yield change
            if not changes:
                if self.ended:
                    return
                await self.wait()
