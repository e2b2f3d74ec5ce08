"""Sandboxes: network, shared namespaces, limits, and that nothing is left behind."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsorch.linux import cgroups
from nsorch.supervisor import sweep
from nsorch.supervisor.plan import Limits, Mount, Network, SharedTmpfs
from tests.support import leftovers
from tests.support.supervisor import NODE, TIMEOUT, Node, Peer


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as found:
        yield found


def eventually(condition: object, timeout: float = TIMEOUT) -> None:
    deadline = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.005)


def test_two_pods_and_the_host_reach_each_other(node: Node) -> None:
    serve = "mkdir -p /tmp/w; echo from $HOSTNAME > /tmp/w/x; exec httpd -f -p 80 -h /tmp/w"
    first, second = (node.plan(node.container(script=serve)) for _ in range(2))
    with node.start(first) as one, node.start(second) as two:
        for peer in (one, two):
            peer.until_phase("main", "running")
            peer.sh("main", "until wget -qO- http://127.0.0.1/x; do sleep 0.02; done")
        assert one.sh("main", f"wget -qO- http://{second.network.address}/x") == f"from {second.hostname}"
        assert two.sh("main", f"wget -qO- http://{first.network.address}/x") == f"from {first.hostname}"
        out = node.namespace.run(["/bin/busybox", "wget", "-qO-", f"http://{first.network.address}/x"])
        assert out.stdout.strip() == f"from {first.hostname}"
        assert one.sh("main", "ip route show default | cut -d' ' -f1-5") == "default via 169.254.1.1 dev eth0"
        assert NODE in node.namespace.run(["ip", "route", "get", first.network.address]).stdout
    node.finish(first)
    node.finish(second)


def test_containers_of_a_pod_share_network_ipc_and_host_name(node: Node) -> None:
    serve = "mkdir -p /tmp/w; echo hi > /tmp/w/x; echo shared > /dev/shm/note; exec httpd -f -p 8080 -h /tmp/w"
    plan = node.plan(node.container("a", serve), node.container("b"))
    with node.start(plan) as peer:
        peer.until_phase("a", "running")
        peer.until_phase("b", "running")
        assert peer.sh("b", "until wget -qO- http://127.0.0.1:8080/x; do sleep 0.02; done") == "hi"
        assert peer.sh("b", "cat /dev/shm/note") == "shared"
        assert peer.sh("b", "hostname") == plan.hostname
        same, own = ("net", "ipc", "uts"), ("pid", "mnt", "cgroup")
        for name in (*same, *own):
            links = {peer.sh(item, f"readlink /proc/self/ns/{name}") for item in "ab"}
            assert len(links) == (1 if name in same else 2), name
            assert os.readlink(f"/proc/self/ns/{name}") not in links
        assert "httpd" not in peer.sh("b", "ps")
    node.finish(plan)


def test_shared_pid_namespace(node: Node) -> None:
    plan = node.plan(node.container("a"), node.container("b"), share_pid=True)
    with node.start(plan) as peer:
        peer.until_phase("a", "running")
        peer.until_phase("b", "running")
        assert len({peer.sh(item, "readlink /proc/self/ns/pid") for item in "ab"}) == 1
        assert peer.sh("b", "cat /proc/1/comm") == "nsorch-init"
        peer.do("stop", grace=5)
        peer.until(lambda: peer.state["phase"] == "stopped")
    node.finish(plan)


def test_host_network_and_host_pid(node: Node) -> None:
    plan = node.plan(node.container(), network=Network(host=True), host_pid=True, host_ipc=True)
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        assert NODE in peer.sh("main", "ip address show dev lo")
        assert peer.sh("main", "readlink /proc/self/ns/pid") == os.readlink("/proc/self/ns/pid")
        assert peer.sh("main", "readlink /proc/self/ns/ipc") == os.readlink("/proc/self/ns/ipc")
        pid = peer.container("main")["pid"]
    node.finish(plan)
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_limits_are_applied(node: Node) -> None:
    limits = Limits(cpu_request_milli=250, cpu_limit_milli=500, memory_limit_bytes=64 << 20, pids_limit=40)
    plan = node.plan(node.container(limits=limits), limits=Limits(memory_limit_bytes=128 << 20, pids_limit=80))
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        pod = cgroups.Group(plan.cgroup)
        values = {
            "memory": ("memory.limit_in_bytes", "memory.max", str(64 << 20)),
            "pids": ("pids.max", "pids.max", "40"),
            "cpu": ("cpu.shares", "cpu.weight", "10" if cgroups.layout().unified else "256"),
        }
        for controller, (old, new, value) in values.items():
            name = new if cgroups.layout().unified else old
            assert Path(pod.child("main").path(controller), name).read_text().strip() == value
        assert Path(pod.path("pids"), "pids.max").read_text().strip() == "80"
        assert peer.container("main")["pid"] in pod.child("main").processes()
        if not cgroups.layout().unified:
            assert peer.sh("main", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes") == str(64 << 20)
        assert ":/\n" in peer.sh("main", "cat /proc/self/cgroup") + "\n"
    node.finish(plan)


def test_too_much_memory_is_reported_as_oom(node: Node) -> None:
    script = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); echo ${#x}"
    plan = node.plan(node.container(script=script, limits=Limits(memory_limit_bytes=16 << 20), restart_policy="Never"))
    with node.start(plan) as peer:
        ended = peer.until_phase("main", "terminated")["ended"]
        assert (ended["reason"], ended["exit_code"]) == ("OOMKilled", 137)
    node.finish(plan)


def test_shared_tmpfs_and_volumes(node: Node, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "file").write_text("one file")
    memory = node.folder / "pods" / "memory"
    mounts = (
        Mount(target="/memory", source=str(memory)),
        Mount(target="/data", source=str(tmp_path / "data")),
        Mount(target="/etc/deep/file.conf", source=str(tmp_path / "file"), read_only=True),
        Mount(target="/scratch", type="tmpfs", options="size=1m,mode=1777"),
    )
    plan = node.plan(
        node.container("a", mounts=mounts),
        node.container("b", mounts=mounts),
        tmpfs=(SharedTmpfs(path=str(memory), size_bytes=1 << 20),),
    )
    with node.start(plan) as peer:
        peer.until_phase("a", "running")
        peer.until_phase("b", "running")
        peer.sh("a", "echo m > /memory/x; echo d > /data/x; echo s > /scratch/x")
        assert peer.sh("b", "cat /memory/x /data/x; cat /etc/deep/file.conf") == "m\nd\none file"
        assert (tmp_path / "data/x").read_text() == "d\n"
        assert not (memory / "x").exists()
        assert peer.run("b", "/bin/sh", "-c", "echo no > /etc/deep/file.conf")[0] != 0
        assert peer.run("b", "/bin/cat", "/scratch/x")[0] != 0
        assert peer.run("a", "/bin/dd", "if=/dev/zero", "of=/memory/big", "bs=1k", "count=2048")[0] != 0
    node.finish(plan)


def test_sysctls(node: Node) -> None:
    plan = node.plan(node.container())
    network = dataclasses.replace(plan.network, sysctls=(("net.ipv4.ip_unprivileged_port_start", "0"),))
    plan = dataclasses.replace(plan, network=network)
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start") == "0"
    node.finish(plan)


def test_nothing_is_left_behind(node: Node) -> None:
    plan = node.plan(node.container("a"), node.container("b"), tmpfs=(SharedTmpfs(path=str(node.folder / "t")),))
    with node.start(plan) as peer:
        peer.until_phase("a", "running")
        peer.until_phase("b", "running")
        supervisor = peer.state["pid"]
        title = Path(f"/proc/{supervisor}/cmdline").read_bytes().rstrip(b"\0").decode()
        assert title == f"nsorch-pod default/{plan.name}"
    node.finish(plan)
    eventually(lambda: not Path(f"/proc/{supervisor}").exists())
    eventually(lambda: plan.network.host_interface not in node.namespace.run(["ip", "-o", "link"]).stdout)
    assert plan.network.address not in node.namespace.run(["ip", "route"]).stdout
    assert leftovers.mounts_below(node.folder) == []
    assert not any(plan.uid in path for path in leftovers.groups_of(node.instance))
    assert sorted(item.name for item in Path(plan.dir).iterdir()) == ["plan.json"]


@pytest.mark.parametrize("share_pid", [False, True])
def test_killing_the_supervisor_kills_all(node: Node, share_pid: bool) -> None:
    plan = node.plan(
        node.container("root"),
        node.container("user", security=dataclasses.replace(node.container().security, uid=1000, gid=1000)),
        share_pid=share_pid,
    )
    with node.start(plan) as peer:
        pids = [peer.until_phase(name, "running")["pid"] for name in ("root", "user")]
        os.kill(peer.state["pid"], signal.SIGKILL)
    for pid in pids:
        eventually(lambda pid=pid: not Path(f"/proc/{pid}").exists())
    assert not sweep.alive(plan.socket)
    assert plan.cgroup in sweep.groups(node.instance)
    assert sweep.pod(plan)
    assert plan.cgroup not in sweep.groups(node.instance)
    assert not Path(plan.socket).exists()
    # The same Pod can be made again at once, although the kernel may not yet have taken the old network down.
    with node.start(plan) as peer:
        peer.until_phase("root", "running")
    node.finish(plan)


def test_pods_outlive_the_spawner(node: Node) -> None:
    plan = node.plan(node.container())
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        node.process.kill()
        node.process.wait()
        node.spawner.close()
        assert peer.sh("main", "echo alive") == "alive"
        node.start_spawner()
        assert node.spawner.do("ping")["version"] == 1
    with Peer(plan.socket) as again:
        again.until_phase("main", "running")
    node.finish(plan)


def test_a_sandbox_that_cannot_be_made_leaves_nothing(node: Node) -> None:
    plan = node.plan(node.container())
    bad = dataclasses.replace(plan, network=dataclasses.replace(plan.network, sysctls=(("net.no.such.thing", "1"),)))
    reply = node.try_start(bad)
    assert not reply["ok"]
    assert "net.no.such.thing" in reply["error"]
    eventually(lambda: plan.network.host_interface not in node.namespace.run(["ip", "-o", "link"]).stdout)
    assert plan.cgroup not in sweep.groups(node.instance)
    assert not Path(plan.socket).exists()
    assert leftovers.mounts_below(node.folder) == []
    reply, _ = node.spawner.ask("start", plan="/nonexistent/plan.json")
    assert "No such file" in reply["error"]


def test_a_very_long_socket_path(node: Node) -> None:
    plan = node.plan(node.container())
    folder = Path(plan.dir) / ("x" * 150)
    folder.mkdir()
    plan = dataclasses.replace(plan, socket=str(folder / "supervisor.sock"))
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
    node.finish(plan)
