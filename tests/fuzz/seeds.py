"""The seeds of the packet corpus: one message of each kind that clients and upstreams send, and crafted lies.

``python -m tests.fuzz.seeds`` (from the repository's root) writes them to ``tests/fuzz/corpus``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

CORPUS = Path(__file__).parent / "corpus"
LONG_NAME = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
MANY_LABELS = ".".join("x" * 127)

QUERY_NAMES = {
    "root": ".",
    "mixed-case": "WwW.ExAmPle.CoM.",
    "long": LONG_NAME + ".",
    "labels": MANY_LABELS + ".",
    "octets": "\\000\\255\\046\\092.example.",
}
ECH_CONFIGS = "AAz+DQAIZWNoLWtleXM="
"""a list of one configuration"""
ANSWERS = {
    "a": ("www.example.", "A", ["www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2"]),
    "aaaa": ("www.example.", "AAAA", ["www.example. 60 IN AAAA 2001:db8::1"]),
    "cname": (
        "www.example.",
        "A",
        ["www.example. 5 IN CNAME a.cdn.example.net.", "a.cdn.example.net. 30 IN A 192.0.2.3"],
    ),
    "dname": (
        "a.old.example.",
        "A",
        ["old.example. 60 IN DNAME new.example.", "a.old.example. 0 IN CNAME a.new.example."],
    ),
    "https": (
        "www.example.",
        "HTTPS",
        [
            'www.example. 300 IN HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1',
            "www.example. 300 IN HTTPS 0 alias.example.",
        ],
    ),
    "ech": (
        "www.example.",
        "HTTPS",
        [
            f"www.example. 300 IN HTTPS 1 . alpn=h2 ech={ECH_CONFIGS} ipv6hint=2001:db8::1",
            f"www.example. 300 IN HTTPS 2 other.example. mandatory=ech ech={ECH_CONFIGS}",
        ],
    ),
    "svcb": ("_dns.example.", "SVCB", ["_dns.example. 300 IN SVCB 1 dns.example. ipv6hint=2001:db8::2"]),
    "mx": ("example.", "MX", ["example. 300 IN MX 10 mail.example.", "example. 300 IN MX 20 mail2.example."]),
    "txt": ("example.", "TXT", ['example. 300 IN TXT "one" "two" ""']),
    "srv": ("_sip._tcp.example.", "SRV", ["_sip._tcp.example. 9 IN SRV 1 2 5060 sip.example."]),
    "naptr": ("example.", "NAPTR", ['example. 9 IN NAPTR 1 2 "s" "SIP+D2U" "" _sip._udp.example.']),
    "soa": ("example.", "SOA", ["example. 9 IN SOA ns.example. host.example. 1 2 3 4 5"]),
    "ns": ("example.", "NS", ["example. 9 IN NS ns1.example.", "example. 9 IN NS ns2.example."]),
    "ptr": ("1.2.0.192.in-addr.arpa.", "PTR", ["1.2.0.192.in-addr.arpa. 9 IN PTR www.example."]),
    "caa": ("example.", "CAA", ['example. 9 IN CAA 0 issue "ca.example"']),
    "rrsig": (
        "www.example.",
        "A",
        [
            "www.example. 300 IN A 192.0.2.1",
            "www.example. 300 IN RRSIG A 8 2 300 20300101000000 20200101000000 1 example. AAAAAAAAAAA=",
        ],
    ),
    "nsec": ("example.", "NSEC", ["example. 9 IN NSEC a.example. A NS SOA RRSIG NSEC"]),
    "unknown": ("example.", "TYPE65280", ["example. 9 IN TYPE65280 \\# 4 0a000001"]),
}
QUESTION = b"\x03www\x07example\x00\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
TSIG = b"\x03key\xc0\x10\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x11" + bytes(17)
SOA = "example. 3600 IN SOA ns.example. host.example. 1 7200 3600 1209600 300"


def _header(flags: int, *counts: int) -> bytes:
    return struct.pack("!HHHHHH", 0x1234, flags, *counts)


def query(name: str = "www.example.", rdtype: str = "A", **settings: Any) -> dns.message.Message:
    """A query with id 0x1234."""
    message = dns.message.make_query(name, rdtype, **settings)
    message.id = 0x1234
    return message


def answer(
    name: str, rdtype: str, records: list[str], *, authority: tuple[str, ...] = ()
) -> dns.message.Message:
    """An answer to a query for that name; records as in a zone file, names absolute."""
    message = dns.message.make_response(
        query(name, rdtype, use_edns=0, want_dnssec=True), recursion_available=True
    )
    for section, lines in ((message.answer, records), (message.authority, authority)):
        for line in lines:
            owner, ttl, rclass, kind, content = line.split(" ", 4)
            section.append(dns.rrset.from_text(owner, int(ttl), rclass, kind, content))
    return message


def queries() -> dict[str, bytes]:
    """Well-formed queries."""
    subnet = dns.edns.ECSOption("192.0.2.0", 24)
    cookie, unknown = dns.edns.OptionType.COOKIE, dns.edns.OptionType.make(65001)
    options = [
        dns.edns.GenericOption(cookie, bytes(range(8))),
        subnet,
        dns.edns.GenericOption(unknown, b"\1\2\3"),
    ]
    made = {f"query-{slug}": query(name) for slug, name in QUERY_NAMES.items()}
    made["query-edns"] = query(use_edns=0, payload=4096, want_dnssec=True)
    made["query-options"] = query(use_edns=0, options=options)
    made["query-cookie-both"] = query(use_edns=0, options=[dns.edns.GenericOption(cookie, bytes(24))])
    made["query-subnet6"] = query(use_edns=0, options=[dns.edns.ECSOption("2001:db8::", 56)])
    made["query-version1"] = query(use_edns=1)
    made["query-chaos"] = query("id.server.", "TXT", rdclass="CH")
    made["query-any"] = query(rdtype="ANY")
    found = {slug: message.to_wire() for slug, message in made.items()}
    found["query-tsig"] = _header(0x0100, 1, 0, 0, 2) + QUESTION + OPT + TSIG
    return found


def answers() -> dict[str, bytes]:
    """Well-formed answers of upstreams."""
    found = {f"answer-{slug}": answer(*parts).to_wire() for slug, parts in ANSWERS.items()}
    nodata = answer("www.example.", "AAAA", [], authority=(SOA,))
    found["answer-nodata"] = nodata.to_wire()
    nxdomain = answer("no.example.", "A", [], authority=(SOA,))
    nxdomain.set_rcode(dns.rcode.NXDOMAIN)
    found["answer-nxdomain"] = nxdomain.to_wire()
    failed = answer("www.example.", "A", [])
    failed.set_rcode(dns.rcode.SERVFAIL)
    unreachable, unsigned = dns.edns.EDECode.NO_REACHABLE_AUTHORITY, dns.edns.EDECode.DNSKEY_MISSING
    errors: list[dns.edns.Option] = [
        dns.edns.EDEOption(unreachable, "no reachable authority"),
        dns.edns.EDEOption(unsigned),
    ]
    failed.use_edns(0, options=errors)
    found["answer-ede"] = failed.to_wire()
    badvers = answer("www.example.", "A", [])
    badvers.set_rcode(dns.rcode.BADVERS)
    found["answer-badvers"] = badvers.to_wire()
    large = [f"www.example. 300 IN A 192.0.2.{n}" for n in range(1, 120)]
    found["answer-large"] = answer("www.example.", "A", large).to_wire(max_size=65535)
    for count in (143, 144, 1000):  # at the bound of effort, above it, and far above
        hints = ",".join(f"10.0.{n // 250}.{n % 250}" for n in range(count))
        service = answer("www.example.", "HTTPS", [f"www.example. 300 IN HTTPS 1 . ipv4hint={hints}"])
        found[f"answer-hints-{count}"] = service.to_wire(max_size=65535)
    return found


def pointer_chain(hops: int) -> bytes:
    """An answer whose second owner takes this many pointers to read, from the first record's data."""
    start = 12 + len(QUESTION) + 11
    chain = b"\xc0\x0c" + b"".join(struct.pack("!H", 0xC000 | start + 2 * n) for n in range(hops - 2))
    first = b"\x00\xff\x00\x00\x01\x00\x00\x00\x3c" + struct.pack("!H", len(chain)) + chain
    owner = struct.pack("!H", 0xC000 | start + 2 * (hops - 2))
    second = owner + b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
    return _header(0x8180, 1, 2, 0, 0) + QUESTION + first + second


def lies() -> dict[str, bytes]:
    """Crafted packets: each breaks one rule."""
    www = QUESTION + b"\xc0\x0c"
    return {
        "lie-empty": b"",
        "lie-short-header": b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00",
        "lie-header-alone": _header(0x0100, 1, 0, 0, 0),
        "lie-no-question": _header(0x0100, 0, 0, 0, 0),
        "lie-two-questions": _header(0x0100, 2, 0, 0, 0) + QUESTION * 2,
        "lie-answer-in-query": _header(0x0100, 1, 1, 0, 0) + QUESTION + b"\xc0\x0c" + bytes(10),
        "lie-authority-in-query": _header(0x0100, 1, 0, 1, 0) + QUESTION + b"\xc0\x0c" + bytes(10),
        "lie-self-pointer": _header(0x0100, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01",
        "lie-forward-pointer": _header(0x0100, 1, 0, 0, 0) + b"\xc0\x12\x00\x01\x00\x01\x00",
        "lie-header-pointer": _header(0x0100, 1, 0, 0, 0) + b"\xc0\x04\x00\x01\x00\x01",
        "lie-half-pointer": _header(0x0100, 1, 0, 0, 0) + b"\x03www\xc0",
        "lie-label-type-01": _header(0x0100, 1, 0, 0, 0) + b"\x41" + b"a" * 65 + b"\x00\x00\x01\x00\x01",
        "lie-label-type-10": _header(0x0100, 1, 0, 0, 0) + b"\x80\x00\x00\x01\x00\x01",
        "lie-name-256": _header(0x0100, 1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",
        "lie-label-overrun": _header(0x0100, 1, 0, 0, 0) + b"\x3fwww",
        "lie-two-opts": _header(0x0100, 1, 0, 0, 2) + QUESTION + OPT * 2,
        "lie-opt-owner": _header(0x0100, 1, 0, 0, 1) + QUESTION + b"\xc0\x0c" + OPT[1:],
        "lie-opt-overrun": _header(0x0100, 1, 0, 0, 1) + QUESTION + OPT[:-1] + b"\x08\x00\x0a\x00\x40",
        "lie-option-overrun": _header(0x0100, 1, 0, 0, 1) + QUESTION + OPT[:-1] + b"\x04\x00\x0a\x00\x40",
        "lie-cookie-length": _header(0x0100, 1, 0, 0, 1) + QUESTION + OPT[:-1] + b"\x05\x00\x0a\x00\x01\x00",
        "lie-subnet-bits": (
            _header(0x0100, 1, 0, 0, 1)
            + QUESTION
            + OPT[:-1]
            + b"\x0b\x00\x08\x00\x07\x00\x01\x14\x00\x0a\x00\xff"
        ),
        "lie-record-count": _header(0x0100, 1, 0, 0, 9) + QUESTION + OPT,
        "lie-trailing": _header(0x0100, 1, 0, 0, 0) + QUESTION + b"trailing",
        "lie-update": _header(0x2800, 1, 0, 1, 0) + QUESTION,
        "lie-notify": _header(0x2000, 1, 0, 0, 0) + QUESTION,
        "lie-opcode-15": _header(0x7800, 1, 0, 0, 0) + QUESTION,
        "lie-answer-to-nothing": _header(0x8180, 0, 0, 0, 0),
        "lie-answer-opt-in-answer": _header(0x8180, 1, 1, 0, 0) + QUESTION + OPT,
        "lie-answer-ttl-top-bit": (
            _header(0x8180, 1, 1, 0, 0) + www + b"\x00\x01\x00\x01\x80\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"
        ),
        "lie-answer-a-length": (
            _header(0x8180, 1, 1, 0, 0) + www + b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x03\x0a\x00\x00"
        ),
        "lie-answer-cname-overrun": (
            _header(0x8180, 1, 1, 0, 0) + www + b"\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\x03a"
        ),
        "lie-answer-pointer-chain": pointer_chain(17),
        "lie-answer-name-in-a-time": (
            _header(0x8180, 1, 2, 0, 0)
            + www
            + b"\x00\x01\x00\x01\x00\x02\x61\x62\x00\x04\x00\x00\x00\x00"
            + b"\xc0\x24\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"
        ),
        "lie-answer-name-inside-a-label": (
            _header(0x8180, 1, 1, 0, 0)
            + b"\x3f"
            + b"a" * 52
            + b"\x01x\x00"
            + b"a" * 8
            + b"\x05\x01\x01\x01\xc0A\x00\x00\x01\x00\x01"
            + b"\xc0\x4e\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"
        ),
        "lie-answer-opt-first": (
            _header(0x8180, 1, 0, 0, 3)
            + QUESTION
            + OPT
            + b"\x03cdn\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"
            + b"\xc0\x28\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x28"
        ),
        "lie-answer-svcb-order": (
            _header(0x8180, 1, 1, 0, 0)
            + QUESTION[:-4]
            + b"\x00\x41\x00\x01\xc0\x0c\x00\x41\x00\x01\x00\x00\x00\x3c\x00\x13\x00\x01\x00"
            + b"\x00\x04\x00\x04\x0a\x00\x00\x01\x00\x04\x00\x04\x0a\x00\x00\x02"
        ),
        "lie-answer-ech-alias": (
            _header(0x8180, 1, 1, 0, 0)
            + QUESTION[:-4]
            + b"\x00\x41\x00\x01\xc0\x0c\x00\x41\x00\x01\x00\x00\x00\x3c\x00\x0a\x00\x00\x01x\x00"
            + b"\x00\x05\x00\x01a"
        ),
        "lie-answer-ech-twice": (
            _header(0x8180, 1, 1, 0, 0)
            + QUESTION[:-4]
            + b"\x00\x41\x00\x01\xc0\x0c\x00\x41\x00\x01\x00\x00\x00\x3c\x00\x0d\x00\x01\x00"
            + b"\x00\x05\x00\x01a\x00\x05\x00\x01b"
        ),
        "lie-answer-ede-text": (
            _header(0x8182, 1, 0, 0, 1) + QUESTION + OPT[:-1] + b"\x08\x00\x0f\x00\x04\x00\x16\xff\xfe"
        ),
    }


def all_seeds() -> dict[str, bytes]:
    """Slug -> packet."""
    return {**queries(), **answers(), **lies()}


def main() -> None:
    """Writes the corpus."""
    CORPUS.mkdir(exist_ok=True)
    for slug, packet in all_seeds().items():
        (CORPUS / f"{slug}.bin").write_bytes(packet)


if __name__ == "__main__":
    main()
