"""The supervisor of one Pod: an event loop around its sandbox and containers.

Started by the spawner; lives until told to ``exit``. It needs nobody: with daemon and spawner dead it goes on restarting its
containers and writing their logs. Whoever connects is told the whole state, then again after every change.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import time
from collections.abc import Callable

from nsorch.linux import call as door
from nsorch.linux import namespaces, process
from nsorch.supervisor import ordering, pause, wire
from nsorch.supervisor.container import Container, Event, State
from nsorch.supervisor.loop import Deadline
from nsorch.supervisor.plan import ContainerPlan, PodPlan
from nsorch.supervisor.protocol import PodState
from nsorch.supervisor.sandbox import Sandbox
from nsorch.supervisor.spare import Ground


class Pod:
    """All of one Pod. ``run()`` returns when the Pod is gone."""

    def __init__(self, plan: PodPlan, ground: Ground) -> None:
        self.plan = plan
        self.title = f"{plan.name}_{plan.namespace}({plan.uid})"
        self.loop = ground.loop
        self.sandbox = Sandbox(plan, ground)
        self.init_pidfd = -1
        """With ``share_pid``: the process that is PID 1 for all containers."""
        self._init_pid = 0
        self.stopping = False
        self._kill_at = 0.0
        self._dirty = True
        self._phase_over = False
        self._stop_asked: set[str] = set()
        self._deadline: Deadline | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called with no argument when the state has changed; set by ``Service``."""
        self.fact = PodState(
            uid=plan.uid,
            namespace=plan.namespace,
            name=plan.name,
            pid=os.getpid(),
            boot_id=_boot_id(),
            address=plan.network.address,
            started_at=time.time(),
        )
        self.containers: dict[str, Container] = {}
        self._initialized = False
        for item in plan.containers:
            self.containers[item.name] = Container(self, item)
        self.loop.after_each = self._settle

    def create(self) -> None:
        """Make the sandbox; OSError says why it cannot, and nothing is left behind."""
        self.sandbox.create()
        if self.plan.share_pid:
            try:
                self._start_init()
            except BaseException:
                self.sandbox.remove()
                raise

    def _start_init(self) -> None:
        """PID 1 of the shared PID namespace: it only reaps (the kernel does, for a process that ignores SIGCHLD)."""
        pid = namespaces.clone3(namespaces.CLONE_NEWPID)
        if pid == 0:
            try:
                process.set_pdeathsig()
                signal.set_wakeup_fd(-1)
                for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                process.set_name(pause.NAME)
                process.set_undumpable()
                pause.become(self.plan.dir)
                os.closerange(3, 1 << 20)
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        self._init_pid = pid
        self.init_pidfd = os.pidfd_open(pid)
        self.loop.child(pid, self._init_died)

    def _init_died(self, status: int) -> None:
        """The kernel has killed all containers with it: make a new one, in which they restart."""
        self._init_pid = 0
        os.close(self.init_pidfd)
        self.init_pidfd = -1
        self._start_init()

    def _terminated(self) -> None:
        """SIGTERM, as at the host's shutdown: stop as planned; whoever wants us gone at once has SIGKILL."""
        self.stop(self.plan.grace_seconds)

    def run(self) -> None:
        self.loop.signal(signal.SIGTERM, self._terminated)
        self.fact.phase = "running"
        self.changed()
        self.loop.run()

    # What containers ask for ------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Something is different: decide what follows and tell everybody, once this round of events is over."""
        self._dirty = True

    def waiting_reason(self, container: Container) -> str:
        first = next((item.name for item in self.plan.containers if item.role in ("init", "sidecar")), None)
        initializing = not self._initialized and first is not None
        return "PodInitializing" if initializing and container.plan.name != first else "ContainerCreating"

    # Deciding ---------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        if not self._dirty:
            return
        while self._dirty:
            self._dirty = False
            self._advance()
        self.fact.sequence += 1
        self.on_change()

    def _advance(self) -> None:
        if self.fact.phase in ("starting", "failed"):
            return
        step = ordering.decide([_view(item) for item in self.containers.values()], stopping=self.stopping)
        if step.initialized and not self._initialized:
            self._initialized = True
        for item in self.containers.values():
            item.refresh_waiting()
        for name in step.start:
            if self.containers[name].plan.runnable:
                self.containers[name].handle(Event.START)
        for name in step.stop:
            self._stop_container(self.containers[name])
        if step.over and self.fact.phase != "stopped":
            self.fact.phase = "stopped"
        elif self.stopping and self.fact.phase == "running":
            self.fact.phase = "stopping"

    def _stop_container(self, container: Container) -> None:
        container.stopping = True
        if container.plan.name in self._stop_asked:
            return
        self._stop_asked.add(container.plan.name)
        grace = self.plan.grace_seconds if not self.stopping else max(0.0, self._kill_at - time.monotonic())
        container.stop(grace)

    # Requests ---------------------------------------------------------------------------------------------------

    def stop(self, grace: float) -> None:
        """Stop all. A second call may only shorten the grace of the first."""
        kill_at = time.monotonic() + grace
        if self.stopping and kill_at >= self._kill_at:
            return
        self.stopping = True
        self._kill_at = kill_at
        self._stop_asked.clear()
        for item in self.containers.values():
            item.stopping = True
        self.changed()

    def add(self, plan: ContainerPlan) -> None:
        """Add or replace one container's plan."""
        found = self.containers.get(plan.name)
        if found is not None:
            found.replace(plan)
        elif self.stopping or self.fact.phase == "stopped":
            raise door.failure(errno.ESHUTDOWN, f"add container {plan.name} to a Pod that has ended")
        else:
            self.containers[plan.name] = Container(self, plan)
            self.changed()

    def container(self, name: str) -> Container:
        try:
            return self.containers[name]
        except KeyError:
            raise door.failure(errno.ENOENT, f"find container {name!r} in Pod {self.title}") from None

    def state(self) -> dict[str, object]:
        self.fact.containers = [item.fact for item in self.containers.values()]
        return dataclasses.asdict(self.fact)

    def remove(self) -> None:
        """Kill what is left and take everything of the Pod away that would outlive us."""
        if self._init_pid:
            os.kill(self._init_pid, signal.SIGKILL)
        for item in self.containers.values():
            if item.fact.pid and item.alive:
                try:
                    os.kill(item.fact.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.sandbox.remove()
        for item in self.containers.values():
            if item.output is not None:
                item.output.finish()


def _view(item: Container) -> ordering.View:
    ended = item.fact.ended
    return ordering.View(
        name=item.plan.name,
        role=item.plan.role,
        idle=item.state is State.IDLE,
        done=item.state is State.DONE,
        succeeded=item.state is State.DONE and ended is not None and ended.exit_code == 0,
        started=item.state is State.RUNNING and item.fact.started,
    )


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def main(plan: PodPlan, ground: Ground, ready: int) -> None:
    """A supervisor's whole life from its plan on, in a process that the spawner has forked.

    One line goes to ``ready``: nothing but a newline when the Pod's socket listens, else the error."""
    from nsorch.supervisor.service import Service

    pod = Pod(plan, ground)
    try:
        os.makedirs(plan.dir, 0o755, exist_ok=True)
        pod.create()
        try:
            service = Service(pod, wire.listen(plan.socket))
        except BaseException:
            pod.sandbox.remove()
            raise
    except (OSError, ValueError) as error:
        text = door.text(error) if isinstance(error, OSError) else str(error)
        os.write(ready, f"cannot create the sandbox of Pod {pod.title}: {text}".encode()[:4000])
        return
    os.write(ready, b"\n")
    os.close(ready)
    try:
        pod.run()
    finally:
        pod.remove()
        service.close()
