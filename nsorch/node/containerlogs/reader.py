"""Streams one run's log, and follows it over rotations until the run has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable

from nsorch.linux import inotify
from nsorch.node.containerlogs.files import BLOCK, segments, tail_position
from nsorch.node.containerlogs.format import Filter


async def read_log(
    folder: str,
    run: int,
    chosen: Filter,
    *,
    tail: int | None,
    follow: bool,
    ended: Callable[[], bool],
    changed: asyncio.Event,
) -> AsyncIterator[bytes]:
    """Printed bytes. While following, ``changed`` is set whenever ``ended()`` may have become true."""
    watch = -1
    loop = asyncio.get_running_loop()
    if follow:
        watch = inotify.inotify(folder, inotify.IN_MODIFY | inotify.IN_CREATE | inotify.IN_MOVED_FROM)
        loop.add_reader(watch, changed.set)
    try:
        paths = segments(folder, run)
        first, offset = tail_position(paths, tail) if tail is not None else (0, 0)
        for path in paths[first:-1]:
            async for data in _whole(path, offset, chosen):
                yield data
            offset = 0
        live = paths[-1]
        async for data in _live(live, offset, chosen, follow, watch, ended, changed):
            yield data
    finally:
        if watch >= 0:
            loop.remove_reader(watch)
            os.close(watch)


async def _whole(path: str, offset: int, chosen: Filter) -> AsyncIterator[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        tailer = _Tailer(fd, offset)
        while (lines := tailer.lines()) is not None and not chosen.full:
            if data := chosen.feed(lines):
                yield data
            await asyncio.sleep(0)
    finally:
        os.close(fd)


async def _live(
    path: str,
    offset: int,
    chosen: Filter,
    follow: bool,
    watch: int,
    ended: Callable[[], bool],
    changed: asyncio.Event,
) -> AsyncIterator[bytes]:
    fd = _open(path)
    tailer = _Tailer(fd, offset) if fd >= 0 else None
    try:
        while not chosen.full:
            changed.clear()
            if watch >= 0:
                inotify.drain(watch)
            over = ended()
            if tailer is not None and (lines := tailer.lines()) is not None:
                if data := chosen.feed(lines):
                    yield data
                await asyncio.sleep(0)
                continue
            replaced = _open(path)
            if replaced >= 0 and (fd < 0 or os.fstat(replaced).st_ino != os.fstat(fd).st_ino):
                # Rotated: the old file is read to its end already.
                if fd >= 0:
                    os.close(fd)
                fd, tailer = replaced, _Tailer(replaced, 0)
                continue
            if replaced >= 0:
                os.close(replaced)
            if not follow or over:
                return
            await changed.wait()
    finally:
        if fd >= 0:
            os.close(fd)


class _Tailer:
    """Complete lines from a growing file."""

    def __init__(self, fd: int, offset: int) -> None:
        self._fd = fd
        self._at = offset
        self._rest = b""

    def lines(self) -> list[bytes] | None:
        """The next complete lines (perhaps none yet), or None at the present end."""
        data = os.pread(self._fd, BLOCK, self._at)
        if not data:
            return None
        self._at += len(data)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        return lines


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
