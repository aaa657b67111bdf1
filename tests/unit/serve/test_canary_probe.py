"""The probe of canaries: what it asks, and how each answer is judged."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    Question,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.model.records import CanaryState
from filterd.policy.canary import Canary
from filterd.serve.canary_probe import CanaryProbe, ProbeTarget, ask_listener
from filterd.telemetry import log
from filterd.wire.names import name_from_text, name_to_text
from tests.worlds import dns_answers

CANARIES = (Canary("police", "police.canary.example"), Canary("other", "other.canary.example"))
HERE = ProbeTarget(ip_address("127.0.0.1"), 5300)
THERE = ProbeTarget(ip_address("::1"), 5300)
SERVED = UpstreamAnswer(dns_answers.message(dns_answers.address("192.0.2.1")), 0, False, (), "u")
EMPTY = UpstreamAnswer(dns_answers.message(), 0, False, (), "u")
DENIED = UpstreamAnswer(dns_answers.message(), 3, False, (), "u")
FAILED = UpstreamFailure(FailureReason.NO_ANSWER)


def reply(query: bytes, code: str = "NXDOMAIN", *edes: int) -> bytes:
    """An answer to a query with these extended errors."""
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked, recursion_available=True)
    answer.set_rcode(dns.rcode.from_text(code))
    answer.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode(each)) for each in edes])
    return answer.to_wire()


class Upstreams:
    """Answers every question alike, and keeps what it was asked."""

    def __init__(self, answer: UpstreamAnswer | UpstreamFailure) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def forward(self, pending: Question) -> UpstreamAnswer | UpstreamFailure:
        self.asked.append(name_to_text(pending.name))
        return self.answer


class World:
    """A probe whose listeners answer as the test says."""

    def __init__(
        self,
        answer: Callable[[ProbeTarget, bytes], bytes | None],
        upstream: UpstreamAnswer | UpstreamFailure = SERVED,
        targets: Sequence[ProbeTarget] = (HERE,),
    ) -> None:
        self.answer = answer
        self.upstreams = Upstreams(upstream)
        self.canaries: Sequence[Canary] = CANARIES[:1]
        self.now = 1000.0
        self.asked: list[tuple[ProbeTarget, str]] = []
        self.probe = CanaryProbe(
            lambda: self.canaries, lambda: targets, self.upstreams, lambda: self.now, 60.0, self._exchange
        )

    async def _exchange(self, target: ProbeTarget, query: bytes) -> bytes | None:
        asked = dns.message.from_wire(query)
        assert asked.flags & dns.flags.RD
        assert asked.edns == 0
        self.asked.append((target, str(asked.question[0].name).rstrip(".")))
        return self.answer(target, query)

    async def state(self) -> tuple[CanaryState, str]:
        await self.probe.turn()
        (result,) = self.probe.results
        return result.state, result.reason


def always(code: str, *edes: int) -> Callable[[ProbeTarget, bytes], bytes]:
    return lambda target, query: reply(query, code, *edes)


@pytest.mark.parametrize(
    ("code", "edes", "state"),
    [
        ("NXDOMAIN", (16,), CanaryState.BLOCKED),
        ("NOERROR", (16,), CanaryState.BLOCKED),
        ("NOERROR", (4, 16), CanaryState.BLOCKED),
        ("NXDOMAIN", (), CanaryState.PASSED),
        ("NOERROR", (), CanaryState.PASSED),
        ("NXDOMAIN", (17,), CanaryState.PASSED),
        ("NXDOMAIN", (15,), CanaryState.PASSED),
        ("REFUSED", (18,), CanaryState.UNJUDGED),
        ("SERVFAIL", (14,), CanaryState.UNJUDGED),
        ("SERVFAIL", (22,), CanaryState.UNJUDGED),
    ],
)
async def test_an_answer_is_judged_by_extended_error_16(
    code: str, edes: tuple[int, ...], state: CanaryState
) -> None:
    assert (await World(always(code, *edes)).state())[0] is state


@pytest.mark.parametrize("upstream", [EMPTY, DENIED, FAILED])
async def test_a_name_that_is_not_served_proves_nothing_by_being_blocked(upstream: Any) -> None:
    state, reason = await World(always("NOERROR", 16), upstream).state()
    assert state is CanaryState.UNJUDGED
    assert reason == "the upstreams have no address for it: see the zone in canary.zone"


@pytest.mark.parametrize("upstream", [EMPTY, DENIED, FAILED])
async def test_a_name_that_passes_passes_whatever_the_upstreams_say(upstream: Any) -> None:
    assert (await World(always("NXDOMAIN"), upstream).state())[0] is CanaryState.PASSED


async def test_one_listener_that_lets_it_pass_decides() -> None:
    def answer(target: ProbeTarget, query: bytes) -> bytes:
        return reply(query, "NOERROR", *(() if target is THERE else (16,)))

    world = World(answer, targets=(HERE, THERE))
    assert await world.state() == (
        CanaryState.PASSED,
        "[::1]:5300: answered without extended error 16",
    )


async def test_silence_is_asked_again_and_then_told() -> None:
    world = World(lambda target, query: None)
    assert await world.state() == (CanaryState.UNJUDGED, "127.0.0.1:5300: no answer")
    assert len(world.asked) == 2


async def test_what_is_no_message_and_a_listener_that_is_gone() -> None:
    assert (await World(lambda target, query: query[:7]).state())[1].endswith("the answer is no DNS message")

    def refuse(target: ProbeTarget, query: bytes) -> bytes:
        raise ConnectionRefusedError(111, "Connection refused")

    assert (await World(refuse).state())[1] == "127.0.0.1:5300: Connection refused"
    assert (await World(always("NOERROR", 16), targets=()).state())[1] == "no listen address is served"


async def test_nothing_but_canary_names_is_ever_asked_for() -> None:
    """Over many turns in which everything happens, at the listeners and at the upstreams."""
    turns = 40
    answers = itertools.cycle(
        (always("NOERROR", 16), always("NXDOMAIN"), always("REFUSED", 18), always("SERVFAIL", 14))
    )
    world = World(lambda target, query: next(answers)(target, query), targets=(HERE, THERE))
    world.canaries = CANARIES
    for turn in range(turns):
        world.upstreams.answer = (SERVED, DENIED, FAILED)[turn % 3]
        world.canaries = (CANARIES, CANARIES[:1], ())[turn % 5 % 3]
        await world.probe.turn()
    names = {each.name for each in CANARIES}
    assert {name for _, name in world.asked} == names
    assert set(world.upstreams.asked) == names


async def test_the_last_success_is_kept_and_a_list_that_is_gone_is_forgotten() -> None:
    world = World(always("NOERROR", 16))
    await world.probe.turn()
    world.now, world.answer = 1060.0, always("NOERROR")
    await world.probe.turn()
    (result,) = world.probe.results
    assert (result.state, result.tested_at, result.succeeded_at) == (CanaryState.PASSED, 1060.0, 1000.0)
    world.canaries = ()
    await world.probe.turn()
    assert world.probe.results == ()


async def test_each_change_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("resolver")
    world = World(always("NOERROR", 16))
    for answer in (always("NOERROR", 16), always("NOERROR"), always("NOERROR"), always("NOERROR", 16)):
        world.answer = answer
        await world.probe.turn()
    told = [line for line in capsys.readouterr().err.splitlines() if "canary" in line]
    assert len(told) == 2
    assert "the list does not block here" in told[0]
    assert "is blocked again" in told[1]


async def test_a_fault_in_one_test_does_not_end_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("resolver")
    world = World(always("NOERROR", 16))
    world.canaries = (Canary("police", "secret..example"),)  # no name
    world.probe.interval = 0.001
    running = asyncio.create_task(world.probe.run())
    async with asyncio.timeout(20):
        while not (told := capsys.readouterr().err):
            await asyncio.sleep(0.01)
        assert world.probe.results == ()
        world.canaries = CANARIES
        while len(world.probe.results) < len(CANARIES):
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "a test of canaries failed" in told
    assert "secret" not in told


async def test_a_query_over_a_socket_is_from_loopback_and_ends_by_itself() -> None:
    """A listener that answers the wrong id first; then one that never answers."""
    loop = asyncio.get_running_loop()
    seen: list[tuple[bytes, str]] = []

    class Listener(asyncio.DatagramProtocol):
        transport: asyncio.DatagramTransport

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            seen.append((data, addr[0]))
            if not data.startswith(b"\r\n"):
                self.transport.sendto(b"\0\0forged", addr)
                self.transport.sendto(reply(data, "NOERROR", 16), addr)

    transport, _ = await loop.create_datagram_endpoint(Listener, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        query = b"\xab\xcd\1\0\0\1\0\0\0\0\0\0" + name_from_text("police.canary.example") + b"\0\1\0\1"
        answer = await ask_listener(ProbeTarget(HERE.address, port), query)
        assert answer is not None
        assert answer.startswith(b"\xab\xcd")
        assert await ask_listener(ProbeTarget(HERE.address, port, proxy=True), query) is None
        assert seen[1][0].endswith(query)
        assert {address for _, address in seen} == {"127.0.0.1"}
    finally:
        transport.close()
