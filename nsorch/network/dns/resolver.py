# mypy: disable-error-code="no-untyped-call"
"""One DNS request -> one response."""

from __future__ import annotations

import struct

from dnslib import CNAME, EDNS0, NS, PTR, QTYPE, RCODE, RR, SOA, SRV, TXT, A, DNSHeader, DNSRecord
from dnslib.dns import DNSError

from nsorch.kit.logs import logger
from nsorch.network.dns.records import TTL, Answer, Names
from nsorch.network.dns.upstream import Unanswered, Upstream

UDP_LIMIT = 512
"""Bytes of a UDP answer to a client without EDNS0 (RFC 1035)."""
EDNS_LIMIT = 1232
"""Bytes of a UDP answer at most: fits an Ethernet frame everywhere (DNS flag day 2020)."""
CHAIN = 8
"""Aliases followed at most."""

log = logger("dns")


class Resolver:
    """Turns one request message into one response message."""

    def __init__(self, names: Names, upstream: Upstream) -> None:
        self._names = names
        self._upstream = upstream

    async def respond(self, message: bytes, *, tcp: bool) -> bytes | None:
        """The response; None if ``message`` deserves none (no header, or itself a response)."""
        if len(message) < 12 or message[2] & 0x80:
            return None
        try:
            request = DNSRecord.parse(message)
        except (DNSError, ValueError, IndexError, struct.error):
            return failure(message, RCODE.FORMERR)
        if request.header.opcode != 0:
            return failure(message, RCODE.NOTIMP)
        if len(request.questions) != 1:
            return failure(message, RCODE.FORMERR)
        answer = self._names.look_up(str(request.q.qname))
        if answer is None:
            try:
                return await self._upstream.ask(message, tcp=tcp)
            except Unanswered as error:
                log.debug("cannot resolve %s: %s", request.q.qname, error)
                return failure(message, RCODE.SERVFAIL)
        reply = request.reply(ra=1, aa=1)
        await self._fill(reply, answer, tcp=tcp)
        return pack(request, reply, tcp=tcp)

    async def _fill(self, reply: DNSRecord, answer: Answer, *, tcp: bool) -> None:
        qtype = QTYPE.get(reply.q.qtype)
        everything = qtype == "ANY"
        owner = reply.q.qname
        if answer.alias:
            reply.add_answer(RR(owner, QTYPE.CNAME, rdata=CNAME(answer.alias), ttl=TTL))
            if qtype in ("A", "AAAA"):
                await self._follow(reply, answer.alias, qtype, tcp=tcp)
            return
        if qtype == "A" or everything:
            for address in answer.addresses:
                reply.add_answer(RR(owner, QTYPE.A, rdata=A(address), ttl=TTL))
        if qtype == "SRV" or (everything and not answer.addresses):
            weight = max(1, 100 // max(1, len(answer.services)))
            for item in answer.services:
                reply.add_answer(RR(owner, QTYPE.SRV, rdata=SRV(0, weight, item.port, item.target), ttl=TTL))
            for target, addresses in answer.glue.items():
                for address in addresses:
                    reply.add_ar(RR(target, QTYPE.A, rdata=A(address), ttl=TTL))
        if qtype == "PTR" or everything:
            for name in answer.pointers:
                reply.add_answer(RR(owner, QTYPE.PTR, rdata=PTR(name), ttl=TTL))
        if (qtype == "TXT" or everything) and answer.text:
            reply.add_answer(RR(owner, QTYPE.TXT, rdata=TXT(answer.text), ttl=TTL))
        if str(owner).rstrip(".").lower() == self._names.domain:
            if qtype == "SOA":
                reply.add_answer(self._soa())
            elif qtype == "NS":
                reply.add_answer(RR(owner, QTYPE.NS, rdata=NS(f"ns.dns.{self._names.domain}"), ttl=TTL))
        if not answer.exists:
            reply.header.rcode = RCODE.NXDOMAIN
        if not reply.rr:
            reply.add_auth(self._soa())

    async def _follow(self, reply: DNSRecord, name: str, qtype: str, *, tcp: bool) -> None:
        """Add what an alias leads to, in the cluster or outside."""
        for _ in range(CHAIN):
            answer = self._names.look_up(name)
            if answer is None:
                question = DNSRecord.question(name, qtype)
                try:
                    found = DNSRecord.parse(await self._upstream.ask(question.pack(), tcp=tcp))
                except (Unanswered, DNSError):
                    reply.header.rcode = RCODE.SERVFAIL
                    return
                for record in found.rr:
                    reply.add_answer(record)
                return
            if not answer.alias:
                if qtype == "A":
                    for address in answer.addresses:
                        reply.add_answer(RR(name, QTYPE.A, rdata=A(address), ttl=TTL))
                return
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(answer.alias), ttl=TTL))
            name = answer.alias
        reply.header.rcode = RCODE.SERVFAIL

    def _soa(self) -> RR:
        """The serial does not matter: nobody transfers this zone."""
        domain = self._names.domain
        times = (1, 7200, 1800, 86400, TTL)
        return RR(domain, QTYPE.SOA, rdata=SOA(f"ns.dns.{domain}", f"hostmaster.{domain}", times), ttl=TTL)


def pack(request: DNSRecord, reply: DNSRecord, *, tcp: bool) -> bytes:
    """The reply as bytes, cut (TC) where it is longer than the client takes over UDP."""
    limit = UDP_LIMIT
    for option in request.ar:
        if option.rtype == QTYPE.OPT:
            limit = min(max(int(option.rclass), UDP_LIMIT), EDNS_LIMIT)
            reply.add_ar(EDNS0(udp_len=EDNS_LIMIT))
            break
    packed: bytes = reply.pack()
    if tcp or len(packed) <= limit:
        return packed
    reply.ar = [item for item in reply.ar if item.rtype == QTYPE.OPT]
    packed = reply.pack()
    if len(packed) <= limit:
        return packed  # only the convenience of additional addresses is lost
    reply.rr, reply.auth = [], []
    reply.header.tc = 1
    return bytes(reply.pack())


def failure(message: bytes, rcode: int) -> bytes:
    """A response without records to a request that may not even parse."""
    header = DNSHeader(id=struct.unpack("!H", message[:2])[0], qr=1, ra=1, rd=message[2] & 1, rcode=rcode)
    try:
        parsed = DNSRecord.parse(message)
    except (DNSError, ValueError, IndexError, struct.error):
        return bytes(DNSRecord(header).pack())
    return bytes(DNSRecord(header, questions=parsed.questions).pack())
