"""One Pod of this node: from its object in the API to its processes and back to its status.

``update`` and ``poke`` only say that something may have changed; ``_step`` then compares what is with what should be
and does what is missing. It may run at any time and any number of times; at most one runs per Pod, and the newest
version of the Pod wins.

    no supervisor yet     prepare volumes and addresses, compile, start          (starting.py)
    supervisor lives      bring volumes and container plans up to date            (changes.py)
    nothing left to run   stop sidecars, let the supervisor leave
    deletion asked for    drain, stop, leave, clean, delete from the API          (ending.py)
    supervisor vanished   the Pod has failed, and never comes back under this uid
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nsorch.kit import logs
from nsorch.node.announcements import Announcer
from nsorch.node.changes import apply_changes
from nsorch.node.channel import ChannelClosed, RequestFailed
from nsorch.node.compiler.failures import MountError, SandboxError
from nsorch.node.compiler.inputs import Hold
from nsorch.node.compiler.layout import Layout
from nsorch.node.context import NodeContext
from nsorch.node.ending import end_pod, leave
from nsorch.node.images import PodImages
from nsorch.node.probes.pod import PodProbes
from nsorch.node.probes.schedule import Kind
from nsorch.node.starting import begin
from nsorch.node.status.compute import TERMINAL, compute_status
from nsorch.node.status.conditions import OWNED
from nsorch.node.status.facts import Facts
from nsorch.node.status.writer import StatusWriter
from nsorch.node.supervisors import Supervisor
from nsorch.resources.client import ClientError
from nsorch.resources.pod import Pod, PodStatus
from nsorch.supervisor.plan import PodPlan
from nsorch.supervisor.protocol import PodState

log = logs.logger("node")
FIRST_RETRY = 0.5
SETTLE = 0.05
"""Seconds for which a Pod that is being started may show nothing: most run before that, with one status write less."""
"""Seconds beyond the grace period after which a supervisor that is still not done is left to be killed."""
LONGEST_RETRY = 60.0


class PodWorker:
    """Everything known of one Pod. Other modules of the node change its fields inside one ``_step``."""

    def __init__(self, context: NodeContext, pod: Pod, *, existed: bool, on_ended: Callable[[PodWorker], None]) -> None:
        self.context = context
        self.pod = pod
        self.layout = Layout.of(context.paths, pod)
        self.existed = existed
        """The Pod was there when the agent started: it may have a supervisor already."""
        self.deleted = False
        """The object is gone from the API."""
        self.ended = False
        """Nothing is left to do for this uid."""
        self.finished = asyncio.Event()
        self._on_ended = on_ended
        self.supervisor: Supervisor | None = None
        self.state: PodState | None = None
        self.plan: PodPlan | None = None
        self.address = ""
        self.started_at = 0.0
        self.holds: dict[str, Hold] = {}
        """By container: configuration that is missing."""
        self.lost = False
        self.superseded = False
        """Ended by a reboot of the host (or ``nsorch down``): its controller makes another, nobody needs to see this one."""
        self.stopping = False
        """The supervisor has been told to stop: it may end."""
        self.stop_deadline: float | None = None
        """Monotonic time by which the supervisor has been told to have killed everything."""
        self.drained = False
        self.left = False
        """Supervisor, folder and address have been given up (the Pod is over, the object may live on)."""
        self.doom: tuple[str, str] | None = None
        """(reason, message) why the whole Pod must fail, e.g. DeadlineExceeded."""
        self.restart_counts: dict[str, int] = {}
        self.probes: PodProbes | None = None
        self.listeners: set[Callable[[], None]] = set()
        """Called whenever the supervisor has something new (log followers)."""
        self.announcer = Announcer(context.client, pod)
        self.images = PodImages(context.images, context.settings, self.announcer, self._images_changed)
        self.status = StatusWriter(context.client, pod, self._compute, self._status_written)
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._retry: asyncio.TimerHandle | None = None
        self._failures = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._small: set[asyncio.Task[None]] = set()

    # What others tell the worker

    def update(self, pod: Pod) -> None:
        """A newer version of the Pod."""
        before, self.pod = self.pod, pod
        self.announcer.pod = pod
        if self.probes is not None and before.spec is not pod.spec:
            self.probes.update(pod)
        if pod.status is not before.status and _foreign(pod.status) != _foreign(before.status):
            self.status.mark()  # a readiness gate of somebody else's
        if _wanted(before) != _wanted(pod) or before.terminating != pod.terminating:
            self.poke()

    def removed(self) -> None:
        """The object is gone from the API."""
        self.deleted = True
        self.poke()

    def poke(self) -> None:
        """Something the Pod depends on may have changed."""
        self._again = True
        if self._task is None and not self.ended:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def shutdown(self) -> None:
        """The agent stops: let go of everything, the Pod lives on."""
        self.ended = True
        await self._let_go()
        if self.supervisor is not None:
            self.supervisor.disconnect()

    async def _let_go(self) -> None:
        """Stop every task and timer of this worker."""
        for timer in (self._retry, self._deadline):
            if timer is not None:
                timer.cancel()
        self.images.stop()
        self.status.stop()
        if self.probes is not None:
            self.probes.stop()
        for task in (self._task, *self._small):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def end(self) -> None:
        """Nothing of the Pod is left, here or in the API."""
        self.ended = True
        self.status.stop()
        for timer in (self._retry, self._deadline):
            if timer is not None:
                timer.cancel()
        self.finished.set()
        self._on_ended(self)
        # They refer back to us: without them, all that is known of the Pod is freed at once, not by a full collection.
        self.supervisor = self.probes = None
        self.images.stop(for_good=True)
        self.listeners.clear()

    # The step

    async def _run(self) -> None:
        try:
            while self._again and not self.ended:
                self._again = False
                await self._guarded_step()
        finally:
            self._task = None

    async def _guarded_step(self) -> None:
        try:
            await self._step()
            self._failures = 0
            return
        except MountError as error:
            self.announcer.say_once("mount", "Warning", "FailedMount", str(error))
            self.status.mark()
        except SandboxError as error:
            message = f"Failed to create pod sandbox: {error}"
            self.announcer.say_once("sandbox", "Warning", "FailedCreatePodSandBox", message)
            self.status.mark()
        except (ChannelClosed, RequestFailed) as error:
            log.warning("Pod %s: %s", self.pod.key, error)
        except ClientError as error:
            log.warning("Pod %s: %s", self.pod.key, error.message)
        except Exception:
            log.exception("Pod %s: unexpected failure, trying again", self.pod.key)
        self._retry_later()

    def _retry_later(self) -> None:
        delay = min(FIRST_RETRY * 2.0**self._failures, LONGEST_RETRY)
        self._failures += 1
        if self._retry is not None:
            self._retry.cancel()
        self._retry = asyncio.get_running_loop().call_later(delay, self.poke)

    async def _step(self) -> None:
        if self.deleted or self.pod.terminating:
            await end_pod(self)
        elif self.pod.status.phase in TERMINAL or self.lost:
            await leave(self)
        elif self.doom is not None:
            await self._fail()
        elif self.supervisor is None:
            self._watch_deadline()
            await begin(self)
        else:
            self._watch_deadline()
            if self._complete() and not self.stopping:
                await self.stop(self.grace())
                self.status.mark()
            elif self.everything_dead() and not self.stopping:
                # Somebody else has told the supervisor to stop (SIGTERM): its containers will not come back.
                self._lose("Pod sandbox was stopped by somebody else; the Pod has failed")
                await leave(self)
            else:
                await apply_changes(self)

    def grace(self) -> float:
        """The Pod's own grace period in seconds."""
        seconds = self.pod.spec.terminationGracePeriodSeconds
        return 30.0 if seconds is None else float(seconds)

    async def stop(self, grace: float) -> None:
        """Tell the supervisor to stop everything within ``grace`` seconds; a later call may only shorten that."""
        if self.supervisor is None or self.supervisor.gone:
            return
        deadline = self.context.clock.monotonic() + grace
        if self.stop_deadline is not None and deadline >= self.stop_deadline - 0.01:
            return
        self.stopping = True
        self.stop_deadline = deadline
        if self.probes is not None:
            self.probes.stop()
        await self.supervisor.stop(grace)

    def attach_supervisor(self, supervisor: Supervisor, plan: PodPlan) -> None:
        """Follow a supervisor that was just started or found."""
        self.supervisor = supervisor
        self.plan = plan
        self.address = plan.network.address
        for container in plan.containers:
            if container.image_id:
                self.context.images.use(self.pod.uid, container.image_id, self.pod.key)
        self.probes = PodProbes(
            self.pod,
            self.address or self.context.settings.node_address,
            supervisor,
            self.context.session,
            self.context.clock,
            on_change=self.status.mark,
            on_failure=self._probe_failed,
            on_unhealthy=self._unhealthy,
        )

    def on_state(self, state: PodState) -> None:
        """The supervisor reports a change."""
        self.state = state
        self._tell()
        self.announcer.follow(state)
        if self.probes is not None and not self.stopping:
            self.probes.observe(state)
        if state.phase == "starting":
            self.status.mark_later(SETTLE)
        else:
            self.status.mark()
        if state.phase in ("stopped", "failed") or (self._complete() and not self.stopping):
            self.poke()

    def on_gone(self) -> None:
        """The supervisor has ended."""
        self._tell()
        if self.ended or self.left:
            return
        if self.probes is not None:
            self.probes.stop()
        if not self.stopping:
            log.warning("Pod %s: its supervisor has ended", self.pod.key)
            self._lose("Pod sandbox is gone: its supervisor ended; the Pod has failed")
        self.poke()

    def _lose(self, message: str) -> None:
        self.lost = True
        self.announcer.say("Warning", "SandboxChanged", message)
        self.status.mark()

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()

    def _complete(self) -> bool:
        """Nothing that matters will run again: main containers have ended for good, or an init container has failed."""
        if self.state is None or not self.state.containers or self.pod.spec.restartPolicy in (None, "Always"):
            return False
        main = [item for item in self.state.containers if item.role == "main"]
        if main and all(item.phase == "terminated" for item in main):
            return True
        return any(
            item.role == "init" and item.phase == "terminated" and item.ended is not None and item.ended.exit_code != 0
            for item in self.state.containers
        ) and (self.pod.spec.restartPolicy == "Never")

    async def _fail(self) -> None:
        """The Pod as a whole has failed (deadline): stop it, then say so."""
        await self.stop(self.grace())
        if self.everything_dead():
            await self.status.flush()

    def everything_dead(self) -> bool:
        """No process of the Pod is left."""
        if self.supervisor is None or self.supervisor.gone:
            return True
        return self.state is not None and self.state.phase in ("stopped", "failed")

    # Status

    def _compute(self, pod: Pod) -> PodStatus:
        dead = self.everything_dead()
        over = (self.stopping or self.deleted or pod.terminating or self.doom is not None) and dead
        facts = Facts(
            state=self.state,
            address=self.address,
            started_at=self.started_at or self.context.clock.time(),
            holds={**self.images.holds, **self.holds},
            ready=dict(self.probes.ready) if self.probes else {},
            startup_passed=dict(self.probes.startup_passed) if self.probes else {},
            lost=self.lost,
            over=over,
            failure=self.doom if dead else None,
        )
        return compute_status(pod, facts, self.context.settings, self.context.clock.time())

    def _status_written(self, pod: Pod) -> None:
        if pod.status.phase in TERMINAL and not self.left:
            self.pod = pod
            self.poke()

    # Timers, probes, images

    def _watch_deadline(self) -> None:
        seconds = self.pod.spec.activeDeadlineSeconds
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if not self.started_at:
            self.started_at = self.context.clock.time()
        if seconds is not None:
            left = self.started_at + seconds - self.context.clock.time()
            self._deadline = asyncio.get_running_loop().call_later(max(left, 0.0), self._deadline_passed)

    def _deadline_passed(self) -> None:
        if self.left or self.ended or self.lost or self.deleted or self.pod.terminating:
            return
        if self.pod.status.phase in TERMINAL:
            return
        message = "Pod was active on the node longer than the specified deadline"
        self.doom = ("DeadlineExceeded", message)
        self.announcer.say("Normal", "DeadlineExceeded", message)
        self.poke()

    def _probe_failed(self, container: str, kind: Kind, grace: int | None) -> None:
        if self.supervisor is None or self.stopping:
            return
        self.announcer.say(
            "Normal", "Killing", f"Container {container} failed {kind} probe, will be restarted", container
        )
        seconds = self.grace() if grace is None else float(grace)
        task = asyncio.get_running_loop().create_task(
            self._restart(self.supervisor, container, f"failed {kind} probe", seconds)
        )
        self._small.add(task)
        task.add_done_callback(self._small.discard)

    async def _restart(self, supervisor: Supervisor, container: str, reason: str, grace: float) -> None:
        try:
            await supervisor.restart(container, reason, grace)
        except (RequestFailed, ChannelClosed) as error:
            log.warning("Pod %s: cannot restart container %s: %s", self.pod.key, container, error)

    def _unhealthy(self, container: str, kind: Kind, output: str) -> None:
        self.announcer.say("Warning", "Unhealthy", f"{kind.capitalize()} probe failed: {output}", container)

    def _images_changed(self) -> None:
        self.status.mark()
        self.poke()


def _wanted(pod: Pod) -> tuple[object, ...]:
    meta = pod.metadata
    return pod.spec, meta.labels, meta.annotations, meta.deletionGracePeriodSeconds, pod.status.phase in TERMINAL


def _foreign(status: PodStatus) -> list[tuple[str, str]]:
    return [(item.type, item.status) for item in status.conditions or () if item.type not in OWNED]
