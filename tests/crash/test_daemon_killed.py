"""kill -9 of the daemon at bad moments: no Pod notices, and the next daemon goes on where the last one was."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cluster import PROJECT, Cluster
from tests.support.crash import check_nothing_lost_or_double, identities, identity, kill_daemon
from tests.support.load import Load
from tests.support.servers import httpd
from tests.support.space import Space, is_ready, main, network_of, status_of, waits_for


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_pods_do_not_notice(here: Space, daemon: Cluster, number: signal.Signals) -> None:
    here.deployment("web", 3, httpd())
    here.service("web")
    here.pod("client")
    client = network_of(here.state(here.ready("client"))["containers"][0]["pid"])
    here.rolled_out("web")
    address = here.get("services", "web")["spec"]["clusterIP"]
    before = identities(here)
    with Load(daemon.namespace, address) as outside, Load(client, address) as inside:
        kill_daemon(daemon, number)
        outside.more(50)
        inside.more(50)
        daemon.up()
        here.pod("new")
        here.ready("new")
    outside.check()
    inside.check()
    after = identities(here)
    after.pop("new")
    assert after == before
    assert all(count == 0 for _, _, containers in after.values() for _, _, count in containers)
    check_nothing_lost_or_double(daemon, here)


def test_names_are_found_while_no_daemon_runs(here: Space, daemon: Cluster) -> None:
    """The cluster DNS is a Pod like any other, and goes on with what it knew."""
    address = here.service("web")["spec"]["clusterIP"]
    here.pod("one")
    pod = here.ready("one")
    find = f"until nslookup web.{here.name}.svc.cluster.local | grep -q {address}; do sleep 0.05; done"
    here.sh("one", find)
    inside = ["nsenter", "--all", "-t", str(here.state(pod)["containers"][0]["pid"]), "--", "sh", "-c", find]
    kill_daemon(daemon)
    daemon.run(inside)
    daemon.up()
    here.service("later")
    later = here.get("services", "later")["spec"]["clusterIP"]
    here.sh("one", find.replace(f"web.{here.name}", f"later.{here.name}").replace(address, later))


def test_down_keep_pods(here: Space, daemon: Cluster) -> None:
    here.pod("one")
    before = identity(here.ready("one"))
    daemon.nsorch("down", "--keep-pods")
    assert "no nsorch daemon is running" in daemon.nsorch("get", "pods", check=False).stderr
    daemon.up()
    assert identity(here.get("pods", "one")) == before


def test_in_the_middle_of_a_rollout(here: Space, daemon: Cluster) -> None:
    here.deployment("web", 20, strategy={"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    here.rolled_out("web")
    old = {pod["metadata"]["uid"] for pod in here.pods_of("web")}
    change = {"spec": {"template": {"spec": {"containers": [main(env=[{"name": "VERSION", "value": "2"}])]}}}}
    here.patch("deployments", "web", change)
    here.until(
        "deployments", lambda found: found["web"]["status"].get("updatedReplicas", 0) >= 8, what="a third is updated"
    )
    kill_daemon(daemon)
    daemon.up()
    here.rolled_out("web")
    pods = here.pods_of("web")
    assert len(pods) == 20
    assert not old & {pod["metadata"]["uid"] for pod in pods}
    assert all(status_of(pod)["restartCount"] == 0 for pod in pods)
    assert len(here.list("replicasets")) == 2
    check_nothing_lost_or_double(daemon, here)


def test_in_the_middle_of_creation(here: Space, daemon: Cluster) -> None:
    """Every Pod whose creation was acknowledged is there and runs, once."""
    acknowledged: list[str] = []
    enough = threading.Event()

    def create() -> None:
        for number in range(200):
            try:
                here.pod(f"pod-{number}")
            except OSError:
                return
            acknowledged.append(f"pod-{number}")
            if number == 10:
                enough.set()

    thread = threading.Thread(target=create)
    thread.start()
    assert enough.wait(30)
    kill_daemon(daemon)
    thread.join()
    daemon.up()
    pods = here.until(
        "pods",
        lambda found: dict(found) if all(is_ready(pod) for pod in found.values()) else None,
        what="every Pod is ready",
    )
    assert set(acknowledged) <= set(pods)
    assert len(pods) <= len(acknowledged) + 1  # one may be stored without having been acknowledged
    assert all(status_of(pod)["restartCount"] == 0 for pod in pods.values())
    check_nothing_lost_or_double(daemon, here)


def test_in_the_middle_of_deletion(here: Space, daemon: Cluster) -> None:
    slow = main(["sh", "-c", "trap 'sleep 0.3; exit 0' TERM; while true; do sleep 0.05; done"])
    for number in range(6):
        here.pod(f"pod-{number}", slow)
    here.until("pods", lambda found: all(is_ready(pod) for pod in found.values()), what="all Pods are ready")
    for number in range(4):
        here.delete("pods", f"pod-{number}")
    kill_daemon(daemon)
    daemon.up()
    here.until("pods", lambda found: set(found) == {"pod-4", "pod-5"}, what="the deleted Pods are gone")
    check_nothing_lost_or_double(daemon, here)


def test_what_happens_while_no_daemon_runs(here: Space, daemon: Cluster) -> None:
    """A container that ends is started again by its supervisor; a Pod that ends is seen to have ended."""
    waits = "while ! test -e /state/go; do sleep 0.05; done; rm /state/go; exit 3"
    shared = {"volumes": [{"name": "state", "emptyDir": {}}]}
    mounted = {"volumeMounts": [{"name": "state", "mountPath": "/state"}]}
    here.pod("again", {"command": ["sh", "-c", waits], **mounted}, **shared)
    here.pod("once", {"command": ["sh", "-c", waits], **mounted}, restartPolicy="Never", **shared)
    here.pod("victim")
    pods = {name: here.ready(name) for name in ("again", "once", "victim")}
    states = {name: here.state(pod) for name, pod in pods.items()}
    kill_daemon(daemon)
    for name in ("again", "once"):
        Path(f"/proc/{states[name]['containers'][0]['pid']}/root/state/go").touch()
    here.kill_supervisor(pods["victim"])

    def restarted() -> bool:
        container = here.state(pods["again"])["containers"][0]
        return bool(container["restart_count"] == 1 and container["phase"] == "running")

    daemon.eventually(restarted, what="the supervisor starts the container again by itself")
    daemon.up()
    again = here.when("again", lambda pod: status_of(pod)["restartCount"] == 1 and is_ready(pod))
    assert again["status"]["podIP"] == pods["again"]["status"]["podIP"]
    once = here.done("once")
    assert once["status"]["phase"] == "Failed"
    assert status_of(once)["state"]["terminated"]["exitCode"] == 3
    assert here.done("victim")["status"]["phase"] == "Failed"


def test_images_that_come_after_the_daemon_was_killed(here: Space, daemon: Cluster, archive: Path) -> None:
    """A Pod that waited for its image, or its ConfigMap, when the daemon died goes on when it comes."""
    here.pod("image", {"image": "late:1"})
    here.pod("config", {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "a"}}}]})
    here.when("image", lambda pod: waits_for(pod, "ErrImagePull", "ImagePullBackOff"))
    here.when("config", lambda pod: waits_for(pod, "CreateContainerConfigError"))
    kill_daemon(daemon)
    daemon.up()
    assert waits_for(here.get("pods", "config"), "CreateContainerConfigError")
    daemon.nsorch("image", "load", str(archive), "--tag", "late:1")
    here.create("configmaps", {"metadata": {"name": "late"}, "data": {"a": "b"}})
    here.ready("image")
    here.ready("config")
    assert here.sh("config", "echo $A") == "b\n"


@pytest.mark.parametrize("what", ["build", "load"])
def test_in_the_middle_of_bringing_an_image(here: Space, daemon: Cluster, archive: Path, what: str) -> None:
    """A half-made image is not there, and leaves nothing behind; the same command works afterwards."""
    words: dict[str, list[str]] = {
        "build": ["image", "build", "rootfs/busybox", "--tag", "made:1", "--no-cache"],
        "load": ["image", "load", str(archive), "--tag", "made:2"],
    }
    name = {"build": "made:1", "load": "made:2"}[what]
    images = daemon.root / "images"
    process = daemon.namespace.popen(
        [sys.executable, "-m", "nsorch.cli.main", *words[what]],
        env=daemon.environment,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _as_soon_as(lambda: process.poll() is not None or any((images / "tmp").iterdir()))
    kill_daemon(daemon)
    _, told = process.communicate(timeout=30)
    daemon.up()
    if process.returncode:
        assert "Traceback" not in told
        daemon.nsorch(*words[what], timeout=120)
    here.pod("one", {"image": name})
    here.ready("one")
    here.delete("pods", "one", grace=0)
    here.gone("one")
    daemon.eventually(lambda: not list((images / "tmp").iterdir()), what="no half-made layer is left")


def test_killed_again_and_again(here: Space, daemon: Cluster) -> None:
    here.deployment("web", 5)
    for _ in range(3):
        kill_daemon(daemon)
        daemon.up()
    here.rolled_out("web")
    assert len(here.pods_of("web")) == 5
    check_nothing_lost_or_double(daemon, here)


def test_a_watch_goes_on_over_a_restart(here: Space, daemon: Cluster) -> None:
    """A resource version from before the kill can be watched from after it: nothing is missed, nothing comes twice."""
    version = here.api.call("GET", here.path("configmaps"))["metadata"]["resourceVersion"]
    for number in range(3):
        here.create("configmaps", {"metadata": {"name": f"before-{number}"}})
    kill_daemon(daemon)
    daemon.up()
    here.create("configmaps", {"metadata": {"name": "after"}})
    query = f"?watch=true&resourceVersion={version}&timeoutSeconds=1"
    changes = here.api.call("GET", here.path("configmaps") + query, lines=True)
    names = [change["object"]["metadata"]["name"] for change in changes]
    assert [name for name in names if name != "kube-root-ca.crt"] == ["before-0", "before-1", "before-2", "after"]


def _as_soon_as(holds: Callable[[], object]) -> None:
    """Spin: a moment in the middle of a short operation is looked for."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
