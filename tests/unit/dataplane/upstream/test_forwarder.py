"""The forwarder with a network and a clock of the test: no socket, no waiting, every fault on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import dns.edns
import dns.flags
import pytest

from filterd.dataplane.upstream.forward_types import (
    FailureReason,
    ForwardOutcome,
    Question,
    UpstreamAnswer,
    UpstreamFailure,
)
from filterd.dataplane.upstream.peer import MOST_DOUBTED, NEAR_MISSES
from filterd.dataplane.upstream.race import RaceLimits
from tests.worlds.upstream import (
    FIRST,
    QUESTION,
    SECOND,
    Datagram,
    Script,
    World,
    dead,
    good,
    questions,
    referral,
    refusing,
    reply,
    silent,
    slow,
    truncated,
    with_records,
    world,
)
from tests.worlds.virtual_time import in_virtual_time


def lower_case(packet: bytes) -> bytes:
    wire = good(packet)
    return wire[:12] + QUESTION.name + wire[12 + len(QUESTION.name) :]


def now() -> float:
    return asyncio.get_running_loop().time()


async def resolved(
    first: Script, second: Script | None = None, tcp: Script | None = None
) -> tuple[UpstreamAnswer | UpstreamFailure, World]:
    found = world({FIRST: first} | ({SECOND: second} if second else {}), {FIRST: tcp} if tcp else {})
    return await found.forwarder.resolve(QUESTION), found


@in_virtual_time
async def test_an_answer_comes_from_the_first_server() -> None:
    answer, found = await resolved(good, good)
    assert isinstance(answer, UpstreamAnswer)
    assert (answer.upstream, answer.rcode, answer.ad, answer.edes) == (FIRST.name, 0, False, ())
    assert found.network.asked == [FIRST.name]
    assert found.forwarder.counts == {(FIRST.name, ForwardOutcome.ANSWERED): 1}
    assert found.forwarder.outstanding == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (silent, ForwardOutcome.TIMEOUT),
        (dead, ForwardOutcome.UNREACHABLE),
        (refusing(2), ForwardOutcome.SERVFAIL),
        (refusing(5), ForwardOutcome.REFUSED),
        (refusing(16), ForwardOutcome.REFUSED),
        (refusing(9), ForwardOutcome.REFUSED),
        (with_records(3), ForwardOutcome.REFUSED),
        (with_records(6), ForwardOutcome.REFUSED),
        (referral, ForwardOutcome.REFUSED),
        (lambda packet: good(packet)[:-1], ForwardOutcome.MALFORMED),
    ],
    ids=[
        *("silent", "dead", "servfail", "refused", "badvers", "notauth"),
        *("denial", "too_long", "referral", "malformed"),
    ],
)
@in_virtual_time
async def test_the_next_server_is_asked_where_one_has_no_answer(
    fault: Script, outcome: ForwardOutcome
) -> None:
    answer, found = await resolved(fault, good)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.upstream == SECOND.name
    assert found.network.asked == [FIRST.name, SECOND.name]
    await asyncio.sleep(1)
    assert found.forwarder.counts == {(FIRST.name, outcome): 1, (SECOND.name, ForwardOutcome.ANSWERED): 1}


@in_virtual_time
async def test_a_referral_is_no_answer_where_there_is_no_other_server() -> None:
    answer, _ = await resolved(referral)
    assert isinstance(answer, UpstreamFailure)
    assert answer.edes == ((22, b""),)


@pytest.mark.parametrize("rcode", [3, 6])
@in_virtual_time
async def test_other_rcodes_are_answers(rcode: int) -> None:
    answer, found = await resolved(refusing(rcode), good)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.rcode == rcode
    assert found.network.asked == [FIRST.name]


@in_virtual_time
async def test_a_servfail_that_nobody_betters_is_passed_on_with_its_reason() -> None:
    def bogus(packet: bytes) -> bytes:
        message = reply(packet, 2)
        message.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "bogus")])
        return message.to_wire()

    answer, found = await resolved(bogus, silent)
    assert isinstance(answer, UpstreamAnswer)
    assert (answer.rcode, answer.edes) == (2, ((6, b"bogus"),))
    assert found.network.asked == [FIRST.name, SECOND.name]


@in_virtual_time
async def test_nobody_answering_is_a_failure_at_the_deadline() -> None:
    began = now()
    answer, found = await resolved(silent, silent)
    assert answer == UpstreamFailure(FailureReason.NO_ANSWER)
    assert now() - began == pytest.approx(RaceLimits().deadline)
    await asyncio.sleep(1)
    counts = found.forwarder.counts
    assert counts[FIRST.name, ForwardOutcome.TIMEOUT] + counts[SECOND.name, ForwardOutcome.TIMEOUT] == 7
    assert len(found.network.asked) == 7


@in_virtual_time
@pytest.mark.parametrize(("waited", "left"), [(1.2, 2.8), (60.0, 2.0)])
async def test_what_a_client_has_waited_counts_up_to_half_of_the_time(waited: float, left: float) -> None:
    """On a thread it may be as long as there are upstreams; here they are heard once more."""
    found = world({FIRST: silent, SECOND: silent})
    began = now()
    assert await found.forwarder.resolve(QUESTION, waited) == UpstreamFailure(FailureReason.NO_ANSWER)
    assert now() - began == pytest.approx(left)
    assert set(found.network.asked) == {FIRST.name, SECOND.name}


@in_virtual_time
async def test_a_slow_server_is_asked_again() -> None:
    scripts: Iterator[Script] = iter([silent, silent, good])
    answer, found = await resolved(lambda packet: next(scripts)(packet))
    assert isinstance(answer, UpstreamAnswer)
    assert found.network.asked == [FIRST.name] * 3


@in_virtual_time
async def test_servers_that_cannot_be_reached_are_not_asked_again() -> None:
    answer, found = await resolved(dead, dead)
    assert answer == UpstreamFailure(FailureReason.UNREACHABLE)
    assert found.network.asked == [FIRST.name, SECOND.name]


@in_virtual_time
async def test_what_was_asked_is_waited_for_when_nobody_can_be_asked_any_more() -> None:
    """An upstream that falls silent and is then gone: no turn may be without a wait."""
    began = now()
    scripts: Iterator[Script] = iter([silent, dead])
    answer, found = await resolved(lambda packet: next(scripts)(packet))
    assert answer == UpstreamFailure(FailureReason.NO_ANSWER)
    assert now() - began == pytest.approx(RaceLimits().deadline)
    assert found.network.asked == [FIRST.name] * 2


@in_virtual_time
async def test_refusals_become_a_failure() -> None:
    began = now()
    answer, _ = await resolved(refusing(5), refusing(5))
    assert answer == UpstreamFailure(FailureReason.NO_ANSWER)
    assert now() == began


@in_virtual_time
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

    answer, found = await resolved(crowd)
    assert isinstance(answer, UpstreamAnswer)
    assert found.forwarder.counts == {
        (FIRST.name, ForwardOutcome.WRONG_SOURCE): 2,
        (FIRST.name, ForwardOutcome.WRONG_ID): 1,
        (FIRST.name, ForwardOutcome.WRONG_QUESTION): 1,
        (FIRST.name, ForwardOutcome.ANSWERED): 1,
    }


def guesses(count: int) -> Script:
    """So many replies that nearly match, and then one that does: the forger has guessed right."""

    def script(packet: bytes) -> list[Datagram]:
        wire = good(packet)
        wrong = [bytes([wire[0] ^ 1, number]) + wire[2:] for number in range(count)]
        return [(each, FIRST.address) for each in (*wrong, wire)]

    return script


@in_virtual_time
async def test_after_a_few_near_misses_no_reply_over_udp_is_believed() -> None:
    answer, found = await resolved(guesses(NEAR_MISSES), None, good)
    assert isinstance(answer, UpstreamAnswer)
    assert found.network.asked == [FIRST.name, f"tcp {FIRST.name}"]
    assert found.forwarder.counts == {
        (FIRST.name, ForwardOutcome.WRONG_ID): NEAR_MISSES,
        (FIRST.name, ForwardOutcome.DOUBTED): 1,
        (FIRST.name, ForwardOutcome.TCP): 1,
        (FIRST.name, ForwardOutcome.ANSWERED): 1,
    }


@in_virtual_time
async def test_fewer_near_misses_change_nothing() -> None:
    answer, found = await resolved(guesses(NEAR_MISSES - 1), None, good)
    assert isinstance(answer, UpstreamAnswer)
    assert found.network.asked == [FIRST.name]


@in_virtual_time
async def test_a_question_that_a_thread_doubts_is_asked_over_tcp_from_the_start() -> None:
    found = world({FIRST: good}, {FIRST: good})
    assert isinstance(await found.forwarder.resolve(QUESTION, doubted=True), UpstreamAnswer)
    assert found.network.asked == [f"tcp {FIRST.name}"]


@in_virtual_time
async def test_the_next_server_is_asked_from_a_fresh_port() -> None:
    found = world({FIRST: good, SECOND: good}, {FIRST: dead})
    assert isinstance(await found.forwarder.resolve(QUESTION, doubted=True), UpstreamAnswer)
    assert found.network.asked == [f"tcp {FIRST.name}", SECOND.name]


@in_virtual_time
async def test_only_so_many_doubted_questions_are_asked_over_tcp_and_the_others_fail() -> None:
    """A flood of guesses costs answers, and never lets one be believed; the server does not rest for it."""
    found = world({FIRST: guesses(NEAR_MISSES)}, {FIRST: slow(0.1)})
    answers = await asyncio.gather(*map(found.forwarder.resolve, questions(MOST_DOUBTED + 10)))
    assert sum(isinstance(each, UpstreamAnswer) for each in answers) == MOST_DOUBTED
    assert [each for each in answers if not isinstance(each, UpstreamAnswer)] == [
        UpstreamFailure(FailureReason.NO_ANSWER)
    ] * 10
    assert found.counted(FIRST, ForwardOutcome.GIVEN_UP) == 10
    assert found.forwarder.statuses()[FIRST.name].up
    assert isinstance(await found.forwarder.resolve(QUESTION), UpstreamAnswer), "there is room again"


@pytest.mark.parametrize("first", [truncated, lower_case])
@in_virtual_time
async def test_a_cut_answer_or_one_without_its_letter_case_is_asked_for_over_tcp(first: Script) -> None:
    answer, found = await resolved(first, None, lower_case)
    assert isinstance(answer, UpstreamAnswer)
    assert found.network.asked == [FIRST.name, f"tcp {FIRST.name}"]
    assert found.forwarder.counts == {
        (FIRST.name, ForwardOutcome.TCP): 1,
        (FIRST.name, ForwardOutcome.ANSWERED): 1,
    }


@pytest.mark.parametrize(
    ("tcp", "outcome"),
    [
        (dead, ForwardOutcome.UNREACHABLE),
        (truncated, ForwardOutcome.MALFORMED),
        (lambda packet: b"\0" + good(packet)[1:], ForwardOutcome.WRONG_ID),
    ],
)
@in_virtual_time
async def test_a_tcp_answer_that_is_none_leads_to_the_next_server(
    tcp: Script, outcome: ForwardOutcome
) -> None:
    answer, found = await resolved(truncated, good, tcp)
    assert isinstance(answer, UpstreamAnswer)
    assert answer.upstream == SECOND.name
    assert found.forwarder.counts[FIRST.name, outcome] == 1
    assert found.network.asked == [FIRST.name, f"tcp {FIRST.name}", SECOND.name]


@in_virtual_time
async def test_ad_is_believed_from_trusted_servers_only() -> None:
    def validated(packet: bytes) -> bytes:
        message = reply(packet)
        message.flags |= dns.flags.AD
        return message.to_wire()

    for first, ad in ((validated, True), (silent, False)):
        answer, _ = await resolved(first, validated)
        assert answer.ad == ad


@in_virtual_time
async def test_the_same_question_is_asked_once_however_many_wait() -> None:
    found = world({FIRST: good})
    gate = found.network.gate = asyncio.Event()
    same = [asyncio.create_task(found.forwarder.resolve(QUESTION)) for _ in range(20)]
    others = [
        Question(QUESTION.name, 28),
        Question(QUESTION.name, 1, 3),
        Question(QUESTION.name, 1, dnssec_ok=True),
        Question(QUESTION.name, 1, checking_disabled=True),
        Question(b"\1a\0", 1),
    ]
    different = [asyncio.create_task(found.forwarder.resolve(question)) for question in others]
    await asyncio.sleep(0.001)
    assert found.forwarder.outstanding == 6
    assert len(found.network.asked) == 6
    gate.set()
    answers = await asyncio.gather(*same)
    assert all(answer is answers[0] for answer in answers)
    await asyncio.gather(*different)
    assert found.forwarder.coalesced == 19
    assert found.forwarder.outstanding == 0


@in_virtual_time
async def test_a_waiter_that_gives_up_harms_no_other() -> None:
    found = world({FIRST: good})
    gate = found.network.gate = asyncio.Event()
    leaving, staying = (asyncio.create_task(found.forwarder.resolve(QUESTION)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    gate.set()
    assert isinstance(await staying, UpstreamAnswer)
    with pytest.raises(asyncio.CancelledError):
        await leaving


@in_virtual_time
async def test_too_many_questions_are_refused_at_once() -> None:
    found = world({FIRST: good}, limits=RaceLimits(outstanding=2))
    gate = found.network.gate = asyncio.Event()
    waiting = [
        asyncio.create_task(found.forwarder.resolve(Question(bytes([1, at, 0]), 1))) for at in (97, 98)
    ]
    await asyncio.sleep(0)
    assert await found.forwarder.resolve(QUESTION) == UpstreamFailure(FailureReason.OVERLOADED)
    assert found.forwarder.overloaded == 1
    gate.set()
    await asyncio.gather(*waiting)
    assert isinstance(await found.forwarder.resolve(QUESTION), UpstreamAnswer)


@in_virtual_time
async def test_closing_ends_what_is_outstanding() -> None:
    found = world({FIRST: good})
    found.network.gate = asyncio.Event()
    waiting = asyncio.create_task(found.forwarder.resolve(QUESTION))
    await asyncio.sleep(0)
    await found.forwarder.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert found.forwarder.outstanding == 0
