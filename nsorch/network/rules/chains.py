"""Rules -> iptables chains.

The path of a packet::

    nat PREROUTING, OUTPUT -> NSORCH-SERVICES
        to the Service CIDR        -> NSORCH-CLUSTER-IP -> NSORCH-NET-a.b.c.d -> NSORCH-SVC-x -> NSORCH-SEP-y: DNAT
        to external addresses      -> NSORCH-EXTERNAL                         -> NSORCH-SVC-x
        to an address of the host  -> NSORCH-NODEPORT                         -> NSORCH-SVC-x
    nat POSTROUTING -> NSORCH-POSTROUTING: masquerade what is marked, what comes from 127/8 and what leaves the host
    filter INPUT, FORWARD, OUTPUT -> NSORCH-INPUT, -FORWARD, -OUTPUT
        still addressed to the Service CIDR: no such Service, or no endpoint -> NSORCH-NO-SERVICE: reject
        other Service destinations without endpoints                         -> NSORCH-REJECT

Direct Pod traffic passes three rules, however many Services there are. Service addresses are spread over at most 64
NSORCH-NET chains by their leading bits, so a new connection walks a fraction of them and a new Service rewrites one.

Only a Pod that reaches itself is masqueraded (else the answer would never come back through the host); everybody else
keeps the client's address.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from nsorch.network.rules.value import PortRule, ServiceRules, Target
from nsorch.network.settings import NetworkSettings

PREFIX = "NSORCH-"
MARK = "0x2000/0x2000"
"""The bit on a packet that asks for masquerading."""
NET_BITS = 6
"""Leading host bits of the Service CIDR by which NSORCH-NET chains are told apart: 64 chains at most."""

Chains = Mapping[str, tuple[str, ...]]
"""Chain name -> its rules, without ``-A CHAIN``."""

HOOKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "nat": (
        ("PREROUTING", "NSORCH-SERVICES"),
        ("OUTPUT", "NSORCH-SERVICES"),
        ("POSTROUTING", "NSORCH-POSTROUTING"),
    ),
    "filter": (
        ("INPUT", "NSORCH-INPUT"),
        ("FORWARD", "NSORCH-FORWARD"),
        ("OUTPUT", "NSORCH-OUTPUT"),
    ),
}
"""Per table: (built-in chain, chain of ours it jumps to first)."""


def short_hash(*parts: str) -> str:
    """16 letters and digits; chain names may have 28 characters."""
    return base64.b32encode(hashlib.sha256("\0".join(parts).encode()).digest()).decode()[:16]


def service_chain(rule: PortRule) -> str:
    """Name of the chain that chooses a target of ``rule``."""
    return f"NSORCH-SVC-{short_hash(rule.key)}"


def target_chain(rule: PortRule, target: Target) -> str:
    """Name of the chain that leads to one target of ``rule``; also of its list of sticky clients."""
    return f"NSORCH-SEP-{short_hash(rule.key, str(target))}"


class Renderer:
    """Turns rule sets into chains; what did not change since the last call is not worked out again."""

    def __init__(self, settings: NetworkSettings) -> None:
        """``settings`` with ``node_address`` filled in."""
        self._settings = settings
        self._services: dict[str, tuple[PortRule, dict[str, tuple[str, ...]]]] = {}
        self._fixed_nat, self._filter_head = nat_frame(settings), filter_frame(settings)

    def render(self, rules: ServiceRules) -> dict[str, Chains]:
        """Every chain of every table."""
        nat: dict[str, tuple[str, ...]] = {}
        dispatch = Dispatch(self._settings)
        services: dict[str, tuple[PortRule, dict[str, tuple[str, ...]]]] = {}
        for key in sorted(rules.ports):
            rule = rules.ports[key]
            known = self._services.get(key)
            if known is None or (known[0] is not rule and known[0] != rule):
                known = (rule, service_chains(rule))
            services[key] = known
            nat.update(known[1])
            dispatch.add(rule)
        self._services = services
        nat.update(self._fixed_nat)
        nat.update(dispatch.nat())
        return {"filter": {**self._filter_head, "NSORCH-REJECT": tuple(dispatch.reject)}, "nat": nat}


def service_chains(rule: PortRule) -> dict[str, tuple[str, ...]]:
    """The chain of one Service port and one per target.

    Three targets are chosen with probabilities 1/3, then 1/2 of the rest, then certainly; a sticky client goes to the
    target whose list it is on, if it was seen there within the timeout.
    """
    if not rule.targets:
        return {}
    chains: dict[str, tuple[str, ...]] = {}
    sticky, spread = [], []
    count = len(rule.targets)
    for position, target in enumerate(rule.targets):
        name = target_chain(rule, target)
        remember = ""
        if rule.affinity_seconds:
            sticky.append(f"-m recent --name {name} --rcheck --seconds {rule.affinity_seconds} --reap -j {name}")
            remember = f"-m recent --name {name} --set "
        left = count - position
        chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        spread.append(f"{chance}-j {name}")
        chains[name] = (
            f"-s {target.address}/32 -j MARK --set-xmark {MARK}",
            f"-p {rule.protocol} {remember}-j DNAT --to-destination {target}",
        )
    chains[service_chain(rule)] = (*sticky, *spread)
    return chains


class Dispatch:
    """Collects, over all rules, the chains that lead to the Service chains."""

    def __init__(self, settings: NetworkSettings) -> None:
        network = settings.services
        self._first, self._last = int(network.network_address), int(network.broadcast_address)
        self._bits = min(network.prefixlen + NET_BITS, 30)
        self._shift = 32 - self._bits
        self._not_services = f"! -d {settings.service_cidr}"
        self._nets: dict[int, list[str]] = defaultdict(list)
        self._external: list[str] = []
        self._node_ports: list[str] = []
        self.reject: list[str] = []
        """Rules of the filter table's NSORCH-REJECT."""

    def add(self, rule: PortRule) -> None:
        """Lead every destination of ``rule`` to its chain, or to a rejection."""
        match = f"-p {rule.protocol} --dport {rule.port}"
        comment = f'-m comment --comment "{rule.name}"'
        jump = f"{comment} -j {service_chain(rule)}" if rule.targets else ""
        refuse = f"{comment} -j REJECT --reject-with " + (
            "tcp-reset" if rule.protocol == "tcp" else "icmp-port-unreachable"
        )
        for address in rule.cluster_addresses:
            value = int(IPv4Address(address))
            if not self._first <= value <= self._last:
                self._lead(f"-d {address}/32 {match}", jump, refuse)
            elif jump:  # without targets the whole Service CIDR is rejected anyway
                self._nets[value >> self._shift].append(f"-d {address}/32 {match} {jump}")
        for address in rule.external_addresses:
            self._lead(f"-d {address}/32 {match}", jump, refuse)
        for address in rule.balancer_addresses:
            for source in rule.balancer_sources:
                self._lead(f"-s {source} -d {address}/32 {match}", jump, refuse)
            if rule.balancer_sources:
                self.reject.append(f"-d {address}/32 {match} {comment} -j DROP")
            else:
                self._lead(f"-d {address}/32 {match}", jump, refuse)
        if rule.node_port:
            port = f"-p {rule.protocol} --dport {rule.node_port}"
            if jump:
                self._node_ports.append(f"{port} {jump}")
            else:
                self.reject.append(f"{self._not_services} {port} -m addrtype --dst-type LOCAL {refuse}")

    def _lead(self, match: str, jump: str, refuse: str) -> None:
        if jump:
            self._external.append(f"{match} {jump}")
        else:
            self.reject.append(f"{match} {refuse}")

    def nat(self) -> dict[str, tuple[str, ...]]:
        """The chains of the nat table between NSORCH-SERVICES and the Service chains."""
        chains: dict[str, tuple[str, ...]] = {}
        tops = []
        for number, lines in sorted(self._nets.items()):
            base = IPv4Address(number << self._shift)
            name = f"NSORCH-NET-{base}"
            chains[name] = tuple(lines)
            tops.append(f"-d {IPv4Network((base, self._bits))} -j {name}")
        chains["NSORCH-CLUSTER-IP"] = tuple(tops)
        chains["NSORCH-EXTERNAL"] = tuple(self._external)
        chains["NSORCH-NODEPORT"] = tuple(self._node_ports)
        return chains


def nat_frame(settings: NetworkSettings) -> dict[str, tuple[str, ...]]:
    """The chains of the nat table that depend on no Service."""
    pods, services, node = settings.pod_cidr, settings.service_cidr, settings.node_address
    return {
        "NSORCH-SERVICES": (
            f"-d {services} -j NSORCH-CLUSTER-IP",
            f"! -d {services} -j NSORCH-EXTERNAL",
            f"! -d {services} -m addrtype --dst-type LOCAL -j NSORCH-NODEPORT",
        ),
        "NSORCH-POSTROUTING": (
            # A Pod reaching itself through a Service: answers must come back through the host.
            f"-d {pods} -m mark --mark {MARK} -j SNAT --to-source {node} --random-fully",
            # A NodePort on 127.0.0.1: no Pod can answer to that.
            f"-s 127.0.0.0/8 -d {pods} -j SNAT --to-source {node} --random-fully",
            # Pods reach the world through the node's address.
            f"-s {pods} ! -d {pods} ! -o lo -j MASQUERADE --random-fully",
        ),
    }


def filter_frame(settings: NetworkSettings) -> dict[str, tuple[str, ...]]:
    """The chains of the filter table that depend on no Service."""
    pods, services, dns = settings.pod_cidr, settings.service_cidr, settings.dns_address
    return {
        "NSORCH-INPUT": (
            # route_localnet lets neighbours address 127/8; only answers and translated packets may (CVE-2020-8558).
            "! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
            "-m conntrack --ctstate NEW -j NSORCH-REJECT",
            # A strict host firewall must not cut Pods off from DNS and from Services of the host (kubernetes).
            f"-s {pods} -d {dns}/32 -p udp --dport 53 -j ACCEPT",
            f"-s {pods} -d {dns}/32 -p tcp --dport 53 -j ACCEPT",
            f"-s {pods} -m conntrack --ctstate DNAT --ctorigdst {services} -j ACCEPT",
        ),
        "NSORCH-FORWARD": (
            # What conntrack does not know is not translated back; a stray answer would reset the client's connection.
            f"-s {pods} -m conntrack --ctstate INVALID -j DROP",
            f"-d {services} -j NSORCH-NO-SERVICE",
            "-m conntrack --ctstate NEW -j NSORCH-REJECT",
            f"-s {pods} -j ACCEPT",
            f"-d {pods} -j ACCEPT",
        ),
        "NSORCH-OUTPUT": (
            f"-d {services} -j NSORCH-NO-SERVICE",
            "-m conntrack --ctstate NEW -j NSORCH-REJECT",
        ),
        "NSORCH-NO-SERVICE": (
            "-m addrtype --dst-type LOCAL -j RETURN",
            "-p tcp -j REJECT --reject-with tcp-reset",
            "-j REJECT --reject-with icmp-port-unreachable",
        ),
    }
