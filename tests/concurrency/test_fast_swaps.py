"""What is in force is replaced while threads answer: no query sees half of it, none is lost."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import dns.message
import pytest

from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.epoch import collect
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.upstream.thread_route import ThreadHop
from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.resolve import ResolvedPolicy
from tests.unit.dataplane.conftest import SEED, Rules
from tests.worlds.fast import (
    BANNED,
    CLIENTS,
    Crew,
    client,
    codes,
    crew,
    has_answer,
    make_packets,
    publish,
    query,
    until,
)
from tests.worlds.fast_load import load, reply_to, upstream
from tests.worlds.listener import Answer, Served, make_served
from tests.worlds.policy import NOW, Placed, World
from tests.worlds.rate import wide

pytestmark = pytest.mark.usefixtures("fast_switching", "nothing_is_kept")
SWAPS = 100
FLOW = 64
"""answers that come between two swaps"""
CHILD = "127.0.0.8"
LISTED = "listed.example"
ADULT = ListClass("adult", Kind.CATEGORY, 8, category="adult")


# --- half of a state ---


@dataclass(frozen=True)
class Policy:
    """A state, and the tables that belong to it: beside another, the listed name is answered otherwise."""

    world: World
    place: int
    """of the line's policy"""

    def put_in_force(self, packets: Plane) -> None:
        lines, addresses = Lines(SEED), Addresses(SEED)
        lines.upsert(LineHandle(self.place + 1, policy=self.place, opted_in=True))
        addresses.set(wide(CHILD), 128, self.place + 1)
        packets.publish(self.world.native, lines, BindingTables(addresses), True)


def policy(place: int, mode: BlockingMode, generation: int) -> Policy:
    """The policies before this place restrict nothing."""
    policies = (ResolvedPolicy(),) * place + (ResolvedPolicy(categories=ADULT.mask, mode=mode),)
    world = World(Classes((*FIXED, ADULT)), (Placed(LISTED, 8),), policies=policies, generation=generation)
    return Policy(world, place)


POLICIES = (
    policy(0, BlockingMode.NXDOMAIN, 1),
    policy(1, BlockingMode.SINKHOLE, 2),
    policy(2, BlockingMode.NODATA, 3),
)
SETTINGS = (
    Rules(),
    replace(Rules(), block_ttl=60, sinkholes=((bytes([192, 0, 2, 91]), None),) * 4),
    replace(Rules(), block_ttl=90, sinkholes=((bytes([192, 0, 2, 92]), None),) * 4),
)


def test_no_query_sees_one_state_and_the_lines_of_another() -> None:
    """Such a query would not be blocked. Recorded packets, since threads are then busy all the time."""
    packets = make_packets()
    POLICIES[0].put_in_force(packets)
    sent = [(query(LISTED), wide(CHILD))] * 4
    ended = threading.Event()
    missed = [0, 0]

    def spin(number: int, fast: FastThread) -> None:
        driver = Driver(fast)
        while not ended.is_set():
            missed[number] += 500 * len(sent) - driver.spin(sent, 500, NOW, 1_000_000)

    with crew(packets, 2) as made:
        threads = [threading.Thread(target=spin, args=each) for each in enumerate(made.fast)]
        for thread in threads:
            thread.start()
        for turn in range(4000):
            POLICIES[turn % 3].put_in_force(packets)
        ended.set()
        for thread in threads:
            thread.join()
        assert all(fast.take() is None for fast in made.fast)
    assert missed == [0, 0]


def test_each_answer_is_that_of_one_state_and_one_configuration() -> None:
    """On sockets, from first to last byte."""
    packets = make_packets()
    wire = query(LISTED)
    allowed, fronts = Prefixes(SEED, CLIENTS), Prefixes(SEED, ["127.0.0.7/32"])

    def put_in_force(turn: int) -> None:
        POLICIES[turn % 3].put_in_force(packets)
        packets.change_settings(allowed, SETTINGS[turn // 3 % 3], None, fronts)

    def flood() -> None:
        with client(CHILD) as sock:
            sock.connect(("127.0.0.1", port))
            while not ended.is_set():
                for _ in range(32):
                    sock.send(wire)
                seen.update(sock.recv(4096) for _ in range(32))

    whole: set[bytes] = set()
    for policy in POLICIES:
        policy.put_in_force(packets)
        for settings in SETTINGS:
            packets.change_settings(allowed, settings, None, fronts)
            answer = packets.receive(wire, wide(CHILD), False, NOW, 1.0)
            assert isinstance(answer, bytes)
            whole.add(answer)
    assert len(whole) > 6, "they can be told apart"

    ended = threading.Event()
    seen: set[bytes] = set()
    with crew(packets, 2) as made, made.at_work():
        _, port = made.open()
        threads = [threading.Thread(target=flood) for _ in range(2)]
        for thread in threads:
            thread.start()
        turn = 0
        while turn < 2000 or seen < whole:
            put_in_force(turn)
            turn += 1
            assert turn < 100_000, "threads do not see every state"
        ended.set()
        for thread in threads:
            thread.join()
    assert seen == whole


# --- swaps under load ---


@dataclass
class Answering:
    """The slow path's upstreams, should a thread leave something to them."""

    parked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def forward(self, pending: Pending, waited: float = 0.0, doubted: bool = False) -> Answer:
        if pending.name.startswith(b"\6parked"):
            self.parked.set()
            await self.gate.wait()
        question = pending.name + pending.qtype.to_bytes(2, "big") + b"\0\1"
        return Answer(reply_to(bytes(4) + b"\0\1" + bytes(6) + question))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Two threads, without upstreams at first."""
    made = make_served(threads=2)
    made.path.upstreams = Answering()
    made.start()
    yield made
    await made.close()


def unlisted(generation: int) -> World:
    """An order stands on :data:`BANNED` always, and on ``at-times.example`` in odd generations."""
    rules = [Placed(BANNED, mandatory=1)]
    if generation % 2:
        rules.append(Placed("at-times.example", mandatory=1, live=generation % 4 == 1))
    rules += [Placed(f"n{generation}-{number}.example", mandatory=1) for number in range(20)]
    return World(Classes(FIXED), tuple(rules), (Mandate(1, "1"),), generation=generation + 2)


def hop(port: int, mixed_case: bool) -> ThreadHop:
    return ThreadHop("upstream", "127.0.0.1", port, False, mixed_case, True, 10_000)


async def in_thread(work: Callable[[], None]) -> None:
    await asyncio.to_thread(work)


async def test_a_hundred_swaps_under_load_lose_no_query_and_open_no_banned_name(served: Served) -> None:
    """Of names that are banned, cached, and asked of an upstream; 64 are on their way at any time."""
    with upstream() as port:
        served.routes.publish([hop(port, False)])
        publish(served.packets, unlisted(0))
        with load(served.udp_port, BANNED, "www.example.org", "n{}.example.org", f"n{{}}.{BANNED}") as going:

            def swap() -> None:
                for turn in range(SWAPS):
                    publish(served.packets, unlisted(turn))
                    if turn % 10 == 0:
                        served.routes.publish([hop(port, turn % 20 == 0)])
                    going.wait_for_more(FLOW)

            await in_thread(swap)
        found = going.found()
    assert set(found) == {
        (BANNED, "16"),
        (f"n{{}}.{BANNED}", "16"),
        ("www.example.org", "answered"),
        ("n{}.example.org", "answered"),
    }
    assert sum(found.values()) >= SWAPS * FLOW
    assert served.drops() == {}


async def test_a_name_that_is_banned_at_times_is_answered_by_one_state_or_the_other(served: Served) -> None:
    """Also where the answer is in the cache, inspected under the state before."""
    with upstream() as port:
        served.routes.publish([hop(port, True)])
        publish(served.packets, unlisted(0))
        with load(served.udp_port, "at-times.example", "n{}.at-times.example", BANNED) as going:

            def swap() -> None:
                for turn in range(SWAPS):
                    publish(served.packets, unlisted(turn))
                    going.wait_for_more(FLOW)

            await in_thread(swap)
        found = going.found()
    for kind in ("at-times.example", "n{}.at-times.example"):
        assert found.pop((kind, "16")) > 0
        assert found.pop((kind, "answered")) > 0
    assert set(found) == {(BANNED, "16")}
    assert served.drops() == {}


async def test_swaps_with_one_thread_idle_one_busy_and_one_coroutine_parked(served: Served) -> None:
    """What was replaced is freed though a query waits since before it, and that query gets what is in force
    when its answer comes."""
    upstreams = served.path.upstreams
    assert isinstance(upstreams, Answering)
    publish(served.packets, unlisted(0))
    with client() as sock, crew(served.packets) as idle, idle.at_work():
        sock.connect(("127.0.0.1", served.udp_port))
        sock.send(query("parked.at-times.example"))
        await asyncio.wait_for(upstreams.parked.wait(), 20)
        with load(served.udp_port, BANNED) as going:

            def swap() -> None:
                for turn in range(SWAPS):
                    publish(served.packets, unlisted(turn))
                    if turn % 5 == 0:
                        going.wait_for_more(1)
                until(lambda: collect() == 0)

            await in_thread(swap)
            publish(served.packets, unlisted(1))
        assert set(going.found()) == {(BANNED, "16")}
        assert idle.fast[0].counts().datagrams == 0
        upstreams.gate.set()
        answer = await asyncio.to_thread(sock.recv, 4096)
    assert codes(dns.message.from_wire(answer)) == [16]


# --- listening sockets and rings under load ---


def test_doors_that_come_and_go_under_load_answer_from_their_own_address() -> None:
    """Two addresses take each other's place in the threads' lists."""
    packets = make_packets()
    sources: set[tuple[object, object]] = set()
    ended = threading.Event()

    def flood(place: tuple[str, int]) -> None:
        with client() as sock:
            while not ended.is_set():
                sock.sendto(query(BANNED), place)
                while has_answer(sock):
                    sources.add((place, sock.recvfrom(4096)[1]))

    hosts = ("127.0.0.2", "127.0.0.3")
    with crew(packets, 2) as made:
        opened = {host: made.open(host) for host in hosts}
        ports = {host: port for host, (_, port) in opened.items()}
        threads = [threading.Thread(target=flood, args=(place,)) for place in ports.items()]
        with made.at_work():
            for thread in threads:
                thread.start()
            turn = 0
            while turn < 300 or len(sources) < 2:
                turn += 1
                assert turn < 20_000, "one of them is never answered"
                for host in hosts if turn % 2 else reversed(hosts):
                    made.shut(opened.pop(host)[0])
                    collect()
                for host in hosts:
                    opened[host] = reopened(made, host, ports[host])
            ended.set()
            for thread in threads:
                thread.join()
    assert sources == {(place, place) for place in ports.items()}


def reopened(made: Crew, host: str, port: int) -> tuple[tuple[int, ...], int]:
    """The address served again; the sockets from before may take a moment to go."""
    found: list[tuple[tuple[int, ...], int]] = []

    def is_free() -> bool:
        collect()
        try:
            found.append(made.open(host, port))
        except OSError:
            return False
        return True

    until(is_free)
    return found[0]


def test_each_punt_is_taken_once_in_the_order_of_its_thread_and_answered() -> None:
    """While the threads put, another takes; nobody has more than its share on the way."""
    packets = make_packets()
    publish(packets, World(Classes(FIXED)))
    taken: Counter[bytes] = Counter()
    orders: dict[int, list[float]] = {}
    asked = 0
    with crew(packets, 2) as made:
        _, port = made.open()
        ended = threading.Event()

        def answer() -> None:
            while not ended.is_set():
                for number, fast in enumerate(made.fast):
                    while (punted := fast.take()) is not None:
                        taken[punted.pending.name] += 1
                        orders.setdefault(number, []).append(punted.came)
                        name = punted.pending.name
                        # The id is the client's affair: it is in the name.
                        number_of = int(name[1 : 1 + name[0]].decode().rsplit("-", 1)[1]) & 0xFFFF
                        wire = number_of.to_bytes(2, "big") + bytes(2) + b"\0\1" + bytes(6) + name
                        assert fast.answer(punted, reply_to(wire + b"\0\1\0\1"))

        taker = threading.Thread(target=answer)
        with made.at_work():
            taker.start()
            for _ in range(16):  # the kernel may lead all sockets of a load to one thread
                with load(port, "{}.org") as going:
                    going.wait_for_more(3000)
                asked += sum(each.asked for each in going.clients)
                if len(orders) == 2:
                    break
            ended.set()
            taker.join()
        assert set(taken.values()) == {1}
        assert all(each == sorted(each) for each in orders.values())
        assert len(orders) == 2
        assert made.drops("punts_full") == made.drops("punts_unfair") == 0


def test_counts_are_read_beside_threads_that_count() -> None:
    """They never fall, and in the end they are what came."""
    packets = make_packets()
    with crew(packets, 2) as made, made.at_work():
        _, port = made.open()
        before = (0, 0)
        with load(port, BANNED, LISTED.replace("listed", "banned")) as going:
            for _ in range(300):
                counts = packets.counts()
                now = (counts["queries"]["udp"], counts["verdicts"].get(("block", "mandatory"), 0))
                assert now >= before
                assert now[0] >= now[1]
                before = now
            going.wait_for_more(500)
        assert packets.counts()["verdicts"] == {("block", "mandatory"): going.answered}
        assert sum(sum(fast.counts().times) for fast in made.fast) == going.answered
