"""The cluster DNS: every kind of record of the Kubernetes DNS specification, as messages on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from dnslib import EDNS0, QTYPE, RCODE, RR, DNSRecord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsorch.network.dns.feed import Feed
from nsorch.network.dns.records import Names
from nsorch.network.dns.resolver import Resolver
from nsorch.network.dns.server import DnsServer
from nsorch.network.dns.upstream import Unanswered, Upstream, nameservers, parse_server
from tests.support.tiny_api import TinyApi

SERVICES: list[dict[str, Any]] = [
    {
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {"clusterIP": "10.96.0.50", "ports": [{"name": "http", "port": 80}, {"port": 9, "protocol": "UDP"}]},
    },
    {
        "metadata": {"namespace": "default", "name": "db"},
        "spec": {"clusterIP": "None", "ports": [{"name": "redis", "port": 6379, "protocol": "TCP"}]},
    },
    {"metadata": {"namespace": "default", "name": "idle"}, "spec": {"clusterIP": "None"}},
    {
        "metadata": {"namespace": "default", "name": "outside"},
        "spec": {"type": "ExternalName", "externalName": "example.test"},
    },
    {
        "metadata": {"namespace": "default", "name": "inside"},
        "spec": {"type": "ExternalName", "externalName": "web.default.svc.cluster.local"},
    },
]
SLICES: list[dict[str, Any]] = [
    {
        "metadata": {"namespace": "default", "name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4",
        "ports": [{"name": "redis", "port": 6379, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": ["10.244.0.5"], "hostname": "db-0", "conditions": {"ready": True}},
            {"addresses": ["10.244.0.6"]},
            {"addresses": ["10.244.0.7"], "conditions": {"ready": False}},
        ],
    }
]
NAMESPACES: list[dict[str, Any]] = [{"metadata": {"name": "default"}}, {"metadata": {"name": "empty"}}]


@pytest.fixture
def names() -> Names:
    made = Names("cluster.local", "10.96.0.10")
    made.replace("services", SERVICES)
    made.replace("endpointslices", SLICES)
    made.replace("namespaces", NAMESPACES)
    return made


class FixedUpstream(Upstream):
    """The world outside: example.test has an address, nothing else answers."""

    def __init__(self) -> None:
        super().__init__("10.96.0.10", servers=["192.0.2.1"])

    async def ask(self, question: bytes, *, tcp: bool) -> bytes:
        request = DNSRecord.parse(question)
        if str(request.q.qname) != "example.test.":
            raise Unanswered("nobody knows")
        reply = request.reply()
        reply.add_answer(*RR.fromZone("example.test. 60 A 192.0.2.80"))
        return bytes(reply.pack())


def ask(names: Names, name: str, qtype: str = "A", *, tcp: bool = True, edns: int = 0) -> DNSRecord:
    request = DNSRecord.question(name, qtype)
    if edns:
        request.add_ar(EDNS0(udp_len=edns))
    packed = asyncio.run(Resolver(names, FixedUpstream()).respond(request.pack(), tcp=tcp))
    assert packed is not None
    reply = DNSRecord.parse(packed)
    assert reply.header.id == request.header.id
    assert reply.header.qr == 1
    return reply


def answers(reply: DNSRecord) -> list[str]:
    return sorted(f"{QTYPE.get(record.rtype)} {record.rdata}" for record in reply.rr)


ZONE = "svc.cluster.local"


@pytest.mark.parametrize(
    ("name", "qtype", "expected"),
    [
        (f"web.default.{ZONE}", "A", ["A 10.96.0.50"]),
        (f"WEB.Default.{ZONE}.", "A", ["A 10.96.0.50"]),
        (f"db.default.{ZONE}", "A", ["A 10.244.0.5", "A 10.244.0.6"]),
        (f"db-0.db.default.{ZONE}", "A", ["A 10.244.0.5"]),
        (f"10-244-0-6.db.default.{ZONE}", "A", ["A 10.244.0.6"]),
        (f"_http._tcp.web.default.{ZONE}", "SRV", [f"SRV 0 100 80 web.default.{ZONE}."]),
        (
            f"_redis._tcp.db.default.{ZONE}",
            "SRV",
            [f"SRV 0 50 6379 10-244-0-6.db.default.{ZONE}.", f"SRV 0 50 6379 db-0.db.default.{ZONE}."],
        ),
        ("50.0.96.10.in-addr.arpa", "PTR", [f"PTR web.default.{ZONE}."]),
        ("5.0.244.10.in-addr.arpa", "PTR", [f"PTR db-0.db.default.{ZONE}."]),
        (f"outside.default.{ZONE}", "A", ["A 192.0.2.80", "CNAME example.test."]),
        (f"outside.default.{ZONE}", "CNAME", ["CNAME example.test."]),
        (f"inside.default.{ZONE}", "A", ["A 10.96.0.50", f"CNAME web.default.{ZONE}."]),
        ("10-244-0-5.default.pod.cluster.local", "A", ["A 10.244.0.5"]),
        ("dns-version.cluster.local", "TXT", ['TXT "1.1.0"']),
        ("ns.dns.cluster.local", "A", ["A 10.96.0.10"]),
        ("cluster.local", "NS", ["NS ns.dns.cluster.local."]),
        ("example.test", "A", ["A 192.0.2.80"]),
    ],
)
def test_names_and_what_they_mean(names: Names, name: str, qtype: str, expected: list[str]) -> None:
    reply = ask(names, name, qtype)
    assert reply.header.rcode == RCODE.NOERROR
    assert answers(reply) == expected


@pytest.mark.parametrize(
    ("name", "qtype", "rcode"),
    [
        (f"web.default.{ZONE}", "AAAA", "NOERROR"),
        (f"idle.default.{ZONE}", "A", "NOERROR"),
        (f"_tcp.web.default.{ZONE}", "A", "NOERROR"),
        (f"empty.{ZONE}", "A", "NOERROR"),
        (ZONE, "A", "NOERROR"),
        ("cluster.local", "A", "NOERROR"),
        (f"web.empty.{ZONE}", "A", "NXDOMAIN"),
        (f"none.{ZONE}", "A", "NXDOMAIN"),
        (f"db-1.db.default.{ZONE}", "A", "NXDOMAIN"),
        (f"_https._tcp.web.default.{ZONE}", "SRV", "NXDOMAIN"),
        (f"example.test.default.{ZONE}", "A", "NXDOMAIN"),
        ("10-244-0-5.none.pod.cluster.local", "A", "NXDOMAIN"),
        ("ten.default.pod.cluster.local", "A", "NXDOMAIN"),
        ("what.cluster.local", "A", "NXDOMAIN"),
    ],
)
def test_no_data_and_no_such_name_carry_the_zone_authority(names: Names, name: str, qtype: str, rcode: str) -> None:
    reply = ask(names, name, qtype)
    assert RCODE.get(reply.header.rcode) == rcode
    assert reply.rr == []
    assert [QTYPE.get(record.rtype) for record in reply.auth] == ["SOA"]
    assert reply.header.aa == 1


def test_srv_answers_bring_the_addresses_of_their_targets(names: Names) -> None:
    reply = ask(names, f"_redis._tcp.db.default.{ZONE}", "SRV")
    assert {str(record.rname): str(record.rdata) for record in reply.ar} == {
        f"db-0.db.default.{ZONE}.": "10.244.0.5",
        f"10-244-0-6.db.default.{ZONE}.": "10.244.0.6",
    }


def test_what_nobody_outside_answers_is_a_server_failure(names: Names) -> None:
    assert RCODE.get(ask(names, "unknown.test").header.rcode) == "SERVFAIL"
    assert RCODE.get(ask(names, "9.9.9.9.in-addr.arpa", "PTR").header.rcode) == "SERVFAIL"


def test_addresses_of_the_cluster_without_a_name_are_not_asked_for_outside() -> None:
    made = Names("cluster.local", "10.96.0.10", networks=["10.244.0.0/16", "10.96.0.0/16"])
    assert RCODE.get(ask(made, "9.0.244.10.in-addr.arpa", "PTR").header.rcode) == "NXDOMAIN"
    assert RCODE.get(ask(made, "9.0.168.192.in-addr.arpa", "PTR").header.rcode) == "SERVFAIL"


def test_long_answers_are_cut_over_udp_only(names: Names) -> None:
    crowd = [{"addresses": [f"10.244.1.{last}"]} for last in range(1, 101)]
    names.put("endpointslices", {**SLICES[0], "endpoints": crowd})
    cut = ask(names, f"db.default.{ZONE}", tcp=False)
    assert (cut.header.tc, len(cut.rr)) == (1, 0)
    cut = ask(names, f"db.default.{ZONE}", tcp=False, edns=4096)
    assert cut.header.tc == 1
    assert [QTYPE.get(record.rtype) for record in cut.ar] == ["OPT"]
    assert len(ask(names, f"db.default.{ZONE}").rr) == 100
    names.put("endpointslices", {**SLICES[0], "endpoints": crowd[:40]})
    assert len(ask(names, f"db.default.{ZONE}", tcp=False, edns=4096).rr) == 40


def test_changes_and_removals_take_effect(names: Names) -> None:
    names.put("services", {**SERVICES[0], "spec": {"clusterIP": "10.96.0.51"}})
    assert answers(ask(names, f"web.default.{ZONE}")) == ["A 10.96.0.51"]
    assert answers(ask(names, "51.0.96.10.in-addr.arpa", "PTR")) == [f"PTR web.default.{ZONE}."]
    assert ask(names, "50.0.96.10.in-addr.arpa", "PTR").rr == []
    names.remove("endpointslices", ("default", "db-1"))
    assert ask(names, f"db.default.{ZONE}").rr == []
    names.replace("services", [])
    assert RCODE.get(ask(names, f"web.default.{ZONE}").header.rcode) == "NXDOMAIN"


@pytest.mark.parametrize("message", [b"", b"\0" * 11, b"\0\1\x80" + b"\0" * 9])
def test_what_is_no_request_gets_no_response(names: Names, message: bytes) -> None:
    assert asyncio.run(Resolver(names, FixedUpstream()).respond(message, tcp=False)) is None


def test_malformed_and_foreign_requests_get_their_code(names: Names) -> None:
    async def rcode(message: bytes) -> str:
        reply = await Resolver(names, FixedUpstream()).respond(message, tcp=False)
        assert reply is not None
        assert reply[:2] == message[:2]
        return str(RCODE.get(reply[3] & 15))

    broken = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\x3fabc"
    assert asyncio.run(rcode(broken)) == "FORMERR"
    update = bytearray(DNSRecord.question("web.default.svc.cluster.local").pack())
    update[2] |= 5 << 3
    assert asyncio.run(rcode(bytes(update))) == "NOTIMP"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.integers(0, 11), st.integers(0, 255))
def test_no_request_is_a_defect(names: Names, noise: bytes, at: int, value: int) -> None:
    whole = bytearray(DNSRecord.question(f"_redis._tcp.db.default.{ZONE}", "SRV").pack())
    whole[at] = value
    for message in (noise, bytes(whole), bytes(whole) + noise, bytes(whole)[:12] + noise):
        response = asyncio.run(Resolver(names, FixedUpstream()).respond(message, tcp=False))
        assert response is None or response[:2] == message[:2]


def test_resolvers_of_the_host_are_read_without_ourselves(tmp_path: Path) -> None:
    text = "search x\nnameserver 10.96.0.10\nnameserver 192.0.2.53 # a\nnameserver fe80::1%eth0\nnameserver what\n"
    assert list(nameservers(text, "10.96.0.10")) == [("192.0.2.53", 53), ("fe80::1", 53)]
    assert parse_server("192.0.2.1:5353") == ("192.0.2.1", 5353)
    assert parse_server("2001:db8::1") == ("2001:db8::1", 53)
    file = tmp_path / "resolv.conf"
    upstream = Upstream("10.96.0.10", file=file)
    assert upstream.servers == []
    file.write_text("nameserver 192.0.2.1\n")
    assert upstream.servers == [("192.0.2.1", 53)]


@contextlib.asynccontextmanager
async def serving(path: str, upstream: Upstream) -> AsyncIterator[tuple[Names, DnsServer]]:
    names = Names("cluster.local", "10.96.0.10")
    feed = Feed(path, names)
    following = asyncio.create_task(feed.run())
    server = DnsServer(Resolver(names, upstream), "127.0.0.1", 0)
    try:
        async with asyncio.timeout(10):
            await feed.complete()
        await server.start()
        yield names, server
    finally:
        await server.stop()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def query(server: DnsServer, name: str, *, tcp: bool = False) -> list[str]:
    message = DNSRecord.question(name).pack()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        if tcp:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(struct.pack("!H", len(message)) + message)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            packed = await reader.readexactly(length)
            writer.close()
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as link:
                link.connect(("127.0.0.1", server.port))
                await loop.sock_sendall(link, message)
                packed = await loop.sock_recv(link, 65535)
    return answers(DNSRecord.parse(packed))


async def until(server: DnsServer, name: str, expected: list[str]) -> None:
    async with asyncio.timeout(10):
        while await query(server, name) != expected:  # noqa: ASYNC110 - what a client sees is the only sign
            await asyncio.sleep(0.01)


def test_it_follows_the_api_and_answers_from_memory_while_that_is_away(tmp_path: Path) -> None:
    async def body() -> None:
        api = TinyApi(str(tmp_path / "api.sock"), SERVICES, SLICES, NAMESPACES)
        name = f"web.default.{ZONE}"
        async with api, serving(api.path, FixedUpstream()) as (_, server):
            for tcp in (False, True):
                assert await query(server, name, tcp=tcp) == ["A 10.96.0.50"]
            async with asyncio.timeout(10):
                await api.watching.wait()
            api.send("/api/v1/services", "MODIFIED", {**SERVICES[0], "spec": {"clusterIP": "10.96.0.52"}})
            await until(server, name, ["A 10.96.0.52"])
            api.send("/api/v1/services", "DELETED", SERVICES[0])
            await until(server, name, [])
            await api.__aexit__()
            assert await query(server, f"inside.default.{ZONE}") == [f"CNAME {name}."]
            assert await query(server, f"db-0.db.default.{ZONE}") == ["A 10.244.0.5"]
            async with api:
                await until(server, name, ["A 10.96.0.50"])

    asyncio.run(body())


def test_other_names_go_to_the_hosts_resolvers_and_a_dead_one_is_passed_over(tmp_path: Path) -> None:
    async def body() -> None:
        api = TinyApi(str(tmp_path / "api.sock"), SERVICES, SLICES, NAMESPACES)
        async with api, serving(api.path, FixedUpstream()) as (_, far):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
                closed.bind(("127.0.0.1", 0))
                dead = f"127.0.0.1:{closed.getsockname()[1]}"
            upstream = Upstream("10.96.0.10", servers=[dead, f"127.0.0.1:{far.port}"])
            async with serving(api.path, upstream) as (_, near):
                for tcp in (False, True):
                    assert await query(near, "example.test", tcp=tcp) == ["A 192.0.2.80"]

    asyncio.run(body())
