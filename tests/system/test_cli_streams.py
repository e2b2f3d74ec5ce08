"""The command line where bytes flow: logs, exec, pipes and terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from tests.support.cluster import PROJECT, Cluster
from tests.support.command_line import CommandLine
from tests.support.space import SLEEP, Object, Space, main, space

TICKS = "trap 'exit 0' TERM; i=0; while true; do i=$((i+1)); echo $0 $i; sleep 0.1; done"


def container(name: str, command: list[str]) -> Object:
    return {**main(command), "name": name}


@pytest.fixture(scope="module")
def town(daemon: Cluster) -> Iterator[Space]:
    """Deployment ``web`` of two Pods with containers ``main`` and ``side``; Pod ``done`` that said two lines and ended."""
    with space(daemon, "streams") as made:
        both = [
            container("main", ["sh", "-c", TICKS, "main"]),
            container("side", ["sh", "-c", "echo side; " + SLEEP[2]]),
        ]
        made.deployment("web", 2, pod={"containers": both, "terminationGracePeriodSeconds": 0})
        made.pod(
            "done",
            {"command": ["sh", "-c", "echo one; echo two"]},
            restartPolicy="Never",
            initContainers=[container("setup", ["echo", "prepared"])],
        )
        meta = {"name": "marked", "annotations": {"kubectl.kubernetes.io/default-container": "side"}}
        made.create("pods", {"metadata": meta, "spec": {"containers": both, "terminationGracePeriodSeconds": 0}})
        made.rolled_out("web")
        made.done("done")
        made.ready("marked")
        yield made


@pytest.fixture(scope="module")
def cli(town: Space) -> CommandLine:
    return CommandLine.of(town)


# logs


def test_logs_of_a_pod(cli: CommandLine) -> None:
    done = cli.run("logs", "done")
    assert done.stdout == "one\ntwo\n"
    assert done.stderr == 'Defaulted container "main" out of: main, setup (init)\n'
    assert cli("logs", "pod/done", "setup") == "prepared\n"
    assert cli("logs", "done", "--all-containers", "--prefix") == (
        "[pod/done/setup] prepared\n[pod/done/main] one\n[pod/done/main] two\n"
    )
    assert cli("logs", "done", "-c", "main", "--tail", "1") == "two\n"
    assert cli("logs", "done", "-c", "main", "--since", "1h30m") == "one\ntwo\n"
    assert cli("logs", "done", "-c", "main", "--timestamps").startswith("20")
    assert cli("logs", "marked") == "side\n"


def test_logs_of_workloads_and_labels(cli: CommandLine, town: Space) -> None:
    one = cli.run("logs", "deploy/web", "--tail", "2")
    assert one.stderr.startswith("Found 2 pods, using pod/web-")
    assert len(one.stdout.splitlines()) == 2
    names = sorted(pod["metadata"]["name"] for pod in town.pods_of("web"))
    lines = cli("logs", "-l", "app=web", "-c", "side", "--prefix").splitlines()
    assert sorted(lines) == [f"[pod/{name}/side] side" for name in names]
    assert sorted(cli("logs", "deploy/web", "--all-pods", "-c", "side", "--prefix").splitlines()) == sorted(lines)
    assert cli.run("logs", "-l", "app=nobody").stderr == f"No resources found in {town.name} namespace.\n"
    assert 'no container "nope" in pod/done, it has: main, setup (init)' in cli.fails("logs", "done", "-c", "nope")


def test_logs_followed_together(cli: CommandLine, town: Space) -> None:
    names = [pod["metadata"]["name"] for pod in town.pods_of("web")]
    wanted = {f"[pod/{name}/{part}]".encode() for name in names for part in ("main", "side")}
    process = cli.start("logs", "-l", "app=web", "--all-containers", "--prefix", "-f")
    assert process.stdout is not None
    try:
        while wanted:
            line = process.stdout.readline()
            assert line.endswith(b"\n")
            wanted.discard(line.split()[0])
    finally:
        process.kill()
        process.communicate()


def test_a_log_ends_with_its_container(cli: CommandLine, town: Space) -> None:
    town.pod("brief", {"command": ["sh", "-c", "echo begin; sleep 0.3; echo end"]}, restartPolicy="Never")
    town.when("brief", lambda pod: pod["status"].get("phase") in ("Running", "Succeeded"))
    assert cli("logs", "brief", "-f") == "begin\nend\n"


# who reads goes away


@pytest.mark.parametrize(
    "words",
    [
        ["logs", "deploy/web", "-c", "main", "-f"],
        ["get", "configmaps", "-w", "-o", "yaml"],
        ["exec", "marked", "--", "yes"],
    ],
)
def test_a_reader_that_has_gone(cli: CommandLine, words: list[str]) -> None:
    process = cli.start(*words)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    if words[0] == "get":
        cli("apply", "-f", "-", input="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}")
    assert process.wait(20) == -signal.SIGPIPE
    told = process.stderr.read().decode()
    process.stderr.close()
    assert not [line for line in told.splitlines() if not line.startswith(("Found", "Defaulted"))]


# exec


def test_exec_output_and_exit_code(cli: CommandLine) -> None:
    done = cli.run("exec", "marked", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert cli("exec", "deploy/web", "-c", "side", "--", "echo", "-n", "--", "x") == "-- x"
    assert cli("exec", "marked", "echo", "-e", "no dashes") == "no dashes\n"
    assert cli("exec", "pod/marked", "-c", "main", "--", "sh", "-c", "echo $0 $1", "ä b", "c") == "ä b c\n"


def test_exec_refusals(cli: CommandLine) -> None:
    assert "nope" in cli.fails("exec", "marked", "--", "nope")
    assert 'pods "gone" not found' in cli.fails("exec", "gone", "--", "ls")
    assert "it has: main, side" in cli.fails("exec", "marked", "-c", "nope", "--", "ls")
    assert "nsorch: " in cli.fails("exec", "done", "-c", "main", "--", "ls")


def test_exec_with_input(cli: CommandLine) -> None:
    assert cli("exec", "-i", "marked", "--", "cat", input="a\nb") == "a\nb"
    assert cli("exec", "-i", "marked", "--", "wc", "-c", input="").strip() == "0"
    assert cli("exec", "marked", "--", "wc", "-c", input="not passed on").strip() == "0"


def test_exec_with_much_input(cli: CommandLine) -> None:
    data = os.urandom(3_000_000)
    process = cli.start("exec", "-i", "marked", "--", "cat", stdin=subprocess.PIPE)
    out, err = process.communicate(data, timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert out == data


def test_exec_does_not_wait_for_input_that_nobody_reads(cli: CommandLine) -> None:
    process = cli.start("exec", "-i", "marked", "--", "true", stdin=subprocess.PIPE)
    assert process.wait(20) == 0
    process.communicate()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, cli: CommandLine, *words: str) -> None:
        self.master, slave = pty.openpty()
        self.size(40, 100)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = cli.start(*words, stdin=slave, stdout=slave, stderr=slave)
        self.text = ""

    def size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, text: str) -> None:
        """Read until the terminal shows it."""
        end = time.monotonic() + 20
        while text not in self.text:
            assert select.select([self.master], [], [], end - time.monotonic())[0], f"no {text!r} in {self.text!r}"
            self.text += os.read(self.master, 65536).decode()
        self.text = self.text.partition(text)[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_exec_on_a_terminal(cli: CommandLine) -> None:
    terminal = Terminal(cli, "exec", "-it", "marked", "-c", "main", "--", "sh")
    try:
        terminal.expect("# ")
        terminal.write("echo $((6*7)); stty size\n")
        terminal.expect("42\r\n40 100\r\n")
        terminal.size(20, 50)
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.write("sh -c 'echo begin$((1+1)); exec sleep 100'\n")
        terminal.expect("begin2")
        terminal.write("\x03")  # Ctrl-C is for the command inside
        terminal.expect("# ")
        terminal.write("stty size; exit 5\n")
        terminal.expect("20 50\r\n")
        assert terminal.process.wait(20) == 5
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()


def test_the_terminal_is_itself_again_when_the_command_line_is_ended(cli: CommandLine) -> None:
    terminal = Terminal(cli, "exec", "-it", "marked", "--", "sh", "-c", "echo ready; sleep 100")
    try:
        terminal.expect("ready")
        assert termios.tcgetattr(terminal.slave) != terminal.before
        terminal.process.terminate()
        assert terminal.process.wait(20) == 143
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()


def test_a_terminal_asked_for_without_one(cli: CommandLine) -> None:
    done = cli.run("exec", "-it", "marked", "--", "cat", input="piped")
    assert (done.returncode, done.stdout) == (0, "piped")
    assert done.stderr == "Unable to use a TTY: standard input is not a terminal\n"


def test_arguments_that_are_not_utf8(cli: CommandLine) -> None:
    argv = [sys.executable, "-m", "nsorch.cli.main", "get", "pod", b"p\xff"]
    command = ["nsenter", f"--net={cli.cluster.namespace.path}", "--", *argv]
    done = subprocess.run(command, capture_output=True, cwd=PROJECT, env=cli.cluster.environment, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"nsorch: ")
    assert b"Traceback" not in done.stderr
