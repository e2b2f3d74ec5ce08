"""Passes questions on to the host's own resolvers, byte for byte."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path

TIMEOUT = 2.0
"""Seconds to wait for one resolver before the next is asked."""
ROUNDS = 2
MAX_PENDING = 1000
"""Questions under way at most; beyond that SERVFAIL, so that a resolver that leads back here cannot eat the memory."""


class Unanswered(Exception):
    """No resolver answered."""


class Upstream:
    """The host's resolvers, read again whenever their file changes."""

    def __init__(self, own_address: str, *, servers: Sequence[str] = (), file: Path = Path("/etc/resolv.conf")) -> None:
        """``servers`` (``ADDRESS`` or ``ADDRESS:PORT``), or else the nameservers in ``file``; never ``own_address``."""
        self._own = own_address
        self._fixed = [parse_server(server) for server in servers]
        self._file = file
        self._read: list[tuple[str, int]] = []
        self._stamp: tuple[int, int] | None = None
        self._pending = 0

    @property
    def servers(self) -> list[tuple[str, int]]:
        """(address, port) of each resolver, in order."""
        if self._fixed:
            return self._fixed
        try:
            status = os.stat(self._file)
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._read = list(nameservers(self._file.read_text(errors="replace"), self._own))
                self._stamp = stamp
        except OSError:
            self._read, self._stamp = [], None
        return self._read

    async def ask(self, question: bytes, *, tcp: bool) -> bytes:
        """The first answer to ``question`` (a whole DNS message), with its id. Unanswered if there is none."""
        servers = self.servers
        if not servers:
            raise Unanswered(f"no nameserver in {self._file}")
        if self._pending >= MAX_PENDING:
            raise Unanswered(f"{MAX_PENDING} questions are under way")
        self._pending += 1
        try:
            for _ in range(ROUNDS):
                for server in servers:
                    try:
                        async with asyncio.timeout(TIMEOUT):
                            return await (self._over_tcp if tcp else self._over_udp)(question, server)
                    except (TimeoutError, OSError, EOFError):
                        continue
        finally:
            self._pending -= 1
        raise Unanswered("no answer from " + ", ".join(address for address, _ in servers))

    async def _over_udp(self, question: bytes, server: tuple[str, int]) -> bytes:
        """A fresh socket and a random id per question: hard to forge an answer to."""
        loop = asyncio.get_running_loop()
        ours = secrets.token_bytes(2)
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as link:
            link.connect(server)
            await loop.sock_sendall(link, ours + question[2:])
            while True:
                answer = await loop.sock_recv(link, 65535)
                if len(answer) >= 12 and answer[:2] == ours and answer[2] & 0x80:
                    return question[:2] + answer[2:]

    async def _over_tcp(self, question: bytes, server: tuple[str, int]) -> bytes:
        reader, writer = await asyncio.open_connection(*server)
        try:
            writer.write(struct.pack("!H", len(question)) + question)
            await writer.drain()
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            return question[:2] + (await reader.readexactly(length))[2:]
        finally:
            writer.close()


def nameservers(text: str, own_address: str) -> Iterable[tuple[str, int]]:
    """The resolvers named in a resolv.conf, without ourselves."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                address = str(ip_address(words[1].partition("%")[0]))
            except ValueError:
                continue
            if address != own_address:
                yield address, 53


def parse_server(text: str) -> tuple[str, int]:
    """``ADDRESS`` or ``ADDRESS:PORT``; ValueError otherwise."""
    address, colon, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    return str(ip_address(address)), int(port) if colon else 53
