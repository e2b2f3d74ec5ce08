"""What containers print, commands run in them, and who is attached: the supervisor alone, in a private network namespace."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running import running, settled
from tests.support.supervisor import SECURITY, Node, Peer


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as found:
        yield found


def test_long_lines_are_cut_and_files_rotate(node: Node) -> None:
    script = "head -c 40000 /dev/zero | tr '\\0' a; echo; i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done"
    container = node.container(script=script, restart_policy="Never")
    with running(node, container, log_max_bytes=60_000, log_max_files=3) as peer:
        settled(peer)
    files = sorted(Path(container.log_dir).iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert len(files) == 3
    assert files[-1].name == "0.log"
    assert all(path.name.startswith("0.log.") for path in files[:-1])
    assert all(path.stat().st_size <= 130_000 for path in files)
    assert files[-1].read_text().splitlines()[-1].endswith("stdout F line 8999")


def test_partial_lines(node: Node) -> None:
    script = "head -c 20000 /dev/zero | tr '\\0' b; echo; echo -n no newline"
    container = node.container(script=script, restart_policy="Never")
    with running(node, container) as peer:
        settled(peer)
    rows = [line.split(" ", 3) for line in node.logs(container).splitlines()]
    assert [(row[1], row[2], len(row[3])) for row in rows] == [
        ("stdout", "P", 16384),
        ("stdout", "F", 20000 - 16384),
        ("stdout", "F", len("no newline")),
    ]


def test_much_output_with_nobody_listening(node: Node) -> None:
    container = node.container(script="yes | head -n 200000; echo done", restart_policy="Never")
    plan = node.plan(container)
    node.start(plan).close()
    with Peer(plan.socket) as peer:
        settled(peer)
    node.finish(plan)
    assert node.logs(container).splitlines()[-1].endswith("stdout F done")


# Commands inside ----------------------------------------------------------------------------------------------


def test_exec_with_pipes(node: Node) -> None:
    container = node.container(security=dataclasses.replace(SECURITY, uid=1000, gid=1000), env=(("A", "from plan"),))
    with running(node, container) as peer:
        peer.until_phase("main", "running")
        code, out, err = peer.run("main", "sh", "-c", "cat; echo oops >&2; exit 9", stdin=b"typed")
        assert (code, out, err) == (9, b"typed", b"oops\n")
        out = peer.run("main", "sh", "-c", "echo $A $B; id -u; pwd", env=[["B", "from exec"]], cwd="/tmp")[1]
        assert out == b"from plan from exec\n1000\n/tmp\n"
        code, _, err = peer.run("main", "nothing-here")
        assert code == 127
        assert b'exec: "nothing-here": executable file not found in $PATH' in err
        assert peer.run("main", "sh", "-c", "kill -9 $$")[0] == 137
        reply, _ = peer.ask("exec", container="main", argv=["true"])
        assert "3 descriptors" in reply["error"]
        assert peer.run("nobody", "true")[2] != b""


def test_exec_timeout(node: Node) -> None:
    with running(node, node.container()) as peer:
        peer.until_phase("main", "running")
        code, _, err = peer.run("main", "sh", "-c", "sleep 1000; echo late", timeout=0.1)
        assert code == 137
        assert b"timed out after 0.1s" in err
        assert "sleep 1000\n" not in peer.sh("main", "ps") + "\n"


def test_exec_with_a_terminal(node: Node) -> None:
    with running(node, node.container()) as peer:
        peer.until_phase("main", "running")
        script = "test -t 0 && echo terminal; stty size; tty; read x; stty size; echo got $x"
        reply, fds = peer.ask("exec", container="main", argv=["sh", "-c", script], tty=True, rows=24, cols=80)
        assert reply["ok"]
        with os.fdopen(fds[0], "r+b", buffering=0) as terminal:
            text = b""
            while b"pts" not in text:
                text += terminal.read(1000)
            assert b"terminal\r\n24 80" in text
            peer.do("resize", exec=reply["exec"], rows=50, cols=132)
            terminal.write(b"word\n")
            while b"got" not in text:
                text += terminal.read(1000)
            assert b"50 132" in text
        assert peer.until(lambda: peer.finished(reply["exec"]))["exit_code"] == 0


def test_signal_to_an_exec(node: Node) -> None:
    with running(node, node.container()) as peer:
        peer.until_phase("main", "running")
        null = os.open(os.devnull, os.O_RDWR)
        reply, _ = peer.ask("exec", [null] * 3, container="main", argv=["sleep", "1000"])
        os.close(null)
        peer.do("signal", exec=reply["exec"], signal=int(signal.SIGTERM))
        assert peer.until(lambda: peer.finished(reply["exec"]))["exit_code"] == 143
        assert "no exec" in peer.ask("signal", exec=reply["exec"], signal=9)[0]["error"]


def test_attach_to_standard_streams(node: Node) -> None:
    script = "while read x; do echo out $x; echo err $x >&2; done; echo end of input"
    container = node.container(script=script, stdin=True, stdin_once=True, restart_policy="Never")
    with running(node, container) as peer:
        peer.until_phase("main", "running")
        reply, fds = peer.ask("attach", container="main")
        streams = dict(zip(reply["fds"], fds, strict=True))
        assert list(streams) == ["stdin", "stdout", "stderr"]
        os.write(streams["stdin"], b"hello\n")
        assert os.read(streams["stdout"], 100) == b"out hello\n"
        assert os.read(streams["stderr"], 100) == b"err hello\n"
        os.close(streams["stdin"])
        assert os.read(streams["stdout"], 100) == b"end of input\n"
        assert os.read(streams["stdout"], 100) == b""
        assert settled(peer)["exit_code"] == 0
        for name in ("stdout", "stderr"):
            os.close(streams[name])


def test_a_container_with_a_terminal(node: Node) -> None:
    script = "test -t 1 && tty; ls -l /dev/console; read x; echo got $x; stty size"
    container = node.container(script=script, stdin=True, tty=True, restart_policy="Never")
    with running(node, container) as peer:
        peer.until_phase("main", "running")
        peer.do("resize", container="main", rows=30, cols=90)
        reply, fds = peer.ask("attach", container="main")
        assert reply["fds"] == ["stdin", "stdout"]
        os.write(fds[0], b"word\n")
        assert settled(peer)["exit_code"] == 0
        wire_text = b""
        while data := os.read(fds[1], 1000):
            wire_text += data
        assert b"got word" in wire_text
        for fd in fds:
            os.close(fd)
    text = node.logs(container)
    assert "/dev/pts/0" in text
    assert "30 90" in text
