"""A supervisor's facts -> PodStatus."""

from __future__ import annotations

from typing import Any

import pytest

from nsorch.node.compiler.inputs import Hold
from nsorch.node.status.compute import compute_status
from nsorch.node.status.facts import Facts
from nsorch.node.supervisors import parse_state
from nsorch.resources.pod import Pod, PodStatus
from nsorch.supervisor.protocol import ContainerState, PodState, Terminated
from tests.support.node_objects import SETTINGS, a_pod

NOW = 1_700_000_000.0
THEN = "2023-11-14T22:13:20Z"


def running(name: str = "main", role: str = "main", **values: Any) -> ContainerState:
    given = {"container_id": "c1", "started_at": NOW, "started": True, "image_id": "sha256:1", **values}
    return ContainerState(name=name, role=role, phase="running", **given)


def ended(code: int, name: str = "main", role: str = "main", **values: Any) -> ContainerState:
    run = Terminated(container_id="c1", exit_code=code, started_at=NOW, finished_at=NOW + 1)
    return ContainerState(name=name, role=role, phase="terminated", ended=run, **values)


def waiting(reason: str, name: str = "main", role: str = "main", **values: Any) -> ContainerState:
    return ContainerState(name=name, role=role, phase="waiting", reason=reason, **values)


def state(*containers: ContainerState, phase: Any = "running") -> PodState:
    return PodState(uid="u-1", phase=phase, containers=list(containers))


def status_of(pod: Pod, *containers: ContainerState, now: float = NOW, **facts: Any) -> PodStatus:
    known = state(*containers) if containers else None
    given = {"state": known, "address": "10.244.0.7", "started_at": NOW, **facts}
    return compute_status(pod, Facts(**given), SETTINGS, now)


def condition(status: PodStatus, type_: str) -> tuple[str, str | None, str | None]:
    found = next(item for item in status.conditions or () if item.type == type_)
    return found.status, found.reason, found.message


def test_a_running_pod() -> None:
    status = status_of(a_pod(), running())
    assert (status.phase, status.podIP, status.hostIP, status.startTime) == ("Running", "10.244.0.7", "192.0.2.1", THEN)
    assert [item.type for item in status.conditions or ()] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    assert {item.status for item in status.conditions or ()} == {"True"}
    (container,) = status.containerStatuses or ()
    assert (container.ready, container.started, container.containerID) == (True, True, "nsorch://c1")
    assert container.state is not None
    assert container.state.running is not None
    assert container.state.running.startedAt == THEN


def test_before_the_supervisor_speaks_containers_are_being_created() -> None:
    status = status_of(a_pod())
    assert status.phase == "Pending"
    assert waiting_reason(status) == "ContainerCreating"
    assert condition(status, "Ready") == ("False", "ContainersNotReady", "containers with unready status: [main]")
    with_init = status_of(a_pod(initContainers=[{"name": "init", "image": "app:1"}]))
    assert waiting_reason(with_init) == "PodInitializing"
    assert condition(with_init, "Initialized")[2] == "containers with incomplete status: [init]"


def waiting_reason(status: PodStatus) -> str | None:
    (container,) = status.containerStatuses or ()
    assert container.state is not None
    assert container.state.waiting is not None
    return container.state.waiting.reason


@pytest.mark.parametrize(
    ("policy", "containers", "phase"),
    [
        ("Always", [ended(0)], "Running"),
        ("Never", [ended(0)], "Succeeded"),
        ("Never", [ended(1)], "Failed"),
        ("OnFailure", [ended(0)], "Succeeded"),
        ("OnFailure", [waiting("CrashLoopBackOff", last=Terminated(exit_code=1))], "Running"),
        ("Always", [waiting("CrashLoopBackOff", last=Terminated(exit_code=0))], "Running"),
        ("Always", [waiting("ErrImagePull")], "Pending"),
        ("Never", [waiting("PodInitializing"), ended(1, "init", "init")], "Failed"),
        ("Always", [waiting("PodInitializing"), waiting("CrashLoopBackOff", "init", "init")], "Pending"),
        ("Never", [ended(0), running("side", "sidecar")], "Running"),
        ("Never", [ended(0), ended(0, "side", "sidecar")], "Succeeded"),
    ],
)
def test_phases(policy: str, containers: list[ContainerState], phase: str) -> None:
    init: list[dict[str, Any]] = []
    for item in containers:
        if item.role == "init":
            init.append({"name": "init", "image": "app:1"})
        if item.role == "sidecar":
            init.append({"name": "side", "image": "app:1", "restartPolicy": "Always"})
    pod = a_pod(restartPolicy=policy, initContainers=init or None)
    assert status_of(pod, *containers).phase == phase


def test_readiness_and_startup_decide_ready() -> None:
    pod = a_pod()
    unready = status_of(pod, running(), ready={"main": False})
    assert condition(unready, "ContainersReady")[0] == "False"
    starting = status_of(pod, running(), startup_passed={"main": False}, ready={"main": True})
    (container,) = starting.containerStatuses or ()
    assert (container.started, container.ready) == (False, False)
    hooked = status_of(pod, running(started=False))
    assert (hooked.containerStatuses or [])[0].ready is False


def test_transition_times_move_only_with_their_status() -> None:
    first = status_of(a_pod(), running(), ready={"main": False})
    again = status_of(a_pod(status=first.to_dict()), running(), ready={"main": True}, now=NOW + 60)
    times = {item.type: item.lastTransitionTime for item in again.conditions or ()}
    assert times["Initialized"] == THEN
    assert times["Ready"] == times["ContainersReady"] == "2023-11-14T22:14:20Z"


def test_readiness_gates_and_foreign_conditions() -> None:
    gated = {"readinessGates": [{"conditionType": "lb/ready"}]}
    missing = status_of(a_pod(**gated), running())
    assert condition(missing, "Ready")[1] == "ReadinessGatesNotReady"
    assert condition(missing, "ContainersReady")[0] == "True"
    foreign = {"conditions": [{"type": "lb/ready", "status": "True"}]}
    passed = status_of(a_pod(status=foreign, **gated), running())
    assert condition(passed, "Ready")[0] == "True"
    assert condition(passed, "lb/ready")[0] == "True"


def test_a_lost_pod_has_failed_and_says_why() -> None:
    status = status_of(a_pod(), running(), lost=True)
    (container,) = status.containerStatuses or ()
    assert (status.phase, status.reason) == ("Failed", "SandboxChanged")
    assert container.state is not None
    assert container.state.terminated is not None
    assert (container.state.terminated.exitCode, container.state.terminated.reason) == (137, "ContainerStatusUnknown")
    assert condition(status, "PodReadyToStartContainers")[0] == "False"


def test_a_pod_lost_while_the_daemon_was_away_is_told_from_what_the_api_shows() -> None:
    shown = status_of(a_pod(), running(restart_count=2))
    status = status_of(a_pod(status=shown.to_dict()), lost=True)
    (container,) = status.containerStatuses or ()
    assert (status.phase, container.restartCount, container.containerID) == ("Failed", 2, "nsorch://c1")
    assert container.state is not None
    assert container.state.terminated is not None


def test_a_terminal_phase_stays() -> None:
    assert status_of(a_pod(status={"phase": "Failed"}), running()).phase == "Failed"


def test_a_deadline_fails_the_pod() -> None:
    status = status_of(a_pod(), ended(0), failure=("DeadlineExceeded", "too long"), over=True)
    assert (status.phase, status.reason, status.message) == ("Failed", "DeadlineExceeded", "too long")


def test_a_deleted_pod_ends_as_its_containers_did() -> None:
    assert status_of(a_pod(), ended(0), over=True).phase == "Succeeded"
    assert status_of(a_pod(), ended(143), over=True).phase == "Failed"


def test_a_newer_hold_wins_over_what_the_supervisor_was_told() -> None:
    hold = Hold(reason="ImagePullBackOff", message="Back-off pulling image")
    status = status_of(a_pod(), waiting("ErrImagePull"), holds={"main": hold})
    assert waiting_reason(status) == "ImagePullBackOff"


def test_states_of_newer_supervisors_are_understood() -> None:
    parsed = parse_state(
        {
            "version": 7,
            "uid": "u-1",
            "phase": "running",
            "novelty": 1,
            "containers": [{"name": "main", "phase": "terminated", "ended": {"exit_code": 3, "extra": 1}, "x": 2}],
        }
    )
    assert parsed.containers[0].ended is not None
    assert parsed.containers[0].ended.exit_code == 3
