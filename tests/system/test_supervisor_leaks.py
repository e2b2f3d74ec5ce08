"""A supervisor lives for months: nothing it does may leave a descriptor, a child or a folder behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nsorch.linux import cgroups
from nsorch.supervisor.plan import Hook
from tests.support.supervisor import TIMEOUT, Node, Peer


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as found:
        yield found


def descriptors(pid: int) -> list[str]:
    """What the process has open, by kind."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}").split(":")[0])
        except FileNotFoundError:
            continue
    return sorted(found)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.005)


def test_restarts_leave_nothing(node: Node) -> None:
    hook = Hook(type="exec", argv=("/bin/true",))
    plan = node.plan(
        node.container("calm"),
        node.container("crash", "exit 1", post_start=hook, stdin=True),
        node.container("bad", argv=("/nothing",)),
        restart_backoff_base=0.0,
    )
    with node.start(plan) as peer:
        pid = peer.until_phase("calm", "running") and peer.state["pid"]
        calm = peer.container("calm")["pid"]

        def restarts() -> int:
            return min(peer.container(name).get("restart_count", 0) for name in ("crash", "bad"))

        peer.until(lambda: restarts() >= 10)
        peer.do("stop", grace=0)
        peer.until(lambda: peer.state["phase"] == "stopped")
        # The children that remove the layers of old runs end by themselves.
        eventually(lambda: not children(pid))
        assert str(calm) not in children(pid)
        assert len(descriptors(pid)) < 20, descriptors(pid)
        folders = [path for path in (Path(plan.dir) / "containers").rglob("*") if path.name == "upper"]
        assert folders == []
    node.finish(plan)


def test_execs_attaches_and_clients_leave_nothing(node: Node) -> None:
    plan = node.plan(node.container(stdin=True))
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        pid = peer.state["pid"]
        peer.sh("main", "true")
        before = descriptors(pid)
        for _ in range(10):
            peer.sh("main", "true")
            peer.run("main", "nothing-here")
            reply, fds = peer.ask("exec", container="main", argv=["true"], tty=True)
            peer.until(lambda name=reply["exec"]: peer.finished(name))
            for fd in fds:
                os.close(fd)
            peer.ask("exec", container="main", argv=["true"])
            peer.ask("nonsense")
            with Peer(plan.socket) as other:
                other.until_phase("main", "running")
        peer.do("ping")
        assert descriptors(pid) == before
        eventually(lambda: len(children(pid)) == 1)
    node.finish(plan)


def test_the_spawner_keeps_nothing_of_its_pods(node: Node) -> None:
    pid = node.spawner.do("ping")["pid"]
    helpers = 2 if cgroups.layout().unified else 1  # the spare supervisor and the warmer
    eventually(lambda: len(children(pid)) == helpers)
    before = descriptors(pid)
    for _ in range(3):
        plan = node.plan(node.container())
        with node.start(plan) as peer:
            peer.until_phase("main", "running")
        node.finish(plan)
        node.spawner.ask("start", plan="/nonexistent")
    node.spawner.do("ping")
    eventually(lambda: len(children(pid)) == helpers and descriptors(pid) == before)


def test_a_spare_supervisor_that_was_killed_is_no_loss(node: Node) -> None:
    pid = node.spawner.do("ping")["pid"]
    eventually(lambda: spares(pid))
    (spare,) = spares(pid)
    os.kill(spare, signal.SIGKILL)
    eventually(lambda: str(spare) not in children(pid))
    plan = node.plan(node.container())
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
    node.finish(plan)


def test_the_spare_supervisor_ends_with_its_spawner(node: Node) -> None:
    pid = node.spawner.do("ping")["pid"]
    eventually(lambda: spares(pid))
    (spare,) = spares(pid)
    os.kill(pid, signal.SIGKILL)
    node.process.wait()
    eventually(lambda: not Path(f"/proc/{spare}").exists() or stat_of(spare) == "Z")
    node.start_spawner()


def spares(pid: int) -> list[int]:
    return [int(child) for child in children(pid) if Path(f"/proc/{child}/comm").read_text() == "nsorch-spare\n"]


def stat_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
