"""Servers that rest are probed until they answer; servers that lead back to us are found out."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import dns.message

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    ForwardOutcome,
    Question,
    Server,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.dataplane.upstream.probes import LABEL, LOOP_CHECK, LOOP_RECHECK
from filterd.dataplane.upstream.server_order import IDLE, LONGEST_REST
from tests.worlds.upstream import (
    FIRST,
    QUESTION,
    SECOND,
    After,
    World,
    good,
    questions,
    refusing,
    reply,
    silent,
    slow,
    world,
)
from tests.worlds.virtual_time import in_virtual_time

ROOT = Question(b"\0", 2)


def probes(found: World, server: Server) -> list[float]:
    """When ``. NS`` was asked of it."""
    return [
        at
        for name, packet, at in zip(
            found.network.asked, found.network.packets, found.network.times, strict=True
        )
        if name == server.name and packet[12:17] == b"\0\0\2\0\1"
    ]


def leads_back(found: World) -> None:
    """Let the first server forward to us what it is asked, and answer with what we say."""

    async def forwarded(packet: bytes) -> None:
        question = dns.message.from_wire(packet).question[0]
        await found.forwarder.resolve(
            Question((question.name.to_wire() or b"").lower(), int(question.rdtype), int(question.rdclass))
        )

    tasks = []

    def script(packet: bytes) -> After:
        tasks.append(asyncio.create_task(forwarded(packet)))
        return After(0.01, reply(packet, 2).to_wire())

    found.network.udp_scripts[FIRST.host] = script


@in_virtual_time
async def test_in_good_weather_nobody_is_probed_who_is_asked() -> None:
    found = world({FIRST: good, SECOND: good})
    found.forwarder.start()
    for question in questions(40):
        await found.forwarder.resolve(question)
        await asyncio.sleep(1)
    assert probes(found, FIRST) == []
    assert 1 <= len(probes(found, SECOND)) <= 40 // IDLE
    await found.forwarder.close()


@in_virtual_time
async def test_a_resting_server_is_probed_less_and_less_often_and_comes_back() -> None:
    found = world({FIRST: silent, SECOND: good})
    found.forwarder.start()
    await found.forwarder.resolve(QUESTION)
    await asyncio.sleep(120)
    times = probes(found, FIRST)
    pauses = [later - earlier - 1.0 for earlier, later in pairwise(times)]
    assert [round(pause, 3) for pause in pauses][:6] == [0.5, 1, 2, 4, 8, 16]
    assert max(pauses) <= LONGEST_REST + 0.001
    found.network.udp_scripts[FIRST.host] = good
    await asyncio.sleep(LONGEST_REST + 2)
    assert found.forwarder.statuses()[FIRST.name].up
    assert found.notes[-1] == ("an upstream answers again", FIRST.name, "")
    answer = await found.forwarder.resolve(ROOT)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.upstream == FIRST.name
    await found.forwarder.close()


@in_virtual_time
async def test_a_packet_lost_costs_a_server_its_place_for_a_moment_only() -> None:
    found = world({FIRST: slow(0.02), SECOND: slow(0.02)})
    found.forwarder.start()
    await asyncio.sleep(1)
    lost = True

    def losing(packet: bytes) -> ForwardOutcome | After:
        nonlocal lost
        first, lost = lost, False
        return ForwardOutcome.TIMEOUT if first else After(0.02, good(packet))

    found.network.udp_scripts[FIRST.host] = losing
    await found.forwarder.resolve(QUESTION)
    await asyncio.sleep(0.5)
    assert found.forwarder.statuses()[FIRST.name].up
    await found.forwarder.close()


@in_virtual_time
async def test_a_server_that_does_not_like_the_probe_is_alive() -> None:
    def picky(packet: bytes) -> bytes:
        found = refusing(5)(packet) if packet[12] == 0 else good(packet)
        assert isinstance(found, bytes)
        return found

    found = world({FIRST: picky, SECOND: good})
    found.forwarder.start()
    await asyncio.sleep(200)
    assert found.forwarder.statuses()[FIRST.name].up
    assert len(probes(found, FIRST)) <= 20
    await found.forwarder.close()


@in_virtual_time
async def test_a_server_that_leads_back_to_us_is_not_used_until_it_no_longer_does() -> None:
    found = world({FIRST: good, SECOND: good})
    leads_back(found)
    found.forwarder.start()
    await asyncio.sleep(0.1)
    status = found.forwarder.statuses()[FIRST.name]
    assert status.looping
    assert not status.up
    assert found.notes == [("an upstream leads back to this resolver and is not used", FIRST.name, "loop")]
    for question in questions(5):
        answer = await found.forwarder.resolve(question)
        assert isinstance(answer, UpstreamAnswer)
        assert answer.upstream == SECOND.name
    found.network.udp_scripts[FIRST.host] = good
    await asyncio.sleep(LOOP_RECHECK + 1)
    assert found.notes[-1] == ("an upstream no longer leads back to this resolver", FIRST.name, "")
    assert found.forwarder.statuses()[FIRST.name].up
    await found.forwarder.close()


@in_virtual_time
async def test_where_all_lead_back_clients_are_told_that_nobody_can_be_reached() -> None:
    found = world({FIRST: good})
    leads_back(found)
    found.forwarder.start()
    await asyncio.sleep(0.1)
    asked = len(found.network.asked)
    answer = await found.forwarder.resolve(QUESTION)
    assert answer == UpstreamFailure(FailureReason.LOOP)
    assert answer.edes == ((22, b""),)
    assert len(found.network.asked) == asked
    await found.forwarder.close()


@in_virtual_time
async def test_a_loop_that_begins_later_is_found_by_the_silence_that_it_makes() -> None:
    found = world({FIRST: good, SECOND: good})
    found.forwarder.start()
    await asyncio.sleep(LOOP_RECHECK + 1)
    assert found.notes == []

    async def back(packet: bytes) -> None:
        question = dns.message.from_wire(packet).question[0]
        await found.forwarder.resolve(
            Question((question.name.to_wire() or b"").lower(), int(question.rdtype))
        )

    tasks = []

    def script(packet: bytes) -> ForwardOutcome:
        tasks.append(asyncio.create_task(back(packet)))
        return ForwardOutcome.TIMEOUT

    found.network.udp_scripts[FIRST.host] = script
    assert isinstance(await found.forwarder.resolve(QUESTION), UpstreamAnswer)
    await asyncio.sleep(1)
    assert found.forwarder.statuses()[FIRST.name].looping
    await found.forwarder.close()


@in_virtual_time
async def test_another_ones_check_is_a_question_like_any_other() -> None:
    found = world({FIRST: good})
    found.forwarder.start()
    await asyncio.sleep(LOOP_CHECK * 2)
    name = bytes([len(LABEL) + 20]) + LABEL + b"0" * 20 + b"\0"
    assert isinstance(await found.forwarder.resolve(Question(name, 1)), UpstreamAnswer)
    labels = [packet[13:44] for packet in found.network.packets if packet[13:24].lower() == LABEL]
    assert len({label.lower() for label in labels}) >= 3
    await found.forwarder.close()
