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
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Rendered:
    """All that one rule contributes."""

    rule: PortRule
    chains: Chains
    """Its own chains in the nat table."""
    nets: tuple[tuple[int, str], ...]
    """Rules for NSORCH-NET chains, with the number of the network."""
    external: tuple[str, ...]
    node_ports: tuple[str, ...]
    reject: tuple[str, ...]


class Renderer:
    """Turns rule sets into chains; what did not change since the last call is not worked out again."""

    def __init__(self, settings: NetworkSettings) -> None:
        """``settings`` with ``node_address`` filled in."""
        self._leads = Leads(settings)
        self._known: dict[str, Rendered] = {}
        self._nat, self._filter = nat_frame(settings), filter_frame(settings)

    def render(self, rules: ServiceRules) -> dict[str, Chains]:
        """Every chain of every table."""
        nat: dict[str, tuple[str, ...]] = dict(self._nat)
        known: dict[str, Rendered] = {}
        nets: defaultdict[int, list[str]] = defaultdict(list)
        external: list[str] = []
        node_ports: list[str] = []
        reject: list[str] = []
        for key in sorted(rules.ports):
            rule = rules.ports[key]
            one = self._known.get(key)
            if one is None or (one.rule is not rule and one.rule != rule):
                one = self._leads.render(rule)
            known[key] = one
            nat.update(one.chains)
            for number, line in one.nets:
                nets[number].append(line)
            external += one.external
            node_ports += one.node_ports
            reject += one.reject
        self._known = known
        top = []
        for number in sorted(nets):
            network = self._leads.network(number)
            name = f"NSORCH-NET-{network.network_address}"
            nat[name] = tuple(nets[number])
            top.append(f"-d {network} -j {name}")
        nat["NSORCH-CLUSTER-IP"] = tuple(top)
        nat["NSORCH-EXTERNAL"] = tuple(external)
        nat["NSORCH-NODEPORT"] = tuple(node_ports)
        return {"filter": {**self._filter, "NSORCH-REJECT": tuple(reject)}, "nat": nat}


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


class Leads:
    """Leads every destination of a rule to its chain, or to a rejection."""

    def __init__(self, settings: NetworkSettings) -> None:
        services = settings.services
        self._first, self._last = int(services.network_address), int(services.broadcast_address)
        self._bits = min(services.prefixlen + NET_BITS, 30)
        self._elsewhere = f"! -d {settings.service_cidr}"

    def network(self, number: int) -> IPv4Network:
        """The part of the Service CIDR with this number."""
        return IPv4Network((number << (32 - self._bits), self._bits))

    def render(self, rule: PortRule) -> Rendered:
        nets: list[tuple[int, str]] = []
        external: list[str] = []
        node_ports: list[str] = []
        reject: list[str] = []
        match = f"-p {rule.protocol} --dport {rule.port}"
        comment = f'-m comment --comment "{rule.name}"'
        if rule.targets:
            verdict = f"{comment} -j {service_chain(rule)}"
        else:
            how = "tcp-reset" if rule.protocol == "tcp" else "icmp-port-unreachable"
            verdict = f"{comment} -j REJECT --reject-with {how}"
        outside = external if rule.targets else reject
        for address in rule.cluster_addresses:
            value = int(IPv4Address(address))
            if not self._first <= value <= self._last:
                outside.append(f"-d {address}/32 {match} {verdict}")
            elif rule.targets:  # without targets the whole Service CIDR is rejected anyway
                nets.append((value >> (32 - self._bits), f"-d {address}/32 {match} {verdict}"))
        outside += [f"-d {address}/32 {match} {verdict}" for address in rule.external_addresses]
        for address in rule.balancer_addresses:
            if rule.balancer_sources:
                outside += [f"-s {source} -d {address}/32 {match} {verdict}" for source in rule.balancer_sources]
                reject.append(f"-d {address}/32 {match} {comment} -j DROP")
            else:
                outside.append(f"-d {address}/32 {match} {verdict}")
        if rule.node_port:
            port = f"-p {rule.protocol} --dport {rule.node_port}"
            if rule.targets:
                node_ports.append(f"{port} {verdict}")
            else:
                reject.append(f"{self._elsewhere} {port} -m addrtype --dst-type LOCAL {verdict}")
        return Rendered(rule, service_chains(rule), tuple(nets), tuple(external), tuple(node_ports), tuple(reject))


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
