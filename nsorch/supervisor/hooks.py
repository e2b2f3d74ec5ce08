"""Lifecycle hooks (postStart, preStop), each run by a short-lived child so that the event loop never waits."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from nsorch.linux import call as door
from nsorch.linux import namespaces, process
from nsorch.supervisor import wire
from nsorch.supervisor.plan import Hook

if TYPE_CHECKING:
    from nsorch.supervisor.container import Container

Done = Callable[[str], None]
"""Called with "" when the hook succeeded, else with why it did not."""
TIMEOUT = 30.0
"""Seconds an HTTP or TCP hook may take before it counts as failed."""
MAX_STATUS_LINE = 64 * 1024
"""Bytes that a status line may have; what answers is a Pod's own."""


class RunningHook:
    """One hook under way; ``cancel()`` ends it and ``done`` is then never called."""

    def __init__(self, container: Container, hook: Hook, done: Done) -> None:
        self._loop = container.loop
        self._done: Done | None = done
        self._pid = 0
        self._report: socket.socket | None = None
        self._message = ""
        if hook.type == "sleep":
            self._loop.after(hook.seconds, lambda: self._finish(""))
            return
        try:
            if hook.type == "exec":
                self._pid, self._report = container.run_silently(hook.argv)
            else:
                self._pid, self._report = _dial(hook, container.address)
        except OSError as error:
            message = door.text(error)
            self._loop.soon(lambda: self._finish(message))
            return
        self._loop.child(self._pid, self._ended)

    def _ended(self, status: int) -> None:
        self._pid = 0
        code = os.waitstatus_to_exitcode(status)
        message = ""
        if self._report is not None:
            message = drain(self._report).get("error", "")
            self._report.close()
        self._finish("" if code == 0 else message or f"exited with {code}")

    def _finish(self, message: str) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(message)

    def cancel(self) -> None:
        self._done = None
        if self._pid:
            try:
                os.kill(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def drain(report: socket.socket) -> dict[str, str]:
    """The last message in ``report`` that says an error, without waiting."""
    report.setblocking(False)
    found: dict[str, str] = {}
    while True:
        try:
            received = wire.receive(report)
        except (BlockingIOError, OSError, ValueError):
            return found
        if received is None:
            return found
        wire.close_all(received[1])
        if "error" in received[0]:
            found = received[0]


def _dial(hook: Hook, address: str) -> tuple[int, socket.socket]:
    """A child that makes the request from inside the Pod's network and exits 0 when it was answered well."""
    ours, theirs = wire.pair()
    pid = namespaces.clone3(0)
    if pid:
        theirs.close()
        return pid, ours
    code = 1
    try:
        process.set_pdeathsig()
        signal.set_wakeup_fd(-1)
        _request(hook, hook.host or address or "127.0.0.1")
        code = 0
    except Exception as error:
        wire.send(theirs, {"error": f"{hook.scheme.lower()} {hook.host or address}:{hook.port}: {error}"})
    finally:
        os._exit(code)


def _request(hook: Hook, host: str) -> None:
    connection = socket.create_connection((host, hook.port), timeout=TIMEOUT)
    if hook.type == "tcp":
        return
    if hook.scheme == "HTTPS":
        import ssl  # only here: it would make every supervisor larger

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # as the kubelet: hooks and probes do not verify
        connection = context.wrap_socket(connection)
    headers = dict(hook.headers)
    headers.setdefault("Host", f"{host}:{hook.port}")
    headers.setdefault("User-Agent", "kube-lifecycle/nsorch")
    headers.setdefault("Connection", "close")
    head = f"GET {hook.path or '/'} HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    connection.sendall(head.encode() + b"\r\n")
    deadline = time.monotonic() + TIMEOUT
    answer = b""
    while b"\r\n" not in answer and len(answer) < MAX_STATUS_LINE and time.monotonic() < deadline:
        data = connection.recv(4096)
        if not data:
            break
        answer += data
    fields = answer.split(b" ", 2)
    if len(fields) < 2 or not fields[1].isdigit():
        raise OSError("the answer is not HTTP")
    if not 200 <= int(fields[1]) < 400:
        raise OSError(f"HTTP status {int(fields[1])}")
