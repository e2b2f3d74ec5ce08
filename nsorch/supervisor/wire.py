"""JSON messages with file descriptors over SOCK_SEQPACKET unix sockets (unix(7)); one datagram is one message."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

from nsorch.supervisor.protocol import MAX_MESSAGE

MAX_FDS = 8
_LONGEST = 107
"""Bytes of a path that fit into sun_path with its NUL."""


def _short(path: str) -> tuple[str, int]:
    """A name for ``path`` that fits into sun_path, and the folder's fd to close afterwards (-1: none)."""
    if len(os.fsencode(path)) <= _LONGEST:
        return path, -1
    folder, name = os.path.split(path)
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{fd}/{name}", fd


def new_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)


def listen(path: str, *, backlog: int = 64) -> socket.socket:
    """A listening socket at ``path``, mode 0600, replacing a dead one; non-blocking."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    name, fd = _short(path)
    server = new_socket()
    try:
        mask = os.umask(0o177)
        try:
            server.bind(name)
        finally:
            os.umask(mask)
        server.listen(backlog)
        server.setblocking(False)
    except BaseException:
        server.close()
        raise
    finally:
        if fd >= 0:
            os.close(fd)
    return server


def connect(path: str) -> socket.socket:
    """A blocking connection to ``path``."""
    name, fd = _short(path)
    client = new_socket()
    try:
        client.connect(name)
    except BaseException:
        client.close()
        raise
    finally:
        if fd >= 0:
            os.close(fd)
    return client


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def encode(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def send(connection: socket.socket, message: Any, fds: Sequence[int] = ()) -> None:
    send_bytes(connection, encode(message), fds)


def send_bytes(connection: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """BlockingIOError when the peer's buffer is full and the socket does not block."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    connection.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)


def receive(connection: socket.socket) -> tuple[Any, list[int]] | None:
    """One message and its descriptors (close-on-exec); None at the end. ValueError if it is not a JSON object."""
    space = socket.CMSG_SPACE(MAX_FDS * 4)
    data, ancillary, flags, _ = connection.recvmsg(MAX_MESSAGE + 1, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % 4])
    if not data:
        close_all(fds)
        return None
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close_all(fds)
        raise ValueError(f"cannot read a message of over {MAX_MESSAGE} bytes or {MAX_FDS} descriptors")
    try:
        message = json.loads(data)
        if not isinstance(message, dict):
            raise ValueError("cannot read a message: it is not a JSON object")
    except ValueError:
        close_all(fds)
        raise
    return message, list(fds)


def close_all(fds: Sequence[int] | array.array[int]) -> None:
    for fd in fds:
        os.close(fd)
