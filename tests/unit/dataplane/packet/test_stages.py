"""One packet in, one answer out: readiness, protocol rules, verdicts, cache, forwarding."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind
from filterd.policy.classes import BIT_PROTECTED, FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire.names import name_from_text
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY, NOW, Placed, World

LOOPBACK = bytes(10) + b"\xff\xff\x7f\0\0"
CHILD, UNKNOWN = LOOPBACK + b"\x02", LOOPBACK + b"\x63"
ADULT, SEARCH = 8, 9
CLASSES = Classes(
    (
        *FIXED,
        ListClass("adult", Kind.CATEGORY, ADULT, category="adult"),
        ListClass("google", Kind.SAFE_SEARCH, SEARCH, target="safe.example.net"),
    )
)
RULES = (
    Placed("banned.example", mandatory=256),
    Placed("adult.example", bit=ADULT),
    Placed("search.example", bit=SEARCH),
    Placed("192.0.2.66/32", bit=ADULT),
    Placed("localhost", bit=0),
    Placed("onion", bit=2),
)
POLICY = ResolvedPolicy("children", categories=1 << ADULT, safe_search=1 << SEARCH)


def world(mode: BlockingMode = BlockingMode.NXDOMAIN) -> World:
    return World(CLASSES, RULES, (Mandate(256, "1", mode),), (ResolvedPolicy(), POLICY))


def ask(name: str, rtype: str = "A", **options: Any) -> bytes:
    options.setdefault("use_edns", 0)
    return dns.message.make_query(name, rtype, **options).to_wire()


def answer_to(query: bytes, *records: str, rcode: int = 0) -> bytes:
    """An upstream's answer without OPT; a record is ``owner type data``."""
    message = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    message.use_edns(False)
    message.set_rcode(dns.rcode.Rcode(rcode))
    for text in records:
        owner, rtype, data = text.split(" ", 2)
        message.answer.append(dns.rrset.from_text(owner, 600, "IN", rtype, data))
    return message.to_wire()


def codes(wire: bytes) -> list[int]:
    message = dns.message.from_wire(wire)
    return [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]


@pytest.fixture
def served(packets: Plane) -> Plane:
    """One line that opted in at 127.0.0.2."""
    publish(packets, world())
    return packets


def publish(packets: Plane, over: World, *, known: bool = True, identity: bool = True) -> None:
    lines, addresses = Lines(KEY), Addresses(KEY)
    if known:
        lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    packets.publish(over.native, lines, BindingTables(addresses), identity)


def receive(packets: Plane, query: bytes, client: bytes = CHILD, tcp: bool = False) -> bytes:
    result = packets.receive(query, client, tcp, NOW, 1000)
    assert isinstance(result, bytes)
    return result


def pending(packets: Plane, query: bytes, client: bytes = CHILD) -> Pending:
    result = packets.receive(query, client, False, NOW, 1000)
    assert isinstance(result, Pending)
    return result


def test_nothing_published_is_servfail_not_ready(packets: Plane) -> None:
    reply = receive(packets, ask("example.org"))
    assert dns.message.from_wire(reply).rcode() == dns.rcode.SERVFAIL
    assert codes(reply) == [14]
    assert packets.counts()["not_ready"] == 1


def test_a_query_of_an_unrecognised_client_counts_once(served: Plane) -> None:
    query = ask("example.org")
    miss = pending(served, query, UNKNOWN)
    served.finish(miss, answer_to(query, "example.org. A 192.0.2.1"), False, [], NOW, 1000)
    assert served.counts()["unrecognised"] == {"ipv4": 1, "ipv6": 0}
    receive(served, query, CHILD)
    receive(served, query, UNKNOWN)
    assert served.counts()["unrecognised"] == {"ipv4": 2, "ipv6": 0}


@pytest.mark.parametrize("packet", [b"", b"\0" * 11, ask("example.org")[:2] + b"\x80" + b"\0" * 9])
def test_silence(served: Plane, packet: bytes) -> None:
    assert served.receive(packet, CHILD, False, NOW, 1000) is None


def test_malformed_is_formerr(served: Plane) -> None:
    reply = receive(served, ask("example.org")[:20])
    assert dns.message.from_wire(reply).rcode() == dns.rcode.FORMERR


def test_outside_the_acl_is_refused(served: Plane) -> None:
    reply = receive(served, ask("example.org"), bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1]))
    assert dns.message.from_wire(reply).rcode() == dns.rcode.REFUSED
    assert codes(reply) == [18]


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        (ask("example.org", flags=0), dns.rcode.REFUSED),
        (ask("example.org", use_edns=1), dns.rcode.BADVERS),
        (ask("example.org", "AXFR"), dns.rcode.REFUSED),
        (ask("example.org", rdclass="CH"), dns.rcode.REFUSED),
    ],
)
def test_manners(served: Plane, query: bytes, rcode: dns.rcode.Rcode) -> None:
    assert dns.message.from_wire(receive(served, query)).rcode() == rcode


def test_chaos_identity(served: Plane) -> None:
    reply = dns.message.from_wire(receive(served, ask("id.server", "TXT", rdclass="CH")))
    assert reply.answer[0][0].to_text() == '"resolver-1"'


@pytest.mark.parametrize("client", [CHILD, UNKNOWN])
def test_mandatory_is_for_everyone(served: Plane, client: bytes) -> None:
    reply = receive(served, ask("www.banned.example"), client)
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.NXDOMAIN
    assert message.authority[0].ttl == 30
    assert codes(reply) == [16]


def test_categories_are_the_line_s_own(served: Plane) -> None:
    assert codes(receive(served, ask("adult.example"))) == [17]
    assert isinstance(served.receive(ask("adult.example"), UNKNOWN, False, NOW, 1000), Pending)
    assert served.counts()["categories"] == {"adult": 1}


def test_an_observed_list_is_counted_once_a_query_and_blocks_nothing(packets: Plane) -> None:
    observed = [ListClass(name, Kind.OBSERVED, bit) for name, bit in (("new", 63), ("newer", 64))]
    rules = (
        *RULES,
        Placed("adult.example", bit=63),
        Placed("seen.example", bit=63),
        Placed("example", bit=64),
    )
    publish(packets, World(Classes((*CLASSES.lists, *observed)), rules, (), (ResolvedPolicy(), POLICY)))
    query = ask("www.seen.example")
    waiting = packets.receive(query, UNKNOWN, False, NOW, 1000)
    assert isinstance(waiting, Pending)
    assert packets.finish(waiting, answer_to(query, "www.seen.example. A 192.0.2.1"), False, (), NOW, 1000)
    assert packets.counts()["observed"] == {"new": 1, "newer": 1}
    assert codes(receive(packets, ask("adult.example"))) == [17], "what blocks goes on to block"
    assert packets.counts()["observed"] == {"new": 2, "newer": 2}
    assert packets.counts()["categories"] == {"adult": 1}
    receive(packets, ask("localhost"))
    publish(packets, world())
    packets.receive(ask("www.seen.example"), UNKNOWN, False, NOW, 1000)
    assert packets.counts()["observed"] == {"new": 2, "newer": 2}, "the list is observed no more"


def test_a_sinkhole_says_that_it_forged(packets: Plane) -> None:
    publish(packets, world(BlockingMode.SINKHOLE))
    reply = receive(packets, ask("banned.example"))
    assert dns.message.from_wire(reply).answer[0][0].to_text() == "192.0.2.82"
    assert codes(reply) == [16, 4]
    assert codes(receive(packets, ask("banned.example", "AAAA"))) == [16]


@pytest.mark.parametrize(
    ("name", "last"),
    [("adult.example", 80), ("malware.example", 81), ("banned.example", 82), ("sealed.example", 83)],
)
def test_each_kind_of_block_leads_to_an_address_of_its_own(packets: Plane, name: str, last: int) -> None:
    sunk = BlockingMode.SINKHOLE
    kinds = World(
        Classes(
            (
                *FIXED,
                ListClass("adult", Kind.CATEGORY, ADULT, category="adult"),
                ListClass("bad", Kind.SECURITY, 9),
            )
        ),
        (
            Placed("adult.example", bit=ADULT),
            Placed("malware.example", bit=9),
            Placed("banned.example", mandatory=256),
            Placed("sealed.example", mandatory=257),
        ),
        (Mandate(256, "1", sunk), Mandate(257, "2", sunk, confidential=True)),
        (ResolvedPolicy(), ResolvedPolicy("children", categories=1 << ADULT, mode=sunk)),
        security_enabled=True,
        security_mode=sunk,
    )
    publish(packets, kinds)
    reply = dns.message.from_wire(receive(packets, ask(name)))
    assert [each.to_text() for each in reply.answer[0]] == [f"192.0.2.{last}"]
    assert [
        len(section) for section in dns.message.from_wire(receive(packets, ask(name, "AAAA"))).sections
    ] == [
        1,
        0,
        1,
        0,
    ], "a kind without an address of the family has no data there"


def test_a_kind_without_any_address_is_denied(packets: Plane) -> None:
    publish(packets, world(BlockingMode.SINKHOLE))
    kept = Rules().sinkholes
    packets.change_settings(
        Prefixes(KEY, ["127.0.0.0/8"]), replace(Rules(), sinkholes=(*kept[:2], (None, None), kept[3]))
    )
    reply = receive(packets, ask("banned.example"))
    assert dns.message.from_wire(reply).rcode() == dns.rcode.NXDOMAIN
    assert codes(reply) == [16], "nothing was forged"


@pytest.mark.parametrize(
    "sinkholes", [(), ((None, None),) * 3, ((bytes(3), None),) * 4, ((None, bytes(4)),) * 4]
)
def test_sinkholes_that_are_none(
    packets: Plane, sinkholes: tuple[tuple[bytes | None, bytes | None], ...]
) -> None:
    with pytest.raises(ValueError, match=r"bytes|kinds"):
        packets.change_settings(Prefixes(KEY, []), replace(Rules(), sinkholes=sinkholes))


def test_local_names(served: Plane) -> None:
    assert dns.message.from_wire(receive(served, ask("localhost"))).answer[0][0].to_text() == "127.0.0.1"
    assert dns.message.from_wire(receive(served, ask("x.onion"))).rcode() == dns.rcode.NXDOMAIN


def test_the_zone_of_a_special_name_stands_in_its_denial(served: Plane) -> None:
    below = dns.message.from_wire(receive(served, ask("a.b.onion")))
    assert (below.rcode(), str(below.authority[0].name)) == (dns.rcode.NXDOMAIN, "onion.")
    apex = dns.message.from_wire(receive(served, ask("onion")))
    assert (apex.rcode(), str(apex.authority[0].name)) == (dns.rcode.NOERROR, "onion.")
    assert dns.message.from_wire(receive(served, ask("onion", "SOA"))).answer


def test_a_hidden_identity_is_told_to_nobody(served: Plane) -> None:
    nsid = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
    query = ask("localhost", options=[nsid])
    assert [int(each.otype) for each in dns.message.from_wire(receive(served, query)).options] == [3]
    served.change_settings(Prefixes(KEY, ["127.0.0.0/8"]), Rules(identity=""))
    assert not dns.message.from_wire(receive(served, query)).options
    reply = dns.message.from_wire(receive(served, ask("id.server", "TXT", rdclass="CH")))
    assert reply.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(("records", "longest"), [(("long.example. A 192.0.2.1",), 86400), ((), 3600)])
def test_no_ttl_outlives_what_is_kept_here(served: Plane, records: tuple[str, ...], longest: int) -> None:
    query = ask("long.example")
    message = dns.message.from_wire(answer_to(query, *records, rcode=0 if records else 3))
    for rrset in message.answer:
        rrset.ttl = 1_000_000
    soa = "ns.example. host.example. 1 2 3 4 1000000"
    message.authority.append(dns.rrset.from_text("example.", 1_000_000, "IN", "SOA", soa))
    waiting = pending(served, query, UNKNOWN)
    reply = served.finish(waiting, message.to_wire(), False, [], NOW, 1000)
    assert isinstance(reply, bytes)
    read = dns.message.from_wire(reply)
    assert {rrset.ttl for rrset in (*read.answer, *read.authority)} == {longest}


def test_forwarded_then_cached_for_all_with_a_capped_ttl(served: Plane) -> None:
    query = ask("example.org")
    miss = pending(served, query)
    assert (miss.name, miss.qtype, miss.dnssec_ok) == (b"\7example\3org\0", 1, False)
    done = served.finish(miss, answer_to(query, "example.org. A 192.0.2.1"), False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert dns.message.from_wire(done).answer[0].ttl == 300
    again = served.receive(query, UNKNOWN, False, NOW, 1010)
    assert isinstance(again, bytes)
    assert dns.message.from_wire(again).answer[0].ttl == 590
    assert served.counts()["lookups"] == {"hit": 1, "stale": 0, "miss": 1, "prefetch": 0}


@pytest.mark.parametrize(
    "records",
    [
        ["example.org. CNAME cdn.adult.example.", "cdn.adult.example. A 192.0.2.1"],
        ["example.org. A 192.0.2.66"],
        ["example.org. HTTPS 1 adult.example."],
        ["example.org. HTTPS 1 . ipv4hint=192.0.2.66"],
    ],
)
def test_answers_are_inspected_fresh_and_cached(served: Plane, records: list[str]) -> None:
    query = ask("example.org", "HTTPS" if "HTTPS" in records[0] else "A")
    wire = answer_to(query, *records)
    first = served.finish(pending(served, query, UNKNOWN), wire, False, [], NOW, 1000)
    assert isinstance(first, bytes)
    assert dns.message.from_wire(first).answer
    assert codes(receive(served, query)) == [17]


def test_finish_decides_anew(served: Plane) -> None:
    query = ask("example.org")
    miss = pending(served, query)
    rules = (*RULES, Placed("example.org", mandatory=256, live=True))
    publish(served, World(CLASSES, rules, (Mandate(256, "1"),), (ResolvedPolicy(), POLICY)))
    done = served.finish(miss, answer_to(query, "example.org. A 192.0.2.1"), False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert codes(done) == [16]


def test_safe_search_answers_with_the_safe_host_s_own_answer(served: Plane) -> None:
    query = ask("www.search.example")
    miss = pending(served, query)
    assert miss.name == b"\4safe\7example\3net\0"
    target = answer_to(ask("safe.example.net"), "safe.example.net. A 192.0.2.9")
    done = served.finish(miss, target, False, [], NOW, 1000)
    assert isinstance(done, bytes)
    message = dns.message.from_wire(done)
    assert [rrset.to_text() for rrset in message.answer] == [
        "www.search.example. 30 IN CNAME safe.example.net.",
        "safe.example.net. 300 IN A 192.0.2.9",
    ]


def test_a_safe_host_that_answers_with_a_listed_engine_and_with_malware_is_blocked(packets: Plane) -> None:
    classes = Classes((*CLASSES.lists, ListClass("malware", Kind.SECURITY, 10)))
    rules = (*RULES, Placed("203.0.113.0/24", bit=10))
    publish(packets, World(classes, rules, (), (ResolvedPolicy(), POLICY), security_enabled=True))
    query = ask("search.example")
    target = answer_to(
        ask("safe.example.net"),
        "safe.example.net. CNAME x.search.example.",
        "x.search.example. A 203.0.113.1",
    )
    done = packets.finish(pending(packets, query), target, False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert codes(done) == codes(receive(packets, query)) == [15]
    assert dns.message.from_wire(done).answer == []


@pytest.mark.parametrize("ttl", [0, 600])
def test_an_alias_into_a_search_engine_leads_to_the_safe_host(served: Plane, ttl: int) -> None:
    query = ask("alias.example.org")
    wire = answer_to(query, "alias.example.org. CNAME www.search.example.", "www.search.example. A 192.0.2.8")
    wire = wire.replace((600).to_bytes(4, "big"), ttl.to_bytes(4, "big"))
    second = served.finish(pending(served, query), wire, False, [], NOW, 1000)
    assert isinstance(second, Pending)
    assert second.name == b"\4safe\7example\3net\0"
    target = answer_to(ask("safe.example.net"), "safe.example.net. A 192.0.2.9")
    target = target.replace((600).to_bytes(4, "big"), ttl.to_bytes(4, "big"))
    done = served.finish(second, target, False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert dns.message.from_wire(done).answer[0].to_text().endswith("CNAME safe.example.net.")


def test_a_failure_says_nothing_but_that_to_the_first_and_to_the_next(served: Plane) -> None:
    query = ask("example.org")
    failed = answer_to(query, "example.org. A 192.0.2.1", rcode=dns.rcode.SERVFAIL)
    done = served.finish(pending(served, query), failed, False, [(22, b"no")], NOW, 1000)
    assert done == receive(served, query)
    message = dns.message.from_wire(done)
    assert (message.rcode(), message.answer) == (dns.rcode.SERVFAIL, [])
    assert codes(done) == [22]


def test_no_upstream_is_servfail_then_cached(served: Plane) -> None:
    query = ask("example.org")
    done = served.finish(pending(served, query), None, False, [(22, b"")], NOW, 1000)
    assert isinstance(done, bytes)
    assert dns.message.from_wire(done).rcode() == dns.rcode.SERVFAIL
    assert codes(done) == [22]
    assert codes(receive(served, query)) == [22]


def test_no_upstream_serves_stale(served: Plane) -> None:
    query = ask("example.org")
    served.finish(pending(served, query), answer_to(query, "example.org. A 192.0.2.1"), False, [], NOW, 1000)
    stale = served.receive(query, CHILD, False, NOW, 2000)
    assert isinstance(stale, Pending)
    done = served.finish(stale, None, False, [(22, b"")], NOW, 2000)
    assert isinstance(done, bytes)
    message = dns.message.from_wire(done)
    assert (message.answer[0].ttl, codes(done)) == (30, [3])


@pytest.mark.parametrize(
    ("asked", "trusted", "expected"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_ad_only_from_a_trusted_upstream_and_if_asked(
    served: Plane, asked: bool, trusted: bool, expected: bool
) -> None:
    query = ask("example.org", flags=dns.flags.RD | (dns.flags.AD if asked else 0))
    done = served.finish(
        pending(served, query), answer_to(query, "example.org. A 192.0.2.1"), trusted, [], NOW, 1000
    )
    assert isinstance(done, bytes)
    assert bool(dns.message.from_wire(done).flags & dns.flags.AD) is expected


def test_a_damaged_answer_is_servfail(served: Plane) -> None:
    query = ask("example.org")
    wire = answer_to(query, "example.org. CNAME other.example.")[:-3]
    done = served.finish(pending(served, query), wire, False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert dns.message.from_wire(done).rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    ("fail_open", "identity", "child", "unknown"),
    [(False, True, [14], None), (False, False, [14], [14]), (True, True, None, None)],
)
def test_the_parental_part_missing(
    packets: Plane, fail_open: bool, identity: bool, child: list[int] | None, unknown: list[int] | None
) -> None:
    settings = StateSettings(parental_ready=False, parental_fail_open=fail_open)
    lines, addresses = Lines(KEY), Addresses(KEY)
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    packets.publish(world().native.evolve(NOW, settings=settings), lines, BindingTables(addresses), identity)
    for client, expected in ((CHILD, child), (UNKNOWN, unknown)):
        result = packets.receive(ask("example.org"), client, False, NOW, 1000)
        assert (codes(result) if isinstance(result, bytes) else None) == expected
    for client in (CHILD, UNKNOWN):
        assert codes(receive(packets, ask("banned.example"), client)) == [16], "the rules for all hold"


@pytest.mark.parametrize(
    ("fail_open", "line", "expected"),
    [
        (False, {"opted_in": True}, [14]),
        (False, {"opted_in": True, "paused_until": NOW + 60}, None),
        (False, {}, None),
        (True, {"opted_in": True}, None),
    ],
)
def test_a_line_whose_profile_has_a_category_that_was_never_read(
    packets: Plane, fail_open: bool, line: dict[str, Any], expected: list[int] | None
) -> None:
    """It gets what dns.parental_fail says, while its profile is in effect; others are served."""
    policies = (ResolvedPolicy(), replace(POLICY, unread=True))
    unread = World(CLASSES, RULES, (Mandate(256, "1", BlockingMode.NXDOMAIN),), policies)
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, **line))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    state = unread.native.evolve(NOW, settings=StateSettings(parental_fail_open=fail_open))
    packets.publish(state, lines, BindingTables(addresses), True)
    result = packets.receive(ask("example.org"), CHILD, False, NOW, 1000)
    assert (codes(result) if isinstance(result, bytes) else None) == expected
    assert packets.counts()["not_ready"] == (1 if expected else 0)
    assert codes(receive(packets, ask("banned.example"), CHILD)) == [16], "the rules for all hold"
    assert isinstance(packets.receive(ask("example.org"), UNKNOWN, False, NOW, 1000), Pending)


PORTAL = (*RULES, Placed("portal.example", bit=BIT_PROTECTED), Placed("portal.example", mandatory=256))


@pytest.mark.parametrize("lines_loaded", [True, False])
@pytest.mark.parametrize("identity", [True, False])
def test_protected_names_are_answered_to_a_line_that_fails(
    packets: Plane, lines_loaded: bool, identity: bool
) -> None:
    """A subscriber of such a line reads on the portal why; no line can close these names."""
    policies = (ResolvedPolicy(), replace(POLICY, unread=True))
    unread = World(CLASSES, PORTAL, (Mandate(256, "1", BlockingMode.NXDOMAIN),), policies)
    lines, addresses = Lines(KEY), Addresses(KEY)
    if lines_loaded:
        lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    settings = StateSettings(parental_ready=lines_loaded, parental_fail_open=False)
    packets.publish(
        unread.native.evolve(NOW, settings=settings),
        lines,
        BindingTables(addresses),
        identity or lines_loaded,
    )
    query = ask("portal.example")
    miss = pending(packets, query)
    done = packets.finish(miss, answer_to(query, "portal.example. A 192.0.2.1"), False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert dns.message.from_wire(done).rcode() == dns.rcode.NOERROR
    assert packets.counts()["not_ready"] == 0
    assert packets.counts()["unrecognised"] == {"ipv4": 0, "ipv6": 0}
    for name, expected in (("example.org", [14]), ("xportal.example", [14]), ("banned.example", [16])):
        assert codes(receive(packets, ask(name))) == expected


@pytest.mark.parametrize("parental_ready", [True, False])
def test_nobody_is_unknown_while_the_tables_are_written(packets: Plane, parental_ready: bool) -> None:
    """Who cannot tell whose line it is answers nothing, rather than as to a client without a line."""
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    settings = StateSettings(parental_ready=parental_ready, parental_fail_open=False)
    packets.publish(world().native.evolve(NOW, settings=settings), lines, BindingTables(addresses), True)
    query = ask("adult.example")
    for table in (addresses, lines) if parental_ready else (addresses,):
        table.stop_midway(True)
        assert packets.receive(query, CHILD, False, NOW, 1000) is None
        table.stop_midway(False)
    assert codes(receive(packets, query)) == ([17] if parental_ready else [14])
    assert packets.counts()["not_ready"] == (0 if parental_ready else 1)
    assert isinstance(packets.receive(query, UNKNOWN, False, NOW, 1000), Pending)


def test_udp_is_truncated_and_tcp_is_not(served: Plane) -> None:
    query = ask("example.org", "TXT", use_edns=False)
    wire = answer_to(query, *(f'example.org. TXT "{"x" * 200} {number}"' for number in range(5)))
    done = served.finish(pending(served, query), wire, False, [], NOW, 1000)
    assert isinstance(done, bytes)
    assert dns.message.from_wire(done).flags & dns.flags.TC
    assert not dns.message.from_wire(receive(served, query, tcp=True)).flags & dns.flags.TC


def test_addresses_of_the_wrong_length_are_refused(served: Plane) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        served.receive(ask("example.org"), b"\x7f\0\0\1", False, NOW, 1000)


SECURITY = 10
REASONS = World(
    Classes((*CLASSES.lists, ListClass("malware", Kind.SECURITY, SECURITY))),
    (*RULES, Placed("malware.example", bit=SECURITY)),
    (Mandate(256, "1", BlockingMode.NULL),),
    (ResolvedPolicy(), POLICY),
    security_enabled=True,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("banned.example", [16, 4]), ("malware.example", [15]), ("adult.example", [17]), ("own.example", [17])],
)
def test_the_error_says_on_whose_account(packets: Plane, name: str, expected: list[int]) -> None:
    own = [(fingerprint_name(KEY, "own.example"), Action.BLOCK, Scope.EXACT)]
    lines, addresses = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True, own_names=own))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    packets.publish(REASONS.native, lines, BindingTables(addresses), True)
    assert codes(receive(packets, ask(name))) == expected


@pytest.mark.parametrize("other", [{"want_dnssec": True}, {"flags": dns.flags.RD | dns.flags.CD}])
def test_an_answer_is_for_the_same_question_alone(served: Plane, other: dict[str, Any]) -> None:
    """DO and CD ask for other records: one that asked without is never given what was kept for one with."""
    query = ask("kept.example")
    reply = answer_to(query, "kept.example. A 198.51.100.1")
    served.finish(pending(served, query), reply, False, (), NOW, 1000)
    assert isinstance(served.receive(query, CHILD, False, NOW, 1000), bytes)
    assert isinstance(served.receive(ask("kept.example", **other), CHILD, False, NOW, 1000), Pending)


def test_no_ttl_outlives_the_line_s_next_boundary(packets: Plane) -> None:
    """Neither of what is passed on nor of what is made here: a telephone's own cache must not either."""
    ending = replace(POLICY, next_boundary=NOW + 10)
    publish(packets, World(CLASSES, RULES, (), (ResolvedPolicy(), ending)))
    query = ask("good.example")
    reply = packets.finish(
        pending(packets, query), answer_to(query, "good.example. A 198.51.100.1"), False, (), NOW, 1000
    )
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).answer[0].ttl == 10
    assert dns.message.from_wire(receive(packets, ask("adult.example"))).authority[0].ttl == 10


def test_a_stored_answer_is_inspected_again_once_the_state_is_another(packets: Plane) -> None:
    """The same snapshot, and an order that has begun since: what was known of the answer holds no more."""
    before = World(CLASSES, RULES, (Mandate(256, "O-1", withdrawn=True),), (ResolvedPolicy(), POLICY)).native
    lines, addresses = Lines(KEY), Addresses(KEY)
    packets.publish(before, lines, BindingTables(addresses), True)
    query = ask("alias.example")
    stored = answer_to(
        query, "alias.example. CNAME www.banned.example.", "www.banned.example. A 198.51.100.1"
    )
    packets.finish(pending(packets, query, UNKNOWN), stored, False, (), NOW, 1000)
    assert codes(receive(packets, query, UNKNOWN)) == []
    packets.publish(before.evolve(NOW, mandates=[Mandate(256, "O-1")]), lines, BindingTables(addresses), True)
    assert codes(receive(packets, query, UNKNOWN)) == [16]


def ordered_safe_host() -> World:
    rules = (*RULES, Placed("safe.example.net", mandatory=256))
    return World(CLASSES, rules, (Mandate(256, "O-1"),), (ResolvedPolicy(), POLICY))


def test_an_order_on_the_safe_host_itself_holds(packets: Plane) -> None:
    """Safe search leads to it without its name being asked for or standing in an answer."""
    publish(packets, ordered_safe_host())
    assert codes(receive(packets, ask("search.example"))) == [16]


def test_an_order_on_the_safe_host_comes_while_that_is_asked(served: Plane) -> None:
    waiting = pending(served, ask("search.example"))
    publish(served, ordered_safe_host())
    answer = answer_to(ask("safe.example.net"), "safe.example.net. A 198.51.100.7")
    reply = served.finish(waiting, answer, False, (), NOW, 1000)
    assert isinstance(reply, bytes)
    assert codes(reply) == [16]


def test_a_blocked_safe_host_is_blocked_whatever_upstreams_say(served: Plane) -> None:
    served.finish(pending(served, ask("search.example")), None, False, (), NOW, 1000)
    publish(served, ordered_safe_host())
    assert codes(receive(served, ask("search.example"))) == [16]


def protecting(*names: str) -> World:
    """The policy with protected names and an order on a safe host."""
    rules = (*ordered_safe_host().rules, *(Placed(name, bit=BIT_PROTECTED) for name in names))
    return replace(ordered_safe_host(), rules=rules)


CHAIN = ("help.example. CNAME www.banned.example.", "www.banned.example. A 192.0.2.66")


@pytest.mark.parametrize("tcp", [False, True])
def test_a_protected_question_is_answered_whole_fresh_and_cached(packets: Plane, tcp: bool) -> None:
    publish(packets, protecting("help.example"))
    query = ask("help.example")
    for source in (UNKNOWN, CHILD):
        found = packets.receive(query, source, tcp, NOW, 1000)
        if isinstance(found, Pending):
            found = packets.finish(found, answer_to(query, *CHAIN), False, [], NOW, 1000)
        assert isinstance(found, bytes)
        assert codes(found) == []
        assert len(dns.message.from_wire(found).answer) == 2
    other = ask("other.example")
    leading = answer_to(other, "other.example. CNAME help.example.", *CHAIN)
    reply = packets.finish(pending(packets, other, UNKNOWN), leading, False, [], NOW, 1000)
    assert isinstance(reply, bytes)
    assert codes(reply) == codes(receive(packets, other)) == [16]


@pytest.mark.parametrize(("before", "after"), [((), ("help.example",)), (("help.example",), ())])
def test_protection_is_that_of_the_state_after_forwarding(
    packets: Plane, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    publish(packets, protecting(*before))
    query = ask("help.example")
    waiting = pending(packets, query)
    publish(packets, protecting(*after))
    reply = packets.finish(waiting, answer_to(query, *CHAIN), False, [], NOW, 1000)
    assert isinstance(reply, bytes)
    assert codes(reply) == codes(receive(packets, query)) == ([] if after else [16])


def test_a_protected_question_that_leads_to_a_safe_host_under_an_order(packets: Plane) -> None:
    """Safe search is not lifted, the order on its host is."""
    publish(packets, protecting("search.example"))
    query = ask("search.example")
    answer = answer_to(ask("safe.example.net"), "safe.example.net. A 192.0.2.66")
    reply = packets.finish(pending(packets, query), answer, False, [], NOW, 1000)
    assert isinstance(reply, bytes)
    assert codes(reply) == codes(receive(packets, query)) == [4]
    assert dns.message.from_wire(reply).answer[-1][0].to_text() == "192.0.2.66"


@pytest.mark.parametrize("tcp", [False, True])
def test_ds_of_the_rules_own_name_is_asked_and_cached(served: Plane, tcp: bool) -> None:
    query = ask("banned.example", "DS")
    data = f"banned.example. DS 1 13 2 {'ab' * 32}"
    served.finish(pending(served, query), answer_to(query, data), False, [], NOW, 1000)
    reply = dns.message.from_wire(receive(served, query, tcp=tcp))
    assert [each.rdtype for each in reply.answer] == [dns.rdatatype.DS]
    for blocked in (ask("www.banned.example", "DS"), ask("banned.example"), ask("banned.example", "ANY")):
        assert codes(receive(served, blocked, tcp=tcp)) == [16]
    cloaked = ask("free.example", "DS")
    leading = answer_to(cloaked, "free.example. CNAME www.banned.example.")
    found = served.finish(pending(served, cloaked), leading, False, [], NOW, 1000)
    assert isinstance(found, bytes)
    assert codes(found) == [16]


@pytest.mark.parametrize(("name", "code"), [("banned.example", 16), ("adult.example", 17)])
def test_ds_of_the_rules_own_name_leads_nowhere(served: Plane, name: str, code: int) -> None:
    """A cache in front would follow the alias for every other type too."""
    query = ask(name, "DS")
    leading = answer_to(query, f"{name}. CNAME edge.example.", f"edge.example. DS 1 13 2 {'ab' * 32}")
    found = served.finish(pending(served, query), leading, False, [], NOW, 1000)
    assert isinstance(found, bytes)
    assert codes(found) == codes(receive(served, query)) == [code]
    assert not dns.message.from_wire(found).answer


def test_ds_of_a_rewritten_name_leads_to_the_safe_host(served: Plane) -> None:
    query = ask("search.example", "DS")
    leading = answer_to(query, "search.example. CNAME unsafe.example.")
    found = served.finish(pending(served, query), leading, False, [], NOW, 1000)
    assert isinstance(found, Pending)
    assert found.name == name_from_text("safe.example.net")


def test_an_address_behind_a_translator_is_judged_when_that_becomes_known(packets: Plane) -> None:
    state, lines, addresses = world().native, Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(7, policy=1, opted_in=True))
    addresses.set(bytes([127, 0, 0, 2]), 32, 7)
    packets.publish(state, lines, BindingTables(addresses), True)
    query = ask("example.org", "AAAA")
    answer = answer_to(query, "example.org. AAAA 2001:db8:64::192.0.2.66")
    packets.finish(pending(packets, query), answer, False, [], NOW, 1000)
    assert codes(receive(packets, query)) == []
    settings = StateSettings(nat64=(IPv6Network("2001:db8:64::/96"),))
    packets.publish(state.evolve(NOW, settings=settings), lines, BindingTables(addresses), True)
    assert codes(receive(packets, query)) == [17]
    assert codes(receive(packets, query, UNKNOWN)) == []
