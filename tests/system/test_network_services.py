"""Service rules in a real kernel: a private namespace as host, further ones as Pods, real connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from nsorch.network.host import HostNetwork
from nsorch.network.proxy import ServiceProxy
from nsorch.network.rules.iptables import IptablesWriter
from nsorch.network.settings import NetworkSettings
from tests.support.netns import NetworkNamespace
from tests.support.pods import (
    FakePod,
    MemoryObjects,
    ask_tcp,
    ask_udp,
    connect,
    rules_and_routes,
    run_inside,
    udp_socket,
)
from tests.support.service_objects import dying, endpoint_slice, service

VIP = "10.96.0.50"
NODE = "10.244.0.1"
POD = {"a": "10.244.0.2", "b": "10.244.0.3", "c": "10.244.0.4"}


class Cluster:
    """What a scenario works with."""

    def __init__(self, host: NetworkNamespace, settings: NetworkSettings) -> None:
        self.host = host
        self.objects = MemoryObjects()
        self.proxy = ServiceProxy(self.objects, settings)  # type: ignore[arg-type]
        self.pods: dict[str, FakePod] = {}

    async def put(self, *objects: Any) -> None:
        for obj in objects:
            self.objects.put(obj)
        assert await self.proxy.applied(20)

    async def names(self, origin: NetworkNamespace, address: str, port: int, times: int) -> Counter[str]:
        return Counter([(await ask_tcp(origin, address, port))[0] for _ in range(times)])


@asynccontextmanager
async def cluster(host: NetworkNamespace, folder: Path, pods: str = "ab") -> AsyncIterator[Cluster]:
    network = HostNetwork(NetworkSettings(), folder / "network.json")
    settings = await network.prepare()
    made = Cluster(host, settings)
    try:
        for name in pods:
            pod = FakePod(host, name, POD[name], settings.node_address)
            made.pods[name] = pod.__enter__()
            await pod.serve_tcp(8080)
            await pod.serve_udp(5353)
        made.proxy.start()
        assert await made.proxy.applied(20)
        yield made
    finally:
        await made.proxy.teardown()
        for pod in made.pods.values():
            pod.__exit__(None, None, None)
        await network.teardown()


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., None]:
    """Runs ``work(cluster)`` in a fresh host and checks that nothing of it remains."""

    def run(work: Callable[[Cluster], Coroutine[Any, Any, None]], pods: str = "ab") -> None:
        with NetworkNamespace() as host:
            before = rules_and_routes(host)

            async def body() -> None:
                async with cluster(host, tmp_path, pods) as made:
                    await work(made)

            run_inside(host, body)
            assert rules_and_routes(host) == before
            assert not (tmp_path / "network.json").exists()

    return run


def test_cluster_ip_spreads_over_endpoints_for_host_and_pods(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice(list(POD.values())))
        for origin in (it.host, it.pods["a"].namespace):
            seen = await it.names(origin, VIP, 80, 40)
            assert seen.total() == 40
            assert set(seen) == {"a", "b", "c"}

    scenario(work, "abc")


def test_pod_reaching_itself_is_masqueraded_and_others_keep_their_address(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"]]))
        assert await ask_tcp(it.pods["a"].namespace, VIP, 80) == ("a", NODE)
        assert await ask_tcp(it.pods["b"].namespace, VIP, 80) == ("a", POD["b"])
        assert await ask_tcp(it.host, VIP, 80) == ("a", NODE)

    scenario(work)


def test_client_ip_affinity_sticks_and_moves_on_when_the_target_goes(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        affinity: Any = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 600}}}
        await it.put(service(**affinity), endpoint_slice(list(POD.values())))
        for origin in (it.host, it.pods["b"].namespace):
            assert len(await it.names(origin, VIP, 80, 15)) == 1
        (stuck,) = await it.names(it.host, VIP, 80, 1)
        rest = [address for name, address in POD.items() if name != stuck]
        await it.put(endpoint_slice(rest))
        seen = await it.names(it.host, VIP, 80, 10)
        assert len(seen) == 1
        assert stuck not in seen

    scenario(work, "abc")


def test_without_endpoints_connections_are_refused_at_once(scenario: Callable[..., None]) -> None:
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]
    udp = [{"port": 53, "nodePort": 30053, "protocol": "UDP"}]

    async def work(it: Cluster) -> None:
        await it.put(
            service(ports=ports, type="NodePort", externalIPs=["192.0.2.9"]),
            endpoint_slice([]),
            service("dns", "10.96.0.51", udp, type="NodePort"),
        )
        pod = it.pods["a"].namespace
        it.host.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"])
        for origin, address, port in (
            (it.host, VIP, 80),
            (pod, VIP, 80),
            (pod, VIP, 81),
            (pod, "10.96.200.200", 80),
            (it.host, "10.96.200.200", 80),
            (pod, NODE, 30080),
            (pod, "192.0.2.9", 80),
            (it.host, "127.0.0.1", 30080),
        ):
            with pytest.raises(ConnectionRefusedError):
                await connect(origin, address, port, timeout=3)
        for origin in (it.host, pod):
            for address, port in (("10.96.0.51", 53), (NODE, 30053)):
                # The host's own send(2) fails with EPERM, a Pod gets an ICMP message.
                with closing(udp_socket(origin)) as made, pytest.raises((ConnectionRefusedError, PermissionError)):
                    await ask_udp(made, address, port)
        it.host.run(["ip", "route", "del", "192.0.2.0/24", "dev", "lo"])

    scenario(work)


def test_node_port_on_every_address_of_the_host(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]
        await it.put(service(ports=ports, type="NodePort"), endpoint_slice([POD["a"]]))
        assert await ask_tcp(it.host, "127.0.0.1", 30080) == ("a", NODE)
        assert await ask_tcp(it.host, NODE, 30080) == ("a", NODE)
        assert await ask_tcp(it.pods["b"].namespace, NODE, 30080) == ("a", POD["b"])
        assert await ask_tcp(it.pods["a"].namespace, NODE, 30080) == ("a", NODE)
        with pytest.raises(ConnectionRefusedError):
            await connect(it.host, VIP, 30080, timeout=3)

    scenario(work)


def test_external_and_balancer_addresses(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(
            service(
                externalIPs=["192.0.2.7"],
                type="LoadBalancer",
                loadBalancerSourceRanges=[POD["a"] + "/32"],
                status={"loadBalancer": {"ingress": [{"ip": "192.0.2.8"}]}},
            ),
            endpoint_slice([POD["b"]]),
        )
        assert await ask_tcp(it.pods["a"].namespace, "192.0.2.7", 80) == ("b", POD["a"])
        assert await ask_tcp(it.pods["a"].namespace, "192.0.2.8", 80) == ("b", POD["a"])
        it.host.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"])
        with pytest.raises(TimeoutError):
            await connect(it.pods["b"].namespace, "192.0.2.8", 80, timeout=0.3)
        it.host.run(["ip", "route", "del", "192.0.2.0/24", "dev", "lo"])

    scenario(work)


def test_a_udp_client_with_a_fixed_port_follows_the_endpoints(scenario: Callable[..., None]) -> None:
    ports = [{"name": "dns", "port": 53, "nodePort": 30053, "protocol": "UDP", "targetPort": 5353}]
    to = [{"name": "dns", "port": 5353, "protocol": "UDP"}]

    async def work(it: Cluster) -> None:
        await it.put(service(ports=ports, type="NodePort"), endpoint_slice([POD["a"]], to))
        clients = [(it.host, VIP, 53), (it.pods["b"].namespace, VIP, 53), (it.host, NODE, 30053)]
        sockets = [udp_socket(origin) for origin, _, _ in clients]
        with closing(sockets[0]), closing(sockets[1]), closing(sockets[2]):
            for name in ("a", "b", "a"):
                await it.put(endpoint_slice([POD[name]], to))
                for made, (_, address, port) in zip(sockets, clients, strict=True):
                    assert (await ask_udp(made, address, port))[0] == name
            await it.put(endpoint_slice([], to))
            with pytest.raises(ConnectionRefusedError):
                await ask_udp(sockets[1], VIP, 53)

    scenario(work)


def test_named_ports_lead_to_each_slice_own_number(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.pods["b"].serve_tcp(9090)
        ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "other", "port": 81, "protocol": "TCP"}]
        await it.put(
            service(ports=ports),
            endpoint_slice([POD["a"]], [{"name": "http", "port": 8080, "protocol": "TCP"}], name="web-1"),
            endpoint_slice([POD["b"]], [{"name": "http", "port": 9090, "protocol": "TCP"}], name="web-2"),
        )
        assert set(await it.names(it.host, VIP, 80, 30)) == {"a", "b"}
        with pytest.raises(ConnectionRefusedError):
            await connect(it.host, VIP, 81, timeout=3)

    scenario(work)


def test_an_established_connection_to_a_terminating_pod_goes_on_and_new_ones_go_elsewhere(
    scenario: Callable[..., None],
) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"]]))
        reader, writer = await connect(it.pods["b"].namespace, VIP, 80)
        assert (await reader.readline()).startswith(b"a ")
        it.objects.put(endpoint_slice([dying(POD["a"]), POD["b"]]))
        assert await it.proxy.without(POD["a"], 20)
        assert set(await it.names(it.host, VIP, 80, 15)) == {"b"}
        writer.write(b"still there?\n")
        assert await reader.readline() == b"a still there?\n"
        it.objects.put(endpoint_slice([dying(POD["a"]), dying(POD["b"], serving=False)]))
        assert await it.proxy.without(POD["b"], 20)
        assert await it.proxy.without(POD["a"], 20), "the last hope must not be waited for"
        assert set(await it.names(it.host, VIP, 80, 5)) == {"a"}
        writer.close()

    scenario(work)


def test_no_connection_fails_while_endpoints_churn(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"], POD["b"]]))
        seen: Counter[str] = Counter()
        enough = asyncio.Event()

        async def load(origin: NetworkNamespace) -> None:
            while not enough.is_set():
                seen[(await ask_tcp(origin, VIP, 80))[0]] += 1

        clients = [asyncio.create_task(load(origin)) for origin in (it.host, it.pods["c"].namespace)]
        for _ in range(10):
            for chosen in ("bc", "ca", "ab"):
                await it.put(endpoint_slice([POD[name] for name in chosen]))
        enough.set()
        await asyncio.gather(*clients)
        assert set(seen) == {"a", "b", "c"}

    scenario(work, "abc")


def test_rules_somebody_wiped_come_back(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"]]))

        async def healed() -> None:
            while True:
                try:
                    await ask_tcp(it.pods["b"].namespace, VIP, 80)
                    return
                except OSError:
                    await asyncio.sleep(0.02)

        for command in (
            ["iptables", "-t", "nat", "-F"],
            ["iptables", "-t", "nat", "-F", "NSORCH-CLUSTER-IP"],
            ["nft", "flush", "ruleset"],
        ):
            it.host.run(command)
            with pytest.raises((OSError, TimeoutError)):
                await connect(it.pods["b"].namespace, VIP, 80, timeout=0.2)
            async with asyncio.timeout(20):
                await healed()
        hooks = [line for line in it.host.run(["iptables-save"]).stdout.splitlines() if "-j NSORCH-SERVICES" in line]
        assert len(hooks) == 2

    scenario(work)


def test_foreign_rules_are_left_alone_and_a_second_start_changes_nothing(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"]]))
        it.host.run(["iptables", "-N", "MINE"])
        it.host.run(["iptables", "-A", "FORWARD", "-j", "MINE"])
        saved = sorted(line for line in it.host.run(["iptables-save"]).stdout.splitlines() if line.startswith("-A"))
        await it.proxy.stop()
        second = ServiceProxy(it.objects, NetworkSettings(node_address=NODE))  # type: ignore[arg-type]
        second.start()
        assert await second.applied(20)
        after = it.host.run(["iptables-save"]).stdout.splitlines()
        assert sorted(line for line in after if line.startswith("-A")) == saved
        await second.teardown()
        assert "MINE" in it.host.run(["iptables-save"]).stdout
        it.host.run(["iptables", "-D", "FORWARD", "-j", "MINE"])
        it.host.run(["iptables", "-X", "MINE"])

    scenario(work)


def test_stale_rules_of_an_earlier_daemon_go(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"]]))
        await it.proxy.stop()
        it.proxy = ServiceProxy(MemoryObjects(), NetworkSettings(node_address=NODE))  # type: ignore[arg-type]
        it.proxy.start()
        assert await it.proxy.applied(20)
        assert "NSORCH-SVC-" not in it.host.run(["iptables-save"]).stdout
        with pytest.raises(ConnectionRefusedError):
            await connect(it.host, VIP, 80, timeout=3)

    scenario(work)


def test_neighbours_cannot_reach_loopback(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        pod = it.pods["a"].namespace
        pod.run(["sh", "-ec", "sysctl -qw net.ipv4.conf.all.route_localnet=1; ip addr del 127.0.0.1/8 dev lo"])
        pod.run(["ip", "route", "add", "127.0.0.0/8", "via", "169.254.1.1", "dev", "eth0", "src", POD["a"]])
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 7000)
        async with server:
            await connect(it.host, "127.0.0.1", 7000)
            with pytest.raises((TimeoutError, OSError)):
                await connect(pod, "127.0.0.1", 7000, timeout=0.3)

    scenario(work)


def test_services_of_the_host_itself_answer_pods_and_host(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        seen = asyncio.Queue[str]()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.put_nowait(writer.get_extra_info("peername")[0])
            writer.close()

        async with await asyncio.start_server(answer, NODE, 6443):
            await it.put(
                service("kubernetes", "10.96.0.1", 443),
                endpoint_slice([NODE], 6443, of="kubernetes", name="kubernetes"),
            )
            it.host.run(["iptables", "-P", "INPUT", "DROP"])
            it.host.run(["iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT"])
            for origin, client in ((it.pods["a"].namespace, POD["a"]), (it.host, NODE)):
                _, writer = await connect(origin, "10.96.0.1", 443)
                assert await seen.get() == client
                writer.close()
            it.host.run(["iptables", "-P", "INPUT", "ACCEPT"])
            it.host.run(["iptables", "-D", "INPUT", "-i", "lo", "-j", "ACCEPT"])

    scenario(work)


def test_one_service_the_kernel_refuses_does_not_take_the_others_with_it(
    scenario: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"]]))
        await it.put(
            service("bad", "10.96.0.60", externalIPs=["192.0.2.7"]), endpoint_slice(["0.0.0.0"], 99999, of="bad")
        )
        await it.put(service("good", "10.96.0.61"), endpoint_slice([POD["b"]], of="good"))
        assert await ask_tcp(it.host, VIP, 80) == ("a", NODE)
        assert await ask_tcp(it.host, "10.96.0.61", 80) == ("b", NODE)
        await it.put(endpoint_slice([POD["a"]], of="bad"))
        assert await ask_tcp(it.host, "10.96.0.60", 80) == ("a", NODE)

    scenario(work)
    assert caplog.text.count("Service port default/bad/tcp is left out") == 1


def test_the_legacy_iptables_do_as_well(scenario: Callable[..., None]) -> None:
    async def work(it: Cluster) -> None:
        await it.proxy.teardown()
        settings = NetworkSettings(node_address=NODE)
        writer = IptablesWriter(settings, binaries="iptables-legacy")
        it.proxy = ServiceProxy(it.objects, settings, writer=writer)  # type: ignore[arg-type]
        it.proxy.start()
        await it.put(service(), endpoint_slice([POD["a"]]))
        assert set(await it.names(it.pods["b"].namespace, VIP, 80, 5)) == {"a"}
        await it.put(endpoint_slice([POD["b"]]))
        assert set(await it.names(it.host, VIP, 80, 5)) == {"b"}
        assert writer.intact()
        it.host.run(["iptables-legacy", "-t", "nat", "-F", "NSORCH-SERVICES"])
        assert not writer.intact()
        await it.put(endpoint_slice([]))
        with pytest.raises(ConnectionRefusedError):
            await connect(it.host, VIP, 80, timeout=3)
        await it.proxy.teardown()
        assert "NSORCH" not in it.host.run(["iptables-legacy-save"]).stdout

    scenario(work)


def test_a_pod_that_stops_listening_once_it_is_out_of_the_rules_loses_no_connection(
    scenario: Callable[..., None],
) -> None:
    async def work(it: Cluster) -> None:
        await it.put(service(), endpoint_slice([POD["a"], POD["b"]]))
        answered = 0
        enough = asyncio.Event()

        async def load(origin: NetworkNamespace) -> None:
            nonlocal answered
            while not enough.is_set():
                await ask_tcp(origin, VIP, 80)
                answered += 1

        clients = [asyncio.create_task(load(origin)) for origin in (it.host, it.pods["c"].namespace, it.host)]
        for turn in range(10):
            leaving, staying = it.pods["ab"[turn % 2]], it.pods["ba"[turn % 2]]
            it.objects.put(endpoint_slice([dying(leaving.address), staying.address]))
            assert await it.proxy.without(leaving.address, 20)
            await leaving.stop_listening()
            await leaving.serve_tcp(8080)
            await it.put(endpoint_slice([leaving.address, staying.address]))
        enough.set()
        await asyncio.gather(*clients)
        assert answered

    scenario(work, "abc")
