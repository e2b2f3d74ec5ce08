"""The daemon's end of the spawner: started when it is not running, found again when it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Any

from nsorch.kit import logs
from nsorch.kit.paths import Paths
from nsorch.node.channel import Channel, ChannelClosed
from nsorch.node.processes import process_ended, watch_process

log = logs.logger("node")
START_TIMEOUT = 15.0


class SpawnerError(Exception):
    """The spawner cannot be started."""


class Spawner:
    """``start(plan)`` forks a Pod supervisor; the connection is made on first use and again when it breaks."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._channel: Channel | None = None
        self._lock = asyncio.Lock()
        self._leaving = False

    async def ready(self) -> None:
        """Have the spawner running and connected (the daemon calls this early, it takes a moment)."""
        await self._connected()

    async def start(self, plan_path: str) -> int:
        """Start the Pod of this plan file; its supervisor's pid. RequestFailed says why it could not be."""
        channel = self._channel if self._channel is not None and not self._channel.closed else await self._connected()
        reply = await channel.request("start", plan=plan_path)
        return int(reply.body.get("pid", 0))

    async def exit(self) -> None:
        """End the spawner (Pods stay)."""
        try:
            channel = await asyncio.wait_for(self._existing(), 5.0)
        except (OSError, TimeoutError):
            return
        with contextlib.suppress(ChannelClosed, TimeoutError):
            answer = await channel.request("ping", timeout=5.0)
            process = watch_process(int(answer.body.get("pid", 0)))
            self._leaving = True
            channel.post("exit")
            await process_ended(process, 5.0)
        channel.close()

    def disconnect(self) -> None:
        """Let go; the spawner stays."""
        if self._channel is not None:
            self._channel.close()

    async def _existing(self) -> Channel:
        if self._channel is None or self._channel.closed:
            self._channel = Channel.connect(str(self._paths.spawner_socket), self._event, self._gone)
        return self._channel

    async def _connected(self) -> Channel:
        async with self._lock:
            try:
                return await self._existing()
            except OSError:
                await self._launch()
                return await self._existing()

    async def _launch(self) -> None:
        """Start it detached: own session, nothing inherited but standard error."""
        path = str(self._paths.spawner_socket)
        self._paths.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._paths.pod_sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._paths.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        record = os.open(self._paths.logs / "spawner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "nsorch.supervisor.spawner",
                "--socket",
                path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=record,
                stderr=record,
                start_new_session=True,
                cwd="/",
                env={**os.environ, "PYTHONPATH": _package_root()},
            )
        finally:
            os.close(record)
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while asyncio.get_running_loop().time() < deadline:
            # The only wait without an event: once in the spawner's life, until its socket appears.
            with contextlib.suppress(OSError):
                await self._existing()
                return
            if process.returncode is not None and process.returncode != 0:
                raise SpawnerError(
                    f"cannot start the spawner: it ended with status {process.returncode}, see spawner.log"
                )
            await asyncio.sleep(0.005)
        raise SpawnerError(f"cannot start the spawner: {path} did not appear within {START_TIMEOUT:.0f} s")

    def _event(self, message: dict[str, Any]) -> None:
        log.debug("spawner says %s", message)

    def _gone(self) -> None:
        if not self._leaving:
            log.warning("the spawner has ended; the next Pod starts a new one")


def _package_root() -> str:
    """The folder that holds ``nsorch``, in front of what PYTHONPATH already says."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
