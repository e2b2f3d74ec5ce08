"""Notices when somebody else takes away what ``HostNetwork`` made, and makes it again.

A restarted network manager flushes foreign addresses, a changed lease takes the node's address and, silently, the routes
that use it as their source. One rtnetlink socket (linux/rtnetlink.h) wakes a check; Pods that come and go do not.
"""

from __future__ import annotations

import asyncio
import errno
import socket

from nsorch.kit.logs import logger
from nsorch.network.host import HostNetwork, NetworkError
from nsorch.network.netlink import messages

ROUTE_PROTOCOL = 78
"""rtm_protocol of every route of nsorch (``ip route show proto 78``); unassigned in rt_protos."""
RTMGRP_IPV4_IFADDR = 0x10
RTMGRP_IPV4_ROUTE = 0x40
RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_DELROUTE = 25
CALM = 1.0
"""Seconds from the first sign to the check: a network manager takes several steps."""

log = logger("network")


class HostWatch:
    """Keeps what ``network.prepare()`` made."""

    def __init__(self, network: HostNetwork) -> None:
        self._network = network
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; after ``prepare()``."""
        watcher = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        watcher.bind((0, RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE))
        watcher.setblocking(False)
        self._socket = watcher
        asyncio.get_running_loop().add_reader(watcher.fileno(), self._drain)

    async def stop(self) -> None:
        """End; before ``teardown()``."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _drain(self) -> None:
        while self._socket is not None:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._suspect()
                continue
            if any(concerns_us(kind, payload) for kind, payload in messages(data)):
                self._suspect()

    def _suspect(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CALM, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._restore())
        else:
            self._suspect()

    async def _restore(self) -> None:
        try:
            if await self._network.restore():
                log.warning("somebody removed addresses or routes of nsorch: they are back")
        except NetworkError as error:
            log.error("%s", error)


def concerns_us(kind: int, payload: bytes) -> bool:
    """Whether a message can mean a loss: any address that comes or goes, or a route of ours that goes.

    ``struct rtmsg``: family, dst_len, src_len, tos, table, protocol, ..."""
    if kind in (RTM_NEWADDR, RTM_DELADDR):
        return True
    return kind == RTM_DELROUTE and len(payload) > 5 and payload[5] == ROUTE_PROTOCOL
