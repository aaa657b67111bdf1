"""Queries to upstreams, and what is taken for their answer."""

from __future__ import annotations

import random
import struct

import dns.edns
import dns.flags
import dns.message
import dns.rrset
import pytest

from filterd.dataplane.upstream.forward_types import FailureReason, Question, Server, UpstreamFailure
from filterd.dataplane.upstream.message import (
    Check,
    QueryForm,
    Sent,
    check,
    is_truncated,
    read_answer,
    refuses_edns,
    speaks_edns,
    write_query,
)
from filterd.wire.names import name_from_text

NAME = "www.some-example.org"
QUESTION = Question(name_from_text(NAME), 1)
TRUSTED = Server("192.0.2.53", trusted=True)
STRANGE = Server("192.0.2.53")


def sent(question: Question = QUESTION, seed: int = 1) -> Sent:
    return write_query(question, random.Random(seed))


def replied(query: Sent, *, ad: bool = False, ede: bool = False) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(query.packet), recursion_available=True)
    reply.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "A", "192.0.2.1"))
    if ad:
        reply.flags |= dns.flags.AD
    if ede:
        reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "bad")])
    return reply.to_wire()


@pytest.mark.parametrize("dnssec_ok", [False, True])
@pytest.mark.parametrize("disabled", [False, True])
def test_a_query_says_what_was_asked(dnssec_ok: bool, disabled: bool) -> None:
    question = Question(name_from_text(NAME), 65, dnssec_ok=dnssec_ok, checking_disabled=disabled)
    message = dns.message.from_wire(sent(question).packet)
    assert message.question[0].to_text().lower() == f"{NAME}. in https"
    assert message.payload == 1232
    assert bool(message.ednsflags & dns.flags.DO) == dnssec_ok
    assert bool(message.flags & dns.flags.CD) == disabled
    assert message.flags & dns.flags.RD
    assert message.flags & dns.flags.AD


def test_ids_and_letter_case_are_drawn_anew() -> None:
    bits = random.Random(7)
    queries = [write_query(QUESTION, bits) for _ in range(64)]
    assert len({query.id for query in queries}) > 60
    assert len({query.question for query in queries}) > 60
    assert {query.question.lower() for query in queries} == {queries[0].question.lower()}


def test_bytes_that_are_no_letters_are_left_alone() -> None:
    name = bytes([4]) + bytes([0, 0x40, 0x60, 0x7B]) + bytes([2, 255, 0x39, 0])
    for seed in range(20):
        assert sent(Question(name, 1), seed).question[: len(name)] == name


def test_our_answer_is_ours() -> None:
    query = sent()
    assert check(replied(query), query) is Check.OURS


def altered(reply: bytes, place: int, value: int) -> bytes:
    return reply[:place] + bytes([value]) + reply[place + 1 :]


def test_what_is_not_our_answer() -> None:
    query = sent()
    reply = replied(query)
    end = 12 + len(query.question)
    assert check(b"", query) is Check.WRONG_ID
    assert check(altered(reply, 1, reply[1] ^ 1), query) is Check.WRONG_ID
    for length in range(2, end):
        assert check(reply[:length], query) is Check.WRONG_QUESTION
    assert check(query.packet, query) is Check.WRONG_QUESTION
    assert check(altered(reply, 2, reply[2] | 0x08), query) is Check.WRONG_QUESTION
    assert check(altered(reply, 5, 0), query) is Check.WRONG_QUESTION
    assert check(altered(reply, 5, 2), query) is Check.WRONG_QUESTION
    assert check(altered(reply, end - 3, 28), query) is Check.WRONG_QUESTION
    assert check(altered(reply, 13, ord("x")), query) is Check.WRONG_QUESTION


def test_an_answer_in_another_letter_case_is_told_apart() -> None:
    query = sent()
    assert check(altered(replied(query), 13, query.question[1] ^ 0x20), query) is Check.CASE_LOST


def test_truncation_is_seen() -> None:
    reply = replied(sent())
    assert not is_truncated(reply)
    assert is_truncated(altered(reply, 2, reply[2] | 0x02))


def test_an_answer_is_kept_without_opt_and_with_its_errors() -> None:
    answer = read_answer(replied(sent(), ede=True), TRUSTED)
    assert answer is not None
    assert dns.message.from_wire(answer.message).opt is None
    assert answer.edes == ((6, b"bad"),)
    assert answer.upstream == "192.0.2.53:53"
    assert answer.rcode == 0


def test_ad_counts_from_a_trusted_server_only_and_never_stays_in_the_bytes() -> None:
    for server, ad in ((TRUSTED, True), (STRANGE, False)):
        answer = read_answer(replied(sent(), ad=True), server)
        assert answer is not None
        assert answer.ad == ad
        assert not dns.message.from_wire(answer.message).flags & dns.flags.AD
    without = read_answer(replied(sent()), TRUSTED)
    assert without is not None
    assert not without.ad


def test_an_answer_that_cannot_be_read_is_none() -> None:
    reply = replied(sent())
    assert read_answer(reply[:-1], TRUSTED) is None
    assert read_answer(reply[:6] + struct.pack("!H", 9) + reply[8:], TRUSTED) is None


def test_a_server_has_one_name_however_it_is_written() -> None:
    assert Server("2001:DB8:0::1", 5353).name == "[2001:db8::1]:5353"
    assert Server("::ffff:192.0.2.1").address == ("192.0.2.1", 53)
    with pytest.raises(ValueError, match="not-an-address"):
        Server("not-an-address")


@pytest.mark.parametrize(("reason", "code"), [(FailureReason.NO_ANSWER, 22), (FailureReason.UNREACHABLE, 23)])
def test_a_failure_says_why(reason: FailureReason, code: int) -> None:
    assert UpstreamFailure(reason).edes == ((code, b""),)
    assert UpstreamFailure(reason).message is None


@pytest.mark.parametrize("labels", [1, 2, 5, 9])
@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_a_padded_query_is_a_multiple_of_128_bytes(labels: int, dnssec_ok: bool) -> None:
    for last in range(1, 64):
        name = (bytes([20]) + b"a" * 20) * (labels - 1) + bytes([last]) + b"b" * last + b"\0"
        query = write_query(Question(name, 1, dnssec_ok=dnssec_ok), random.Random(1), QueryForm(padded=True))
        assert len(query.packet) % 128 == 0
        message = dns.message.from_wire(query.packet)
        assert bool(message.ednsflags & dns.flags.DO) == dnssec_ok
        (option,) = message.options
        assert int(option.otype) == 12
        assert set(option.to_wire() or b"\0") == {0}


def test_a_server_that_knows_no_edns_is_asked_without() -> None:
    query = write_query(QUESTION, random.Random(1), QueryForm(edns=False))
    assert dns.message.from_wire(query.packet).opt is None
    assert check(replied(query), query) is Check.OURS


def test_where_letter_case_is_not_mixed_it_proves_nothing() -> None:
    query = write_query(QUESTION, random.Random(1), QueryForm(mixed_case=False))
    assert query.question[:-4] == QUESTION.name
    reply = replied(query)
    assert check(altered(reply, 13, ord("W")), query) is Check.OURS
    assert check(altered(reply, 13, ord("x")), query) is Check.WRONG_QUESTION


def test_a_header_alone_refuses_edns_where_there_was_some() -> None:
    query = sent()
    for rcode, found in ((1, Check.EDNS_REFUSED), (4, Check.EDNS_REFUSED), (2, Check.WRONG_QUESTION)):
        reply = query.packet[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 0, 0, 0, 0)
        assert check(reply, query) is found
        plain = write_query(QUESTION, random.Random(1), QueryForm(edns=False))
        assert check(plain.packet[:2] + reply[2:], plain) is Check.WRONG_QUESTION


def test_a_refusal_with_edns_is_about_something_else() -> None:
    reply = replied(sent())
    for rcode in range(16):
        with_edns = altered(reply, 3, 0x80 | rcode)
        without = dns.message.from_wire(with_edns)
        without.use_edns(False)
        assert refuses_edns(without.to_wire()) == (rcode in (1, 4))
        assert not refuses_edns(with_edns)
    assert refuses_edns(sent().packet[:2] + struct.pack("!HHHHH", 0x8184, 0, 0, 0, 0))
    assert speaks_edns(reply)
    assert not speaks_edns(without.to_wire())
