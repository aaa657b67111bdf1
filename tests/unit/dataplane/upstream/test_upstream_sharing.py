"""One health for both paths: what threads report moves the order, and the order is what they are shown."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from filterd.dataplane.upstream.capabilities import MISMATCHES, PLAIN_CASE, REFUSALS, WITHOUT_EDNS
from filterd.dataplane.upstream.forward_types import Server, Tls
from filterd.dataplane.upstream.health_sharing import HealthSharing
from filterd.dataplane.upstream.server_order import REFUSALS_TO_PROBE
from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop
from tests.worlds.upstream import FIRST, QUESTION, SECOND, THIRD, World, good, refusing, world
from tests.worlds.virtual_time import in_virtual_time

SECURE = Server("192.0.2.4", 853, tls=Tls("dns.example", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
SCOPED = Server("fe80::1%lo")


@dataclass
class Threads:
    """What they are shown, and what the test says that they count."""

    shown: list[ThreadHop] = field(default_factory=list)
    counted: dict[str, RouteReport] = field(default_factory=dict)

    def publish(self, hops: Sequence[ThreadHop], /) -> None:
        self.shown = list(hops)

    def reports(self) -> Mapping[str, RouteReport]:
        return dict(self.counted)

    @property
    def order(self) -> list[str]:
        return [hop.name for hop in self.shown]

    def count(self, server: Server, **more: int) -> None:
        """Count so much more; times are the later ones."""
        before = self.counted.get(server.name, RouteReport())
        change = {
            word: value if word.endswith(("_at", "_since")) else getattr(before, word) + value
            for word, value in more.items()
        }
        self.counted[server.name] = before._replace(**change)


def now() -> int:
    """Microseconds."""
    return int(asyncio.get_running_loop().time() * 1e6)


def sharing(*servers: Server) -> tuple[World, Threads, HealthSharing]:
    found = world(dict.fromkeys(servers, good))
    threads = Threads()
    made = found.forwarder.share(threads)
    made.turn()
    return found, threads, made


def heard(threads: Threads, server: Server, **more: int) -> None:
    threads.count(server, heard=10, answered=10, micros=200_000, heard_at=now(), **more)


@in_virtual_time
async def test_upstreams_are_shown_in_their_order_with_what_is_set() -> None:
    _, threads, _ = sharing(FIRST, SECOND)
    assert threads.shown == [
        ThreadHop("192.0.2.1:53", "192.0.2.1", 53, True, True, True, 2048),
        ThreadHop("192.0.2.2:53", "192.0.2.2", 53, False, True, True, 2048),
    ]


@in_virtual_time
async def test_nothing_is_shown_from_the_first_on_that_cannot_be_asked_plainly() -> None:
    assert sharing(SECURE, FIRST)[1].order == []
    assert sharing(FIRST, SECURE, SECOND)[1].order == [FIRST.name]
    assert sharing(FIRST, SCOPED, SECOND)[1].order == [FIRST.name]


@in_virtual_time
async def test_what_threads_hear_is_known_to_the_slow_path() -> None:
    found, threads, made = sharing(FIRST, SECOND)
    heard(threads, FIRST)
    made.turn()
    assert found.forwarder.statuses()[FIRST.name].latency == 0.02
    made.turn()
    threads.count(FIRST, heard=1, micros=20_000, heard_at=now())
    made.turn()
    assert found.forwarder.statuses()[FIRST.name].latency == 0.02


@in_virtual_time
async def test_a_far_slower_one_goes_behind() -> None:
    _, threads, made = sharing(FIRST, SECOND)
    threads.count(FIRST, heard=1, micros=300_000, heard_at=now())
    threads.count(SECOND, heard=1, micros=1_000, heard_at=now())
    made.turn()
    assert threads.order == [SECOND.name, FIRST.name]


@in_virtual_time
async def test_silence_makes_it_rest_and_an_answer_brings_it_back() -> None:
    found, threads, made = sharing(FIRST, SECOND)
    sent = now()
    await asyncio.sleep(0.4)
    threads.count(FIRST, sent=1, silent_since=sent)
    made.turn()
    assert threads.order == [SECOND.name]
    assert not found.forwarder.statuses()[FIRST.name].up
    assert ("an upstream rests", FIRST.name, "silent") in found.notes
    await asyncio.sleep(0.1)
    made.turn()
    heard(threads, FIRST)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]
    assert found.notes[-1][0] == "an upstream answers again"


@in_virtual_time
async def test_who_answered_another_question_meanwhile_is_not_silent() -> None:
    _, threads, made = sharing(FIRST, SECOND)
    sent = now()
    await asyncio.sleep(0.2)
    heard(threads, FIRST)
    await asyncio.sleep(0.2)
    threads.count(FIRST, silent_since=sent)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]


@in_virtual_time
async def test_an_answer_to_the_slow_path_counts_as_well() -> None:
    """What threads heard before does not make it forgotten."""
    found, threads, made = sharing(FIRST, SECOND)
    early = now()
    await asyncio.sleep(0.2)
    sent = now()
    await asyncio.sleep(0.1)
    await found.forwarder.resolve(QUESTION)
    await asyncio.sleep(0.3)
    threads.count(FIRST, heard=1, micros=1000, heard_at=early, silent_since=sent)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]
    await found.forwarder.close()


@in_virtual_time
async def test_unreachable_makes_it_rest_unless_it_was_heard_since() -> None:
    _, threads, made = sharing(FIRST, SECOND)
    threads.count(FIRST, unreachable=3, unreachable_at=now())
    made.turn()
    assert threads.order == [SECOND.name]
    await asyncio.sleep(0.01)
    threads.count(FIRST, unreachable=1, unreachable_at=now())
    await asyncio.sleep(0.01)
    heard(threads, FIRST)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]


@in_virtual_time
async def test_refusals_in_a_row_make_a_probe_due_and_it_rests_if_that_is_refused_too() -> None:
    found, threads, made = sharing(FIRST, SECOND)
    found.network.udp_scripts[FIRST.host] = refusing(5)
    found.forwarder.start()
    threads.count(FIRST, heard=100, micros=100, heard_at=now(), refused=50, answered=50)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]
    threads.count(FIRST, heard=1, micros=1, heard_at=now(), malformed=REFUSALS_TO_PROBE - 1)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]
    threads.count(FIRST, heard=1, micros=1, heard_at=now(), refused=1000)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name], "what clients ask does not make it rest"
    await asyncio.sleep(0.01)
    made.turn()
    assert threads.order == [SECOND.name]
    assert ("an upstream rests", FIRST.name, "refused") in found.notes
    heard(threads, FIRST)
    made.turn()
    assert threads.order == [FIRST.name, SECOND.name]
    await found.forwarder.close()


def form(threads: Threads) -> tuple[bool, bool]:
    return threads.shown[0].mixed_case, threads.shown[0].edns


@in_virtual_time
async def test_manners_are_learnt() -> None:
    _, threads, made = sharing(FIRST)
    threads.count(FIRST, case_lost=MISMATCHES, case_kept=1)
    made.turn()
    threads.count(FIRST, case_lost=MISMATCHES - 1)
    made.turn()
    assert form(threads) == (True, True)
    threads.count(FIRST, case_lost=1)
    made.turn()
    assert form(threads) == (False, True)
    threads.count(FIRST, edns_spoken=1)
    made.turn()
    threads.count(FIRST, edns_refused=REFUSALS - 1)
    made.turn()
    assert form(threads) == (False, True)
    threads.count(FIRST, edns_refused=1)
    made.turn()
    assert form(threads) == (False, False)
    await asyncio.sleep(max(PLAIN_CASE, WITHOUT_EDNS))
    made.turn()
    assert form(threads) == (True, True)


@in_virtual_time
async def test_one_that_never_spoke_edns_is_believed_at_once() -> None:
    found, threads, made = sharing(FIRST)
    threads.count(FIRST, edns_refused=1)
    made.turn()
    assert form(threads) == (True, False)
    assert found.notes == [("an upstream knows no EDNS and is asked without for a while", FIRST.name, "")]


@in_virtual_time
async def test_what_was_counted_before_is_no_news() -> None:
    found = world(dict.fromkeys((FIRST, SECOND, THIRD), good))
    threads = Threads()
    threads.count(FIRST, heard=5, micros=5_000_000, heard_at=now(), unreachable=1, unreachable_at=now() + 1)
    found.forwarder.share(threads).turn()
    assert threads.order == [FIRST.name, SECOND.name, THIRD.name]
    assert found.forwarder.statuses()[FIRST.name].latency == 0.0


@in_virtual_time
async def test_where_nobody_is_well_threads_ask_nobody() -> None:
    _, threads, made = sharing(FIRST, SECOND)
    threads.count(FIRST, unreachable=1, unreachable_at=now())
    threads.count(SECOND, unreachable=1, unreachable_at=now())
    made.turn()
    assert threads.order == []
