"""What the fuzz targets ``packet`` and ``lines`` start from, beside their corpus.

Each kind of query, and every listed name and address where a query or an answer may have it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address
from pathlib import Path

import dns.edns
import dns.message
import dns.rdatatype

from filterd.wire.names import name_from_text
from tests.fuzz.exchanges import AUTHENTIC, CLOSED, IMPATIENT, LATER, PROXIED, TCP, packed
from tests.fuzz.seeds import SOA, answer, answers, queries, query
from tests.fuzz.world import CLASSES, CLIENTS, NAMES, OWN, PREFIXES
from tests.worlds.inner_addresses import outer_addresses

LISTED = (*NAMES, *(name for name, *_ in OWN), "safe.example.net")
PROTECTED = "help.adult.example."
FORWARDER = 8
TIME = 6 << 5
"""enough for an answer to be stale"""


def _addresses() -> Iterator[tuple[str, str]]:
    """Type and one address of each listed prefix."""
    for prefix in PREFIXES:
        host = str(prefix.network_address + (1 if prefix.num_addresses > 1 else 0))
        if isinstance(prefix, IPv4Network):
            yield "A", host
            yield "AAAA", f"::ffff:{host}"
        else:
            yield "AAAA", host
    for outer in outer_addresses("192.0.2.99"):
        yield "AAAA", outer


def _answers() -> Iterator[tuple[str, str, list[str]]]:
    """Name, type and records of answers in which something listed stands."""
    plain = "www.example."
    for name in LISTED:
        yield f"www.{name}.", "A", [f"www.{name}. 300 IN A 192.0.2.1"]
        alias = [f"{plain} 900 IN CNAME {name}.", f"{name}. 900 IN A 192.0.2.1"]
        yield plain, "A", alias
        yield plain, "HTTPS", [f"{plain} 900 IN HTTPS 1 {name}. ipv4hint=192.0.2.1"]
        yield f"{name}.", "DS", [f"{name}. 300 IN DS 1 13 2 {'ab' * 32}"]
        yield f"www.{name}.", "DS", [f"www.{name}. 300 IN DS 1 13 2 {'ab' * 32}"]
        chain = [f"{PROTECTED} 900 IN CNAME {name}.", f"{name}. 900 IN A 192.0.2.99"]
        yield PROTECTED, "A", chain
        yield plain, "A", [f"{plain} 900 IN CNAME {PROTECTED}", *chain]
    for kind, address in _addresses():
        yield plain, kind, [f"{plain} 900 IN {kind} {address}"]
        hint = "ipv4hint" if kind == "A" else "ipv6hint"
        yield plain, "SVCB", [f"{plain} 900 IN SVCB 1 . {hint}={address}"]
        yield "www.search.example.", kind, [f"www.search.example. 900 IN {kind} {address}"]


def _cookies() -> Iterator[bytes]:
    """Queries for a server cookie, without a question (RFC 7873 section 5.4)."""
    for cookie in (bytes(8), bytes(24)):
        options = [dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie)]
        message = query(use_edns=0, options=list[dns.edns.Option](options))
        message.question = []
        yield message.to_wire()


def _pairs() -> Iterator[int]:
    """Who: every client, after one that it may differ from."""
    for number in range(len(CLIENTS)):
        yield number << 4 | number + 1
        yield number << 4


def seeds() -> Iterator[bytes]:
    """Inputs, the same in each run."""
    pairs = list(_pairs())
    yield from _listed(pairs)
    yield from _safe_hosts(pairs)
    yield from _plain(pairs)


def _listed(pairs: list[int]) -> Iterator[bytes]:
    """Something listed, in a query or an answer, on each state."""
    for at, (name, kind, records) in enumerate(_answers()):
        asked = query(name, kind, use_edns=0, want_dnssec=bool(at % 3)).to_wire()
        said = answer(name, kind, records).to_wire()
        for turn, how in enumerate((TCP, 0, LATER, AUTHENTIC, (CLOSED, CLOSED | LATER)[at % 2])):
            yield packed(asked, said, how, pairs[(at + 7 * turn) % len(pairs)])


def _safe_hosts(pairs: list[int]) -> Iterator[bytes]:
    """A safe host's answers that lead on to a listed name or address, an engine's name before it.

    Names are spelt out, since the question in front of them becomes another, longer or shorter one.
    """
    asked = query("www.search.example.", "A", use_edns=0).to_wire()
    engine = name_from_text("search.example")
    for address in (each for kind, each in _addresses() if kind == "A"):
        records = _record(b"\xc0\x0c", 5, engine) + _record(engine, 1, ip_address(address).packed)
        said = asked[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + asked[12:-11] + records
        for how in (TCP, 0, LATER):
            yield from (packed(asked, said, how, pair) for pair in pairs[2:4])
    for name in LISTED:
        target = name_from_text(name)
        records = _record(b"\xc0\x0c", 5, engine) + _record(engine, 5, target)
        said = asked[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + asked[12:-11] + records
        yield packed(asked, said, 0, pairs[3])


def _record(owner: bytes, kind: int, content: bytes) -> bytes:
    """A record of class IN, for 900 seconds."""
    return owner + struct.pack("!HHIH", kind, 1, 900, len(content)) + content


def _plain(pairs: list[int]) -> Iterator[bytes]:
    """Each kind of answer and of query, cookies and subnets among them."""
    for at, (slug, said) in enumerate(answers().items()):
        question = dns.message.from_wire(said, ignore_trailing=True).question[0]
        found = query(question.name.to_text(), dns.rdatatype.to_text(question.rdtype)).to_wire()
        for how in (0, TIME | IMPATIENT, TIME | TCP):
            yield packed(found, said, how, pairs[at % len(pairs)])
        yield packed(found, None, len(slug) & TCP)
    plain = answer("www.example.", "A", ["www.example. 9 IN A 192.0.2.1"], authority=(SOA,)).to_wire()
    for wire in (*queries().values(), *_cookies()):
        yield packed(wire, plain)
    for client in CLIENTS:
        four = client[:12] == bytes(10) + b"\xff\xff"
        text = ".".join(map(str, client[12:])) if four else "2001:db8:1::1"
        subnet = dns.edns.ECSOption(text, 32 if four else 128)
        asked = query("denied.example.", use_edns=0, options=[subnet]).to_wire()
        yield packed(asked, plain, 0, FORWARDER)
        yield packed(asked, plain, PROXIED, FORWARDER << 4 | FORWARDER)


def dictionary() -> str:
    """What libFuzzer puts in: listed names and addresses as they stand in a message."""
    targets = [entry.target for entry in CLASSES.lists if entry.target]
    words = [name_from_text(name) for name in (*LISTED, *targets)]
    words += [prefix.network_address.packed for prefix in PREFIXES]
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in words)
    return "".join(f"{line}\n" for line in lines)


def write(folder: Path) -> None:
    """Put the inputs in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (folder / f"seed-{number:04}").write_bytes(content)
