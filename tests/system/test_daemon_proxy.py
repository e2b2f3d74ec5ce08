"""pods/proxy, services/proxy and nodes/proxy, by kubectl and by hand."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import socket
from collections.abc import Iterator

import aiohttp
import pytest

from tests.support.cluster import Cluster
from tests.support.space import Refused, Space, main, space
from tests.system.test_daemon_spdy import MEMORY, SLACK, descriptors, resident, settled

SHOW = r"""
read -r line
size=0 upgrade=
headers=
while read -r header; do
  header=${header%?}
  [ "$header" ] || break
  headers="$headers$header
"
  case $header in [Cc]ontent-[Ll]ength:*) size=${header#*: };; [Uu]pgrade:*) upgrade=${header#*: };; esac
done
case $line in
*' /refuse '*) printf 'HTTP/1.1 418 Teapot\r\nContent-Length: 3\r\n\r\nno\n'; exit;;
*' /redirect '*) printf 'HTTP/1.1 302 Found\r\nLocation: /else?x=1\r\nContent-Length: 0\r\n\r\n'; exit;;
*' /page '*) printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<a href="/x">x</a>'; exit;;
*' /zipped '*) printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n'
  printf '<a href="/x">x</a>' | gzip; exit;;
*' /broken '*) printf 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'; exit;;
*' /zeros '*) printf 'HTTP/1.1 200 OK\r\n\r\n'; exec cat /dev/zero;;
*' /noise '*) printf 'noise\n'; exit;;
*' /sum '*) printf 'HTTP/1.1 200 OK\r\n\r\n'; head -c $size | sha256sum; exit;;
esac
if [ "$upgrade" ]; then
  printf 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n' "$upgrade"
  exec cat
fi
printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n'
case $line in HEAD*) exit;; esac
printf '%s\n%s\n' "$line" "$headers"
head -c "$size"
"""


@pytest.fixture(scope="module")
def pod(daemon: Cluster) -> Iterator[Space]:
    """A Namespace with the Pod ``one``, which on port 7000 answers with what it was asked, and the Service ``one``."""
    settled(daemon)
    with space(daemon) as here:
        here.create("configmaps", {"metadata": {"name": "show"}, "data": {"show.sh": SHOW}})
        container = main(
            ["sh", "-c", "nc -ll -p 7001 -e echo noise & exec nc -ll -p 7000 -e sh /show/show.sh"],
            ports=[{"name": "show", "containerPort": 7000}],
            volumeMounts=[{"name": "show", "mountPath": "/show"}],
            readinessProbe={"tcpSocket": {"port": 7000}, "periodSeconds": 1},
        )
        here.pod("one", container, volumes=[{"name": "show", "configMap": {"name": "show"}}])
        here.service("one", ports=[{"name": "web", "port": 80, "targetPort": "show"}, {"name": "off", "port": 81}])
        here.ready("one")
        here.until("endpoints", lambda found: found["one"].get("subsets"), what="endpoints of the Service")
        yield here


def raw(here: Space, path: str) -> str:
    return here.kubectl("get", "--raw", path).stdout


def test_every_way_to_name_it(pod: Space) -> None:
    for where in (
        pod.path("pods", "one"),
        pod.path("pods", "one:7000"),
        pod.path("pods", "http:one:7000"),
        pod.path("pods", "one:show"),
        pod.path("services", "one:80"),
        pod.path("services", "one:web"),
        pod.path("services", "http:one:web"),
    ):
        lines = raw(pod, f"{where}/proxy/a//b%20c/?x=1&y=%2F").splitlines()
        assert lines[0].rstrip("\r") == "GET /a//b%20c/?x=1&y=%2F HTTP/1.1"
        assert f"X-Forwarded-Uri: {where}/proxy/a//b%20c/" in lines
        assert not [line for line in lines if line.lower().startswith("authorization")]


@pytest.mark.parametrize(
    ("plural", "name", "code", "message"),
    [
        ("pods", "one:9", 503, r"error trying to reach service: dial tcp [\d.]+:9: connect: connection refused"),
        ("pods", "https:one:7001", 503, "error trying to reach service: tls: "),
        ("pods", "two", 404, 'pods "two" not found'),
        ("pods", "ftp:one:1", 400, 'invalid pod request "ftp:one:1"'),
        ("services", "one", 503, 'no endpoints available for service "one"'),
        ("services", "one:82", 503, 'no service port 82 found for service "one"'),
        ("services", "one:off", 503, "connection refused"),
    ],
)
def test_refusals(pod: Space, plural: str, name: str, code: int, message: str) -> None:
    with pytest.raises(Refused) as refused:
        pod.api.call("GET", f"{pod.path(plural, name)}/proxy/")
    assert refused.value.code == code
    assert re.search(message, refused.value.status["message"])


def test_a_status_cannot_lead_elsewhere(pod: Space) -> None:
    """Endpoints that somebody wrote, with an address that is no Pod's, are not reached."""
    pod.create("services", {"metadata": {"name": "evil"}, "spec": {"ports": [{"port": 80}]}})
    subsets = [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 6443}]}]
    pod.create("endpoints", {"metadata": {"name": "evil"}, "subsets": subsets})
    with pytest.raises(Refused, match="no endpoints available"):
        pod.api.call("GET", f"{pod.path('services', 'evil')}/proxy/")


def test_answers(pod: Space) -> None:
    base = f"{pod.path('pods', 'one')}/proxy"

    async def run() -> None:
        connector = aiohttp.UnixConnector(str(pod.api.path))
        async with aiohttp.ClientSession("http://nsorch", connector=connector) as session, asyncio.timeout(30):

            async def ask(method: str, path: str, **options: object) -> tuple[int, aiohttp.ClientResponse, bytes]:
                options.setdefault("allow_redirects", False)
                async with session.request(method, base + path, **options) as answer:  # type: ignore[arg-type]
                    return answer.status, answer, await answer.read()

            code, answer, _ = await ask("GET", "?q=1")
            assert (code, answer.headers["Location"]) == (301, f"{base}/?q=1")
            code, answer, body = await ask("GET", "/refuse")
            assert (code, answer.reason, body) == (418, "Teapot", b"no\n")
            code, answer, _ = await ask("GET", "/redirect")
            assert (code, answer.headers["Location"]) == (302, f"{base}/else?x=1")
            for path in ("/page", "/zipped"):
                _, answer, body = await ask("GET", path)
                assert body == f'<a href="{base}/x">x</a>'.encode()
            for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                code, _, body = await ask(method, "/x", data=b"the body")
                assert code == 200
                assert body.startswith(f"{method} /x HTTP/1.1".encode())
                assert body.endswith(b"the body")
            code, _, body = await ask("POST", "", data=b"")
            assert body.startswith(b"POST / HTTP/1.1")
            code, _, body = await ask("HEAD", "/x")
            assert (code, body) == (200, b"")
            with pytest.raises(aiohttp.ClientPayloadError):
                await ask("GET", "/broken")
            code, _, body = await ask("GET", "/noise")
            assert code == 503
            big = gzip.compress(b"x") * 400_000
            _, _, body = await ask("PUT", "/sum", data=big)
            assert body.split()[0].decode() == hashlib.sha256(big).hexdigest()

    asyncio.run(run())


@pytest.mark.parametrize("protocol", ["websocket", "something"])
def test_upgrades(pod: Space, protocol: str) -> None:
    before = descriptors(pod.cluster)
    for where in (pod.path("pods", "one:7000"), pod.path("services", "one:web")) * 3:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
            made.settimeout(20)
            made.connect(str(pod.api.path))
            lines = [f"GET {where}/proxy/ws HTTP/1.1", "Host: x", "Connection: Upgrade", f"Upgrade: {protocol}", "", ""]
            made.sendall("\r\n".join(lines).encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += made.recv(4096)
            assert head.startswith(b"HTTP/1.1 101 ")
            assert f"Upgrade: {protocol}".encode() in head
            assert head.endswith(b"\r\n\r\n")
            for size in (1, 1000, 1_000_000):
                sent = bytes(size)
                made.sendall(sent)
                got = 0
                while got < size:
                    got += len(made.recv(65536))
                assert got == size
    pod.cluster.eventually(lambda: descriptors(pod.cluster) <= before + SLACK, what="no descriptor is left")


def test_an_upgrade_that_is_refused(pod: Space) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(20)
        made.connect(str(pod.api.path))
        path = f"{pod.path('pods', 'one')}/proxy/refuse"
        made.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode())
        assert made.recv(4096).startswith(b"HTTP/1.1 418 Teapot")


def test_an_answer_that_nobody_reads(pod: Space) -> None:
    before, memory = descriptors(pod.cluster), resident(pod.cluster)

    def sent() -> str:
        return pod.sh("one", "for p in /proc/[0-9]*; do grep -q zero $p/cmdline && grep wchar $p/io; done; true")

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.connect(str(pod.api.path))
        made.sendall(f"GET {pod.path('pods', 'one')}/proxy/zeros HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        pod.cluster.eventually(lambda: "wchar" in sent() and sent() == sent(), what="the server waits")
        assert resident(pod.cluster) - memory < MEMORY
    pod.cluster.eventually(lambda: descriptors(pod.cluster) <= before + SLACK, what="no descriptor is left")


def test_the_node(pod: Space) -> None:
    (node,) = [item["metadata"]["name"] for item in pod.list("nodes")]
    base = f"/api/v1/nodes/{node}"
    assert raw(pod, f"{base}/proxy/healthz") == "ok"
    assert raw(pod, f"{base}:10250/proxy/healthz") == "ok"
    names = {item["metadata"]["name"] for item in json.loads(raw(pod, f"{base}/proxy/pods"))["items"]}
    assert "one" in names
    pod.pod("talker", main(["sh", "-c", "echo one; echo two; exec sleep 100000"]))
    pod.ready("talker")
    assert raw(pod, f"{base}/proxy/containerLogs/{pod.name}/talker/main?tailLines=1") == "two\n"
    for path, code in (("/nothing", 404), (f"/containerLogs/{pod.name}/missing/main", 404), ("/containerLogs/x", 400)):
        with pytest.raises(Refused) as refused:
            pod.api.call("GET", f"{base}/proxy{path}")
        assert refused.value.code == code
    # Another port is another server: here the API's own, which asks who comes.
    with pytest.raises(Refused) as refused:
        pod.api.call("GET", f"/api/v1/nodes/https:{node}:6443/proxy/api/v1/secrets")
    assert refused.value.code == 401


def test_kubectl_proxy(pod: Space) -> None:
    argv = ["kubectl", "proxy", "--port=0"]
    with pod.cluster.namespace.popen(argv, env=pod.cluster.environment, stdout=-1) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip().rpartition(":")[2]
        url = f"http://127.0.0.1:{port}{pod.path('services', 'one:web')}/proxy"
        shown = pod.cluster.run(["curl", "-sfL", "-d", "the body", f"{url}/x"]).stdout
        assert shown.startswith("POST /x HTTP/1.1")
        assert shown.endswith("the body")
        assert pod.cluster.run(["curl", "-sfL", f"{url}"]).stdout.startswith("GET / HTTP/1.1")
        process.kill()


def test_discovery(pod: Space) -> None:
    rows = {row["name"]: row for row in pod.api.call("GET", "/api/v1")["resources"]}
    for plural, kind in (("pods", "Pod"), ("services", "Service"), ("nodes", "Node")):
        row = rows[f"{plural}/proxy"]
        assert row["kind"] == f"{kind}ProxyOptions"
        assert row["verbs"] == ["create", "delete", "get", "patch", "update"]
    assert rows["pods/portforward"]["kind"] == "PodPortForwardOptions"
