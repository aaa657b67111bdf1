"""Reading queries and answers; dnspython is the oracle for what a sound message says."""

from __future__ import annotations

import struct
from typing import Any

import dns.edns
import dns.message
import dns.name
import pytest

from filterd.wire.message import AnswerLifetime, ServiceData, StrippedAnswer
from filterd.wire.status import Status
from tests.fuzz import seeds
from tests.fuzz.packets import public_packets

HEADER = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 0)
SOA = "example. 3600 IN SOA ns.example. host.example. 1 7200 3600 1209600 300"
LIES = {
    "empty": Status.TRUNCATED,
    "short-header": Status.TRUNCATED,
    "header-alone": Status.TRUNCATED,
    "no-question": Status.BAD_COUNT,
    "two-questions": Status.BAD_COUNT,
    "answer-in-query": Status.BAD_DATA,
    "authority-in-query": Status.BAD_DATA,
    "self-pointer": Status.BAD_POINTER,
    "forward-pointer": Status.BAD_POINTER,
    "header-pointer": Status.BAD_POINTER,
    "half-pointer": Status.TRUNCATED,
    "label-type-01": Status.BAD_LABEL,
    "label-type-10": Status.BAD_LABEL,
    "name-256": Status.NAME_TOO_LONG,
    "label-overrun": Status.TRUNCATED,
    "two-opts": Status.DUPLICATE_OPT,
    "opt-owner": Status.BAD_OPTION,
    "opt-overrun": Status.TRUNCATED,
    "option-overrun": Status.BAD_OPTION,
    "cookie-length": Status.BAD_OPTION,
    "subnet-bits": Status.BAD_OPTION,
    "record-count": Status.TRUNCATED,
    "update": Status.UNKNOWN_OPCODE,
    "notify": Status.UNKNOWN_OPCODE,
    "opcode-15": Status.UNKNOWN_OPCODE,
    "answer-to-nothing": Status.NOT_A_QUERY,
}
BROKEN_ANSWERS = {
    "answer-opt-in-answer": Status.BAD_OPTION,
    "answer-a-length": Status.BAD_DATA,
    "answer-cname-overrun": Status.TRUNCATED,
    "answer-pointer-chain": Status.BAD_POINTER,
    "answer-svcb-order": Status.BAD_DATA,
    "answer-name-in-a-time": Status.BAD_POINTER,
    "answer-name-inside-a-label": Status.BAD_POINTER,
}


def wire_form(name: dns.name.Name) -> bytes:
    """The lower-cased wire form of an absolute name, by dnspython."""
    return name.to_digestable()


def wire_name(text: str) -> bytes:
    """The same of a name in text."""
    return wire_form(dns.name.from_text(text))


def strip(wire: Any, message: bytes) -> StrippedAnswer:
    """The stripped answer of a sound message."""
    found = wire.codec.strip(message)
    assert isinstance(found, StrippedAnswer)
    return found


def answer(
    *records: str, name: str = "www.example.", rdtype: str = "A", authority: tuple[str, ...] = ()
) -> bytes:
    """An answer without OPT."""
    message = seeds.answer(name, rdtype, list(records), authority=authority)
    message.use_edns(False)
    return message.to_wire(max_size=65535)


@pytest.mark.parametrize("slug", sorted(seeds.queries()))
def test_queries_read_as_the_oracle_reads_them(wire: Any, slug: str) -> None:
    packet = seeds.queries()[slug]
    if slug == "query-tsig":
        packet = packet[:11] + b"\1" + packet[12 : -len(seeds.TSIG)]
    query, oracle = wire.codec.parse(seeds.queries()[slug]), dns.message.from_wire(packet)
    question = oracle.question[0]
    assert query.name == wire_form(question.name)
    assert (query.id, query.flags, query.opcode) == (oracle.id, oracle.flags, 0)
    assert (query.qtype, query.qclass) == (question.rdtype, question.rdclass)
    assert query.question == packet[12 : 12 + len(query.question)]
    assert dns.name.from_wire(query.question, 0)[0].labels == question.name.labels
    assert query.has_edns == (oracle.edns >= 0)
    if query.has_edns:
        dnssec_ok = bool(oracle.ednsflags & 0x8000)
        assert (query.udp_size, query.edns_version, query.dnssec_ok) == (
            oracle.payload,
            oracle.edns,
            dnssec_ok,
        )


def test_options_of_a_query(wire: Any) -> None:
    query = wire.codec.parse(seeds.queries()["query-options"])
    assert query.cookie == bytes(range(8))
    assert query.client_subnet == (1, 24, bytes([192, 0, 2, 0]))
    query = wire.codec.parse(seeds.queries()["query-subnet6"])
    assert query.client_subnet == (2, 56, bytes.fromhex("20010db8") + bytes(12))
    assert wire.codec.parse(seeds.queries()["query-cookie-both"]).cookie == bytes(24)


@pytest.mark.parametrize(("slug", "status"), LIES.items())
def test_refused_queries(wire: Any, slug: str, status: Status) -> None:
    assert wire.codec.parse(seeds.lies()[f"lie-{slug}"]) is status


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        (b"\0\1\0\0", True),  # a prefix of 0 bits: "do not tell" (RFC 7871 §7.1.2)
        (b"\0\1\x20\0\xc0\0\2\1", True),
        (b"\0\1\x21\0\xc0\0\2\1\0", False),
        (b"\0\1\x18\x18\xc0\0\2", False),
        (b"\0\1\x18\0\xc0\0", False),
        (b"\0\1\x18", False),
        (b"\0\2\x81\0" + bytes(17), False),
        (b"\0\3\xff\xff\1\2\3", True),
        (b"\0\0\0\0", True),
    ],
)
def test_client_subnet(wire: Any, content: bytes, accepted: bool) -> None:
    option = struct.pack("!HH", 8, len(content)) + content
    opt = seeds.OPT[:-2] + struct.pack("!H", len(option)) + option
    packet = HEADER[:11] + b"\1" + seeds.QUESTION + opt
    assert (wire.codec.read(packet)[0] is Status.OK) == accepted


def test_options_of_a_later_version_are_not_read(wire: Any) -> None:
    opt = b"\0\0\x29\x04\xd0\0\1\0\0\0\3\xff\xff\xff"
    query = wire.codec.parse(HEADER[:11] + b"\1" + seeds.QUESTION + opt)
    assert query.edns_version == 1


def test_bytes_behind_a_query_are_ignored(wire: Any) -> None:
    assert wire.codec.parse(seeds.lies()["lie-trailing"]).name == wire_name("www.example.")


def test_ixfr_brings_its_soa(wire: Any) -> None:
    question = seeds.QUESTION[:-4] + b"\0\xfb\0\1"
    soa = b"\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0" + bytes(20)
    packet = HEADER[:9] + b"\1" + HEADER[10:] + question + soa
    assert wire.codec.parse(packet).qtype == 251
    assert wire.codec.parse(packet[:29] + b"" + packet[29:].replace(b"\0\xfb", b"\0\1")) is not Status.OK


def test_what_is_known_of_a_query_that_fails_late(wire: Any) -> None:
    status, query = wire.codec.read(seeds.lies()["lie-two-opts"])
    assert status is Status.DUPLICATE_OPT
    assert (query.name, query.question) == (wire_name("www.example."), seeds.QUESTION)
    status, query = wire.codec.read(seeds.lies()["lie-self-pointer"])
    assert (query.id, query.name, query.question) == (0x1234, b"\0", b"")


@pytest.mark.parametrize("hops", [3, 16])
def test_pointer_chains_are_followed_up_to_a_bound(wire: Any, hops: int) -> None:
    message = seeds.pointer_chain(hops)
    assert wire.codec.records(message)[1].owner == wire_name("www.example.")
    assert wire.codec.records(seeds.pointer_chain(17)) is Status.BAD_POINTER


def test_a_pointer_leads_to_a_whole_prior_occurrence(wire: Any) -> None:
    overlapping = (
        HEADER + b"\1a\x03abc\xc0\x0e"
    )  # at 14 stands a label of 3 bytes that ends where the pointer is
    assert wire.codec.name_at(overlapping, 18) == Status.TRUNCATED
    assert wire.codec.name_at(HEADER + b"\1a\0\1b\xc0\x0c", 15) == (b"\1b\1a\0", 19)


@pytest.mark.parametrize("slug", sorted(seeds.answers()))
def test_answers_read_as_the_oracle_reads_them(wire: Any, slug: str) -> None:
    packet = seeds.answers()[slug]
    oracle = dns.message.from_wire(packet)
    stripped = strip(wire, packet)
    assert stripped.rcode == oracle.rcode()
    assert stripped.has_edns
    assert len(stripped.message) < len(packet)
    oracle_without = dns.message.from_wire(stripped.message)
    assert oracle_without.edns == -1
    assert oracle_without.sections == oracle.sections
    found = [(r.section, r.owner, r.type, r.ttl) for r in wire.codec.records(stripped.message)]
    expected = [
        (section, wire_form(rrset.name), rrset.rdtype, rrset.ttl)
        for section in (1, 2, 3)
        for rrset in oracle.sections[section]
        for _ in rrset
    ]
    assert found == expected


@pytest.mark.parametrize(("slug", "status"), BROKEN_ANSWERS.items())
def test_refused_answers(wire: Any, slug: str, status: Status) -> None:
    assert wire.codec.strip(seeds.lies()[f"lie-{slug}"]) is status
    assert wire.codec.strip(seeds.queries()["query-edns"]) is Status.NOT_AN_ANSWER


def test_extended_errors_of_an_upstream(wire: Any) -> None:
    stripped = strip(wire, seeds.answers()["answer-ede"])
    assert stripped.edes == ((22, b"no reachable authority"), (9, b""))
    assert strip(wire, seeds.answers()["answer-badvers"]).rcode == 16
    assert strip(wire, seeds.lies()["lie-answer-ede-text"]).edes == ((22, b""),)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        (b"plain\0", b"plain"),
        ("á".encode() * 140, "á".encode() * 127),
        (b"\xed\xa0\x80", b""),
        (b"\xc0\x80", b""),
        (b"\xf4\x90\x80\x80", b""),
        ("😀".encode(), "😀".encode()),
    ],
)
def test_text_of_an_extended_error(wire: Any, text: bytes, passed: bytes) -> None:
    option = struct.pack("!HHH", 15, 2 + len(text), 1) + text
    opt = seeds.OPT[:-2] + struct.pack("!H", len(option)) + option
    packet = struct.pack("!6H", 1, 0x8180, 1, 0, 0, 1) + seeds.QUESTION + opt
    assert strip(wire, packet).edes == ((1, passed),)


def test_records_behind_opt_keep_their_meaning(wire: Any) -> None:
    packet = seeds.lies()["lie-answer-opt-first"]
    stripped = strip(wire, packet)
    assert dns.message.from_wire(stripped.message).additional == dns.message.from_wire(packet).additional


def test_tsig_of_an_upstream_goes(wire: Any) -> None:
    packet = struct.pack("!6H", 1, 0x8180, 1, 0, 0, 2) + seeds.QUESTION + seeds.OPT + seeds.TSIG
    assert strip(wire, packet).message == packet[:11] + b"\0" + seeds.QUESTION
    early = struct.pack("!6H", 1, 0x8180, 1, 1, 0, 0) + seeds.QUESTION + seeds.TSIG
    assert wire.codec.strip(early) is Status.BAD_DATA


def test_service_bindings(wire: Any) -> None:
    message = answer(*seeds.ANSWERS["https"][2], rdtype="HTTPS")
    found = {
        wire.codec.service(message, record.data_offset, len(record.data))
        for record in wire.codec.records(message)
    }
    addresses = (
        (4, bytes([192, 0, 2, 1])),
        (4, bytes([192, 0, 2, 2])),
        (6, bytes.fromhex("20010db8") + bytes(11) + b"\1"),
    )
    assert found == {ServiceData(1, b"\0", addresses), ServiceData(0, wire_name("alias.example."), ())}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\0\1", Status.TRUNCATED),
        (b"\0\1\0\0\4", Status.TRUNCATED),
        (b"\0\1\0\0\4\0\0", Status.BAD_DATA),
        (b"\0\1\0\0\4\0\3\1\2\3", Status.BAD_DATA),
        (b"\0\1\0\0\6\0\4\1\2\3\4", Status.BAD_DATA),
        (b"\0\1\0\0\4\0\x08\1\2\3\4", Status.TRUNCATED),
        (b"\0\1\xc0\x0c", Status.BAD_DATA),
        (b"\0\1\0\0\3\0\0\0\1\0\0", Status.BAD_DATA),
    ],
)
def test_refused_service_bindings(wire: Any, data: bytes, status: Status) -> None:
    message = HEADER + b"\1a\0" + bytes(4)
    assert wire.codec.service(message + data, len(message), len(data)) is status


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (answer("www.example. 300 IN A 192.0.2.1"), AnswerLifetime(300, False, 0, 1)),
        (answer(*seeds.ANSWERS["cname"][2]), AnswerLifetime(5, False, 0, 2)),
        (answer(authority=(SOA,)), AnswerLifetime(300, True, 0, 1)),
        (answer(authority=(SOA.replace("3600 IN", "60 IN"),)), AnswerLifetime(60, True, 0, 1)),
        (answer("www.example. 9 IN CNAME a.example.", authority=(SOA,)), AnswerLifetime(9, True, 0, 2)),
        (answer(), AnswerLifetime(0, True, 0, 0)),
        (answer(authority=("example. 60 IN NS ns.example.",)), AnswerLifetime(0, True, 0, 1)),
        (answer("www.example. 7 IN A 192.0.2.1", rdtype="ANY"), AnswerLifetime(7, False, 0, 1)),
        (seeds.lies()["lie-answer-ttl-top-bit"], AnswerLifetime(0, False, 0, 1)),
    ],
)
def test_lifetime(wire: Any, message: bytes, expected: AnswerLifetime) -> None:
    assert wire.codec.answer_lifetime(message) == expected


def test_failures_are_not_kept_by_ttl(wire: Any) -> None:
    failed = bytearray(answer("www.example. 300 IN A 192.0.2.1"))
    failed[3] |= 2
    assert wire.codec.answer_lifetime(bytes(failed)) == AnswerLifetime(0, False, 2, 1)
    denied = bytearray(answer(authority=(SOA,)))
    denied[3] |= 3
    assert wire.codec.answer_lifetime(bytes(denied)) == AnswerLifetime(300, True, 3, 1)


@pytest.mark.ring("night")
def test_public_packets_that_the_oracle_reads_are_read_alike(wire: Any) -> None:
    packets = public_packets()
    if not packets:
        pytest.skip("no public packets beside the repository (FILTERD_TEST_DATA names their folder)")
    compared = 0
    for name, packet in packets.items():
        try:
            oracle = dns.message.from_wire(packet, one_rr_per_rrset=True)
        except Exception:  # noqa: S112 - the oracle refuses it: nothing to compare
            continue
        if oracle.opcode() != 0:
            continue
        found = wire.codec.records(packet)
        assert not isinstance(found, Status), (name, found)
        kept = [(r.section, r.owner, r.type, r.rclass) for r in found if r.type not in (41, 250)]
        assert kept == [
            (section, wire_form(rrset.name), rrset.rdtype, rrset.rdclass)
            for section in (1, 2, 3)
            for rrset in oracle.sections[section]
        ], name
        compared += 1
    assert compared > 200


A_RECORD = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\6\6\6\6"
CLASS_CHAOS = A_RECORD[:4] + b"\0\3" + A_RECORD[6:]
SHORT_A = A_RECORD[:10] + b"\0\3" + A_RECORD[12:15]
LOST_OWNER = b"\xc0\x30" + A_RECORD[2:]
SIG0 = b"\0\0\x18\0\xff\0\0\0\0\0\x15" + bytes(18) + b"\1k\0"
TSIG_CLASS = seeds.TSIG.replace(b"\0\xfa\0\xff", b"\0\xfa\0\1")
TSIG_REST = seeds.TSIG[:-1] + b"\1"
TSIG_CUT = seeds.TSIG[:-2].replace(b"\0\x11", b"\0\x0f")


@pytest.mark.parametrize(
    ("section", "behind", "status"),
    [
        (1, [A_RECORD], Status.OK),  # not asked for, not forbidden (RFC 1035 §4.1), not believed
        (2, [A_RECORD, A_RECORD], Status.OK),
        (3, [A_RECORD, seeds.OPT, A_RECORD], Status.OK),
        (3, [SIG0], Status.OK),  # RFC 2931 §3
        (3, [seeds.OPT, seeds.TSIG], Status.OK),
        (1, [CLASS_CHAOS], Status.BAD_DATA),
        (2, [SHORT_A], Status.BAD_DATA),  # RFC 1035 §3.4.1
        (3, [SHORT_A], Status.BAD_DATA),
        (1, [LOST_OWNER], Status.BAD_POINTER),
        (1, [seeds.OPT], Status.BAD_OPTION),  # RFC 6891 §6.1.1
        (3, [seeds.TSIG, seeds.OPT], Status.BAD_DATA),  # RFC 8945 §5.1: the last, and one
        (3, [seeds.TSIG, seeds.TSIG], Status.BAD_DATA),
        (2, [seeds.TSIG], Status.BAD_DATA),
        (3, [TSIG_CLASS], Status.BAD_DATA),  # RFC 8945 §4.2: class ANY
        (3, [TSIG_REST], Status.BAD_DATA),
        (3, [TSIG_CUT], Status.TRUNCATED),
        (2, [A_RECORD] * 64, Status.OK),
        (2, [A_RECORD] * 65, Status.BAD_COUNT),  # no query has so many; reading thousands is work
    ],
)
def test_records_in_a_query(wire: Any, section: int, behind: list[bytes], status: Status) -> None:
    counts = [1, 0, 0, 0]
    counts[section] = len(behind)
    packet = struct.pack("!6H", 1, 0x0100, *counts) + seeds.QUESTION + b"".join(behind)
    assert wire.codec.read(packet)[0] is status


@pytest.mark.parametrize(
    ("opcode", "truncated", "status"),
    [
        (1, False, Status.UNKNOWN_OPCODE),
        (4, False, Status.TRUNCATED),  # NOTIFY has the layout of a QUERY (RFC 1996 §3.7)
        (5, False, Status.UNKNOWN_OPCODE),
        (15, False, Status.UNKNOWN_OPCODE),  # its layout may be another (RFC 8906 §3.1.4)
        (15, True, Status.TRUNCATED),  # it says itself that its end is missing (RFC 1035 §4.1.1)
    ],
)
def test_other_opcodes_with_a_broken_body(wire: Any, opcode: int, truncated: bool, status: Status) -> None:
    flags = opcode << 11 | truncated << 9
    packet = struct.pack("!6H", 1, flags, 1, 0, 1, 0) + seeds.QUESTION
    assert wire.codec.read(packet)[0] is status
    sound = struct.pack("!6H", 1, flags, 1, 0, 0, 0) + seeds.QUESTION
    assert wire.codec.read(sound)[0] is Status.UNKNOWN_OPCODE
