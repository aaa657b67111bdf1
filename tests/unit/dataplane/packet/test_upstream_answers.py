"""Upstreams' answers on their way to a client: what is passed on, kept for later, or refused."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import pytest

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.tables.addresses import Prefixes
from filterd.wire.ede import DANGLING_TEXT
from tests.unit.dataplane.conftest import SEED, Rules
from tests.unit.dataplane.packet.test_stages import CHILD, UNKNOWN, ask, publish, world
from tests.worlds.policy import NOW

ORDERED = "www.banned.example."
TICKS = 1000
LATER = TICKS + 5_000
"""ticks when answers are stale"""


@pytest.fixture
def served() -> Plane:
    """A plane whose cache keeps stale answers."""
    packets = Plane(Prefixes(SEED, ["127.0.0.0/8"]), ResponseCache(1 << 20, SEED), Rules())
    publish(packets, world())
    return packets


def upstream(
    query: bytes, answer: list[str], authority: list[str], additional: list[str], rcode: int = 0
) -> bytes:
    """An upstream's answer without OPT; a record is ``owner type data``."""
    made = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    made.use_edns(False)
    made.set_rcode(dns.rcode.Rcode(rcode))
    for section, texts in ((made.answer, answer), (made.authority, authority), (made.additional, additional)):
        for text in texts:
            owner, rtype, content = text.split(" ", 2)
            section.append(dns.rrset.from_text(owner, 600, "IN", rtype, content))
    return made.to_wire()


def finish(packets: Plane, query: bytes, message: bytes, client: bytes = UNKNOWN) -> dns.message.Message:
    """The answer to a client once the upstream has given that."""
    waiting = packets.receive(query, client, False, NOW, TICKS)
    assert isinstance(waiting, Pending)
    made = packets.finish(waiting, message, False, (), NOW, TICKS)
    assert isinstance(made, bytes)
    return dns.message.from_wire(made)


def again(
    packets: Plane, query: bytes, client: bytes = UNKNOWN, *, tcp: bool = False, ticks: int = TICKS
) -> dns.message.Message | None:
    """The answer out of the cache; None: an upstream is asked."""
    made = packets.receive(query, client, tcp, NOW, ticks)
    return dns.message.from_wire(made) if isinstance(made, bytes) else None


def errors(message: dns.message.Message) -> list[tuple[int, str | None]]:
    return [(int(each.code), each.text) for each in message.options if isinstance(each, dns.edns.EDEOption)]


@pytest.mark.parametrize(
    ("rtype", "content"),
    [
        ("MX", f"10 {ORDERED}"),
        ("NS", ORDERED),
        ("SRV", f"0 0 443 {ORDERED}"),
        ("NAPTR", f'1 1 "s" "x" "" {ORDERED}'),
    ],
)
@pytest.mark.parametrize("name", [ORDERED, "search.example."])
def test_nothing_hands_out_addresses_of_other_names(
    served: Plane, rtype: str, content: str, name: str
) -> None:
    """Of an ordered name, and of a search engine that this line sees by its safe host."""
    record = content.replace(ORDERED, name)
    extra = [f"{name} A 192.0.2.7", f"{name} AAAA 2001:db8::7", "other.example. A 192.0.2.8"]
    for options in ({}, {"want_dnssec": True}, {"flags": dns.flags.RD | dns.flags.CD}):
        query = ask("other.example", rtype, payload=1232, **options)
        message = upstream(query, [f"other.example. {rtype} {record}"], ["example. NS ns.example."], extra)
        first = finish(served, query, message, CHILD)
        for made in (first, again(served, query, CHILD), again(served, query, UNKNOWN, tcp=True)):
            assert made is not None
            assert [rrset.rdtype.name for rrset in made.answer] == [rtype]
            assert (made.authority, made.additional) == ([], [])


def test_of_any_nothing_but_its_own_records_is_passed_on(served: Plane) -> None:
    query = ask("other.example", "ANY")
    answer = [f"other.example. MX 10 {ORDERED}", f"{ORDERED} A 192.0.2.7"]
    made = finish(served, query, upstream(query, answer, [], [f"{ORDERED} A 192.0.2.7"]))
    assert [rrset.to_text() for rrset in made.answer] == [f"other.example. 600 IN MX 10 {ORDERED}"]
    assert (made.authority, made.additional) == ([], [])


def test_a_zone_tells_its_servers_and_no_addresses(served: Plane) -> None:
    query = ask("example", "NS")
    made = finish(
        served, query, upstream(query, ["example. NS ns.example."], [], ["ns.example. A 192.0.2.7"])
    )
    assert [str(rrset[0]) for rrset in made.answer] == ["ns.example."]
    assert made.additional == []


@pytest.mark.parametrize(
    ("answer", "authority", "rcode"),
    [
        ([], ["example. NS ns.example."], 0),
        (["other.example. A 192.0.2.7"], [], dns.rcode.NXDOMAIN),
        (["other.example. A 192.0.2.7"], [], dns.rcode.YXDOMAIN),
        ([], [], dns.rcode.NOTAUTH),
        ([], [], dns.rcode.REFUSED),
    ],
)
def test_what_is_no_answer_is_a_failure(
    served: Plane, answer: list[str], authority: list[str], rcode: int
) -> None:
    """And is kept as one, never as a denial."""
    query = ask("other.example")
    made = finish(served, query, upstream(query, answer, authority, [], rcode))
    for each in (made, again(served, query)):
        assert each is not None
        assert (each.rcode(), each.answer, each.authority) == (dns.rcode.SERVFAIL, [], [])
        assert errors(each) == [(23, None)]


def test_a_stale_answer_is_better_than_a_referral(served: Plane) -> None:
    query = ask("other.example")
    finish(served, query, upstream(query, ["other.example. A 192.0.2.7"], [], []))
    waiting = served.receive(query, UNKNOWN, False, NOW, LATER)
    assert isinstance(waiting, Pending)
    referral = upstream(query, [], ["example. NS ns.example."], [])
    made = served.finish(waiting, referral, False, (), NOW, LATER)
    assert isinstance(made, bytes)
    assert [str(rrset[0]) for rrset in dns.message.from_wire(made).answer] == ["192.0.2.7"]


def test_an_alias_that_leads_nowhere_says_so(served: Plane) -> None:
    query = ask("other.example")
    message = upstream(query, ["other.example. CNAME nothing.example."], [], [])
    made = finish(served, query, message)
    assert (made.rcode(), [rrset.ttl for rrset in made.answer]) == (dns.rcode.NOERROR, [30])
    assert errors(made) == [(0, DANGLING_TEXT.decode())]
    assert again(served, query) is None


def test_an_alias_that_leads_nowhere_is_judged_all_the_same(served: Plane) -> None:
    query = ask("other.example")
    made = finish(served, query, upstream(query, [f"other.example. CNAME {ORDERED}"], [], []))
    assert (made.rcode(), made.answer, errors(made)) == (dns.rcode.NOERROR, [], [(16, None)])


# ---- errors that are made here ----


def error_queries() -> dict[str, bytes]:
    """Queries that end in an error, by its rcode."""
    query = ask("other.example")
    return {
        "NOTIMP": bytes([*query[:2], query[2] | dns.opcode.STATUS << 3, *query[3:]]),
        "NOTIMP, no question": query[:2] + bytes([0x11, 0]) + bytes(8),
        "FORMERR": query[:20],
        "FORMERR, type 0": ask("other.example", "TYPE0"),
        "REFUSED": ask("other.example", "AXFR"),
        "REFUSED, class": ask("other.example", rdclass="CH"),
        "BADVERS": ask("other.example", use_edns=1),
    }


@pytest.mark.parametrize("kind", error_queries())
@pytest.mark.parametrize("checking_disabled", [False, True])
def test_errors_say_what_every_answer_says(served: Plane, kind: str, checking_disabled: bool) -> None:
    """RA is set; RD, CD and the opcode are echoed."""
    query = error_queries()[kind]
    query = query[:3] + bytes([query[3] | 0x10 * checking_disabled]) + query[4:]
    for tcp in (False, True):
        made = served.receive(query, UNKNOWN, tcp, NOW, TICKS)
        assert isinstance(made, bytes)
        read = dns.message.from_wire(made, question_only=True)
        assert (
            dns.rcode.to_text(read.rcode() if kind != "BADVERS" else dns.rcode.BADVERS) == kind.split(",")[0]
        )
        assert read.flags & dns.flags.RA
        assert read.flags & dns.flags.RD
        assert bool(read.flags & dns.flags.CD) == checking_disabled
        assert (made[2] ^ query[2]) & 0x78 == 0
