"""Clients that vanish while nobody reads from them.

A connection whose reading is paused (the process behind it does not take its standard input) does not tell its event
loop that the other side has gone: the end lies behind data that nobody reads. The kernel knows, and says so to
whoever asks for the hang-up alone.
"""

from __future__ import annotations

import asyncio
import select
import socket
from types import TracebackType
from typing import Self, cast

GRACE = 3.0
"""Seconds from the hang-up until the connection is given up: what had arrived before may still be taken."""
PROBES = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""A host that is gone without a word is noticed after two minutes."""


class HangupWatch:
    """``with HangupWatch(request.transport):`` aborts the connection soon after its other side has gone."""

    def __init__(self, transport: asyncio.BaseTransport | None) -> None:
        self._transport = transport
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if sock is None or sock.fileno() < 0:
            return self
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in PROBES:
                sock.setsockopt(socket.IPPROTO_TCP, name, value)
        self._epoll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._epoll.register(sock.fileno(), select.EPOLLRDHUP)
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._hung_up)
        return self

    def _hung_up(self) -> None:
        assert self._epoll is not None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._epoll.fileno())
        self._timer = loop.call_later(GRACE, self._abort)

    def _abort(self) -> None:
        cast(asyncio.WriteTransport, self._transport).abort()  # uvloop's are of no common class

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
