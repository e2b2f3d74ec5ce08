"""What dies is replaced: a container in its Pod, a Pod by its ReplicaSet, the spawner by the daemon."""

from __future__ import annotations

import os
import signal

from nsorch.supervisor import wire
from tests.support.cluster import Cluster
from tests.support.crash import check_nothing_lost_or_double, identity
from tests.support.space import Object, Space, is_ready, status_of


def test_a_killed_container_starts_again_in_its_pod(here: Space) -> None:
    here.pod("one")
    before = here.ready("one")
    here.kill(before)
    after = here.when("one", lambda pod: status_of(pod)["restartCount"] == 1 and is_ready(pod))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    assert status_of(after)["containerID"] != status_of(before)["containerID"]
    last = status_of(after)["lastState"]["terminated"]
    assert last["exitCode"] == 137
    assert last["containerID"] == status_of(before)["containerID"]


def test_a_killed_supervisor_is_a_failed_pod_and_its_replicaset_makes_another(here: Space) -> None:
    here.deployment("web", 2)
    here.service("web")
    here.rolled_out("web")
    before = {pod["metadata"]["name"]: pod for pod in here.pods_of("web")}
    victim = before[min(before)]

    def failed(pods: dict[str, Object]) -> Object | None:
        pod = pods.get(victim["metadata"]["name"])
        return pod if pod is not None and pod["status"]["phase"] == "Failed" else None

    here.kill_supervisor(victim)
    assert here.until("pods", failed, what="the Pod has failed")["status"]["reason"] == "SandboxChanged"

    def replaced(pods: dict[str, Object]) -> Object | None:
        fresh = [pod for name, pod in pods.items() if name not in before and is_ready(pod)]
        return fresh[0] if fresh else None

    fresh = here.until("pods", replaced, what="another Pod")
    assert fresh["metadata"]["uid"] != victim["metadata"]["uid"]
    assert fresh["status"]["podIP"] not in {pod["status"]["podIP"] for pod in before.values()}

    survivor = before[max(before)]["status"]["podIP"]
    wanted = {survivor, fresh["status"]["podIP"]}

    def endpoints(slices: dict[str, Object]) -> bool:
        return {
            address
            for item in slices.values()
            for endpoint in item.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
        } == wanted

    here.until("endpointslices", endpoints, what="the endpoints are the living Pods")


def test_a_killed_spawner_is_replaced(here: Space, daemon: Cluster) -> None:
    here.pod("before")
    before = here.ready("before")
    kill_spawner(daemon)
    here.pod("after")
    here.ready("after")
    assert identity(here.get("pods", "before")) == identity(before)
    check_nothing_lost_or_double(daemon, here)


def test_the_spawner_is_killed_while_it_starts_pods(here: Space, daemon: Cluster) -> None:
    here.deployment("web", 20)
    for count in (3, 10):
        here.until(
            "pods",
            lambda pods, count=count: sum(pod["status"].get("phase") == "Running" for pod in pods.values()) >= count,
            what=f"{count} Pods run",
        )
        kill_spawner(daemon)
    here.rolled_out("web")
    pods = here.pods_of("web")
    assert len(pods) == 20
    assert all(status_of(pod)["restartCount"] == 0 for pod in pods)
    check_nothing_lost_or_double(daemon, here)


def kill_spawner(cluster: Cluster) -> None:
    """SIGKILL, and wait until it is gone."""
    connection = wire.connect(str(cluster.files / "run" / "spawner.sock"))
    try:
        wire.send(connection, {"id": 1, "op": "ping"})
        answer = wire.receive(connection)
        assert answer is not None
        os.kill(answer[0]["pid"], signal.SIGKILL)
        assert wire.receive(connection) is None
    finally:
        connection.close()
