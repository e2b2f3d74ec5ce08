"""ContainerStatus of one container."""

from __future__ import annotations

from nsorch.kit.clock import rfc3339
from nsorch.node.compiler.container import Role
from nsorch.node.status.facts import Facts
from nsorch.resources.container import Container, EphemeralContainer
from nsorch.resources.container_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    VolumeMountStatus,
)
from nsorch.supervisor import protocol

ID_SCHEME = "nsorch://"
LOST_REASON = "ContainerStatusUnknown"
LOST_MESSAGE = "The container could not be located when the pod was terminated"
LOST_EXIT_CODE = 137
REBOOT_EXIT_CODE = 255
"""kubelet's exit code of containers that a reboot of the host has ended."""


def container_status(
    container: Container | EphemeralContainer,
    role: Role,
    found: protocol.ContainerState | None,
    facts: Facts,
    previous: ContainerStatus | None,
    *,
    has_init: bool,
) -> ContainerStatus:
    """What the API shows of this container now. ``previous`` is what it shows before, used when nothing is known."""
    status = ContainerStatus(
        name=container.name,
        image=(found.image if found and found.phase == "running" else "") or container.image or "",
        imageID=(found.image_id if found else "") or (previous.imageID if previous else ""),
        ready=False,
        started=False,
        restartCount=found.restart_count if found else (previous.restartCount if previous else 0),
    )
    if found is None and facts.lost and previous is not None:
        _lost_from_previous(status, previous)
    else:
        status.state, status.containerID = _state(container.name, found, facts, has_init=has_init)
        if found is not None and (last := _last(found, lost=facts.lost)) is not None:
            status.lastState = ContainerState(terminated=last)
        elif previous is not None:
            status.lastState = _before(previous, found)
    if status.lastState is None:
        status.lastState = ContainerState()
    if found is not None and not status.containerID and found.last is not None and found.last.container_id:
        status.containerID = ID_SCHEME + found.last.container_id
    running = status.state is not None and status.state.running is not None
    ended = status.state.terminated if status.state else None
    if role == "init":
        status.ready = ended is not None and ended.exitCode == 0
        status.started = running
    elif running and found is not None:
        status.started = found.started and facts.startup_passed.get(container.name, True)
        status.ready = bool(status.started) and facts.ready.get(container.name, True) and role != "ephemeral"
    _declared(status, container)
    return status


def _state(
    name: str, found: protocol.ContainerState | None, facts: Facts, *, has_init: bool
) -> tuple[ContainerState, str | None]:
    """The present state, and the id of the run it speaks of."""
    if facts.lost and (found is None or found.phase != "terminated"):
        return _lost(found)
    if found is not None and found.phase == "running":
        running = ContainerStateRunning(startedAt=rfc3339(found.started_at))
        return ContainerState(running=running), ID_SCHEME + found.container_id
    if found is not None and found.phase == "terminated" and found.ended is not None:
        return ContainerState(terminated=terminated(found.ended)), _id(found.ended.container_id or found.container_id)
    hold = facts.holds.get(name)
    reason, message = "PodInitializing" if has_init else "ContainerCreating", ""
    if found is not None and found.reason:
        reason, message = found.reason, found.message
    if hold is not None and (found is None or reason in ("ContainerCreating", "PodInitializing") or not found.last):
        reason, message = hold.reason, hold.message
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message or None)), None


def _before(previous: ContainerStatus, found: protocol.ContainerState | None) -> ContainerState | None:
    """lastState when the supervisor knows of no earlier run: what the API shows, or, after a reboot of the host, the
    run that the API shows as the present one."""
    shown = previous.containerID or ""
    if found is None or not found.container_id or not shown or shown == ID_SCHEME + found.container_id:
        return previous.lastState
    if previous.state is None or previous.state.running is None:
        return ContainerState(terminated=previous.state.terminated) if previous.state else previous.lastState
    return ContainerState(
        terminated=ContainerStateTerminated(
            exitCode=REBOOT_EXIT_CODE,
            reason="Unknown",
            startedAt=previous.state.running.startedAt,
            containerID=shown,
        )
    )


def _last(found: protocol.ContainerState, *, lost: bool) -> ContainerStateTerminated | None:
    return None if found.last is None else terminated(found.last)


def _lost(found: protocol.ContainerState | None) -> tuple[ContainerState, str | None]:
    run = found.container_id if found else ""
    ended = ContainerStateTerminated(
        exitCode=LOST_EXIT_CODE,
        reason=LOST_REASON,
        message=LOST_MESSAGE,
        startedAt=rfc3339(found.started_at) if found and found.started_at else None,
        containerID=_id(run),
    )
    return ContainerState(terminated=ended), _id(run)


def _lost_from_previous(status: ContainerStatus, previous: ContainerStatus) -> None:
    """The supervisor died while the daemon was down: all that is known is what the API shows."""
    status.containerID = previous.containerID
    status.lastState = previous.lastState
    if previous.state is not None and previous.state.terminated is not None:
        status.state = previous.state
        return
    running = previous.state.running if previous.state else None
    status.state = ContainerState(
        terminated=ContainerStateTerminated(
            exitCode=LOST_EXIT_CODE,
            reason=LOST_REASON,
            message=LOST_MESSAGE,
            startedAt=running.startedAt if running else None,
            containerID=previous.containerID,
        )
    )


def terminated(run: protocol.Terminated) -> ContainerStateTerminated:
    """One ended run as the API writes it."""
    return ContainerStateTerminated(
        exitCode=run.exit_code,
        signal=run.signal or None,
        reason=run.reason or ("Completed" if run.exit_code == 0 else "Error"),
        message=run.message or None,
        startedAt=rfc3339(run.started_at) if run.started_at else None,
        finishedAt=rfc3339(run.finished_at) if run.finished_at else None,
        containerID=_id(run.container_id),
    )


def _id(text: str) -> str | None:
    return ID_SCHEME + text if text else None


def _declared(status: ContainerStatus, container: Container | EphemeralContainer) -> None:
    """Fields that repeat the spec: resources in force, volume mounts."""
    resources = container.resources
    if resources is not None and (resources.requests or resources.limits):
        status.resources = resources
        if resources.requests:
            status.allocatedResources = resources.requests
    if container.volumeMounts:
        status.volumeMounts = [
            VolumeMountStatus(
                name=mount.name,
                mountPath=mount.mountPath,
                readOnly=mount.readOnly or None,
                recursiveReadOnly="Disabled" if mount.readOnly else None,
            )
            for mount in container.volumeMounts
        ]
