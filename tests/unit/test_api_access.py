"""Who may speak to the API, the certificates, health, logs and streams."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509

from nsorch.api.access import identity
from nsorch.api.access.attributes import of_request
from nsorch.api.access.authorizer import Authorizer
from nsorch.api.access.certificates import DAY
from nsorch.api.access.gate import Gate
from nsorch.api.access.kubeconfig import CONTEXT
from nsorch.api.access.pki import Pki, PkiError
from nsorch.api.call import User
from nsorch.api.failures import Failure
from nsorch.kit.clock import FakeClock
from nsorch.store import Store
from tests.support.api import cluster, configmap, pod, settings
from tests.support.loops import on_a_loop

CORE = "/api/v1/namespaces/default"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@on_a_loop
async def test_https_knows_its_administrator_and_lets_others_see_health_only(tmp_path: Path) -> None:
    port = free_port()
    async with cluster(tmp_path, secure_address="127.0.0.1", secure_port=port) as api:
        assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in (tmp_path / "pki").iterdir()} == {0o600}
        config = json.loads((tmp_path / "kubeconfig").read_text())
        assert config["current-context"] == CONTEXT == "nsorch"
        assert config["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{port}"

        context = ssl.create_default_context(cafile=str(api.server.pki.ca.certificate))
        url = f"https://127.0.0.1:{port}"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as anybody:
            for path, code in (("/healthz", 200), ("/version", 200), ("/livez", 200), ("/readyz/store", 200)):
                async with anybody.get(url + path) as answer:
                    assert answer.status == code
            for path in ("/api", f"{CORE}/pods", "/nsorch/v1/status"):
                async with anybody.get(url + path) as answer:
                    assert (answer.status, (await answer.json())["reason"]) == (401, "Unauthorized")
            async with anybody.post(f"{url}/version") as answer:
                assert answer.status == 401
        context.load_cert_chain(api.server.pki.admin.certificate, api.server.pki.admin.key)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as admin:
            async with admin.get(f"{url}{CORE}/pods") as answer:
                assert answer.status == 200
            async with admin.post(f"{url}{CORE}/configmaps", json=configmap()) as answer:
                assert answer.status == 201


def test_other_certificates_of_the_authority_have_no_rights_by_themselves(tmp_path: Path) -> None:
    subject = ((("organizationName", "system:nodes"),), (("commonName", "somebody"),))
    user = identity.of_certificate({"subject": subject})
    assert user == User("somebody", ("system:nodes", "system:authenticated"))
    gate = Gate(Authorizer(Store.open(tmp_path / "nsorch.db")), lambda token: None)
    with pytest.raises(Failure, match='User "somebody" cannot get path'):
        gate.authorize(user, "GET", "/api", of_request("GET", "/api"))
    nobody = identity.of_certificate(None)
    gate.authorize(nobody, "GET", "/healthz", of_request("GET", "/healthz"))
    with pytest.raises(Failure, match="Unauthorized"):
        gate.authorize(nobody, "GET", "/healthzx", of_request("GET", "/healthzx"))


def test_certificates_are_kept_and_renewed_in_time(tmp_path: Path) -> None:
    clock = FakeClock()
    pki = Pki(settings(tmp_path, node_address="192.0.2.7"), clock)
    assert pki.ensure()
    assert not pki.ensure()
    server = x509.load_pem_x509_certificate(pki.server.certificate.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "node-1",
    }
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {
        "127.0.0.1",
        "192.0.2.7",
        "10.96.0.1",
    }
    authority = pki.ca.certificate.read_bytes()
    clock.advance(pki.renew_in() - DAY)
    assert not pki.ensure()
    clock.advance(2 * DAY)
    assert pki.ensure(), "the leaves are due"
    assert pki.ca.certificate.read_bytes() == authority
    clock.advance(9 * 365 * DAY)
    assert pki.ensure()
    assert pki.ca.certificate.read_bytes() != authority, "and the authority, in time, with its old key"
    renewed = x509.load_pem_x509_certificate(pki.ca.certificate.read_bytes())
    assert renewed.public_key() == x509.load_pem_x509_certificate(authority).public_key()
    moved = Pki(settings(tmp_path, node_address="192.0.2.8"), clock)
    assert moved.ensure(), "another address needs another certificate"
    assert "BEGIN CERTIFICATE" in moved.ca_pem
    pki.ca.key.write_text("nonsense")
    pki.admin.certificate.unlink()
    with pytest.raises(PkiError, match=r"ca\.key.*remove its folder"):
        pki.ensure()


@on_a_loop
async def test_the_socket_is_private(tmp_path: Path) -> None:
    async with cluster(tmp_path):
        assert (tmp_path / "api.sock").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "api.sock").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user than the daemon's")
@on_a_loop
async def test_another_user_is_refused_on_the_socket(tmp_path: Path) -> None:
    async with cluster(tmp_path):
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        (tmp_path / "api.sock").chmod(0o666)
        program = (
            "import os, socket, sys\n"
            "os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
            "s.sendall(b'GET /api HTTP/1.0\\r\\n\\r\\n'); print(s.recv(100).decode())"
        )
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/python3", "-c", program, str(tmp_path / "api.sock"), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert b" 401 " in output


@on_a_loop
async def test_health_names_the_check_that_fails(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        assert (await api.call("GET", "/readyz")).raw == b"ok"
        verbose = (await api.call("GET", "/readyz?verbose")).raw.decode()
        assert verbose == "[+]ping ok\n[+]store ok\nreadyz check passed\n"
        api.store.trouble = "disk full"
        failed = await api.call("GET", "/readyz")
        assert failed.code == 500
        assert "[-]store failed: disk full" in failed.raw.decode()
        assert (await api.call("GET", "/readyz?exclude=store")).code == 200
        assert (await api.call("GET", "/readyz/ping")).code == 200
        assert (await api.call("GET", "/livez")).code == 200
        assert (await api.call("GET", "/readyz/nonsense")).code == 404


@on_a_loop
async def test_logs(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/pods", pod())
        path = f"{CORE}/pods/web/log"
        plain = await api.call("GET", path)
        assert (plain.code, plain.raw, plain.headers["Content-Type"]) == (200, b"one\ntwo\n", "text/plain")
        query = "tailLines=3&sinceSeconds=5&timestamps=true&limitBytes=9&container=main"
        await api.call("GET", f"{path}?{query}")
        asked = api.runtime.asked[-1]
        assert (asked.container, asked.tail_lines, asked.since_seconds, asked.timestamps, asked.limit_bytes) == (
            "main",
            3,
            5,
            True,
            9,
        )
        refused = await api.call("GET", f"{path}?previous=true")
        assert (refused.code, refused.body["kind"]) == (400, "Status")
        assert (await api.call("GET", f"{path}?container=ghost")).code == 400
        assert (await api.call("GET", f"{path}?tailLines=-1")).code == 400
        assert (await api.call("GET", f"{path}?sinceTime=yesterday")).code == 400
        two = [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]
        await api.call("POST", f"{CORE}/pods", pod("two", containers=two))
        assert "choose one of: [a b]" in (await api.call("GET", f"{CORE}/pods/two/log")).body["message"]
        async with api.session.get(f"http://nsorch{path}?follow=true") as response:
            assert await response.content.readline() == b"one\n"
            assert await response.content.readline() == b"two\n"
            api.runtime.more.set()
            assert await response.content.read() == b"three\n"


async def converse(socket: aiohttp.ClientWebSocketResponse) -> list[tuple[int, bytes]]:
    return [(message.data[0], message.data[1:]) async for message in socket if message.data[1:]]


@on_a_loop
async def test_exec_over_a_websocket(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        await api.call("POST", f"{CORE}/pods", pod())
        path = f"http://nsorch{CORE}/pods/web/exec"

        async def run(query: str, protocol: str = "v5.channel.k8s.io") -> Any:
            return await api.session.ws_connect(f"{path}?{query}", protocols=(protocol,))

        socket = await run("command=echo&command=hi&stdout=1&stderr=1")
        assert socket.protocol == "v5.channel.k8s.io"
        said = await converse(socket)
        assert said[:2] == [(1, b"echo hi"), (2, b"err")]
        assert (said[2][0], json.loads(said[2][1])["status"]) == (3, "Success")
        assert socket.close_code == 1000
        status = json.loads((await converse(await run("command=exit&command=3&stdout=1")))[-1][1])
        assert status["reason"] == "NonZeroExitCode"
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        await api.runtime.sessions[-1].closed.wait()

        socket = await run("command=cat&stdin=1&stdout=1&tty=1")
        await socket.send_bytes(b"\x04" + json.dumps({"Width": 80, "Height": 24}).encode())
        await socket.send_bytes(b"\x00hello")
        await socket.send_bytes(b"\xff\x00")
        assert [data for channel, data in await converse(socket) if channel == 1] == [b"24x80", b"hello"]

        socket = await run("command=cat&stdin=1&stdout=1")
        await socket.close()
        await api.runtime.sessions[-1].closed.wait()

        for query, text in (
            ("stdout=1", "at least one command"),
            ("command=a", "at least 1 of stdin"),
            ("command=a&stdout=1", "Upgrade request required"),
        ):
            answer = await api.call("POST", f"{CORE}/pods/web/exec?{query}")
            assert (answer.code, text in answer.body["message"]) == (400, True), query
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await run("command=missing&stdout=1")
        attached = await converse(
            await api.session.ws_connect(
                f"http://nsorch{CORE}/pods/web/attach?stdout=1", protocols=("v4.channel.k8s.io",)
            )
        )
        assert attached[0] == (1, b"attached")


@on_a_loop
async def test_a_fault_of_ours_is_a_status_without_its_traceback(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        api.operations.context.services.allocate = None  # type: ignore[method-assign, assignment]
        answer = await api.call(
            "POST", f"{CORE}/services", {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}
        )
        assert (answer.code, answer.body["reason"]) == (500, "InternalError")
        assert "Traceback" not in answer.raw.decode()
        assert (await api.call("GET", "/readyz")).code == 200
