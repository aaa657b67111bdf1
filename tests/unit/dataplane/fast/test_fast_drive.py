"""A thread of the fast path driven with recorded packets: what each gets, and what is left to others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables, Front
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.resolve import ResolvedPolicy
from tests.unit.dataplane.conftest import SEED, Rules
from tests.worlds.cache_answers import answer
from tests.worlds.fast import (
    BANNED,
    FRONT,
    banning,
    codes,
    make_packets,
    publish,
    query,
    rcode_of,
    read,
    recorded,
)
from tests.worlds.listener import proxied
from tests.worlds.policy import NOW, Placed, World
from tests.worlds.rate import wide

RING, SHARE = 1024, 128
TICKS = 5000
MICROS = TICKS * 1_000_000
TTL = 300
Sent = tuple[bytes, bytes]


def thread_of(packets: Plane, number: int = 0) -> FastThread:
    """One that no event loop listens to."""
    return FastThread(packets, Routes(1), number, _news(), SEED)


def _news() -> int:
    return _NEWS


_NEWS = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)


@pytest.fixture
def packets() -> Plane:
    return make_packets()


@pytest.fixture
def fast(packets: Plane) -> FastThread:
    return thread_of(packets)


def drive(fast: FastThread, sent: list[Sent], later: int = 0) -> list[bytes | None]:
    """``later``: seconds."""
    return Driver(fast).drive(sent, NOW + later, MICROS + later * 1_000_000)


def ask(fast: FastThread, name: str, client: str = "192.0.2.1", later: int = 0) -> bytes | None:
    """One query."""
    (found,) = drive(fast, recorded([query(name)], client), later)
    return found


def misses(network: str, count: int) -> list[Sent]:
    """Queries that nobody knows the answer of, from ``network`` with its last part filled in."""
    return [
        each
        for number in range(count)
        for each in recorded([query(f"n{number}.org")], network.format(number % 250 + 1))
    ]


def known(packets: Plane, name: str = "www.example.org", ttl: int = TTL) -> None:
    """Have an answer cached at :data:`TICKS`."""
    pending = packets.receive(query(name), wide("192.0.2.1"), False, NOW, TICKS)
    assert isinstance(pending, Pending)
    assert packets.finish(pending, answer(f"{name}.", ttl=ttl), False, (), NOW, TICKS)


def taken(fast: FastThread) -> Iterator[tuple[PuntReason, bytes]]:
    """What is left to the slow path: why, and the name."""
    while (punted := fast.take()) is not None:
        yield PuntReason(punted.reason), punted.pending.name


# --- each packet and its answer ---

KINDS = (
    recorded([query(BANNED)])[0],
    recorded([query(f"www.{BANNED}", "AAAA")], "2001:db8::1")[0],
    recorded([query("localhost")])[0],
    recorded([query("www.example.org")])[0],
    recorded([query("unknown.example")])[0],
    recorded([query(BANNED)], "203.0.113.9")[0],
    recorded([query(BANNED)[:-1]])[0],
    recorded([query(BANNED)[:20]])[0],
    recorded([query(BANNED)[:11]])[0],
    recorded([b""])[0],
    recorded([query(BANNED)[:2] + b"\x81" + query(BANNED)[3:]])[0],
    recorded([query(BANNED)[:2] + b"\x11" + query(BANNED)[3:]])[0],
    recorded([proxied("192.0.2.9") + query(BANNED)], FRONT)[0],
    recorded([proxied("203.0.113.9") + query(BANNED)], FRONT)[0],
    recorded([query(BANNED)], FRONT)[0],
    recorded([proxied("192.0.2.9")], FRONT)[0],
    recorded([proxied("192.0.2.9") + query("localhost")])[0],
)


def slow_answer(packets: Plane, sent: Sent) -> bytes | None:
    """What the slow path's entry says to the same, None for silence and where an upstream has to be asked."""
    packet, client = sent
    header = len(proxied("192.0.2.9"))
    if client == wide(FRONT):
        if not packet.startswith(proxied("192.0.2.9")[:12]):
            return None
        client, packet = wide(".".join(map(str, packet[16:20]))), packet[header:]
    front = Front(sent[1], sent[0][:header]) if client != sent[1] else None
    found = packets.receive(packet, client, False, NOW, TICKS, front)
    return None if isinstance(found, Pending) else found


@given(st.lists(st.sampled_from(range(len(KINDS))), max_size=200))
def test_each_packet_gets_its_own_answer_however_they_are_mixed(kinds: list[int]) -> None:
    packets = make_packets()
    known(packets)
    sent = [KINDS[kind] for kind in kinds]
    assert drive(thread_of(packets), sent) == [slow_answer(packets, each) for each in sent]


def test_the_kinds_of_packets_are_what_they_should_be(packets: Plane, fast: FastThread) -> None:
    known(packets)
    blocked, refused, silence = dns.rcode.NXDOMAIN, dns.rcode.REFUSED, None
    assert [rcode_of(each) for each in drive(fast, list(KINDS))] == [
        *(blocked, blocked, dns.rcode.NOERROR, dns.rcode.NOERROR, silence, refused),
        *(dns.rcode.FORMERR, dns.rcode.FORMERR, silence, silence, silence, dns.rcode.NOTIMP),
        *(blocked, refused, silence, silence, dns.rcode.NOTIMP),
    ]
    assert list(taken(fast)) == [(PuntReason.FORWARD, b"\7unknown\7example\0")]
    assert fast.counts().drops["no_proxy_header"] == 1
    drops = packets.counts()["drops"]
    assert (drops["short"], drops["not_a_query"]) == (3, 1)


def test_what_may_not_be_driven_is_refused(fast: FastThread) -> None:
    for sent in ([(bytes(4097), bytes(16))], [(b"", bytes(4))]):
        with pytest.raises(ValueError, match="of at most 4096 bytes and a client of 16"):
            Driver(fast).drive(sent, NOW, MICROS)
    for first in (-1, 65535):
        with pytest.raises(ValueError, match="places from 0 to 65535"):
            Driver(fast).drive(recorded([query(BANNED)] * 2), NOW, MICROS, first)
    for seed, number in ((b"short", 0), (SEED, 63)):
        with pytest.raises(ValueError, match=r"a seed has 16 bytes|63 threads at most"):
            FastThread(make_packets(), Routes(1), number, _NEWS, seed)


def test_without_a_state_everyone_is_told_that_it_is_not_ready(packets: Plane, fast: FastThread) -> None:
    publish(packets, None)
    found = read(ask(fast, BANNED))
    assert (found.rcode(), codes(found)) == (dns.rcode.SERVFAIL, [14])


def test_a_thread_sees_what_is_shown_from_its_next_turn_on(packets: Plane, fast: FastThread) -> None:
    assert rcode_of(ask(fast, BANNED)) == dns.rcode.NXDOMAIN
    publish(packets, banning("other.example"))
    assert ask(fast, BANNED) is None
    assert codes(read(ask(fast, "other.example"))) == [16]
    packets.change_settings(Prefixes(SEED, ["198.51.100.0/24"]), replace(Rules(), identity=""))
    assert rcode_of(ask(fast, "other.example")) == dns.rcode.REFUSED
    assert rcode_of(ask(fast, "other.example", FRONT)) == dns.rcode.REFUSED, "nobody is a front any more"


# --- punts ---


def test_punts_come_in_order_with_who_asked_and_when(fast: FastThread) -> None:
    for place, host in enumerate(("192.0.2.1", "2001:db8::1", "192.0.2.3")):
        assert ask(fast, f"n{place}.org", host, place) is None
    found = []
    while (punted := fast.take()) is not None:
        found.append((punted.pending.name, punted.pending.client, punted.came, punted.reason))
    assert found == [
        (b"\2n0\3org\0", wide("192.0.2.1"), float(TICKS), PuntReason.FORWARD),
        (b"\2n1\3org\0", wide("2001:db8::1"), TICKS + 1.0, PuntReason.FORWARD),
        (b"\2n2\3org\0", wide("192.0.2.3"), TICKS + 2.0, PuntReason.FORWARD),
    ]


@pytest.mark.parametrize(
    ("network", "same", "other"),
    [
        ("192.0.2.{}", "192.0.2.255", "198.51.100.1"),
        ("2001:db8:0:{:x}::1", "2001:db8:0:ff::5", "2001:db8:0:100::1"),
    ],
)
def test_a_prefix_has_a_share_of_the_ring(fast: FastThread, network: str, same: str, other: str) -> None:
    drive(fast, misses(network, SHARE + 10))
    ask(fast, "same.org", same)
    assert fast.counts().drops["punts_unfair"] == 11
    ask(fast, "other.org", other)
    assert fast.counts().drops["punts_unfair"] == 11
    assert len(list(taken(fast))) == SHARE + 1
    drive(fast, misses(network, SHARE))
    assert fast.counts().drops["punts_unfair"] == 11, "what was taken makes room"
    assert len(list(taken(fast))) == SHARE


def filled(fast: FastThread) -> int:
    """Fill the ring with as many prefixes as it takes; how many exchanges were sent in vain."""
    sent = 0
    for number in range(32):
        drive(fast, misses(f"2001:db8:{number:x}::{{:x}}", SHARE))
        sent += SHARE
        if fast.counts().drops["punts_full"]:
            break
    return sent - RING


def test_a_ring_that_is_full_is_said_and_has_room_again(fast: FastThread) -> None:
    beyond = filled(fast)
    drops = fast.counts().drops
    assert drops["punts_full"] > 0
    assert drops["punts_full"] + drops["punts_unfair"] == beyond
    assert fast.counts().punts[PuntReason.FORWARD] == RING
    assert fast.take() is not None
    assert ask(fast, "late.org", "198.51.100.1") is None
    assert ask(fast, "later.org", "198.51.100.1") is None
    assert fast.counts().drops["punts_full"] == drops["punts_full"] + 1
    assert [name for _, name in taken(fast)][-1] == b"\4late\3org\0"
    assert len(list(taken(fast))) == 0


def test_where_a_stale_answer_stands_by_the_slow_path_waits_first(packets: Plane, fast: FastThread) -> None:
    known(packets)
    assert ask(fast, "www.example.org", later=TTL) is None
    assert list(taken(fast)) == [(PuntReason.STALE, b"\3www\7example\3org\0")]


@pytest.mark.parametrize("full", [False, True])
def test_a_stale_answer_is_given_where_the_slow_path_takes_no_more(
    packets: Plane, fast: FastThread, full: bool
) -> None:
    known(packets)
    if full:
        filled(fast)
    else:
        drive(fast, misses("192.0.2.{}", SHARE))
    before = fast.counts().drops
    stale = read(ask(fast, "www.example.org", later=TTL))
    assert (stale.rcode(), codes(stale), stale.answer[0].ttl) == (dns.rcode.NOERROR, [3], 30)
    assert fast.counts().drops == before, "it has its answer"
    assert all(reason is PuntReason.FORWARD for reason, _ in taken(fast))


def test_what_is_popular_and_nearly_over_is_left_to_be_asked_again(packets: Plane, fast: FastThread) -> None:
    known(packets)
    for _ in range(3):
        assert ask(fast, "www.example.org")
    assert ask(fast, "www.example.org", later=TTL - 2)
    assert list(taken(fast)) == [(PuntReason.REFRESH, b"\3www\7example\3org\0")]
    filled(fast)
    before = fast.counts()
    known(packets, "again.example.org")
    for _ in range(3):
        assert ask(fast, "again.example.org")
    assert ask(fast, "again.example.org", later=TTL - 2)
    assert fast.counts().drops == before.drops, "a full ring takes nobody's answer"


# --- counts ---


def test_counts_are_summed_over_threads_and_the_slow_path(packets: Plane) -> None:
    threads = [thread_of(packets, number) for number in range(3)]
    known(packets)
    for number, fast in enumerate(threads):
        drive(fast, recorded([query(BANNED)] * (number + 1)) + recorded([query("www.example.org")]))
        drive(fast, recorded([query(BANNED)], "203.0.113.9"))
    packets.receive(query(BANNED), wide("192.0.2.1"), True, NOW, TICKS)
    del threads, fast
    counts = packets.counts()
    assert counts["queries"] == {"udp": 13, "tcp": 1}
    assert counts["verdicts"]["block", "mandatory"] == 7
    assert counts["refused"] == 3
    assert counts["lookups"]["hit"] == 3


def test_driven_packets_have_no_response_time(fast: FastThread) -> None:
    drive(fast, recorded([query(BANNED)] * 100))
    assert sum(fast.counts().times) == fast.counts().seconds == 0


def category_world(category: str, generation: int) -> World:
    """The first free class is this category's, and a profile blocks it."""
    listed = ListClass(category, Kind.CATEGORY, 8, category=category)
    return World(
        Classes((*FIXED, listed)),
        (Placed("listed.example", 8),),
        policies=(ResolvedPolicy(categories=listed.mask),),
        generation=generation,
    )


def put_in_force(packets: Plane, world: World, client: str = "192.0.2.1") -> None:
    """With one line, which has the first profile."""
    lines, addresses = Lines(SEED), Addresses(SEED)
    lines.upsert(LineHandle(7, policy=0, opted_in=True))
    address = wide(client)
    addresses.set(address, 128, 7)
    packets.publish(world.native, lines, BindingTables(addresses), True)


def test_blocks_are_counted_for_the_category_that_the_bit_stood_for(packets: Plane) -> None:
    """Over more snapshots than there are kept counters, and by two threads, of which one looks away at
    times."""
    often, seldom = thread_of(packets, 0), thread_of(packets, 1)
    sent = recorded([query("listed.example")])
    expected: dict[str, int] = {}
    for turn in range(30):
        category = ("adult", "gambling", "games")[turn % 3]
        put_in_force(packets, category_world(category, turn + 1))
        threads = (often, seldom) if turn % 4 == 0 else (often,)
        for fast in threads:
            assert codes(read(drive(fast, sent)[0])) == [17]
        expected[category] = expected.get(category, 0) + len(threads)
        if turn % 7 == 0:
            assert packets.counts()["categories"] == expected
    assert packets.counts()["categories"] == expected


# --- the budget of a turn ---


def test_what_is_ready_is_sent_before_a_long_batch_is_over(fast: FastThread) -> None:
    """A group is eight packets. By the first clock the turn began long ago, by the second it has not yet."""
    batch = recorded([query(BANNED)] * 24)
    for began, least in ((0, 8), (2**62, 0)):
        before = fast.counts().sent_early
        assert None not in Driver(fast).drive(batch, NOW, began)
        sent = fast.counts().sent_early - before
        assert sent >= least
        assert least or not sent
    before = fast.counts().sent_early
    assert None not in Driver(fast).drive(batch[:8], NOW, 0)
    assert fast.counts().sent_early == before, "one group alone is sent at its end"
