"""Bring a Pod up: adopt the supervisor it has, or make everything it needs and start one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from nsorch.kit import logs
from nsorch.kit.clock import parse_rfc3339
from nsorch.network.addresses import AddressesExhausted, host_interface
from nsorch.node import disk
from nsorch.node.channel import RequestFailed
from nsorch.node.compiler.env import skipped_names
from nsorch.node.compiler.failures import SandboxError
from nsorch.node.compiler.inputs import Hold, Surroundings
from nsorch.node.compiler.pod import Compiled, compile_pod, roles
from nsorch.node.lookups import surroundings
from nsorch.node.spawner import SpawnerError
from nsorch.node.status.compute import TERMINAL
from nsorch.node.supervisors import Supervisor
from nsorch.node.volumes.prepare import prepare_volumes
from nsorch.resources.container import Container
from nsorch.resources.container_status import ContainerStatus
from nsorch.resources.pod import Pod

if TYPE_CHECKING:
    from nsorch.node.worker import PodWorker

log = logs.logger("node")


async def begin(worker: PodWorker) -> None:
    """Adopt, declare lost, or start. MountError and SandboxError leave the Pod waiting."""
    if worker.existed:
        worker.existed = False
        if adopt(worker):
            worker.poke()  # images, configuration and the Pod itself may have changed while no daemon ran
            return
        if _came_to_nothing(worker):
            return
    await start(worker)


def adopt(worker: PodWorker) -> bool:
    """Connect to the supervisor that runs this Pod, if there is one; its state arrives by itself."""
    path = worker.layout.socket
    if not os.path.exists(path):
        return False
    plan = disk.read_plan(worker.layout)
    if plan is None:
        return False
    try:
        supervisor = Supervisor(path, worker.on_state, worker.on_gone)
    except OSError:
        return False
    if worker.pod.status.startTime:
        worker.started_at = parse_rfc3339(worker.pod.status.startTime)
    worker.attach_supervisor(supervisor, plan)
    return True


def _came_to_nothing(worker: PodWorker) -> bool:
    """No supervisor, but was there one? True if the Pod is lost; else it is made (again)."""
    pod = worker.pod
    statuses = [*(pod.status.initContainerStatuses or ()), *(pod.status.containerStatuses or ())]
    ran = any(status.containerID for status in statuses)
    if pod.status.phase in TERMINAL or not ran:
        return False
    rebooted = disk.read_boot_id(worker.layout) != worker.context.boot_id
    if rebooted and is_bare(pod) and pod.spec.restartPolicy != "Never":
        worker.restart_counts = {status.name: _next_count(status) for status in statuses}
        worker.announcer.say("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
        return False
    worker.superseded = rebooted and not is_bare(pod)
    worker.lost = True
    worker.announcer.say("Warning", "SandboxChanged", "Pod sandbox is gone; the Pod has failed")
    worker.status.mark()
    worker.poke()
    return True


def _next_count(status: ContainerStatus) -> int:
    return status.restartCount + 1 if status.containerID else status.restartCount


async def start(worker: PodWorker) -> None:
    """One message to the spawner, after everything it names is there."""
    context, pod, layout = worker.context, worker.pod, worker.layout
    leased: Awaitable[None] | None = None
    if pod.spec.hostNetwork:
        worker.address = context.settings.node_address
    elif not worker.address:
        try:
            worker.address, leased = context.addresses.claim(pod.uid)
        except AddressesExhausted as error:
            raise SandboxError(str(error)) from error
    try:
        await asyncio.sleep(0)  # the lease is on its way to the disk while we write the Pod's files
        images = {container.name: worker.images.resolve(container) for _, container in roles(pod)}
        compiled = _lay_out(worker, surroundings(context, pod, worker.address, images))
    except OSError as error:
        raise SandboxError(f"cannot write below {layout.dir}: {error.strerror or error}") from error
    finally:
        await _durable(worker, leased)
    if (already := _existing_supervisor(worker)) is None:
        try:
            await context.spawner.start(layout.plan)
            already = Supervisor(layout.socket, worker.on_state, worker.on_gone)
        except (RequestFailed, SpawnerError, OSError) as error:
            raise SandboxError(str(error)) from error
    worker.attach_supervisor(already, compiled.plan)


async def _durable(worker: PodWorker, leased: Awaitable[None] | None) -> None:
    """Wait for the address; without it the next try claims one again."""
    if leased is None:
        return
    try:
        await leased
    except BaseException:
        worker.address = ""
        raise


def _lay_out(worker: PodWorker, around: Surroundings) -> Compiled:
    """Everything the supervisor will read, on disk: network files, volumes, log folders, the plan."""
    pod, layout = worker.pod, worker.layout
    disk.write_network_files(pod, around, layout)
    prepare_volumes(pod, around, layout, worker.context.tokens)
    compiled = compile_pod(
        pod,
        around,
        layout,
        host_interface="" if pod.spec.hostNetwork else host_interface(pod.uid),
        restart_counts=worker.restart_counts,
    )
    for name, error in compiled.errors.items():
        worker.holds[name] = Hold(reason=error.reason, message=error.message)
        worker.announcer.say("Warning", "Failed", f"Error: {error.message}", name)
    for _, container in roles(pod):
        if isinstance(container, Container) and container.envFrom:
            _tell_skipped(worker, container, skipped_names(container, around))
    for plan in compiled.plan.containers:
        os.makedirs(plan.log_dir, mode=0o755, exist_ok=True)
    disk.write_plan(compiled.plan, layout)
    disk.write_boot_id(layout, worker.context.boot_id)
    return compiled


def _existing_supervisor(worker: PodWorker) -> Supervisor | None:
    """A start whose answer was lost may have worked: use what is there."""
    if os.path.exists(worker.layout.socket):
        with contextlib.suppress(OSError):
            return Supervisor(worker.layout.socket, worker.on_state, worker.on_gone)
    return None


def _tell_skipped(worker: PodWorker, container: Container, names: list[str]) -> None:
    if names:
        message = (
            f"Keys [{', '.join(names)}] from envFrom were skipped since they are invalid environment variable names."
        )
        worker.announcer.say("Warning", "InvalidEnvironmentVariableNames", message, container.name)


def is_bare(pod: Pod) -> bool:
    """Nobody would replace this Pod."""
    return pod.controller() is None
