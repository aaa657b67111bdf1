"""Servers that lose the letter case or know no EDNS: how they are asked, for how long, and who is told."""

from __future__ import annotations

import asyncio

import dns.message
import dns.rcode

from filterd.dataplane.upstream.capabilities import PLAIN_CASE, REFUSALS, WITHOUT_EDNS, Capabilities
from filterd.dataplane.upstream.forward_types import ForwardOutcome, Question, UpstreamAnswer
from tests.worlds.upstream import FIRST, QUESTION, Script, World, good, questions, reply, world
from tests.worlds.virtual_time import in_virtual_time


def lowering(packet: bytes) -> bytes:
    """Answers in lower case."""
    wire = good(packet)
    end = wire.index(b"\0", 12)
    return wire[:12] + wire[12:end].lower() + wire[end:]


def bare(packet: bytes) -> bytes:
    """Answers questions without EDNS, and others with FORMERR."""
    if dns.message.from_wire(packet).opt is None:
        return good(packet)
    message = reply(packet, dns.rcode.FORMERR)
    message.use_edns(False)
    return message.to_wire()


def barest(packet: bytes) -> bytes:
    """As a server that gives back nothing but the header."""
    return good(packet) if dns.message.from_wire(packet).opt is None else bare(packet)[:4] + bytes(8)


async def ask_all(found: World, count: int) -> None:
    for question in questions(count):
        assert isinstance(await found.forwarder.resolve(question), UpstreamAnswer)


@in_virtual_time
async def test_after_three_answers_in_another_letter_case_mixing_ends_for_an_hour() -> None:
    found = world({FIRST: lowering}, {FIRST: lowering})
    long = [Question(bytes([20]) + bytes([97 + at]) * 20 + b"\0", 1) for at in range(10)]
    for question in long:
        assert isinstance(await found.forwarder.resolve(question), UpstreamAnswer)
    assert found.counted(FIRST, ForwardOutcome.TCP) == 3
    assert [event for event, _, _ in found.notes] == [
        "an upstream does not keep letter case and is asked in lower case for an hour"
    ]
    await asyncio.sleep(PLAIN_CASE)
    await found.forwarder.resolve(Question(long[0].name, 28))
    assert found.counted(FIRST, ForwardOutcome.TCP) == 4


@in_virtual_time
async def test_a_server_that_keeps_letter_case_most_of_the_time_is_asked_in_mixed_case() -> None:
    found = world({FIRST: good}, {FIRST: good})
    for turn in range(12):
        found.network.udp_scripts[FIRST.host] = lowering if turn % 3 else good
        question = Question(bytes([20]) + bytes([97 + turn]) * 20 + b"\0", 1)
        assert isinstance(await found.forwarder.resolve(question), UpstreamAnswer)
    assert found.counted(FIRST, ForwardOutcome.TCP) == 8
    assert found.notes == []


async def without_edns(script: Script) -> World:
    found = world({FIRST: script})
    await ask_all(found, 10)
    return found


@in_virtual_time
async def test_a_server_that_never_spoke_edns_is_asked_without_at_once() -> None:
    for script in (bare, barest):
        found = await without_edns(script)
        assert found.counted(FIRST, ForwardOutcome.WITHOUT_EDNS) == 1
        assert len(found.network.asked) == 11
        assert len(found.notes) == 1
        await asyncio.sleep(WITHOUT_EDNS)
        await found.forwarder.resolve(QUESTION)
        assert found.counted(FIRST, ForwardOutcome.WITHOUT_EDNS) == 2


@in_virtual_time
async def test_one_that_spoke_edns_is_believed_after_three_refusals_only() -> None:
    found = world({FIRST: good})
    await ask_all(found, 3)
    found.network.udp_scripts[FIRST.host] = barest
    for question in questions(10)[3:5]:
        await found.forwarder.resolve(question)
    found.network.udp_scripts[FIRST.host] = good
    await found.forwarder.resolve(questions(10)[5])
    assert found.notes == []
    found.network.udp_scripts[FIRST.host] = barest
    for question in questions(20)[10:]:
        await found.forwarder.resolve(question)
    assert found.counted(FIRST, ForwardOutcome.WITHOUT_EDNS) == 2 + REFUSALS
    assert len(found.notes) == 1


@in_virtual_time
async def test_a_server_that_refuses_either_way_refuses() -> None:
    def stubborn(packet: bytes) -> bytes:
        message = reply(packet, dns.rcode.NOTIMP)
        message.use_edns(False)
        return message.to_wire()

    found = world({FIRST: stubborn})
    await found.forwarder.resolve(QUESTION)
    assert found.counted(FIRST, ForwardOutcome.WITHOUT_EDNS) == 1
    assert found.counted(FIRST, ForwardOutcome.REFUSED) == 1
    assert found.notes == []


def test_padding_is_for_encrypted_ways() -> None:
    assert Capabilities(encrypted=True).form(0.0).padded
    assert not Capabilities(encrypted=False).form(0.0).padded
