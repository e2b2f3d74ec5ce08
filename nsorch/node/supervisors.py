"""The daemon's end of one Pod supervisor."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from nsorch.kit import logs
from nsorch.node.channel import Channel, Reply
from nsorch.node.processes import process_ended, watch_process
from nsorch.supervisor.plan import ContainerPlan, from_plain
from nsorch.supervisor.protocol import MAX_MESSAGE, ContainerState, PodState, Terminated

log = logs.logger("node")
LARGE_PLAN = MAX_MESSAGE // 2
MAX_UNCLAIMED = 64
"""Results of execs that nobody has asked for yet."""


class Supervisor:
    """Requests to one supervisor, and its state as it reports it.

    ``on_state`` is called after every change, ``on_gone`` once when the supervisor has ended (asked to or not).
    """

    def __init__(self, path: str, on_state: Callable[[PodState], None], on_gone: Callable[[], None]) -> None:
        self.state: PodState | None = None
        self._on_state = on_state
        self._on_gone = on_gone
        self._gone = asyncio.Event()
        self._execs: dict[str, asyncio.Future[tuple[int, str]]] = {}
        self._early: dict[str, tuple[int, str]] = {}
        self._channel = Channel.connect(path, self._event, self._closed)

    @property
    def gone(self) -> bool:
        return self._channel.closed

    async def stop(self, grace: float) -> None:
        """Begin to stop everything: preStop, stop signal, SIGKILL after ``grace`` seconds."""
        await self._channel.request("stop", grace=grace)

    async def exit(self, timeout: float = 10.0) -> None:
        """Make the supervisor leave and wait until its process, and with it all that was the Pod's, is gone."""
        if self._channel.closed:
            return
        process = watch_process(self.state.pid if self.state is not None else 0)
        self._channel.post("exit")
        try:
            await asyncio.wait_for(self._gone.wait(), timeout)
        except TimeoutError:
            log.error("a supervisor did not leave within %.0f s", timeout)
        if not await process_ended(process, timeout):
            log.error("a supervisor's process did not end within %.0f s", timeout)

    async def restart(self, container: str, reason: str, grace: float) -> None:
        """Stop one container; its restartPolicy then applies."""
        await self._channel.request("restart", container=container, reason=reason, grace=grace)

    async def container(self, plan: ContainerPlan) -> None:
        """Add a container or replace its plan."""
        document = dataclasses.asdict(plan)
        text = json.dumps(document)
        if len(text) < LARGE_PLAN:
            await self._channel.request("container", plan=document)
            return
        with tempfile.NamedTemporaryFile("w", prefix="nsorch-container-", suffix=".json") as file:  # mode 0600
            file.write(text)
            file.flush()
            await self._channel.request("container", path=file.name)

    async def exec(self, container: str, argv: Sequence[str], *, fds: Sequence[int] = (), **values: Any) -> Reply:
        """Start a process in a container; the reply's body has its ``exec`` id."""
        return await self._channel.request("exec", fds=fds, container=container, argv=list(argv), **values)

    async def exec_ended(self, exec_id: str) -> tuple[int, str]:
        """(exit code, error text) of an exec, when it has ended. ChannelClosed if the supervisor goes first."""
        if exec_id in self._early:
            return self._early.pop(exec_id)
        future = self._execs.setdefault(exec_id, asyncio.get_running_loop().create_future())
        try:
            return await future
        finally:
            self._execs.pop(exec_id, None)

    async def attach(self, container: str) -> Reply:
        """File descriptors of the container's standard input (if open) and output."""
        return await self._channel.request("attach", container=container)

    def resize(self, rows: int, columns: int, **target: str) -> None:
        """Set the terminal's size of ``exec=ID`` or ``container=NAME``."""
        self._channel.post("resize", rows=rows, cols=columns, **target)

    def signal(self, exec_id: str, number: int) -> None:
        """Send a signal to an exec's process."""
        self._channel.post("signal", exec=exec_id, signal=number)

    def disconnect(self) -> None:
        """Let go of the supervisor, which goes on alone."""
        self._channel.close()

    def _event(self, message: dict[str, Any]) -> None:
        if message["event"] == "state":
            try:
                self.state = parse_state(message["state"])
            except (KeyError, ValueError) as error:
                log.error("cannot read a supervisor's state: %s", error)
                return
            self._on_state(self.state)
        elif message["event"] == "exec":
            exec_id = str(message.get("exec"))
            result = (int(message.get("exit_code", -1)), str(message.get("error") or ""))
            future = self._execs.get(exec_id)
            if future is not None and not future.done():
                future.set_result(result)
            elif future is None:
                self._early[exec_id] = result
                if len(self._early) > MAX_UNCLAIMED:  # of execs whose caller gave up
                    del self._early[next(iter(self._early))]

    def _closed(self) -> None:
        self._gone.set()
        for future in self._execs.values():
            if not future.done():
                future.set_result((137, "the Pod's supervisor has ended"))
        self._on_gone()


def parse_state(data: Any) -> PodState:
    """A ``PodState`` from its JSON; unknown keys are ignored, so that newer supervisors can be understood."""
    plain = dict(data)
    containers = plain.pop("containers", None) or []
    state = from_plain(PodState, plain)
    state.containers = [_container(item) for item in containers]
    return state


def _container(data: Any) -> ContainerState:
    plain = dict(data)
    last, ended = plain.pop("last", None), plain.pop("ended", None)
    state = from_plain(ContainerState, plain)
    state.last = from_plain(Terminated, last) if last else None
    state.ended = from_plain(Terminated, ended) if ended else None
    return state
