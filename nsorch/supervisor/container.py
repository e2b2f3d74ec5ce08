"""One container's life: a table of state x event in which every cell is decided.

``IDLE`` waits for its turn (or is held: no image yet). ``STARTING`` is between clone and exec. ``PRESTOP`` runs the
preStop hook, ``STOPPING`` has its stop signal, ``KILLING`` SIGKILL. ``BACKOFF`` ended and will start again.
``DONE`` will not.
"""

from __future__ import annotations

import dataclasses
import enum
import errno
import os
import signal
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nsorch.linux import call as door
from nsorch.linux import namespaces, process
from nsorch.supervisor import launch, restarts, trees, wire
from nsorch.supervisor.hooks import RunningHook
from nsorch.supervisor.launch import START_ERROR, Birth, Stdio
from nsorch.supervisor.logs import LogFile
from nsorch.supervisor.loop import Deadline
from nsorch.supervisor.output import Output
from nsorch.supervisor.plan import ContainerPlan, Mount
from nsorch.supervisor.protocol import ContainerState, Terminated

if TYPE_CHECKING:
    from nsorch.supervisor.pod import Pod

LAST_WORDS = 2.0
"""Seconds between stop signal and SIGKILL when preStop has used up the grace period (as the kubelet)."""
MESSAGE_BYTES = 4096
POD_MESSAGE_BYTES = 12 * 1024
"""Termination messages of one container, and of a Pod's containers together (as the kubelet)."""


class State(enum.Enum):
    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    PRESTOP = "prestop"
    STOPPING = "stopping"
    KILLING = "killing"
    BACKOFF = "backoff"
    DONE = "done"


class Event(enum.Enum):
    START = "start"
    BORN = "born"
    EXITED = "exited"
    STOP = "stop"
    OVERDUE = "overdue"
    """The deadline of the present state has passed."""


ALIVE = {State.STARTING, State.RUNNING, State.PRESTOP, State.STOPPING, State.KILLING}

TABLE: dict[State, dict[Event, str]] = {
    # START           BORN              EXITED            STOP               OVERDUE; "" means: nothing to do
    State.IDLE: dict(zip(Event, ("_launch", "", "", "_give_up", ""), strict=True)),
    State.STARTING: dict(zip(Event, ("", "_born", "_stillborn", "_kill", ""), strict=True)),
    State.RUNNING: dict(zip(Event, ("", "", "_ended", "_begin_stop", ""), strict=True)),
    State.PRESTOP: dict(zip(Event, ("", "", "_ended", "_hurry", "_last_words"), strict=True)),
    State.STOPPING: dict(zip(Event, ("", "", "_ended", "_hurry", "_kill"), strict=True)),
    State.KILLING: dict(zip(Event, ("", "_born", "_ended", "", "_kill"), strict=True)),
    State.BACKOFF: dict(zip(Event, ("_launch", "", "", "_give_up", "_launch"), strict=True)),
    State.DONE: dict(zip(Event, ("", "", "", "", ""), strict=True)),
}


class Container:
    """One container of a Pod; ``fact`` is what the world is told about it."""

    def __init__(self, pod: Pod, plan: ContainerPlan) -> None:
        self._pod = pod
        self.loop = pod.loop
        self.plan = plan
        self.state = State.IDLE
        self.fact = ContainerState(name=plan.name, role=plan.role, restart_count=plan.first_restart_count)
        self.back_off = restarts.BackOff(pod.plan.restart_backoff_base, pod.plan.restart_backoff_max)
        self.output: Output | None = None
        self.stopping = False
        """The Pod is going away: whatever ends now stays ended."""
        self._log: LogFile | None = None
        self._birth: Birth | None = None
        self._failure: dict[str, object] = {}
        self._hook: RunningHook | None = None
        self._deadline: Deadline | None = None
        self._kill_at = 0.0
        self._run = ""
        self._oom_before = 0
        self._why = ""
        self._replaced = False
        self._previous: Terminated | None = None
        self._status = 0
        self._group_ready = False
        self._describe_waiting()

    @property
    def address(self) -> str:
        return self._pod.plan.network.address

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    def handle(self, event: Event) -> None:
        action = TABLE[self.state][event]
        if action:
            getattr(self, action)()

    def _go(self, state: State, overdue_in: float | None = None) -> None:
        self.state = state
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if overdue_in is not None:
            self._deadline = self.loop.after(overdue_in, lambda: self.handle(Event.OVERDUE))
        self._pod.changed()

    # Requests -------------------------------------------------------------------------------------------------

    def replace(self, plan: ContainerPlan) -> None:
        """A new plan: starts what was held, restarts a running one whose image changed, else serves the next run."""
        self._group_ready = False
        other = (plan.image, plan.image_id, plan.lower) != (self.plan.image, self.plan.image_id, self.plan.lower)
        self.plan = plan
        if self.alive and other:
            self._replaced = True
            self._why = f"Container {plan.name} definition changed"
            self.stop(self._pod.plan.grace_seconds)
        elif self.state is State.BACKOFF and (other or self.fact.reason.startswith("CreateContainer")):
            self.back_off.forget()
            self.handle(Event.OVERDUE)
        elif self.state is State.IDLE:
            self._describe_waiting()
        self._pod.changed()

    def restart(self, reason: str, grace: float) -> None:
        """Stop it; its restartPolicy then decides. One that does not run has nothing to stop."""
        if not self.alive:
            return
        self._why = reason
        self.stop(grace)

    def stop(self, grace: float) -> None:
        self._kill_at = time.monotonic() + grace
        self.handle(Event.STOP)

    def run_silently(self, argv: Sequence[str]) -> tuple[int, socket.socket]:
        """Run a command inside without input or output (hooks)."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            birth = self.execute(Stdio(fds=(null, null, null)), argv)
        finally:
            os.close(null)
        return birth.pid, birth.report

    def execute(self, stdio: Stdio, argv: Sequence[str], env: Sequence[tuple[str, str]] = (), cwd: str = "") -> Birth:
        """Start another process in the running container; OSError when it cannot be entered."""
        if self.state not in (State.RUNNING, State.PRESTOP, State.STOPPING):
            raise door.failure(errno.ESRCH, f"run a command in container {self.plan.name}, which is not running")
        pidfd = os.pidfd_open(self.fact.pid)
        try:
            return launch.execute(
                self.plan,
                pidfd,
                self._pod.sandbox,
                stdio,
                argv=argv,
                env=env,
                cwd=cwd,
                hostname=self._pod.plan.hostname,
                enter_pids=not self._pod.plan.host_pid,
            )
        finally:
            os.close(pidfd)

    # Starting -------------------------------------------------------------------------------------------------

    def _describe_waiting(self) -> None:
        fact, plan = self.fact, self.plan
        fact.image, fact.image_id, fact.role = plan.image, plan.image_id, plan.role
        fact.phase = "waiting"
        if not plan.runnable:
            fact.reason, fact.message = plan.hold_reason, plan.hold_message
        else:
            fact.reason, fact.message = self._pod.waiting_reason(self), ""

    def refresh_waiting(self) -> None:
        """Whether the Pod is still initialising may have changed what we wait for."""
        if self.state is State.IDLE and not self.stopping:
            self._describe_waiting()

    def _launch(self) -> None:
        plan, pod, fact = self.plan, self._pod, self.fact
        if not plan.runnable:
            self._go(State.IDLE)
            self._describe_waiting()
            return
        fact.ended = None
        if self._previous is not None:
            fact.last = self._previous
            fact.restart_count += 1
        fact.image, fact.image_id = plan.image, plan.image_id
        fact.phase, fact.reason, fact.message = "waiting", "ContainerCreating", ""
        fact.container_id = os.urandom(32).hex()
        fact.pid, fact.started, fact.started_at, fact.restart_at = 0, False, 0.0, 0.0
        self._failure, self._replaced, self._why = {}, False, ""
        self._run = os.path.join(pod.plan.dir, "containers", plan.name, fact.container_id[:12])
        self._log = LogFile(
            plan.log_dir, fact.restart_count, max_bytes=pod.plan.log_max_bytes, max_files=pod.plan.log_max_files
        )
        self._go(State.STARTING)
        try:
            self._prepare()
            self.output = Output(self.loop, self._log, stdin=plan.stdin, tty=plan.tty)
            birth = launch.container(
                dataclasses.replace(plan, mounts=(*plan.mounts, *self._termination_mount())),
                self._run,
                pod.sandbox,
                self.output.stdio,
                hostname=pod.plan.hostname,
                init_pidfd=pod.init_pidfd,
                own_pids=not (pod.plan.host_pid or pod.plan.share_pid),
                new_group=not self._group_ready,
            )
        except OSError as error:
            self._failure = {"error": door.text(error), "reason": "CreateContainerError"}
            self._stillborn()
            return
        self.output.child_has_them()
        self._birth = birth
        fact.pid = birth.pid
        self.loop.child(birth.pid, self._exited)
        self.loop.read(birth.report, self._report)

    def _prepare(self) -> None:
        group = self._pod.sandbox.group.child(self.plan.name)
        self._oom_before = group.oom_kills() if self._group_ready else 0
        os.makedirs(self._run, 0o755)
        if self._log is not None:
            self._log.ensure()

    def _termination_mount(self) -> tuple[Mount, ...]:
        path = self.plan.termination_message_path
        if not path:
            return ()
        source = f"{self._run}/termination-log"
        fd = os.open(source, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        os.fchmod(fd, 0o666)  # whatever the umask: any user of the container may write it
        os.close(fd)
        return (Mount(target=path, source=source),)

    def _report(self) -> None:
        """The child says something, or its program runs (end of file)."""
        if self._birth is None:
            return
        try:
            received = wire.receive(self._birth.report)
        except (OSError, ValueError):
            received = None
        if received is None:
            self.loop.forget(self._birth.report)
            self._birth.report.close()
            self._birth = None
            if not self._failure:
                self.handle(Event.BORN)
            return
        message, fds = received
        if message.get("terminal") and self.output is not None:
            self.output.use_terminal(fds[0], stdin=self.plan.stdin)
        if "error" in message:
            self._failure = message

    def _born(self) -> None:
        fact = self.fact
        fact.started_at = time.time()
        fact.phase, fact.reason, fact.message = "running", "", ""
        self._group_ready = True
        if self.state is State.KILLING:
            return
        self._go(State.RUNNING)
        if self.plan.post_start is None:
            fact.started = True
            return
        self._hook = RunningHook(self, self.plan.post_start, self._post_start_done)

    def _post_start_done(self, problem: str) -> None:
        self._hook = None
        if self.state is not State.RUNNING:
            return
        if problem:
            self._why = f"PostStartHookError: {problem}"
            self.stop(self._pod.plan.grace_seconds)
        else:
            self.fact.started = True
        self._pod.changed()

    # Stopping -------------------------------------------------------------------------------------------------

    def _begin_stop(self) -> None:
        if self._hook is not None:
            self._hook.cancel()
            self._hook = None
        grace = self._kill_at - time.monotonic()
        if grace <= 0:
            self._kill()
        elif self.plan.pre_stop is not None:
            self._go(State.PRESTOP, grace)
            self._hook = RunningHook(self, self.plan.pre_stop, self._pre_stop_done)
        else:
            self._ask()

    def _pre_stop_done(self, problem: str) -> None:
        """Done well or not, the stop signal follows."""
        self._hook = None
        if problem:
            self.fact.message = f"PreStopHookError: {problem}"
        if self.state is State.PRESTOP:
            self._ask()

    def _ask(self) -> None:
        self._go(State.STOPPING, max(0.0, self._kill_at - time.monotonic()))
        self._signal(self.plan.stop_signal)

    def _hurry(self) -> None:
        """Asked again: the grace may become shorter, never longer."""
        if self._deadline is None or self._kill_at < self._deadline.when:
            self._go(self.state, self._kill_at - time.monotonic())

    def _last_words(self) -> None:
        if self._hook is not None:
            self._hook.cancel()
            self._hook = None
        self._kill_at = time.monotonic() + LAST_WORDS
        self._ask()

    def _kill(self) -> None:
        self._go(State.KILLING, 5.0)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        try:
            os.kill(self.fact.pid, number)
        except ProcessLookupError:
            pass  # ended; SIGCHLD is on its way

    # Ending ---------------------------------------------------------------------------------------------------

    def _exited(self, status: int) -> None:
        # The report may still be unread: its words explain the end.
        while self._birth is not None:
            self._birth.report.setblocking(False)
            self._report()
        self._status = status
        self.handle(Event.EXITED)

    def _stillborn(self) -> None:
        """Ended, or never existed, before its program ran."""
        failure = self._failure
        if not failure:
            failure = {"error": "the container's process was killed before its program ran", "reason": "StartError"}
        self._close()
        fact = self.fact
        fact.pid = 0
        reason, message = str(failure.get("reason", "StartError")), str(failure.get("error", ""))
        if reason == "StartError":
            now = time.time()
            self._settle(
                Terminated(
                    container_id=fact.container_id,
                    exit_code=START_ERROR,
                    reason=reason,
                    message=f"failed to start container: {message}",
                    started_at=now,
                    finished_at=now,
                ),
                0.0,
            )
            return
        # Nothing was created: no run to speak of, the same number is tried again later.
        if self._previous is not None:
            fact.restart_count -= 1
        if self.stopping:
            self._go(State.DONE)
            self._describe_waiting()
            return
        delay = max(self.back_off.base, self.back_off.next(0.0))
        fact.phase, fact.reason, fact.message = "waiting", reason, message
        fact.restart_at = time.time() + delay
        self._go(State.BACKOFF, delay)

    def _ended(self) -> None:
        fact = self.fact
        code = os.waitstatus_to_exitcode(self._status)
        killed_by = -code if code < 0 else 0
        code = 128 - code if code < 0 else code
        if self._hook is not None:
            self._hook.cancel()
            self._hook = None
        group = self._pod.sandbox.group.child(self.plan.name)
        if self._pod.plan.host_pid or self._pod.plan.share_pid:
            group.kill()  # its first process was not PID 1 there: take the others down too
        oom = code != 0 and group.oom_kills() > self._oom_before
        if self.output is not None:
            self.output.finish()
            self.output = None
        ended = Terminated(
            container_id=fact.container_id,
            exit_code=code,
            signal=killed_by,
            reason="OOMKilled" if oom else "Completed" if code == 0 else "Error",
            message=self._last_message(code),
            started_at=fact.started_at or time.time(),  # killed before its program ran
            finished_at=time.time(),
        )
        ran_for = ended.finished_at - ended.started_at
        self._close()
        self._settle(ended, ran_for)

    def _last_message(self, code: int) -> str:
        limit = min(MESSAGE_BYTES, POD_MESSAGE_BYTES // max(1, len(self._pod.containers)))
        try:
            with open(f"{self._run}/termination-log", "rb") as file:
                text = file.read(limit).decode(errors="replace")
        except OSError:
            text = ""
        if not text and code and self.plan.termination_message_policy == "FallbackToLogsOnError" and self._log:
            text = self._log.tail(min(limit, 2048))
        return text or self._why

    def _close(self) -> None:
        """Free what the run held; its layer is removed by a child, for it may be large."""
        if self.output is not None:
            self.output.finish()
            self.output = None
        if self._birth is not None:
            self.loop.forget(self._birth.report)
            self._birth.report.close()
            self._birth = None
        run, self._run = self._run, ""
        if run and os.path.isdir(run):
            remove_later(run)

    def _settle(self, ended: Terminated, ran_for: float) -> None:
        fact = self.fact
        self._previous = ended
        fact.pid, fact.started, fact.message = 0, False, ""
        policy = self.plan.restart_policy
        if self.plan.role == "init" and policy == "Always":
            policy = "OnFailure"  # an init container that has succeeded is not run again
        elif self.plan.role == "ephemeral":
            policy = "Never"
        elif self.plan.role == "sidecar":
            policy = "Always"
        again = self._replaced or restarts.wanted(policy, ended.exit_code)
        if self.stopping or not again:
            fact.phase, fact.reason, fact.ended = "terminated", ended.reason, ended
            self._go(State.DONE)
            return
        delay = 0.0 if self._replaced else self.back_off.next(ran_for)
        if delay:
            fact.phase, fact.reason, fact.last = "waiting", "CrashLoopBackOff", ended
            fact.message = f"back-off {delay:.0f}s restarting failed container={fact.name} pod={self._pod.title}"
            fact.restart_at = time.time() + delay
        else:
            fact.phase, fact.reason, fact.ended = "terminated", ended.reason, ended
        self._go(State.BACKOFF, delay)

    def _give_up(self) -> None:
        """Stopped while it did not run."""
        self._go(State.DONE)
        fact, previous = self.fact, self._previous
        if previous is not None:
            fact.last = None if fact.last is previous else fact.last
            fact.phase, fact.reason, fact.ended = "terminated", previous.reason, previous
            fact.restart_at, fact.message = 0.0, ""


def remove_later(path: str) -> None:
    """Remove a folder tree in a child of its own."""
    try:
        pid = namespaces.clone3(0)
    except OSError:
        trees.remove(path)  # out of processes or memory: slower, but done
        return
    if pid == 0:
        try:
            process.set_name("nsorch-remove")
            trees.remove(path)
        finally:
            os._exit(0)
