"""What an order speaks of that is not in force yet is answered with short TTLs: whoever asks, wherever the
answer is from, whichever record of it the order speaks of."""

from __future__ import annotations

from dataclasses import replace

import dns.message
import dns.rrset
import pytest

from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses
from filterd.dataplane.tables.lines import Lines
from filterd.model.mandatory import Mandate
from filterd.policy.decide import LineHandle, PublishedState
from filterd.policy.resolve import ResolvedPolicy
from tests.unit.dataplane.packet.test_stages import (
    CLASSES,
    LOOPBACK,
    POLICY,
    RULES,
    UNKNOWN,
    answer_to,
    ask,
    codes,
)
from tests.worlds.policy import KEY, NOW, Placed, World

PENDING = Mandate(256, "O-1", pending=True)
FUTURE = Mandate(256, "O-1", not_before=NOW + 3600)
SOON = replace(FUTURE, not_before=NOW + 7)
IN_FORCE = Mandate(256, "O-1")
OPTED_IN, OPTED_OUT = LOOPBACK + b"\x02", LOOPBACK + b"\x03"
ADDRESS, HOST = "203.0.113.5", "www.banned.example."
ORDERED = (*RULES, Placed("203.0.113.0/24", mandatory=256), Placed("safe.example.net", mandatory=300))
FORMS = {
    "its own name": ("www.banned.example", [f"{HOST} A 192.0.2.1"]),
    "an alias": ("good.example", [f"good.example. CNAME {HOST}", f"{HOST} A 192.0.2.1"]),
    "a service target": ("good.example", [f"good.example. HTTPS 1 {HOST}"]),
    "an address": ("good.example", [f"good.example. A {ADDRESS}", "good.example. A 192.0.2.1"]),
    "a mapped address": ("good.example", [f"good.example. AAAA ::ffff:{ADDRESS}"]),
    "a hint": ("good.example", [f"good.example. HTTPS 1 . ipv4hint=192.0.2.1,{ADDRESS}"]),
    "nothing but its own name": ("www.banned.example", []),
}


def state(*mandates: Mandate) -> PublishedState:
    return World(CLASSES, ORDERED, mandates, (ResolvedPolicy(), POLICY)).native


def publish(packets: Plane, published: PublishedState) -> None:
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True))
    lines.upsert(LineHandle(8))
    for last, line in ((2, 7), (3, 8)):
        addresses.set(bytes([127, 0, 0, last]), 32, line)
    packets.publish(published, lines, BindingTables(addresses), True)


def question(name: str, records: list[str]) -> bytes:
    return ask(name, records[0].split()[1] if records and "CNAME" not in records[0] else "A")


def reply_of(query: bytes, records: list[str], ttl: int = 86_400) -> bytes:
    """The upstream's answer; without records a negative one."""
    message = dns.message.from_wire(answer_to(query, *records, rcode=0 if records else 3))
    for rrset in message.answer:
        rrset.ttl = ttl
    if not records:
        soa = "ns.example. host.example. 1 2 3 4 86400"
        message.authority.append(dns.rrset.from_text("example.", ttl, "IN", "SOA", soa))
    return message.to_wire()


def ttls(wire: object) -> set[int]:
    assert isinstance(wire, bytes)
    read = dns.message.from_wire(wire)
    return {rrset.ttl for rrset in (*read.answer, *read.authority)}


def fresh(packets: Plane, query: bytes, records: list[str], client: bytes = UNKNOWN) -> bytes:
    """The answer to the first who asks."""
    waiting = packets.receive(query, client, False, NOW, 1000)
    assert isinstance(waiting, Pending)
    done = packets.finish(waiting, reply_of(query, records), False, [], NOW, 1000)
    assert isinstance(done, bytes)
    return done


@pytest.mark.parametrize("client", [UNKNOWN, OPTED_OUT, OPTED_IN])
@pytest.mark.parametrize(("mandate", "longest"), [(PENDING, 30), (FUTURE, 30), (SOON, 7)])
@pytest.mark.parametrize("form", FORMS)
def test_it_is_capped_fresh_and_cached_and_in_force_afterwards(
    packets: Plane, form: str, mandate: Mandate, longest: int, client: bytes
) -> None:
    name, records = FORMS[form]
    query = question(name, records)
    publish(packets, state(mandate))
    first = fresh(packets, query, records, client)
    assert (ttls(first), codes(first)) == ({longest}, [])
    for tcp in (False, True):
        again = packets.receive(query, client, tcp, NOW, 1001)
        assert isinstance(again, bytes)
        assert (ttls(again), codes(again)) == ({longest}, []), "no code tells a client of it"
    publish(packets, state(mandate).evolve(NOW, mandates=[IN_FORCE]))
    blocked = packets.receive(query, client, False, NOW, 1002)
    assert isinstance(blocked, bytes)
    assert codes(blocked) == [16]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_cached_before_is_capped_from_then_on_and_has_its_ttl_again_after_the_withdrawal(
    packets: Plane, form: str
) -> None:
    name, records = FORMS[form]
    query = question(name, records)
    longest = 86_400 if records else 3_600
    before = state(replace(PENDING, withdrawn=True))
    publish(packets, before)
    assert ttls(fresh(packets, query, records)) == {longest}
    for mandates, expected in (
        ([PENDING], 30),
        ([FUTURE], 30),
        ([replace(PENDING, withdrawn=True)], longest),
    ):
        publish(packets, before := before.evolve(NOW, mandates=mandates))
        for _ in range(2):  # the first computes what stands beside the cached answer, the second reads it
            assert ttls(packets.receive(query, UNKNOWN, False, NOW, 1000)) == {expected}


def test_one_that_is_over_caps_nothing(packets: Plane) -> None:
    publish(packets, state(replace(PENDING, not_after=NOW)))
    name, records = FORMS["its own name"]
    assert ttls(fresh(packets, ask(name), records)) == {86_400}


def test_a_stale_answer_is_capped_too(packets: Plane) -> None:
    publish(packets, state(SOON))
    name, records = FORMS["an alias"]
    query = question(name, records)
    fresh(packets, query, records)
    waiting = packets.receive(query, UNKNOWN, False, NOW, 90_000)
    assert isinstance(waiting, Pending)
    stale = packets.finish(waiting, None, False, [], NOW, 90_000)
    assert isinstance(stale, bytes)
    assert (ttls(stale), codes(stale)) == ({7}, [3])


@pytest.mark.parametrize("number", [256, 300])
def test_a_rewritten_answer_is_capped_for_the_alias_and_for_the_safe_host(
    packets: Plane, number: int
) -> None:
    """An alias leads over an ordered name to a search engine: the safe host is asked for meanwhile."""
    withdrawn = Mandate(556 - number, "O-2", withdrawn=True)
    publish(packets, state(replace(PENDING, id=number), withdrawn))
    query = ask("good.example")
    records = [
        "good.example. CNAME www.banned.example.",
        "www.banned.example. CNAME search.example.",
        "search.example. A 192.0.2.8",
    ]
    waiting = packets.receive(query, OPTED_IN, False, NOW, 1000)
    assert isinstance(waiting, Pending)
    second = packets.finish(waiting, reply_of(query, records), False, [], NOW, 1000)
    assert isinstance(second, Pending)
    target = reply_of(ask("safe.example.net"), ["safe.example.net. A 192.0.2.9"])
    assert ttls(packets.finish(second, target, False, [], NOW, 1000)) == {30}
    assert ttls(packets.receive(query, OPTED_IN, False, NOW, 1000)) == {30}


def test_the_earliest_beginning_bounds_all_and_a_late_node_gives_no_time_at_all(packets: Plane) -> None:
    """The second is what a node says that has not come round to the beginning yet."""
    publish(packets, state(FUTURE, Mandate(300, "O-2", not_before=NOW + 12)))
    name, records = FORMS["its own name"]
    fresh(packets, ask(name), records)
    assert ttls(packets.receive(ask(name), UNKNOWN, False, NOW, 1000)) == {12}
    assert ttls(packets.receive(ask(name), UNKNOWN, False, NOW + 12, 1000)) == {0}


def test_another_name_keeps_its_ttl(packets: Plane) -> None:
    publish(packets, state(PENDING))
    assert ttls(fresh(packets, ask("good.example"), ["good.example. A 192.0.2.1"])) == {86_400}
