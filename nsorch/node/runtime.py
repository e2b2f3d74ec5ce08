"""``resources.runtime.Runtime``: what the API asks about running Pods."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence

from nsorch.kit.paths import Paths
from nsorch.linux import namespaces
from nsorch.node.containerlogs.files import runs
from nsorch.node.containerlogs.format import Filter, stamp
from nsorch.node.containerlogs.reader import read_log
from nsorch.node.sessions import start_attach, start_exec
from nsorch.node.status.compute import TERMINAL
from nsorch.node.supervisors import Supervisor
from nsorch.node.worker import PodWorker
from nsorch.resources.container_status import ContainerStatus
from nsorch.resources.runtime import ExecSession, LogOptions, RuntimeRefused
from nsorch.supervisor.protocol import ContainerState


class NodeRuntime:
    """Works on the agent's own table of workers."""

    def __init__(self, paths: Paths, workers: Mapping[str, PodWorker]) -> None:
        self._paths = paths
        self._workers = workers

    async def logs(self, namespace: str, name: str, uid: str, options: LogOptions) -> AsyncIterator[bytes]:
        """See ``Runtime.logs``."""
        folder = str(self._paths.pod_logs(namespace, name, uid) / options.container)
        worker = self._workers.get(uid)
        run = self._choose_run(folder, name, worker, options)
        changed = asyncio.Event()
        since = options.since_time
        if options.since_seconds is not None:
            since = time.time() - options.since_seconds
        chosen = Filter(
            since=stamp(since) if since is not None else b"",
            timestamps=options.timestamps,
            stream=b"" if options.stream in ("", "All") else options.stream.lower().encode(),
            left=options.limit_bytes,
        )

        def ended() -> bool:
            state = _container(worker, options.container)
            return state is None or state.phase != "running" or state.restart_count != run

        if worker is not None:
            worker.listeners.add(changed.set)
        try:
            async for data in read_log(
                folder,
                run,
                chosen,
                tail=options.tail_lines,
                follow=options.follow and not options.previous,
                ended=ended,
                changed=changed,
            ):
                yield data
        finally:
            if worker is not None:
                worker.listeners.discard(changed.set)

    async def exec(self, uid: str, container: str, argv: Sequence[str], *, stdin: bool, tty: bool) -> ExecSession:
        """See ``Runtime.exec``."""
        return await start_exec(self._running(uid, container), container, argv, stdin=stdin, tty=tty)

    async def attach(self, uid: str, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        """See ``Runtime.attach``."""
        return await start_attach(self._running(uid, container), container, stdin=stdin)

    async def connect(self, uid: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See ``Runtime.connect``: to 127.0.0.1 as the Pod sees it."""
        worker = self._workers.get(uid)
        pid = next((item.pid for item in worker.state.containers if item.pid), 0) if worker and worker.state else 0
        if not pid:
            raise RuntimeRefused(400, "BadRequest", "unable to forward port because pod is not running")
        connection: socket.socket | None = None
        try:
            connection = await _socket_inside(pid)
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
            return await asyncio.open_connection(sock=connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if not isinstance(error, OSError):
                raise
            why = os.strerror(error.errno) if error.errno else str(error)
            message = f"cannot connect to port {port} inside the Pod: {why}"
            raise RuntimeRefused(500, "InternalError", message) from error

    def _choose_run(self, folder: str, pod: str, worker: PodWorker | None, options: LogOptions) -> int:
        """Which run's log: the present one, or the one before it."""
        found = runs(folder)
        state = _container(worker, options.container)
        waiting = state is not None and state.phase == "waiting"
        wanted = 1 if options.previous and not waiting else 0
        if options.previous and waiting and state is not None and state.last is None:
            wanted = 1
        if len(found) > wanted:
            return found[-1 - wanted]
        if options.previous:
            message = f'previous terminated container "{options.container}" in pod "{pod}" not found'
            raise RuntimeRefused(400, "BadRequest", message)
        reason = _waiting_reason(worker, options.container)
        raise RuntimeRefused(
            400, "BadRequest", f'container "{options.container}" in pod "{pod}" is waiting to start: {reason}'
        )

    def _running(self, uid: str, container: str) -> Supervisor:
        worker = self._workers.get(uid)
        supervisor = worker.supervisor if worker is not None else None
        if worker is not None and (phase := worker.pod.status.phase) in TERMINAL:
            message = f"cannot exec into a container in a completed pod; current phase is {phase}"
            raise RuntimeRefused(400, "BadRequest", message)
        if worker is None or supervisor is None or supervisor.gone:
            raise RuntimeRefused(400, "BadRequest", "the Pod does not run yet")
        state = _container(worker, container)
        if state is None:
            raise RuntimeRefused(400, "BadRequest", f"container {container} is not valid for pod {worker.pod.name}")
        if state.phase != "running":
            raise RuntimeRefused(
                500, "InternalError", f'container not running: container "{container}" is {state.phase}'
            )
        return supervisor


def _container(worker: PodWorker | None, name: str) -> ContainerState | None:
    if worker is None or worker.state is None or worker.left or worker.lost:
        return None
    return next((item for item in worker.state.containers if item.name == name), None)


def _waiting_reason(worker: PodWorker | None, container: str) -> str:
    state = _container(worker, container)
    if state is not None and state.reason:
        return state.reason
    statuses: list[ContainerStatus] = []
    if worker is not None:
        status = worker.pod.status
        statuses = [*(status.initContainerStatuses or ()), *(status.containerStatuses or ())]
    for item in statuses:
        if item.name == container and item.state and item.state.waiting and item.state.waiting.reason:
            return item.state.waiting.reason
    return "ContainerCreating"


async def _socket_inside(pid: int) -> socket.socket:
    """A TCP socket of another process's network namespace, made by a thread that enters it and then ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[socket.socket] = loop.create_future()

    def deliver(made: socket.socket | None, error: OSError | None) -> None:
        if future.cancelled():
            if made is not None:
                made.close()
        elif made is not None:
            future.set_result(made)
        else:
            future.set_exception(error or OSError("cannot make a socket"))

    def work() -> None:
        made: socket.socket | None = None
        failed: OSError | None = None
        try:
            fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                namespaces.setns(fd, namespaces.CLONE_NEWNET)
            finally:
                os.close(fd)
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            made.setblocking(False)
        except OSError as error:
            failed = error
        loop.call_soon_threadsafe(deliver, made, failed)

    threading.Thread(target=work, name="nsorch-setns", daemon=True).start()
    return await future
