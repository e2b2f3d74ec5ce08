"""All probes of one Pod, following its supervisor's state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from nsorch.kit.clock import Clock
from nsorch.node.probes.http import Outcome
from nsorch.node.probes.runner import run_probe
from nsorch.node.probes.schedule import Kind, Schedule
from nsorch.node.supervisors import Supervisor
from nsorch.resources.container import Container
from nsorch.resources.pod import Pod
from nsorch.resources.probe import Probe
from nsorch.supervisor.protocol import PodState


@dataclass(slots=True)
class _Run:
    """One run of one container."""

    container_id: str
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class PodProbes:
    """Starts the probes of every run of a container and remembers their verdicts.

    ``on_change`` is called when a verdict changes; ``on_failure(container, kind, grace)`` when liveness or startup has
    failed for good; ``on_unhealthy(container, kind, output)`` for every failed attempt that counts.
    """

    def __init__(
        self,
        pod: Pod,
        address: str,
        supervisor: Supervisor,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        on_change: Callable[[], None],
        on_failure: Callable[[str, Kind, int | None], None],
        on_unhealthy: Callable[[str, Kind, str], None],
    ) -> None:
        self._address = address
        self._supervisor = supervisor
        self._session = session
        self._clock = clock
        self._on_change = on_change
        self._on_failure = on_failure
        self._on_unhealthy = on_unhealthy
        self._probed: dict[str, Container] = {}
        self.update(pod)
        self._runs: dict[str, _Run] = {}
        self.ready: dict[str, bool] = {}
        self.startup_passed: dict[str, bool] = {}
        self._known = {
            status.name: status
            for status in (*(pod.status.containerStatuses or ()), *(pod.status.initContainerStatuses or ()))
        }
        self._forget_unprobed()

    def update(self, pod: Pod) -> None:
        """Use this version of the Pod for runs that begin from now on."""
        sidecars = [item for item in pod.spec.initContainers or () if item.restartPolicy == "Always"]
        self._probed = {
            container.name: container
            for container in (*pod.spec.containers, *sidecars)
            if container.readinessProbe or container.livenessProbe or container.startupProbe
        }

    def _forget_unprobed(self) -> None:
        for name, container in self._probed.items():
            if container.readinessProbe:
                self.ready[name] = False
            if container.startupProbe:
                self.startup_passed[name] = False

    def observe(self, state: PodState) -> None:
        """Begin probing new runs and end the probes of finished ones."""
        for found in state.containers:
            container = self._probed.get(found.name)
            if container is None:
                continue
            run = self._runs.get(found.name)
            alive = found.phase == "running" and found.started and state.phase == "running"
            if run is not None and (not alive or run.container_id != found.container_id):
                self._end(found.name)
                run = None
            if alive and run is None:
                self._begin(container, found.container_id, found.started_at)

    def stop(self) -> None:
        """End all probes; verdicts stay as they are."""
        for run in self._runs.values():
            for task in run.tasks:
                task.cancel()
        self._runs.clear()

    def _begin(self, container: Container, container_id: str, started_at: float) -> None:
        run = self._runs[container.name] = _Run(container_id)
        now = self._clock.monotonic()
        began = now - max(0.0, self._clock.time() - started_at)
        before = self._known.pop(container.name, None)
        adopted = before is not None and (before.containerID or "").endswith(container_id)
        startup_done = adopted and before is not None and bool(before.started)
        if container.readinessProbe:
            # A run that was ready before the daemon restarted stays ready until a probe says otherwise.
            self.ready[container.name] = adopted and before is not None and before.ready
        if container.startupProbe:
            self.startup_passed[container.name] = startup_done
        if container.startupProbe and not startup_done:
            self._start(run, container, "startup", container.startupProbe, began)
        else:
            self._start_regular(run, container, began)

    def _start_regular(self, run: _Run, container: Container, began: float) -> None:
        if container.readinessProbe:
            verdict = self.ready.get(container.name, False)
            self._start(run, container, "readiness", container.readinessProbe, began, verdict)
        if container.livenessProbe:
            self._start(run, container, "liveness", container.livenessProbe, began)

    def _start(
        self, run: _Run, container: Container, kind: Kind, probe: Probe, began: float, verdict: bool | None = None
    ) -> None:
        schedule = Schedule(
            kind,
            began,
            initial_delay=float(probe.initialDelaySeconds or 0),
            period=float(probe.periodSeconds or 10),
            success_threshold=probe.successThreshold or 1,
            failure_threshold=probe.failureThreshold or 3,
            eager=kind != "liveness" and probe.exec is None,
            verdict=verdict or None,
        )
        run.tasks.append(asyncio.get_running_loop().create_task(self._probe(run, container, probe, schedule)))

    async def _probe(self, run: _Run, container: Container, probe: Probe, schedule: Schedule) -> None:
        while not schedule.held:
            await asyncio.sleep(max(0.0, schedule.due - self._clock.monotonic()))
            outcome = await run_probe(probe, container, self._address, self._supervisor, self._session)
            self._take(run, container, probe, schedule, outcome)

    def _take(self, run: _Run, container: Container, probe: Probe, schedule: Schedule, outcome: Outcome) -> None:
        counted = schedule.counts
        verdict = schedule.record(outcome.passed, self._clock.monotonic())
        if not outcome.passed and counted:
            self._on_unhealthy(container.name, schedule.kind, outcome.output)
        if not outcome.passed and schedule.held:
            self._on_failure(container.name, schedule.kind, probe.terminationGracePeriodSeconds)
        if verdict is None:
            return
        if schedule.kind == "readiness":
            self.ready[container.name] = verdict
            self._on_change()
        elif schedule.kind == "startup" and verdict:
            self.startup_passed[container.name] = True
            self._start_regular(run, container, self._clock.monotonic())
            self._on_change()

    def _end(self, name: str) -> None:
        run = self._runs.pop(name)
        current = asyncio.current_task()
        for task in run.tasks:
            if task is not current:
                task.cancel()
        self._known.pop(name, None)
        if name in self.ready:
            self.ready[name] = False
        if name in self.startup_passed:
            self.startup_passed[name] = False
