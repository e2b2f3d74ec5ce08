"""No client starves another: each has so many requests under way at a time, the rest of its own wait in their order.

A client is a user with one program (``User-Agent``): ``kubectl`` of a person does not wait behind the same person's
runaway script. What runs for long (watches, logs, exec, port-forward) takes no seat. As in Kubernetes' priority and
fairness, a queue that is full is answered with 429 and ``Retry-After``, which clients heed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nsorch.api import failures

SEATS = 16
"""Requests of one client that are worked on at a time: enough that writers share commits."""
QUEUE = 256
"""Requests of one client that may wait."""


class _Flow:
    __slots__ = ("busy", "waiting")

    def __init__(self) -> None:
        self.busy = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class Fairness:
    """``async with fairness.seat(user, agent):`` around the work of a request."""

    def __init__(self, seats: int = SEATS, queue: int = QUEUE) -> None:
        self._seats = seats
        self._queue = queue
        self._flows: dict[tuple[str, str], _Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    @asynccontextmanager
    async def seat(self, user: str, agent: str) -> AsyncIterator[None]:
        """Wait for one's turn; Failure 429 if too many of the same client wait already."""
        key = (user, agent)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = _Flow()
        if flow.busy >= self._seats:
            await self._wait(key, flow)  # whoever ends hands over its seat
        else:
            flow.busy += 1
        try:
            yield
        finally:
            self._leave(key, flow)

    async def _wait(self, key: tuple[str, str], flow: _Flow) -> None:
        if len(flow.waiting) >= self._queue:
            raise failures.too_many_requests("too many requests, please try again later", 1)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        flow.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(key, flow)  # the seat came as the client went
            else:
                flow.waiting.remove(turn)
            raise

    def _leave(self, key: tuple[str, str], flow: _Flow) -> None:
        self._pass_on(flow)
        if not flow.busy:
            del self._flows[key]

    def _pass_on(self, flow: _Flow) -> None:
        while flow.waiting:
            turn = flow.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        flow.busy -= 1
