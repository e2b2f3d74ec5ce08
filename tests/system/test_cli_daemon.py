"""The command line with a daemon that is not there, that cannot start, or that goes away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.command_line import CommandLine
from tests.support.crash import kill_daemon

COMMANDS = [
    ["status"],
    ["get", "pods"],
    ["apply", "-f", "/nope"],
    ["describe", "pods"],
    ["delete", "pod", "x"],
    ["logs", "x"],
    ["exec", "x", "--", "ls"],
    ["scale", "deploy", "x", "--replicas", "1"],
    ["rollout", "status", "x"],
    ["events"],
    ["explain-pod", "x"],
    ["image", "ls"],
]


class Unstarted(Cluster):
    """A place for a daemon that does not run yet."""

    def up(self) -> None:
        (self.root / "run").mkdir()


@pytest.fixture(scope="module")
def place() -> Iterator[Cluster]:
    with Unstarted() as cluster:
        yield cluster


@pytest.fixture
def cli(place: Cluster) -> CommandLine:
    return CommandLine(place, "default")


def test_without_a_daemon_every_command_says_how_to_start_one(cli: CommandLine) -> None:
    root = cli.cluster.root
    line = f"nsorch: no nsorch daemon is running for {root}: start it with `nsorch up --root {root}`\n"
    for words in COMMANDS:
        assert cli.fails(*words) == line, words
    assert "daemon not running" in cli("version")
    assert cli("down", "--keep-pods") == f"no nsorch daemon is running for {root}\n"
    assert cli("down") == f"nothing to stop: no nsorch daemon has run for {root}\n"
    assert "no daemon has run there yet" in cli.fails("kubeconfig")


def test_the_root_may_stand_anywhere(cli: CommandLine) -> None:
    line = "no nsorch daemon is running for /nowhere: start it with `nsorch up --root /nowhere`"
    assert line in cli.fails("--root", "/nowhere", "status")
    assert line in cli.fails("--root=/nowhere", "image", "ls")
    assert line in cli.fails("status", "--root", "/nowhere")
    assert line in cli.fails("image", "--root", "/nowhere", "ls")


def test_help(cli: CommandLine) -> None:
    for words in (["--help"], ["-h"], ["help"]):
        text = cli(*words)
        assert text.index("  up ") < text.index("  apply ") < text.index("  rollout ") < text.index("  version ")
        assert "..." not in text.replace("[ARGS]...", "")
    assert cli("help", "rollout", "undo") == cli("rollout", "undo", "-h")
    assert cli("--version").startswith("nsorch ")


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--pod-cidr", "10.0.0.0"], 2, "cannot use --pod-cidr 10.0.0.0"),
        (["--pod-cidr", "10.96.0.0/16"], 2, "overlap"),
        (["--node-name", "Not A Name"], 2, "cannot use --node-name Not A Name"),
        (["--log-level", "LOUD"], 2, "LOUD"),
        (["--api-port", "70000"], 2, "70000"),
        (["--timeout", "soon"], 2, 'cannot read the duration "soon"'),
    ],
)
def test_settings_that_cannot_be(cli: CommandLine, options: list[str], status: int, said: str) -> None:
    told = cli.fails("up", *options, status=status)
    assert said in told
    assert len(told.strip().splitlines()) == 1 or told.startswith("Usage: ")


def test_roots_that_cannot_be(cli: CommandLine) -> None:
    file = cli.cluster.root / "file"
    file.touch()
    assert "bytes too long for the sockets below it" in cli.fails("up", "--root", f"/tmp/{'x' * 100}")
    assert "Not a directory" in cli.fails("up", "--root", str(file))


def test_a_port_that_is_taken(cli: CommandLine) -> None:
    listener = cli.cluster.namespace.popen(
        ["python3", "-c", "import socket; s=socket.create_server(('0.0.0.0', 6443)); print('on', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "on\n"
        told = cli.fails("up")
        assert told.startswith("nsorch: the daemon could not start: ")
        assert "6443" in told
        assert "use" in told
    finally:
        listener.communicate("\n")


def test_a_host_without_iptables(cli: CommandLine, tmp_path: Path) -> None:
    for program in ("nsenter", "unshare", "sh", "ip"):
        (tmp_path / program).symlink_to(shutil.which(program) or f"/usr/bin/{program}")
    told = cli.fails("up", env={**cli.cluster.environment, "PATH": str(tmp_path)})
    assert told.startswith("nsorch: the daemon could not start: cannot write Service rules: iptables")
    assert "install iptables" in told


def test_a_socket_that_nobody_listens_on(cli: CommandLine) -> None:
    path = cli.cluster.root / "run" / "api.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    try:
        assert "no nsorch daemon is running" in cli.fails("get", "pods")
        path.unlink()
        path.write_text("not a socket")
        assert "nsorch: " in cli.fails("get", "pods")
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the daemon broke the connection"),
        (b"gibberish\r\n", "the daemon broke the connection"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
            "went away before its answer",
        ),
        (b"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops", "oops"),
    ],
)
def test_a_daemon_that_answers_wrongly(cli: CommandLine, answer: bytes, said: str) -> None:
    path = cli.cluster.root / "run" / "api.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        try:
            process = cli.start("status")
            client, _ = server.accept()
            client.recv(65536)
            client.sendall(answer)
            client.close()
            _, err = process.communicate(timeout=20)
            assert process.returncode == 1
            assert said in err.decode()
            assert len(err.decode().splitlines()) == 1
        finally:
            path.unlink()


def test_a_life(cli: CommandLine) -> None:
    """up, up again, a second daemon, streams while the daemon is killed, up, down."""
    ready, hint = cli("up").splitlines()
    assert ready.startswith("nsorch is ready (")
    assert hint == f"for kubectl: export KUBECONFIG={cli.cluster.root}/kubeconfig"
    again = cli.run("up", "--node-name", "other")
    assert again.returncode == 0
    assert again.stdout == f"nsorch is already running for {cli.cluster.root}\n"
    assert "--node-name had no effect" in again.stderr
    pid = cli.cluster.daemon_pid()
    second = cli.run("daemon")
    assert second.returncode == 1
    assert f"another nsorch daemon (pid {pid}) runs for {cli.cluster.root}" in second.stderr
    assert cli.cluster.daemon_pid() == pid

    status = json.loads(cli("status", "-o", "json"))
    assert (status["pid"], status["root"]) == (pid, str(cli.cluster.root))
    assert f"pid {pid}" in cli("status")
    assert cli("kubeconfig", "--path").strip() == str(cli.cluster.root / "kubeconfig")
    assert "client-key-data" in cli("kubeconfig")
    assert "+nsorch" in cli("version")

    watcher = cli.start("get", "configmaps", "-w")
    assert watcher.stdout is not None
    assert watcher.stdout.readline().startswith(b"NAME")
    kill_daemon(cli.cluster)
    _, err = watcher.communicate(timeout=20)
    assert watcher.returncode == 1
    assert len(err.decode().splitlines()) == 1
    assert "nsorch: " in err.decode()
    assert "no nsorch daemon is running" in cli.fails("get", "pods")

    told = cli.fails("up", "--pod-cidr", "10.200.0.0/16", status=2)
    assert "cannot change --pod-cidr from 10.244.0.0/16 to 10.200.0.0/16" in told
    cli("up")
    assert cli("down", "--keep-pods") == "stopping the daemon, Pods go on\n"
    done = cli("down", "--timeout", "1s")
    assert done.startswith("no daemon was running; stopped 1 Pods")


def test_a_daemon_that_lives_but_does_not_listen_is_left_alone(cli: CommandLine) -> None:
    cli("up")
    pid = cli.cluster.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    sock = cli.cluster.root / "run" / "api.sock"
    hidden = sock.with_name("hidden.sock")
    sock.rename(hidden)
    try:
        said = cli.fails("get", "pods")
        assert f"(pid {pid}) does not listen yet or is about to end: its log is" in said
        down = cli.run("down", "--timeout", "1s")
        assert down.returncode == 1
        assert f"another nsorch daemon (pid {pid}) runs for" in down.stderr
    finally:
        hidden.rename(sock)
        os.kill(pid, signal.SIGCONT)
    assert "stopping the daemon" in cli("down", "--timeout", "1s")
