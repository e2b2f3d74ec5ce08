"""A deduplicating work queue with delays and per-key back-off.

The rules are those of client-go's workqueue: a key waiting is never queued twice; a key being worked on is not handed to
a second worker, and if it is added meanwhile it comes back once, after ``done``. Delayed keys sleep until
their deadline; of several deadlines for one key the earliest counts. Nothing polls: one timer is armed for the
earliest deadline of all.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque

from nsorch.kit.clock import Clock

BASE_BACKOFF = 0.005
"""Seconds before the first retry of a failing key; doubles with each failure."""
MAX_BACKOFF = 300.0
"""Upper bound in seconds of the delay between two retries."""


class WorkQueue:
    """Keys to reconcile. All methods belong to one event loop."""

    def __init__(self, clock: Clock, *, base_backoff: float = BASE_BACKOFF, max_backoff: float = MAX_BACKOFF) -> None:
        self._clock = clock
        self._base_backoff = base_backoff
        self._max_backoff = max_backoff
        self._ready: deque[str] = deque()
        self._dirty: set[str] = set()
        self._processing: set[str] = set()
        self._failures: dict[str, int] = {}
        self._deadlines: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_deadline = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing is ready and nothing is being worked on (delayed keys may still sleep)."""
        return not self._ready and not self._processing

    @property
    def retrying(self) -> bool:
        """Whether a key has failed and not succeeded since."""
        return bool(self._failures)

    def add(self, key: str) -> None:
        """Have ``key`` reconciled soon."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._ready.append(key)
            self._wake()

    def add_after(self, key: str, seconds: float) -> None:
        """Have ``key`` reconciled ``seconds`` from now, or earlier if it was asked for earlier."""
        if seconds <= 0:
            self.add(key)
            return
        deadline = self._clock.monotonic() + seconds
        known = self._deadlines.get(key)
        if known is not None and known <= deadline:
            return
        self._deadlines[key] = deadline
        heapq.heappush(self._heap, (deadline, key))
        self._arm()

    def add_rate_limited(self, key: str) -> float:
        """Have a failed ``key`` reconciled again after its back-off; returns the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(self._base_backoff * 2.0 ** min(failures, 60), self._max_backoff)
        self.add_after(key, delay)
        return delay

    def forget(self, key: str) -> None:
        """``key`` succeeded: its next failure starts the back-off afresh."""
        self._failures.pop(key, None)

    async def get(self) -> str:
        """The next key; call ``done`` with it afterwards, whatever happened."""
        while not self._ready:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled() and self._ready:
                    self._wake()
                raise
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: str) -> None:
        """The work on ``key`` has ended; if it was added meanwhile it is ready again."""
        self._processing.discard(key)
        if key in self._dirty:
            self._ready.append(key)
            self._wake()

    def promote(self) -> None:
        """Make every key ready whose deadline has come by the clock. The timer calls it; tests may after moving time."""
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            deadline, key = heapq.heappop(self._heap)
            if self._deadlines.get(key) == deadline:
                del self._deadlines[key]
                self.add(key)
        self._arm()

    def close(self) -> None:
        """Forget all keys and the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ready.clear()
        self._dirty.clear()
        self._deadlines.clear()
        self._heap.clear()
        self._failures.clear()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _arm(self) -> None:
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # superseded by an earlier deadline
        if not self._heap:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        deadline = self._heap[0][0]
        if self._timer is not None:
            if self._timer_deadline == deadline:
                return
            self._timer.cancel()
        self._timer_deadline = deadline
        delay = max(0.0, deadline - self._clock.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.promote()
