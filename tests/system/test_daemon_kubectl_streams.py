"""kubectl's streams over both of its transports: WebSocket, and SPDY as older versions of it use."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsorch.linux import namespaces
from tests.support.cluster import Cluster
from tests.support.netns import NetworkNamespace
from tests.support.space import Space, main, space

BIG = 100 * 1024 * 1024
SERVE = "mkdir /www; httpd -p 8080 -h /www; nc -ll -p 9000 -e cat & exec sleep 100000"
READER = "while read -r line; do echo got $line; done; echo closed; exec sleep 100000"
TRANSPORTS = {"websocket": "true", "spdy": "false"}


@pytest.fixture(scope="module")
def pod(daemon: Cluster) -> Iterator[Space]:
    """A Namespace with the Pod ``one``: files of /www on port 8080, what one sends on port 9000."""
    with space(daemon) as here:
        here.pod("one", main(["sh", "-c", SERVE]))
        here.pod("reader", main(["sh", "-c", READER], stdin=True))
        here.ready("one")
        here.ready("reader")
        yield here


@pytest.fixture(params=TRANSPORTS)
def kubectl(request: pytest.FixtureRequest, pod: Space) -> Kubectl:
    return Kubectl(pod, TRANSPORTS[request.param])


class Kubectl:
    """kubectl with one of the transports."""

    def __init__(self, here: Space, websockets: str) -> None:
        self.here = here
        self.environment = {
            **here.cluster.environment,
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": websockets,
            "KUBECTL_PORT_FORWARD_WEBSOCKETS": websockets,
        }

    def __call__(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        return self.here.cluster.run(self.argv(*words), env=self.environment, **options)

    def argv(self, *words: str) -> list[str]:
        return ["kubectl", "-n", self.here.name, *words]

    @contextlib.contextmanager
    def beside(self, *words: str, **options: object) -> Iterator[subprocess.Popen[str]]:
        """kubectl that goes on beside the test; killed at the end."""
        process = self.here.cluster.namespace.popen(
            self.argv(*words), env=self.environment, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def forward(self, *ports: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
        """``kubectl port-forward`` to ports, and the local ones."""
        words = ("port-forward", "one", "--address=127.0.0.1", *(f":{port}" for port in ports))
        with self.beside(*words) as process:
            assert process.stdout is not None
            local = []
            for _ in ports:
                found = re.match(r"Forwarding from 127.0.0.1:(\d+) -> ", process.stdout.readline())
                assert found is not None, process.stderr and process.stderr.read()
                local.append(int(found[1]))
            yield process, local


def connected(namespace: NetworkNamespace, port: int) -> socket.socket:
    """A connection to a local port inside the network namespace."""
    made: list[socket.socket] = []

    def inside() -> None:  # a thread of its own enters the namespace and then ends
        fd = os.open(namespace.path, os.O_RDONLY)
        try:
            namespaces.setns(fd, namespaces.CLONE_NEWNET)
        finally:
            os.close(fd)
        made.append(socket.create_connection(("127.0.0.1", port), timeout=30))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    return made[0]


def test_exec(kubectl: Kubectl) -> None:
    done = kubectl("exec", "one", "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout) == (7, "out\n")
    assert done.stderr == "err\ncommand terminated with exit code 7\n"
    assert kubectl("exec", "-i", "one", "--", "cat", input="typed\n").stdout == "typed\n"
    # Standard input that ends, with a process that goes on.
    assert kubectl("exec", "-i", "one", "--", "sh", "-c", "cat; sleep 0.1; echo end", input="a ").stdout == "a end\n"
    # A process that does not read what it is sent.
    assert kubectl("exec", "-i", "one", "--", "echo", "done", input="x" * 2_000_000).stdout == "done\n"
    missing = kubectl("exec", "one", "--", "nothing-here", check=False)
    assert missing.returncode == 1
    assert "executable file not found" in missing.stderr


def test_exec_on_a_terminal(kubectl: Kubectl) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    shown = b""

    def until(text: bytes) -> None:
        nonlocal shown
        while text not in shown:
            assert select.select([master], [], [], 20)[0], shown
            shown += os.read(master, 4096)

    def command() -> None:  # a terminal of its own, as a shell would give it
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    with kubectl.beside(
        "exec", "-it", "one", "--", "sh", stdin=slave, stdout=slave, stderr=slave, preexec_fn=command
    ) as process:
        os.write(master, b"stty size; tty; echo first-$?\n")
        until(b"first-0")
        # The size follows the start; the shell may have been quicker.
        for _ in range(50):
            os.write(master, b"stty size; echo again-$?\n")
            until(b"again-0\r\n")
            if b"33 101" in shown:
                break
            shown = b""
        assert b"33 101" in shown
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 22, 66, 0, 0))
        os.killpg(process.pid, signal.SIGWINCH)
        for _ in range(50):
            shown = b""
            os.write(master, b"stty size; echo third-$?\n")
            until(b"third-0\r\n")
            if b"22 66" in shown:
                break
            time.sleep(0.02)
        assert b"22 66" in shown
        os.write(master, b"exit 5\n")
        assert process.wait(20) == 5
    os.close(master)
    os.close(slave)


def test_attach(kubectl: Kubectl) -> None:
    word = f"word-{kubectl.environment['KUBECTL_PORT_FORWARD_WEBSOCKETS']}"
    with kubectl.beside("attach", "-i", "reader", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(word + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"got {word}\n"
    assert f"got {word}\n" in kubectl("logs", "reader").stdout


def digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("big") / "big"
    file.write_bytes(os.urandom(BIG))
    return file


def test_a_large_file_there_and_back(kubectl: Kubectl, big: Path, tmp_path: Path) -> None:
    kubectl("cp", str(big), "one:/www/big")
    assert kubectl("exec", "one", "--", "sha256sum", "/www/big").stdout.split()[0] == digest(big)
    kubectl("cp", "one:/www/big", str(tmp_path / "back"))
    assert digest(tmp_path / "back") == digest(big)
    # The same through a forwarded port.
    with kubectl.forward("8080") as (_, (port,)):
        url = f"http://127.0.0.1:{port}/big"
        kubectl.here.cluster.run(["curl", "-sf", "-o", str(tmp_path / "third"), url])
    assert digest(tmp_path / "third") == digest(big)


def test_port_forward(kubectl: Kubectl) -> None:
    cluster = kubectl.here.cluster
    kubectl("exec", "one", "--", "sh", "-c", "echo hello > /www/index.html")
    with kubectl.forward("8080", "9000") as (process, (http, echo)):
        for _ in range(3):
            assert cluster.run(["curl", "-sf", f"http://127.0.0.1:{http}/"]).stdout == "hello\n"
        made = [connected(cluster.namespace, echo) for _ in range(5)]
        for number, one in enumerate(made):
            one.sendall(b"%d" % number)
        for number, one in enumerate(made):
            assert one.recv(10) == b"%d" % number
        # Much both ways at once, then its end.
        block = os.urandom(4 * 1024 * 1024)
        sender = threading.Thread(target=lambda: (made[0].sendall(block), made[0].shutdown(socket.SHUT_WR)))
        sender.start()
        back = b"".join(iter(lambda: made[0].recv(1 << 20), b""))
        sender.join()
        assert back == block
        for one in made:
            one.close()
        assert cluster.run(["curl", "-sf", f"http://127.0.0.1:{http}/"]).stdout == "hello\n"
        assert process.poll() is None


def test_port_forward_to_a_port_where_nobody_listens(kubectl: Kubectl) -> None:
    with kubectl.forward("7") as (process, (port,)):
        assert connected(kubectl.here.cluster.namespace, port).recv(10) == b""
        assert process.stderr is not None
        said = process.stderr.read()
        assert "cannot connect to port 7 inside the Pod: Connection refused" in said
        assert process.wait(20) == 1


def test_port_forward_ends_with_its_pod(kubectl: Kubectl) -> None:
    name = f"short-{kubectl.environment['KUBECTL_PORT_FORWARD_WEBSOCKETS']}"
    kubectl.here.pod(name, main(["nc", "-ll", "-p", "9000", "-e", "cat"]))
    kubectl.here.ready(name)
    with kubectl.beside("port-forward", name, "--address=127.0.0.1", ":9000") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split(":")[1].split()[0])
        with connected(kubectl.here.cluster.namespace, port) as one:
            one.sendall(b"hello")
            assert one.recv(10) == b"hello"
            kubectl.here.delete("pods", name, grace=0)
            assert one.recv(10) == b""
