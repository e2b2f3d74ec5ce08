"""exec and attach: one process's streams between a supervisor and an API client."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

from nsorch.node.channel import ChannelClosed, RequestFailed
from nsorch.node.streams import Reader, Writer
from nsorch.node.supervisors import Supervisor
from nsorch.resources.runtime import RuntimeRefused

LINGER = 1.0
"""Seconds for which output is still read after the process has ended (a child of it may hold the pipes for ever)."""
QUEUE = 16


class Session:
    """Implements ``resources.runtime.ExecSession`` for exec (with ``exec_id``) and attach (without)."""

    def __init__(
        self,
        supervisor: Supervisor,
        readers: Sequence[tuple[int, Reader]],
        writer: Writer | None,
        *,
        exec_id: str = "",
        container: str = "",
    ) -> None:
        self._supervisor = supervisor
        self._readers = [reader for _, reader in readers]
        self._writer = writer
        self._exec_id = exec_id
        self._container = container
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(QUEUE)
        loop = asyncio.get_running_loop()
        self._pumps = [loop.create_task(self._pump(stream, reader)) for stream, reader in readers]
        self._ending = loop.create_task(self._end_of_output())
        self._result: asyncio.Task[tuple[int, str]] | None = (
            loop.create_task(supervisor.exec_ended(exec_id)) if exec_id else None
        )
        self._closed = False
        self._passed = 0

    async def read(self) -> tuple[int, bytes] | None:
        if self._closed and self._queue.empty():
            return None
        item = await self._queue.get()
        if item is None:
            self._closed = True
        return item

    async def write(self, data: bytes) -> None:
        if self._writer is not None:
            await self._writer.write(data)

    async def close_stdin(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def resize(self, rows: int, columns: int) -> None:
        if self._exec_id:
            self._supervisor.resize(rows, columns, exec=self._exec_id)
        else:
            self._supervisor.resize(rows, columns, container=self._container)

    async def wait(self) -> int:
        if self._result is None:
            await asyncio.wait([self._ending])
            return 0
        code, error = await asyncio.shield(self._result)
        if error:
            raise RuntimeRefused(500, "InternalError", error)
        return code

    async def close(self) -> None:
        for task in (*self._pumps, self._ending):
            task.cancel()
        await asyncio.gather(*self._pumps, self._ending, return_exceptions=True)
        for reader in self._readers:
            reader.close()
        await self.close_stdin()
        if self._result is not None and not self._result.done():
            # As when a terminal hangs up; what ignores it goes on without streams, as under Kubernetes.
            self._supervisor.signal(self._exec_id, signal.SIGHUP)
            self._supervisor.signal(self._exec_id, signal.SIGTERM)

    async def _pump(self, stream: int, reader: Reader) -> None:
        while data := await reader.read():
            await self._queue.put((stream, data))
            self._passed += 1

    async def _end_of_output(self) -> None:
        pumps: asyncio.Future[Any] = asyncio.gather(*self._pumps, return_exceptions=True)
        if self._result is not None:
            both: list[asyncio.Future[Any]] = [pumps, self._result]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            while not pumps.done():
                before = self._passed
                await asyncio.wait([pumps], timeout=LINGER)
                if self._passed == before and not self._queue.full():
                    for pump in self._pumps:
                        pump.cancel()
                    break
        await pumps
        await self._queue.put(None)


async def start_exec(supervisor: Supervisor, container: str, argv: Sequence[str], *, stdin: bool, tty: bool) -> Session:
    """Start a command. RuntimeRefused if the container does not run or the supervisor is gone."""
    try:
        return await (
            _with_terminal(supervisor, container, argv) if tty else _with_pipes(supervisor, container, argv, stdin)
        )
    except (RequestFailed, ChannelClosed) as error:
        raise RuntimeRefused(500, "InternalError", str(error)) from error


async def _with_terminal(supervisor: Supervisor, container: str, argv: Sequence[str]) -> Session:
    reply = await supervisor.exec(
        container, argv, env=[("TERM", "xterm")], cwd="", tty=True, stdin=True, rows=0, cols=0, timeout=None
    )
    exec_id = str(reply.body["exec"])
    if not reply.fds:
        code, error = await supervisor.exec_ended(exec_id)
        raise RuntimeRefused(500, "InternalError", error or f"the command ended at once with exit code {code}")
    master = reply.fds[0]
    return Session(supervisor, [(1, Reader(master))], Writer(os.dup(master)), exec_id=exec_id)


async def _with_pipes(supervisor: Supervisor, container: str, argv: Sequence[str], stdin: bool) -> Session:
    out_read, out_write = os.pipe2(os.O_CLOEXEC)
    error_read, error_write = os.pipe2(os.O_CLOEXEC)
    if stdin:
        in_read, in_write = os.pipe2(os.O_CLOEXEC)
    else:
        in_read, in_write = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1
    try:
        reply = await supervisor.exec(
            container,
            argv,
            fds=(in_read, out_write, error_write),
            env=[],
            cwd="",
            tty=False,
            stdin=stdin,
            timeout=None,
        )
    except BaseException:
        for fd in (out_read, error_read, in_write):
            if fd >= 0:
                os.close(fd)
        raise
    finally:
        for fd in (in_read, out_write, error_write):
            os.close(fd)
    readers = [(1, Reader(out_read)), (2, Reader(error_read))]
    writer = Writer(in_write) if in_write >= 0 else None
    return Session(supervisor, readers, writer, exec_id=str(reply.body["exec"]))


async def start_attach(supervisor: Supervisor, container: str, *, stdin: bool) -> Session:
    """Attach to a container's first process."""
    try:
        reply = await supervisor.attach(container)
    except (RequestFailed, ChannelClosed) as error:
        raise RuntimeRefused(500, "InternalError", str(error)) from error
    writer: Writer | None = None
    readers: list[tuple[int, Reader]] = []
    for name, fd in zip(reply.body.get("fds") or (), reply.fds, strict=False):
        if name == "stdin":
            if stdin:
                writer = Writer(fd)
            else:
                os.close(fd)
        else:
            readers.append((2 if name == "stderr" else 1, Reader(fd)))
    return Session(supervisor, readers, writer, container=container)
