"""Misses asked of one upstream by a thread of the fast path: what is believed, and who gets what of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.upstream.forward_types import Question
from filterd.dataplane.upstream.message import QueryForm, write_query
from filterd.dataplane.upstream.thread_route import RouteReport
from filterd.wire.names import name_from_text
from tests.worlds.miss import (
    CHILD,
    MAPPED,
    SILENCE,
    Client,
    Misses,
    Upstream,
    addresses,
    failing,
    good,
    reply,
)


def test_the_query_is_that_of_the_slow_path(world: Misses, upstream: Upstream, client: Client) -> None:
    assert world.ask(client, "www.example.org", "AAAA", want_dnssec=True) == "waits"
    query, _ = upstream.asked()
    number = int.from_bytes(query[:2], "big")
    question = Question(name_from_text("www.example.org"), 28, dnssec_ok=True)
    sent = write_query(question, random.Random(0), QueryForm())
    assert query[12 : 12 + len(sent.question)].lower() == sent.question.lower()
    assert number.to_bytes(2, "big") + sent.packet[2:12] == query[:12]
    assert query[12 + len(sent.question) :] == sent.packet[12 + len(sent.question) :]


def test_checking_disabled_and_no_edns_are_passed_on(world: Misses, client: Client) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop(edns=False, mixed_case=False)])
    world.ask(client, "www.example.org", flags=dns.flags.RD | dns.flags.CD, use_edns=-1)
    query, _ = upstream.asked()
    asked = dns.message.from_wire(query)
    assert asked.flags & dns.flags.CD
    assert asked.edns == -1
    assert query[12:29] == name_from_text("www.example.org")


def test_an_answer_goes_to_the_client_and_to_the_cache(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    world.ask(client, "WWW.example.org")
    world.exchange(upstream, good)
    answer = client.answer()
    assert addresses(answer) == ["192.0.2.80"]
    assert answer.question[0].name.to_text() == "WWW.example.org."
    assert world.ask(client, "www.example.org") == "answered"
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert upstream.all_asked() == []
    assert world.counts()["asking"] == world.counts()["waiting"] == 0
    report = world.report(upstream)
    assert (report.sent, report.answered, report.heard, report.case_kept) == (1, 1, 1, 1)
    assert report.edns_spoken == 1
    assert report.outstanding == 0


def test_latency_is_what_the_given_clock_says(world: Misses, upstream: Upstream, client: Client) -> None:
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    upstream.send(good(query), source)
    world.turn(12_345, wait=True)
    report = world.report(upstream)
    assert report.micros == 12_345
    assert report.heard_at == world.micros


def test_ports_ids_and_letter_case_are_spread(world: Misses, upstream: Upstream, client: Client) -> None:
    for number in range(512):
        world.ask(client, f"a-long-enough-name-to-tell-{number:03}.example.org")
    queries = upstream.all_asked()
    assert len(queries) > 200  # the kernel keeps as many for the test
    assert len({source[1] for _, source in queries}) > 50
    assert all(source[1] >= 1024 for _, source in queries)
    assert len({query[:2] for query, _ in queries}) > len(queries) * 0.98
    capitals = sum(byte in range(65, 91) for query, _ in queries for byte in query[13:40])
    letters = sum(chr(byte).isalpha() for query, _ in queries for byte in query[13:40])
    assert 0.4 < capitals / letters < 0.6
    assert len(world.ports()) > 50


def test_no_query_leaves_from_a_port_that_upstreams_listen_at_or_the_system_reserves(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    here = upstream.hop()
    world.routes = Routes(1, range(1, 1 << 16, 4))
    world.use_thread(0)
    world.routes.publish([here, *(replace(here, port=port) for port in range(3, 1 << 16, 4))])
    for number in range(200):
        world.ask(client, f"n{number}.example.org")
    upstream.all_asked()
    assert len(world.ports()) > 50
    assert all(port % 2 == 0 for _, port in world.ports())  # by chance: once in 2 to the 50


@pytest.mark.ring("night")
def test_of_one_batch_a_few_leave_from_one_port_and_each_with_its_own_id(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    used: set[int] = set()
    for batch in range(40):
        for number in range(20):
            world.take(client, f"n{batch}-{number}.example.org")
        world.turn()
        queries = upstream.all_asked()
        assert len(queries) == 20
        ports = Counter(source[1] for _, source in queries)
        assert len({(source[1], query[:2]) for query, source in queries}) == 20
        assert len(ports) < 3 or max(ports.values()) == 8  # else two of the three draws were the same
        used.update(ports)
        for query, source in queries:
            upstream.send(good(query), source)
            world.turn(wait=True)
            client.answer()
    assert len(used) > 40  # 120 draws of 64


def test_no_query_leaves_from_a_port_of_more_than_a_second(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    """However many queries leave, and whenever; what is on its way at an old port is heard all the same."""
    first: dict[int, int] = {}  # of the ports that are open: a closed one may be drawn again
    used: set[int] = set()
    for number in range(400):
        world.turn(7_000)
        bound = {port for _, port in world.ports()}
        first = {port: began for port, began in first.items() if port in bound}
        world.ask(client, f"n{number}.example.org")
        query, source = upstream.asked()
        used.add(source[1])
        began = first.setdefault(source[1], world.micros)
        assert world.micros - began < 1_000_000
        world.turn(350_000 if number == 399 else 0)
        upstream.send(good(query), source)
        world.turn(wait=True)
        assert addresses(client.answer()) == ["192.0.2.80"]
    assert len(used) > 64
    assert len(world.ports()) <= 128


def test_a_port_is_closed_when_it_has_rested(world: Misses, upstream: Upstream, client: Client) -> None:
    world.ask(client, "www.example.org")
    world.exchange(upstream, good)
    assert world.ports()
    world.turn(2_999_999)
    assert world.ports(), "what comes late is heard"
    world.turn(1_000_000)
    assert world.ports() == set()
    world.ask(client, "other.example.org")
    world.exchange(upstream, good)
    assert addresses(client.answer()) == ["192.0.2.80"]


@pytest.mark.ring("night")
def test_only_so_many_queries_leave_from_one_port(world: Misses, upstream: Upstream, client: Client) -> None:
    """Time stands still: a port's share of queries alone replaces it."""
    world.driver.limit_ports(10)
    used: Counter[int] = Counter()
    for number in range(1000):
        world.ask(client, f"n{number}.example.org")
        query, source = upstream.asked()
        used[source[1]] += 1
        upstream.send(good(query), source)
        world.turn(wait=True)
    assert max(used.values()) == 10
    assert len(used) >= 100
    assert len(world.ports()) <= 128


def doubt(world: Misses, upstream: Upstream, query: bytes, source: Any, times: int) -> None:
    """So many replies from the right address that guess the id wrong."""
    for number in range(times):
        reply = good(query, "192.0.2.99")
        upstream.send(bytes([query[0] ^ 1, number]) + reply[2:], source)
        world.turn(wait=True)


def test_after_a_few_near_misses_the_right_guess_is_not_believed(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    doubt(world, upstream, query, source, 3)
    upstream.send(good(query, "192.0.2.99"), source)
    world.turn(wait=True)
    assert client.nothing()
    assert [reason for reason, *_ in world.punted()] == [PuntReason.DOUBTED]
    report = world.report(upstream)
    assert (report.wrong_id, report.doubted, report.answered) == (3, 1, 0)
    assert world.counts()["asking"] == world.counts()["waiting"] == 0


@pytest.mark.parametrize("times", [1, 2])
def test_fewer_near_misses_change_nothing(
    world: Misses, upstream: Upstream, client: Client, times: int
) -> None:
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    doubt(world, upstream, query, source, times)
    upstream.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert world.report(upstream).doubted == 0


def test_near_misses_with_another_question_count_too(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    other = good(query)[:13] + b"x" + good(query)[14:]
    for _ in range(3):
        upstream.send(other, source)
        world.turn(wait=True)
    upstream.send(good(query), source)
    world.turn(wait=True)
    assert client.nothing()
    assert [reason for reason, *_ in world.punted()] == [PuntReason.DOUBTED]


def test_what_comes_late_or_from_elsewhere_is_no_near_miss(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    stranger = world.upstream()
    for name in ("one", "two", "three"):
        world.take(client, f"{name}.example.org")  # of one batch, so from one port
    world.turn()
    queries = upstream.all_asked()
    assert len({source for _, source in queries}) == 1
    for query, source in queries[:2]:
        for _ in range(3):
            upstream.send(good(query), source)
            world.turn(wait=True)
            stranger.send(good(queries[2][0], "192.0.2.99"), source)
            world.turn(wait=True)
    upstream.send(good(queries[2][0]), queries[2][1])
    world.turn(wait=True)
    assert [addresses(client.answer()) for _ in range(3)] == [["192.0.2.80"]] * 3
    report = world.report(upstream)
    assert (report.late, report.wrong_source, report.doubted) == (4, 6, 0)


def test_no_more_queries_leave_from_a_port_that_is_being_guessed_at(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    world.ask(client, "www.example.org")
    query, guessed = upstream.asked()
    doubt(world, upstream, query, guessed, 3)
    for number in range(300):
        world.ask(client, f"n{number}.example.org")
        _, source = upstream.asked()
        assert source != guessed


Alter = Callable[[bytes, bytes], bytes]


@pytest.mark.parametrize(
    ("alter", "counted"),
    [
        (lambda _, answer: bytes([answer[0] ^ 1]) + answer[1:], "wrong_id"),
        (lambda _, answer: answer[:1], "wrong_id"),
        (lambda _, answer: b"", "wrong_id"),
        (lambda _, answer: answer[:11], "wrong_question"),
        (lambda query, _: query, "wrong_question"),
        (lambda _, answer: answer[:13] + b"x" + answer[14:], "wrong_question"),
        (lambda _, answer: answer[:5] + b"\0" + answer[6:], "wrong_question"),
    ],
)
def test_what_does_not_prove_itself_is_counted_and_the_wait_goes_on(
    world: Misses, upstream: Upstream, client: Client, alter: Alter, counted: str
) -> None:
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    upstream.send(alter(query, good(query)), source)
    world.turn(wait=True)
    report = world.report(upstream)
    assert getattr(report, counted) == 1
    assert report.heard == 0
    assert client.nothing()
    upstream.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_answers_from_elsewhere_and_at_another_port_are_not_believed(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    stranger = world.upstream()
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    stranger.send(good(query, "192.0.2.99"), source)
    world.turn(wait=True)
    assert world.report(upstream).wrong_source == 1
    world.ask(client, "other.example.org")
    _, elsewhere = upstream.asked()
    while elsewhere[1] == source[1]:
        world.ask(client, f"x{elsewhere[1]}.example.org")
        _, elsewhere = upstream.asked()
    upstream.send(good(query, "192.0.2.99"), elsewhere)
    world.turn(wait=True)
    assert world.report(upstream).wrong_id == 1
    assert client.nothing()
    upstream.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]


def test_a_second_answer_is_too_late(world: Misses, upstream: Upstream, client: Client) -> None:
    world.ask(client, "www.example.org")
    query, source = upstream.asked()
    upstream.send(good(query), source)
    world.turn(wait=True)
    upstream.send(good(query, "192.0.2.99"), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]
    assert client.nothing()
    assert (world.report(upstream).late, world.report(upstream).wrong_id) == (1, 0)


def lost_case(query: bytes) -> bytes:
    answer = bytearray(good(query))
    place = next(i for i in range(13, 40) if chr(query[i]).isalpha())
    answer[place] ^= 0x20
    return bytes(answer)


def cut(query: bytes) -> bytes:
    message = reply(query)
    message.flags |= dns.flags.TC
    return message.to_wire()


@pytest.mark.parametrize("make", [lost_case, cut])
def test_what_must_be_asked_over_tcp_is_the_slow_paths(
    world: Misses, upstream: Upstream, client: Client, make: Callable[[bytes], bytes]
) -> None:
    other = world.client(CHILD)
    world.ask(client, "www.example.org")
    world.ask(other, "www.example.org")
    world.exchange(upstream, make)
    name = name_from_text("www.example.org")
    assert world.punted() == [
        (PuntReason.TRUNCATED, name, client.address),
        (PuntReason.TRUNCATED, name, CHILD),
    ]
    assert client.nothing()
    report = world.report(upstream)
    assert report.heard == 1
    assert report.case_lost == (make is lost_case)
    assert report.outstanding == world.counts()["waiting"] == world.counts()["asking"] == 0


def test_letter_case_that_was_not_mixed_cannot_be_lost(world: Misses, client: Client) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop(mixed_case=False)])
    world.ask(client, "www.example.org")
    world.exchange(upstream, lost_case)
    assert addresses(client.answer()) == ["192.0.2.80"]


@pytest.mark.parametrize(("trusted", "ad"), [(True, True), (False, False)])
def test_ad_is_believed_from_trusted_upstreams_alone(
    world: Misses, client: Client, trusted: bool, ad: bool
) -> None:
    def make(query: bytes) -> bytes:
        message = dns.message.from_wire(good(query))
        message.flags |= dns.flags.AD
        return message.to_wire()

    upstream = world.upstream()
    world.routes.publish([upstream.hop(trusted=trusted)])
    world.ask(client, "www.example.org", flags=dns.flags.RD | dns.flags.AD)
    world.exchange(upstream, make)
    assert bool(client.answer().flags & dns.flags.AD) is ad
    world.ask(client, "www.example.org", flags=dns.flags.RD | dns.flags.AD)
    assert bool(client.answer().flags & dns.flags.AD) is ad


def test_the_upstreams_extended_errors_are_passed_on(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    def make(query: bytes) -> bytes:
        message = dns.message.from_wire(good(query))
        message.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "why")])
        return message.to_wire()

    world.ask(client, "www.example.org")
    world.exchange(upstream, make)
    answer = client.answer()
    assert [(int(o.code), o.text) for o in answer.options if isinstance(o, dns.edns.EDEOption)] == [
        (6, "why")
    ]


def test_one_question_for_all_who_ask_it_and_an_answer_to_each_of_their_own(
    world: Misses, upstream: Upstream
) -> None:
    """The same question from two lines: one gets the address, for the other its answer is blocked."""
    first, child, third = world.client(), world.client(CHILD), world.client()
    for client, name in ((first, "www.example.org"), (child, "WWW.example.org"), (third, "www.EXAMPLE.org")):
        assert world.ask(client, name) == "waits"
    query, source = upstream.asked()
    assert upstream.all_asked() == []
    upstream.send(good(query, "192.0.2.66"), source)
    world.turn(wait=True)
    assert addresses(first.answer()) == addresses(third.answer()) == ["192.0.2.66"]
    blocked = child.answer()
    assert addresses(blocked) == []
    assert blocked.question[0].name.to_text() == "WWW.example.org."
    assert world.counts() | {"asked": 1, "joined": 2} == world.counts()


def test_other_questions_are_asked_by_themselves(world: Misses, upstream: Upstream, client: Client) -> None:
    world.ask(client, "www.example.org")
    world.ask(client, "www.example.org", "AAAA")
    world.ask(client, "www.example.org", want_dnssec=True)
    world.ask(client, "www.example.org", flags=dns.flags.RD | dns.flags.CD)
    world.ask(client, "ww.example.org")
    assert len(upstream.all_asked()) == 5
    assert world.counts()["joined"] == 0


def test_an_alias_to_a_name_with_a_safe_host_is_asked_on(world: Misses, upstream: Upstream) -> None:
    """The child's answer leads to another name, which is asked next; the other client has its own at once."""

    def alias(query: bytes) -> bytes:
        name = dns.message.from_wire(query).question[0].name
        return reply(query, f"{name} CNAME search.example.", "search.example. A 192.0.2.80").to_wire()

    child, other = world.client(CHILD), world.client()
    world.ask(child, "www.example.org")
    world.ask(other, "www.example.org")
    world.exchange(upstream, alias)
    assert "192.0.2.80" in addresses(other.answer())
    assert child.nothing()
    query, source = upstream.asked()
    assert dns.message.from_wire(query).question[0].name.to_text().lower() == "safe.example.net."
    upstream.send(good(query, "192.0.2.81"), source)
    world.turn(wait=True)
    assert addresses(child.answer()) == ["safe.example.net.", "192.0.2.81"]


def test_records_that_are_not_about_the_question_reach_nobody(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    def make(query: bytes) -> bytes:
        name = dns.message.from_wire(query).question[0].name
        return reply(query, f"{name} A 192.0.2.80", "bank.example. A 192.0.2.99").to_wire()

    second = world.client(CHILD)
    world.ask(client, "www.example.org")
    world.ask(second, "www.example.org")
    world.exchange(upstream, make)
    assert addresses(client.answer()) == addresses(second.answer()) == ["192.0.2.80"]


def test_a_name_of_our_own_probes_is_the_slow_paths(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    assert world.ask(client, "Loop-Check-00000000000000000000.") is PuntReason.LOOP
    assert world.ask(client, "loop-check-00000000000000000000.example.") == "waits"
    assert world.ask(client, "loop-check-0000.") == "waits"
    assert len(upstream.all_asked()) == 2


def test_without_a_route_everything_is_the_slow_paths(world: Misses, client: Client) -> None:
    assert world.ask(client, "www.example.org") is PuntReason.FORWARD
    assert world.ports() == set()


def test_what_an_upstream_may_have_outstanding_is_kept_to(world: Misses, client: Client) -> None:
    upstream = world.upstream()
    world.routes.publish([upstream.hop(outstanding=6)])
    found = [world.ask(client, f"n{number}.example.org") for number in range(5)]
    assert found == ["waits"] * 3 + [PuntReason.FORWARD] * 2  # no client may have more than is left
    second = world.client(CHILD)
    assert world.ask(second, "x.example.org") == "waits"
    assert world.report(upstream).outstanding == 4
    assert world.ask(client, "n0.example.org") == "waits"  # it joins
    assert world.counts()["full"] == 2


@pytest.mark.ring("night")
def test_the_table_has_room_for_so_many_and_for_who_comes_new(world: Misses, upstream: Upstream) -> None:
    def flood(host: int, count: int) -> list[object]:
        """From one address, without reading what upstreams get."""
        client = world.client(MAPPED + bytes([127, 0, 1, host]))
        return [world.take(client, f"h{host}-{number}.example.org", use_edns=-1) for number in range(count)]

    alone = flood(1, 3000)
    assert alone.count("waits") in (2048, 2049)
    assert set(alone[2049:]) == {PuntReason.FORWARD}
    assert flood(2, 5) == ["waits"] * 5
    for host in range(3, 60):
        flood(host, 200)
    assert world.counts()["asking"] == world.counts()["waiting"] == 4096
    assert flood(200, 1) == [PuntReason.FORWARD]
    world.turn(SILENCE)
    assert world.counts()["asking"] == world.counts()["waiting"] == 0
    assert flood(201, 1) == ["waits"]


def test_an_answer_that_cannot_be_read_to_its_end_is_malformed(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    world.ask(client, "www.example.org")
    world.exchange(upstream, lambda query: good(query)[:-14])
    assert world.report(upstream).malformed == 1
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED]


@pytest.mark.parametrize(
    ("rcode", "counted"),
    [(2, "servfail"), (1, "refused"), (4, "refused"), (5, "refused"), (9, "refused"), (16, "refused")],
)
def test_failures_of_the_only_upstream_are_the_slow_paths(
    world: Misses, upstream: Upstream, client: Client, rcode: int, counted: str
) -> None:
    world.ask(client, "www.example.org")
    world.exchange(upstream, failing(rcode))
    assert getattr(world.report(upstream), counted) == 1
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED]
    assert client.nothing()


@pytest.mark.parametrize("rcode", [0, 3, 6])
def test_other_rcodes_are_answers(world: Misses, upstream: Upstream, client: Client, rcode: int) -> None:
    world.ask(client, "www.example.org")
    world.exchange(upstream, failing(rcode))
    assert world.report(upstream).answered == 1
    assert client.answer().rcode() == rcode


def bare(query: bytes) -> bytes:
    """FORMERR in a header alone."""
    return query[:2] + b"\x80\x01" + bytes(8)


@pytest.mark.parametrize("refuse", [bare, lambda query: reply(query, rcode=1, edns=False).to_wire()])
def test_an_upstream_that_knows_no_edns_is_asked_again_without(
    world: Misses, upstream: Upstream, client: Client, refuse: Callable[[bytes], bytes]
) -> None:
    world.ask(client, "www.example.org")
    world.exchange(upstream, refuse)
    query, source = upstream.asked()
    assert dns.message.from_wire(query).edns == -1
    upstream.send(good(query), source)
    world.turn(wait=True)
    assert addresses(client.answer()) == ["192.0.2.80"]
    report = world.report(upstream)
    assert (report.without_edns, report.edns_refused, report.answered) == (1, 1, 1)


def test_refusing_without_edns_as_well_is_a_refusal(
    world: Misses, upstream: Upstream, client: Client
) -> None:
    world.ask(client, "www.example.org")
    world.exchange(upstream, bare)
    world.exchange(upstream, failing(1))
    report = world.report(upstream)
    assert (report.without_edns, report.edns_refused, report.refused) == (1, 0, 1)
    assert [reason for reason, *_ in world.punted()] == [PuntReason.UNANSWERED]


def test_nothing_is_counted_at_the_start(world: Misses, upstream: Upstream) -> None:
    assert world.report(upstream) == RouteReport()
