"""Several servers and one question: who is asked when, and what a dead or slow one costs."""

from __future__ import annotations

import asyncio
import random

import pytest

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    ForwardOutcome,
    Question,
    Server,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.dataplane.upstream.probes import LABEL
from tests.worlds.upstream import (
    FIRST,
    QUESTION,
    SECOND,
    THIRD,
    After,
    Datagram,
    Script,
    World,
    dead,
    good,
    questions,
    refusing,
    silent,
    slow,
    world,
)
from tests.worlds.virtual_time import VirtualLoop, in_virtual_time


async def timed(found: World, question: Question) -> tuple[UpstreamAnswer | UpstreamFailure, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    return await found.forwarder.resolve(question), loop.time() - began


@pytest.mark.parametrize(("fault", "cost"), [(silent, 0.4), (dead, 0.0)])
@in_virtual_time
async def test_a_dead_server_costs_one_client_400_ms_at_most(fault: Script, cost: float) -> None:
    found = world({FIRST: fault, SECOND: good})
    waits = []
    for question in questions(20):
        answer, seconds = await timed(found, question)
        assert isinstance(answer, UpstreamAnswer)
        waits.append(seconds)
    assert waits == pytest.approx([cost] + [0.0] * 19)
    assert found.network.asked.count(FIRST.name) == 1
    await asyncio.sleep(1)
    rests = "silent" if fault is silent else "unreachable"
    assert found.notes == [("an upstream rests", FIRST.name, rests)]


@in_virtual_time
async def test_a_server_that_dies_costs_all_who_ask_in_that_moment_400_ms_and_nobody_later() -> None:
    found = world({FIRST: slow(0.005), SECOND: slow(0.005)})
    for question in questions(100):
        await found.forwarder.resolve(question)
    found.network.udp_scripts[FIRST.host] = silent
    later = [Question(each.name, 28) for each in questions(200)]
    results = await asyncio.gather(*(timed(found, question) for question in later))
    assert all(isinstance(answer, UpstreamAnswer) for answer, _ in results)
    assert max(seconds for _, seconds in results) <= 0.406
    hedged = found.counted(SECOND, ForwardOutcome.HEDGE)
    assert hedged == sum(seconds < 0.1 for _, seconds in results)
    assert hedged >= 16
    _, seconds = await timed(found, QUESTION)
    assert seconds == pytest.approx(0.005)


@in_virtual_time
async def test_an_unusually_late_answer_is_asked_for_elsewhere_too() -> None:
    found = world({FIRST: slow(0.02), SECOND: slow(0.03)})
    for question in questions(40):
        await found.forwarder.resolve(question)
    assert found.network.asked.count(SECOND.name) == 0
    found.network.udp_scripts[FIRST.host] = slow(0.3)
    answer, seconds = await timed(found, QUESTION)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.upstream == SECOND.name
    assert seconds == pytest.approx(0.051)
    assert found.counted(SECOND, ForwardOutcome.HEDGE) == 1
    await asyncio.sleep(1)
    assert found.counted(FIRST, ForwardOutcome.ANSWERED) == 41, "the late answer is heard, and counted"
    assert found.notes == []


@in_virtual_time
async def test_the_first_good_answer_wins() -> None:
    found = world({FIRST: slow(0.02), SECOND: refusing(2)})
    for question in questions(40):
        await found.forwarder.resolve(question)
    found.network.udp_scripts[FIRST.host] = slow(0.1)
    answer, seconds = await timed(found, QUESTION)
    assert isinstance(answer, UpstreamAnswer)
    assert (answer.upstream, answer.rcode) == (FIRST.name, 0)
    assert seconds == pytest.approx(0.1)
    assert found.counted(SECOND, ForwardOutcome.SERVFAIL) == 1


@pytest.mark.ring("night")
@in_virtual_time
async def test_hedges_are_a_small_part_of_the_questions() -> None:
    found = world({FIRST: slow(0.02), SECOND: slow(0.02)})
    for question in questions(40):
        await found.forwarder.resolve(question)
    late = 0

    def turning(packet: bytes) -> After:
        nonlocal late
        late += 1
        return After(0.35 if late % 2 else 0.02, good(packet))

    found.network.udp_scripts[FIRST.host] = turning
    for question in questions(1040)[40:]:
        await found.forwarder.resolve(question)
    assert found.counted(SECOND, ForwardOutcome.HEDGE) <= 1040 * 0.1 + 16


@in_virtual_time
async def test_a_name_that_takes_long_is_waited_for_and_the_server_keeps_its_place() -> None:
    found = world({FIRST: slow(0.01), SECOND: silent})
    name_asked = False

    def busy(packet: bytes) -> After:
        nonlocal name_asked
        first, name_asked = not name_asked, True
        return After(1.2 if first else 0.01, good(packet))

    found.network.udp_scripts[FIRST.host] = busy
    long = asyncio.create_task(timed(found, QUESTION))
    for question in questions(40):
        await asyncio.sleep(0.05)
        assert isinstance(await found.forwarder.resolve(question), UpstreamAnswer)
    answer, seconds = await long
    assert isinstance(answer, UpstreamAnswer)
    assert seconds < 1.3
    assert ("an upstream rests", FIRST.name, "silent") not in found.notes


@in_virtual_time
async def test_all_silent_servers_are_asked_again_until_the_end() -> None:
    found = world({FIRST: silent, SECOND: silent, THIRD: silent})
    answer, seconds = await timed(found, QUESTION)
    assert answer == UpstreamFailure(FailureReason.NO_ANSWER)
    assert seconds == pytest.approx(4.0)
    assert {found.network.asked.count(server.name) for server in (FIRST, SECOND, THIRD)} <= {2, 3}


@in_virtual_time
async def test_one_server_that_loses_packets_is_asked_again_soon() -> None:
    found = world({FIRST: silent})
    began = asyncio.get_running_loop().time()
    await found.forwarder.resolve(QUESTION)
    assert [at - began for at in found.network.times] == pytest.approx([0, 0.4, 0.8, 1.6, 2.4])


@in_virtual_time
async def test_a_full_server_is_passed_over() -> None:
    small = Server(FIRST.host, outstanding=2)
    found = world({small: slow(0.3), SECOND: slow(0.1)})
    answers = await asyncio.gather(*(found.forwarder.resolve(each) for each in questions(10)))
    by = [answer.upstream for answer in answers if isinstance(answer, UpstreamAnswer)]
    assert (by.count(small.name), by.count(SECOND.name)) == (2, 8)
    await asyncio.sleep(1)
    assert found.forwarder.statuses()[small.name].outstanding == 0


@in_virtual_time
async def test_where_all_are_full_there_is_no_answer_and_no_blame() -> None:
    small = Server(FIRST.host, outstanding=1)
    found = world({small: slow(0.3)})
    first, second = await asyncio.gather(*(found.forwarder.resolve(each) for each in questions(2)))
    assert isinstance(first, UpstreamAnswer)
    assert second == UpstreamFailure(FailureReason.OVERLOADED)
    assert found.forwarder.statuses()[small.name].up


@in_virtual_time
async def test_a_server_that_refuses_everything_is_asked_after_the_others() -> None:
    found = world({FIRST: refusing(5), SECOND: good})
    found.forwarder.start()
    for question in questions(20):
        assert isinstance(await found.forwarder.resolve(question), UpstreamAnswer)
        await asyncio.sleep(0.001)
    refused = [packet for name, packet in asked(found) if name == FIRST.name and b"\3www" in packet.lower()]
    assert len(refused) <= 9, "after eight in a row it was asked a question of our own"
    assert found.notes == [("an upstream rests", FIRST.name, "refused")]
    assert not found.forwarder.statuses()[FIRST.name].up
    await found.forwarder.close()


@pytest.mark.ring("night")
@in_virtual_time
async def test_a_client_cannot_make_a_server_rest_with_names_that_are_refused() -> None:
    """Neither by many of them nor for long; each is asked elsewhere at once, and our own are few."""

    def particular(packet: bytes) -> bytes | ForwardOutcome | After | list[Datagram]:
        ours = packet[12:13] == b"\0" or LABEL in packet.lower()
        return good(packet) if ours else refusing(5)(packet)

    found = world({FIRST: particular, SECOND: good})
    found.forwarder.start()
    for question in questions(600):
        assert isinstance(await found.forwarder.resolve(question), UpstreamAnswer)
        await asyncio.sleep(0.02)
    assert found.notes == []
    assert found.forwarder.statuses()[FIRST.name].up
    own = [packet for name, packet in asked(found) if name == FIRST.name and packet[12:13] == b"\0"]
    assert 1 <= len(own) <= 7, "one in two seconds, for twelve seconds"
    await found.forwarder.close()


def asked(found: World) -> list[tuple[str, bytes]]:
    """Each question with the name of its server."""
    return list(zip(found.network.asked, found.network.packets, strict=True))


@in_virtual_time
async def test_nothing_is_left_when_it_is_closed_in_the_middle() -> None:
    found = world({FIRST: silent, SECOND: silent})
    waiting = [asyncio.create_task(found.forwarder.resolve(each)) for each in questions(5)]
    await asyncio.sleep(0.5)
    await found.forwarder.close()
    assert all(task.done() for task in waiting)
    assert found.network.closed
    assert {status.outstanding for status in found.forwarder.statuses().values()} == {0}
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.ring("night")
@pytest.mark.parametrize(("servers", "lost"), [((FIRST,), 8), ((FIRST, SECOND), 1)])
@in_virtual_time
async def test_with_thirty_percent_of_the_packets_lost_nearly_all_are_answered(
    servers: tuple[Server, ...], lost: int
) -> None:
    chance = random.Random(11)

    def losing(packet: bytes) -> ForwardOutcome | After:
        return ForwardOutcome.TIMEOUT if chance.random() < 0.3 else After(0.02, good(packet))

    found = world(dict.fromkeys(servers, losing))
    found.forwarder.start()
    failures = 0
    for question in questions(1000):
        failures += isinstance(await found.forwarder.resolve(question), UpstreamFailure)
    assert failures <= lost
    await found.forwarder.close()


@in_virtual_time
async def test_our_own_pause_is_not_the_servers_silence() -> None:
    found = world({FIRST: slow(0.02)})
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    asking = asyncio.create_task(found.forwarder.resolve(QUESTION))
    await asyncio.sleep(0.01)
    loop.skip(1.0)
    assert isinstance(await asking, UpstreamAnswer)
    await asyncio.sleep(1)
    assert found.notes == []
