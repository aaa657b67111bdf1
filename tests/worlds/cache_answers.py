"""Upstream answers for tests of the cache, made by dnspython."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

SOA = "ns.example.org. host.example.org. 1 3600 600 86400 {minimum}"


def answer(
    name: str = "www.example.org.",
    qtype: str = "A",
    ttl: int = 300,
    data: str = "192.0.2.1",
    rcode: int = 0,
    *more: tuple[str, int, str, str],
) -> bytes:
    """A positive answer with one record, and ``more`` as (owner, ttl, type, data)."""
    reply = dns.message.make_response(dns.message.make_query(name, qtype), recursion_available=True)
    reply.set_rcode(dns.rcode.Rcode(rcode))
    if data:
        reply.answer.append(dns.rrset.from_text(name, ttl, "IN", qtype, data))
    for owner, seconds, rtype, text in more:
        reply.answer.append(dns.rrset.from_text(owner, seconds, "IN", rtype, text))
    return reply.to_wire()


def negative(
    name: str = "www.example.org.", rcode: int = 3, ttl: int = 300, minimum: int | None = 300
) -> bytes:
    """NXDOMAIN (or NODATA by rcode 0), with an SOA unless ``minimum`` is None."""
    reply = dns.message.make_response(dns.message.make_query(name, "A"), recursion_available=True)
    reply.set_rcode(dns.rcode.Rcode(rcode))
    if minimum is not None:
        soa = SOA.format(minimum=minimum)
        reply.authority.append(dns.rrset.from_text("example.org.", ttl, "IN", "SOA", soa))
    return reply.to_wire()


def sized(name: str, length: int, mark: int = 0) -> bytes:
    """An answer about ``name`` of about ``length`` bytes, its TXT strings made of one letter, by ``mark``."""
    reply = dns.message.make_response(dns.message.make_query(name, "TXT"), recursion_available=True)
    head = len(reply.to_wire())
    text = bytes([97 + mark % 26]) * 200
    strings = max((length - head - 12) // 201, 1)
    record = TXT(
        dns.rdataclass.IN, dns.rdatatype.TXT, [text] * strings
    )  # from a text it takes twenty times as long
    reply.answer.append(dns.rrset.from_rdata(name, 300, record))
    return reply.to_wire()
