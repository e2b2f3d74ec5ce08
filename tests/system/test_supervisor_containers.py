"""Containers: their files, users, rights, restarts, hooks and ends."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsorch.supervisor.plan import Hook, Mount, Security
from tests.support.running import Running, running, settled
from tests.support.supervisor import SECURITY, Node, Peer


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as found:
        yield found


def test_its_root_is_its_own_and_fresh_in_every_run(node: Node) -> None:
    script = "test -e /mark && exit 9; echo x > /mark; echo x > /etc/passwd; exit 1"
    container = node.container(script=script, restart_policy="Always")
    with running(node, container) as peer:
        peer.until(lambda: peer.container("main").get("restart_count", 0) >= 2)
        assert peer.container("main")["last"]["exit_code"] == 1
    assert not (node.rootfs / "mark").exists()
    assert "app" in (node.rootfs / "etc/passwd").read_text()


def test_devices_and_protected_paths(node: Node) -> None:
    with running(node, node.container()) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "echo x > /dev/null; head -c 4 /dev/zero | wc -c; readlink /dev/stdout") == (
            "4\n/proc/self/fd/1"
        )
        assert peer.run("main", "/bin/sh", "-c", "echo 1 > /proc/sys/kernel/pid_max")[0] != 0
        assert peer.run("main", "/bin/touch", "/sys/x")[0] != 0
        assert peer.sh("main", "cat /proc/timer_list 2>/dev/null | wc -c") == "0"
        assert peer.sh("main", "ls /sys/firmware | wc -l") == "0"
        # The devices cgroup refuses what mknod may make (sda-like and kmsg).
        assert peer.run("main", "/bin/sh", "-c", "mknod /tmp/k c 1 11 && cat /tmp/k")[0] != 0
        assert peer.sh("main", "cat /proc/self/mountinfo | grep -c ' / / .*overlay'") == "1"
        assert peer.sh("main", "mount | grep -c /dev/mqueue") == "1"


def test_capabilities_and_no_new_privs(node: Node) -> None:
    few = dataclasses.replace(SECURITY, capabilities=("CAP_CHOWN", "NET_BIND_SERVICE"), no_new_privs=True)
    user = dataclasses.replace(SECURITY, uid=1000, gid=1000)
    all_of_them = dataclasses.replace(SECURITY, privileged=True, masked_paths=(), read_only_paths=())
    with running(
        node,
        node.container("few", security=few),
        node.container("user", security=user),
        node.container("all", security=all_of_them),
    ) as peer:
        for name in ("few", "user", "all"):
            peer.until_phase(name, "running")

        def status(name: str, key: str) -> str:
            return peer.sh(name, f"grep {key} /proc/1/status; grep {key} /proc/self/status").replace("\t", "")

        assert status("few", "CapEff") == "CapEff:0000000000000401\nCapEff:0000000000000401"
        assert status("few", "NoNewPrivs") == "NoNewPrivs:1\nNoNewPrivs:1"
        assert status("user", "CapEff") == "CapEff:0000000000000000\nCapEff:0000000000000000"
        assert status("user", "CapBnd").splitlines()[0] != "CapBnd:0000000000000000"
        assert int(status("all", "CapEff").splitlines()[0].split(":")[1], 16) >> 21 & 1  # CAP_SYS_ADMIN
        assert peer.sh("all", "mount -t tmpfs x /tmp && echo mounted") == "mounted"
        assert peer.run("few", "/bin/mount", "-t", "tmpfs", "x", "/tmp")[0] != 0


@pytest.mark.parametrize("no_new_privs", [False, True])
def test_seccomp_refuses_dangerous_calls(node: Node, no_new_privs: bool) -> None:
    strict = dataclasses.replace(
        SECURITY, seccomp="RuntimeDefault", no_new_privs=no_new_privs, capabilities=("CAP_SYS_ADMIN",)
    )
    with running(
        node, node.container(security=strict), node.container("user", security=Security(uid=1, gid=1))
    ) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "grep Seccomp: /proc/1/status").split()[1] == "2"
        assert peer.sh("main", "grep Seccomp: /proc/self/status").split()[1] == "2"
        # With CAP_SYS_ADMIN it would get EINVAL if it got through to the kernel.
        assert b"not permitted" in peer.run("main", "swapoff", "/etc/passwd")[2]


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        (Security(user="app"), "uid=1000(app) gid=1001(app) groups=1001(app),2000(extra) /home/app"),
        (Security(user="1000"), "uid=1000(app) gid=1001(app) groups=1001(app),2000(extra) /home/app"),
        (Security(user="1000:0"), "uid=1000(app) gid=0(root) groups=0(root) /home/app"),
        (Security(user="app:extra"), "uid=1000(app) gid=2000(extra) groups=2000(extra) /home/app"),
        (Security(uid=4711, gid=7, groups=(8, 9)), "uid=4711 gid=7 groups=7,8,9 /"),
    ],
)
def test_users(node: Node, security: Security, expected: str) -> None:
    container = node.container(script="echo $(id) $HOME; echo again > /dev/stdout", security=security)
    with running(node, dataclasses.replace(container, restart_policy="Never")) as peer:
        assert settled(peer)["exit_code"] == 0
        lines = [line.split(" ", 3)[3] for line in node.logs(container).splitlines()]
        assert lines[0] == expected
        assert lines[1] == "again"


def test_read_only_root(node: Node) -> None:
    security = dataclasses.replace(SECURITY, read_only_root=True)
    container = node.container(security=security, mounts=(Mount(target="/tmp", type="tmpfs"),))
    with running(node, container) as peer:
        peer.until_phase("main", "running")
        assert peer.run("main", "/bin/touch", "/x")[0] != 0
        peer.sh("main", "touch /tmp/x")


def test_host_root(node: Node) -> None:
    container = node.container(root="host", lower=(), argv=("/bin/sh", "-c", "cat /etc/hostname; sleep 1000"))
    with running(node, container) as peer:
        peer.until_phase("main", "running")
        assert peer.run("main", "/bin/sh", "-c", "echo x > /usr/x")[0] != 0
        assert peer.sh("main", "echo $$") != ""


def test_working_directory_and_environment(node: Node) -> None:
    script = "pwd; echo $GREETING $HOSTNAME $PATH"
    container = node.container(
        script=script, cwd="/made/for/me", env=(("GREETING", "hello"), ("PATH", "/bin")), restart_policy="Never"
    )
    with running(node, container, hostname="here") as peer:
        settled(peer)
    lines = [line.split(" ", 3)[3] for line in node.logs(container).splitlines()]
    assert lines == ["/made/for/me", "hello here /bin"]


def test_symbolic_links_of_the_image_do_not_lead_out(node: Node, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "etc").mkdir(parents=True)
    (layer / "etc/out").symlink_to("/tmp")
    (tmp_path / "file").write_text("inside")
    container = node.container(
        lower=(str(layer), str(node.rootfs)),
        mounts=(Mount(target="/etc/out/name", source=str(tmp_path / "file")),),
    )
    with running(node, container) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "cat /tmp/name") == "inside"
    assert not Path("/tmp/name").exists()


def test_more_layers_than_fit_into_a_page(node: Node, tmp_path: Path) -> None:
    layers = []
    for number in range(60):
        folder = tmp_path / ("layer-" + "x" * 60) / str(number)
        folder.mkdir(parents=True)
        (folder / f"file-{number}").write_text(str(number))
        layers.append(str(folder))
    with running(node, node.container(lower=(*layers, str(node.rootfs)))) as peer:
        peer.until_phase("main", "running")
        assert peer.sh("main", "ls / | grep -c file-") == "60"


# Failing to start ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("nothing-here",), 'exec: "nothing-here": executable file not found in $PATH'),
        (("/no/such/file",), 'exec: "/no/such/file": stat /no/such/file: no such file or directory'),
        (("/etc/passwd",), 'exec: "/etc/passwd": permission denied'),
        ((), "no command specified"),
    ],
)
def test_bad_commands(node: Node, argv: tuple[str, ...], message: str) -> None:
    with running(node, node.container(argv=argv, restart_policy="Never")) as peer:
        ended = settled(peer)
        assert (ended["reason"], ended["exit_code"]) == ("StartError", 128)
        assert message in str(ended["message"])
        assert peer.state["phase"] == "stopped"


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        ({"mounts": (Mount(target="/x", source="/no/such"),)}, "CreateContainerError", "cannot mount /no/such on /x"),
        ({"security": Security(user="nobody-knows")}, "CreateContainerError", "unable to find user nobody-knows"),
        ({"lower": ("/no/layer",)}, "CreateContainerError", "/no/layer"),
        (
            {"security": Security(must_run_as_non_root=True)},
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
        ),
    ],
)
def test_what_cannot_be_created_waits_and_is_tried_again(
    node: Node, change: dict[str, object], reason: str, message: str
) -> None:
    container = node.container(restart_policy="Never", **change)
    with running(node, container) as peer:
        peer.until(lambda: peer.container("main").get("reason") == reason)
        found = peer.container("main")
        assert found["phase"] == "waiting"
        assert message in found["message"]
        assert found["restart_count"] == 0
        peer.do("container", plan=dataclasses.asdict(node.container(lower=(str(node.rootfs), *container.lower[1:]))))
        if "lower" in change:
            peer.until_phase("main", "running")


def test_a_held_container_starts_when_its_image_arrives(node: Node) -> None:
    held = node.container(runnable=False, hold_reason="ErrImagePull", hold_message="not there")
    with running(node, held) as peer:
        peer.until(lambda: peer.state)
        assert peer.container("main")["reason"] == "ErrImagePull"
        assert peer.container("main")["message"] == "not there"
        path = node.folder / "container.json"
        now = dataclasses.replace(held, runnable=True, image_id="sha256:1", env=(("LARGE", "x" * 100_000),) * 2)
        path.write_text(json.dumps(dataclasses.asdict(now)))
        peer.do("container", path=str(path))
        assert peer.until_phase("main", "running")["image_id"] == "sha256:1"


def test_a_changed_image_restarts_at_once(node: Node) -> None:
    container = node.container(image_id="sha256:1")
    with running(node, container, restart_backoff_base=1000.0) as peer:
        first = peer.until_phase("main", "running")
        peer.do("container", plan=dataclasses.asdict(dataclasses.replace(container, image_id="sha256:2")))
        peer.until(lambda: peer.container("main")["image_id"] == "sha256:2")
        second = peer.until_phase("main", "running")
        assert second["restart_count"] == 1
        assert second["container_id"] != first["container_id"]


# Life and death -----------------------------------------------------------------------------------------------


def test_crash_loop(node: Node) -> None:
    container = node.container(script="exit 7", restart_policy="OnFailure")
    with running(node, container, restart_backoff_base=300.0) as peer:
        peer.until(lambda: peer.container("main").get("reason") == "CrashLoopBackOff")
        found = peer.container("main")
        assert found["phase"] == "waiting"
        assert found["restart_count"] == 1  # the first restart is immediate
        assert (found["last"]["exit_code"], found["last"]["reason"]) == (7, "Error")
        assert found["restart_at"] > time.time() + 250
        peer.do("restart", container="main", reason="it does not even run", grace=0)
        assert peer.container("main")["reason"] == "CrashLoopBackOff"
        assert "back-off 300s restarting failed container=main" in found["message"]
        peer.do("stop", grace=1)
        assert settled(peer)["exit_code"] == 7
    assert len(list(Path(container.log_dir).iterdir())) == 2


def test_first_restart_count(node: Node) -> None:
    container = node.container(script="exit 1", first_restart_count=4)
    with running(node, container, restart_backoff_base=1000.0) as peer:
        peer.until(lambda: peer.container("main").get("restart_count") == 5)
    assert sorted(item.name for item in Path(container.log_dir).iterdir()) == ["4.log", "5.log"]


@pytest.mark.parametrize(("policy", "code"), [("Never", 3), ("OnFailure", 0), ("Never", 0)])
def test_what_ends_for_good(node: Node, policy: str, code: int) -> None:
    with running(node, node.container(script=f"exit {code}", restart_policy=policy)) as peer:
        ended = settled(peer)
        assert ended["exit_code"] == code
        assert ended["reason"] == ("Error" if code else "Completed")
        peer.until(lambda: peer.state["phase"] == "stopped")


def test_init_containers_sidecars_and_their_order(node: Node) -> None:
    brief = {"role": "init", "restart_policy": "Always"}
    plan = node.plan(
        node.container("one", "sleep 0.05", **brief),
        node.container("side1", role="sidecar"),
        node.container("two", "sleep 0.05", **brief),
        node.container("side2", role="sidecar"),
        node.container("main"),
    )
    with Running(node, plan) as peer:
        peer.until_phase("main", "running")
        found = {item["name"]: item for item in peer.state["containers"]}
        starts = {name: (item["ended"] or item)["started_at"] for name, item in found.items()}
        assert sorted(starts, key=lambda name: starts[name]) == ["one", "side1", "two", "side2", "main"]
        assert found["one"]["ended"]["finished_at"] < starts["side1"]
        assert found["two"]["ended"]["finished_at"] < starts["side2"]
        assert found["one"]["ended"]["reason"] == "Completed"
        for name in ("side1", "side2", "main"):
            peer.sh(name, "until grep -q 'SigCgt:.*[4567cdef]...$' /proc/1/status; do sleep 0.01; done")
        peer.do("stop", grace=10)
        peer.until(lambda: peer.state["phase"] == "stopped")
        ends = {name: peer.container(name)["ended"]["finished_at"] for name in ("side1", "side2", "main")}
        assert sorted(ends, key=lambda name: ends[name]) == ["main", "side2", "side1"]


def test_a_failed_init_container_ends_the_pod(node: Node) -> None:
    with running(
        node, node.container("init", "exit 1", role="init", restart_policy="Never"), node.container("main")
    ) as peer:
        peer.until(lambda: peer.state.get("phase") == "stopped")
        assert peer.container("main")["phase"] == "waiting"
        assert peer.container("main")["reason"] == "PodInitializing"


def test_sidecars_stop_when_the_main_container_has_completed(node: Node) -> None:
    with running(
        node,
        node.container("side", role="sidecar"),
        node.container("main", "exit 0", restart_policy="Never"),
    ) as peer:
        peer.until(lambda: peer.state.get("phase") == "stopped")
        assert peer.container("side")["phase"] == "terminated"


def test_grace_then_sigkill(node: Node) -> None:
    stubborn = "trap '' TERM; while :; do sleep 0.1; done"
    with running(node, node.container(script=stubborn)) as peer:
        peer.until_phase("main", "running")
        peer.do("stop", grace=1000)
        peer.until(lambda: peer.state["phase"] == "stopping")
        peer.do("stop", grace=0.1)
        ended = settled(peer)
        assert (ended["exit_code"], ended["signal"], ended["reason"]) == (137, 9, "Error")
        assert peer.container("main")["restart_count"] == 0


def test_stop_signal_of_the_image(node: Node) -> None:
    script = "trap 'exit 42' USR1; while :; do sleep 0.02; done"
    with running(node, node.container(script=script, stop_signal=int(signal.SIGUSR1))) as peer:
        peer.until_phase("main", "running")
        peer.sh("main", "until grep -q 'SigCgt:.*[2367abef]..$' /proc/1/status; do sleep 0.01; done")
        peer.do("stop", grace=10)
        assert settled(peer)["exit_code"] == 42


def test_restart_on_request_keeps_the_pod(node: Node) -> None:
    with running(node, node.container()) as peer:
        first = peer.until_phase("main", "running")
        net = peer.sh("main", "readlink /proc/self/ns/net")
        peer.do("restart", container="main", reason="Liveness probe failed", grace=1)
        peer.until(lambda: peer.container("main")["restart_count"] == 1)
        second = peer.until_phase("main", "running")
        assert second["last"]["message"] == "Liveness probe failed"
        assert second["last"]["container_id"] == first["container_id"]
        assert peer.sh("main", "readlink /proc/self/ns/net") == net


def test_hooks(node: Node, tmp_path: Path) -> None:
    mounts = (Mount(target="/shared", source=str(tmp_path)),)
    script = "trap 'echo term >> /shared/order; exit 0' TERM; while :; do sleep 0.02; done"
    after = Hook(type="exec", argv=("/bin/sh", "-c", "sleep 0.1; echo post >> /shared/order"))
    before = Hook(type="exec", argv=("/bin/sh", "-c", "sleep 0.1; echo pre >> /shared/order"))
    with running(node, node.container(script=script, post_start=after, pre_stop=before, mounts=mounts)) as peer:
        peer.until(lambda: peer.container("main").get("started"))
        peer.do("stop", grace=10)
        settled(peer)
    assert (tmp_path / "order").read_text().split() == ["post", "pre", "term"]


def test_a_failing_post_start_hook_kills(node: Node) -> None:
    hook = Hook(type="exec", argv=("/bin/false",))
    with running(node, node.container(post_start=hook, restart_policy="Never")) as peer:
        ended = settled(peer)
        assert "PostStartHookError" in str(ended["message"])


def test_network_hooks_run_inside_the_pod(node: Node) -> None:
    serve = "mkdir -p /tmp/w; echo hi > /tmp/w/ok; exec httpd -f -p 8081 -h /tmp/w"
    hook = Hook(type="http", port=8081, path="/ok")
    server = node.container("server", serve)
    with running(node, server) as peer:
        peer.until_phase("server", "running")
        peer.sh("server", "until wget -qO- http://127.0.0.1:8081/ok; do sleep 0.02; done")
        peer.do("container", plan=dataclasses.asdict(node.container("good", post_start=hook)))
        bad = dataclasses.replace(hook, path="/missing")
        peer.do(
            "container",
            plan=dataclasses.asdict(node.container("bad", role="ephemeral", post_start=bad)),
        )
        peer.until(lambda: peer.container("good").get("started"))
        assert "404" in str(settled(peer, "bad")["message"])


def test_pre_stop_sleep_longer_than_the_grace(node: Node) -> None:
    with running(node, node.container(pre_stop=Hook(type="sleep", seconds=1000))) as peer:
        peer.until_phase("main", "running")
        peer.sh("main", "until grep -q 'SigCgt:.*[4567cdef]...$' /proc/1/status; do sleep 0.01; done")
        peer.do("stop", grace=0.1)
        assert settled(peer)["exit_code"] == 0  # it still had its stop signal


def test_ephemeral_container(node: Node) -> None:
    with running(node, node.container()) as peer:
        peer.until_phase("main", "running")
        debug = node.container("debug", "exit 5", role="ephemeral", restart_policy="Always")
        peer.do("container", plan=dataclasses.asdict(debug))
        assert settled(peer, "debug")["exit_code"] == 5
        assert peer.container("main")["phase"] == "running"


def test_termination_message(node: Node) -> None:
    file = node.container("file", "echo -n goodbye > /dev/termination-log; exit 1", restart_policy="Never")
    logs = node.container(
        "logs",
        "echo one; echo two; exit 1",
        restart_policy="Never",
        termination_message_policy="FallbackToLogsOnError",
    )
    long = node.container(
        "long", "head -c 9000 /dev/zero | tr '\\0' x > /tmp/t; cp /tmp/t /message", restart_policy="Never"
    )
    long = dataclasses.replace(long, termination_message_path="/message")
    with running(node, file, logs, long) as peer:
        peer.until(lambda: peer.state.get("phase") == "stopped")
        assert peer.container("file")["ended"]["message"] == "goodbye"
        assert peer.container("logs")["ended"]["message"] == "one\ntwo\n"
        assert peer.container("long")["ended"]["message"] == "x" * 4096


# Logs ---------------------------------------------------------------------------------------------------------


def test_several_clients_see_the_same_state(node: Node) -> None:
    plan = node.plan(node.container())
    with Running(node, plan) as peer, Peer(plan.socket) as other:
        assert peer.until_phase("main", "running") == other.until_phase("main", "running")
        reply, _ = other.ask("nonsense")
        assert "unknown operation" in reply["error"]
        assert "missing" in other.ask("restart", container="missing")[0]["error"]


def test_the_socket_is_for_root_only(node: Node) -> None:
    plan = node.plan(node.container())
    with Running(node, plan):
        assert stat.S_IMODE(os.stat(plan.socket).st_mode) == 0o600


def test_sigterm_to_the_supervisor_stops_the_pod(node: Node) -> None:
    with running(node, node.container()) as peer:
        peer.until_phase("main", "running")
        os.kill(peer.state["pid"], signal.SIGTERM)
        peer.until(lambda: peer.state["phase"] == "stopped")
        assert peer.container("main")["phase"] == "terminated"


def test_the_shared_init_is_replaced(node: Node) -> None:
    with running(node, node.container("a"), node.container("b"), share_pid=True) as peer:
        before = [peer.until_phase(name, "running")["container_id"] for name in "ab"]
        children = Path(f"/proc/{peer.state['pid']}/task/{peer.state['pid']}/children").read_text().split()
        init = next(pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == "nsorch-init\n")
        os.kill(int(init), signal.SIGKILL)
        peer.until(lambda: all(peer.container(name)["restart_count"] == 1 for name in "ab"))
        after = [peer.until_phase(name, "running")["container_id"] for name in "ab"]
        assert not set(before) & set(after)
        assert peer.container("a")["last"]["exit_code"] == 137
        assert peer.sh("b", "cat /proc/1/comm") == "nsorch-init"
