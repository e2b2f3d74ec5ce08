"""One SOCK_SEQPACKET connection on the event loop: requests with replies, and events in between."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nsorch.kit import logs
from nsorch.supervisor import wire

log = logs.logger("node")


class ChannelClosed(Exception):
    """The other side is gone; a request may or may not have been carried out."""


class RequestFailed(Exception):
    """The other side refused; the text says what it could not do and why."""


@dataclass(slots=True)
class Reply:
    """A successful answer and the file descriptors that came with it (the caller owns them)."""

    body: dict[str, Any]
    fds: list[int] = field(default_factory=list)


class Channel:
    """Owns ``connection``. ``on_event`` gets every message that is no reply; ``on_close`` is called once."""

    def __init__(
        self,
        connection: socket.socket,
        on_event: Callable[[dict[str, Any]], None],
        on_close: Callable[[], None],
    ) -> None:
        self._socket = connection
        self._socket.setblocking(False)
        self._on_event = on_event
        self._on_close = on_close
        self._next = 0
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._outgoing: deque[tuple[bytes, Sequence[int]]] = deque()
        self._loop = asyncio.get_running_loop()
        self.closed = False
        self._loop.add_reader(self._socket.fileno(), self._readable)

    @classmethod
    def connect(cls, path: str, on_event: Callable[[dict[str, Any]], None], on_close: Callable[[], None]) -> Channel:
        """Connect to a listening socket (immediate for unix sockets); OSError if nobody listens."""
        return cls(wire.connect(path), on_event, on_close)

    async def request(self, op: str, *, fds: Sequence[int] = (), timeout: float | None = None, **values: Any) -> Reply:
        """Send and wait for the answer. RequestFailed, ChannelClosed, TimeoutError."""
        if self.closed:
            raise ChannelClosed(f"cannot send {op}: the connection is closed")
        self._next += 1
        number = self._next
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting[number] = future
        try:
            self._send(wire.encode({"id": number, "op": op, **values}), fds)
            return await asyncio.wait_for(future, timeout) if timeout is not None else await future
        finally:
            self._waiting.pop(number, None)

    def post(self, op: str, **values: Any) -> None:
        """Send without waiting for the answer; nothing happens on a closed connection."""
        if not self.closed:
            self._next += 1
            with contextlib.suppress(ChannelClosed):
                self._send(wire.encode({"id": self._next, "op": op, **values}), ())

    def close(self) -> None:
        """Close; whoever still waits gets ChannelClosed. Safe to call twice. ``on_close`` is not called."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket.fileno())
        if self._outgoing:
            self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        # Nothing will be told any more: let go of who would have been, or a Pod's whole state lives until a full
        # garbage collection.
        self._on_event, self._on_close = _deaf, _silent
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ChannelClosed("the connection was closed"))

    def _send(self, data: bytes, fds: Sequence[int]) -> None:
        if self._outgoing:
            self._outgoing.append((data, fds))
            return
        try:
            wire.send_bytes(self._socket, data, fds)
        except BlockingIOError:
            self._outgoing.append((data, fds))
            self._loop.add_writer(self._socket.fileno(), self._writable)
        except OSError as error:
            raise ChannelClosed(f"cannot send: {error.strerror}") from error

    def _writable(self) -> None:
        while self._outgoing:
            data, fds = self._outgoing[0]
            try:
                wire.send_bytes(self._socket, data, fds)
            except BlockingIOError:
                return
            except OSError:
                break
            self._outgoing.popleft()
        self._outgoing.clear()
        self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        reset = False
        while not self.closed:
            try:
                received = wire.receive(self._socket)
            except BlockingIOError:
                return
            except ValueError as error:
                log.error("dropped a message of a supervisor: %s", error)
                continue
            except ConnectionResetError:
                # The peer closed without reading all we sent. What it said before is still to be read.
                if not reset:
                    reset = True
                    continue
                received = None
            except OSError:
                received = None
            if received is None:
                tell = self._on_close
                self.close()
                tell()
                return
            self._dispatch(*received)

    def _dispatch(self, message: dict[str, Any], fds: list[int]) -> None:
        if "event" in message:
            wire.close_all(fds)
            self._on_event(message)
            return
        future = self._waiting.get(message.get("id", -1))
        if future is None or future.done():
            wire.close_all(fds)
        elif message.get("ok"):
            future.set_result(Reply(message, fds))
        else:
            wire.close_all(fds)
            future.set_exception(RequestFailed(str(message.get("error") or "refused without saying why")))


def _deaf(message: dict[str, Any]) -> None:
    del message


def _silent() -> None:
    pass
