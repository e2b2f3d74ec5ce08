"""The host's side of the network, and the DNS program as Pods see it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dnslib import DNSRecord

from nsorch.network.addresses import host_interface
from nsorch.network.host import HostNetwork
from nsorch.network.settings import NetworkSettings
from nsorch.network.watch import HostWatch
from tests.support.netns import NetworkNamespace
from tests.support.pods import FakePod, connect, rules_and_routes, run_inside, udp_socket
from tests.support.tiny_api import TinyApi


def test_prepare_is_repeatable_and_teardown_restores_what_was(tmp_path: Path) -> None:
    with NetworkNamespace() as host:
        before = rules_and_routes(host)

        async def body() -> None:
            network = HostNetwork(NetworkSettings(), tmp_path / "run" / "network.json")
            settings = await network.prepare()
            assert settings.node_address == "10.244.0.1"
            made = rules_and_routes(host)
            assert "net.ipv4.ip_forward = 1" in made["sysctls"]
            assert "10.96.0.0/16 dev lo proto 78 src 10.244.0.1" in made["routes"]
            assert "unreachable 10.244.0.0/16" in made["routes"]
            assert "10.96.0.10/32" in made["addresses"]
            later = HostNetwork(NetworkSettings(), tmp_path / "run" / "network.json")
            assert await later.prepare() == settings
            assert rules_and_routes(host) == made
            moved = HostNetwork(NetworkSettings(dns_address="10.96.0.11"), tmp_path / "run" / "network.json")
            await moved.prepare()
            assert "10.96.0.10/32" not in rules_and_routes(host)["addresses"]
            await moved.teardown()
            await moved.teardown()

        run_inside(host, body)
        assert rules_and_routes(host) == before


def test_the_node_has_the_address_of_its_default_route(tmp_path: Path) -> None:
    with NetworkNamespace() as host, NetworkNamespace() as neighbour:
        host.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", neighbour.path])
        host.run(["ip", "addr", "add", "192.0.2.2/24", "dev", "up0"])
        host.run(["ip", "addr", "add", "198.51.100.9/32", "dev", "lo"])
        host.run(["ip", "link", "set", "up0", "up"])
        neighbour.run(["ip", "link", "set", "down0", "up"])
        host.run(["ip", "route", "add", "default", "via", "192.0.2.1"])

        async def body() -> None:
            network = HostNetwork(NetworkSettings(), tmp_path / "network.json")
            assert (await network.prepare()).node_address == "192.0.2.2"
            assert "10.244.0.1/32" not in rules_and_routes(host)["addresses"]
            await network.teardown()

        run_inside(host, body)


def test_what_somebody_takes_away_comes_back(tmp_path: Path) -> None:
    with NetworkNamespace() as host:
        host.run(["ip", "addr", "add", "198.51.100.9/32", "dev", "lo"])

        async def body() -> None:
            network = HostNetwork(NetworkSettings(), tmp_path / "network.json")
            assert (await network.prepare()).node_address == "198.51.100.9"
            assert not await network.restore()
            watch = HostWatch(network)
            watch.start()
            routes, dns = "10.96.0.0/16 dev lo proto 78 src 198.51.100.9", "10.96.0.10/32"
            for command in (
                ["ip", "route", "flush", "proto", "78"],
                ["ip", "addr", "flush", "dev", "lo", "label", "lo:nsorch"],
                ["ip", "addr", "del", "198.51.100.9/32", "dev", "lo"],
            ):
                host.run(command)
                async with asyncio.timeout(20):
                    while True:
                        made = rules_and_routes(host)
                        if (
                            routes in made["routes"]
                            and "198.51.100.9/32" in made["addresses"]
                            and dns in made["addresses"]
                        ):
                            break
                        await asyncio.sleep(0.05)
            await watch.stop()
            await network.teardown()
            assert "198.51.100.9" not in rules_and_routes(host)["addresses"]

        run_inside(host, body)


def test_veths_of_pods_nobody_wants_are_swept(tmp_path: Path) -> None:
    with NetworkNamespace() as host:
        for uid in ("one", "two", "three"):
            host.run(["ip", "link", "add", host_interface(uid), "type", "veth", "peer", "name", f"peer-{uid}"])
        host.run(["ip", "link", "add", "nsv-mine", "type", "veth", "peer", "name", "other"])

        async def body() -> None:
            network = HostNetwork(NetworkSettings(), tmp_path / "network.json")
            assert await network.interfaces() == sorted(map(host_interface, ("one", "two", "three")))
            assert await network.sweep(["two"]) == sorted(map(host_interface, ("one", "three")))
            assert await network.sweep(["two"]) == []
            assert await network.interfaces() == [host_interface("two")]
            await network.teardown()
            assert await network.interfaces() == []

        run_inside(host, body)
        assert "nsv-mine" in host.run(["ip", "link"]).stdout


def test_pods_and_host_ask_the_dns_program_on_its_cluster_address(tmp_path: Path) -> None:
    web = {"metadata": {"namespace": "default", "name": "web"}, "spec": {"clusterIP": "10.96.0.50"}}
    message = DNSRecord.question("web.default.svc.cluster.local").pack()

    with NetworkNamespace() as host:

        async def asked_over_udp(origin: NetworkNamespace) -> str:
            with udp_socket(origin) as link:
                link.connect(("10.96.0.10", 53))
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(link, message)
                async with asyncio.timeout(10):
                    return str(DNSRecord.parse(await loop.sock_recv(link, 4096)).a.rdata)

        async def body() -> None:
            network = HostNetwork(NetworkSettings(), tmp_path / "network.json")
            await network.prepare()
            argv = [sys.executable, "-m", "nsorch.network.dns", "--socket", str(tmp_path / "api.sock")]
            async with TinyApi(str(tmp_path / "api.sock"), [web], [], []):
                program = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
                assert program.stderr is not None
                try:
                    async with asyncio.timeout(20):
                        while b"serving cluster.local on 10.96.0.10:53" not in (
                            line := await program.stderr.readline()
                        ):
                            assert line, "the DNS program ended"
                    with FakePod(host, "a", "10.244.0.2", "10.244.0.1") as pod:
                        for origin in (host, pod.namespace):
                            assert await asked_over_udp(origin) == "10.96.0.50"
                            _, writer = await connect(origin, "10.96.0.10", 53)
                            writer.close()
                finally:
                    program.terminate()
                    assert await program.wait() == 0
            await network.teardown()

        run_inside(host, body)
