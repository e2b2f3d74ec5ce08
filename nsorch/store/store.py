"""Desired and observed state: objects in memory, durable in SQLite, every change once and in order.

How a write goes. It is decided at once, on the event loop, against the *latest* state (what is durable plus what
waits to become so) and gets the next revision. All writes that wait while the writer thread is busy share the next
transaction. Only when that is durable do readers, subscribers and watchers see them and the writer's caller goes on.
If a transaction fails, all its writes fail, and with them those decided upon their outcome; nothing else.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import queue
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsorch.kit.logs import logger
from nsorch.resources.meta import Resource
from nsorch.store import connection as opening
from nsorch.store.errors import Changed, Exists, Missing, StoreError
from nsorch.store.history import undo
from nsorch.store.journal import MAX_BYTES, MAX_CHANGES, Journal, Watcher
from nsorch.store.loading import load
from nsorch.store.memory import Objects
from nsorch.store.record import Change, ChangeType, Key, Parse, Record
from nsorch.store.writer import Statement, Writer

log = logger("store")
Handler = Callable[[Change], None]
TURN = 0.004
"""Seconds for which the event loop may be held by publishing."""


def parse_with_registry(resource: str, body: bytes) -> Resource:
    """Parse a body as the model that the registry names for its resource."""
    from nsorch.resources.kinds import REGISTRY

    kind = REGISTRY.resource(resource)
    if kind is None:
        raise StoreError(f"cannot read an object of {resource}: no such kind")
    model: type[Resource] = kind.model
    return model.model_validate_json(body)


@dataclass(slots=True)
class Write:
    """One write on its way to the disk."""

    key: tuple[str, str, str]
    statements: list[Statement]
    apply: Callable[[], Any]
    """Makes it visible, once durable; its result is what the caller gets."""
    future: asyncio.Future[Any]
    after: Any = None
    """What ``latest`` shows meanwhile."""


@dataclass(slots=True)
class Store:
    """Open it with ``Store.open``; use it from one event loop only."""

    path: Path
    parse: Parse
    journal: Journal
    _lock: int
    _connect: opening.Connect
    _objects: dict[str, Objects] = field(default_factory=dict)
    _leases: dict[str, dict[str, str]] = field(default_factory=dict)
    _allocated: int = 0
    _pending: dict[tuple[str, str, str], Write] = field(default_factory=dict)
    _waiting: list[Write] = field(default_factory=list)
    _flying: list[Write] = field(default_factory=list)
    _landing: deque[Write] = field(default_factory=deque)
    _scheduled: bool = False
    _disk_journal: int = 0
    _outcomes: queue.SimpleQueue[StoreError | None] = field(default_factory=queue.SimpleQueue)
    _subscribers: dict[str, list[Handler]] = field(default_factory=dict)
    _writer: Writer | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    commits: int = 0
    """Transactions that became durable since the start."""
    trouble: str | None = None
    """What the disk said to the last transaction, if it refused it; None where it took it."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        parse: Parse = parse_with_registry,
        connect: opening.Connect = opening.connect,
        max_changes: int = MAX_CHANGES,
        max_bytes: int = MAX_BYTES,
    ) -> Store:
        """Open or make the database; ``StoreError`` if it is in use, corrupt, or newer than this program.

        ``connect`` makes the writing connection (tests inject one that fails).
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = opening.lock(path)
        try:
            opening.prepare(path)
            store = cls(path, parse, Journal(max_changes, max_bytes), lock, connect)
            load(store.path, parse, store.journal, store._objects, store._leases)
        except BaseException:
            os.close(lock)
            raise
        store._allocated = store.journal.revision
        store._disk_journal = len(store.journal)
        return store

    # Reading: what is durable, from memory.

    @property
    def revision(self) -> int:
        """The newest durable revision."""
        return self.journal.revision

    def get(self, resource: str, namespace: str | None, name: str) -> Record | None:
        """The durable state of one object. ``namespace`` None or "" for cluster-scoped kinds."""
        objects = self._objects.get(resource)
        return objects.get(Key(resource, namespace or "", name)) if objects else None

    def latest(self, resource: str, namespace: str | None, name: str) -> Record | None:
        """The state that a write would be decided upon: durable, or on its way. For read-modify-write without await."""
        key = Key(resource, namespace or "", name)
        if key in self._pending:
            after: Record | None = self._pending[key].after
            return after
        return self.get(resource, namespace, name)

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        after: tuple[str, str] | None = None,
        *,
        at: int | None = None,
    ) -> list[Record]:
        """Durable objects ordered by namespace and name; ``after`` (namespace, name) leaves out all up to that one.

        ``at``: as they were at that revision; ``Expired`` if the journal does not reach back to it."""
        objects = self._objects.get(resource)
        key = Key(resource, *after) if after else None
        found = objects.list(resource, namespace, key) if objects else []
        if at is None or at >= self.revision:
            return found
        return undo(self.journal, resource, found, at, namespace, key)

    def owned(self, resource: str, owner_uid: str) -> Iterable[Record]:
        """Durable objects whose controller ownerReference has this uid."""
        objects = self._objects.get(resource)
        return objects.owned(owner_uid) if objects else ()

    def resources(self) -> builtins.list[str]:
        """Of what there are objects."""
        return sorted(resource for resource, objects in self._objects.items() if len(objects))

    def count(self, resource: str) -> int:
        """How many durable objects there are."""
        return len(self._objects.get(resource, ()))

    def watch(self, resource: str, namespace: str | None = None, since: int | None = None) -> Watcher:
        """Changes after ``since`` (None: from now), as an async iterator. ``Expired``, ``NotYet``."""
        return self.journal.watcher(resource, namespace, since)

    def subscribe(self, resource: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` for each change as it becomes durable, on the event loop. Returns the way to unsubscribe."""
        handlers = self._subscribers.setdefault(resource, [])
        handlers.append(handler)

        def unsubscribe() -> None:
            if handler in handlers:
                handlers.remove(handler)

        return unsubscribe

    def end_watches(self, resource: str) -> None:
        """The resource is no longer served: its watches end."""
        self.journal.end(resource)

    def reread(self, records: Iterable[Record], fix: Callable[[bytes], bytes | None]) -> None:
        """Show objects in another form than they were stored in (``fix``; None: as they are). Nothing is written.

        Records that are no longer the present state are passed over."""
        for record in records:
            body = fix(record.body) if self.get(*record.key) is record else None
            if body is not None:
                again = Record(record.key, record.uid, record.revision, body, self.parse)
                controller = again.obj.controller()
                self._objects[record.resource].put(again, controller.uid if controller else "")

    # Writing: decided now, acknowledged when durable. The object's metadata.resourceVersion is set by the store.

    def create(self, resource: str, obj: Resource) -> asyncio.Future[Record]:
        """Add an object (it now belongs to the store). Raises ``Exists`` at once."""
        key = Key(resource, obj.namespace or "", obj.name)
        if self.latest(*key) is not None:
            raise Exists(f"{resource} {obj.key} exists")
        return self._put("ADDED", key, obj, None)

    def update(self, resource: str, obj: Resource, *, expect: int | None = None) -> asyncio.Future[Record]:
        """Replace an object (it now belongs to the store). Raises ``Missing``, or ``Changed`` if it is not at ``expect``."""
        key = Key(resource, obj.namespace or "", obj.name)
        return self._put("MODIFIED", key, obj, self._current(key, expect))

    def delete(
        self, resource: str, namespace: str | None, name: str, *, expect: int | None = None
    ) -> asyncio.Future[Record]:
        """Remove an object; the result is its last state. Raises ``Missing`` or ``Changed``."""
        key = Key(resource, namespace or "", name)
        current = self._current(key, expect)
        self._allocated += 1
        change = Change("DELETED", current.at(self._allocated), current)
        statements = [
            ("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", tuple(key)),
            _journal_row(change),
        ]
        return self._enqueue(key, statements, lambda: self._publish(change, ""), None)

    def _current(self, key: Key, expect: int | None) -> Record:
        current = self.latest(*key)
        if current is None:
            raise Missing(f"{key.resource} {key.namespace}/{key.name} does not exist")
        if expect is not None and current.revision != expect:
            raise Changed(f"{current!r} is not at revision {expect}")
        return current

    def _put(self, type: ChangeType, key: Key, obj: Resource, previous: Record | None) -> asyncio.Future[Record]:
        controller = obj.controller()
        owner = controller.uid if controller else ""
        self._allocated += 1
        obj.metadata.resourceVersion = str(self._allocated)
        record = Record(key, obj.uid, self._allocated, obj.to_json(), self.parse, obj)
        change = Change(type, record, previous)
        statements = [
            (
                "INSERT OR REPLACE INTO objects(resource, namespace, name, uid, owner, revision, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*key, record.uid, owner, record.revision, record.body),
            ),
            _journal_row(change),
        ]
        return self._enqueue(key, statements, lambda: self._publish(change, owner), record)

    async def settled(self, key: tuple[str, str, str]) -> None:
        """Return when the latest state of ``key`` is durable; raises ``StoreError`` if it could not become so."""
        write = self._pending.get(key)
        if write is not None:
            await asyncio.shield(write.future)

    # Leases: see leases.py, which is the face of these.

    def leases(self, pool: str) -> dict[str, str]:
        """Durable leases of a pool, by key."""
        return self._leases.setdefault(pool, {})

    def write_lease(self, pool: str, key: str, value: str | None) -> asyncio.Future[None]:
        """Set a lease, or remove it (None)."""
        statement: Statement
        if value is None:
            statement = ("DELETE FROM leases WHERE pool = ? AND key = ?", (pool, key))
        else:
            statement = ("INSERT OR REPLACE INTO leases(pool, key, value) VALUES (?, ?, ?)", (pool, key, value))

        def apply() -> None:
            if value is None:
                self.leases(pool).pop(key, None)
            else:
                self.leases(pool)[key] = value

        return self._enqueue(("lease", pool, key), [statement], apply, value)

    def pending_leases(self, pool: str) -> dict[str, str | None]:
        """Leases of a pool on their way to the disk; None: being released."""
        return {key[2]: write.after for key, write in self._pending.items() if key[:2] == ("lease", pool)}

    # The way to the disk.

    def _enqueue(
        self, key: tuple[str, str, str], statements: builtins.list[Statement], apply: Callable[[], Any], after: Any
    ) -> asyncio.Future[Any]:
        if self._lock < 0:
            raise StoreError(f"cannot write to {self.path}: the store is closed")
        loop = self._loop = asyncio.get_running_loop()
        write = Write(key, statements, apply, loop.create_future(), after)
        self._pending[key] = write
        self._waiting.append(write)
        if not self._flying and not self._landing and not self._scheduled:
            # Not at once: whatever else this turn of the loop writes shares the commit.
            self._scheduled = True
            loop.call_soon(self._take_off)
        return write.future

    def _take_off(self) -> None:
        self._scheduled = False
        if self._flying or self._landing or not self._waiting:
            return
        self._flying, self._waiting = self._waiting, []
        statements = [statement for write in self._flying for statement in write.statements]
        self._disk_journal += len(self._flying)
        if self._disk_journal > self.journal.max_changes * 1.25:
            self._disk_journal = len(self.journal) + len(self._flying)
            statements.append(("DELETE FROM journal WHERE revision <= ?", (self.journal.compacted,)))
            statements.append(("UPDATE facts SET value = ? WHERE name = 'compacted'", (self.journal.compacted,)))
        if self._writer is None:
            self._writer = Writer(self.path, self._connect, self._told)
        self._writer.submit(statements)

    def _told(self, error: StoreError | None) -> None:
        """In the writer's thread: pass the outcome to the event loop."""
        self._outcomes.put(error)
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._land)
            except RuntimeError:  # the loop is closed: close() takes the outcome itself
                pass

    def _land(self) -> None:
        try:
            error = self._outcomes.get_nowait()
        except queue.Empty:  # close() was faster
            return
        self._landed(error)
        self._taxi()

    def _landed(self, error: StoreError | None) -> None:
        batch, self._flying = self._flying, []
        self.trouble = None if error is None else str(error)
        if error is not None:
            self._fail(batch, error)
            return
        self.commits += 1
        self._landing.extend(batch)

    def _taxi(self) -> None:
        """Publish what has landed, a part per turn of the event loop (a batch may be hundreds of writes); then the next
        batch takes off."""
        until = time.monotonic() + TURN
        while self._landing:
            self._arrive(self._landing.popleft())
            if self._landing and self._loop is not None and time.monotonic() > until:
                self._loop.call_soon(self._taxi)
                return
        self._take_off()

    def _arrive(self, write: Write) -> None:
        if self._pending.get(write.key) is write:
            del self._pending[write.key]
        result = write.apply()
        if not write.future.done():
            write.future.set_result(result)

    def _fail(self, batch: builtins.list[Write], error: StoreError) -> None:
        keys = {write.key for write in batch}
        doomed = batch + [write for write in self._waiting if write.key in keys]
        self._waiting = [write for write in self._waiting if write.key not in keys]
        for write in doomed:
            self._pending.pop(write.key, None)
            if not write.future.done():
                write.future.set_exception(StoreError(str(error)))

    def _publish(self, change: Change, owner: str) -> Record:
        record = change.record
        objects = self._objects.get(record.resource)
        if objects is None:
            objects = self._objects[record.resource] = Objects()
        if change.type == "DELETED":
            objects.remove(record.key)
        else:
            objects.put(record, owner)
        self.journal.append(change)
        for handler in tuple(self._subscribers.get(record.resource, ())):
            try:
                handler(change)
            except Exception:  # one subscriber's fault must not hide the change from the others
                log.exception("a subscriber of %s failed", record.resource)
        if change.previous is not None:
            change.previous.forget()
        if change.type == "DELETED":
            record.forget()
        return record

    def close(self) -> None:
        """Write what waits, end the writer and close the file. Safe to call twice."""
        if self._lock < 0:
            return
        self._take_off()
        while self._flying or self._landing:
            if self._flying:
                self._landed(self._outcomes.get())
            while self._landing:
                self._arrive(self._landing.popleft())
            self._take_off()
        lock, self._lock = self._lock, -1
        if self._writer is not None:
            self._writer.stop()
        try:
            self._tidy()
        finally:
            os.close(lock)

    def _tidy(self) -> None:
        """Give free pages back to the file system; fold the write-ahead log into the database."""
        try:
            connection = opening.connect(self.path)
            try:
                connection.execute("PRAGMA incremental_vacuum").fetchall()
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.close()
        except sqlite3.Error as error:
            log.warning("cannot tidy %s: %s", self.path, error)


def _journal_row(change: Change) -> Statement:
    record, previous = change.record, change.previous
    return (
        "INSERT INTO journal(revision, type, resource, namespace, name, uid, before_revision, before)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.revision,
            change.type,
            *record.key,
            record.uid,
            previous.revision if previous else None,
            previous.body if previous else None,
        ),
    )
