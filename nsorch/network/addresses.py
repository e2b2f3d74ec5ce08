"""Pod addresses as durable leases, and the names derived from a Pod's uid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Protocol

from nsorch.network.settings import NetworkSettings
from nsorch.supervisor.plan import Network

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from nsorch.resources.pod import Pod

POOL = "pod-ip"
INTERFACE_PREFIX = "nsv"
"""Every host-side veth of nsorch begins so; with 12 hex digits it fills the kernel's 15 characters."""


class LeaseBook(Protocol):
    """What is needed of ``nsorch.store.leases.Leases``."""

    def claim(self, pool: str, key: str, candidates: Iterable[str]) -> tuple[str, Awaitable[None] | None]: ...

    async def release(self, pool: str, key: str) -> object: ...

    def all(self, pool: str) -> Mapping[str, str]: ...


class AddressesExhausted(Exception):
    """No free Pod address is left."""


def host_interface(uid: str) -> str:
    """Name of the host's end of the veth of Pod ``uid``: stable, at most 15 characters."""
    return INTERFACE_PREFIX + hashlib.sha256(uid.encode()).hexdigest()[:12]


def is_host_interface(name: str) -> bool:
    """Whether an interface with this name is the host's end of some Pod's veth."""
    return name.startswith(INTERFACE_PREFIX) and len(name) == len(INTERFACE_PREFIX) + 12


class PodAddresses:
    """Hands out Pod addresses; a Pod keeps its own until ``release``, over restarts of daemon and host.

    The range is walked in a circle, so that an address rests as long as possible before another Pod gets it: clients
    that still hold the old address (open connections, DNS caches) then fail instead of reaching a stranger.
    """

    def __init__(self, leases: LeaseBook, settings: NetworkSettings) -> None:
        self._leases = leases
        self._settings = settings
        network = settings.pods
        self._first = int(network[2])  # [0] names the network, [1] is the gateway
        self._last = int(network[-2])  # [-1] is the broadcast address
        taken = [int(IPv4Address(address)) for address in leases.all(POOL).values()]
        self._next = max((value for value in taken if self._first <= value <= self._last), default=self._first - 1) + 1

    @property
    def capacity(self) -> int:
        """How many Pods can have an address."""
        return self._last - self._first + 1

    async def lease(self, uid: str) -> str:
        """The address of Pod ``uid``: the one it has, else a new one. AddressesExhausted when the range is full."""
        address, durable = self.claim(uid)
        if durable is not None:
            await durable
        return address

    def claim(self, uid: str) -> tuple[str, Awaitable[None] | None]:
        """As ``lease``, but the address may be used only when the second part, if there is one, has been awaited."""
        known = self.of(uid)
        if known is not None:
            return known, None
        taken = set(self._leases.all(POOL).values())
        try:
            address, durable = self._leases.claim(POOL, uid, self._candidates(taken))
        except Exception as error:
            if len(self._leases.all(POOL)) >= self.capacity:
                raise AddressesExhausted(
                    f"cannot give Pod {uid} an address: all {self.capacity} of {self._settings.pod_cidr} are in use; "
                    "delete Pods or choose a larger pod_cidr"
                ) from error
            raise
        following = int(IPv4Address(address)) + 1
        self._next = following if self._first <= following <= self._last else self._first
        return address, durable

    def of(self, uid: str) -> str | None:
        """The address Pod ``uid`` has now."""
        return self._leases.all(POOL).get(uid)

    def all(self) -> Mapping[str, str]:
        """Every lease: Pod uid -> address."""
        return self._leases.all(POOL)

    async def release(self, uid: str) -> None:
        """Give the address of Pod ``uid`` back; nothing happens if it has none."""
        await self._leases.release(POOL, uid)

    def _candidates(self, taken: set[str]) -> Iterator[str]:
        start = self._next if self._first <= self._next <= self._last else self._first
        skip = {self._settings.node_address, self._settings.dns_address} | taken
        for run in (range(start, self._last + 1), range(self._first, start)):
            for value in run:
                address = str(IPv4Address(value))
                if address not in skip:
                    yield address


def plan_network(pod: Pod, address: str, settings: NetworkSettings) -> Network:
    """The network part of a Pod's plan; ``address`` is its lease (ignored with hostNetwork).

    ``settings`` must be the resolved ones, as ``HostNetwork.prepare()`` returns them."""
    spec = pod.spec
    if spec.hostNetwork:
        return Network(host=True, address=settings.node_address, node_address=settings.node_address)
    context = spec.securityContext
    return Network(
        address=address,
        host_interface=host_interface(pod.uid),
        node_address=settings.node_address,
        sysctls=tuple((item.name, item.value) for item in (context.sysctls if context else None) or ()),
    )
