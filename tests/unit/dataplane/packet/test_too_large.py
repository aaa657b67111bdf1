"""Answers that would take too long to judge are refused when they come; so no cached one is expensive."""

from __future__ import annotations

from ipaddress import ip_address
from struct import pack

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.lines import Lines
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.policy.classes import FIXED, Classes
from filterd.policy.inspect import too_large
from filterd.policy.resolve import ResolvedPolicy
from tests.worlds import dns_answers
from tests.worlds.dns_answers import AAAA, HTTPS, A, message, service
from tests.worlds.policy import KEY, NOW, Line, Placed, World

LOOPBACK = bytes(10) + b"\xff\xff\x7f\0\0"
OWNER, ANYBODY = LOOPBACK + b"\x02", LOOPBACK + b"\x63"
NAME = "query.example"
BANNED = "192.0.2.66"
TICKS = 1000
MOST_HINTS = 142
"""of IPv4, beside a target"""
TEXT = "answer too large to be judged"


def world(*live: str) -> World:
    rules = (
        Placed(f"{BANNED}/32", mandatory=256),
        *(Placed(prefix, mandatory=256, live=True) for prefix in live),
    )
    return World(Classes(FIXED), rules, (Mandate(256, "1"),), (ResolvedPolicy(),))


def publish(packets: Plane, over: World) -> None:
    """One line at 127.0.0.2, with a name of its own."""
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(Line(own_names=(("mine.example", Action.BLOCK, Scope.SUBTREE),)).native(7))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    packets.publish(over.native, lines, BindingTables(addresses), True)


def hints(count: int, last: str = "198.51.100.1", qtype: int = HTTPS) -> bytes:
    """An answer with so many hints."""
    others = [str(ip_address((10 << 24) + number)) for number in range(count - 1)]
    return message(service("t.example", [*others, last]), name=NAME, qtype=qtype)


def ask(packets: Plane, client: bytes, tcp: bool, qtype: int = HTTPS, ticks: int = TICKS) -> bytes | Pending:
    query = dns.message.make_query(
        NAME, dns.rdatatype.RdataType(qtype), use_edns=0, payload=4096, id=7
    ).to_wire()
    found = packets.receive(query, client, tcp, NOW, ticks)
    assert found is not None
    return found


def errors(wire: bytes) -> list[tuple[int, str | None]]:
    options = dns.message.from_wire(wire).options
    return [(int(each.code), each.text) for each in options if isinstance(each, dns.edns.EDEOption)]


def is_refused(wire: bytes) -> bool:
    return dns.message.from_wire(wire).rcode() == dns.rcode.SERVFAIL and errors(wire) == [(0, TEXT)]


@pytest.mark.parametrize("client", [OWNER, ANYBODY])
@pytest.mark.parametrize("tcp", [False, True])
def test_above_the_bound_fresh_and_cached(packets: Plane, client: bytes, tcp: bool) -> None:
    publish(packets, world())
    pending = ask(packets, client, tcp)
    assert isinstance(pending, Pending)
    fresh = packets.finish(pending, hints(16_000), False, (), NOW, TICKS)
    assert isinstance(fresh, bytes)
    assert is_refused(fresh)
    for other in (client, OWNER, ANYBODY):
        cached = ask(packets, other, tcp, ticks=TICKS + 4)
        assert isinstance(cached, bytes)
        assert is_refused(cached)
    assert packets.counts()["too_large"] == 1
    assert isinstance(ask(packets, client, tcp, ticks=TICKS + 5), Pending)


@pytest.mark.parametrize("client", [OWNER, ANYBODY])
@pytest.mark.parametrize(("last", "expected"), [("198.51.100.1", []), (BANNED, [16])])
def test_at_the_bound_it_passes_and_its_last_hint_is_judged(
    packets: Plane, client: bytes, last: str, expected: list[int]
) -> None:
    publish(packets, world())
    assert not too_large(hints(MOST_HINTS))
    assert too_large(hints(MOST_HINTS + 1))
    pending = ask(packets, client, True)
    assert isinstance(pending, Pending)
    fresh = packets.finish(pending, hints(MOST_HINTS, last), False, (), NOW, TICKS)
    for wire in (fresh, ask(packets, client, True), ask(packets, ANYBODY, True)):
        assert isinstance(wire, bytes)
        assert [code for code, _ in errors(wire)] == expected
        assert bool(dns.message.from_wire(wire).answer) == (not expected)
    assert packets.counts()["too_large"] == 0


def test_what_is_hidden_behind_the_bound_never_passes(packets: Plane) -> None:
    publish(packets, world())
    pending = ask(packets, ANYBODY, True)
    assert isinstance(pending, Pending)
    fresh = packets.finish(pending, hints(MOST_HINTS + 1, BANNED), False, (), NOW, TICKS)
    assert isinstance(fresh, bytes)
    assert is_refused(fresh)


def test_a_new_order_meets_the_last_hint_of_a_cached_answer(packets: Plane) -> None:
    publish(packets, world())
    last = "198.51.100.77"
    pending = ask(packets, ANYBODY, True)
    assert isinstance(pending, Pending)
    packets.finish(pending, hints(MOST_HINTS, last), False, (), NOW, TICKS)
    found = ask(packets, ANYBODY, True)
    assert isinstance(found, bytes)
    assert errors(found) == []
    over = world(f"{last}/32")
    publish(packets, World(over.classes, over.rules, over.mandates, over.policies, generation=2))
    for client in (ANYBODY, OWNER, ANYBODY):
        found = ask(packets, client, True)
        assert isinstance(found, bytes)
        assert errors(found) == [(16, "")] or errors(found) == [(16, None)]


def test_a_stale_answer_stands_in_for_one_that_is_too_large(packets: Plane) -> None:
    publish(packets, world())
    pending = ask(packets, ANYBODY, False)
    assert isinstance(pending, Pending)
    packets.finish(pending, hints(2), False, (), NOW, TICKS)
    pending = ask(packets, ANYBODY, False, ticks=TICKS + 100)
    assert isinstance(pending, Pending)
    found = packets.finish(pending, hints(16_000), False, (), NOW, TICKS + 100)
    assert isinstance(found, bytes)
    assert dns.message.from_wire(found).answer
    assert [code for code, _ in errors(found)] == [3]


@pytest.mark.parametrize(("rtype", "size", "most"), [(A, 4, 124), (AAAA, 16, 102)])
def test_a_pool_of_100_addresses_and_more_passes(rtype: int, size: int, most: int) -> None:
    pool = [pack("!I", number) * (size // 4) for number in range(most)]
    name = "pool.eu-west-1.compute.example"
    records = [dns_answers.record(rtype, each, owner=name) for each in pool]
    pointed = [(section, b"\xc0\x0c" + data[len(name) + 2 :]) for section, data in records]
    assert not too_large(message(*pointed, name=name, qtype=rtype))
    assert too_large(message(*pointed, *pointed[:10], name=name, qtype=rtype))


@pytest.mark.parametrize(
    "records",
    [
        [dns_answers.record(16, bytes([255]) * 256 * 8) for _ in range(31)],
        [dns_answers.record(46, bytes(300)) for _ in range(60)],
        [dns_answers.record(33, bytes(6) + b"\4host\7example\0") for _ in range(100)],
        [dns_answers.alias(f"chain-{number}.cdn.provider.example") for number in range(16)],
        [service("svc.example", [f"192.0.2.{n}" for n in range(16)] + [f"2001:db8::{n}" for n in range(16)])]
        * 3,
    ],
)
def test_large_answers_of_real_kinds_pass(records: list[dns_answers.Answer]) -> None:
    assert not too_large(message(*records))


def test_nothing_that_udp_carries_is_too_large_but_packed_hints() -> None:
    room = 1232 - len(message(name=NAME))
    for rtype, size in ((A, 4), (AAAA, 16), (16, 1)):
        record = b"\xc0\x0c" + pack("!HHIH", rtype, 1, 60, size) + bytes(size)
        assert not too_large(message(*[(1, record)] * (room // len(record)), name=NAME))
