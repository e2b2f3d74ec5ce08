"""Service rules in a real kernel: a private namespace as host, further ones as Pods, real connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from nsorch.network.host import HostNetwork
from nsorch.network.proxy import ServiceProxy
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
        await network.close()


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
