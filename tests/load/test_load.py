"""Many at once: watches that idle for next to nothing, and noisy writers behind whom nobody waits."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.load.test_bad_input import memory
from tests.support.cluster import Cluster
from tests.support.hostile import MAPS, post
from tests.support.space import Api

WATCHES = 500
WRITERS = 24


@pytest.fixture
def path(daemon: Cluster) -> Path:
    return daemon.files / "run" / "api.sock"


@contextmanager
def watches(path: Path, target: str) -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    try:
        for _ in range(WATCHES):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            opened.append(sock)
            sock.settimeout(20)
            sock.connect(str(path))
            sock.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
        for sock in opened:
            assert sock.recv(15) == b"HTTP/1.1 200 OK"
        yield opened
    finally:
        for sock in opened:
            sock.close()


def test_watches_that_idle_cost_next_to_nothing_and_all_hear(daemon: Cluster, path: Path) -> None:
    process = psutil.Process(daemon.daemon_pid())
    api = Api(path)
    version = api.call("GET", MAPS)["metadata"]["resourceVersion"]
    before = memory(daemon)
    with watches(path, f"{MAPS}?watch=1&resourceVersion={version}") as opened:
        assert (memory(daemon) - before) / WATCHES < 0.1, "MiB for each"
        used = sum(process.cpu_times()[:2])
        time.sleep(1)  # what is measured is the time itself
        assert sum(process.cpu_times()[:2]) - used < 0.1, "seconds of processor in one"
        api.call("POST", MAPS, {"metadata": {"name": "heard"}})
        for sock in opened:
            seen = b""
            while b'"heard"' not in seen:
                piece = sock.recv(1 << 16)
                assert piece
                seen += piece
    api.call("DELETE", f"{MAPS}/heard")


def test_writers_without_rest_do_not_starve_kubectl(daemon: Cluster, path: Path) -> None:
    stop = threading.Event()
    codes: list[int] = []

    def write() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(str(path))
            raw = post(b'{"metadata":{"generateName":"noise-"}}', User_Agent="noise")
            raw = raw.replace(b"Connection: close\r\n", b"")
            while not stop.is_set():
                sock.sendall(raw)
                answer = sock.recv(1 << 16)
                codes.append(int(answer.split(b" ", 2)[1]))

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        slowest = 0.0
        for _ in range(5):
            began = time.monotonic()
            listed = json.loads(daemon.kubectl("get", "namespaces", "-o", "json").stdout)
            slowest = max(slowest, time.monotonic() - began)
            assert len(listed["items"]) >= 4
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert set(codes) == {201}
    assert slowest < 5, "seconds; alone it takes a tenth of one"
    Api(path).call("DELETE", MAPS)
