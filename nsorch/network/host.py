"""The host's side of the network: forwarding, routes and local addresses.

What is made, and why:

``net.ipv4.ip_forward``               Pods reach each other and the world through the host.
``net.ipv4.conf.all.route_localnet``  NodePorts answer on 127.0.0.1 too; the rule set drops what others send to 127/8.
``net.ipv4.conf.*.send_redirects``    Off for new interfaces: a Pod that reaches itself through a Service comes and goes
                                      by the same veth; a redirect would be wrong and use up the Pod's ICMP allowance.
``unreachable POD_CIDR``              A packet for a Pod that is gone ends here, not at the default gateway.
``unreachable SERVICE_CIDR``          The same for Service addresses.
``SERVICE_CIDR dev lo src NODE``      Without a route connect(2) fails before OUTPUT can translate a Service address.
``DNS_ADDRESS/32 dev lo``             The DNS server binds it. Scope host: never chosen as a source address.
``NODE_ADDRESS/32 dev lo``            Only where the host has no address of its own (private network namespaces).

Routes carry their own protocol number and addresses their own label, so that all of it is found by name, whoever made
it. The sysctls' former values are kept in a small record file, valid for this boot and network namespace only.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar

from nsorch.kit.files import write_atomic
from nsorch.kit.logs import logger
from nsorch.network.addresses import INTERFACE_PREFIX, host_interface
from nsorch.network.settings import NetworkSettings

R = TypeVar("R")

ROUTE_PROTOCOL = 78
"""rtm_protocol of every route made here (``ip route show proto 78``); unassigned in rt_protos."""
ADDRESS_LABEL = "lo:nsorch"
"""IFA_LABEL of every address put on lo (``ip addr show label lo:nsorch``)."""
LAST_RESORT = 0xFF000000
"""Metric of the unreachable routes: worse than any other."""
DOOMED_GROUP = 0x6E73
"""Interface group into which stale veths are put, to delete them in one message (0.8 ms each, alone 20 ms)."""
LOOPBACK = 1
SCOPE_HOST = 254
SYSCTLS = (
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv4.conf.all.route_localnet", "1"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
)

log = logger("network")


class NetworkError(Exception):
    """The host's network cannot be set up."""


class HostNetwork:
    """Prepares the network namespace the daemon runs in, and undoes exactly that.

    Netlink work happens on one thread of its own, with one socket kept open: pyroute2 cannot share uvloop's loop.
    """

    def __init__(self, settings: NetworkSettings, record: Path) -> None:
        """``record``: file that remembers the sysctls' former values (``paths.run / "network.json"``)."""
        self._settings = settings
        self._record = record
        self._thread = ThreadPoolExecutor(1, "netlink")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: Any = None

    async def prepare(self) -> NetworkSettings:
        """Make all of it (again: what is there already stays). Returns the settings with ``node_address`` filled in.

        NetworkError says what failed and what to do."""
        return await self._run(self._prepare)

    async def restore(self) -> bool:
        """Make again what is missing since ``prepare``; whether anything was. Keeps ``node_address`` as it is: if the
        host lost it, it goes to lo, so that Pods and Services go on."""
        return await self._run(self._restore)

    async def teardown(self) -> None:
        """Remove all of it, every veth of nsorch included, and put the sysctls back. Safe without ``prepare``."""
        await self._run(self._teardown)

    async def sweep(self, keep: Iterable[str]) -> list[str]:
        """Delete every veth that belongs to none of the Pod uids in ``keep``; their routes go with them. Returns names.

        Veths normally die with their network namespace; this is for those whose Pod died unseen."""
        wanted = {host_interface(uid) for uid in keep}
        return await self._run(lambda: self._sweep(wanted))

    async def interfaces(self) -> list[str]:
        """Names of all host-side veths of nsorch that exist now."""
        return await self._run(lambda: sorted(self._veths()))

    async def close(self) -> None:
        """Close the netlink socket; nothing on the host changes."""
        await self._run(self._close)
        self._thread.shutdown()

    # Everything below runs on the netlink thread.

    async def _run(self, work: Callable[[], R]) -> R:
        def guarded() -> R:
            from pyroute2.netlink.exceptions import NetlinkError

            try:
                return work()
            except (OSError, NetlinkError) as error:
                code = getattr(error, "code", None) or getattr(error, "errno", None)
                hint = ": run as root" if code in (errno.EPERM, errno.EACCES) else ""
                raise NetworkError(f"cannot set up the host's network: {error}{hint}") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    @property
    def _ip(self) -> Any:
        if self._socket is None:
            from pyroute2.iproute.linux import IPRoute

            connect: Any = IPRoute  # pyroute2's constructor has no annotations
            self._loop = asyncio.SelectorEventLoop()
            self._socket = connect(use_event_loop=self._loop)
        return self._socket

    def _close(self) -> None:
        if self._socket is not None and self._loop is not None:
            self._socket.close()
            self._loop.close()
        self._socket = self._loop = None

    def _prepare(self) -> NetworkSettings:
        lo_was_down = self._bring_lo_up()
        settings = self._settings
        node, on_lo = settings.node_address, bool(settings.node_address) and not self._has(settings.node_address)
        if not node:
            node = self._detect()
            on_lo = not node
            node = node or settings.pod_gateway
        self._settings = settings = replace(settings, node_address=node)
        self._remember_and_set(lo_was_down)
        wanted = {settings.dns_address: SCOPE_HOST}
        if on_lo or node in self._labelled():
            wanted[node] = 0
            log.info("the host has no address of its own: the node is %s, on lo", node)
        self._set_addresses(wanted)
        self._set_routes(settings)
        return settings

    def _restore(self) -> bool:
        before = self._made()
        self._prepare()
        return before != self._made()

    def _made(self) -> tuple[list[str], list[tuple[str, int]]]:
        return sorted(self._labelled()), sorted((str(r.get_attr("RTA_DST")), r["type"]) for r in self._own_routes())

    def _bring_lo_up(self) -> bool:
        link = next(iter(self._ip.get_links(LOOPBACK)))
        if link["flags"] & 1:
            return False
        self._ip.link("set", index=LOOPBACK, state="up")
        return True

    def _detect(self) -> str:
        """Source address of the default route, else the first address of global scope that is not nsorch's own."""
        from pyroute2.netlink.exceptions import NetlinkError

        own = set(self._labelled()) - {self._settings.dns_address}
        try:
            # A route look-up, no packet: TEST-NET-2 (RFC 5737) lies behind the default route everywhere.
            for route in self._ip.route("get", dst="198.51.100.1"):
                source = route.get_attr("RTA_PREFSRC")
                if source and source not in own and not IPv4Address(source).is_loopback:
                    return str(source)
        except NetlinkError as error:
            if error.code not in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                raise
        for item in self._ip.get_addr(family=socket.AF_INET):
            address = str(item.get_attr("IFA_LOCAL") or item.get_attr("IFA_ADDRESS"))
            if item["scope"] == 0 and item.get_attr("IFA_LABEL") != ADDRESS_LABEL:
                return address
        return ""

    def _has(self, address: str) -> bool:
        """Whether the host itself (not nsorch) has ``address``."""
        return any(
            item.get_attr("IFA_LOCAL") == address and item.get_attr("IFA_LABEL") != ADDRESS_LABEL
            for item in self._ip.get_addr(family=socket.AF_INET)
        )

    def _labelled(self) -> list[str]:
        return [
            str(item.get_attr("IFA_LOCAL"))
            for item in self._ip.get_addr(family=socket.AF_INET)
            if item.get_attr("IFA_LABEL") == ADDRESS_LABEL
        ]

    def _set_addresses(self, wanted: dict[str, int]) -> None:
        present = set(self._labelled())
        for address in present - wanted.keys():
            self._ip.addr("del", index=LOOPBACK, address=address, prefixlen=32)
        for address, scope in wanted.items():
            if address not in present:
                with already(errno.EEXIST):
                    self._ip.addr(
                        "add", index=LOOPBACK, address=address, prefixlen=32, scope=scope, label=ADDRESS_LABEL
                    )

    def _set_routes(self, settings: NetworkSettings) -> None:
        last = {"type": "unreachable", "priority": LAST_RESORT, "proto": ROUTE_PROTOCOL}
        wanted: list[dict[str, Any]] = [
            {"dst": settings.pod_cidr, **last},
            {"dst": settings.service_cidr, **last},
            {
                "dst": settings.service_cidr,
                "oif": LOOPBACK,
                "prefsrc": settings.node_address,
                "proto": ROUTE_PROTOCOL,
            },
        ]
        keep = {settings.pod_cidr, settings.service_cidr}
        for route in self._own_routes():
            if f"{route.get_attr('RTA_DST')}/{route['dst_len']}" not in keep:
                self._delete_route(route)
        for spec in wanted:
            self._ip.route("replace", **spec)

    def _own_routes(self) -> list[Any]:
        return [route for route in self._ip.get_routes(family=socket.AF_INET) if route["proto"] == ROUTE_PROTOCOL]

    def _delete_route(self, route: Any) -> None:
        spec: dict[str, Any] = {
            "dst": f"{route.get_attr('RTA_DST')}/{route['dst_len']}",
            "proto": ROUTE_PROTOCOL,
            "type": route["type"],
        }
        if route.get_attr("RTA_PRIORITY"):
            spec["priority"] = route.get_attr("RTA_PRIORITY")
        if route.get_attr("RTA_OIF") and route["type"] == 1:
            spec["oif"] = route.get_attr("RTA_OIF")
        with already(errno.ESRCH):
            self._ip.route("del", **spec)

    def _veths(self) -> dict[str, int]:
        return {
            name: link["index"]
            for link in self._ip.get_links()
            if (name := str(link.get_attr("IFLA_IFNAME"))).startswith(INTERFACE_PREFIX)
            and len(name) == len(INTERFACE_PREFIX) + 12
        }

    def _sweep(self, wanted: set[str]) -> list[str]:
        stale = {name: index for name, index in self._veths().items() if name not in wanted}
        for index in stale.values():
            with already(errno.ENODEV):
                self._ip.link("set", index=index, group=DOOMED_GROUP)
        if stale:
            with already(errno.ENODEV):
                self._ip.link("del", group=DOOMED_GROUP)
        return sorted(stale)

    def _teardown(self) -> None:
        self._sweep(set())
        for route in self._own_routes():
            self._delete_route(route)
        self._set_addresses({})
        record = self._read_record()
        for name, value in record.get("sysctls", {}).items():
            sysctl(name).write_text(value)
        if record.get("lo_was_down"):
            self._ip.link("set", index=LOOPBACK, state="down")
        self._record.unlink(missing_ok=True)

    def _remember_and_set(self, lo_was_down: bool) -> None:
        record = self._read_record() or {"where": here(), "sysctls": {}, "lo_was_down": lo_was_down}
        for name, value in SYSCTLS:
            former = sysctl(name).read_text().strip()
            if former != value:
                record["sysctls"].setdefault(name, former)
        # First the memory, then the deed: a crash between the two loses nothing.
        self._record.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._record, json.dumps(record))
        for name in record["sysctls"]:
            sysctl(name).write_text(dict(SYSCTLS)[name])

    def _read_record(self) -> dict[str, Any]:
        """The record of this boot and namespace; empty when there is none."""
        try:
            record = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return record if isinstance(record, dict) and record.get("where") == here() else {}


@contextmanager
def already(code: int) -> Iterator[None]:
    """Ignore the netlink error that says the work was done before (EEXIST on add, ESRCH or ENODEV on delete)."""
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except NetlinkError as error:
        if error.code != code:
            raise


def sysctl(name: str) -> Path:
    """File of a sysctl, in the network namespace of the thread that opens it."""
    return Path("/proc/sys", *name.split("."))


def here() -> str:
    """This boot and network namespace, in one word."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{os.readlink('/proc/thread-self/ns/net')}"
