"""rtnetlink(7), packed by hand: a Pod's whole network is made by two sends.

A general library costs 13 MB and twice the time; a supervisor needs exactly these seven messages. Numbers are from
``linux/rtnetlink.h``, ``if_link.h``, ``veth.h`` and ``neighbour.h``.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable

from nsorch.linux.call import failure

NLM_F_REQUEST, NLM_F_ACK = 1, 4
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLMSG_ERROR = 2
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH = 20, 24, 28
IFF_UP = 1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFLA_AF_SPEC, IFLA_INET_CONF, IPV4_DEVCONF_RP_FILTER = 26, 1, 8
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC = 1, 4, 5, 7
RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNICAST, RTNH_F_ONLINK = 254, 4, 1, 4
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
NDA_DST, NDA_LLADDR, NUD_PERMANENT = 1, 2, 0x80
AF_INET = int(socket.AF_INET)

Message = tuple[int, int, bytes, str]
"""Type, extra flags, payload, and what it tries (for the error)."""


def attribute(kind: int, value: bytes | str | int) -> bytes:
    """One rtattr, padded to four bytes; a number is 32 bits, a string ends in NUL."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def packed(address: str) -> bytes:
    """Four bytes; ValueError if ``address`` is no IPv4 address."""
    try:
        return socket.inet_pton(socket.AF_INET, address)
    except OSError as error:
        raise ValueError(f"cannot use {address!r}: not an IPv4 address") from error


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _ifinfo(index: int, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, flags, flags)


def veth(
    name: str, mtu: int, address: bytes, *, peer: str, peer_index: int, peer_address: bytes, peer_netns: int
) -> Message:
    """A veth pair: ``name`` here and up, ``peer`` in the namespace of the fd ``peer_netns`` with the index we say.

    The peer stays down: the kernel refuses (ENOTCONN) to create it up before its other end exists."""
    other = (
        _ifinfo(peer_index)
        + attribute(IFLA_IFNAME, peer)
        + attribute(IFLA_MTU, mtu)
        + attribute(IFLA_ADDRESS, peer_address)
        + attribute(IFLA_NET_NS_FD, peer_netns)
    )
    data = attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other))
    payload = (
        _ifinfo(0, IFF_UP)
        + attribute(IFLA_IFNAME, name)
        + attribute(IFLA_MTU, mtu)
        + attribute(IFLA_ADDRESS, address)
        + attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"veth") + data)
    )
    return RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, f"make the veth {name}"


def delete_link(name: str) -> Message:
    return RTM_DELLINK, 0, _ifinfo(0) + attribute(IFLA_IFNAME, name), f"delete the link {name}"


def link_up(index: int, what: str) -> Message:
    return RTM_NEWLINK, 0, _ifinfo(index, IFF_UP), f"bring {what} up"


def check_sources(index: int, what: str) -> Message:
    """Drop what comes in over the link with a source address that is not routed there (rp_filter, strict)."""
    setting = attribute(IFLA_INET_CONF, attribute(IPV4_DEVCONF_RP_FILTER, 1))
    payload = _ifinfo(index) + attribute(IFLA_AF_SPEC, attribute(AF_INET, setting))
    return RTM_NEWLINK, 0, payload, f"check the source addresses of {what}"


def add_address(index: int, address: str) -> Message:
    raw = packed(address)
    payload = struct.pack("=BBBBi", AF_INET, 32, 0, RT_SCOPE_UNIVERSE, index)
    payload += attribute(IFA_LOCAL, raw) + attribute(IFA_ADDRESS, raw)
    return RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, payload, f"give the address {address}"


def add_route(index: int, to: str = "", *, via: str = "", source: str = "") -> Message:
    """To the host ``to`` ("" is the default route), over the link ``index``, through ``via`` taken as on that link."""
    scope = RT_SCOPE_UNIVERSE if via else RT_SCOPE_LINK
    payload = struct.pack(
        "=BBBBBBBBI",
        AF_INET,
        32 if to else 0,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_STATIC,
        scope,
        RTN_UNICAST,
        RTNH_F_ONLINK if via else 0,
    )
    if to:
        payload += attribute(RTA_DST, packed(to))
    payload += attribute(RTA_OIF, index)
    if via:
        payload += attribute(RTA_GATEWAY, packed(via))
    if source:
        payload += attribute(RTA_PREFSRC, packed(source))
    return RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, payload, f"add the route to {to or 'everywhere'}"


def add_neighbour(index: int, address: str, link_address: bytes) -> Message:
    """A permanent entry: never asked for by ARP, never replaced by what a neighbour claims."""
    payload = struct.pack("=BxxxiHBB", AF_INET, index, NUD_PERMANENT, 0, RTN_UNICAST)
    payload += attribute(NDA_DST, packed(address)) + attribute(NDA_LLADDR, link_address)
    return RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, payload, f"add the neighbour {address}"


class RouteSocket:
    """A netlink socket; it stays in the network namespace in which it was opened."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> RouteSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, messages: Iterable[Message]) -> None:
        """Send all in one datagram; OSError of the first that fails, saying what it tried."""
        tried: dict[int, str] = {}
        out = b""
        for kind, flags, payload, what in messages:
            self._sequence += 1
            tried[self._sequence] = what
            out += struct.pack("=IHHII", 16 + len(payload), kind, NLM_F_REQUEST | NLM_F_ACK | flags, self._sequence, 0)
            out += payload + b"\0" * (-len(payload) % 4)
        self._socket.send(out)
        failed: OSError | None = None
        while tried:
            for kind, sequence, body in self._receive():
                what = tried.pop(sequence, "")
                if kind == NLMSG_ERROR and what:
                    (code,) = struct.unpack_from("=i", body)
                    if code and failed is None:
                        failed = failure(-code, what)
        if failed is not None:
            raise failed

    def link_index(self, name: str) -> int:
        """The index of link ``name`` in the socket's namespace; OSError (ENODEV) if there is none."""
        self._sequence += 1
        payload = _ifinfo(0) + attribute(IFLA_IFNAME, name)
        self._socket.send(
            struct.pack("=IHHII", 16 + len(payload), RTM_GETLINK, NLM_F_REQUEST, self._sequence, 0) + payload
        )
        while True:
            for kind, sequence, body in self._receive():
                if sequence != self._sequence:
                    continue
                if kind == NLMSG_ERROR:
                    raise failure(-struct.unpack_from("=i", body)[0] or errno.ENODEV, f"find the link {name}")
                return int(struct.unpack_from("=i", body, 4)[0])

    def _receive(self) -> list[tuple[int, int, bytes]]:
        data = self._socket.recv(1 << 16)
        found, offset = [], 0
        while offset + 16 <= len(data):
            length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data, offset)
            found.append((kind, sequence, data[offset + 16 : offset + length]))
            offset += (length + 3) & ~3
        return found


def pod_mac(address: str) -> bytes:
    """The Pod end's link address, a function of its IPv4 address, so that the host never has to ask for it."""
    return b"\x0a\x58" + packed(address)


HOST_MAC = mac("ee:ee:ee:ee:ee:ee")
"""Link address of every Pod's host end: each is alone on its link, so one constant serves all."""
GATEWAY = "169.254.1.1"


def namespace_fd(pid: int | None = None) -> int:
    return os.open(f"/proc/{pid or 'self'}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
