"""ECH is taken out of services, and a client sees what one without ECH would make of the record."""

from __future__ import annotations

from struct import pack
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from tests.fuzz import seeds
from tests.worlds.services import ALPN, CONFIGS, ECH, IPV4HINT, MANDATORY, PORT, data, mandatory

NAME, HOST = b"\x03www\x07example\0", b"\x04host\x07example\0"
ASKED = b"\xc0\x0c"
HTTPS, SVCB, RRSIG, CNAME, A, TXT, ANY = 65, 64, 46, 5, 1, 16, 255
FROM_H2 = (ALPN, b"\x02h2")
HINT = (IPV4HINT, bytes([192, 0, 2, 1]))
KEYS = (ECH, CONFIGS)
SIGNATURE = bytes(16) + NAME + b"signature"

Record = tuple[bytes, int, bytes]
"""owner, type and data"""


def message(*records: Record, qtype: int = HTTPS, rcode: int = 0, more: tuple[Record, ...] = ()) -> bytes:
    """An upstream's answer with these records, and more in the additional section."""

    def written(record: Record) -> bytes:
        owner, rtype, content = record
        return owner + pack("!HHIH", rtype, 1, 300, len(content)) + content

    header = pack("!HHHHHH", 0x1234, 0x8180 | rcode, 1, len(records), 0, len(more))
    return header + NAME + pack("!HH", qtype, 1) + b"".join(map(written, (*records, *more)))


def service(*parameters: tuple[int, bytes], priority: int = 1, target: bytes = b"\0") -> Record:
    """An HTTPS record of the name."""
    return ASKED, HTTPS, data(priority, target, parameters)


def signature(rtype: int, owner: bytes = ASKED) -> Record:
    """An RRSIG that covers the type."""
    return owner, RRSIG, pack("!H", rtype) + SIGNATURE


def answered(wire: Any, upstream: bytes, *, qtype: int = HTTPS, dnssec: bool = True, **options: Any) -> bytes:
    """The answer without ECH."""
    kind = dns.rdatatype.to_text(dns.rdatatype.RdataType(qtype))
    query = seeds.query("www.example.", kind, use_edns=0 if dnssec else None, want_dnssec=dnssec)
    found: bytes = wire.respond.answer(wire.codec.parse(query.to_wire()), upstream, strip_ech=True, **options)
    return found


def shown(answer: bytes) -> list[str]:
    """Type and data of the records of the answer section, as dnspython reads them."""
    read = dns.message.from_wire(answer)
    return [f"{dns.rdatatype.to_text(each.rdtype)} {each}" for rrset in read.answer for each in rrset]


def test_every_other_parameter_stays(wire: Any) -> None:
    found = answered(wire, message(service(FROM_H2, (PORT, b"\x01\xbb"), HINT, KEYS, (65_280, b"private"))))
    assert shown(found) == ['HTTPS 1 . alpn="h2" port="443" ipv4hint="192.0.2.1" key65280="private"']
    assert CONFIGS not in found


@pytest.mark.parametrize("rtype", [HTTPS, SVCB])
def test_a_service_with_nothing_else_is_left_bare(wire: Any, rtype: int) -> None:
    upstream = message((ASKED, rtype, data(1, HOST, [KEYS])), qtype=rtype)
    assert shown(answered(wire, upstream, qtype=rtype)) == [
        f"{'HTTPS' if rtype == 65 else 'SVCB'} 1 host.example."
    ]


def test_the_target_keeps_its_letter_case(wire: Any) -> None:
    upstream = message((ASKED, HTTPS, data(1, b"\x04HoSt\x07eXample\0", [KEYS])))
    assert b"\x04HoSt\x07eXample\0" in answered(wire, upstream)


def test_a_record_that_requires_ech_is_left_out(wire: Any) -> None:
    required = service(mandatory(ALPN, ECH), FROM_H2, KEYS)
    found = answered(wire, message(required, service(FROM_H2, KEYS, priority=2)))
    assert shown(found) == ['HTTPS 2 . alpn="h2"']


def test_other_required_parameters_stay_required(wire: Any) -> None:
    found = answered(wire, message(service(mandatory(ALPN), FROM_H2, KEYS)))
    assert shown(found) == ['HTTPS 1 . mandatory="alpn" alpn="h2"']


def test_no_record_is_left_where_all_require_ech(wire: Any) -> None:
    found = dns.message.from_wire(answered(wire, message(service(mandatory(ECH), KEYS))))
    assert (found.rcode(), found.answer) == (dns.rcode.NOERROR, [])


def test_an_alias_loses_parameters_that_nobody_reads(wire: Any) -> None:
    upstream = message((ASKED, HTTPS, data(0, HOST, [mandatory(ECH), FROM_H2, HINT, KEYS])))
    assert shown(answered(wire, upstream)) == ["HTTPS 0 host.example."]


@pytest.mark.parametrize(
    "parameters",
    [(FROM_H2, HINT), (), (mandatory(ECH), FROM_H2), ((MANDATORY, b"\0"), FROM_H2)],
)
def test_an_answer_without_the_parameter_stays_byte_for_byte(
    wire: Any, parameters: tuple[tuple[int, bytes], ...]
) -> None:
    upstream = message(service(*parameters), signature(HTTPS))
    query = wire.codec.parse(seeds.query("www.example.", "HTTPS", use_edns=0, want_dnssec=True).to_wire())
    plain = wire.respond.answer(query, upstream, ad=True)
    assert wire.respond.answer(query, upstream, ad=True, strip_ech=True) == plain
    assert plain[: len(upstream)][12:] == upstream[12:]


def test_who_did_not_ask_for_it_gets_the_upstreams_records(wire: Any) -> None:
    upstream = message(service(FROM_H2, KEYS), signature(HTTPS))
    query = wire.codec.parse(seeds.query("www.example.", "HTTPS", use_edns=0, want_dnssec=True).to_wire())
    assert wire.respond.answer(query, upstream, ad=True)[12 : len(upstream)] == upstream[12:]


def test_signatures_of_the_changed_records_and_ad_go_others_stay(wire: Any) -> None:
    upstream = message(
        (ASKED, CNAME, HOST),
        signature(CNAME),
        (HOST, HTTPS, data(1, b"\0", [FROM_H2, KEYS])),
        signature(HTTPS, HOST),
    )
    found = answered(wire, upstream, ad=True)
    assert [line.split()[:2] for line in shown(found)] == [
        ["CNAME", "host.example."],
        ["RRSIG", "CNAME"],
        ["HTTPS", "1"],
    ]
    assert not dns.message.from_wire(found).flags & dns.flags.AD


def test_ad_stays_where_nothing_was_changed(wire: Any) -> None:
    found = answered(wire, message(service(FROM_H2), signature(HTTPS)), ad=True)
    assert dns.message.from_wire(found).flags & dns.flags.AD


@pytest.mark.parametrize(("first", "ad", "signed"), [(A, True, "A"), (HTTPS, False, "")])
def test_any(wire: Any, first: int, ad: bool, signed: str) -> None:
    records = {A: (ASKED, A, bytes([192, 0, 2, 9])), HTTPS: service(FROM_H2, KEYS)}
    ordered = [records[first], *(record for rtype, record in records.items() if rtype != first)]
    found = answered(wire, message(*ordered, signature(A), signature(HTTPS), qtype=ANY), qtype=ANY, ad=True)
    assert bool(dns.message.from_wire(found).flags & dns.flags.AD) == ad
    assert [line.split()[1] for line in shown(found) if line.startswith("RRSIG")] == (
        [signed] if signed else []
    )
    assert CONFIGS not in found


def test_the_additional_section_is_no_way_in(wire: Any) -> None:
    upstream = message((ASKED, HTTPS, data(0, HOST, [])), more=((HOST, HTTPS, data(1, b"\0", [KEYS])),))
    found = answered(wire, upstream)
    assert CONFIGS not in found
    assert [str(each) for rrset in dns.message.from_wire(found).additional for each in rrset] == ["1 ."]


def test_a_safe_hosts_services_have_none_either(wire: Any) -> None:
    query = wire.codec.parse(seeds.query("search.example.", "HTTPS", use_edns=0).to_wire())
    upstream = message(service(FROM_H2, KEYS), service(mandatory(ECH), KEYS))
    found = wire.respond.rewrite(query, NAME, upstream, strip_ech=True)
    assert shown(found) == ["CNAME www.example.", 'HTTPS 1 . alpn="h2"']
    assert CONFIGS in wire.respond.rewrite(query, NAME, upstream)


def test_an_answer_that_became_small_enough_is_whole(wire: Any) -> None:
    upstream = message(*[service(FROM_H2, (ECH, CONFIGS * 20))] * 3)
    query = wire.codec.parse(seeds.query("www.example.", "HTTPS", use_edns=None).to_wire())
    assert dns.message.from_wire(wire.respond.answer(query, upstream, limit=512)).flags & dns.flags.TC
    found = wire.respond.answer(query, upstream, limit=512, strip_ech=True)
    assert not dns.message.from_wire(found).flags & dns.flags.TC
    assert len(shown(found)) == 1  # dnspython shows equal records once


def test_one_that_is_still_too_long_gives_up_more_before_it_is_truncated(wire: Any) -> None:
    records = [service((ALPN, b"\x63" + bytes([65 + n]) * 99), KEYS, priority=n + 1) for n in range(3)]
    texts = ((HOST, TXT, b"\xff" + b"x" * 255),)
    found = dns.message.from_wire(answered(wire, message(*records, more=texts), limit=512))
    assert (len(found.answer[0]), found.additional, found.flags & dns.flags.TC) == (3, [], 0)
    found = dns.message.from_wire(answered(wire, message(*records * 2, more=texts), limit=512))
    assert (found.answer, found.flags & dns.flags.TC) == ([], dns.flags.TC)


@pytest.mark.parametrize(
    "content",
    [
        data(1, b"\0", [KEYS, FROM_H2]),
        data(1, b"\0", [KEYS, KEYS]),
        data(1, b"\0", [KEYS])[:-1],
        data(1, b"\0", [FROM_H2]) + b"\0\5\0",
        data(1, ASKED, [KEYS]),
        b"\0\1",
        b"",
    ],
    ids=["out of order", "doubled", "cut", "cut in a key", "target compressed", "no target", "nothing"],
)
def test_what_cannot_be_read_is_no_answer(wire: Any, content: bytes) -> None:
    found = dns.message.from_wire(answered(wire, message((ASKED, HTTPS, content))))
    assert (found.rcode(), found.answer) == (dns.rcode.SERVFAIL, [])


def test_caps_and_ages_hold(wire: Any) -> None:
    upstream = message(service(FROM_H2, KEYS))
    (rrset,) = dns.message.from_wire(answered(wire, upstream, age=100, ttl_cap=250)).answer
    assert rrset.ttl == 200
    (rrset,) = dns.message.from_wire(answered(wire, upstream, ttl_cap=30)).answer
    assert rrset.ttl == 30


@pytest.mark.parametrize(("size", "ad"), [(4096, True), (4097, False)])
def test_behind_4_kib_of_services_nobody_looks_and_it_is_taken_out_all_the_same(
    wire: Any, size: int, ad: bool
) -> None:
    long = service((65_280, bytes(size - 7)))
    found = answered(wire, message(long, signature(HTTPS)), ad=ad)
    assert bool(dns.message.from_wire(found).flags & dns.flags.AD) == ad
    assert any(line.startswith("RRSIG") for line in shown(found)) == ad
    hidden = answered(wire, message(long, service(FROM_H2, KEYS)))
    assert CONFIGS not in hidden
    assert sorted(shown(hidden))[0] == 'HTTPS 1 . alpn="h2"'
