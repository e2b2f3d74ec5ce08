"""Supervisors on cgroup version 2. On a host that has both versions, version 2 is put where its hosts have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsorch.linux import cgroups
from tests.support.supervisor import Node

UNIFIED = Path("/sys/fs/cgroup/unified")
PREFIX = (
    *("unshare", "--mount", "--propagation", "private", "--", "sh", "-c"),
    f'mount --bind {UNIFIED} {cgroups.ROOT} && exec "$@"',
    "sh",
)
pytestmark = pytest.mark.skipif(
    not (UNIFIED / "cgroup.procs").exists(), reason="no version 2 hierarchy beside version 1"
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node"), PREFIX) as found:
        yield found
    folder = UNIFIED / found.instance
    if folder.exists():
        folder.rmdir()


@pytest.mark.parametrize("share_pid", [False, True])
def test_a_pod_lives_in_version_2_groups(node: Node, share_pid: bool) -> None:
    plan = node.plan(node.container(), share_pid=share_pid, restart_backoff_base=0.05)
    group = UNIFIED / plan.cgroup
    with node.start(plan) as peer:
        pid = peer.until_phase("main", "running")["pid"]
        assert str(pid) in (group / "main/cgroup.procs").read_text().split()
        assert peer.sh("main", "cat /proc/self/cgroup | tail -1") == "0::/"
        assert str(1) in peer.sh("main", "cat /sys/fs/cgroup/cgroup.procs") or share_pid
        assert peer.run("main", "/bin/sh", "-c", "echo 1 > /sys/fs/cgroup/cgroup.procs")[0] != 0
        assert peer.run("main", "/bin/sh", "-c", "mknod /tmp/k c 1 11 && cat /tmp/k")[0] != 0
        assert peer.sh("main", "head -c 3 /dev/zero | wc -c") == "3"
        peer.do("restart", container="main", reason="test", grace=0)
        peer.until(lambda: peer.container("main")["restart_count"] == 1)
        peer.until_phase("main", "running")
    node.finish(plan)
    assert not group.exists()
