"""Pipes and terminals shared with a supervisor, read and written on the event loop."""

from __future__ import annotations

import asyncio
import os

CHUNK = 64 * 1024


class _End:
    """A descriptor that is owned, non-blocking, and waited for by one task at most."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Close; whoever waits goes on and finds it closed. Safe to call twice."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._fd = -1
        self._ready()

    def _ready(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Reader(_End):
    """Reads only when asked to, so that a slow client slows the process down."""

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        while self._fd >= 0:
            try:
                return os.read(self._fd, CHUNK)
            except BlockingIOError:
                self._waiter = self._loop.create_future()
                self._loop.add_reader(self._fd, self._ready)
                try:
                    await self._waiter
                finally:
                    if self._fd >= 0:
                        self._loop.remove_reader(self._fd)
            except OSError:  # EIO: the last process has closed the terminal
                return b""
        return b""


class Writer(_End):
    """Writes all of what it is given."""

    async def write(self, data: bytes) -> None:
        """All of ``data``; what a reader who has gone cannot take is dropped."""
        view = memoryview(data)
        while view and self._fd >= 0:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                self._waiter = self._loop.create_future()
                self._loop.add_writer(self._fd, self._ready)
                try:
                    await self._waiter
                finally:
                    if self._fd >= 0:
                        self._loop.remove_writer(self._fd)
            except OSError:
                return
