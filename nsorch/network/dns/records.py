"""What names below the cluster domain mean.

The Kubernetes DNS specification (github.com/kubernetes/dns, docs/specification.md, schema 1.1.0), and where it is silent
what CoreDNS answers. Only what is needed to answer is kept of each object.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

SCHEMA = "1.1.0"
TTL = 5
"""Seconds; CoreDNS's default for cluster names."""
SERVICE_NAME = "kubernetes.io/service-name"

Key = tuple[str, str]
"""(namespace, name)."""


@dataclass(frozen=True, slots=True)
class Port:
    name: str
    protocol: str
    """tcp, udp or sctp."""
    number: int


@dataclass(frozen=True, slots=True)
class Member:
    """One ready address of a Service."""

    hostname: str
    """The endpoint's hostname, or its address with dashes."""
    address: str
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What DNS says of one Service. Exactly one of address, ``headless`` and ``alias``."""

    address: str = ""
    headless: bool = False
    alias: str = ""
    """Target of an ExternalName Service."""
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True)
class Srv:
    port: int
    target: str


@dataclass(slots=True)
class Answer:
    """The meaning of one name, all types at once. ``exists`` False: NXDOMAIN; no records of a type: NODATA."""

    exists: bool = False
    addresses: list[str] = field(default_factory=list)
    services: list[Srv] = field(default_factory=list)
    glue: dict[str, list[str]] = field(default_factory=dict)
    """Addresses of the SRV targets."""
    alias: str = ""
    pointers: list[str] = field(default_factory=list)
    text: str = ""


class Names:
    """Everything the cluster's names mean now; fed with JSON objects as the API serves them."""

    def __init__(self, domain: str, dns_address: str, *, networks: Iterable[str] = ()) -> None:
        """``networks``: CIDRs of Pods and Services, whose unknown addresses have no name instead of being asked for
        upstream."""
        self._networks = tuple(IPv4Network(text) for text in networks)
        self.domain = domain.strip(".").lower()
        self.dns_address = dns_address
        self._namespaces: set[str] = set()
        self._services: dict[Key, ServiceEntry] = {}
        self._slices: dict[Key, tuple[Key, tuple[Member, ...]]] = {}
        self._members: dict[Key, dict[str, tuple[Member, ...]]] = {}
        self._reverse_services: dict[str, set[Key]] = {}

    # Feeding

    def put(self, kind: str, obj: dict[str, Any]) -> None:
        """Learn of an object; ``kind``: services, endpointslices or namespaces."""
        key = key_of(obj)
        self.remove(kind, key)
        if kind == "namespaces":
            self._namespaces.add(key[1])
        elif kind == "services":
            entry = service_entry(obj)
            if entry is not None:
                self._services[key] = entry
                if entry.address:
                    self._reverse_services.setdefault(entry.address, set()).add(key)
        elif kind == "endpointslices" and obj.get("addressType") == "IPv4":
            name = (obj["metadata"].get("labels") or {}).get(SERVICE_NAME)
            if name:
                service = (key[0], name)
                members = tuple(slice_members(obj))
                self._slices[key] = (service, members)
                self._members.setdefault(service, {})[key[1]] = members

    def remove(self, kind: str, key: Key) -> None:
        """Forget an object; nothing happens if it was not known."""
        if kind == "namespaces":
            self._namespaces.discard(key[1])
        elif kind == "services":
            entry = self._services.pop(key, None)
            if entry is not None and entry.address:
                holders = self._reverse_services[entry.address]
                holders.discard(key)
                if not holders:
                    del self._reverse_services[entry.address]
        elif kind == "endpointslices":
            known = self._slices.pop(key, None)
            if known is not None:
                pieces = self._members[known[0]]
                pieces.pop(key[1], None)
                if not pieces:
                    del self._members[known[0]]

    def replace(self, kind: str, objects: Iterable[dict[str, Any]]) -> None:
        """The complete list of a kind, after a fresh list."""
        listed = {key_of(obj): obj for obj in objects}
        known: Iterable[Key] = {
            "namespaces": [("", name) for name in self._namespaces],
            "services": list(self._services),
            "endpointslices": list(self._slices),
        }[kind]
        for key in known:
            if key not in listed:
                self.remove(kind, key)
        for obj in listed.values():
            self.put(kind, obj)

    # Asking

    def look_up(self, name: str) -> Answer | None:
        """The meaning of ``name`` (any case, final dot allowed); None: not ours, ask upstream."""
        labels = name.rstrip(".").lower().split(".")
        if labels[-2:] == ["in-addr", "arpa"]:
            return self._reverse(labels[:-2])
        zone = self.domain.split(".")
        if labels[-len(zone) :] != zone:
            return None
        match labels[: -len(zone)]:
            case [] | ["svc"] | ["pod"] | ["dns"]:
                return Answer(exists=True)
            case ["dns-version"]:
                return Answer(exists=True, text=SCHEMA)
            case ["ns", "dns"]:
                return Answer(exists=True, addresses=[self.dns_address])
            case [*rest, namespace, "svc"]:
                return self._service(rest, namespace)
            case [*rest, namespace, "pod"]:
                return self._pod(rest, namespace)
        return Answer()

    def _service(self, rest: list[str], namespace: str) -> Answer:
        if not rest:
            return Answer(exists=namespace in self._namespaces)
        *front, name = rest
        key = (namespace, name)
        entry = self._services.get(key)
        if entry is None:
            return Answer()
        if not front:
            return self._whole_service(key, entry)
        if entry.alias:
            return Answer()
        if len(front) == 1:
            label = front[0]
            if label.startswith("_"):
                return Answer(exists=any(f"_{port.protocol}" == label for port in self._all_ports(key, entry)))
            addresses = [member.address for member in self._list(key) if member.hostname == label]
            return Answer(exists=bool(addresses), addresses=shuffled(set(addresses)))
        if len(front) == 2 and front[0].startswith("_") and front[1].startswith("_"):
            answer = self._srv(key, entry, front[0][1:], front[1][1:])
            answer.exists = bool(answer.services)
            return answer
        return Answer()

    def _whole_service(self, key: Key, entry: ServiceEntry) -> Answer:
        if entry.alias:
            return Answer(exists=True, alias=entry.alias)
        answer = self._srv(key, entry, None, None)
        answer.exists = True
        answer.addresses = [entry.address] if entry.address else shuffled({m.address for m in self._list(key)})
        return answer

    def _srv(self, key: Key, entry: ServiceEntry, port: str | None, protocol: str | None) -> Answer:
        """SRV records of named ports; with None, of all of them."""
        answer = Answer()
        base = f"{key[1]}.{key[0]}.svc.{self.domain}"

        def wanted(item: Port) -> bool:
            named = item.name != "" if port is None else item.name == port
            return named and (protocol is None or item.protocol == protocol)

        if entry.address:
            answer.services = [Srv(item.number, base) for item in entry.ports if wanted(item)]
            if answer.services:
                answer.glue[base] = [entry.address]
            return answer
        for member in self._list(key):
            target = f"{member.hostname}.{base}"
            for item in member.ports:
                if wanted(item):
                    answer.services.append(Srv(item.number, target))
                    addresses = answer.glue.setdefault(target, [])
                    if member.address not in addresses:
                        addresses.append(member.address)
        return answer

    def _all_ports(self, key: Key, entry: ServiceEntry) -> Iterator[Port]:
        yield from entry.ports
        for member in self._list(key):
            yield from member.ports

    def _pod(self, rest: list[str], namespace: str) -> Answer:
        """``10-244-0-5.NAMESPACE.pod``: the address itself, whether or not a Pod has it (CoreDNS: pods insecure)."""
        if namespace not in self._namespaces:
            return Answer()
        if not rest:
            return Answer(exists=True)
        if len(rest) == 1:
            try:
                return Answer(exists=True, addresses=[str(IPv4Address(rest[0].replace("-", ".")))])
            except AddressValueError:
                pass
        return Answer()

    def _reverse(self, labels: list[str]) -> Answer | None:
        address = ".".join(reversed(labels))
        pointers = [f"{name}.{space}.svc.{self.domain}" for space, name in self._reverse_services.get(address, ())]
        if not pointers:
            pointers = [
                f"{member.hostname}.{name}.{space}.svc.{self.domain}"
                for (space, name), members in self._slices.values()
                for member in members
                if member.address == address
            ]
        if pointers:
            return Answer(exists=True, pointers=sorted(set(pointers)))
        try:
            ours = any(IPv4Address(address) in network for network in self._networks)
        except AddressValueError:
            return None
        return Answer() if ours else None

    def _list(self, key: Key) -> list[Member]:
        return [member for members in self._members.get(key, {}).values() for member in members]


def key_of(obj: dict[str, Any]) -> Key:
    """(namespace, name) of a JSON object; namespace "" where cluster-scoped."""
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def service_entry(obj: dict[str, Any]) -> ServiceEntry | None:
    """None for a Service that has no address yet."""
    spec = obj.get("spec") or {}
    if spec.get("type") == "ExternalName":
        alias = str(spec.get("externalName") or "").rstrip(".")
        return ServiceEntry(alias=alias) if alias else None
    ports = tuple(
        Port(port.get("name") or "", str(port.get("protocol") or "TCP").lower(), port["port"])
        for port in spec.get("ports") or ()
    )
    address = spec.get("clusterIP") or ""
    if address == "None":
        return ServiceEntry(headless=True, ports=ports)
    try:
        return ServiceEntry(address=str(IPv4Address(address)), ports=ports)
    except AddressValueError:
        return None


def slice_members(obj: dict[str, Any]) -> Iterator[Member]:
    """The ready endpoints of an EndpointSlice (publishNotReadyAddresses: its controller calls all of them ready)."""
    ports = tuple(
        Port(port.get("name") or "", str(port.get("protocol") or "TCP").lower(), port["port"])
        for port in obj.get("ports") or ()
        if port.get("port")
    )
    for endpoint in obj.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready") is False:
            continue
        for address in endpoint.get("addresses") or ():
            yield Member((endpoint.get("hostname") or address.replace(".", "-")).lower(), address, ports)


def shuffled(addresses: Iterable[str]) -> list[str]:
    """In random order: clients that take the first one spread."""
    listed = sorted(addresses)
    random.shuffle(listed)
    return listed
