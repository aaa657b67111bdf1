"""What an answer may hold, by example; each on the native code and on its reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dns.message
import dns.rrset
import pytest

from filterd.wire import scrub, scrub_reference
from filterd.wire.ede import DANGLING_TEXT
from filterd.wire.status import Status

Scrub = Callable[[bytes], bytes | Status]
SIGNATURE = "8 2 60 20300101000000 20200101000000 1 example. AAAA"
NSEC3 = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."


@pytest.fixture(params=[scrub.scrubbed, scrub_reference.scrubbed], ids=["native", "reference"])
def scrubbed(request: pytest.FixtureRequest) -> Scrub:
    found: Scrub = request.param
    return found


def message(asked: str, *sections: list[str]) -> bytes:
    """An answer to "name type"; a record is "owner type data"."""
    name, rtype = asked.split()
    made = dns.message.make_response(dns.message.make_query(name, rtype))
    for section, texts in zip((made.answer, made.authority, made.additional), sections, strict=False):
        for text in texts:
            owner, kind, data = text.split(" ", 2)
            section.append(dns.rrset.from_text(owner, 60, "IN", kind, data))
    return made.to_wire()


def kept(scrubbed: Scrub, asked: str, *sections: list[str]) -> list[list[str]]:
    """Owner and type of what is left, by section."""
    wire = scrubbed(message(asked, *sections))
    assert isinstance(wire, bytes)
    left = dns.message.from_wire(wire, one_rr_per_rrset=True)
    return [
        [f"{rrset.name} {rrset.to_text().split(' ')[3]}" for rrset in section]
        for section in (left.answer, left.authority, left.additional)
    ]


@pytest.mark.parametrize(
    ("asked", "records"),
    [
        ("www.example. A", ["www.example. A 192.0.2.1", "www.example. A 192.0.2.2"]),
        ("WWW.eXample. A", ["www.example. CNAME a.example.", "A.example. A 192.0.2.2"]),
        (
            "www.example. A",
            ["b.example. A 192.0.2.1", "a.example. CNAME b.example.", "www.example. CNAME a.example."],
        ),
        ("www.example. CNAME", ["www.example. CNAME a.example."]),
        ("www.example. ANY", ["www.example. CNAME a.example.", "www.example. TXT x"]),
        (
            "x.www.example. A",
            ["www.example. DNAME net.test.", "x.www.example. CNAME x.net.test.", "x.net.test. A 192.0.2.1"],
        ),
        ("www.example. A", [f"www.example. RRSIG A {SIGNATURE}", "www.example. A 192.0.2.1"]),
        ("www.example. RRSIG", [f"www.example. RRSIG MX {SIGNATURE}"]),
        ("www.example. A", []),
    ],
)
def test_the_answer_to_the_question_is_kept_as_it_is(scrubbed: Scrub, asked: str, records: list[str]) -> None:
    wire = message(asked, records)
    assert scrubbed(wire) == wire


@pytest.mark.parametrize(
    ("asked", "records", "left"),
    [
        ("www.example. A", ["bank.test. A 192.0.2.66"], []),
        ("www.example. A", ["bank.test. A 192.0.2.66", "www.example. A 192.0.2.1"], ["www.example. A"]),
        ("www.example. A", ["www.example. AAAA 2001:db8::1", "www.example. A 192.0.2.1"], ["www.example. A"]),
        (
            "www.example. A",
            ["www.example. CNAME a.example.", "www.example. A 192.0.2.66"],
            ["www.example. CNAME"],
        ),
        ("www.example. A", ["b.example. CNAME c.example.", "c.example. A 192.0.2.66"], []),
        (
            "www.example. CNAME",
            ["www.example. CNAME a.example.", "a.example. CNAME b.example."],
            ["www.example. CNAME"],
        ),
        (
            "www.example. ANY",
            ["www.example. CNAME a.example.", "a.example. A 192.0.2.66"],
            ["www.example. CNAME"],
        ),
        ("www.example. A", ["www.example. DNAME net.test.", "www.example. A 192.0.2.1"], ["www.example. A"]),
        ("www.example. A", ["test. DNAME net.test.", "ww.example. DNAME net.test."], []),
        (
            "www.example. A",
            [f"www.example. RRSIG MX {SIGNATURE}", "www.example. A 192.0.2.1"],
            ["www.example. A"],
        ),
        ("www.example. NS", ["example. NS ns.example."], []),
    ],
)
def test_what_is_not_about_the_question_is_left_out(
    scrubbed: Scrub, asked: str, records: list[str], left: list[str]
) -> None:
    assert kept(scrubbed, asked, records) == [left, [], []]


@pytest.mark.parametrize("answer", [[], ["www.example. CNAME a.test."]])
def test_authority_is_for_denials(scrubbed: Scrub, answer: list[str]) -> None:
    above = ["example. NS ns.example.", ". NS ns.root.", f"example. DS 1 8 2 {'00' * 32}"]
    soas = ["example. SOA ns.example. h.example. 1 2 3 4 5", f"example. RRSIG SOA {SIGNATURE}"]
    denials = [f"{NSEC3} NSEC3 1 0 1 00 {NSEC3.split('.')[0]} A", "b.example. NSEC z.example. A"]
    foreign = [
        "bank.test. NS ns.evil.",
        "ample. SOA ns.evil. h.evil. 1 2 3 4 5",
        "x.www.example. SOA ns.evil. h.evil. 1 2 3 4 5",
        "example. A 192.0.2.6",
    ]
    _, authority, _ = kept(scrubbed, "www.example. A", answer, [*foreign, *above, *soas, *denials])
    assert authority == [
        "example. SOA",
        "example. RRSIG",
        f"{NSEC3} NSEC3",
        "b.example. NSEC",
    ]


@pytest.mark.parametrize("alias", [[], ["www.example. CNAME a.example."]])
def test_authority_of_a_positive_answer_is_for_wildcards(scrubbed: Scrub, alias: list[str]) -> None:
    answer = [*alias, f"{'a' if alias else 'www'}.example. A 192.0.2.1"]
    authority = [
        "example. NS ns.example.",
        "example. SOA ns.example. h.example. 1 2 3 4 5",
        f"example. RRSIG SOA {SIGNATURE}",
        "b.example. NSEC z.example. A",
        f"b.example. RRSIG NSEC {SIGNATURE}",
    ]
    found = kept(scrubbed, "www.example. A", answer, authority)
    assert found[1] == ["b.example. NSEC", "b.example. RRSIG"]


def test_an_alias_brings_the_zones_above_its_target(scrubbed: Scrub) -> None:
    answer = ["www.example. CNAME a.test."]
    _, authority, _ = kept(scrubbed, "www.example. A", answer, ["test. SOA ns.test. h.test. 1 2 3 4 5"])
    assert authority == ["test. SOA"]


@pytest.mark.parametrize(
    "record",
    [
        "www.example. MX 1 host.test.",
        "www.example. NS host.test.",
        "www.example. SRV 1 1 443 host.test.",
        "www.example. HTTPS 0 host.test.",
        'www.example. NAPTR 1 1 "s" "x" "" host.test.',
        "www.example. A 192.0.2.1",
    ],
)
def test_nothing_of_the_additional_section_is_kept(scrubbed: Scrub, record: str) -> None:
    more = [
        "host.test. A 192.0.2.1",
        "host.test. AAAA ::1",
        "host.test. HTTPS 1 .",
        "www.example. A 192.0.2.2",
        f"host.test. RRSIG A {SIGNATURE}",
    ]
    asked, answer = f"www.example. {record.split()[1]}", [record]
    assert kept(scrubbed, asked, answer, [], more) == [[" ".join(record.split()[:2])], [], []]


def test_a_chain_has_an_end(scrubbed: Scrub) -> None:
    links = [f"n{place}.example. CNAME n{place + 1}.example." for place in range(40)]
    answer, _, _ = kept(scrubbed, "n0.example. A", [*links, "n40.example. A 192.0.2.1"])
    assert answer == [f"n{place}.example. CNAME" for place in range(16)]


def test_what_another_class_says_is_left_out(scrubbed: Scrub) -> None:
    wire = message("www.example. A", ["www.example. A 192.0.2.1"])
    chaos = wire.replace(b"\xc0\x0c\0\1\0\1", b"\xc0\x0c\0\1\0\3")
    found = scrubbed(chaos)
    assert isinstance(found, bytes)
    assert dns.message.from_wire(found).answer == []


def test_one_question_is_needed(scrubbed: Scrub) -> None:
    wire = message("www.example. A", [])
    assert scrubbed(wire[:4] + b"\0\0" + wire[6:12]) is Status.BAD_COUNT
    assert scrubbed(wire[:11]) is Status.TRUNCATED
    assert scrubbed(wire[:-1]) is Status.TRUNCATED


def test_answers_that_grow_too_long_are_none(scrubbed: Scrub) -> None:
    label = "x" * 60
    targets = [f"www.example. MX {n} {label}.{label}.{label}.test." for n in range(500)]
    assert scrubbed(message("www.example. MX", ["bank.test. A 192.0.2.66", *targets])) is Status.NO_SPACE


# ---- no answer at all ----


def with_flags(wire: bytes, rcode: int = 0, *, aa: bool = False) -> bytes:
    """The message with this rcode."""
    return wire[:2] + bytes([wire[2] & 0xFB | aa << 2, wire[3] & 0xF0 | rcode]) + wire[4:]


@pytest.fixture(params=[scrub, scrub_reference], ids=["native", "reference"])
def either(request: pytest.FixtureRequest) -> Any:
    return request.param


def refused(either: Any, wire: bytes) -> bool:
    """True if the message is none; scrubbing must say the same."""
    status = either.status_of(wire)
    assert status in (Status.OK, Status.NOT_AN_ANSWER)
    assert (either.scrubbed(wire) is Status.NOT_AN_ANSWER) == (status is Status.NOT_AN_ANSWER)
    return bool(status)


@pytest.mark.parametrize("rcode", [1, 4, 5, *range(7, 16)])
def test_other_rcodes_are_no_answers(either: Any, rcode: int) -> None:
    assert refused(either, with_flags(message("www.example. A"), rcode))
    assert refused(either, with_flags(message("www.example. A", ["www.example. A 192.0.2.1"]), rcode))


@pytest.mark.parametrize("rcode", [2, 3, 6])
@pytest.mark.parametrize(
    ("records", "contradicts"),
    [
        (["www.example. A 192.0.2.1"], True),
        (["www.example. CNAME a.example.", "a.example. A 192.0.2.1"], True),
        (["www.example. CNAME a.example."], False),
        (["example. DNAME a.example.", f"example. RRSIG DNAME {SIGNATURE}"], False),
        (["www.example. TXT x", "bank.test. A 192.0.2.1"], False),
        ([f"www.example. RRSIG A {SIGNATURE}"], False),
        ([], False),
    ],
)
def test_a_denial_has_no_records_of_what_it_denies(
    either: Any, rcode: int, records: list[str], contradicts: bool
) -> None:
    assert refused(either, with_flags(message("www.example. A", records), rcode)) == contradicts


@pytest.mark.parametrize("asked", ["www.example. CNAME", "www.example. ANY", "www.example. RRSIG"])
def test_a_denial_may_have_the_aliases_that_were_asked_for(either: Any, asked: str) -> None:
    records = ["www.example. CNAME a.example.", f"www.example. RRSIG CNAME {SIGNATURE}"]
    assert not refused(either, with_flags(message(asked, records), 3))


SERVERS = ["example. NS ns.example.", "example. NS ns2.example."]


@pytest.mark.parametrize(
    ("answer", "authority", "aa", "refers"),
    [
        ([], SERVERS, False, True),
        ([], [". NS ns.root."], False, True),
        ([], ["www.example. NS ns.example."], False, True),
        ([], [*SERVERS, f"example. DS 1 8 2 {'00' * 32}", "b.example. NSEC z.example. A"], False, True),
        (["bank.test. A 192.0.2.66"], SERVERS, False, True),
        ([], [*SERVERS, "test. SOA ns.test. h.test. 1 2 3 4 5"], False, True),
        ([], [*SERVERS, "example. SOA ns.test. h.test. 1 2 3 4 5"], False, False),
        ([], SERVERS, True, False),
        ([], ["test. NS ns.test.", "x.www.example. NS ns.test.", "ample. NS ns.test."], False, False),
        ([], ["b.example. NSEC z.example. A"], False, False),
        (["www.example. A 192.0.2.1"], SERVERS, False, False),
        (["www.example. CNAME a.test."], ["test. NS ns.test."], False, False),
        ([], [], False, False),
    ],
)
def test_a_referral_is_no_answer(
    either: Any, answer: list[str], authority: list[str], aa: bool, refers: bool
) -> None:
    wire = with_flags(message("www.example. A", answer, authority, ["ns.example. A 192.0.2.53"]), aa=aa)
    assert refused(either, wire) == refers


def test_a_zone_tells_its_own_servers(either: Any) -> None:
    wire = message("example. NS", SERVERS)
    assert either.scrubbed(wire) == wire
    assert not refused(either, wire)


# ---- aliases that lead nowhere ----


@pytest.mark.parametrize(
    ("asked", "answer", "authority", "dangles"),
    [
        ("www.example. A", ["www.example. CNAME a.test."], [], True),
        ("www.example. A", ["www.example. CNAME a.test.", "bank.test. A 192.0.2.66"], [], True),
        ("www.example. A", ["www.example. CNAME a.test."], ["test. NS ns.test."], True),
        ("www.example. A", ["www.example. CNAME a.test."], ["evil. SOA a. b. 1 2 3 4 5"], True),
        ("www.example. A", ["www.example. CNAME www.example."], [], True),
        ("www.example. A", ["www.example. CNAME a.test.", "a.test. CNAME www.example."], [], True),
        ("www.example. A", ["www.example. CNAME a.test."], ["test. SOA a. b. 1 2 3 4 5"], False),
        ("www.example. A", ["www.example. CNAME a.test.", "a.test. A 192.0.2.1"], [], False),
        ("www.example. CNAME", ["www.example. CNAME a.test."], [], False),
        ("www.example. ANY", ["www.example. CNAME a.test."], [], False),
        ("www.example. A", [], [], False),
    ],
)
def test_an_alias_that_leads_nowhere_says_so_and_lives_shortly(
    either: Any, asked: str, answer: list[str], authority: list[str], dangles: bool
) -> None:
    wire = message(asked, answer, authority)
    found = either.scrubbed(wire)
    assert either.errors_of(wire) == (((0, DANGLING_TEXT),) if dangles else ())
    left = dns.message.from_wire(found)
    assert {rrset.ttl for rrset in left.answer} == ({30} if dangles else {60} if answer else set())
    assert either.scrubbed(found) == found


def test_a_denied_target_needs_no_such_words(either: Any) -> None:
    wire = with_flags(message("www.example. A", ["www.example. CNAME a.test."]), 3)
    assert either.errors_of(wire) == ()
    assert either.scrubbed(wire) == wire
