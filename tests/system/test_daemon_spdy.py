"""exec, attach and port-forward by clients that speak SPDY/3.1 frame by frame, and what stays behind when they go."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from nsorch.api.streams.spdy.frames import Data, Ping, SynStream
from tests.support.cluster import Cluster
from tests.support.space import Space, main, space
from tests.support.spdy import Refused, Spdy

MEMORY = 8 * 1024 * 1024
"""Bytes by which the daemon may grow while somebody does not read."""
SLACK = 4
"""Descriptors that the daemon may open meanwhile for others: the cluster's DNS watches, probes. A session has more."""
SERVE = "nc -ll -p 9000 -e cat & nc -ll -p 9001 -e sleep 100000 & exec sleep 100000"


@pytest.fixture(scope="module")
def pod(daemon: Cluster) -> Iterator[Space]:
    """A Namespace with the Pod ``one``: port 9000 sends back what it gets, 9001 takes nothing."""
    settled(daemon)
    with space(daemon) as here:
        here.pod("one", main(["sh", "-c", SERVE]))
        here.ready("one")
        daemon.eventually(lambda: "2329" in here.sh("one", "cat /proc/net/tcp /proc/net/tcp6"), what="port 9001")
        yield here


def settled(daemon: Cluster) -> None:
    """Wait for the cluster's DNS: its watches are connections that come late and stay."""
    daemon.kubectl("-n", "kube-system", "wait", "--for=condition=Available", "deployment", "--all", "--timeout=30s")


def api(pod: Space) -> Path:
    return pod.api.path


def exec_path(pod: Space, *command: str, **options: object) -> str:
    given = {"stdout": True, "stderr": True, **options}
    query = [("command", word) for word in command] + [(name, str(value).lower()) for name, value in given.items()]
    return f"{pod.path('pods', 'one')}/exec?{urlencode(query)}"


def resident(cluster: Cluster) -> int:
    fields = Path(f"/proc/{cluster.daemon_pid()}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(cluster: Cluster) -> int:
    return len(os.listdir(f"/proc/{cluster.daemon_pid()}/fd"))


def running(pod: Space, word: str) -> bool:
    """Whether a process with this word in its command line runs in the container."""
    return word in pod.sh("one", "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || tr '\\0' ' ' < $p/cmdline; done")


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", ""])
def test_exec_of_every_version(pod: Space, protocol: str) -> None:
    path = exec_path(pod, "sh", "-c", "cat; echo err >&2; exit 7", stdin=True)
    with Spdy(api(pod), path, *([protocol] if protocol else [])) as client:
        error = client.open(streamType="error")
        stdin = client.open(streamType="stdin")
        stdout = client.open(streamType="stdout")
        stderr = client.open(streamType="stderr")
        client.send(stdin, b"in ")
        client.send(stdin, b"and out\n", fin=True)
        client.until(lambda: {error, stdout, stderr} <= client.ended)
        assert client.received[stdout] == b"in and out\n"
        assert client.received[stderr] == b"err\n"
        if protocol.startswith("v4"):
            status = json.loads(client.received[error])
            assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]
        else:
            assert client.received[error] == b"command terminated with non-zero exit code: exit status 7"


def test_exec_with_a_terminal_that_changes_its_size(pod: Space) -> None:
    path = exec_path(pod, "sh", "-c", "while read x; do stty size; echo shown; done", stdin=True, tty=True)
    with Spdy(api(pod), path, "v5.channel.k8s.io", "v4.channel.k8s.io") as client:
        assert "X-Stream-Protocol-Version: v5.channel.k8s.io" in client.head
        error, stdin, stdout, resize = (client.open(streamType=name) for name in ("error", "stdin", "stdout", "resize"))

        def size() -> bytes:
            client.received[stdout] = b""
            client.send(stdin, b"\n")
            client.until(lambda: b"shown" in client.received[stdout])
            return client.received[stdout]

        # Sizes have a way of their own: input that is sent after them may be read before.
        client.send(resize, b'{"Width":100,"Hei')
        client.send(resize, b'ght":40}\n')
        pod.cluster.eventually(lambda: b"40 100" in size(), what="the first size")
        client.send(resize, b'{"Width":90,"Height":30}{"Width":80,"Height":25}')
        pod.cluster.eventually(lambda: b"25 80" in size(), what="the last size")
        client.send(stdin, b"\x04")
        client.until(lambda: error in client.ended)
        assert json.loads(client.received[error])["status"] == "Success"


def test_refusals(pod: Space) -> None:
    with pytest.raises(Refused) as refused:
        Spdy(api(pod), exec_path(pod, "true"), "v9.channel.k8s.io")
    assert refused.value.code == 403
    assert "server accepts [v5.channel.k8s.io" in refused.value.body
    for path, code in (
        (exec_path(pod, "true", container="other"), 400),
        (exec_path(pod), 400),
        (exec_path(pod, "true").replace("/one/", "/two/"), 404),
    ):
        with pytest.raises(Refused) as refused:
            Spdy(api(pod), path, "v4.channel.k8s.io")
        assert refused.value.code == code
    with Spdy(api(pod), exec_path(pod, "cat", stdin=True), "v4.channel.k8s.io") as client:
        assert client.open(streamType="nonsense") in client.reset
        assert client.open(streamType="error") in client.replied
        assert client.open(streamType="error") in client.reset
        client.write(Data(99, b"for nobody"))
        client.until(lambda: 99 in client.reset)
        client.write(Ping(5))
        client.until(lambda: client.pongs == [5])


def forward(pod: Space) -> Spdy:
    return Spdy(api(pod), f"{pod.path('pods', 'one')}/portforward", "portforward.k8s.io")


def connect(client: Spdy, port: int, request: int) -> tuple[int, int]:
    error = client.open(streamType="error", port=str(port), requestID=str(request))
    return error, client.open(streamType="data", port=str(port), requestID=str(request))


def test_port_forward_of_several_connections(pod: Space) -> None:
    before = descriptors(pod.cluster)
    with forward(pod) as client:
        pairs = [connect(client, 9000, number) for number in range(20)]
        refused, _ = connect(client, 9, 99)
        for number, (_, data) in enumerate(pairs):
            client.send(data, b"number %d" % number)
        client.until(lambda: all(client.received[data] for _, data in pairs))
        for _, data in pairs[:10]:
            client.send(data, b"", fin=True)
        client.until(lambda: all({error, data} <= client.ended for error, data in pairs[:10]))
        assert [client.received[data] for _, data in pairs] == [b"number %d" % number for number in range(20)]
        client.until(lambda: refused in client.ended)
        assert client.received[refused].decode().endswith("cannot connect to port 9 inside the Pod: Connection refused")
        for headers in ({"port": "0"}, {"port": "x"}, {"port": "9000", "streamType": "other"}, {}):
            assert client.open(**{"streamType": "data", **headers}) in client.reset
    pod.cluster.eventually(lambda: descriptors(pod.cluster) <= before + SLACK, what="connections to the Pod are closed")


def test_port_forward_by_channels_of_a_websocket(pod: Space) -> None:
    async def run() -> None:
        url = f"http://nsorch{pod.path('pods', 'one')}/portforward"
        connector = aiohttp.UnixConnector(str(api(pod)))
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.timeout(20):
            for protocols in (("v4.channel.k8s.io",), ()):
                async with session.ws_connect(f"{url}?ports=9000,9&ports=9000", protocols=protocols) as stream:
                    found: dict[int, bytes] = {}
                    await stream.send_bytes(b"\x00first")
                    await stream.send_str("\x04second")  # as some clients send text
                    while (found.get(0), found.get(4)) != (b"\x28\x23first", b"\x28\x23second") or len(
                        found.get(3, b"")
                    ) < 10:
                        message = await stream.receive()
                        assert message.type is aiohttp.WSMsgType.BINARY
                        found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
                    assert found[1] == found[5] == b"\x28\x23"
                    assert b"\x09\x00error forwarding port 9 to pod one" in found[3]
            for query in ("", "?ports=", "?ports=0", "?ports=70000"):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(url + query)
                assert refused.value.status == 400

    asyncio.run(run())


def test_a_client_that_vanishes_takes_its_process_along(pod: Space) -> None:
    before = descriptors(pod.cluster)
    with Spdy(api(pod), exec_path(pod, "sh", "-c", "sleep 4321; true"), "v4.channel.k8s.io") as client:
        for name in ("error", "stdout", "stderr"):
            client.open(streamType=name)
        pod.cluster.eventually(lambda: running(pod, "sleep 4321"), what="the command runs")
    pod.cluster.eventually(lambda: not running(pod, "sleep 4321"), what="the command has ended")
    pod.cluster.eventually(lambda: descriptors(pod.cluster) <= before + SLACK, what="no descriptor is left")


def flood(client: Spdy, stream: int) -> int:
    """Send until nobody takes more; the bytes sent."""
    piece = client.encoder.encode(Data(stream, bytes(60_000)))
    client.socket.settimeout(0.5)
    sent = 0
    try:
        while sent < 64 * 1024 * 1024:
            client.socket.sendall(piece)
            sent += len(piece)
    except TimeoutError:
        return sent
    raise AssertionError("all of it was taken")


def test_a_client_vanishes_while_its_process_does_not_read(pod: Space) -> None:
    before, memory = descriptors(pod.cluster), resident(pod.cluster)
    with Spdy(api(pod), exec_path(pod, "sleep", "5432", stdin=True), "v4.channel.k8s.io") as client:
        _, stdin, _, _ = (client.open(streamType=name) for name in ("error", "stdin", "stdout", "stderr"))
        flood(client, stdin)
        assert resident(pod.cluster) - memory < MEMORY
        assert running(pod, "sleep 5432")
    pod.cluster.eventually(lambda: not running(pod, "sleep 5432"), what="the command has ended")
    pod.cluster.eventually(lambda: descriptors(pod.cluster) <= before + SLACK, what="no descriptor is left")


def test_a_port_that_takes_nothing(pod: Space) -> None:
    before, memory = descriptors(pod.cluster), resident(pod.cluster)
    with forward(pod) as client:
        _, data = connect(client, 9001, 1)
        flood(client, data)
        assert resident(pod.cluster) - memory < MEMORY
    pod.cluster.eventually(lambda: descriptors(pod.cluster) <= before + SLACK, what="no descriptor is left")


def websocket(pod: Space, path: str) -> socket.socket:
    """A WebSocket that nobody reads from."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.connect(str(api(pod)))
    lines = [f"GET {path} HTTP/1.1", "Host: nsorch", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""]
    made.sendall("\r\n".join(lines).encode())
    assert b" 101 " in made.recv(64)
    return made


@pytest.mark.parametrize("protocol", ["spdy", "websocket"])
def test_a_client_that_does_not_read_makes_the_process_wait(pod: Space, protocol: str) -> None:
    memory = resident(pod.cluster)
    path = exec_path(pod, "sh", "-c", f"echo $$ > /tmp/{protocol}; exec cat /dev/zero", stderr=False)

    def written() -> str:
        return pod.sh("one", f"grep wchar /proc/$(cat /tmp/{protocol})/io")

    def waits() -> bool:
        first = written()
        return written() == first != "wchar: 0\n"

    if protocol == "spdy":
        client = Spdy(api(pod), path, "v4.channel.k8s.io")
        client.open(streamType="error")
        client.write(SynStream(client.next, {"streamType": "stdout"}))
        held = client.socket
    else:
        held = websocket(pod, path)
    with held:
        pod.cluster.eventually(lambda: pod.sh("one", f"cat /tmp/{protocol} || true"), what="the command runs")
        pod.cluster.eventually(waits, what="the command waits")
        assert resident(pod.cluster) - memory < MEMORY
    pod.cluster.eventually(lambda: not running(pod, "cat /dev/zero"), what="the command has ended")
