"""The supervisor's socket: who is connected, what they are told, what they may ask (see ``protocol``)."""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from nsorch.linux import call as door
from nsorch.supervisor import wire
from nsorch.supervisor.execs import Exec
from nsorch.supervisor.plan import ContainerPlan, from_plain
from nsorch.supervisor.pod import Pod
from nsorch.supervisor.terminal import set_size

QUEUE = 1000
"""Undelivered events and replies a client may have; one that reads none of them is dropped."""


class Client:
    """One connection. The state is sent as the newest, never queued twice; everything else in order."""

    def __init__(self, service: Service, connection: socket.socket) -> None:
        self._service = service
        self.connection = connection
        connection.setblocking(False)
        self._queue: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._state_due = False
        self.closed = False

    def state(self) -> None:
        self._state_due = True
        self.flush()

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send, now or when the peer reads again; ``fds`` are closed afterwards."""
        if self.closed or len(self._queue) >= QUEUE:
            wire.close_all(fds)
            self.close()
            return
        self._queue.append((wire.encode(message), tuple(fds)))
        self.flush()

    def flush(self) -> None:
        loop = self._service.pod.loop
        try:
            while self._queue and not self.closed:
                data, fds = self._queue[0]
                wire.send_bytes(self.connection, data, fds)
                self._queue.popleft()
                wire.close_all(fds)
            if self._state_due and not self.closed:
                wire.send_bytes(self.connection, self._service.state_message())
                self._state_due = False
        except BlockingIOError:
            loop.write(self.connection, self.flush)
        except OSError:
            self.close()
        else:
            if not self.closed:
                loop.write(self.connection, None)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._service.pod.loop.forget(self.connection)
        self.connection.close()
        for _, fds in self._queue:
            wire.close_all(fds)
        self._queue.clear()
        self._service.clients.discard(self)


class Service:
    """Listens for the daemon (and anybody else who is root)."""

    def __init__(self, pod: Pod, server: socket.socket) -> None:
        self.pod = pod
        self._server = server
        self.clients: set[Client] = set()
        self._execs: dict[str, Exec] = {}
        self._exec_count = 0
        self._message: tuple[int, bytes] = (-1, b"")
        pod.on_change = self._changed
        pod.loop.read(server, self._accept)
        self._operations: dict[str, Callable[[Client, dict[str, Any], list[int]], None]] = {
            "ping": self._ping,
            "stop": self._stop,
            "exit": self._exit,
            "restart": self._restart,
            "container": self._container,
            "exec": self._exec,
            "resize": self._resize,
            "signal": self._signal,
            "attach": self._attach,
        }

    def close(self) -> None:
        for client in list(self.clients):
            client.flush()
            client.close()
        try:
            os.unlink(self.pod.plan.socket)
        except FileNotFoundError:
            pass
        self._server.close()

    def state_message(self) -> bytes:
        if self._message[0] != self.pod.fact.sequence:
            self._message = self.pod.fact.sequence, wire.encode({"event": "state", "state": self.pod.state()})
        return self._message[1]

    def _changed(self) -> None:
        for client in list(self.clients):
            client.state()

    def _accept(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return  # gone again before we looked
        client = Client(self, connection)
        self.clients.add(client)
        self.pod.loop.read(connection, lambda: self._read(client))
        client.state()

    def _read(self, client: Client) -> None:
        try:
            received = wire.receive(client.connection)
        except BlockingIOError:
            return
        except ValueError as error:
            client.send({"ok": False, "error": str(error)})
            return
        except OSError:
            received = None
        if received is None:
            client.close()
            return
        message, fds = received
        base = {"id": message.get("id")}
        operation = self._operations.get(str(message.get("op")))
        try:
            if operation is None:
                raise ValueError(f"cannot do {message.get('op')!r}: unknown operation")
            operation(client, message, fds)
        except OSError as error:
            client.send({**base, "ok": False, "error": door.text(error)})
        except (ValueError, KeyError, TypeError) as error:
            client.send({**base, "ok": False, "error": f"cannot do {message.get('op')!r}: {error}"})
        finally:
            wire.close_all(fds)

    def _ok(self, client: Client, message: dict[str, Any], **more: Any) -> None:
        client.send({"id": message.get("id"), "ok": True, **more})

    def _ping(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        self._ok(client, message, pid=os.getpid())

    def _stop(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        self.pod.stop(float(message.get("grace", self.pod.plan.grace_seconds)))
        self._ok(client, message)

    def _exit(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        self._ok(client, message)
        self.pod.loop.stop()

    def _restart(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        container = self.pod.container(message["container"])
        container.restart(str(message.get("reason", "")), float(message.get("grace", self.pod.plan.grace_seconds)))
        self._ok(client, message)

    def _container(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        if "path" in message:
            with open(message["path"], "rb") as file:
                plan = json.load(file)
        else:
            plan = message["plan"]
        self.pod.add(from_plain(ContainerPlan, plan))
        self._ok(client, message)

    def _exec(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        self._exec_count += 1
        name = f"{os.getpid()}-{self._exec_count}"
        self._execs[name] = Exec(name, client, self.pod, message, fds, lambda: self._execs.pop(name, None))

    def _resize(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        if "exec" in message:
            terminal = self._running(message).terminal
        else:
            output = self.pod.container(message["container"]).output
            terminal = output.terminal if output else -1
        if terminal < 0:
            raise ValueError("it has no terminal")
        set_size(terminal, int(message["rows"]), int(message["cols"]))
        self._ok(client, message)

    def _signal(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        self._running(message).signal(int(message["signal"]))
        self._ok(client, message)

    def _running(self, message: dict[str, Any]) -> Exec:
        try:
            return self._execs[message["exec"]]
        except KeyError:
            raise ValueError(f"no exec {message.get('exec')!r} is running") from None

    def _attach(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        container = self.pod.container(message["container"])
        if container.output is None:
            raise ValueError(f"container {container.plan.name} is not running")
        names, given = container.output.attach(stdin=bool(message.get("stdin", True)))
        client.send({"id": message.get("id"), "ok": True, "fds": names, "tty": container.plan.tty}, given)
        if "stdin" in names and container.plan.stdin_once:
            container.output.close_stdin()
