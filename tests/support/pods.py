"""Network namespaces that play host and Pods, and sockets inside them, all in the test's own process.

A socket stays in the namespace it was made in, and a thread's children inherit the thread's: so the code under test
runs in a thread that has moved into the "host", and a "Pod" is a namespace with a veth and a few sockets.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from nsorch.network.addresses import host_interface
from nsorch.resources.client import Change
from nsorch.resources.meta import Resource
from tests.support.netns import NetworkNamespace

R = TypeVar("R")
SYSCTLS = tuple(
    f"net.ipv4.{name}" for name in ("conf.all.route_localnet", "conf.all.send_redirects", "conf.default.send_redirects")
)
CLONE_NEWNET = 0x40000000


def inside(namespace: NetworkNamespace, work: Callable[[], R]) -> R:
    """Run ``work`` in a new thread that has moved into ``namespace``; its result or its exception."""
    outcome: dict[str, Any] = {}

    def body() -> None:
        try:
            fd = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(fd)
            outcome["value"] = work()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]  # type: ignore[no-any-return]


def run_inside(namespace: NetworkNamespace, coroutine: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """The same for a coroutine function, on an event loop of its own."""
    return inside(namespace, lambda: asyncio.run(coroutine()))


class FakePod:
    """A namespace with a routed veth to ``host``, and servers that answer with the Pod's name and the client's address.

    ``with FakePod(host, "a", "10.244.0.2", "10.244.0.1") as pod:`` inside a running event loop."""

    def __init__(self, host: NetworkNamespace, name: str, address: str, node_address: str) -> None:
        self.host, self.name, self.address, self.node_address = host, name, address, node_address
        self.namespace = NetworkNamespace()
        self.servers: list[Any] = []

    def __enter__(self) -> Self:
        self.namespace.__enter__()
        outer = host_interface(self.name)
        self.host.run(
            ["sh", "-ec", f"""
            ip link add {outer} type veth peer name eth0 netns {self.namespace.holder.pid}
            ip link set {outer} up
            ip route add {self.address}/32 dev {outer} src {self.node_address}"""]
        )  # fmt: skip
        mac = _mac(self, outer)
        self.namespace.run(
            ["sh", "-ec", f"""
            ip addr add {self.address}/32 dev eth0
            ip link set eth0 up
            ip route add 169.254.1.1 dev eth0 scope link
            ip route add default via 169.254.1.1 dev eth0
            ip neigh add 169.254.1.1 dev eth0 lladdr {mac} nud permanent"""]
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self.servers:
            server.close()
        self.namespace.__exit__(kind, error, trace)

    async def serve_tcp(self, port: int) -> None:
        """Answer each connection with ``NAME CLIENT-ADDRESS``, then echo lines until the client closes."""
        listener = inside(self.namespace, lambda: _bound(socket.SOCK_STREAM, self.address, port))

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            client = writer.get_extra_info("peername")[0]
            try:
                writer.write(f"{self.name} {client}\n".encode())
                while line := await reader.readline():
                    writer.write(f"{self.name} {line.decode()}".encode())
            except ConnectionError:
                pass
            finally:
                writer.close()

        self.servers.append(await asyncio.start_server(answer, sock=listener, backlog=512))

    async def stop_listening(self) -> None:
        """Close every TCP listener, as a program does on SIGTERM: connections it has accepted go on."""
        for server in [each for each in self.servers if isinstance(each, asyncio.Server)]:
            self.servers.remove(server)
            server.close()

    async def serve_udp(self, port: int) -> None:
        """Answer each datagram with ``NAME CLIENT-ADDRESS``."""
        bound = inside(self.namespace, lambda: _bound(socket.SOCK_DGRAM, self.address, port))
        pod = self

        class Answer(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport: Any = transport

            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                self.transport.sendto(f"{pod.name} {addr[0]}\n".encode(), addr)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answer, sock=bound)
        self.servers.append(transport)


def _mac(pod: FakePod, interface: str) -> str:
    shown = pod.host.run(["ip", "-o", "link", "show", interface]).stdout
    return shown.split("link/ether ", 1)[1].split()[0]


def _bound(kind: int, address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.setblocking(False)
    return made


async def connect(
    namespace: NetworkNamespace, address: str, port: int, *, timeout: float = 5
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection from ``namespace``."""
    made = inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    made.setblocking(False)
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
            return await asyncio.open_connection(sock=made)
    except BaseException:
        made.close()
        raise


async def ask_tcp(namespace: NetworkNamespace, address: str, port: int) -> tuple[str, str]:
    """Connect from ``namespace``: the name of the Pod that answered, and the client address it saw."""
    reader, writer = await connect(namespace, address, port)
    try:
        async with asyncio.timeout(5):
            name, client = (await reader.readline()).decode().split()
        return name, client
    finally:
        writer.close()


def udp_socket(namespace: NetworkNamespace) -> socket.socket:
    made = inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.setblocking(False)
    return made


async def ask_udp(made: socket.socket, address: str, port: int, timeout: float = 5) -> tuple[str, str]:
    """One datagram and its answer. ConnectionRefusedError if it was rejected."""
    loop = asyncio.get_running_loop()
    made.connect((address, port))
    await loop.sock_sendall(made, b"?\n")
    async with asyncio.timeout(timeout):
        name, client = (await loop.sock_recv(made, 100)).decode().split()
    return name, client


class MemoryObjects:
    """The subscribing half of ``Client``: objects a test puts in by hand."""

    def __init__(self) -> None:
        self._objects: dict[type[Resource], dict[str, Resource]] = {}
        self._handlers: dict[type[Resource], list[Callable[[Change[Any]], None]]] = {}

    def subscribe(self, model: type[Resource], handler: Callable[[Change[Any]], None]) -> Callable[[], None]:
        handlers = self._handlers.setdefault(model, [])
        handlers.append(handler)
        for obj in self._objects.get(model, {}).values():
            handler(Change("ADDED", obj))
        return lambda: handlers.remove(handler)

    def put(self, obj: Resource) -> None:
        known = self._objects.setdefault(type(obj), {})
        previous = known.get(obj.key)
        known[obj.key] = obj
        for handler in self._handlers.get(type(obj), ()):
            handler(Change("MODIFIED" if previous else "ADDED", obj, previous))

    def remove(self, obj: Resource) -> None:
        last = self._objects[type(obj)].pop(obj.key)
        for handler in self._handlers.get(type(obj), ()):
            handler(Change("DELETED", last, last))


def rules_and_routes(namespace: NetworkNamespace) -> Mapping[str, str]:
    """Everything nsorch may leave behind in a host's network; built-in chains without rules do not count."""

    def show(*argv: str) -> str:
        return namespace.run(argv).stdout

    rules = [line for line in show("iptables-save").splitlines() if line.startswith("-A") or ":NSORCH" in line]
    return {
        "rules": "\n".join(rules),
        "routes": show("ip", "route", "show", "table", "all"),
        "addresses": show("ip", "addr"),
        "sysctls": show("sysctl", "net.ipv4.ip_forward", *SYSCTLS),
    }
