"""Many who add, or one who sweeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """``shared()`` may be held by many at a time, ``exclusive()`` by one alone; whoever waits for exclusive goes first."""

    def __init__(self) -> None:
        self._entry = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._inside = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        async with self._entry:
            self._inside += 1
            self._idle.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._idle.set()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        async with self._entry:
            await self._idle.wait()
            yield

    @property
    def busy(self) -> bool:
        """Somebody is adding right now."""
        return self._inside > 0
