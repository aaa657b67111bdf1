"""Waiting for upstreams: stale answers in time, refreshes for nobody, and what is popular asked for early."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import dns.edns
import dns.message
import dns.rcode
import pytest

from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.slow import refreshing
from filterd.dataplane.slow.quota import WaitingQuota
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.policy.classes import FIXED, Classes
from tests.unit.dataplane.conftest import Rules
from tests.worlds.cache_answers import answer, negative
from tests.worlds.policy import World

CLIENT = bytes(10) + b"\xff\xff\x7f\0\0\1"
TTL = 300


@dataclass
class SetClock:
    """The time that a test says."""

    seconds: float = 1000.0

    def now(self) -> int:
        return 1_800_000_000 + int(self.seconds)

    def ticks(self) -> float:
        return self.seconds


@dataclass
class Came:
    message: bytes | None
    ad: bool = False
    edes: tuple[tuple[int, bytes], ...] = ()


@dataclass
class Upstreams:
    """Gives ``came`` while ``gate`` is open, and counts what it is asked."""

    came: Came
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    waited: list[float] = field(default_factory=list)

    async def forward(self, pending: Pending, waited: float = 0.0, doubted: bool = False) -> Came:
        self.asked += 1
        self.waited.append(waited)
        await self.gate.wait()
        return self.came


@dataclass
class Bench:
    packets: Plane
    upstreams: Upstreams
    clock: SetClock
    path: SlowPath
    sent: list[dns.message.Message] = field(default_factory=list)

    def take(self, name: str = "www.example.org") -> asyncio.Task[None] | None:
        query = dns.message.make_query(name, "A", use_edns=0).to_wire()
        return self.path.take(memoryview(query), CLIENT, False, self.send)

    def send(self, wire: bytes) -> None:
        self.sent.append(dns.message.from_wire(wire))

    async def ask(self, name: str = "www.example.org") -> dns.message.Message:
        task = self.take(name)
        if task is not None:
            await task
        return self.sent.pop()


@pytest.fixture
async def bench(packets: Plane) -> AsyncIterator[Bench]:
    packets.publish(World(Classes(FIXED)).native, Lines(bytes(16)), BindingTables(Addresses(bytes(16))), True)
    upstreams = Upstreams(Came(answer(ttl=TTL)))
    upstreams.gate.set()
    clock = SetClock()
    path = SlowPath(packets, upstreams, clock, AnswerCounts(), stale_answer=0.05)
    yield Bench(packets, upstreams, clock, path)
    await path.close()


def subnet_query(host: int) -> memoryview:
    """What a forwarder asks for 192.0.2.HOST."""
    subnet = dns.edns.ECSOption(f"192.0.2.{host}", 32)
    query = dns.message.make_query(f"n{host}.example", "A", use_edns=0, options=[subnet])
    return memoryview(query.to_wire())


async def settle() -> None:
    """Let the tasks that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def codes(message: dns.message.Message) -> list[int]:
    return [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]


def ttl_of(message: dns.message.Message) -> int:
    return message.answer[0].ttl


async def test_slow_upstreams_get_a_client_the_stale_answer_and_the_cache_the_new_one(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.gate.clear()
    stale = await bench.ask()
    assert (ttl_of(stale), codes(stale), stale.rcode()) == (30, [3], dns.rcode.NOERROR)
    bench.upstreams.gate.set()
    await settle()
    fresh = await bench.ask()
    assert (ttl_of(fresh), codes(fresh), bench.upstreams.asked) == (TTL, [], 2)
    assert bench.packets.counts()["lookups"] == {"hit": 1, "stale": 1, "miss": 2, "prefetch": 0}


async def test_what_a_thread_has_waited_for_an_upstream_is_said(bench: Bench) -> None:
    news = os.eventfd(0)
    thread = FastThread(bench.packets, Routes(1), 0, news, bytes(16))
    query = dns.message.make_query("www.example.org", "A").to_wire()
    Driver(thread).drive([(query, CLIENT)], bench.clock.now(), int(bench.clock.seconds * 1e6))
    os.close(news)
    bench.clock.seconds += 1.2
    punted = thread.take()
    assert punted is not None
    task = bench.path.resume(punted, bench.send)
    assert task is not None
    await task
    assert bench.upstreams.waited == [pytest.approx(1.2)]
    assert bench.sent.pop().rcode() == dns.rcode.NOERROR


async def test_a_stale_denial_says_so(bench: Bench) -> None:
    bench.upstreams.came = Came(negative())
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.gate.clear()
    stale = await bench.ask()
    assert (stale.rcode(), codes(stale)) == (dns.rcode.NXDOMAIN, [19])


async def test_upstreams_in_time_get_a_client_the_new_answer(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    fresh = await bench.ask()
    assert (ttl_of(fresh), codes(fresh)) == (TTL, [])


async def test_who_comes_while_a_refresh_is_slow_does_not_wait_again(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.gate.clear()
    await bench.ask()
    bench.clock.seconds += 1
    tasks = [bench.take() for _ in range(5)]
    await settle()
    assert all(task is not None and task.done() for task in tasks)
    assert [codes(message) for message in bench.sent] == [[3]] * 5
    assert bench.upstreams.asked == 2


async def test_a_refresh_that_failed_is_not_tried_for_30_seconds(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.came = Came(None, edes=((22, b""),))
    assert codes(await bench.ask()) == [3]
    bench.clock.seconds += 29
    assert codes(await bench.ask()) == [3]
    assert bench.upstreams.asked == 2
    bench.clock.seconds += 1
    bench.upstreams.came = Came(answer(ttl=TTL))
    assert codes(await bench.ask()) == []
    assert bench.upstreams.asked == 3


async def test_an_upstream_s_servfail_does_not_hide_what_is_stale(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.came = Came(answer(rcode=2, data=""), edes=((23, b""),))
    stale = await bench.ask()
    assert (stale.rcode(), codes(stale), ttl_of(stale)) == (dns.rcode.NOERROR, [3], 30)


async def test_what_proved_to_be_bogus_ends_what_was_stale(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.came = Came(answer(rcode=2, data=""), edes=((6, b""),))
    for _ in range(2):
        bogus = await bench.ask()
        assert (bogus.rcode(), codes(bogus)) == (dns.rcode.SERVFAIL, [6])
    assert bench.upstreams.asked == 2


async def test_what_is_popular_is_refreshed_once_before_it_is_over(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL // 2
    await bench.ask()
    bench.clock.seconds += TTL // 2 - TTL // 10
    bench.upstreams.gate.clear()
    for _ in range(3):
        assert ttl_of(await bench.ask()) == TTL // 10
        await settle()
    assert bench.upstreams.asked == 2
    bench.upstreams.gate.set()
    await settle()
    assert ttl_of(await bench.ask()) == TTL
    assert bench.packets.counts()["lookups"] == {"hit": 4, "stale": 0, "miss": 1, "prefetch": 1}


async def test_what_was_never_asked_for_again_is_not_refreshed(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL - 1
    await bench.ask()
    await settle()
    assert bench.upstreams.asked == 1


async def test_an_early_refresh_that_fails_leaves_the_answer(bench: Bench) -> None:
    await bench.ask()
    await bench.ask()
    bench.clock.seconds += TTL - 2
    bench.upstreams.came = Came(None)
    await bench.ask()
    await settle()
    assert ttl_of(await bench.ask()) == 2
    bench.clock.seconds += 2
    assert codes(await bench.ask()) == [3]
    assert bench.upstreams.asked == 2


async def test_refreshes_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshing, "MAX_PREFETCHES", 0)
    monkeypatch.setattr(refreshing, "MAX_REFRESHES", 0)
    await bench.ask()
    await bench.ask()
    bench.clock.seconds += TTL - 1
    await bench.ask()
    await settle()
    assert bench.upstreams.asked == 1
    bench.clock.seconds += 1
    assert (codes(await bench.ask()), bench.upstreams.asked) == ([], 2)


async def test_who_finds_no_place_to_wait_gets_what_is_stale(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WaitingQuota, "take", lambda places, client: "too_many_waiting")
        assert codes(await bench.ask()) == [3]
        assert bench.take("other.example.org") is None
    await settle()
    assert bench.path.counts.drops == {"too_many_waiting": 1}
    assert (codes(await bench.ask()), bench.upstreams.asked) == ([], 2)


async def test_closing_gives_up_refreshes(bench: Bench) -> None:
    await bench.ask()
    bench.clock.seconds += TTL
    bench.upstreams.gate.clear()
    await bench.ask()
    await bench.path.close()
    bench.upstreams.gate.set()
    assert codes(await bench.ask()) == []


async def test_places_for_waiting_go_by_the_client_that_a_sender_names(bench: Bench) -> None:
    forwarders = Prefixes(bytes(16), ["127.0.0.0/8"])
    bench.packets.change_settings(Prefixes(bytes(16), ["192.0.2.0/24"]), Rules(), forwarders)
    bench.path._quota = WaitingQuota(3)
    bench.upstreams.gate.clear()
    taken = [bench.path.take(subnet_query(host), CLIENT, False, bench.send) for host in (1, 1, 2)]
    assert None not in taken
    assert bench.path.take(subnet_query(3), CLIENT, False, bench.send) is None
    assert bench.path.counts.drops == {"too_many_waiting": 1}
    bench.upstreams.gate.set()
