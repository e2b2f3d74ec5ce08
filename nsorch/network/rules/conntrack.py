"""Forgets UDP flows that lead where the rules no longer lead.

The kernel translates a UDP flow as its first packet was, as long as packets keep coming: a client that keeps its port
would talk to a dead endpoint for ever. TCP needs no help: a new connection is a new flow, and established ones to a
terminating endpoint must go on. Raw netlink (linux/netfilter/nfnetlink_conntrack.h): a dump, then one deletion per
stale flow by its own original tuple.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nsorch.network.netlink import NETLINK_NETFILTER, attributes, messages
from nsorch.network.rules.value import PortRule, ServiceRules, Target
from nsorch.network.settings import NetworkSettings

NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_GET = 1
IPCTNL_MSG_CT_DELETE = 2
CTA_TUPLE_ORIG = 1
CTA_TUPLE_REPLY = 2
CTA_TUPLE_IP = 1
CTA_TUPLE_PROTO = 2
CTA_IP_V4_SRC = 1
CTA_IP_V4_DST = 2
CTA_PROTO_NUM = 1
CTA_PROTO_SRC_PORT = 2
CTA_PROTO_DST_PORT = 3
NLM_F_REQUEST = 1
NLM_F_ACK = 4
NLM_F_DUMP = 0x300
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLA_F_NESTED = 0x8000
ENOENT = 2


@dataclass(frozen=True, slots=True)
class Flow:
    """A UDP flow: where the client sent to, and who answers."""

    destination: Target
    answerer: Target
    original: bytes
    """Its CTA_TUPLE_ORIG as the kernel wrote it: the name by which it is deleted."""


class UdpFlows:
    """Knows which flows are stale under a rule set."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings

    def forget_stale(self, former: ServiceRules | None, rules: ServiceRules) -> int:
        """Delete the flows that ``rules`` would lead elsewhere; how many. ``former`` None: whatever came before.

        Looks at the kernel only if a UDP rule changed. OSError if the kernel has no conntrack or refuses."""
        changed = udp_changes(former, rules)
        if not changed:
            return 0
        with ConntrackSocket() as kernel:
            stale = [flow for flow in kernel.udp_flows() if self._stale(flow, changed)]
            for flow in stale:
                kernel.delete(flow)
        return len(stale)

    def _stale(self, flow: Flow, changed: Mapping[tuple[str, int], frozenset[Target]]) -> bool:
        destination = flow.destination
        allowed = changed.get((destination.address, destination.port))
        if allowed is None and self._reaches_host(flow):
            allowed = changed.get(("", destination.port))
        return allowed is not None and flow.answerer not in allowed

    def _reaches_host(self, flow: Flow) -> bool:
        """Whether the flow can be one to a NodePort: to the host's own address, or translated."""
        host = (self._settings.node_address, "127.0.0.1")
        return flow.destination.address in host or flow.answerer.address != flow.destination.address


def udp_changes(former: ServiceRules | None, rules: ServiceRules) -> dict[tuple[str, int], frozenset[Target]]:
    """Destinations of UDP rules that changed, with the targets they may lead to now. NodePorts have address ""."""
    changed: dict[tuple[str, int], frozenset[Target]] = {}
    old = former.ports if former else {}
    for key, rule in old.items():
        if rule.protocol == "udp" and rules.ports.get(key) is not rule:
            changed.update(dict.fromkeys(destinations(rule), frozenset()))
    for key, rule in rules.ports.items():
        if rule.protocol == "udp" and old.get(key) is not rule:
            changed.update(dict.fromkeys(destinations(rule), frozenset(rule.targets)))
    return changed


def destinations(rule: PortRule) -> Iterator[tuple[str, int]]:
    """Every (address, port) a rule answers on; its NodePort as ("", port)."""
    for address in (*rule.cluster_addresses, *rule.external_addresses, *rule.balancer_addresses):
        yield address, rule.port
    if rule.node_port:
        yield "", rule.node_port


class ConntrackSocket:
    """A netlink socket to the kernel's table of flows, in this thread's network namespace."""

    def __enter__(self) -> ConntrackSocket:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def udp_flows(self) -> Iterator[Flow]:
        """All IPv4 UDP flows."""
        self._send(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, b"")
        while True:
            for kind, payload in messages(self._socket.recv(1 << 18)):
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    check(payload)
                flow = parse_flow(payload)
                if flow is not None:
                    yield flow

    def delete(self, flow: Flow) -> None:
        """Forget ``flow``; nothing happens if it has ended by itself."""
        nested = struct.pack("=HH", 4 + len(flow.original), CTA_TUPLE_ORIG | NLA_F_NESTED) + flow.original
        self._send(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, nested)
        for kind, payload in messages(self._socket.recv(1 << 16)):
            if kind == NLMSG_ERROR:
                check(payload, ignore=ENOENT)

    def _send(self, operation: int, flags: int, body: bytes) -> None:
        payload = struct.pack("=BBH", socket.AF_INET, 0, 0) + body
        kind = (NFNL_SUBSYS_CTNETLINK << 8) | operation
        self._socket.send(struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload)


def check(payload: bytes, ignore: int = 0) -> None:
    """Raise the OSError of an NLMSG_ERROR message; code 0 is an acknowledgement."""
    (code,) = struct.unpack_from("=i", payload)
    if code and -code != ignore:
        raise OSError(-code, "conntrack refused a request")


def parse_flow(payload: bytes) -> Flow | None:
    """The flow of one dump message; None unless UDP."""
    found = attributes(payload[4:])
    original, reply = found.get(CTA_TUPLE_ORIG, b""), found.get(CTA_TUPLE_REPLY, b"")
    protocol, _, _, destination, to_port = parse_tuple(original)
    if protocol != socket.IPPROTO_UDP:
        return None
    _, source, from_port, _, _ = parse_tuple(reply)
    return Flow(Target(destination, to_port), Target(source, from_port), original)


def parse_tuple(data: bytes) -> tuple[int, str, int, str, int]:
    """Protocol number, source address and port, destination address and port."""
    parts = attributes(data)
    ip, proto = attributes(parts.get(CTA_TUPLE_IP, b"")), attributes(parts.get(CTA_TUPLE_PROTO, b""))
    return (
        int.from_bytes(proto.get(CTA_PROTO_NUM, b""), "big"),
        text(ip.get(CTA_IP_V4_SRC, b"")),
        int.from_bytes(proto.get(CTA_PROTO_SRC_PORT, b""), "big"),
        text(ip.get(CTA_IP_V4_DST, b"")),
        int.from_bytes(proto.get(CTA_PROTO_DST_PORT, b""), "big"),
    )


def text(address: bytes) -> str:
    return socket.inet_ntoa(address) if len(address) == 4 else ""
