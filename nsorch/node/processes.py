"""Waiting for processes that are not our children."""

from __future__ import annotations

import asyncio
import os


def watch_process(pid: int) -> int:
    """A pidfd to hand to ``process_ended``; -1 if there is no such process. Take it while the process surely lives."""
    if pid <= 0:
        return -1
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


async def process_ended(pidfd: int, timeout: float) -> bool:
    """Wait for the end of the process and close ``pidfd``; False if ``timeout`` seconds passed first."""
    if pidfd < 0:
        return True
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), timeout)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
    return True
