"""status.phase from the containers' states (kubelet ``getPhase``).

an init container failed for good (restartPolicy Never)      Failed
init containers are not done                                 Pending
a main container has never run                               Pending
a main container runs                                        Running
all ended: all 0 -> Succeeded; Never -> Failed; OnFailure, Always -> Running (about to be restarted)
all ended and the Pod is over (deleted, deadline, lost)      Succeeded if all 0, else Failed
"""

from __future__ import annotations

from collections.abc import Sequence

from nsorch.resources.container_status import ContainerStateTerminated, ContainerStatus


def phase_of(
    init: Sequence[ContainerStatus],
    sidecars: Sequence[ContainerStatus],
    main: Sequence[ContainerStatus],
    restart_policy: str,
    *,
    over: bool,
) -> str:
    """The phase; ``init`` are the plain init containers, ``over`` says that nothing will be started again."""
    for status in init:
        ended = _ended(status)
        if ended is not None and ended.exitCode != 0 and (restart_policy == "Never" or over):
            return "Failed"
    stopped = [ended for status in main if (ended := _ended(status)) is not None and not _running(status)]
    running = [status for status in main if _running(status)]
    if over and not running:
        alive = [status for status in (*init, *sidecars) if _running(status)]
        if not alive:
            succeeded = len(stopped) == len(main) and all(ended.exitCode == 0 for ended in stopped)
            return (
                "Succeeded" if succeeded and restart_policy != "Always" else "Failed" if not succeeded else "Succeeded"
            )
    if any(not (status.state and status.state.terminated and status.state.terminated.exitCode == 0) for status in init):
        return "Pending"
    if len(stopped) + len(running) < len(main):
        return "Pending"
    if running or restart_policy == "Always":
        return "Running"
    if any(_running(status) for status in sidecars):
        return "Running"
    waiting_again = [status for status in main if status.state and status.state.waiting]
    if not waiting_again and all(ended.exitCode == 0 for ended in stopped):
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def _running(status: ContainerStatus) -> bool:
    return status.state is not None and status.state.running is not None


def _ended(status: ContainerStatus) -> ContainerStateTerminated | None:
    """The present or, while it waits for a restart, the last termination."""
    if status.state is not None and status.state.terminated is not None:
        return status.state.terminated
    if status.state is not None and status.state.waiting is not None and status.lastState is not None:
        return status.lastState.terminated
    return None
