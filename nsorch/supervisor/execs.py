"""Commands run beside a container's own process (kubectl exec, exec probes), with pipes or a terminal of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nsorch.supervisor import wire
from nsorch.supervisor.launch import Birth, Stdio
from nsorch.supervisor.loop import Deadline

if TYPE_CHECKING:
    from nsorch.supervisor.pod import Pod
    from nsorch.supervisor.service import Client


class Exec:
    """One command. Replies once its terminal (if any) is there; sends the ``exec`` event when it has ended."""

    def __init__(
        self,
        name: str,
        client: Client,
        pod: Pod,
        message: dict[str, Any],
        fds: list[int],
        gone: Callable[[], object],
    ) -> None:
        self.name = name
        self.terminal = -1
        self._client = client
        self._loop = pod.loop
        self._id = message.get("id")
        self._gone = gone
        self._failure: dict[str, Any] = {}
        self._replied = False
        self._timed_out = False
        self._deadline: Deadline | None = None
        tty = bool(message.get("tty"))
        try:
            if not tty and len(fds) != 3:
                raise ValueError(f"exec without tty needs 3 descriptors, got {len(fds)}")
            stdio = Stdio(
                fds=None if tty else (fds[0], fds[1], fds[2]),
                rows=int(message.get("rows") or 0),
                cols=int(message.get("cols") or 0),
            )
            env = [(str(key), str(value)) for key, value in message.get("env") or ()]
            container = pod.container(message["container"])
            birth = container.execute(stdio, list(message["argv"]), env, message.get("cwd") or "")
        except BaseException:
            gone()
            raise
        self._pid = birth.pid
        self._birth: Birth | None = birth
        self._timeout = message.get("timeout")
        if self._timeout:
            self._deadline = self._loop.after(float(self._timeout), self._overdue)
        self._loop.child(birth.pid, self._ended)
        self._loop.read(birth.report, self._report)
        if not tty:
            self._reply()

    def _reply(self, fds: list[int] | None = None) -> None:
        if not self._replied:
            self._replied = True
            self._client.send({"id": self._id, "ok": True, "exec": self.name, "pid": self._pid}, fds or ())

    def _report(self) -> None:
        if self._birth is None:
            return
        try:
            received = wire.receive(self._birth.report)
        except (OSError, ValueError):
            received = None
        if received is None:
            self._loop.forget(self._birth.report)
            self._birth.report.close()
            self._birth = None
            return
        message, fds = received
        if message.get("terminal"):
            self.terminal = fds[0]
            self._reply([os.dup(fds[0])])
        if "error" in message:
            self._failure = message

    def _overdue(self) -> None:
        self._timed_out = True
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """To the command and what it started in its own process group."""
        try:
            os.killpg(self._pid, number)
        except (ProcessLookupError, PermissionError):
            try:
                os.kill(self._pid, number)  # it has not yet called setsid(2)
            except ProcessLookupError:
                pass

    def _ended(self, status: int) -> None:
        while self._birth is not None:
            self._birth.report.setblocking(False)
            self._report()
        if self._deadline is not None:
            self._deadline.cancel()
        code = os.waitstatus_to_exitcode(status)
        event: dict[str, Any] = {"event": "exec", "exec": self.name, "exit_code": 128 - code if code < 0 else code}
        if self._failure:
            event["error"] = self._failure.get("error", "")
            event["exit_code"] = self._failure.get("code", code)
        elif self._timed_out:
            event["error"] = f"timed out after {self._timeout:g}s"
            event["timed_out"] = True
        self._reply()
        if self.terminal >= 0:
            os.close(self.terminal)
        self._gone()
        self._client.send(event)
