"""The forwarder with a network and a clock of the test: no socket, no waiting, every fault on demand."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from filterd.dataplane.upstream.forwarder import Forwarder, Limits
from filterd.dataplane.upstream.network import Accept
from filterd.dataplane.upstream.values import (
    Outcome,
    Question,
    Reason,
    Server,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.wire.names import name_from_text

QUESTION = Question(name_from_text("www.example.org"), 1)
FIRST = Server("192.0.2.1", trusted=True)
SECOND = Server("192.0.2.2")
Datagram = tuple[bytes, tuple[str, int]]
Script = Callable[[bytes], bytes | Outcome | list[Datagram]]


@dataclass(slots=True)
class FakeNetwork:
    """Answers by one script per server; a timeout takes its time on the fake clock."""

    udp_scripts: dict[str, Script]
    tcp_scripts: dict[str, Script] = field(default_factory=dict)
    now: float = 0.0
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def udp(self, server: Server, packet: bytes, accept: Accept, wait: float) -> bytes | Outcome:
        self.asked.append(server.name)
        if self.gate:
            await self.gate.wait()
        result = self.udp_scripts[server.host](packet)
        if isinstance(result, bytes):
            result = [(result, server.address)]
        if isinstance(result, list):
            result = next((data for data, source in result if accept(data, source)), Outcome.TIMEOUT)
        if result is Outcome.TIMEOUT:
            self.now += wait
        return result

    async def tcp(self, server: Server, packet: bytes, wait: float) -> bytes | Outcome:
        self.asked.append(f"tcp {server.name}")
        result = self.tcp_scripts[server.host](packet)
        assert not isinstance(result, list)
        if result is Outcome.TIMEOUT:
            self.now += wait
        return result


def reply(packet: bytes, rcode: int = 0, address: str = "192.0.2.80") -> dns.message.Message:
    query = dns.message.from_wire(packet)
    message = dns.message.make_response(query, recursion_available=True)
    message.set_rcode(dns.rcode.Rcode(rcode))
    if rcode == 0:
        message.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return message


def good(packet: bytes) -> bytes:
    return reply(packet).to_wire()


def refusing(rcode: int) -> Script:
    return lambda packet: reply(packet, rcode).to_wire()


def truncated(packet: bytes) -> bytes:
    message = reply(packet)
    message.answer.clear()
    message.flags |= dns.flags.TC
    return message.to_wire()


def lower_case(packet: bytes) -> bytes:
    wire = good(packet)
    return wire[:12] + QUESTION.name + wire[12 + len(QUESTION.name) :]


def silent(_: bytes) -> Outcome:
    return Outcome.TIMEOUT


def dead(_: bytes) -> Outcome:
    return Outcome.UNREACHABLE


def forwarder(network: FakeNetwork, limits: Limits | None = None) -> Forwarder:
    servers = [server for server in (FIRST, SECOND) if server.host in network.udp_scripts]
    return Forwarder(
        servers, clock=lambda: network.now, bits=random.Random(1), network=network, limits=limits
    )


async def resolved(
    first: Script, second: Script | None = None, tcp: Script | None = None
) -> tuple[UpstreamAnswer | UpstreamFailure, Forwarder, FakeNetwork]:
    scripts = {FIRST.host: first} | ({SECOND.host: second} if second else {})
    network = FakeNetwork(scripts, {FIRST.host: tcp} if tcp else {})
    asking = forwarder(network)
    return await asking.resolve(QUESTION), asking, network


async def test_an_answer_comes_from_the_first_server() -> None:
    answer, asking, network = await resolved(good, good)
    assert isinstance(answer, UpstreamAnswer)
    assert (answer.upstream, answer.rcode, answer.ad, answer.edes) == (FIRST.name, 0, False, ())
    assert network.asked == [FIRST.name]
    assert asking.counts == {(FIRST.name, Outcome.ANSWERED): 1}
    assert asking.outstanding == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (silent, Outcome.TIMEOUT),
        (dead, Outcome.UNREACHABLE),
        (refusing(1), Outcome.REFUSED),
        (refusing(2), Outcome.SERVFAIL),
        (refusing(4), Outcome.REFUSED),
        (refusing(5), Outcome.REFUSED),
        (refusing(16), Outcome.REFUSED),
        (lambda packet: good(packet)[:-1], Outcome.MALFORMED),
    ],
    ids=["silent", "dead", "formerr", "servfail", "notimp", "refused", "badvers", "malformed"],
)
async def test_the_next_server_is_asked_where_one_has_no_answer(fault: Script, outcome: Outcome) -> None:
    answer, asking, network = await resolved(fault, good)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.upstream == SECOND.name
    assert network.asked == [FIRST.name, SECOND.name]
    assert asking.counts == {(FIRST.name, outcome): 1, (SECOND.name, Outcome.ANSWERED): 1}


@pytest.mark.parametrize("rcode", [3, 6])
async def test_other_rcodes_are_answers(rcode: int) -> None:
    answer, _, network = await resolved(refusing(rcode), good)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.rcode == rcode
    assert network.asked == [FIRST.name]


async def test_a_servfail_that_nobody_betters_is_passed_on_with_its_reason() -> None:
    def bogus(packet: bytes) -> bytes:
        message = reply(packet, 2)
        message.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "bogus")])
        return message.to_wire()

    answer, _, network = await resolved(bogus, silent)
    assert isinstance(answer, UpstreamAnswer)
    assert (answer.rcode, answer.edes) == (2, ((6, b"bogus"),))
    assert network.asked == [FIRST.name, SECOND.name]


async def test_nobody_answering_is_a_failure_at_the_deadline() -> None:
    answer, asking, network = await resolved(silent, silent)
    assert answer == UpstreamFailure(Reason.NO_ANSWER)
    assert network.now == pytest.approx(Limits().deadline)
    assert sum(asking.counts.values()) == len(network.asked) == 5


async def test_a_slow_server_is_asked_again() -> None:
    scripts: Iterator[Script] = iter([silent, silent, good])
    answer, _, network = await resolved(lambda packet: next(scripts)(packet))
    assert isinstance(answer, UpstreamAnswer)
    assert network.asked == [FIRST.name] * 3


async def test_servers_that_cannot_be_reached_are_not_asked_again() -> None:
    answer, _, network = await resolved(dead, dead)
    assert answer == UpstreamFailure(Reason.UNREACHABLE)
    assert network.asked == [FIRST.name, SECOND.name]


async def test_refusals_become_a_failure() -> None:
    answer, _, network = await resolved(refusing(5), refusing(4))
    assert answer == UpstreamFailure(Reason.NO_ANSWER)
    assert network.now == 0


async def test_what_is_not_our_answer_is_counted_and_ignored() -> None:
    def crowd(packet: bytes) -> list[Datagram]:
        wire = good(packet)
        here = FIRST.address
        return [
            (wire, ("192.0.2.66", 53)),
            (wire, (FIRST.host, 54)),
            (bytes([wire[0] ^ 1]) + wire[1:], here),
            (wire[:5] + b"\0" + wire[6:], here),
            (wire, here),
        ]

    answer, asking, _ = await resolved(crowd)
    assert isinstance(answer, UpstreamAnswer)
    assert asking.counts == {
        (FIRST.name, Outcome.WRONG_SOURCE): 2,
        (FIRST.name, Outcome.WRONG_ID): 1,
        (FIRST.name, Outcome.WRONG_QUESTION): 1,
        (FIRST.name, Outcome.ANSWERED): 1,
    }


@pytest.mark.parametrize("first", [truncated, lower_case])
async def test_a_cut_answer_or_one_without_its_letter_case_is_asked_for_over_tcp(first: Script) -> None:
    answer, asking, network = await resolved(first, None, lower_case)
    assert isinstance(answer, UpstreamAnswer)
    assert network.asked == [FIRST.name, f"tcp {FIRST.name}"]
    assert asking.counts == {(FIRST.name, Outcome.TCP): 1, (FIRST.name, Outcome.ANSWERED): 1}


@pytest.mark.parametrize(
    ("tcp", "outcome"),
    [
        (dead, Outcome.UNREACHABLE),
        (truncated, Outcome.MALFORMED),
        (lambda packet: b"\0" + good(packet)[1:], Outcome.WRONG_ID),
    ],
)
async def test_a_tcp_answer_that_is_none_leads_to_the_next_server(tcp: Script, outcome: Outcome) -> None:
    answer, asking, network = await resolved(truncated, good, tcp)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.upstream == SECOND.name
    assert asking.counts[FIRST.name, outcome] == 1
    assert network.asked == [FIRST.name, f"tcp {FIRST.name}", SECOND.name]


async def test_ad_is_believed_from_trusted_servers_only() -> None:
    def validated(packet: bytes) -> bytes:
        message = reply(packet)
        message.flags |= dns.flags.AD
        return message.to_wire()

    for first, ad in ((validated, True), (silent, False)):
        answer, _, _ = await resolved(first, validated)
        assert answer.ad == ad


async def test_a_dead_server_is_left_alone_after_three_questions() -> None:
    network = FakeNetwork({FIRST.host: silent, SECOND.host: good})
    asking = forwarder(network)
    for number in range(10):
        await asking.resolve(Question(bytes([1, 97 + number, 0]), 1))
    assert network.asked.count(FIRST.name) < 6
    network.udp_scripts[FIRST.host] = good
    network.now += 60
    await asking.resolve(QUESTION)
    await asking.resolve(QUESTION)
    assert network.asked[-2:] == [FIRST.name, FIRST.name]


async def test_the_same_question_is_asked_once_however_many_wait() -> None:
    network = FakeNetwork({FIRST.host: good}, gate=asyncio.Event())
    asking = forwarder(network)
    same = [asyncio.create_task(asking.resolve(QUESTION)) for _ in range(20)]
    others = [
        Question(QUESTION.name, 28),
        Question(QUESTION.name, 1, 3),
        Question(QUESTION.name, 1, dnssec_ok=True),
        Question(QUESTION.name, 1, checking_disabled=True),
        Question(b"\1a\0", 1),
    ]
    different = [asyncio.create_task(asking.resolve(question)) for question in others]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asking.outstanding == 6
    assert len(network.asked) == 6
    assert network.gate is not None
    network.gate.set()
    answers = await asyncio.gather(*same)
    assert all(answer is answers[0] for answer in answers)
    await asyncio.gather(*different)
    assert asking.coalesced == 19
    assert asking.outstanding == 0


async def test_a_waiter_that_gives_up_harms_no_other() -> None:
    network = FakeNetwork({FIRST.host: good}, gate=asyncio.Event())
    asking = forwarder(network)
    leaving, staying = (asyncio.create_task(asking.resolve(QUESTION)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert network.gate is not None
    network.gate.set()
    assert isinstance(await staying, UpstreamAnswer)
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_too_many_questions_are_refused_at_once() -> None:
    network = FakeNetwork({FIRST.host: good}, gate=asyncio.Event())
    asking = forwarder(network, Limits(outstanding=2))
    waiting = [asyncio.create_task(asking.resolve(Question(bytes([1, at, 0]), 1))) for at in (97, 98)]
    await asyncio.sleep(0)
    assert await asking.resolve(QUESTION) == UpstreamFailure(Reason.OVERLOADED)
    assert asking.overloaded == 1
    assert network.gate is not None
    network.gate.set()
    await asyncio.gather(*waiting)
    assert isinstance(await asking.resolve(QUESTION), UpstreamAnswer)


async def test_closing_ends_what_is_outstanding() -> None:
    network = FakeNetwork({FIRST.host: good}, gate=asyncio.Event())
    asking = forwarder(network)
    waiting = asyncio.create_task(asking.resolve(QUESTION))
    await asyncio.sleep(0)
    await asking.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert asking.outstanding == 0
