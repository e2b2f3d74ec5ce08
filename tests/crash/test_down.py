"""``nsorch down`` leaves nothing on the host, whatever happened before; ``nsorch up`` then is like after a reboot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.cluster import PROJECT, Cluster
from tests.support.crash import kill_daemon
from tests.support.host import processes, traces
from tests.support.space import Space, is_ready, space, status_of


@pytest.fixture
def fresh(archive: Path) -> Iterator[tuple[Cluster, Mapping[str, object]]]:
    """A daemon of the test's own, and what there was on its host before."""

    class Recorded(Cluster):
        before: Mapping[str, object]

        def up(self) -> None:
            if not hasattr(self, "before"):
                self.before = traces(self)
            super().up()

    with Recorded() as cluster:
        cluster.nsorch("image", "load", str(archive))
        yield cluster, cluster.before


def populate(here: Space) -> None:
    """Pods of every kind, Services of every kind."""
    memory = {"name": "memory", "emptyDir": {"medium": "Memory"}}
    disk = {"name": "disk", "emptyDir": {}}
    mounts = [{"name": "memory", "mountPath": "/memory"}, {"name": "disk", "mountPath": "/disk"}]
    ports = [{"port": 80, "targetPort": 8080}]
    here.deployment("web", 2, {"volumeMounts": mounts}, pod={"volumes": [memory, disk]})
    here.pod("bare", {"resources": {"limits": {"memory": "32Mi"}}})
    here.pod("host", hostNetwork=True)
    here.pod("stubborn", {"command": ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"]})
    here.pod("waiting", {"image": "not-there"})
    here.service("web", type="NodePort", sessionAffinity="ClientIP")
    here.service("empty", ports=ports)
    here.rolled_out("web")
    for name in ("bare", "host", "stubborn"):
        here.ready(name)


@pytest.mark.parametrize("how", ["orderly", "daemon killed", "daemon and spawner killed", "supervisors killed"])
def test_nothing_is_left(fresh: tuple[Cluster, Mapping[str, object]], how: str) -> None:
    cluster, before = fresh
    here = Space(cluster, "default")
    populate(here)
    if how != "orderly":
        kill_daemon(cluster)
    for pid, title in processes(cluster).items():
        if (how == "daemon and spawner killed" and title.startswith("nsorch-spawner")) or (
            how == "supervisors killed" and title.startswith("nsorch-pod default/")
        ):
            os.kill(pid, signal.SIGKILL)
    cluster.nsorch("down", "--timeout", "1", timeout=60)
    wanted = {**before, "pod folders": traces(cluster)["pod folders"]}

    def same() -> bool:
        """The network namespaces of killed Pods end in the background, and their veths with them."""
        return traces(cluster) == wanted

    try:
        cluster.eventually(same, what="the host is as it was", seconds=15)
    except AssertionError:
        assert traces(cluster) == wanted
    assert cluster.nsorch("down").returncode == 0  # again, with nothing to do
    assert traces(cluster) == wanted
    cluster.check_log()


def test_a_daemon_that_is_killed_while_it_takes_everything_down(fresh: tuple[Cluster, Mapping[str, object]]) -> None:
    cluster, before = fresh
    here = Space(cluster, "default")
    populate(here)
    argv = [sys.executable, "-m", "nsorch.cli.main", "down", "--timeout", "30"]
    process = cluster.namespace.popen(
        argv, env=cluster.environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "stopping Pods\n"
    kill_daemon(cluster)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "went away" in told
    cluster.nsorch("down", "--timeout", "1")
    wanted = {**before, "pod folders": traces(cluster)["pod folders"]}
    cluster.eventually(lambda: traces(cluster) == wanted, what="the host is as it was", seconds=15)
    cluster.up()
    here.rolled_out("web")
    for name in ("bare", "host", "stubborn"):
        here.ready(name)


def test_up_after_down_is_like_after_a_reboot(fresh: tuple[Cluster, Mapping[str, object]]) -> None:
    cluster, _ = fresh
    with space(cluster) as here:
        here.deployment("web", 2)
        here.pod("bare")
        here.pod("done", {"command": ["true"]}, restartPolicy="Never")
        bare = here.ready("bare")
        here.rolled_out("web")
        here.done("done")
        old = {pod["metadata"]["uid"] for pod in here.pods_of("web")}
        cluster.nsorch("down", "--timeout", "1")
        cluster.up()
        again = here.when("bare", lambda pod: status_of(pod)["restartCount"] == 1 and is_ready(pod))
        assert again["metadata"]["uid"] == bare["metadata"]["uid"]
        assert again["status"]["podIP"] == bare["status"]["podIP"]
        here.rolled_out("web")
        living = [pod for pod in here.pods_of("web") if pod["status"]["phase"] != "Failed"]
        assert len(living) == 2
        assert not old & {pod["metadata"]["uid"] for pod in living}
        assert here.get("pods", "done")["status"]["phase"] == "Succeeded"
    cluster.check_log()


def test_two_daemons_side_by_side(archive: Path) -> None:
    """Same names, same addresses, one host: nothing of one is seen by the other, and one ends without the other."""
    with Cluster() as one, Cluster() as two:
        spaces = [Space(cluster, "default") for cluster in (one, two)]
        for cluster, here in zip((one, two), spaces, strict=True):
            cluster.nsorch("image", "load", str(archive))
            here.deployment("web", 2)
            here.pod("bare", {"env": [{"name": "ROOT", "value": str(cluster.root)}]})
        for cluster, here in zip((one, two), spaces, strict=True):
            here.rolled_out("web")
            here.ready("bare")
            assert here.sh("bare", "echo $ROOT") == f"{cluster.root}\n"
        before = {pid for pid, title in processes(two).items() if not title.startswith("sleep")}
        one.nsorch("down", "--timeout", "1")
        assert not processes(one)
        assert before <= set(processes(two))
        assert spaces[1].sh("bare", "echo alive") == "alive\n"
        one.check_log()
        two.check_log()
