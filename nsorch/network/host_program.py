"""The netlink work behind ``HostNetwork``, as a program of its own: one request on stdin, one answer on stdout (JSON)."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from pyroute2.iproute.linux import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from nsorch.kit.files import write_atomic
from nsorch.network.addresses import is_host_interface
from nsorch.network.settings import NetworkSettings
from nsorch.network.watch import ROUTE_PROTOCOL

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


class HostWork:
    """Makes and removes what ``nsorch.network.host`` lists."""

    def __init__(self, settings: NetworkSettings, record: Path) -> None:
        self._settings = settings
        self._record = record
        connect: Any = IPRoute  # pyroute2's constructor has no annotations
        self._ip = connect()

    def run(self, operation: str, names: list[str]) -> Any:
        """One operation's JSON-like result."""
        match operation:
            case "prepare":
                return self._prepare().node_address
            case "restore":
                return self._restore()
            case "teardown":
                return self._teardown()
            case "sweep":
                return self._sweep(set(names))
            case "interfaces":
                return sorted(self._veths())
        raise ValueError(f"no such operation: {operation}")

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
            if is_host_interface(name := str(link.get_attr("IFLA_IFNAME")))
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


def main() -> int:
    """Answers ``{"result": ...}`` or ``{"error": "cannot ...: why"}``."""
    request = json.load(sys.stdin)
    try:
        work = HostWork(NetworkSettings(**request["settings"]), Path(request["record"]))
        answer = {"result": work.run(request["operation"], request["names"])}
    except (OSError, NetlinkError) as error:
        code = getattr(error, "code", None) or getattr(error, "errno", None)
        hint = ": run as root" if code in (errno.EPERM, errno.EACCES) else ""
        answer = {"error": f"cannot set up the host's network: {error}{hint}"}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
