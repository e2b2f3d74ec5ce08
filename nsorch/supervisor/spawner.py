"""The zygote: a small single-threaded process that forks Pod supervisors, so that the daemon never has to fork.

``python -m nsorch.supervisor.spawner --socket PATH``. It outlives the daemon; its death leaves Pods alive. All modules a
supervisor needs are loaded here, once: a supervisor shares these pages.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from typing import Any

from nsorch.linux import cgroups, mounts, process
from nsorch.supervisor import pod as supervisor
from nsorch.supervisor import (
    service,  # noqa: F401  (preloaded for the supervisors)
    wire,
)
from nsorch.supervisor.loop import Deadline, Loop
from nsorch.supervisor.plan import PodPlan
from nsorch.supervisor.protocol import VERSION
from nsorch.supervisor.spare import Ground, Spare, await_plan
from nsorch.supervisor.warmer import Warmer

SPARE_AFTER = 0.05
"""Seconds without a start after which the next supervisor is forked in advance: its making shall not slow a start."""
TITLE_ROOM = 384
"""Bytes that ``nsorch-pod NAMESPACE/NAME`` may need: 63 + 253 and some."""
AGAIN = "NSORCH_TITLE_ROOM"
"""Variable that says that we have executed ourselves again; its value is the room for titles."""
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX")
"""What is kept of the environment we were started with: Pods' supervisors need no more, and none shall find more."""


class Spawner:
    """Answers ``start``, ``ping`` and ``exit``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._server = wire.listen(path)
        self.loop = Loop()
        self.loop.read(self._server, self._accept)
        self._clients: set[socket.socket] = set()
        self.warmer = Warmer()
        self._spare: Spare | None = None
        self._spare_due: Deadline | None = None
        self._starting: set[socket.socket] = set()

    def close(self) -> None:
        if self._spare is not None:
            self._spare.connection.close()
            os.waitpid(self._spare.pid, 0)
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass

    def _accept(self) -> None:
        try:
            client, _ = self._server.accept()
        except OSError:
            return
        self._clients.add(client)
        self.loop.read(client, lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            received = wire.receive(client)
        except ValueError as error:
            self._reply(client, {"ok": False, "error": str(error)})
            return
        except OSError:
            received = None
        if received is None:
            self._drop(client)
            return
        message, fds = received
        wire.close_all(fds)
        number, op = message.get("id"), message.get("op")
        if op == "start":
            self._start(client, number, str(message.get("plan")))
        elif op == "ping":
            self._reply(client, {"id": number, "ok": True, "version": VERSION, "pid": os.getpid()})
        elif op == "exit":
            self._reply(client, {"id": number, "ok": True})
            self.loop.stop()
        else:
            self._reply(client, {"id": number, "ok": False, "error": f"cannot do {op!r}: unknown operation"})

    def _drop(self, client: socket.socket) -> None:
        self.loop.forget(client)
        self._clients.discard(client)
        client.close()

    def _reply(self, client: socket.socket, message: dict[str, Any]) -> None:
        if client not in self._clients:
            return
        try:
            wire.send(client, message)
        except OSError:
            self._drop(client)

    def _start(self, client: socket.socket, number: Any, path: str) -> None:
        self.warmer.warm()
        # Read here, not in the child: parsing touches a mebibyte of memory, which the child would have to copy.
        try:
            with open(path, "rb") as file:
                plan = PodPlan.from_json(file.read())
        except (OSError, ValueError, KeyError) as error:
            self._reply(client, {"id": number, "ok": False, "error": f"cannot read the plan {path}: {error}"})
            return
        child = self._hand_over(plan)
        self._starting.add(child.connection)
        self.loop.read(child.connection, lambda: self._started(client, number, child))
        if self._spare_due is not None:
            self._spare_due.cancel()
        self._spare_due = self.loop.after(SPARE_AFTER, self.make_spare)

    def _hand_over(self, plan: PodPlan) -> Spare:
        """The supervisor that has got this plan: the one that waits, or a new one."""
        spare = self._spare
        if spare is not None and spare.fits(plan):
            self._spare = None
            try:
                spare.give(plan)
                return spare
            except OSError:
                spare.connection.close()  # somebody has killed it
        spare = self._fork(isolated=not plan.network.host and not plan.host_ipc)
        spare.give(plan)
        return spare

    def make_spare(self) -> None:
        """Have one supervisor waiting."""
        if self._spare is None:
            self._spare = self._fork(isolated=True)

    def _fork(self, *, isolated: bool) -> Spare:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become_supervisor(theirs, isolated=isolated)
        theirs.close()
        return Spare(pid, ours, isolated)

    def _started(self, client: socket.socket, number: Any, child: Spare) -> None:
        try:
            text = child.connection.recv(8192).decode(errors="replace")
        except OSError:
            text = ""
        self.loop.forget(child.connection)
        self._starting.discard(child.connection)
        child.connection.close()
        if text == "\n":
            self._reply(client, {"id": number, "ok": True, "pid": child.pid})
        else:
            why = text.strip() or "cannot start the Pod's supervisor: it died without a word"
            self._reply(client, {"id": number, "ok": False, "error": why})

    def _become_supervisor(self, spawner: socket.socket, *, isolated: bool) -> None:
        """The child's half: never returns. Only what the supervisor needs is kept of the spawner."""
        code, who = 1, "nsorch-spare"
        try:
            os.setsid()
            self.loop.abandon()
            self.warmer.close()
            self._server.close()
            for connection in (*self._clients, *self._starting, *([self._spare.connection] if self._spare else ())):
                connection.close()
            # What the spawner made stays frozen and untouched (shared pages); only our own garbage is looked at.
            gc.enable()
            process.set_name(who)
            process.set_title(who)
            process.set_child_subreaper()
            ground = Ground(isolated=isolated)
            plan = await_plan(spawner)
            if plan is not None:
                who = f"nsorch-pod {plan.namespace}/{plan.name}"
                process.set_name("nsorch-pod")
                process.set_title(who)
                supervisor.main(plan, ground, spawner.detach())
            code = 0
        except BaseException as error:
            sys.stderr.write(f"{who}: {type(error).__name__}: {error}\n")
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            os._exit(code)


def _begin_again() -> None:
    """Execute ourselves once more, from a read-only view of the interpreter and with room for titles.

    A container that makes us execute ``/proc/self/exe`` (as a command, or as the interpreter of its script) holds the very
    file that we run from, with the mount we have opened it through: through a read-only one it cannot be written,
    whatever capabilities the container has (CVE-2019-5736). The detached mount lives as long as we run from it.
    A title can only overwrite our own argv and environment, which must be large enough for it."""
    if AGAIN in os.environ:
        return
    interpreter = os.path.realpath(sys.executable)
    fd = mounts.open_tree(interpreter, recursive=False)
    mounts.mount_setattr_fd(fd, mounts.MOUNT_ATTR_RDONLY)
    env = {key: value for key, value in os.environ.items() if key in ENVIRONMENT or key.startswith("PYTHON")}
    os.execve(fd, [sys.executable, *sys.orig_argv[1:]], {**env, AGAIN: "." * TITLE_ROOM})


def _warm_up() -> None:
    """Whatever is computed once is computed here, for all supervisors to come."""
    PodPlan.from_json(
        '{"uid":"","namespace":"","name":"","hostname":"","dir":"","socket":"","cgroup":"","network":{},"limits":{},'
        '"tmpfs":[{"path":""}],"containers":[{"name":"","security":{},"limits":{},"mounts":[{"target":""}],'
        '"post_start":{"type":"sleep"}}]}'
    )
    cgroups.layout()


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] != "--socket":
        sys.exit("usage: python -m nsorch.supervisor.spawner --socket PATH")
    path = sys.argv[2]
    _begin_again()
    if os.getpid() != os.getsid(0):
        try:
            os.setsid()
        except PermissionError:
            pass  # already the leader of a process group
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    spawner = Spawner(os.path.abspath(path))
    _warm_up()
    process.set_child_subreaper()  # what a killed supervisor leaves is reaped at once, here
    process.set_name("nsorch-spawner")
    process.set_title(f"nsorch-spawner {path}")
    gc.collect()
    gc.freeze()
    gc.disable()
    spawner.warmer.start()
    spawner.make_spare()
    try:
        spawner.loop.run()
    finally:
        spawner.close()


if __name__ == "__main__":
    main()
