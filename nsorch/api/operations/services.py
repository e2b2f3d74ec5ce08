"""Addresses and node ports of Services: given, checked for clashes, taken back.

What is taken is remembered from the moment a write is decided and corrected when its outcome is durable, so that two
Services created in the same instant never get the same address. Addresses: the lower part of the range is left to
those who name one, the rest is handed out in turn (KEP-3070), so that a freed one is not reused at once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from nsorch.api import failures
from nsorch.api.settings import ApiSettings
from nsorch.resources.registry import Cause, Kind
from nsorch.resources.service import Service
from nsorch.store import Change, Store

Holder = tuple[str, str]
"""Namespace and name of a Service."""

API_SERVICE: Holder = ("default", "kubernetes")
DNS_SERVICE: Holder = ("kube-system", "kube-dns")


class ServiceAllocator:
    """Hands out ClusterIPs and node ports."""

    def __init__(self, store: Store, settings: ApiSettings) -> None:
        self._store = store
        self._network = ipaddress.IPv4Network(settings.service_cidr)
        self._first, self._last = settings.nodeport_first, settings.nodeport_last
        self._reserved = {
            str(self._network.network_address + 1): API_SERVICE,
            settings.dns_address: DNS_SERVICE,
        }
        size = self._network.num_addresses
        self._static = min(max(16, size // 16), 256)
        self._next_address = self._static
        self._next_port = self._first
        self._addresses: dict[str, Holder] = {}
        self._ports: dict[int, Holder] = {}
        self._held: dict[Holder, tuple[set[str], set[int]]] = {}
        for record in store.list("services"):
            self._settle((record.namespace, record.name))
        self._unsubscribe = store.subscribe("services", self._changed)

    def close(self) -> None:
        self._unsubscribe()

    # What is taken.

    def _changed(self, change: Change) -> None:
        self._settle((change.record.namespace, change.record.name))

    def settle_after(self, future: Any) -> None:
        """A write has ended: if it failed, what was reserved for it is free again."""
        if future.cancelled() or future.exception() is not None:
            for holder in list(self._held):
                self._settle(holder)

    def _settle(self, holder: Holder) -> None:
        """Hold exactly what the durable and the latest state of the Service have."""
        addresses: set[str] = set()
        ports: set[int] = set()
        for record in (self._store.get("services", *holder), self._store.latest("services", *holder)):
            if record is not None and isinstance(record.obj, Service):
                addresses |= set(_addresses(record.obj))
                ports |= set(_ports(record.obj))
        before = self._held.pop(holder, (set(), set()))
        for address in before[0] - addresses:
            self._addresses.pop(address, None)
        for port in before[1] - ports:
            self._ports.pop(port, None)
        self._hold(holder, addresses, ports)

    def _hold(self, holder: Holder, addresses: Iterable[str], ports: Iterable[int]) -> None:
        held = self._held.setdefault(holder, (set(), set()))
        for address in addresses:
            self._addresses[address] = holder
            held[0].add(address)
        for port in ports:
            self._ports[port] = holder
            held[1].add(port)
        if not held[0] and not held[1]:
            del self._held[holder]

    # Giving.

    def allocate(self, kind: Kind[Any], new: Service, old: Service | None, *, dry_run: bool) -> None:
        """Fill in and reserve address and node ports; Failure 422 if one asked for cannot be had."""
        holder = (new.namespace or "", new.name)
        causes: list[Cause] = []
        address = self._allocate_address(holder, new, causes)
        ports = self._allocate_ports(holder, new, causes)
        if causes:
            raise failures.invalid(kind, new.name, causes)
        if not dry_run:
            self._hold(holder, [address] if address else [], ports)

    def _allocate_address(self, holder: Holder, service: Service, causes: list[Cause]) -> str:
        spec = service.spec
        if spec.type == "ExternalName":
            return ""
        spec.ipFamilies = spec.ipFamilies or ["IPv4"]
        spec.ipFamilyPolicy = spec.ipFamilyPolicy or "SingleStack"
        asked = spec.clusterIP or (spec.clusterIPs[0] if spec.clusterIPs else "")
        if asked == "None":
            spec.clusterIP, spec.clusterIPs = "None", ["None"]
            return ""
        if asked:
            why = self._why_not(asked, holder)
            if why:
                causes.append(
                    Cause(
                        "FieldValueInvalid",
                        "spec.clusterIPs",
                        f'Invalid value: ["{asked}"]: failed to allocate IP {asked}: {why}',
                    )
                )
                return ""
        else:
            asked = self._free_address()
            if not asked:
                causes.append(
                    Cause(
                        "FieldValueInvalid",
                        "spec.clusterIPs",
                        "Invalid value: []: failed to allocate IP: range is full",
                    )
                )
                return ""
        spec.clusterIP, spec.clusterIPs = asked, [asked]
        return asked

    def _why_not(self, address: str, holder: Holder) -> str:
        try:
            inside = ipaddress.IPv4Address(address) in self._network
        except ValueError:
            return "must be a valid IP address, (e.g. 10.9.8.7)"
        if not inside or address in (str(self._network.network_address), str(self._network.broadcast_address)):
            return f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {self._network}"
        if self._addresses.get(address, holder) != holder or self._reserved.get(address, holder) != holder:
            return "provided IP is already allocated"
        return ""

    def _free_address(self) -> str:
        size = self._network.num_addresses
        # In turn through the upper part, then whatever is left below.
        upper = range(self._static, size - 1)
        start = self._next_address - self._static
        for step in range(len(upper)):
            offset = upper[(start + step) % len(upper)]
            address = str(self._network.network_address + offset)
            if address not in self._addresses and address not in self._reserved:
                self._next_address = offset + 1 if offset + 1 < size - 1 else self._static
                return address
        for offset in range(1, min(self._static, size - 1)):
            address = str(self._network.network_address + offset)
            if address not in self._addresses and address not in self._reserved:
                return address
        return ""

    def _allocate_ports(self, holder: Holder, service: Service, causes: list[Cause]) -> list[int]:
        if not _wants_ports(service):
            return []
        taken: set[int] = set()
        used: set[tuple[int, str | None]] = set()
        for number, port in enumerate(service.spec.ports or ()):
            if not port.nodePort:
                continue
            field = f"spec.ports[{number}].nodePort"
            value = f"Invalid value: {port.nodePort}"
            if not self._first <= port.nodePort <= self._last:
                why = f"provided port is not in the valid range. The range of valid ports is {self._first}-{self._last}"
                causes.append(Cause("FieldValueInvalid", field, f"{value}: {why}"))
            elif self._ports.get(port.nodePort, holder) != holder:
                causes.append(Cause("FieldValueInvalid", field, f"{value}: provided port is already allocated"))
            elif (port.nodePort, port.protocol) in used:
                causes.append(Cause("FieldValueDuplicate", field, f"Duplicate value: {port.nodePort}"))
            taken.add(port.nodePort)
            used.add((port.nodePort, port.protocol))
        for number, port in enumerate(service.spec.ports or ()):
            if not port.nodePort:
                port.nodePort = self._free_port(taken)
                if not port.nodePort:
                    why = "failed to allocate a nodePort: range is full"
                    causes.append(Cause("InternalError", f"spec.ports[{number}].nodePort", why))
                else:
                    taken.add(port.nodePort)
        return sorted(taken)

    def _free_port(self, taken: set[int]) -> int:
        count = self._last - self._first + 1
        for step in range(count):
            port = self._first + (self._next_port - self._first + step) % count
            if port not in self._ports and port not in taken:
                self._next_port = port + 1
                return port
        return 0


def _wants_ports(service: Service) -> bool:
    spec = service.spec
    return spec.type == "NodePort" or (spec.type == "LoadBalancer" and spec.allocateLoadBalancerNodePorts is not False)


def _addresses(service: Service) -> list[str]:
    return [address for address in service.spec.clusterIPs or () if address and address != "None"]


def _ports(service: Service) -> list[int]:
    return [port.nodePort for port in service.spec.ports or () if port.nodePort]
