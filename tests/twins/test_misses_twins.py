"""Whatever an upstream answers, native threads judge it as the slow path does, and the client gets the same
bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dns.message
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.dataplane.upstream.forward_types import Server
from filterd.dataplane.upstream.message import (
    Check,
    Sent,
    check,
    is_truncated,
    read_answer,
    refuses_edns,
    speaks_edns,
)
from filterd.dataplane.upstream.thread_route import RouteReport
from filterd.policy.decide import LineHandle
from filterd.wire import scrub_reference
from filterd.wire.names import name_from_text
from filterd.wire.status import Status
from tests.worlds.examples import examples
from tests.worlds.miss import CHILD, POLICY, SEED, Client, Misses, Rules, Upstream, misses
from tests.worlds.policy import KEY, NOW
from tests.worlds.policy_strategies import answers, hostile_answers

NAME = name_from_text("query.example")
SERVER = Server("192.0.2.1", trusted=True)


@dataclass
class Both:
    """The native side, and the slow path's stages without its waiting."""

    native: Misses
    upstream: Upstream
    client: Client
    slow: Plane
    slow_cache: ResponseCache


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with misses() as native:
        upstream, client = native.upstream(), native.client(CHILD)
        native.routes.publish([upstream.hop(trusted=True)])
        cache = ResponseCache(1 << 20, SEED)
        slow = Plane(Prefixes(SEED, ["127.0.0.0/8"]), cache, Rules())
        lines, addresses = Lines(KEY), Addresses(KEY)
        lines.upsert(LineHandle(7, policy=1, opted_in=True))
        addresses.set(CHILD[12:], 32, 7)
        slow.publish(POLICY.native, lines, BindingTables(addresses), True)
        yield Both(native, upstream, client, slow, cache)


def judged(reply: bytes, sent: Sent) -> RouteReport:
    """The count that the slow path would have of one datagram; see peer.py."""
    found = check(reply, sent)
    if found in (Check.WRONG_ID, Check.WRONG_QUESTION):
        return RouteReport(**{found.name.lower(): 1})
    report = RouteReport(heard=1)
    if found is Check.CASE_LOST:
        return report._replace(case_lost=1)
    if found is Check.OURS and sent.question != sent.question.lower():
        report = report._replace(case_kept=1)
    if is_truncated(reply):
        return report
    if refuses_edns(reply):
        return report._replace(without_edns=1)
    report = report._replace(edns_spoken=int(speaks_edns(reply)))
    answer = read_answer(reply, SERVER)
    if answer is None:
        return report._replace(malformed=1)
    if answer.rcode == 2:
        return report._replace(servfail=1)
    if answer.rcode >= 16 or scrub_reference.status_of(answer.message) is not Status.OK:
        return report._replace(refused=1)
    return report._replace(answered=1)


def news(before: RouteReport, after: RouteReport) -> RouteReport:
    """The difference of the two counts, but for times and what is on its way."""
    change = RouteReport(*(b - a for a, b in zip(before, after, strict=True)))
    return change._replace(sent=0, timeout=0, outstanding=0, micros=0, heard_at=0, silent_since=0)


replies = st.one_of(
    st.tuples(st.just("records"), answers()),
    st.tuples(st.just("records"), hostile_answers()),
    st.tuples(st.just("bytes"), hostile_answers()),
)


@given(
    kind=replies,
    flags=st.one_of(
        st.just(0x8180),
        st.sampled_from([0, 1, 2, 3, 4, 5, 6, 9, 0x20, 0x200]).map(lambda bits: 0x8180 | bits),
        st.integers(0, 65535),
    ),
    changes=st.one_of(
        st.just([]), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=2)
    ),
    cut=st.one_of(st.none(), st.none(), st.integers(0, 200)),
)
@settings(
    max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_the_same_judgement_and_the_same_answer(
    both: Both, kind: tuple[str, bytes], flags: int, changes: list[tuple[int, int]], cut: int | None
) -> None:
    native = both.native
    query = dns.message.make_query("query.example", "A", use_edns=0, id=7).to_wire()
    before = native.report(both.upstream)
    assert native.put(both.client, query) == "waits"
    native.turn()
    asked, source = both.upstream.asked()
    sent = Sent(int.from_bytes(asked[:2], "big"), asked[12 : 12 + len(NAME) + 4], asked)
    reply = made(kind, asked, len(sent.question), flags, changes)[:cut]
    both.upstream.send(reply, source)
    native.turn(1000, wait=True)
    expected = judged(reply, sent)
    assert news(before, native.report(both.upstream)) == expected
    if expected.answered:
        assert both.client.answers.popleft() == slow_answer(both, query, reply)
    else:
        finish(both, expected)
    for cache in (native.cache, both.slow_cache):
        cache.flush(NAME)
    assert native.counts()["asking"] == native.counts()["waiting"] == 0


def made(
    kind: tuple[str, bytes], asked: bytes, question: int, flags: int, changes: list[tuple[int, int]]
) -> bytes:
    """An upstream's reply: the bytes as they are, or their counts and records behind the question asked."""
    how, data = kind
    if how == "bytes":
        return asked[:2] + data[2:]
    head = asked[:2] + flags.to_bytes(2, "big") + b"\0\1" + data[6:12].ljust(6, b"\0")
    reply = bytearray(head + asked[12 : 12 + question] + data[12 + question :])
    for place, value in changes:
        reply[place % len(reply)] = value
    return bytes(reply)


def slow_answer(both: Both, query: bytes, reply: bytes) -> bytes:
    ticks = both.native.micros // 1_000_000
    pending = both.slow.receive(query, CHILD, False, NOW, ticks)
    assert isinstance(pending, Pending)
    answer = read_answer(reply, SERVER)
    assert answer is not None
    result = both.slow.finish(pending, answer.message, answer.ad, answer.edes, NOW, ticks)
    assert isinstance(result, bytes)
    return result


def finish(both: Both, expected: RouteReport) -> None:
    """The client has no answer: it waits, for this upstream or another, or the slow path has it."""
    native = both.native
    assert both.client.nothing()
    if not expected.heard or expected.without_edns:
        assert native.punted() == []
        both.upstream.all_asked()
        native.turn(400_000)
    unread = RouteReport(heard=1, case_lost=expected.case_lost, case_kept=expected.case_kept)
    reason = PuntReason.TRUNCATED if expected == unread else PuntReason.UNANSWERED
    assert native.punted() == [(reason, NAME, CHILD)]
