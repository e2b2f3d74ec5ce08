"""A real API server on a unix socket in a temporary folder, without a node behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from nsorch.api.local_client import LocalClient
from nsorch.api.operations import Operations
from nsorch.api.server import ApiServer
from nsorch.api.settings import ApiSettings
from nsorch.kit.clock import Clock, SystemClock
from nsorch.resources import Namespace, Node, ServiceAccount
from nsorch.resources.kinds import REGISTRY
from nsorch.resources.runtime import ExecSession, LogOptions, RuntimeRefused
from nsorch.store import Store


class EchoSession:
    """Repeats its standard input on standard output, says ``err`` on the other; exit code from the command."""

    def __init__(self, argv: Sequence[str], *, stdin: bool) -> None:
        self.output: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self.code = int(argv[1]) if argv[:1] == ["exit"] else 0
        self.size = (0, 0)
        self.closed = asyncio.Event()
        if not stdin:
            self.output.put_nowait((1, " ".join(argv).encode()))
            self.output.put_nowait((2, b"err"))
            self.output.put_nowait(None)

    async def read(self) -> tuple[int, bytes] | None:
        return await self.output.get()

    async def write(self, data: bytes) -> None:
        self.output.put_nowait((1, data))

    async def close_stdin(self) -> None:
        self.output.put_nowait(None)

    async def resize(self, rows: int, columns: int) -> None:
        self.size = (rows, columns)
        self.output.put_nowait((1, f"{rows}x{columns}".encode()))

    async def wait(self) -> int:
        return self.code

    async def close(self) -> None:
        self.closed.set()


@dataclass
class FakeRuntime:
    """Stands where no node exists: logs and sessions from memory."""

    lines: list[bytes] = field(default_factory=lambda: [b"one\n", b"two\n"])
    asked: list[LogOptions] = field(default_factory=list)
    sessions: list[EchoSession] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def logs(self, namespace: str, name: str, uid: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.asked.append(options)
        if options.previous:
            raise RuntimeRefused(400, "BadRequest", f'previous terminated container "{options.container}" not found')
        for line in self.lines:
            yield line
        if options.follow:
            await self.more.wait()
            yield b"three\n"

    async def exec(self, uid: str, container: str, argv: Sequence[str], *, stdin: bool, tty: bool) -> ExecSession:
        if argv[0] == "missing":
            raise RuntimeRefused(500, "InternalError", "no such file")
        self.sessions.append(EchoSession(argv, stdin=stdin))
        return self.sessions[-1]

    async def attach(self, uid: str, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        return await self.exec(uid, container, ["attached"], stdin=stdin, tty=tty)

    async def connect(self, uid: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)


@dataclass
class Answer:
    """Status code, headers and parsed body of a response."""

    code: int
    headers: Any
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Cluster:
    """The parts of a running server, and a client on its socket."""

    store: Store
    operations: Operations
    server: ApiServer
    client: LocalClient
    runtime: FakeRuntime
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: Any = None, *, type: str = "", **headers: str) -> Answer:
        """One request; ``body`` bytes or JSON-like data."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = type or "application/json"
        async with self.session.request(method, f"http://nsorch{path}", data=data, headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def lines(self, path: str, count: int) -> list[Any]:
        """The first ``count`` events of a watch."""
        found: list[Any] = []
        async with self.session.get(f"http://nsorch{path}") as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                found.append(json.loads(line))
                if len(found) == count:
                    break
        return found


def settings(folder: Path, **changes: Any) -> ApiSettings:
    values: dict[str, Any] = {
        "socket": folder / "api.sock",
        "pki": folder / "pki",
        "kubeconfig": folder / "kubeconfig",
        "node_name": "node-1",
        "secure_address": "",
    }
    return ApiSettings(**(values | changes))


@asynccontextmanager
async def cluster(
    folder: Path, *, clock: Clock | None = None, bare: bool = False, **changes: Any
) -> AsyncIterator[Cluster]:
    """A running server with the Node ``node-1`` and the Namespace ``default`` (unless ``bare``)."""
    store = Store.open(folder / "nsorch.db")
    chosen = settings(folder, **changes)
    operations = Operations(store, REGISTRY, chosen, clock or SystemClock())
    operations.start()
    runtime = FakeRuntime()
    server = ApiServer(operations, runtime, chosen)
    client = LocalClient(operations)
    await server.start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(chosen.socket), limit=0)) as session:
            if not bare and store.revision == 1:
                await client.create(Node.from_dict({"metadata": {"name": "node-1"}}))
                await add_namespace(client, "default")
            yield Cluster(store, operations, server, client, runtime, session)
    finally:
        await server.stop()
        operations.stop()
        store.close()


async def add_namespace(client: LocalClient, name: str) -> None:
    """A Namespace with its ServiceAccount, as the namespace controller makes it."""
    await client.create(Namespace.from_dict({"metadata": {"name": name}}))
    await client.create(ServiceAccount.from_dict({"metadata": {"name": "default", "namespace": name}}))


def pod(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "busybox"}], **spec},
    }


def deployment(name: str = "web", replicas: int = 2) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "busybox"}]},
            },
        },
    }


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec},
    }


def configmap(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
