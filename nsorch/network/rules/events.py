"""Notices when another program changes the kernel's packet filter: no polling, one netlink socket.

Every committed nf_tables transaction ends with an NFT_MSG_NEWGEN message that names the process that made it
(include/uapi/linux/netfilter/nf_tables.h). iptables-legacy sends nothing of the kind; there the slow safety tick of the
proxy has to do.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator

from nsorch.kit.logs import logger
from nsorch.network.netlink import NETLINK_NETFILTER, attributes, messages

NFNLGRP_NFTABLES = 7
NFNL_SUBSYS_NFTABLES = 10
NFT_MSG_NEWGEN = 15
NFTA_GEN_PROC_PID = 2
NFTA_GEN_PROC_NAME = 3
RECEIVE_BUFFER = 1 << 20
"""Bytes; a large restore sends a message per rule, and only the last one matters."""

log = logger("network")


class RuleEvents:
    """Calls ``changed(pid, program)`` on the event loop after each transaction, with the process behind it (0 and ""
    when messages were lost). The pid is that of the host's first PID namespace."""

    def __init__(self, changed: Callable[[int, str], None]) -> None:
        self._changed = changed
        self._socket: socket.socket | None = None

    def start(self) -> bool:
        """Subscribe; False where the kernel has no such events."""
        try:
            watcher = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        except OSError as error:
            log.info("no nf_tables events (%s): foreign changes are seen by the safety tick only", error)
            return False
        try:
            watcher.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))
        except OSError as error:
            watcher.close()
            log.info("no nf_tables events (%s): foreign changes are seen by the safety tick only", error)
            return False
        watcher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        watcher.setblocking(False)
        self._socket = watcher
        asyncio.get_running_loop().add_reader(watcher.fileno(), self.drain)
        return True

    def stop(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def drain(self) -> None:
        """Report everything that has happened until now."""
        while self._socket is not None:
            try:
                data = self._socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._changed(0, "")
                continue
            for pid, program in authors(data):
                self._changed(pid, program)


def authors(data: bytes) -> Iterator[tuple[int, str]]:
    """Pid and name of the processes whose transactions end in this packet."""
    for kind, payload in messages(data):
        if kind == (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN:
            found = attributes(payload[4:])
            pid = int.from_bytes(found.get(NFTA_GEN_PROC_PID, b""), "big")
            yield pid, os.fsdecode(found.get(NFTA_GEN_PROC_NAME, b"").rstrip(b"\0"))
