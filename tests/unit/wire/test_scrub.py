"""What an answer may hold, by example; each on the native code and on its reference."""

from __future__ import annotations

from collections.abc import Callable

import dns.message
import dns.rrset
import pytest

from filterd.wire import scrub, scrub_reference
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
        ("www.example. A", ["www.example. CNAME www.example."]),
        ("www.example. A", ["www.example. CNAME a.example.", "a.example. CNAME www.example."]),
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
def test_authority_is_for_names_above_and_for_denials(scrubbed: Scrub, answer: list[str]) -> None:
    above = ["example. NS ns.example.", ". NS ns.root.", f"example. DS 1 8 2 {'00' * 32}"]
    soa = "example. SOA ns.example. h.example. 1 2 3 4 5"
    denials = [f"{NSEC3} NSEC3 1 0 1 00 {NSEC3.split('.')[0]} A", "b.example. NSEC z.example. A"]
    foreign = [
        "bank.test. NS ns.evil.",
        "ample. NS ns.evil.",
        "x.www.example. NS ns.evil.",
        "example. A 192.0.2.6",
    ]
    _, authority, _ = kept(scrubbed, "www.example. A", answer, [*foreign, *above, soa, *denials])
    assert authority == [
        "example. NS",
        ". NS",
        "example. DS",
        "example. SOA",
        f"{NSEC3} NSEC3",
        "b.example. NSEC",
    ]


def test_an_alias_brings_the_zones_above_its_target(scrubbed: Scrub) -> None:
    answer = ["www.example. CNAME a.test."]
    _, authority, _ = kept(scrubbed, "www.example. A", answer, ["test. SOA ns.test. h.test. 1 2 3 4 5"])
    assert authority == ["test. SOA"]


@pytest.mark.parametrize(
    "record",
    [
        "www.example. MX 1 host.test.",
        "www.example. SRV 1 1 443 host.test.",
        "www.example. HTTPS 1 host.test.",
        'www.example. NAPTR 1 1 "s" "x" "" host.test.',
    ],
)
def test_additional_is_for_the_names_that_are_named(scrubbed: Scrub, record: str) -> None:
    more = ["bank.test. A 192.0.2.66", "host.test. A 192.0.2.1", "host.test. AAAA ::1", "host.test. TXT x"]
    _, _, additional = kept(scrubbed, f"www.example. {record.split()[1]}", [record], [], more)
    assert additional == ["host.test. A", "host.test. AAAA"]


def test_name_servers_that_are_kept_bring_their_addresses(scrubbed: Scrub) -> None:
    authority = ["example. NS ns.test.", "test. NS ns.evil."]
    more = ["ns.test. A 192.0.2.1", "ns.evil. A 192.0.2.66"]
    found = kept(scrubbed, "www.example. A", ["www.example. A 192.0.2.1"], authority, more)
    assert found[1:] == [["example. NS"], ["ns.test. A"]]


def test_a_service_at_its_own_name_and_one_that_leads_on(scrubbed: Scrub) -> None:
    answer = ["www.example. HTTPS 0 svc.test."]
    more = ["svc.test. HTTPS 1 host.test.", "host.test. A 192.0.2.1", "www.example. A 192.0.2.2"]
    assert kept(scrubbed, "www.example. HTTPS", answer, [], more)[2] == [
        "svc.test. HTTPS",
        "host.test. A",
        "www.example. A",
    ]


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


def test_what_grows_too_long_without_compression_loses_its_additional(scrubbed: Scrub) -> None:
    label = "x" * 60
    host = f"{label}.{label}.{label}.example."
    made = dns.message.from_wire(
        message("www.example. MX", ["bank.test. A 192.0.2.66", f"www.example. MX 1 {host}"])
    )
    made.additional += [
        dns.rrset.from_text(host, 60, "IN", "A", f"192.0.{n // 250}.{n % 250}") for n in range(1000)
    ]
    found = scrubbed(made.to_wire())
    assert isinstance(found, bytes)
    left = dns.message.from_wire(found, one_rr_per_rrset=True)
    assert len(left.answer) == 1
    assert 250 < len(left.additional) < 400


def test_answers_that_grow_too_long_are_none(scrubbed: Scrub) -> None:
    label = "x" * 60
    targets = [f"www.example. MX {n} {label}.{label}.{label}.test." for n in range(500)]
    assert scrubbed(message("www.example. MX", ["bank.test. A 192.0.2.66", *targets])) is Status.NO_SPACE
