"""The loop every controller runs on: subscriptions feed a queue, workers call ``reconcile``."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from nsorch.controllers.queue import WorkQueue
from nsorch.kit.clock import Clock
from nsorch.kit.logs import logger
from nsorch.resources.client import Change, Client, ClientError, T
from nsorch.resources.meta import Resource
from nsorch.resources.registry import Kind, Registry

LOUD_AFTER = 8
"""Failures in a row of one key before a warning: conflicts and the like pass long before."""

STOP_SECONDS = 5.0
"""How long a stopping controller waits for writes under way."""


class Controller(ABC):
    """Base of all controllers.

    Subclasses set ``name`` and ``component`` (as Events name it), say in ``wire`` what they listen to, and implement
    ``reconcile``. An exception from ``reconcile`` means "try again later": the key comes back after its back-off.
    """

    name: str
    component: str
    workers: int = 4
    """How many different keys may be reconciled at the same time; writes made together share one commit."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self.queue = WorkQueue(clock)
        self.log = logger(f"controllers.{self.name}")
        self._unsubscribe: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: dict[str, int] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False

    @abstractmethod
    def wire(self) -> None:
        """Subscribe to kinds with ``self.on(model, handler)``; called once by ``start``."""

    @abstractmethod
    async def reconcile(self, key: str) -> None:
        """Make the next step for ``key``. May be called at any time; the object may be gone."""

    def on(self, model: type[T], handler: Callable[[Change[T]], None]) -> None:
        """Call ``handler`` for every existing object and for every change until ``stop``."""
        self._unsubscribe.append(self.client.subscribe(model, handler))

    def on_every(
        self,
        registry: Registry,
        wanted: Callable[[Kind[Any]], bool],
        handler: Callable[[Kind[Any], Change[Any]], None],
    ) -> None:
        """Call ``handler`` for the objects of all stored kinds that are ``wanted``, those that come later too."""
        subscriptions: dict[type[Resource], Callable[[], None]] = {}

        def subscribe(kind: Kind[Any]) -> None:
            def changed(change: Change[Any]) -> None:
                # The row may have been replaced meanwhile.
                handler(registry.resource(kind.resource) or kind, change)

            if kind.view is None and wanted(kind):
                subscriptions[kind.model] = self.client.subscribe(kind.model, changed)

        def follow(added: Sequence[Kind[Any]], gone: Sequence[Kind[Any]]) -> None:
            for kind in gone:
                if kind.model in subscriptions:
                    subscriptions.pop(kind.model)()
            for kind in added:
                subscribe(kind)

        def end() -> None:
            for unsubscribe in subscriptions.values():
                unsubscribe()

        for kind in registry.stored:
            subscribe(kind)
        self._unsubscribe += [registry.follow(follow), end]

    def enqueue(self, change: Change[T]) -> None:
        """A handler that queues the changed object itself."""
        self.queue.add(change.object.key)

    def event(self, about: Resource, reason: str, message: str, *, warning: bool = False) -> None:
        """Record an Event about an object in this controller's name."""
        self.client.event(
            about,
            type="Warning" if warning else "Normal",
            reason=reason,
            message=message,
            component=self.component,
        )

    async def start(self) -> None:
        """Subscribe and start the workers."""
        self.wire()
        for number in range(self.workers):
            self._tasks.append(asyncio.create_task(self._work(), name=f"{self.name}-{number}"))

    async def stop(self) -> None:
        """End subscriptions and workers; what is being reconciled may end its writes first."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if task not in self._busy:
                task.cancel()
        if self._busy:
            self._stopping = True
            await asyncio.wait(self._busy, timeout=STOP_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stopping = False
        self.queue.close()

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        while not self._stopping:
            key = await self.queue.get()
            self._busy.add(task)
            try:
                await self.reconcile(key)
            except ClientError as error:
                self._retry(key, error)
            except Exception as error:
                # A bug for one key must not end the worker that serves all others.
                self.log.exception("cannot reconcile %s", key)
                self._retry(key, error)
            else:
                self._failing.pop(key, None)
                self.queue.forget(key)
            finally:
                self._busy.discard(task)
                self.queue.done(key)

    def _retry(self, key: str, error: Exception) -> None:
        failures = self._failing.get(key, 0) + 1
        self._failing[key] = failures
        delay = self.queue.add_rate_limited(key)
        if failures >= LOUD_AFTER and failures & (failures - 1) == 0:
            self.log.warning("cannot reconcile %s (%d times, again in %.1f s): %s", key, failures, delay, error)


def split_key(key: str) -> tuple[str, str]:
    """Namespace and name of ``NAMESPACE/NAME``."""
    namespace, _, name = key.partition("/")
    return namespace, name
