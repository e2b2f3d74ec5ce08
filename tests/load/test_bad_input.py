"""What no decent client sends: answered with a refusal, never with a 5xx, a traceback, or silence for others."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import psutil
import pytest

from tests.support.cluster import Cluster
from tests.support.hostile import MAPS, everything, exchange, post
from tests.support.space import Api

WAITS = (
    "raw: nothing",
    "raw: cut body",
    "raw: huge chunk",
    "raw: connect",
    "raw: websocket on a list",
    "raw: pipelined",
)
"""The server rightly waits for more, or keeps the connection."""


@pytest.fixture
def path(daemon: Cluster) -> Path:
    return daemon.files / "run" / "api.sock"


def memory(daemon: Cluster) -> float:
    """The daemon's memory in MiB."""
    return psutil.Process(daemon.daemon_pid()).memory_full_info().uss / (1 << 20)


def test_nothing_hurts_and_memory_stays(daemon: Cluster, path: Path) -> None:
    requests = everything()
    settled = 0.0
    for turn in range(4):
        for name, raw in requests.items():
            if turn and name in WAITS:
                continue
            answer = exchange(path, raw, seconds=0.2 if name in WAITS else 15)
            status = answer.split(b"\r\n")[0]
            assert not status.startswith(b"HTTP/1.1 5"), (name, answer[:2000])
            if name not in WAITS:
                assert answer, name
        if turn == 1:
            settled = memory(daemon)
    assert Api(path).call("GET", "/readyz?verbose")
    assert memory(daemon) - settled < 8
    daemon.check_log()


def test_the_wrong_kinds_of_body_are_named(daemon: Cluster, path: Path) -> None:
    for name, code in (
        ("body: not utf-8", 400),
        ("body: yaml bomb", 400),
        ("body: duplicate keys", 400),
        ("body: too large", 413),
        ("body: gzip bomb", 413),
        ("body: no gzip", 400),
        ("body: unknown encoding", 415),
        ("body: wrong type", 415),
        ("body: gzip", 201),
        ("path: /api/v1/namespaces//pods", 404),
        ("accept: application/vnd.kubernetes.protobuf", 406),
    ):
        answer = exchange(path, everything()[name])
        assert answer.startswith(b"HTTP/1.1 %d" % code), (name, answer[:1000])


def test_all_namespaces_are_never_emptied_at_once(daemon: Cluster, path: Path) -> None:
    for target in ("/api/v1/pods", "/api/v1/configmaps", "/apis/apps/v1/deployments"):
        answer = exchange(path, b"DELETE %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target.encode())
        assert answer.startswith(b"HTTP/1.1 405"), target


def test_bodies_that_trickle_in_delay_nobody(daemon: Cluster, path: Path) -> None:
    slow: list[socket.socket] = []
    raw = post(b'{"metadata":{"name":"slow"}}', target=f"{MAPS}?dryRun=All")
    try:
        for _ in range(200):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.connect(str(path))
            slow.append(sock)
        worst = 0.0
        for first in range(0, len(raw), 8):
            for sock in slow:
                sock.sendall(raw[first : first + 8])
            began = time.monotonic()
            assert Api(path).call("GET", "/version")
            worst = max(worst, time.monotonic() - began)
        for sock in slow:
            assert sock.recv(100).startswith(b"HTTP/1.1 201")
        assert worst < 1
    finally:
        for sock in slow:
            sock.close()


def test_clients_that_vanish_leave_nothing(daemon: Cluster, path: Path) -> None:
    process = psutil.Process(daemon.daemon_pid())
    before = process.num_fds()
    for _ in range(300):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(path))
        sock.sendall(b"GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        sock.close()
    daemon.eventually(lambda: process.num_fds() <= before + 5, what="the connections are closed")
