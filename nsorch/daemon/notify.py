"""sd_notify(3): tell systemd that the daemon is ready, alive, or stopping; nothing without ``NOTIFY_SOCKET``."""

from __future__ import annotations

import asyncio
import os
import socket


def notify(message: str) -> None:
    """Send ``READY=1``, ``STOPPING=1``, ``WATCHDOG=1`` or ``STATUS=...``."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(message.encode())


async def keep_alive() -> None:
    """Feed systemd's watchdog twice per period, from the event loop that must be alive; ends at once without one."""
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    while period:
        notify("WATCHDOG=1")
        await asyncio.sleep(period / 2)
