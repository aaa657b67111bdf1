"""The plain core of a query: the native reading and its twin agree on anything."""

from __future__ import annotations

import random

import dns.message
import dns.rcode
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.packet import plain, plain_reference
from filterd.wire import codec
from filterd.wire.status import Status
from tests.fuzz.packets import SEED, corpus, mutate
from tests.fuzz.seeds import OPT, QUESTION, query

MUTATED = 5000


def both(packet: bytes) -> tuple[int, bytes, int]:
    found = plain.plain_of(packet)
    assert found == plain_reference.plain_of(packet), packet.hex()
    return found


def check(packet: bytes) -> None:
    """The parser takes each plain query; a refusal is an answer, and never longer than its query."""
    status, made, question = both(packet)
    if status == plain_reference.QUERY:
        parsed = codec.parse(made)
        assert not isinstance(parsed, Status)
        assert parsed.question == packet[12 : 12 + question]
        assert parsed.client_subnet is None
    elif status == plain_reference.REFUSED:
        assert len(made) <= len(packet)
        assert made[2] & 0x80
        assert made[3] == 0x80 | packet[3] & 0x10 | (4 if packet[2] & 0x78 else 5)
        assert made[2] & 0x79 == packet[2] & 0x79
        assert made[:2] == packet[:2]
        assert codec.records(made) == []
    else:
        assert made == b""


@given(st.binary(max_size=60), st.integers(0, 2))
def test_any_bytes(tail: bytes, additional: int) -> None:
    check(tail)
    check(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00" + bytes([additional]) + QUESTION + tail)
    check(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + QUESTION + OPT[:-2] + tail)


def test_corpus_and_mutations() -> None:
    rng = random.Random(SEED)
    seeds = list(corpus().values())
    for packet in seeds:
        for length in range(len(packet) + 1):
            check(packet[:length])
    for _ in range(MUTATED):
        check(mutate(rng, rng.choice(seeds)))


def test_what_clients_send_is_plain() -> None:
    seeds = corpus()
    for name in ("query-root", "query-mixed-case", "query-octets", "query-edns", "query-cookie-both"):
        assert both(seeds[name])[0] == plain_reference.QUERY, name
    for rtype in ("A", "AAAA", "HTTPS", "MX", "PTR", "TXT", "DS"):
        assert both(query(rdtype=rtype).to_wire())[0] == plain_reference.QUERY


def test_size_and_do_stay_and_options_go() -> None:
    _, made, _ = both(query(use_edns=0, payload=4096, want_dnssec=True).to_wire())
    read = dns.message.from_wire(made)
    assert (read.payload, bool(read.ednsflags & 0x8000), read.options) == (4096, True, ())
    _, made, _ = both(corpus()["query-cookie-both"])
    assert dns.message.from_wire(made).options == ()


def test_a_client_subnet_an_odd_type_and_a_long_packet_are_refused() -> None:
    seeds = corpus()
    odd = [query(rdtype="TYPE65280").to_wire(), query(rdtype="A", rdclass="CH").to_wire()]
    odd += [
        seeds["query-subnet6"],
        seeds["query-tsig"],
        seeds["query-version1"],
        seeds["query-any"],
        seeds["lie-update"],
    ]
    odd.append(query(use_edns=0, pad=600).to_wire())
    for packet in odd:
        status, made, _ = both(packet)
        assert status == plain_reference.REFUSED
        assert made[3] & 15 == (dns.rcode.NOTIMP if packet[2] & 0x78 else dns.rcode.REFUSED)
