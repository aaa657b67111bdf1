"""Answers, read back with dnspython."""

from __future__ import annotations

import struct
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.wire.ede import ExtendedError
from filterd.wire.respond_reference import LOCAL_LOCALHOST, LOCAL_NODATA, LOCAL_NXDOMAIN
from tests.fuzz import seeds

NXDOMAIN, NODATA, NULL, SINKHOLE = BlockingMode
V4, V6 = bytes([192, 0, 2, 80]), bytes.fromhex("20010db8") + bytes(11) + b"\x50"
SAFE = b"\x04safe\x07example\x00"
SOA = "example. 3600 IN SOA ns.example. host.example. 1 7200 3600 1209600 300"


def ask(wire: Any, name: str = "WwW.example.", rdtype: str = "A", **settings: Any) -> Any:
    """A parsed query."""
    settings.setdefault("use_edns", 0)
    return wire.codec.parse(seeds.query(name, rdtype, **settings).to_wire())


def upstream(
    *records: str, rdtype: str = "A", name: str = "www.example.", rcode: int = 0, **settings: Any
) -> bytes:
    """An upstream's answer without OPT."""
    message = seeds.answer(name, rdtype, list(records), **settings)
    message.set_rcode(dns.rcode.Rcode(rcode))
    message.use_edns(False)
    return message.to_wire(max_size=65535)


def lines(section: list[Any]) -> list[str]:
    """The records of a section as text."""
    return [line for rrset in section for line in rrset.to_text().split("\n")]


def edes(message: dns.message.Message) -> list[tuple[int, str]]:
    """The extended errors of an answer."""
    return [(o.code, o.text or "") for o in message.options if isinstance(o, dns.edns.EDEOption)]


def soa(message: dns.message.Message) -> tuple[str, int, int]:
    """Owner, TTL and minimum of a negative answer's SOA, its only record."""
    assert [len(section) for section in message.sections[1:]] == [0, 1, 0]
    return str(message.authority[0].name), message.authority[0].ttl, message.authority[0][0].minimum


def test_frame_echoes_question_and_flags(wire: Any) -> None:
    for sent in (dns.flags.RD, 0, dns.flags.RD | dns.flags.CD, dns.flags.CD | dns.flags.AD):
        packet = seeds.query("WwW.ExAmPle.", flags=sent).to_wire()
        built = wire.respond.error(wire.codec.parse(packet), 2)
        assert built[12:] == packet[12:]
        assert (
            dns.message.from_wire(built).flags & 0xFFF0 == dns.flags.QR | dns.flags.RA | sent & ~dns.flags.AD
        )


def test_recursion_available_is_optional(wire: Any) -> None:
    assert not dns.message.from_wire(wire.respond.error(ask(wire), 5, ra=False)).flags & dns.flags.RA


def test_opt_only_where_the_client_sent_one(wire: Any) -> None:
    chosen = {"ede": [(ExtendedError.CENSORED, b"")]}
    plain = wire.respond.blocked(ask(wire, use_edns=False), NXDOMAIN, Scope.SUBTREE, **chosen)
    assert dns.message.from_wire(plain).edns == -1
    for dnssec_ok in (False, True):
        query = ask(wire, use_edns=0, want_dnssec=dnssec_ok, payload=4096)
        message = dns.message.from_wire(wire.respond.blocked(query, NXDOMAIN, Scope.SUBTREE, **chosen))
        assert (message.edns, message.payload) == (0, 1232)
        assert message.ednsflags == (0x8000 if dnssec_ok else 0)
        assert edes(message) == [(16, "")]


def test_extended_rcode_needs_edns(wire: Any) -> None:
    assert dns.message.from_wire(wire.respond.error(ask(wire, use_edns=1), 16)).rcode() == dns.rcode.BADVERS
    assert dns.message.from_wire(wire.respond.error(ask(wire, use_edns=False), 16)).rcode() == 2


@pytest.mark.parametrize("rdtype", ["A", "AAAA", "HTTPS", "ANY", "TXT"])
@pytest.mark.parametrize(
    ("mode", "scope", "rcode"),
    [
        (NXDOMAIN, Scope.SUBTREE, 3),
        (NXDOMAIN, Scope.BELOW, 3),
        (NXDOMAIN, Scope.EXACT, 0),
        (NODATA, Scope.SUBTREE, 0),
        (SINKHOLE, Scope.SUBTREE, 3),
        (SINKHOLE, Scope.EXACT, 0),
    ],
)
def test_negative_blocks(wire: Any, rdtype: str, mode: int, scope: int, rcode: int) -> None:
    message = dns.message.from_wire(wire.respond.blocked(ask(wire, rdtype=rdtype), mode, scope, ttl=17))
    assert message.rcode() == rcode
    zone = "example." if rcode else "WwW.example."
    assert soa(message) == (zone, 17, 17)
    assert message.authority[0][0].mname == dns.name.from_text(zone)


@pytest.mark.parametrize(
    ("mode", "rdtype", "address"),
    [
        (NULL, "A", "0.0.0.0"),
        (NULL, "AAAA", "::"),
        (NULL, "HTTPS", None),
        (SINKHOLE, "A", "192.0.2.80"),
        (SINKHOLE, "AAAA", "2001:db8::50"),
        (SINKHOLE, "MX", None),
    ],
)
def test_address_blocks(wire: Any, mode: int, rdtype: str, address: str | None) -> None:
    for scope in Scope:
        built = wire.respond.blocked(ask(wire, rdtype=rdtype), mode, scope, ipv4=V4, ipv6=V6, ttl_cap=20)
        message = dns.message.from_wire(built)
        assert message.rcode() == 0
        if address is None:
            assert soa(message) == ("WwW.example.", 20, 20)
        else:
            assert lines(message.answer) == [f"WwW.example. 20 IN {rdtype} {address}"]
            assert lines(message.authority) == []


@pytest.mark.parametrize(("name", "parent"), [("a.B.example.", "B.example."), ("example.", "."), (".", ".")])
def test_a_blocked_name_is_denied_by_its_parent(wire: Any, name: str, parent: str) -> None:
    """And where it has no data, by itself: it exists."""
    for mode, zone in ((NXDOMAIN, parent), (SINKHOLE, parent), (NODATA, name), (NULL, name)):
        message = dns.message.from_wire(wire.respond.blocked(ask(wire, name, "TXT"), mode, Scope.SUBTREE))
        assert soa(message)[0] == zone
        assert message.authority[0][0].mname == dns.name.from_text(zone)


def test_sinkhole_of_one_family(wire: Any) -> None:
    built = wire.respond.blocked(ask(wire, rdtype="AAAA"), SINKHOLE, Scope.SUBTREE, ipv4=V4)
    assert soa(dns.message.from_wire(built))[0] == "WwW.example."
    assert dns.message.from_wire(built).rcode() == 0


def test_no_address_outside_the_internet_class(wire: Any) -> None:
    query = ask(wire, rdclass="CH")
    assert not dns.message.from_wire(wire.respond.blocked(query, NULL, Scope.SUBTREE)).answer


def test_made_answers_are_never_authenticated(wire: Any) -> None:
    query = ask(wire, want_dnssec=True)
    for built in (
        wire.respond.blocked(query, NULL, Scope.SUBTREE, ad=True),
        wire.respond.local(query, LOCAL_LOCALHOST, ad=True),
        wire.respond.rewrite(
            query, SAFE, upstream("safe.example. 9 IN A 192.0.2.1", name="safe.example."), ad=True
        ),
        wire.respond.text(query, b"x", ad=True),
    ):
        assert not dns.message.from_wire(built).flags & dns.flags.AD


@pytest.mark.parametrize(
    ("name", "rdtype", "kind", "expected"),
    [
        ("localhost.", "A", LOCAL_LOCALHOST, "127.0.0.1"),
        ("a.localhost.", "AAAA", LOCAL_LOCALHOST, "::1"),
        ("localhost.", "TXT", LOCAL_LOCALHOST, None),
        ("_dns.resolver.arpa.", "SVCB", LOCAL_NODATA, None),
        ("www.onion.", "A", LOCAL_NXDOMAIN, None),
    ],
)
def test_local_answers(wire: Any, name: str, rdtype: str, kind: int, expected: str | None) -> None:
    apex = 1 + name.index(".") if name.count(".") > 1 else 0
    message = dns.message.from_wire(wire.respond.local(ask(wire, name, rdtype), kind, apex))
    assert message.rcode() == (3 if kind == LOCAL_NXDOMAIN else 0)
    assert lines(message.answer) == ([f"{name} 30 IN {rdtype} {expected}"] if expected else [])
    assert [str(rrset.name) for rrset in message.authority] == ([] if expected else [name[apex:]])


@pytest.mark.parametrize("kind", [LOCAL_NODATA, LOCAL_NXDOMAIN, LOCAL_LOCALHOST])
def test_a_zone_served_here_exists_itself(wire: Any, kind: int) -> None:
    zone = "10.in-addr.arpa."
    soa_text = f"{zone} 30 IN SOA {zone} nobody.invalid. 1 3600 1200 604800 30"
    for rdtype, expected in (("SOA", soa_text), ("ANY", soa_text), ("NS", f"{zone} 30 IN NS {zone}")):
        message = dns.message.from_wire(wire.respond.local(ask(wire, zone, rdtype), kind))
        assert (message.rcode(), lines(message.answer), message.authority) == (0, [expected], [])
    message = dns.message.from_wire(wire.respond.local(ask(wire, zone, "PTR"), kind))
    assert message.rcode() == 0
    assert soa(message) == (zone, 30, 30)


def test_the_identity_is_told_to_who_asks_for_it(wire: Any) -> None:
    asking = ask(wire, use_edns=0, options=[dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")])
    built = dns.message.from_wire(wire.respond.error(asking, 5, nsid=b"resolver-1", ede=[(18, b"text")]))
    assert [int(option.otype) for option in built.options] == [3, 15]
    assert built.options[0].to_wire() == b"resolver-1"
    assert not dns.message.from_wire(wire.respond.error(asking, 5)).options
    assert not dns.message.from_wire(wire.respond.error(ask(wire), 5, nsid=b"resolver-1")).options
    assert len(wire.respond.error(ask(wire, use_edns=False), 5, nsid=b"resolver-1")) == 12 + 17


SIGNED = "www.example. 60 IN RRSIG {} 13 2 60 20370101000000 20200101000000 1 example. AAAA"


def test_any_gets_one_rrset(wire: Any) -> None:
    records = (
        SIGNED.format("A"),
        "www.example. 60 IN A 192.0.2.1",
        "www.example. 60 IN A 192.0.2.2",
        "www.example. 60 IN MX 10 mail.www.example.",
        SIGNED.format("MX"),
    )
    answer = upstream(*records, rdtype="ANY")
    plain = dns.message.from_wire(wire.respond.answer(ask(wire, rdtype="ANY"), answer, age=10))
    assert sorted(line.split()[1:] for line in lines(plain.answer)) == [
        ["50", "IN", "A", "192.0.2.1"],
        ["50", "IN", "A", "192.0.2.2"],
    ]
    signed = wire.respond.answer(ask(wire, rdtype="ANY", want_dnssec=True), answer)
    assert {rrset.rdtype for rrset in dns.message.from_wire(signed).answer} == {1, 46}
    only = upstream(records[0], rdtype="ANY")
    assert dns.message.from_wire(wire.respond.answer(ask(wire, rdtype="ANY"), only)).answer
    nothing = upstream(rdtype="ANY", rcode=3)
    assert dns.message.from_wire(wire.respond.answer(ask(wire, rdtype="ANY"), nothing)).rcode() == 3
    assert dns.message.from_wire(wire.respond.answer(ask(wire, rdtype="ANY"), answer[:-1])).rcode() == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"\x09localhost\0", LOCAL_LOCALHOST),
        (b"\1a\x09localhost\0", LOCAL_LOCALHOST),
        (b"\x0bmylocalhost\0", LOCAL_NODATA),
        (b"\x09localhost\3com\0", LOCAL_NODATA),
        (b"\x0c\x09localhost\0\1\0", LOCAL_NODATA),
        (b"\x08resolver\4arpa\0", LOCAL_NODATA),
        (b"\0", LOCAL_NODATA),
    ],
)
def test_local_kinds(wire: Any, name: bytes, kind: int) -> None:
    assert wire.respond.local_kind_of(name) == kind


def test_chaos_text(wire: Any) -> None:
    built = wire.respond.text(ask(wire, "id.server.", "TXT", rdclass="CH"), b"resolver-1")
    assert lines(dns.message.from_wire(built).answer) == ['id.server. 0 CH TXT "resolver-1"']


def test_malformed_packets(wire: Any) -> None:
    for slug, packet in seeds.lies().items():
        built = wire.respond.malformed(packet)
        if len(packet) < 12 or packet[2] & 0x80 or slug == "lie-trailing":
            assert built == b""
            continue
        message = dns.message.from_wire(built)
        assert message.id == 0x1234
        assert message.rcode() == (4 if packet[2] & 0x78 else 1)
    echoed = wire.respond.malformed(seeds.lies()["lie-two-opts"])
    assert dns.message.from_wire(echoed).question


def test_an_answer_is_never_answered(wire: Any) -> None:
    query = wire.codec.read(seeds.answers()["answer-a"])[1]
    assert wire.respond.error(query, 1) == b""
    assert wire.respond.answer(query, seeds.answers()["answer-a"]) == b""


def test_answer_passed_on(wire: Any) -> None:
    records = ["www.example. 5 IN CNAME a.cdn.example.net.", "a.cdn.example.net. 300 IN A 192.0.2.3"]
    message = dns.message.from_wire(wire.respond.answer(ask(wire), upstream(*records)))
    assert lines(message.answer) == [records[0].replace("www", "WwW"), records[1]]
    assert str(message.question[0].name) == "WwW.example."


@pytest.mark.parametrize(
    ("options", "ttls"),
    [
        ({}, [5, 300]),
        ({"age": 4}, [1, 296]),
        ({"age": 100}, [0, 200]),
        ({"age": 4000}, [0, 0]),
        ({"ttl_cap": 60}, [5, 60]),
        ({"age": 280, "ttl_cap": 60}, [0, 20]),
        ({"age": 4000, "ttl_floor": 30}, [30, 30]),
        ({"age": 4000, "ttl_floor": 30, "ttl_cap": 10}, [10, 10]),
    ],
)
def test_times_of_an_answer(wire: Any, options: Any, ttls: list[int]) -> None:
    records = ["www.example. 5 IN CNAME a.cdn.example.net.", "a.cdn.example.net. 300 IN A 192.0.2.3"]
    message = dns.message.from_wire(wire.respond.answer(ask(wire), upstream(*records), **options))
    assert [rrset.ttl for rrset in message.answer] == ttls


def test_a_time_with_the_top_bit_is_zero(wire: Any) -> None:
    built = wire.respond.answer(ask(wire), seeds.lies()["lie-answer-ttl-top-bit"])
    assert dns.message.from_wire(built).answer[0].ttl == 0


def test_flags_of_an_answer(wire: Any) -> None:
    sent = bytearray(upstream("www.example. 5 IN A 192.0.2.1", rcode=3))
    sent[2:4] = b"\x85\xb3"  # AA, AD and CD set, which are not the upstream's to tell
    for ad in (False, True):
        message = dns.message.from_wire(wire.respond.answer(ask(wire), bytes(sent), ad=ad))
        assert message.flags & 0xFFF0 == dns.flags.QR | dns.flags.RD | dns.flags.RA | (
            dns.flags.AD if ad else 0
        )
        assert message.rcode() == 3


@pytest.mark.parametrize(
    "message",
    [
        b"",
        upstream("other.example. 5 IN A 192.0.2.1", name="other.example."),
        upstream("www.example. 5 IN AAAA ::1", rdtype="AAAA"),
        upstream("www.example. 5 IN A 192.0.2.1")[:-1],
        seeds.query("www.example.").to_wire(),
        seeds.answers()["answer-a"],
        struct.pack("!6H", 1, 0x8180, 0, 0, 0, 0),
    ],
)
def test_unusable_answers_become_failures(wire: Any, message: bytes) -> None:
    built = dns.message.from_wire(wire.respond.answer(ask(wire), message, ad=True, ede=[(22, b"")]))
    assert (built.rcode(), built.answer, edes(built)) == (2, [], [(22, "")])
    assert not built.flags & dns.flags.AD


def test_bytes_behind_an_answer_go(wire: Any) -> None:
    message = upstream("www.example. 5 IN A 192.0.2.1")
    assert wire.respond.answer(ask(wire), message + b"junk") == wire.respond.answer(ask(wire), message)


def test_truncation_keeps_question_and_opt(wire: Any) -> None:
    message = upstream(*[f"www.example. 5 IN A 192.0.2.{n}" for n in range(1, 120)])
    whole = wire.respond.answer(ask(wire), message)
    built = wire.respond.answer(ask(wire), message, limit=1232, ad=True, ede=[(3, b"stale")])
    cut = dns.message.from_wire(built)
    assert len(whole) > 1232
    assert cut.flags & dns.flags.TC
    assert not cut.flags & dns.flags.AD
    assert (cut.answer, cut.edns, edes(cut), len(cut.question)) == ([], 0, [(3, "stale")], 1)
    assert wire.respond.answer(ask(wire), message, limit=len(whole)) == whole
    assert (
        dns.message.from_wire(wire.respond.answer(ask(wire), message, limit=len(whole) - 1)).flags
        & dns.flags.TC
    )


GLUE = [f"ns{n}.example. 9 IN AAAA 2001:db8::{n}" for n in range(1, 5)]
PROOFS = [
    SOA,
    "www.example. 9 IN NSEC a.example. A",
    "a.example. 9 IN NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
]
SERVERS = [f"example. 9 IN NS ns{n}.example." for n in range(1, 5)]


def shrinking(
    wire: Any, answer: list[str], authority: list[str], additional: list[str], **settings: Any
) -> list[tuple[bool, int, int, int]]:
    """TC and the records of each section, as less and less room is left for an answer of these records."""
    message = dns.message.from_wire(upstream(*answer, **settings))
    for section, texts in ((message.authority, authority), (message.additional, additional)):
        for text in texts:
            owner, ttl, _, rtype, data = text.split(None, 4)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
    whole = message.to_wire(max_size=65535)
    seen: list[tuple[bool, int, int, int]] = []
    for limit in range(len(whole) + 20, 40, -1):
        built = wire.respond.answer(ask(wire), whole, limit=limit)
        if not built:
            break
        cut = dns.message.from_wire(built)
        assert len(built) <= limit
        counts = [sum(map(len, section)) for section in cut.sections[1:]]
        step = (bool(cut.flags & dns.flags.TC), counts[0], counts[1], counts[2])
        if step not in seen:
            seen.append(step)
    return seen


def test_sections_that_nobody_needs_go_before_the_answer_is_truncated(wire: Any) -> None:
    """RFC 2181, section 9: TC only where an RRset that is required did not fit."""
    answer = ["www.example. 9 IN A 192.0.2.1", "www.example. 9 IN A 192.0.2.2"]
    assert shrinking(wire, answer, SERVERS, GLUE) == [
        (False, 2, 4, 4),
        (False, 2, 4, 0),
        (False, 2, 0, 0),
        (True, 0, 0, 0),
    ]


@pytest.mark.parametrize("proof", PROOFS)
def test_what_proves_a_denial_does_not_go(wire: Any, proof: str) -> None:
    """RFC 2308, section 3, and RFC 4035, section 3.1.3: without it the answer says something else."""
    alias = ["www.example. 9 IN CNAME a.example."]
    assert shrinking(wire, alias, [*SERVERS[:1], proof], GLUE) == [
        (False, 1, 2, 4),
        (False, 1, 2, 0),
        (True, 0, 0, 0),
    ]


@pytest.mark.parametrize(("rcode", "answer"), [(0, []), (3, ["www.example. 9 IN CNAME a.example."])])
def test_a_negative_answer_keeps_its_authority(wire: Any, rcode: int, answer: list[str]) -> None:
    seen = shrinking(wire, answer, SERVERS, [], rcode=rcode)
    assert seen == [(False, len(answer), 4, 0), (True, 0, 0, 0)]


def test_cookie_subnet_and_keepalive_are_given_up_last(wire: Any) -> None:
    options: list[dns.edns.Option] = [dns.edns.ECSOption("192.0.2.1", 32)]
    options += [dns.edns.GenericOption(dns.edns.OptionType.make(code), b"") for code in (3, 11)]
    query = ask(wire, options=options)
    settings: dict[str, Any] = {"cookie": bytes(24), "echo_subnet": True, "keepalive": 100, "nsid": b"n" * 40}
    found = set()
    for limit in range(65, 400):
        built = wire.respond.error(query, 2, limit=limit, ede=[(22, b"words")], **settings)
        if built:
            found.add(tuple(int(each.otype) for each in dns.message.from_wire(built).options))
    assert found == {(10, 8, 11), (10, 8, 11, 3, 15)}


def test_a_cookie_has_24_bytes(wire: Any) -> None:
    if wire.respond.__name__.endswith("reference"):
        pytest.skip("the reference takes what it is given")
    with pytest.raises(ValueError, match="24"):
        wire.respond.error(ask(wire), 2, cookie=bytes(23))


def test_truncated_invitation_to_tcp(wire: Any) -> None:
    message = dns.message.from_wire(wire.respond.truncated(ask(wire), limit=512))
    assert message.flags & dns.flags.TC
    assert (message.rcode(), message.edns) == (0, 0)


def test_texts_give_way_before_codes_before_records(wire: Any) -> None:
    chosen = {"ede": [(16, b"x" * 100), (4, b"")]}
    bare = len(wire.respond.blocked(ask(wire), NULL, Scope.SUBTREE))
    for limit, expected in (
        (bare + 112, [(16, "x" * 100), (4, "")]),
        (bare + 111, [(16, ""), (4, "")]),
        (bare, []),
    ):
        message = dns.message.from_wire(
            wire.respond.blocked(ask(wire), NULL, Scope.SUBTREE, limit=limit, **chosen)
        )
        assert edes(message) == expected
        assert len(message.answer) == 1
    assert wire.respond.blocked(ask(wire), NULL, Scope.SUBTREE, limit=20) == b""


def test_rewrite_with_the_targets_own_answer(wire: Any) -> None:
    records = ["safe.example. 300 IN CNAME pool.example.", "pool.example. 5 IN A 192.0.2.1"]
    noise = ["pool.example. 5 IN RRSIG A 8 2 5 20300101000000 20200101000000 1 example. AAAA"]
    target = upstream(*records, *noise, name="safe.example.")
    message = dns.message.from_wire(wire.respond.rewrite(ask(wire), SAFE, target, ttl=30, age=1, ttl_cap=100))
    assert lines(message.answer) == [
        "WwW.example. 30 IN CNAME safe.example.",
        "safe.example. 100 IN CNAME pool.example.",
        "pool.example. 4 IN A 192.0.2.1",
    ]
    assert not message.authority


def test_rewrite_of_a_type_that_the_target_has_not(wire: Any) -> None:
    target = upstream(rdtype="HTTPS", name="safe.example.", authority=(SOA,))
    message = dns.message.from_wire(wire.respond.rewrite(ask(wire, rdtype="HTTPS"), SAFE, target))
    assert lines(message.answer) == ["WwW.example. 30 IN CNAME safe.example."]
    assert lines(message.authority) == [SOA]


def test_rewrite_of_service_bindings(wire: Any) -> None:
    record = "safe.example. 30 IN HTTPS 1 . ipv4hint=192.0.2.1"
    target = upstream(record, rdtype="HTTPS", name="safe.example.")
    message = dns.message.from_wire(wire.respond.rewrite(ask(wire, rdtype="HTTPS"), SAFE, target))
    assert len(lines(message.answer)) == 2
    assert lines(message.answer)[1].startswith("safe.example. 30 IN HTTPS 1 .")


def test_rewrite_alone(wire: Any) -> None:
    expected = ["WwW.example. 30 IN CNAME safe.example."]
    assert lines(dns.message.from_wire(wire.respond.rewrite(ask(wire), SAFE, b"")).answer) == expected
    other = upstream("safe.example. 5 IN CNAME a.example.", rdtype="CNAME", name="safe.example.")
    built = wire.respond.rewrite(ask(wire, rdtype="CNAME"), SAFE, other)
    assert lines(dns.message.from_wire(built).answer) == expected


@pytest.mark.parametrize(
    "target",
    [b"short", upstream(name="safe.example.", rcode=2), upstream("safe.example. 5 IN A 192.0.2.1")[:-1]],
)
def test_rewrite_fails_closed(wire: Any, target: bytes) -> None:
    message = dns.message.from_wire(wire.respond.rewrite(ask(wire), SAFE, target))
    assert (message.rcode(), message.answer) == (2, [])


def test_rewrite_is_truncated_like_any_other(wire: Any) -> None:
    records = [f"safe.example. 5 IN A 192.0.2.{n}" for n in range(1, 120)]
    built = wire.respond.rewrite(ask(wire), SAFE, upstream(*records, name="safe.example."), limit=512)
    assert dns.message.from_wire(built).flags & dns.flags.TC


@pytest.mark.parametrize("name", [".", seeds.LONG_NAME + ".", seeds.MANY_LABELS + "."])
def test_extreme_names(wire: Any, name: str) -> None:
    query = ask(wire, name)
    for mode in BlockingMode:
        message = dns.message.from_wire(wire.respond.blocked(query, mode, Scope.SUBTREE, ipv4=V4, limit=512))
        assert not message.flags & dns.flags.TC
    own = upstream(f"{name} 5 IN A 192.0.2.1", name=name)
    assert len(dns.message.from_wire(wire.respond.answer(query, own)).answer) == 1
