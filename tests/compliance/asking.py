"""How cases write their queries: raw where a client library would not do it, else by dnspython."""

from __future__ import annotations

import struct

import dns.edns
import dns.message
import dns.name
import dns.rdatatype

from tests.compliance.case import ID

RD, CD, AD = 0x0100, 0x0010, 0x0020
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, DNAME, OPT, DS, HTTPS, ANY = (
    1,
    2,
    5,
    6,
    12,
    15,
    16,
    28,
    39,
    41,
    43,
    65,
    255,
)
DO = 0x8000


def wire_name(text: str) -> bytes:
    """An uncompressed name, letter case kept; the final dot may be left out."""
    wire = dns.name.from_text(text).to_wire()
    assert wire is not None
    return wire


def question(name: str | bytes, qtype: int = A, qclass: int = 1) -> bytes:
    """One question; a name given as bytes is taken as it is."""
    owner = name if isinstance(name, bytes) else wire_name(name)
    return owner + struct.pack("!HH", qtype, qclass)


def opt(
    options: bytes = b"",
    *,
    size: int = 1232,
    version: int = 0,
    flags: int = 0,
    extended: int = 0,
    owner: bytes = b"\0",
) -> bytes:
    """An OPT record (RFC 6891 §6.1.2)."""
    ttl = extended << 24 | version << 16 | flags
    return owner + struct.pack("!HHIH", OPT, size, ttl, len(options)) + options


def option(code: int, content: bytes = b"") -> bytes:
    """One option of an OPT record."""
    return struct.pack("!HH", code, len(content)) + content


def message(
    *questions: bytes,
    flags: int = RD,
    additional: tuple[bytes, ...] = (),
    answers: tuple[bytes, ...] = (),
    authority: tuple[bytes, ...] = (),
    number: int = ID,
    counts: tuple[int, int, int, int] | None = None,
) -> bytes:
    """A message of these parts; ``counts`` says others than there are."""
    real = (len(questions), len(answers), len(authority), len(additional))
    header = struct.pack("!HHHHHH", number, flags, *(counts or real))
    return header + b"".join((*questions, *answers, *authority, *additional))


def ask(
    name: str | bytes,
    qtype: int = A,
    qclass: int = 1,
    *,
    flags: int = RD,
    edns: bytes | None = None,
    number: int = ID,
) -> bytes:
    """An ordinary query; ``edns`` is an OPT record."""
    extra = () if edns is None else (edns,)
    return message(question(name, qtype, qclass), flags=flags, additional=extra, number=number)


def framed(*messages: bytes) -> bytes:
    """Messages as TCP carries them (RFC 1035 §4.2.2)."""
    return b"".join(struct.pack("!H", len(packet)) + packet for packet in messages)


def record(name: str | bytes, rtype: int, data: bytes, ttl: int = 60, rclass: int = 1) -> bytes:
    """A resource record."""
    owner = name if isinstance(name, bytes) else wire_name(name)
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data
