"""Pipes and terminals shared with a supervisor, read and written on the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

CHUNK = 64 * 1024


class Reader:
    """Reads ``fd`` (owned, made non-blocking) only when asked to, so that a slow client slows the process down."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        while self._fd >= 0:
            try:
                return os.read(self._fd, CHUNK)
            except BlockingIOError:
                await _ready(self._loop, self._fd, self._loop.add_reader, self._loop.remove_reader)
            except OSError:  # EIO: the last process has closed the terminal
                return b""
        return b""

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


class Writer:
    """Writes to ``fd`` (owned, made non-blocking)."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()

    async def write(self, data: bytes) -> None:
        """All of ``data``; what a reader who has gone cannot take is dropped."""
        view = memoryview(data)
        while view and self._fd >= 0:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await _ready(self._loop, self._fd, self._loop.add_writer, self._loop.remove_writer)
            except OSError:
                return

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1


async def _ready(
    loop: asyncio.AbstractEventLoop,
    fd: int,
    add: Callable[..., None],
    remove: Callable[[int], bool],
) -> None:
    future: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not future.done():
            future.set_result(None)

    add(fd, ready)
    try:
        await future
    finally:
        remove(fd)
