"""What a hostile container may try against its host, and what it finds."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsorch.linux import cgroups
from nsorch.supervisor import pause, trees
from nsorch.supervisor.plan import Mount
from tests.support.supervisor import SECURITY, Node

PTRACE = dataclasses.replace(SECURITY, capabilities=(*SECURITY.capabilities, "CAP_SYS_PTRACE"))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as found:
        yield found


def _interpreter() -> tuple[Mount, ...]:
    """What an image needs to let the supervisor's own interpreter run again inside."""
    folders = {"/lib", "/lib64", "/usr", sys.base_prefix}
    return tuple(
        Mount(target=folder, source=os.path.realpath(folder), read_only=True)
        for folder in sorted(folders)
        if os.path.isdir(folder)
    )


def test_the_file_that_started_the_container_cannot_be_written(node: Node) -> None:
    """CVE-2019-5736: the image says "execute /proc/self/exe", and writes what it then is."""
    ask = "import os; print(bool(os.statvfs('/proc/self/exe').f_flag & os.ST_RDONLY))"
    argv, env = ("/proc/self/exe", "-S", "-c", ask), (("PYTHONHOME", sys.base_prefix),)
    plan = node.plan(node.container(argv=argv, mounts=_interpreter(), env=env, restart_policy="Never"))
    with node.start(plan) as peer:
        peer.until_phase("main", "terminated")
        assert node.logs(plan.containers[0]).split(" F ")[1].strip() == "True"
    node.finish(plan)


def test_the_shared_first_process_gives_nothing_away(node: Node) -> None:
    """Who shares its PID namespace may look into it with CAP_SYS_PTRACE: no files, environment, capability of the host."""
    plan = node.plan(node.container(security=PTRACE), share_pid=True)
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "cat /proc/1/comm") == pause.NAME
        assert peer.sh("main", "ls -A /proc/1/root/") == ""
        assert peer.sh("main", "tr -d '\\0' < /proc/1/environ") == ""
        assert peer.sh("main", "for fd in /proc/1/fd/*; do readlink $fd; done | sort -u") == "/dev/null"
        assert peer.sh("main", "grep -c '^Cap...:.0000000000000000$' /proc/1/status") == "5"
        assert "python" not in peer.sh("main", "cat /proc/1/maps")
        # It still does its work: orphans do not stay as zombies.
        peer.sh("main", "(sleep 0.01 &) ; sleep 0.05; ! grep -l 'State:.Z' /proc/[0-9]*/status")
    node.finish(plan)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_pause_program_is_an_elf_file(machine: str) -> None:
    data = pause.program(machine)
    assert data.startswith(b"\x7fELF")
    assert data.endswith(pause.NAME.encode() + b"\0")
    assert pause.program("vax") == b""


def test_descriptors_of_the_host_are_no_way_in(node: Node) -> None:
    """CVE-2024-21626: a working folder or program below /proc/self/fd."""
    for number in (3, 8, 12):
        pod = node.plan(node.container(cwd=f"/proc/self/fd/{number}", restart_policy="Never"))
        with node.start(pod) as peer:
            ended = peer.until_phase("main", "terminated")["ended"]
            assert ended["reason"] == "StartError", ended
            assert "cwd" in ended["message"]
        node.finish(pod)
    pod = node.plan(node.container())
    with node.start(pod) as peer:
        peer.until_phase("main", "running")
        for number in range(3, 40):
            assert peer.run("main", f"/proc/self/fd/{number}")[0] in (126, 127)
            assert peer.run("main", "/bin/true", cwd=f"/proc/self/fd/{number}")[0] != 0
        assert peer.sh("main", "cd /proc/self/fd; for fd in *; do [ $fd -gt 2 ] && readlink $fd; done; true") in (
            "",
            "/proc/self/fd",
        )
    node.finish(pod)


def test_the_kernel_stays_out_of_reach(node: Node) -> None:
    plan = node.plan(node.container())
    refused = {
        "echo b > /proc/sysrq-trigger": "",
        "echo 1 > /proc/sys/kernel/panic": "Read-only",
        "echo '|/x' > /proc/sys/kernel/core_pattern": "Read-only",
        "echo /x > /sys/kernel/uevent_helper": "Read-only",
        "echo 1 > /sys/fs/cgroup/pids/notify_on_release": "Read-only",
        "mkdir /sys/fs/cgroup/pids/x": "Read-only",
        "mknod /m c 1 1 && cat /m": "not permitted",
        "mknod /k c 1 11 && cat /k": "not permitted",
        "mount -t tmpfs t /tmp": "ermi",
        "umount /proc/sys": "not permitted",
        "unshare -m true": "not permitted",
        "dmesg": "not permitted",
    }
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        for attack, words in refused.items():
            if "notify" in attack and cgroups.layout().unified:
                continue
            code, _, error = peer.run("main", "/bin/sh", "-c", attack)
            assert code != 0, attack
            assert words in error.decode(), attack
    node.finish(plan)


@pytest.mark.parametrize("trap", ["mkfifo etc/passwd", "ln -s /dev/zero etc/passwd", "ln -s /dev/random etc/group"])
def test_hostile_user_files_do_not_hold_up_the_start(node: Node, tmp_path: Path, trap: str) -> None:
    layer = tmp_path / "layer"
    (layer / "etc").mkdir(parents=True)
    os.system(f"cd {layer} && {trap}")
    plan = node.plan(node.container(lower=(str(layer), str(node.rootfs))))
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "grep Uid: /proc/self/status").split()[1:] == ["0"] * 4
    node.finish(plan)


def test_a_link_in_a_volume_does_not_lead_a_mount_out(node: Node, tmp_path: Path) -> None:
    """CVE-2021-30465: what is mounted below a volume is found inside of the container's root only, whatever links say."""
    volume, other, outside = tmp_path / "volume", tmp_path / "other", tmp_path / "outside"
    for folder in (volume, other, outside):
        folder.mkdir()
    (other / "mark").touch()
    (volume / "link").symlink_to(f"../../../..{outside}")
    mounts = (
        Mount(target="/data", source=str(volume)),
        Mount(target="/data/link/deep", source=str(other)),
        Mount(target="/data/link/file", source=str(other / "mark"), read_only=True),
    )
    plan = node.plan(node.container(mounts=mounts))
    with node.start(plan) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", f"ls {outside}/deep") == "mark"
        assert peer.run("main", "/bin/sh", "-c", "echo x > /data/link/file")[0] != 0
    node.finish(plan)
    assert not list(outside.iterdir())


def test_a_tree_deeper_than_any_path_is_removed(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "top"
    outside.mkdir()
    (outside / "kept").touch()
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("d" * 8, dir_fd=at)
        os.close(os.open("file", os.O_CREAT, dir_fd=at))
        os.symlink(outside, "link", dir_fd=at)
        deeper = os.open("d" * 8, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    os.close(at)
    trees.remove(str(top))
    assert not top.exists()
    assert (outside / "kept").exists()


def test_pods_cannot_send_with_another_address(node: Node) -> None:
    """A packet whose source lies elsewhere than its veth is dropped by the host (strict reverse path filter)."""
    plans = [node.plan(node.container()) for _ in range(2)]
    with node.start(plans[0]) as one, node.start(plans[1]) as two:
        for peer in (one, two):
            peer.until_phase("main", "running")
        for plan in plans:
            path = f"/proc/sys/net/ipv4/conf/{plan.network.host_interface}/rp_filter"
            assert node.namespace.run(["cat", path]).stdout.strip() == "1"
    for plan in plans:
        node.finish(plan)
