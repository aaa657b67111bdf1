"""Queries and replies byte by byte, for forms that no library makes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype

from tests.evasion.form import Builder
from tests.evasion.scripted import Reply

RD = 0x0100
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
_LAST_ID = [1]


def packed(name: str) -> bytes:
    """A name's labels, in the letter case that it has."""
    return dns.name.from_text(name).to_wire() or b""


def number() -> int:
    """An id that is not the one before."""
    _LAST_ID[0] = _LAST_ID[0] % 65535 + 1
    return _LAST_ID[0]


def question(name: bytes, rtype: str = "A", rclass: int = 1) -> bytes:
    """An entry of the question section."""
    return name + struct.pack("!HH", dns.rdatatype.from_text(rtype), rclass)


def message(
    body: bytes, counts: Sequence[int] = (1, 0, 0, 1), flags: int = RD, opt: bytes = OPT, id: int = 0
) -> bytes:
    """A header and what follows it; ``opt`` stands last."""
    return struct.pack("!6H", id or number(), flags, *counts) + body + opt


def of_name(change: Callable[[str], bytes]) -> Builder:
    """Queries whose name is written by ``change``."""
    return lambda name, rtype: message(question(change(name), rtype))


def with_options(*options: tuple[int, bytes], size: int = 1232, flags: int = 0, version: int = 0) -> Builder:
    """Queries whose OPT has these options, with the flags of the OPT's TTL."""
    body = b"".join(struct.pack("!HH", code, len(content)) + content for code, content in options)
    opt = b"\0" + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(body)) + body
    return lambda name, rtype: message(question(packed(name), rtype), opt=opt)


def with_flags(flags: int, opt_flags: int = 0) -> Builder:
    """Queries with header flags and flags of the OPT."""
    opt = b"\0" + struct.pack("!HHHHH", 41, 1232, 0, opt_flags, 0)
    return lambda name, rtype: message(question(packed(name), rtype), flags=flags, opt=opt)


def without_edns(name: str, rtype: str) -> bytes:
    """Queries as old clients send them."""
    return dns.message.make_query(name, rtype, use_edns=False).to_wire()


Raw = tuple[str, str, bytes]
"""owner (``@`` for the name that was asked), type, rdata"""


def raw(*answer: Raw, additional: Sequence[Raw] = (), flags: int = 0x8180, question_count: int = 1) -> Reply:
    """A reply whose records are given as bytes."""

    def reply(query: dns.message.Message) -> bytes:
        asked = query.question[0]
        name = asked.name.to_wire() or b""

        def record(owner: str, rtype: str, rdata: bytes) -> bytes:
            where = packed(owner) if owner != "@" else b"\xc0\x0c" if question_count else name
            return where + struct.pack("!HHIH", dns.rdatatype.from_text(rtype), 1, 600, len(rdata)) + rdata

        counts = (question_count, len(answer), 0, len(additional))
        body = question(name, dns.rdatatype.to_text(asked.rdtype)) if question_count else b""
        records = b"".join(record(*each) for each in (*answer, *additional))
        return struct.pack("!6H", query.id, flags, *counts) + body + records

    return reply


def service(priority: int, target: str, *parameters: tuple[int, bytes]) -> bytes:
    """The rdata of an SVCB or HTTPS record, its parameters as they are given."""
    body = b"".join(struct.pack("!HH", key, len(value)) + value for key, value in parameters)
    return struct.pack("!H", priority) + packed(target) + body
