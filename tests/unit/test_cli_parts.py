"""The pure parts of the command line: names, selectors, containers, progress, frames, settings of a start."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request

from nsorch.cli import service, targets, up
from nsorch.cli.exec import exit_code
from nsorch.cli.failure import CommandFailure
from nsorch.cli.image import size
from nsorch.cli.kinds import Kinds, Served
from nsorch.cli.names import resolve
from nsorch.cli.rollout import progress
from nsorch.cli.websocket import WebSocket
from nsorch.kit.paths import Paths

POD = Served("", "v1", "pods", "Pod", True, ("pods", "pod", "po"), ("all",))
DEPLOYMENT = Served("apps", "v1", "deployments", "Deployment", True, ("deployments", "deployment", "deploy"), ("all",))
NODE = Served("", "v1", "nodes", "Node", False, ("nodes", "node", "no"), ())
OTHER = Served("metrics.k8s.io", "v1", "pods", "PodMetrics", True, ("pods",), ())


@pytest.fixture
def kinds() -> Kinds:
    known = Kinds.__new__(Kinds)
    known.all = [POD, DEPLOYMENT, NODE, OTHER]
    return known


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["pods"], [(POD, "")]),
        (["Pod", "a", "b", "a"], [(POD, "a"), (POD, "b")]),
        (["po,deploy"], [(POD, ""), (DEPLOYMENT, "")]),
        (["po,deploy", "a"], [(POD, "a"), (DEPLOYMENT, "a")]),
        (["all,pods"], [(POD, ""), (DEPLOYMENT, "")]),
        (["deployments.apps/a", "no/b"], [(DEPLOYMENT, "a"), (NODE, "b")]),
        (["deployments.v1.apps"], [(DEPLOYMENT, "")]),
        (["pods.metrics.k8s.io"], [(OTHER, "")]),
    ],
)
def test_objects_as_typed(kinds: Kinds, typed: list[str], found: list[tuple[Served, str]]) -> None:
    assert resolve(kinds, typed) == found


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["bananas"], 'resource type "bananas"'),
        (["pods,"], 'cannot read "pods,"'),
        (["pod/"], 'cannot read "pod/"'),
        (["/a"], 'cannot read "/a"'),
        (["pod/a/b"], 'cannot read "pod/a/b"'),
        (["pod/a", "b"], 'cannot read "b" beside KIND/NAME'),
        (["pod", ""], "one is empty"),
    ],
)
def test_objects_mistyped(kinds: Kinds, typed: list[str], message: str) -> None:
    with pytest.raises(CommandFailure) as caught:
        resolve(kinds, typed)
    assert message in caught.value.message


def test_urls() -> None:
    assert POD.url("a b", "x/../y", "log") == "/api/v1/namespaces/a%20b/pods/x%2F..%2Fy/log"
    assert DEPLOYMENT.url(None) == "/apis/apps/v1/deployments"
    assert NODE.url("default", "vm") == "/api/v1/nodes/vm"


def test_selectors_of_workloads_and_services() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "Exists"},
        {"key": "c", "operator": "DoesNotExist"},
        {"key": "d", "operator": "NotIn", "values": ["3"]},
    ]
    workload = {"spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": expressions}}}
    assert targets.selector_text(workload) == "app=web,a in (1,2),b,!c,d notin (3)"
    assert targets.selector_text({"spec": {"selector": {"app": "web", "tier": "front"}}}) == "app=web,tier=front"
    assert targets.selector_text({"spec": {}}) == ""


def pod(*containers: str, annotation: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "annotations": {targets.DEFAULT_CONTAINER: annotation} if annotation else {}},
        "spec": {"containers": [{"name": name} for name in containers], "initContainers": [{"name": "setup"}]},
    }


def test_the_container_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert targets.container(pod("a", "b"), "") == "a"
    assert capsys.readouterr().err == 'Defaulted container "a" out of: a, b, setup (init)\n'
    assert targets.container(pod("a", "b"), "setup") == "setup"
    assert targets.container(pod("a", "b", annotation="b"), "") == "b"
    assert capsys.readouterr().err == ""
    assert targets.container(pod("a", annotation="gone"), "") == "a"
    assert 'names "gone", which it has not' in capsys.readouterr().err
    with pytest.raises(CommandFailure, match=r'no container "c" in pod/p, it has: a, b, setup \(init\)'):
        targets.container(pod("a", "b"), "c")


def deployment(generation: int = 1, replicas: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "generation": generation},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 1, **status},
    }


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (deployment(generation=2), "spec update to be observed"),
        (deployment(updatedReplicas=1, replicas=3) | {"spec": {"replicas": 3}}, "1 out of 3 new replicas"),
    ],
)
def test_progress_under_way(obj: dict[str, Any], text: str) -> None:
    said, done = progress(obj)
    assert text in said
    assert not done


def test_progress_to_the_end() -> None:
    obj = deployment()
    obj["status"] |= {"updatedReplicas": 3, "replicas": 4, "availableReplicas": 3}
    assert progress(obj) == (
        'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
        False,
    )
    obj["status"] |= {"replicas": 3, "availableReplicas": 2}
    assert "2 of 3 updated replicas are available" in progress(obj)[0]
    obj["status"]["availableReplicas"] = 3
    assert progress(obj) == ('deployment "web" successfully rolled out', True)


def test_progress_that_failed() -> None:
    obj = deployment(conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}])
    with pytest.raises(CommandFailure, match="exceeded its progress deadline"):
        progress(obj)


def test_exit_codes() -> None:
    assert exit_code({"status": "Success"}, "p") == 0
    failed = {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}}
    assert exit_code(failed, "p") == 7
    with pytest.raises(CommandFailure, match="cannot exec in pod/p: no such thing"):
        exit_code({"status": "Failure", "message": "no such thing"}, "p")


@pytest.fixture
def wire() -> Iterator[tuple[WebSocket, socket.socket]]:
    """A WebSocket after its handshake, and the server's end."""
    own, other = socket.socketpair()
    server = WSConnection(ConnectionType.SERVER)

    def shake_hands() -> None:
        while not any(isinstance(event, Request) for event in server.events()):
            server.receive_data(other.recv(4096))
        other.sendall(server.send(AcceptConnection(subprotocol="p")))

    hand = threading.Thread(target=shake_hands)
    hand.start()
    client = WebSocket(own, "/path", "p")
    hand.join()
    yield client, other
    own.close()
    other.close()


def test_messages_arrive_whole(wire: tuple[WebSocket, socket.socket]) -> None:
    client, server = wire
    long = bytes(70000)
    stream = bytes((0x82, 2)) + b"ab" + bytes((0x02, 1)) + b"c" + bytes((0x80, 1)) + b"d"
    stream += bytes((0x82, 126)) + (300).to_bytes(2, "big") + bytes(300)
    stream += bytes((0x82, 127)) + len(long).to_bytes(8, "big") + long
    got: list[bytes] = []
    for start in range(0, len(stream), 1000):  # in pieces that do not fit the frames
        server.sendall(stream[start : start + 1000])
        got += client.receive()
    assert [len(message) for message in got] == [2, 2, 300, 70000]
    assert got[:2] == [b"ab", b"cd"]
    server.sendall(bytes((0x89, 1)) + b"x" + bytes((0x88, 0)))
    assert list(client.receive()) == []
    assert client.ended
    assert client.unsent == 7  # the answer to the ping


def test_a_refused_handshake_tells_why() -> None:
    own, other = socket.socketpair()
    body = json.dumps({"kind": "Status", "reason": "NotFound", "message": 'pods "x" not found', "code": 404}).encode()
    head = f"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    other.sendall(head.encode() + body)
    with pytest.raises(CommandFailure, match='pods "x" not found'):
        WebSocket(own, "/path", "p")
    own.close()
    other.close()


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_messages_are_sent_masked(wire: tuple[WebSocket, socket.socket], length: int) -> None:
    client, server = wire
    client.send(bytes(length))
    client.flush()
    head = server.recv(2)
    assert head[0] == 0x82
    assert head[1] & 0x80
    extra = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
    size = int.from_bytes(server.recv(extra), "big") if extra else head[1] & 0x7F
    assert size == length


def test_sizes() -> None:
    assert [size(n) for n in (0, 999, 1_500, 1_982_296, 2.5e9)] == ["0B", "999B", "1.5kB", "1.98MB", "2.5GB"]


@pytest.mark.parametrize(
    ("log", "status", "said"),
    [
        (
            "x INFO a\nnsorch daemon: cannot use --pod-cidr a: b\n",
            2,
            "the daemon could not start: cannot use --pod-cidr a: b",
        ),
        (
            "Traceback (most recent call last):\n  x\nKeyError: 'a'\n",
            1,
            "the daemon could not start: KeyError: 'a' (see ",
        ),
        ("", 1, "ended with status 1 and said nothing"),
        ("x", -9, "was killed by signal 9"),
    ],
)
def test_last_words_of_a_daemon(tmp_path: Path, log: str, status: int, said: str) -> None:
    file = tmp_path / "daemon.log"
    file.write_text("an earlier start\n" + log)
    assert said in up.last_words(file, len("an earlier start\n"), status)


def test_the_service_of_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd is stood in for by a script: it cannot run in a test."""
    units, tools = tmp_path / "units", tmp_path / "bin"
    units.mkdir()
    tools.mkdir()
    (tools / "systemctl").write_text(
        '#!/bin/sh\n[ "$1" = is-active ] && echo active && exit\necho "no $2" >&2; exit 5\n'
    )
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    monkeypatch.setattr(service, "UNITS", units)
    monkeypatch.setattr(service, "RUNNING", tmp_path)
    default, other = Paths.at("/var/lib/nsorch"), Paths.at(tmp_path)
    assert service.active(default) == service.active(other) == ""
    (units / "nsorch.service").touch()
    assert service.installed(default) == service.active(default) == "nsorch.service"
    assert service.active(other) == ""
    with pytest.raises(CommandFailure, match=r"systemctl start nsorch.service failed: no nsorch.service"):
        service.systemctl("start", "nsorch.service")
    monkeypatch.setattr(service, "RUNNING", tmp_path / "gone")
    assert service.installed(default) == ""
