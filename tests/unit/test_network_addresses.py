"""Settings and Pod address leases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nsorch.network.addresses import AddressesExhausted, PodAddresses, host_interface, plan_network
from nsorch.network.settings import NetworkSettings
from nsorch.resources.pod import Pod
from nsorch.store.leases import Leases
from nsorch.store.store import Store
from nsorch.supervisor.plan import Network

TINY = NetworkSettings(pod_cidr="10.244.0.0/29", node_address="10.244.0.1")


class Book:
    """Leases in memory."""

    def __init__(self) -> None:
        self.pools: dict[str, dict[str, str]] = {}

    def claim(self, pool: str, key: str, candidates: Iterable[str]) -> tuple[str, None]:
        held = self.pools.setdefault(pool, {})
        if key not in held:
            for value in candidates:
                if value not in held.values():
                    held[key] = value
                    break
            else:
                raise RuntimeError("all taken")
        return held[key], None

    async def release(self, pool: str, key: str) -> None:
        self.pools.get(pool, {}).pop(key, None)

    def all(self, pool: str) -> Mapping[str, str]:
        return self.pools.get(pool, {})


def test_addresses_skip_gateway_and_broadcast_and_rest_before_reuse() -> None:
    async def body() -> None:
        book = Book()
        addresses = PodAddresses(book, TINY)
        assert addresses.capacity == 5
        given = [await addresses.lease(f"pod-{n}") for n in range(4)]
        assert given == ["10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.5"]
        assert await addresses.lease("pod-0") == "10.244.0.2"
        await addresses.release("pod-0")
        await addresses.release("pod-1")
        assert addresses.of("pod-0") is None
        assert await addresses.lease("pod-4") == "10.244.0.6"
        assert await addresses.lease("pod-5") == "10.244.0.2"
        again = PodAddresses(book, TINY)
        assert again.all() == addresses.all()
        assert await again.lease("pod-4") == "10.244.0.6"
        assert await again.lease("pod-6") == "10.244.0.3"
        with pytest.raises(AddressesExhausted, match=r"all 5 of 10\.244\.0\.0/29 are in use"):
            await again.lease("pod-7")

    asyncio.run(body())


def test_the_interface_of_a_pod_follows_from_its_uid() -> None:
    name = host_interface("0b6ee0ad-1111-2222-3333-444455556666")
    assert name == host_interface("0b6ee0ad-1111-2222-3333-444455556666")
    assert len(name) == 15
    assert name != host_interface("0b6ee0ad-1111-2222-3333-444455556667")


def test_the_network_part_of_a_plan() -> None:
    def pod(**spec: Any) -> Pod:
        return Pod.from_dict({"metadata": {"name": "a", "uid": "u"}, "spec": {"containers": [], **spec}})

    made = plan_network(
        pod(securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]}), "10.244.0.2", TINY
    )
    assert made == Network(
        address="10.244.0.2",
        host_interface=host_interface("u"),
        node_address="10.244.0.1",
        sysctls=(("net.core.somaxconn", "1024"),),
    )
    assert plan_network(pod(hostNetwork=True), "", TINY).host


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pod_cidr": "10.96.0.0/12"}, "overlap"),
        ({"pod_cidr": "10.244.0.0/30"}, "too few"),
        ({"pod_cidr": "10.244.0.1/16"}, "host bits"),
        ({"service_cidr": "ten"}, "ten"),
        ({"dns_address": "10.97.0.10"}, "must lie in"),
        ({"node_address": "127.0.0.1"}, "unicast"),
        ({"node_port_first": 5, "node_port_last": 4}, "not a range"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkSettings(**values)


def test_leases_in_the_real_store_survive_it(tmp_path: Path) -> None:
    async def body() -> None:
        store = Store.open(tmp_path / "nsorch.db")
        addresses = PodAddresses(Leases(store), TINY)
        given = await asyncio.gather(*(addresses.lease(f"pod-{n}") for n in range(5)))
        assert len(set(given)) == 5
        with pytest.raises(AddressesExhausted):
            await addresses.lease("pod-5")
        await addresses.release("pod-2")
        store.close()
        store = Store.open(tmp_path / "nsorch.db")
        again = PodAddresses(Leases(store), TINY)
        assert await again.lease("pod-4") == given[4]
        assert await again.lease("pod-6") == given[2]
        store.close()

    asyncio.run(body())
