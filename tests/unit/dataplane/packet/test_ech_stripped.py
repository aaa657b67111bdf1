"""Lines whose policy has ECH taken out, and those beside them that share the cached answer."""

from __future__ import annotations

from dataclasses import replace
from struct import pack
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest

from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.lines import Lines
from filterd.model.rule import Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import BIT_EXCEPTED, FIRST_FREE_BIT, FIXED, Classes, ListClass
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire.names import name_from_text
from tests.worlds.policy import KEY, NOW, Line, Placed, World
from tests.worlds.services import ALPN, CONFIGS, ECH, SECRET, data, mandatory

NAME, SEARCH, SAFE = "www.example", "search.example", "safe.example"
LOOPBACK = bytes(10) + b"\xff\xff\x7f\0\0"
STRIPPED, PLAIN, PAUSED, ANYBODY = (LOOPBACK + bytes([n]) for n in (2, 3, 4, 99))
TICKS, TTL = 1000, 3600
FORGED, STALE = 4, 3
H2 = (ALPN, b"\x02h2")
ENGINE = ListClass("engine", Kind.SAFE_SEARCH, FIRST_FREE_BIT, "", SAFE)
STRIPS, KEEPS = ResolvedPolicy(strip_ech=True, safe_search=ENGINE.mask), ResolvedPolicy()


def world(*rules: Placed, suspended_until: int = 0, exceptions_end: int = 0) -> World:
    return World(
        Classes((*FIXED, ENGINE)),
        rules,
        policies=(STRIPS, KEEPS),
        suspended_until=suspended_until,
        exceptions_end=exceptions_end,
    )


def publish(packets: Plane, over: World) -> None:
    """A line with the policy, one without, one that is paused; and clients of no line."""
    lines, addresses = Lines(KEY), Addresses(KEY)
    choices = {STRIPPED: Line(0, True), PLAIN: Line(1, True), PAUSED: Line(0, True, paused_until=NOW + 60)}
    for number, (client, line) in enumerate(choices.items()):
        lines.upsert(line.native(number))
        addresses.set(client[12:], 32, number)
    packets.publish(over.native, lines, BindingTables(addresses), True)


@pytest.fixture
def plane(packets: Plane) -> Plane:
    publish(packets, world())
    return packets


def answer(*services: bytes, name: str = NAME, signed: bool = False, rtype: int = 65) -> bytes:
    """An upstream's answer."""
    records = [(rtype, each) for each in services]
    if signed:
        records.append((46, pack("!H", rtype) + bytes(16) + name_from_text("example") + b"signature"))
    body = b"".join(b"\xc0\x0c" + pack("!HHIH", kind, 1, TTL, len(each)) + each for kind, each in records)
    asked = name_from_text(name) + pack("!HH", rtype, 1)
    return pack("!HHHHHH", 0, 0x8180, 1, len(records), 0, 0) + asked + body


USUAL = data(1, b"\0", [H2, (ECH, CONFIGS)])


def ask(
    packets: Plane,
    client: bytes,
    *,
    tcp: bool = False,
    dnssec: bool = False,
    name: str = NAME,
    ticks: int = TICKS,
    payload: int = 1232,
    kind: str = "HTTPS",
) -> bytes | Pending:
    query = dns.message.make_query(name, kind, use_edns=0, want_dnssec=dnssec, payload=payload, id=7)
    found = packets.receive(query.to_wire(), client, tcp, NOW, ticks)
    assert found is not None
    return found


def told(packets: Plane, client: bytes, upstream: bytes, *, ad: bool = False, **how: Any) -> bytes:
    """The answer to a client for whom an upstream is asked."""
    pending = ask(packets, client, **how)
    assert isinstance(pending, Pending)
    found = packets.finish(pending, upstream, ad, (), NOW, TICKS)
    assert isinstance(found, bytes)
    return found


def cached(packets: Plane, client: bytes, **how: Any) -> bytes:
    """The answer to a client out of the cache."""
    found = ask(packets, client, **how)
    assert isinstance(found, bytes)
    return found


def errors(wire: bytes) -> list[int]:
    return [
        int(each.code) for each in dns.message.from_wire(wire).options if isinstance(each, dns.edns.EDEOption)
    ]


def services(wire: bytes) -> list[str]:
    read = dns.message.from_wire(wire)
    return [str(each) for rrset in read.answer for each in rrset if rrset.rdtype == dns.rdatatype.HTTPS]


def is_stripped(wire: bytes) -> bool:
    return SECRET not in wire and services(wire) == ['1 . alpn="h2"'] and errors(wire) == [FORGED]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("dnssec", [False, True])
def test_fresh_and_cached_for_that_line_alone(plane: Plane, tcp: bool, dnssec: bool) -> None:
    upstream = answer(USUAL, signed=dnssec)
    how = {"tcp": tcp, "dnssec": dnssec}
    assert is_stripped(told(plane, STRIPPED, upstream, ad=True, **how))
    for client in (STRIPPED, PLAIN, PAUSED, ANYBODY, STRIPPED):
        found = cached(plane, client, **how)
        read = dns.message.from_wire(found)
        assert is_stripped(found) == (client == STRIPPED)
        assert any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in read.answer) == (
            dnssec and client != STRIPPED
        )
        assert bool(read.flags & dns.flags.AD) == (dnssec and client != STRIPPED)
    assert plane.counts()["ech_stripped"] == 3


def test_others_get_the_upstreams_answer_byte_for_byte(plane: Plane) -> None:
    upstream = answer(USUAL, data(2, name_from_text("other.example"), [(ECH, CONFIGS)]))
    assert is_stripped(told(plane, STRIPPED, answer(USUAL)))
    assert (
        told(plane, ANYBODY, upstream, name="www.example", dnssec=True)[12 : len(upstream)] == upstream[12:]
    )


def test_the_cache_keeps_it_for_the_others(plane: Plane) -> None:
    told(plane, STRIPPED, answer(USUAL))
    assert SECRET in cached(plane, ANYBODY)
    assert SECRET in cached(plane, PLAIN)


def test_a_stale_answer(plane: Plane) -> None:
    told(plane, ANYBODY, answer(USUAL))
    late = TICKS + TTL + 100
    pending = ask(plane, STRIPPED, ticks=late)
    assert isinstance(pending, Pending)
    assert pending.stale
    waited = plane.answer_stale(pending, NOW, late)
    failed = plane.finish(pending, None, False, (), NOW, late)
    for found in (waited, failed):
        assert isinstance(found, bytes)
        assert services(found) == ['1 . alpn="h2"']
        assert errors(found) == [STALE, FORGED]


def test_one_that_requires_ech_is_gone_and_the_name_stays(plane: Plane) -> None:
    found = dns.message.from_wire(
        told(plane, STRIPPED, answer(data(1, b"\0", [mandatory(ECH), (ECH, CONFIGS)])))
    )
    assert (found.rcode(), found.answer) == (0, [])


def test_an_answer_that_fits_without_it_is_not_truncated(plane: Plane) -> None:
    upstream = answer(data(1, b"\0", [H2, (ECH, CONFIGS * 80)]))
    told(plane, STRIPPED, upstream, tcp=True)
    assert is_stripped(cached(plane, STRIPPED, payload=512))
    assert dns.message.from_wire(cached(plane, ANYBODY, payload=512)).flags & dns.flags.TC


def test_without_the_parameter_nothing_is_said_and_nothing_counted(plane: Plane) -> None:
    upstream = answer(data(1, b"\0", [H2]), signed=True)
    found = told(plane, STRIPPED, upstream, ad=True, dnssec=True)
    assert dns.message.from_wire(found).flags & dns.flags.AD
    assert errors(found) == []
    assert plane.counts()["ech_stripped"] == 0


def test_services_of_a_safe_host(plane: Plane) -> None:
    publish(plane, replace(world(Placed(SEARCH, ENGINE.number)), generation=2))
    found = told(plane, STRIPPED, answer(USUAL, name=SAFE), name=SEARCH)
    assert is_stripped(found)
    assert str(dns.message.from_wire(found).answer[0]).startswith("search.example. 30 IN CNAME safe.example.")
    assert is_stripped(cached(plane, STRIPPED, name=SEARCH))


def test_an_exception_lifts_it_for_its_name(plane: Plane) -> None:
    excepted = Placed("www.example", BIT_EXCEPTED, scope=Scope.SUBTREE, live=True)
    publish(plane, world(excepted, exceptions_end=NOW + 60))
    assert SECRET in told(plane, STRIPPED, answer(USUAL))
    assert is_stripped(told(plane, STRIPPED, answer(USUAL, name="other.example"), name="other.example"))


def test_a_suspension_lifts_it(plane: Plane) -> None:
    publish(plane, world(suspended_until=NOW + 60))
    assert SECRET in told(plane, STRIPPED, answer(USUAL))


def test_svcb_of_a_resolver(plane: Plane) -> None:
    """Designated resolvers are told by SVCB (RFC 9461); ECH is of the connection to them."""
    upstream = answer(data(1, name_from_text("dns.example"), [H2, (ECH, CONFIGS)]), rtype=64)
    assert SECRET not in told(plane, STRIPPED, upstream, kind="SVCB")
