"""Commands run inside a container to their end: exec probes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

from nsorch.node.streams import Reader
from nsorch.node.supervisors import Supervisor

MAX_OUTPUT = 10 * 1024


async def run_command(supervisor: Supervisor, container: str, argv: Sequence[str], timeout: float) -> tuple[int, bytes]:
    """(exit code, first 10 KiB of stdout and stderr). TimeoutError ends it with SIGKILL; RequestFailed if it cannot
    be run at all."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    source, sink = os.pipe2(os.O_CLOEXEC)
    reader = Reader(source)
    exec_id = ""
    try:
        try:
            reply = await supervisor.exec(
                container, argv, fds=(null, sink, sink), env=[], cwd="", tty=False, stdin=False, timeout=timeout
            )
            exec_id = str(reply.body.get("exec"))
        finally:
            os.close(null)
            os.close(sink)
        output = bytearray()
        async with asyncio.timeout(timeout):
            collecting = asyncio.ensure_future(_collect(reader, output))
            try:
                code, error = await supervisor.exec_ended(exec_id)
                # A grandchild may keep the pipe open; what the command itself wrote is already in it.
                await asyncio.wait([collecting], timeout=0.05)
            finally:
                collecting.cancel()
        return code, bytes(output) if not error else error.encode()
    except TimeoutError:
        if exec_id:
            supervisor.signal(exec_id, signal.SIGKILL)
        raise
    finally:
        reader.close()


async def _collect(reader: Reader, output: bytearray) -> None:
    while data := await reader.read():
        output += data[: MAX_OUTPUT - len(output)]
